"""Latent trees with independent leaves: normal variables and bits."""

from dataclasses import dataclass
from itertools import combinations, pairwise, product
from typing import final

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from llcbench.problems.models.assemble import at_point, check_size, model_problem
from llcbench.problems.models.densities import LOG_TAU
from llcbench.problems.models.likelihood import Likelihood
from llcbench.problems.models.tree_paths import nodes, paths
from theory.coefficient import RLCT
from theory.combine import direct_sum, equivalent
from theory.families import monomial_ideal, quartet_tree, regular, star_tree

# Correlations stay below this in absolute value, so that every covariance is invertible.
LARGEST = 0.999
_DEEPEST = "attained where all edge correlations vanish"


@final
@dataclass(frozen=True)
class NormalTree:
    """``x ~ N(0, D R D)``, correlations R products along the paths of a tree; truth ``N(0, I)``.

    Parameters: log standard deviations ``s_i`` of the leaves, then ``e`` for every edge, whose
    correlation is ``0.999 tanh(e)``.

    Attributes:
        leaves: Observed variables.
        inner: Inner edges; 0 for a star.
    """

    leaves: int
    inner: int

    @property
    def dim(self) -> int:
        """Leaves and edges."""
        return 2 * self.leaves + self.inner

    def log_density(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the log density of a vector of leaves."""
        scales = theta[:, : self.leaves]
        edges = LARGEST * torch.tanh(theta[:, self.leaves :])
        products = torch.stack(
            [edges[:, list(path)].prod(1) for path in paths(self.leaves, self.inner)], dim=1
        )
        rows, columns = zip(*combinations(range(self.leaves), 2), strict=True)
        correlation = theta.new_zeros(theta.shape[0], self.leaves, self.leaves)
        correlation[:, rows, columns] = products
        correlation = correlation + correlation.mT + torch.eye(self.leaves, dtype=theta.dtype)
        factor = torch.linalg.cholesky(correlation)
        scaled = (x * torch.exp(-scales).unsqueeze(1)).mT
        white: Tensor = torch.linalg.solve_triangular(factor, scaled, upper=False)
        half: Tensor = factor.diagonal(dim1=1, dim2=2).log().sum(1) + scales.sum(1)
        return -0.5 * (white.square().sum(1) + self.leaves * LOG_TAU) - half.unsqueeze(1)

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Return a product rule that is exact for the quadratic log density: ``x_i = -1, 1``."""
        states = torch.tensor(list(product((-1.0, 1.0), repeat=self.leaves)), dtype=torch.float64)
        return states, states.new_full((len(states),), 1.0 / len(states))

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw standard normal vectors."""
        return torch.randn(count, self.leaves, generator=rng, dtype=torch.float64)


@final
@dataclass(frozen=True)
class BitTree:
    """A Markov tree of hidden fair signs h with bits as leaves; truth: independent fair bits.

    ``logit P(x_i = 1 | h) = c_i + d_i h_(node of i)``, neighbouring hidden signs agree with
    probability ``(1 + tanh e)/2``. Parameters ``c``, ``d``, then ``e`` of the inner edges.

    Attributes:
        leaves: Observed bits.
        inner: Inner edges.
    """

    leaves: int
    inner: int

    @property
    def dim(self) -> int:
        """Two per leaf and the inner edges."""
        return 2 * self.leaves + self.inner

    def log_density(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the log probability of a vector of bits, summed over the hidden signs."""
        centre, effect = (
            theta[:, None, : self.leaves],
            theta[:, None, self.leaves :][..., : self.leaves],
        )
        edges = theta[:, 2 * self.leaves :]
        homes = nodes(self.leaves, self.inner)
        terms = []
        for hidden in product((-1.0, 1.0), repeat=self.inner + 1):
            signs = theta.new_tensor([hidden[home] for home in homes])
            emitted = logsigmoid((2 * x - 1) * (centre + effect * signs)).sum(2)
            # (1 + tanh e)/2 is the sigmoid of 2 e.
            agree = theta.new_tensor([a * b for a, b in pairwise(hidden)])
            terms.append(emitted + logsigmoid(2 * edges * agree).sum(1, keepdim=True))
        return torch.logsumexp(torch.stack(terms), dim=0) - torch.log(theta.new_tensor(2.0))

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Return all states with equal weights."""
        states = torch.tensor(list(product((0.0, 1.0), repeat=self.leaves)), dtype=torch.float64)
        return states, states.new_full((len(states),), 1.0 / len(states))

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw fair bits."""
        return torch.randint(2, (count, self.leaves), generator=rng).double()


def _normal(identifier: str, leaves: int, inner: int) -> Likelihood:
    check_size(identifier, leaves, 2, 10)
    nodes(leaves, inner)
    return model_problem(
        identifier, NormalTree(leaves, inner),
        lambda: equivalent(
            quartet_tree(leaves, inner) if inner else star_tree(leaves),
            "logarithms of deviations and hyperbolic tangents are charts",
        ),
        _DEEPEST,
        f"x ~ N(0, D R D), R products along a tree, {leaves} leaves, {inner} inner edges",
        "Correlations are products along paths: the true set is a union of coordinate planes.",
    )  # fmt: skip


def _bits(identifier: str, leaves: int, inner: int) -> Likelihood:
    check_size(identifier, leaves, 2, 8)
    nodes(leaves, inner)
    return model_problem(
        identifier, BitTree(leaves, inner), lambda: _paths(leaves, inner), _DEEPEST,
        f"{leaves} bits on a tree of hidden fair signs with {inner} inner edges, truth independent",
        "Effects are felt through products along paths, whose pairs make up all higher moments.",
    )  # fmt: skip


def _paths(leaves: int, inner: int) -> RLCT:
    """Return the coefficient of means and products along paths."""
    vectors = [
        tuple(int(e in path) for e in range(leaves + inner)) for path in paths(leaves, inner)
    ]
    parts = at_point(regular(dim=leaves)), monomial_ideal(generators=vectors)
    return equivalent(
        direct_sum(*parts),
        "means and pair covariances; the mean of a product over an even set of leaves is a product"
        " over disjoint paths, and vanishes over an odd set",
    )


MAKERS = {
    r"tree-(\d+)-(\d+)": _normal,
    r"bits-(\d+)-(\d+)": _bits,
}
NAMED = ("tree-2-0", "tree-3-0", "tree-4-1", "tree-5-2", "bits-3-0", "bits-4-1", "bits-5-2")
