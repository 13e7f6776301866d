"""Problems ``dln/*``: deep linear networks, named small ones and the published random classes."""

from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
from scipy.stats import truncnorm

from llcbench.problems.family import Family, nearest, ranks_of, widths_of
from llcbench.problems.linear_model import linear_problem
from llcbench.problems.points import balanced, generator_of, generic
from llcbench.problems.regression import Array, Inputs, Regression
from llcbench.types import Truth
from theory.families.deep_linear import deep_linear_generic, deep_linear_global

NAMED = (
    "dln/2-2-2/r1",
    "dln/3-3-3/r1",
    "dln/3-3-3/r3-1",
    "dln/4-4-4-4/r1",
    "dln/4-4-4-4/r4-4-1",
    "dln/5-4-6-5/r4-2-5",
    "dln/10-8-12-9/r3",
    "dln/1k/s0",
    "dln/10k/s0",
)


@final
@dataclass(frozen=True)
class RandomClass:
    """Ranges of the published generator; upper ends are exclusive (Lau et al. 2023, appendix).

    Attributes:
        layers: Range of the number of weight matrices.
        widths: Range of every width, input and output included.
    """

    layers: tuple[int, int]
    widths: tuple[int, int]


CLASSES = {"1k": RandomClass((2, 5), (5, 50)), "10k": RandomClass((2, 10), (5, 100))}


def build(identifier: str) -> Regression:
    """Return the problem of an id such as ``dln/3-3-3/r1``, ``dln/3-3-3/r3-1`` or ``dln/1k/s17``.

    One rank puts the point where all partial products have it, the most singular one; one rank per
    layer draws independent factors in general position. ``s17`` is the draw number 17 of a class.

    Raises:
        ValueError: If the id is malformed or a rank is not admissible.
    """
    parts = identifier.split("/")
    if len(parts) != 3:
        raise ValueError(f"{identifier!r} is not of the form {PATTERN}")
    if parts[1] in CLASSES:
        return _random(identifier, CLASSES[parts[1]], parts[2])
    if not parts[1][:1].isdigit() or parts[1][-1:].isalpha():
        raise ValueError(f"unknown class in {identifier!r}{nearest(parts[1], list(CLASSES))}")
    return _named(identifier, widths_of(parts[1], identifier), ranks_of(parts[2], identifier))


def _named(identifier: str, widths: tuple[int, ...], ranks: tuple[int, ...]) -> Regression:
    """Return a network of the given widths at a balanced or a generic point."""
    depth = len(widths) - 1
    if len(ranks) not in (1, depth):
        raise ValueError(f"{identifier!r} needs one rank or {depth}, one per layer")
    rng = generator_of(identifier)
    rank = min(ranks)
    if len(ranks) == 1:
        global_ = deep_linear_global(widths, rank)
        # At a balanced point all partial products have the same rank, so each layer has it too and
        # the generic rank array is the balanced one.
        local = deep_linear_generic(widths, ranks * depth)
        weights = balanced(widths, rank, rng)
        why = "Balanced: the most singular point of its fibre; the local value is the global one."
    else:
        local = deep_linear_generic(widths, ranks)
        global_ = deep_linear_global(widths, rank)
        weights = generic(widths, ranks, rng)
        why = "Factors of unequal rank: the published global formula is not the local value here."
    keywords = frozenset({"linear-network", "deep-linear"})
    return linear_problem(identifier, weights, lambda: Truth(local, global_), why, keywords)


def _random(identifier: str, limits: RandomClass, seed: str) -> Regression:
    """Return a draw of the published generator.

    Truncated normal weights of scale ``1/sqrt(fan in)``; each layer, with probability one half,
    truncated to a uniformly drawn rank below its full one; inputs uniform on [-10, 10], no label
    noise, squared error averaged over the outputs.
    """
    if not seed.startswith("s") or not seed[1:].isdigit():
        raise ValueError(f"{identifier!r} is not of the form dln/<class>/s<draw>")
    rng = generator_of(identifier)
    depth = int(rng.integers(*limits.layers))
    widths = tuple(int(width) for width in rng.integers(*limits.widths, size=depth + 1))
    weights, ranks = [], []
    for columns, rows in pairwise(widths):
        weight, rank = _reduced(rows, columns, rng)
        weights.append(weight)
        ranks.append(rank)
    return linear_problem(
        identifier,
        weights,
        lambda: Truth(deep_linear_generic(widths, ranks), deep_linear_global(widths, min(ranks))),
        f"A random network with layer ranks {'-'.join(map(str, ranks))}: curvatures span decades.",
        frozenset({"linear-network", "deep-linear", "random"}),
        scale=1.0 / widths[-1],
        inputs=Inputs("uniform10"),
        noise_sd=0.0,
    )


def _reduced(rows: int, columns: int, rng: np.random.Generator) -> tuple[Array, int]:
    """Draw one layer and its rank."""
    weight = truncnorm.rvs(-2, 2, size=(rows, columns), random_state=rng) / columns**0.5
    full = min(rows, columns)
    if rng.random() < 0.5:
        return np.asarray(weight, dtype=np.float64), full
    rank = int(rng.integers(full))
    u, s, v = np.linalg.svd(weight, full_matrices=False)
    return np.asarray((u[:, :rank] * s[:rank]) @ v[:rank], dtype=np.float64), rank


PATTERN = "dln/<widths>/r<rank>, dln/<widths>/r<rank per layer> or dln/<class>/s<draw>"
family = Family("dln", NAMED, build, PATTERN)
