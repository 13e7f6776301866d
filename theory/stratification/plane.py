"""All local coefficients along a zero set in two variables.

``K = c prod f^k`` with irreducible f. Where one f vanishes alone and smoothly, K is a unit times
the k-th power of a coordinate: ``(1/k, 1)``. Every other zero is one of finitely many: a singular
point of some f, a common zero of two of them, or a zero of a sum of squares without common factor.
So one sample on every curve with real arcs, and all those points, are everything there is.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations

from theory.coefficient import RLCT
from theory.solver.budget import attempt
from theory.stratification.arcs import contains, sample
from theory.stratification.box import Box
from theory.stratification.components import (
    Element,
    Factorisation,
    IrreducibleFactor,
    shortened,
    terms,
    text,
)
from theory.stratification.points import AlgebraicPoint, value_at_point
from theory.stratification.result import Stratum
from theory.stratification.zeros import common_zeros

Evaluate = Callable[[AlgebraicPoint, float], RLCT]
Location = tuple[AlgebraicPoint, int, str, tuple[str, ...]]


def plane_strata(
    parts: Factorisation, box: Box, timeout: float, evaluate: Evaluate
) -> tuple[list[Stratum], list[str]]:
    """Return the strata in the box, and statements about what was not decided.

    Half of the time is for finding points, the other half, in equal shares, for coefficients.
    """
    undecided: list[str] = []
    share = timeout / 2 / (1 + len(parts.factors) ** 2 + len(parts.ideals))
    special = _special_points(parts, share, undecided)
    located: list[Location] = []
    branches: list[IrreducibleFactor] = []
    for curve in parts.factors:
        if curve.definite:
            continue
        attempted = attempt(
            share,
            sample,
            curve.polynomial,
            box,
            parts.names,
            partial(_is_generic, parts, curve),
        )
        if not attempted.done:
            undecided.append(f"no sample point on {text(curve.polynomial)} = 0 was found in time")
        elif attempted.value is not None:
            name = text(curve.polynomial)
            branches.append(curve)
            located.append((attempted.value, 1, f"along {shortened(name)} = 0", (name,)))
    for point in special:
        if contains(box, point, closed=True):
            located.append((point, 0, *_describe(parts, point, branches)))
    each = timeout / 2 / max(1, len(located))
    return [Stratum(evaluate(p, each), p, d, what, zero) for p, d, what, zero in located], undecided


def _special_points(
    parts: Factorisation, share: float, undecided: list[str]
) -> list[AlgebraicPoint]:
    special: dict[AlgebraicPoint, None] = {}
    for system in _systems(parts):
        attempted = attempt(share, common_zeros, system, parts.names)
        if attempted.value is None:
            listed = ", ".join(text(f) for f in system)
            undecided.append(f"the common zeros of {listed} were not found in time")
        special.update(dict.fromkeys(attempted.value or []))
    return list(special)


def _systems(parts: Factorisation) -> Iterator[Sequence[Element]]:
    """Yield systems with finitely many zeros that hold all zeros that are not generic."""
    yield from parts.ideals
    # Zeros of the definite factors are zeros of the ideals.
    plain = [c.polynomial for c in parts.factors if not c.definite]
    for f in plain:
        if max(map(sum, f.keys())) > 1:
            yield [f, f.diff(0), f.diff(1)]
    yield from combinations(plain, 2)


def _is_generic(parts: Factorisation, curve: IrreducibleFactor, point: AlgebraicPoint) -> bool:
    """Return whether a point of a curve is smooth on it and on no other factor."""
    f = curve.polynomial
    others = [c.polynomial for c in parts.factors if c is not curve]
    smooth = any(value_at_point(terms(f.diff(i)), point) for i in (0, 1))
    return smooth and all(value_at_point(terms(g), point) for g in others)


def _describe(
    parts: Factorisation, point: AlgebraicPoint, branches: Sequence[IrreducibleFactor]
) -> tuple[str, tuple[str, ...]]:
    """Return which factors vanish at a special point, and how."""
    plain = [c for c in parts.factors if not c.definite]
    zero = [c for c in plain if not value_at_point(terms(c.polynomial), point)]
    names = tuple(text(c.polynomial) for c in zero)
    ideals = [
        ideal for ideal in parts.ideals if all(not value_at_point(terms(g), point) for g in ideal)
    ]
    through = [shortened(text(c.polynomial)) for c in zero if c in branches]
    listed = " and ".join(f"{name} = 0" for name in through)
    generators = tuple(text(g) for ideal in ideals for g in ideal)
    if not through:
        return "isolated zero", names + generators
    if len(through) > 1:
        return f"common point of {listed}", names + generators
    if len(zero) > 1 or ideals:
        return f"isolated zero of another factor on {listed}", names + generators
    return f"singular point of {listed}", names
