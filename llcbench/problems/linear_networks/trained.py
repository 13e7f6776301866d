"""Trained points of the random classes: ``dln/1k/s0/trained`` is found by descent.

The data are those of ``dln/1k/s0``: outputs of that network, without label noise. Training starts
at an independent draw of the weights and takes 50 000 steps with momentum 0.9 and learning rate
0.01, as published; the gradient is that of the population, as the noise of minibatches vanishes at
a minimum without label noise.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from llcbench.problems.linear_networks.points import Array, generator_of
from llcbench.problems.linear_networks.random_networks import RandomNetwork, fresh_layers
from llcbench.types import Truth
from theory.coefficient import RLCT, Step
from theory.families.linear_point import LinearPoint, deep_linear_at

Floats = NDArray[np.floating[Any]]
STEPS, RATE, MOMENTUM = 50_000, 0.01, 0.9
# Relative sizes below which a direction of a layer may count as killed.
TOLERANCES = (1e-2, 1e-3, 1e-4, 1e-6)
# Least ratio of what is kept to what is dropped for the ranks to count as seen.
MARGIN = 100.0


class Trained(NamedTuple):
    """The end of a training.

    Attributes:
        layers: Weights.
        loss: Loss on the data of the network that made them; small, but not zero.
    """

    layers: list[Array]
    loss: float


def train(identifier: str, teacher: RandomNetwork, variance: float) -> Trained:
    """Return the weights after training on the outputs of a network.

    Args:
        identifier: Id of the trained point, which seeds the start.
        teacher: Network that made the outputs; the loss is averaged over these.
        variance: Of the inputs.

    Raises:
        ValueError: If the training diverged.
    """
    layers = fresh_layers(teacher.widths, generator_of(identifier))
    goal = _products(teacher.layers)[-1]
    strength = 2.0 * variance / teacher.widths[-1]
    speeds = [np.zeros_like(layer) for layer in layers]
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(STEPS):
            below = _products(layers)
            slope = strength * (below[-1] - goal)
            for k in range(len(layers) - 1, -1, -1):
                speeds[k] *= MOMENTUM
                speeds[k] -= RATE * (slope @ below[k - 1].T if k else slope)
                slope = layers[k].T @ slope
            for layer, speed in zip(layers, speeds, strict=True):
                layer += speed
        loss = float(strength / 2 * np.sum((_products(layers)[-1] - goal) ** 2))
    if not np.isfinite(loss):
        raise ValueError(
            f"{identifier}: training diverges at learning rate {RATE:g}; take another draw"
        )
    return Trained(layers, loss)


def truth_at(trained: Trained) -> Truth:
    """Return the coefficients at a trained point, or bounds where its ranks are in doubt.

    A trained point is only near a minimum: directions that descent is still shrinking are small,
    not zero. Ranks are read at tolerances from 1e-2 to 1e-6. One rank array at all of them, with a
    ratio of at least 100 between what is kept and what is dropped, gives the value; else the least
    and the largest value over these tolerances bound it. The bounds do not cover readings that no
    tolerance gives.
    """
    seen: list[LinearPoint] = []
    for tolerance in TOLERANCES:
        try:
            seen.append(deep_linear_at(trained.layers, tolerance))
        except ValueError:  # this tolerance cuts through the noise: no chain has such ranks
            continue
    if not seen:
        raise ValueError("no tolerance gives ranks that a chain of matrices has; take another draw")
    clear = len(seen) == len(TOLERANCES) and all(
        point.ranks == seen[0].ranks and point.margin >= MARGIN for point in seen
    )
    local = [point.local for point in seen]
    global_ = [point.global_ for point in seen]
    return Truth(_joined(local, trained, clear), _joined(global_, trained, clear))


def _joined(coefficients: list[RLCT], trained: Trained, clear: bool) -> RLCT:
    """Return one value with the conditions of a trained point, or bounds."""
    first = coefficients[0]
    how = f"ranks of trained weights at tolerances {TOLERANCES}, loss {trained.loss:.1e}"
    return RLCT(
        lower=min(one.lower for one in coefficients),
        upper=max(one.upper for one in coefficients),
        multiplicity=first.multiplicity if clear else None,
        scope=first.scope,
        method=f"{first.method} at ranks seen in the weights",
        source=first.source,
        conditions=f"{first.conditions}; {how}" + ("" if clear else "; the ranks are in doubt"),
        proof=(*first.proof, Step("ranks", how)),
        multiplicity_provisional=clear and first.multiplicity_provisional,
    )


def _products(layers: Sequence[Floats]) -> list[Floats]:
    """Return the products of the first 1, 2, ... layers."""
    products = [layers[0]]
    for layer in layers[1:]:
        products.append(layer @ products[-1])
    return products
