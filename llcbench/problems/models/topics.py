"""Stochastic and nonnegative matrix factorisation: topics and counts."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from llcbench.problems.models.assemble import check_size, model_problem
from llcbench.problems.models.likelihood import Array, Likelihood
from theory.combine import equivalent
from theory.families import lda, nmf_positive


@final
@dataclass(frozen=True)
class Topics:
    """Latent Dirichlet allocation: words have the distribution ``(A B)[:, document]``.

    The columns of A (topics) and B (documents) are softmax of free logits whose last one is 0, so
    every parameter is an inner point of the simplices. Documents are equally likely. An observation
    is the pair of a word and a document.

    Attributes:
        words: M.
        documents: N.
        topics: H.
        rank: Rank of the true matrix of word probabilities.
    """

    words: int
    documents: int
    topics: int
    rank: int

    @property
    def dim(self) -> int:
        """``H (M - 1) + N (H - 1)``."""
        return self.topics * (self.words - 1) + self.documents * (self.topics - 1)

    def point(self) -> Array:
        """Return factors of the rank of their product: ``rank - 1`` columns stand out in each."""
        left = np.zeros((self.words - 1, self.topics))
        right = np.zeros((self.topics - 1, self.documents))
        for k in range(self.rank - 1):
            left[k, k] = right[k, k] = 1.0
        return np.concatenate([left.ravel(), right.ravel()])

    def factors(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Return A ``(chains, M, H)`` and B ``(chains, H, N)``."""
        cut = self.topics * (self.words - 1)
        left = theta[:, :cut].reshape(-1, self.words - 1, self.topics)
        right = theta[:, cut:].reshape(-1, self.topics - 1, self.documents)
        return _columns(left), _columns(right)

    def log_density(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the log probability of (word, document)."""
        left, right = self.factors(theta)
        logs = (left @ right).log().flatten(1) - math.log(self.documents)
        index: Tensor = (x[..., 0] * self.documents + x[..., 1]).long()
        chains = max(len(logs), len(index))
        return logs.expand(chains, -1).gather(1, index.expand(chains, -1))

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Return all pairs with their true probabilities."""
        pairs = torch.cartesian_prod(torch.arange(self.words), torch.arange(self.documents))
        left, right = self.factors(torch.from_numpy(self.point()).unsqueeze(0))
        return pairs.double(), (left @ right)[0].flatten() / self.documents

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw documents and a word of each."""
        x, weights = self.nodes()
        return x[torch.multinomial(weights, count, replacement=True, generator=rng)]


@final
@dataclass(frozen=True)
class PoissonFactors:
    """Counts ``Y ~ Poisson(A B)`` with ``A = exp(a)``, ``B = exp(b)`` entrywise.

    Attributes:
        rows: M.
        columns: N.
        inner: H.
        rank: Rank of the true rates, which have positive factors with that inner dimension.
    """

    rows: int
    columns: int
    inner: int
    rank: int

    @property
    def dim(self) -> int:
        """``(M + N) H``."""
        return (self.rows + self.columns) * self.inner

    def point(self) -> Array:
        """Return factors of the rank of their product; repeated columns split one of them."""
        left = np.zeros((self.rows, self.inner))
        right = np.zeros((self.inner, self.columns))
        for k in range(self.inner):
            kept = min(k, self.rank - 1)
            left[kept, k] = right[k, kept] = np.log(2.0)
        return np.concatenate([left.ravel(), right.ravel()])

    def rates(self, theta: Tensor) -> Tensor:
        """Return ``A B``, ``(chains, M N)``."""
        cut = self.rows * self.inner
        left = theta[:, :cut].reshape(-1, self.rows, self.inner).exp()
        right = theta[:, cut:].reshape(-1, self.inner, self.columns).exp()
        return (left @ right).flatten(1)

    def log_density(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the log probability of a matrix of counts."""
        rates = self.rates(theta).unsqueeze(1)
        return (x * rates.log() - rates - torch.lgamma(x + 1)).sum(2)

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Return the true rates: the log density is linear in the counts but for a constant."""
        rates = self.rates(torch.from_numpy(self.point()).unsqueeze(0))
        return rates, rates.new_ones(1)

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw counts at the true rates."""
        rates = self.rates(torch.from_numpy(self.point()).unsqueeze(0))
        return torch.poisson(rates.expand(count, -1), generator=rng)


def _columns(logits: Tensor) -> Tensor:
    """Return the softmax of every column, with a last logit of 0."""
    full = torch.cat([logits, torch.zeros_like(logits[:, :1])], dim=1)
    return torch.softmax(full, dim=1)


def _lda(identifier: str, words: int, documents: int, topics: int, rank: int) -> Likelihood:
    check_size(identifier, max(words, documents, topics), 2, 20)
    lda(words, documents, topics, rank)
    model = Topics(words, documents, topics, rank)
    return model_problem(
        identifier, model,
        lambda: equivalent(
            lda(words, documents, topics, rank),
            "softmax is a chart of the open simplices, and both factors have the rank of the truth",
        ),
        "attained where both factors have the rank of the truth, as here",
        f"p(word | document) = (A B)[word, document], stochastic A, B, {words} words,"
        f" {documents} documents, {topics} topics, true rank {rank}",
        "Redundant topics: the factors mix and shrink together.",
        point=model.point(),
    )  # fmt: skip


def _nmf(identifier: str, rows: int, columns: int, inner: int, rank: int) -> Likelihood:
    check_size(identifier, max(rows, columns, inner), 1, 20)
    nmf_positive(rows, columns, inner, rank)
    model = PoissonFactors(rows, columns, inner, rank)
    return model_problem(
        identifier, model,
        lambda: equivalent(
            nmf_positive(rows, columns, inner, rank),
            "exp is a chart of the open orthant, and Poisson rates are identified: K ~ |A B - C|^2",
        ),
        "attained where both factors have the rank of the truth, as here",
        f"Y ~ Poisson(exp(a) exp(b)), {rows} x {columns} counts, inner dimension {inner},"
        f" true rank {rank}",
        "Redundant positive terms: they cannot cancel, but they can be mixed.",
        point=model.point(),
    )  # fmt: skip


MAKERS = {
    r"lda-(\d+)-(\d+)-(\d+)-(\d+)": _lda,
    r"nmf-(\d+)-(\d+)-(\d+)-(\d+)": _nmf,
}
NAMED = (
    "lda-2-2-2-1",
    "lda-3-3-2-1",
    "lda-3-3-2-2",
    "lda-4-4-3-1",
    "nmf-2-2-1-1",
    "nmf-2-2-2-1",
    "nmf-3-3-2-1",
    "nmf-3-3-3-2",
)
