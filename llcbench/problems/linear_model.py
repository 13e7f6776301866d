"""One constructor for every problem whose map is a product of matrices."""

from collections.abc import Callable, Sequence
from functools import partial

from llcbench.problems.linear_map import LinearNetwork
from llcbench.problems.regression import Array, Inputs, Regression, flat
from llcbench.types import Truth
from theory import tempered
from theory.tempered import Tempered

# Above this many parameters block Gibbs costs more than a command should take unasked.
GIBBS_LIMIT = 20_000


def linear_problem(
    identifier: str,
    weights: Sequence[Array],
    truth: Callable[[], Truth],
    why_hard: str,
    keywords: frozenset[str],
    *,
    scale: float = 0.5,
    inputs: Inputs | None = None,
    noise_sd: float = 1.0,
) -> Regression:
    """Return ``L(w) = scale * E |W_L ... W_1 x - y|^2`` at the given weights."""
    widths = (weights[0].shape[1], *(layer.shape[0] for layer in weights))
    law = inputs or Inputs()
    product = " ".join(f"W_{k}" for k in range(len(weights), 0, -1))
    return Regression(
        id=identifier,
        map=LinearNetwork(widths),
        point=flat(list(weights)),
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
    weights: tuple[Array, ...],
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
    accuracy = 1e-3 if size <= 1000 else 5e-3
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
