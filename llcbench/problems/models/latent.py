"""Models with hidden binary units: naive Bayes with a learned class, Boltzmann machines."""

from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from llcbench.problems.models.assemble import at_point, check_size, model_problem
from llcbench.problems.models.likelihood import Array, Likelihood
from theory.coefficient import RLCT
from theory.combine import direct_sum, equivalent
from theory.families import monomial_ideal, naive_bayes, rbm_one_hidden, regular


@final
@dataclass(frozen=True)
class Bayes:
    """A hidden binary class with learned probability and n binary features.

    ``P(z = 1) = sigmoid(t)``, ``logit P(x_i = 1 | z) = c_i + z d_i``; parameters
    ``(t, c_1..c_n, d_1..d_n)``.

    Attributes:
        features: n.
        dependent: How many features depend on the class in truth.
    """

    features: int
    dependent: int

    @property
    def dim(self) -> int:
        """Two per feature and the class."""
        return 2 * self.features + 1

    def point(self) -> Array:
        """Return a class of probability 1/3 and effects of size one."""
        effects = np.arange(self.features) < self.dependent
        return np.concatenate([[-np.log(2.0)], np.zeros(self.features), effects.astype(float)])

    def log_density(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the log probability of a vector of bits."""
        centre = theta[:, None, 1 : self.features + 1]
        effect = theta[:, None, self.features + 1 :]
        signs = 2 * x - 1
        absent = logsigmoid(-theta[:, :1]) + logsigmoid(signs * centre).sum(2)
        present = logsigmoid(theta[:, :1]) + logsigmoid(signs * (centre + effect)).sum(2)
        return torch.logaddexp(absent, present)

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Return all states with their true probabilities."""
        states = torch.tensor(list(product((0.0, 1.0), repeat=self.features)), dtype=torch.float64)
        reference = torch.from_numpy(self.point()).unsqueeze(0)
        weights = self.log_density(reference, states.unsqueeze(0))[0].exp()
        return states, weights / weights.sum()

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw states from the true distribution."""
        states, weights = self.nodes()
        return states[torch.multinomial(weights, count, replacement=True, generator=rng)]


@final
@dataclass(frozen=True)
class Boltzmann:
    """``p(x) ~ exp(b . x) cosh(w . x)`` on {-1, 1}^n: one hidden unit; truth uniform.

    Parameters ``(w_1..w_n)``, then ``(b_1..b_n)`` if there are biases.

    Attributes:
        visible: n.
        biased: Whether the visible units have biases.
    """

    visible: int
    biased: bool

    @property
    def dim(self) -> int:
        """One or two per visible unit."""
        return self.visible * (1 + self.biased)

    def log_density(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the log probability of a vector of signs."""
        states = self.nodes()[0].to(theta.dtype).unsqueeze(0)
        return self._energy(theta, x) - self._energy(theta, states).logsumexp(1, keepdim=True)

    def _energy(self, theta: Tensor, x: Tensor) -> Tensor:
        field = (x * theta[:, None, : self.visible]).sum(2)
        even = torch.logaddexp(field, -field)
        return even + (x * theta[:, None, self.visible :]).sum(2) if self.biased else even

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Return all states with equal weights."""
        states = torch.tensor(list(product((-1.0, 1.0), repeat=self.visible)), dtype=torch.float64)
        return states, states.new_full((len(states),), 1.0 / len(states))

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw fair signs."""
        return 2.0 * torch.randint(2, (count, self.visible), generator=rng).double() - 1.0


def _bayes(identifier: str, features: int, dependent: int) -> Likelihood:
    check_size(identifier, features, 2, 10)
    check_size(identifier, dependent, 0, features)
    if dependent == 1:
        raise ValueError(f"{identifier!r}: one dependent feature is not seen; take 0, 2 or more")
    model = Bayes(features, dependent)
    return model_problem(
        identifier, model, lambda: _strata(features, dependent),
        "over classes of positive probability; attained at this point's stratum",
        f"{features} bits given a hidden class with learned probability, {dependent} of them"
        " dependent in truth",
        "The class is felt through products of effects; with few of them its probability is free.",
        point=model.point(),
    )  # fmt: skip


def _strata(features: int, dependent: int) -> RLCT:
    """Return the coefficient by the number of dependent features."""
    if dependent == 0:
        vectors = [
            tuple(int(k in (i, j)) for k in range(features))
            for i in range(features)
            for j in range(i)
        ]
        parts = at_point(regular(dim=features)), monomial_ideal(generators=vectors)
        return equivalent(
            direct_sum(*parts),
            "the class has positive probability: means, and covariances of the size of d_i d_j",
        )
    stratum = "regular" if dependent > 2 else "one_dependent_pair"
    return equivalent(
        naive_bayes(features, stratum),
        "probabilities and effects are charts of the moments where the class is not constant",
    )


def _rbm(identifier: str, visible: int, *, biased: bool) -> Likelihood:
    check_size(identifier, visible, 1, 10)
    return model_problem(
        identifier, Boltzmann(visible, biased), lambda: rbm_one_hidden(visible, biased),
        "attained at zero weights",
        f"p(x) ~ {'exp(b.x) ' if biased else ''}cosh(w.x) on signs, {visible} visible units",
        "The hidden unit is felt through products of two weights: the true set is a union of axes.",
    )  # fmt: skip


MAKERS = {
    r"bayes-(\d+)-(\d+)": _bayes,
    r"rbm-(\d+)": partial(_rbm, biased=True),
    r"rbm-(\d+)-unbiased": partial(_rbm, biased=False),
}
NAMED = (
    "bayes-3-0",
    "bayes-3-2",
    "bayes-3-3",
    "bayes-4-3",
    "rbm-1",
    "rbm-2",
    "rbm-3",
    "rbm-2-unbiased",
    "rbm-3-unbiased",
    "rbm-4-unbiased",
)
