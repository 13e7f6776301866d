"""One constructor for every problem whose map is a product of matrices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Protocol, cast, final

import numpy as np
from numpy.typing import NDArray

from llcbench.problems.squared.linear_map import LinearNetwork
from llcbench.problems.squared.regression import Array, Inputs, Regression, flat
from llcbench.types import Truth
from theory import tempered
from theory.tempered import Tempered

Weights = NDArray[np.floating[Any]]
# Above this many parameters the tempered truth takes longer than a command may take unasked: 32
# sweeps of 10 s and more. A run of the sampler `gibbs` gives it there.
GIBBS_LIMIT = 6_000_000
# Above so many parameters the sweeps are limited.
MANY, MOST_SWEEPS = 3_000, 128


class Drawn(Protocol):
    """Weights that are made on demand."""

    @property
    def widths(self) -> tuple[int, ...]:
        """``(H_0, ..., H_L)``, inputs first."""

    @property
    def single(self) -> bool:
        """Whether they are kept in single precision."""

    @property
    def layers(self) -> Sequence[Weights]:
        """The weight matrices, first layer first."""

    @property
    def point(self) -> Weights:
        """All weights in a row."""


@final
@dataclass(frozen=True)
class _Given:
    """Weights that are there already."""

    layers: tuple[Weights, ...]
    single: bool = False

    @property
    def widths(self) -> tuple[int, ...]:
        return (self.layers[0].shape[1], *(layer.shape[0] for layer in self.layers))

    @cached_property
    def point(self) -> Weights:
        return flat(list(self.layers))


def linear_problem(
    identifier: str,
    weights: Sequence[Weights] | Drawn,
    truth: Callable[[], Truth],
    why_hard: str,
    keywords: frozenset[str],
    *,
    scale: float = 0.5,
    inputs: Inputs | None = None,
    noise_sd: float = 1.0,
    version: int = 1,
) -> Regression:
    """Return ``L(w) = scale * E |W_L ... W_1 x - y|^2`` at the given weights.

    Weights that are drawn on demand are views of one point, which is kept in its own precision.
    """
    given = _Given(tuple(weights)) if isinstance(weights, Sequence) else weights
    distribution = inputs or Inputs()
    product = " ".join(f"W_{k}" for k in range(len(given.widths) - 1, 0, -1))
    return Regression(
        id=identifier,
        map=LinearNetwork(given.widths),
        point_function=lambda: cast(Array, given.point),
        truth_function=truth,
        tempered_function=partial(_tempered, given, scale, distribution),
        formula=f"L = {scale:g} E|{product} x - y|^2, widths {'-'.join(map(str, given.widths))}",
        why_hard=why_hard,
        keywords=keywords,
        scale=scale,
        inputs=distribution,
        noise_sd=noise_sd,
        version=version,
        single=given.single,
    )


def _tempered(
    drawn: Drawn,
    scale: float,
    distribution: Inputs,
    nbeta: float,
    gamma: float,
    second: Array | None,
    cross: Array | None,
) -> Tempered | None:
    """Return the tempered truth, with its standard error."""
    if gamma <= 0 or LinearNetwork(drawn.widths).dim > GIBBS_LIMIT:
        return None
    if second is None:
        # One variance for all inputs is a factor of the loss.
        scale = scale * distribution.second_moment
    return tempered_of(drawn.layers, scale, nbeta, gamma, second, cross)


def tempered_of(
    layers: Sequence[Weights],
    scale: float,
    nbeta: float,
    gamma: float,
    second: Array | None,
    cross: Array | None,
) -> Tempered | None:
    """Return the tempered truth by block Gibbs; None where it has none or takes too long.

    Args:
        layers: The weights, first layer first.
        scale: Factor of the mean squared error.
        nbeta: Inverse temperature.
        gamma: Localisation.
        second: Mean of ``x x^T``; None for the identity.
        cross: Mean of ``noise x^T``; None for zero.
    """
    size = sum(layer.size for layer in layers)
    if gamma <= 0 or size > GIBBS_LIMIT:
        return None
    accuracy = 1e-3 if size <= 1000 else 5e-3 if size <= 20_000 else 2e-2
    return tempered.linear_network(
        layers,
        nbeta,
        gamma,
        scale,
        second_moment=second,
        cross_moment=cross,
        rtol=accuracy,
        # Where that does not certify, as with a weak localisation, more would take minutes.
        max_sweeps=MOST_SWEEPS if size > MANY else None,
    )
