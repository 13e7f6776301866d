"""One constructor for every problem whose map is a product of matrices."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from llcbench.problems.linear_map import LinearNetwork
from llcbench.problems.regression import Array, Inputs, Regression, flat
from llcbench.types import Truth
from theory import tempered
from theory.tempered import Tempered

Weights = NDArray[np.floating[Any]]
# Above this many parameters the tempered truth takes longer than a command may take unasked: 32
# sweeps of 10 s and more. A run of the sampler `gibbs` gives it there.
GIBBS_LIMIT = 40_000_000


def linear_problem(
    identifier: str,
    weights: Sequence[Weights],
    truth: Callable[[], Truth],
    why_hard: str,
    keywords: frozenset[str],
    *,
    point: Weights | None = None,
    scale: float = 0.5,
    inputs: Inputs | None = None,
    noise_sd: float = 1.0,
) -> Regression:
    """Return ``L(w) = scale * E |W_L ... W_1 x - y|^2`` at the given weights.

    Where the weights are views of one ``point``, that array is kept, in its own precision.
    """
    widths = (weights[0].shape[1], *(layer.shape[0] for layer in weights))
    law = inputs or Inputs()
    product = " ".join(f"W_{k}" for k in range(len(weights), 0, -1))
    return Regression(
        id=identifier,
        map=LinearNetwork(widths),
        point=flat(list(weights)) if point is None else cast(Array, point),
        truth_function=truth,
        tempered_function=partial(_tempered, identifier, tuple(weights), scale, law),
        formula=f"L = {scale:g} E|{product} x - y|^2, widths {'-'.join(map(str, widths))}",
        why_hard=why_hard,
        keywords=keywords,
        scale=scale,
        inputs=law,
        noise_sd=noise_sd,
    )


def _tempered(
    identifier: str,
    weights: tuple[Weights, ...],
    scale: float,
    law: Inputs,
    nbeta: float,
    gamma: float,
    second: Array | None,
    cross: Array | None,
) -> Tempered | None:
    """Return the tempered truth by block Gibbs, with its standard error."""
    size = sum(layer.size for layer in weights)
    if gamma <= 0 or size > GIBBS_LIMIT:
        return None
    accuracy = 1e-3 if size <= 1000 else 5e-3 if size <= 20_000 else 2e-2
    if second is None:
        # One variance for all inputs is a factor of the loss.
        scale = scale * law.second_moment
    return tempered.linear_network(
        weights,
        nbeta,
        gamma,
        scale,
        second_moment=second,
        cross_moment=cross,
        rtol=accuracy,
    )
