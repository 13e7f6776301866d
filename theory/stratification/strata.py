"""The distinct local learning coefficients along a zero set: the entry point."""

from collections.abc import Mapping
from fractions import Fraction
from itertools import product
from math import inf

from theory.coefficient import RLCT
from theory.solver.budget import attempt
from theory.solver.input.potentials import Expression, GivenPotential, SumOfSquares, potential
from theory.solver.input.structure import Structure
from theory.stratification.arcs import arc_point
from theory.stratification.box import EVERYWHERE, Box, Pair, box_text, read_box
from theory.stratification.components import Factorisation, components, text
from theory.stratification.local import coefficient
from theory.stratification.plane import plane_strata
from theory.stratification.points import AlgebraicPoint
from theory.stratification.result import Strata, ordered
from theory.stratification.space import space_strata

_NEGATIVE = "K takes negative values{where}; pass absolute=True to take |K|"


def strata(
    K: Expression | SumOfSquares,
    box: Mapping[str, Pair] | Pair | None = None,
    timeout: float = 60,
    absolute: bool = False,
) -> Strata:
    """Return the distinct local learning coefficients along the real zero set of a polynomial.

    In two variables the list is complete: one sample on every irreducible curve, and all points at
    which the coefficient may differ, algebraic ones included. In three variables sample points are
    searched among simple rationals; the result says whether they are proved to be all.

    Args:
        K: As for `theory.rlct`, in two or three variables.
        box: A pair of rationals for all variables, or pairs by name. Points count in the closed
            box, curves and surfaces in the open one.
        timeout: Seconds that set the amount of work.
        absolute: Take ``|K|`` if K has negative values somewhere.

    Returns:
        The strata with proofs, from the deepest to generic ones.

    Raises:
        ValueError: K has one or more than three variables, is identically zero, has no real zero
            (in the box), is no polynomial with rational coefficients, or has negative values and
            `absolute` is not set.
    """
    if not 0 < timeout < inf:
        raise ValueError(f"timeout must be positive and finite, got {timeout}")
    given = potential(K)
    names = given.variables
    _check_shape(given)
    sides = read_box(box, names)
    read = attempt(timeout, components, given.reading, names, len(names) == 2)
    if read.value is None:
        raise ValueError("K could not be factored in time; give it as a product or raise timeout")
    parts = read.value
    flat = len(names) == 2
    if flat and not absolute:
        _check_sign(given.reading, parts)

    def evaluate(point: AlgebraicPoint, seconds: float) -> RLCT:
        return coefficient(K, given, parts, point, seconds, absolute)

    find = plane_strata if flat else space_strata
    listed, undecided = find(parts, sides, timeout, evaluate)
    inside = box_text(sides, names)
    if not listed:
        where = f" with {inside}" if inside else ""
        if undecided:
            raise ValueError(f"no real zero of K{where} was found; {undecided[0]}")
        raise ValueError(f"K has no real zero{where}: no strata")
    conditions = [*([f"only {inside}"] if inside else []), *undecided]
    return Strata(given.text, names, ordered(listed), not undecided, tuple(conditions))


def _check_shape(given: GivenPotential) -> None:
    zero = not given.reading.constant or any(
        not any(f.terms for f in part.polynomials) for part in given.reading.parts
    )
    if zero:
        raise ValueError("K is identically zero: it has no learning coefficient")
    count = len(given.variables)
    if count == 0:
        raise ValueError(f"K = {given.text} has no variable and no zero")
    if count == 1:
        raise ValueError(
            f"K has the one variable {given.variables[0]}; strata needs two or three"
            " (at a zero of order k in one variable lambda is 1/k)"
        )
    if count > 3:
        raise ValueError(
            f"K has {count} variables, strata takes two or three; use theory.rlct at a point"
        )


def _check_sign(reading: Structure, parts: Factorisation) -> None:
    """Refuse a K with negative values in the plane.

    A curve with real arcs and odd exponent has both signs beside it. Without one K keeps its sign
    off its zero set, so one value decides.
    """
    if reading.nonnegative:
        return
    plane: Box = (EVERYWHERE, EVERYWHERE)
    for c in parts.factors:
        odd = c.exponent % 2 and not c.definite
        if odd and arc_point(c.polynomial, plane, parts.names) is not None:
            where = f" beside {text(c.polynomial)} = 0"
            raise ValueError(_NEGATIVE.format(where=where))
    for x, y in product(range(100), repeat=2):
        value = _value(reading, (Fraction(x), Fraction(y)))
        if value:
            break
    if value < 0:
        raise ValueError(_NEGATIVE.format(where=""))


def _value(reading: Structure, point: tuple[Fraction, Fraction]) -> Fraction:
    total = reading.constant
    for part in reading.parts:
        values = [f(point) for f in part.polynomials]
        if part.weights:
            values = [
                sum((w * v * v for w, v in zip(part.weights, values, strict=True)), Fraction(0))
            ]
        total *= values[0] ** part.power
    return total
