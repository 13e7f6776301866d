"""Problems ``dln/*``: deep linear networks, named small ones and the published random classes."""

from itertools import pairwise

from llcbench.checks import check_size, nearest
from llcbench.problems.family import MOST_DENSE, Family, ranks_of, whole_of, widths_of
from llcbench.problems.linear_networks.linear_model import linear_problem
from llcbench.problems.linear_networks.points import balanced, generator_of, generic
from llcbench.problems.linear_networks.random_networks import (
    CLASSES,
    RandomClass,
    draw_network,
    widths_of_draw,
)
from llcbench.problems.linear_networks.trained import train, truth_at
from llcbench.problems.squared.regression import Inputs, Regression
from llcbench.problems.versions import version_of
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

# Classes whose training takes seconds (1k) or a minute (10k).
TRAINED = ("1k", "10k")


def build(identifier: str) -> Regression:
    """Return the problem of an id such as ``dln/3-3-3/r1``, ``dln/3-3-3/r3-1`` or ``dln/1k/s17``.

    One rank puts the point where all partial products have it, the most singular one; one rank per
    layer draws independent factors in general position. ``s17`` is draw number 17 of a class;
    ``s17/trained`` is the end of a training on its outputs.

    Raises:
        ValueError: If the id is malformed or a rank is not admissible.
    """
    parts = identifier.split("/")
    if len(parts) == 4 and parts[1] in CLASSES and parts[3] == "trained":
        return _trained(identifier, parts[1], parts[2])
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
    check_size(identifier, "parameters", _weights(widths), MOST_DENSE)
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

    Inputs uniform on [-10, 10], no label noise, squared error averaged over the outputs.
    """
    _check_draw(identifier, seed)
    network = draw_network(identifier, limits)
    widths, ranks = network.widths, network.ranks
    return linear_problem(
        identifier,
        network,
        lambda: Truth(deep_linear_generic(widths, ranks), deep_linear_global(widths, min(ranks))),
        f"A random network with layer ranks {'-'.join(map(str, ranks))}: curvatures span decades.",
        frozenset({"linear-network", "deep-linear", "random"}),
        scale=1.0 / widths[-1],
        inputs=Inputs("uniform10"),
        noise_sd=0.0,
        version=version_of(identifier),
    )


def _trained(identifier: str, name: str, seed: str) -> Regression:
    """Return the point that training finds on the outputs of a draw, with its own product."""
    _check_draw(identifier, seed)
    if name not in TRAINED:
        allowed = " and ".join(TRAINED)
        raise ValueError(f"{identifier!r}: training is affordable for {allowed}, not for {name}")
    inputs = Inputs("uniform10")
    teacher = draw_network(identifier.rsplit("/", 1)[0], CLASSES[name])
    trained = train(identifier, teacher, inputs.second_moment)
    return linear_problem(
        identifier,
        trained.layers,
        lambda: truth_at(trained),
        f"Found by descent to a loss of {trained.loss:.1e}: small directions are not zero.",
        frozenset({"linear-network", "deep-linear", "random", "trained"}),
        scale=1.0 / teacher.widths[-1],
        inputs=inputs,
        noise_sd=0.0,
        version=version_of(identifier),
    )


def size(identifier: str) -> int:
    """Return the number of parameters of an id.

    Raises:
        ValueError: If the id is malformed.
    """
    parts = identifier.split("/")
    if len(parts) > 2 and parts[1] in CLASSES:
        return _weights(widths_of_draw("/".join(parts[:3]), CLASSES[parts[1]]))
    return _weights(widths_of(parts[1], identifier)) if len(parts) == 3 else 0


def _weights(widths: tuple[int, ...]) -> int:
    return sum(above * below for below, above in pairwise(widths))


def _check_draw(identifier: str, seed: str) -> None:
    if not seed.startswith("s") or whole_of(seed[1:]) is None:
        raise ValueError(f"{identifier!r} is not of the form dln/<class>/s<draw>")


PATTERN = (
    "dln/<widths>/r<rank>, dln/<widths>/r<rank per layer>, dln/<class>/s<draw> or"
    " dln/<class>/s<draw>/trained"
)
family = Family("dln", NAMED, build, PATTERN, size)
