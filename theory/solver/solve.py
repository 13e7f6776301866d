"""Exact learning coefficients of polynomials: the entry point of the solver."""

from collections.abc import Mapping
from fractions import Fraction
from math import inf
from typing import Any

from theory.certificate import Node
from theory.coefficient import RLCT
from theory.polynomials.expression import write
from theory.polynomials.germ import Factor, Germ
from theory.solver.budget import WORK_PER_SECOND, WorkBudget
from theory.solver.input.potentials import (
    Expression,
    GivenPotential,
    SumOfSquares,
    Value,
    potential,
    rationals,
)
from theory.solver.input.signs import product_signs
from theory.solver.input.structure import Structure, moved
from theory.solver.rules import solve_any

_SOURCE = "watanabe2009"
_NEGATIVE = "K takes negative values arbitrarily near {where}; pass absolute=True to take |K|"


def rlct(
    K: Expression | SumOfSquares,
    at: Mapping[str, Value] | None = None,
    prior: Mapping[str, Value] | None = None,
    timeout: float = 60,
    absolute: bool = False,
) -> RLCT:
    """Return the learning coefficient of a polynomial at a point, with a proof.

    ``int K^z prod |x_i - x_i*|^h_i dx`` over a small neighbourhood of the point has its first pole
    at ``-lambda``, of order ``multiplicity``. The scale is that of K: ``x^2`` has lambda 1/2.

    Args:
        K: Text such as ``"x^2*y^4 + x^6"``, a SymPy expression, or `SumOfSquares`. Products,
            powers and sums of squares are used as they are written.
        at: The point; variables that are missing are 0.
        prior: Exponents h >= 0 of the density; missing ones are 0.
        timeout: Seconds that set the amount of work. When it runs out the result is a pair of
            proved bounds, never an exception.
        absolute: Take ``|K|`` if K changes its sign near the point.

    Returns:
        The value and multiplicity, or bounds.

    Raises:
        ValueError: K is no polynomial with rational coefficients, is identically zero, is not
            zero at the point, or is negative somewhere near it and `absolute` is not set.
    """
    if not 0 < timeout < inf:
        raise ValueError(f"timeout must be a positive number of seconds, got {timeout}")
    given = potential(K)
    point = rationals(at or {}, given.variables, "at")
    exponents = rationals(prior or {}, given.variables, "prior")
    for name, h in zip(given.variables, exponents, strict=True):
        if h < 0:
            raise ValueError(f"prior of {name} must be an exponent >= 0, got {h}")
    pairs = zip(given.variables, point, strict=True)
    where = ", ".join(f"{name} = {value}" for name, value in pairs)
    reading = moved(given.reading, point)
    _check_zero(reading, where)
    budget = WorkBudget(max(1, int(timeout * WORK_PER_SECOND)), timeout)
    sign = _sign(reading, budget, absolute, where)
    factors = tuple(Factor(part.polynomials, Fraction(part.exponent)) for part in reading.parts)
    germ = Germ(
        given.variables,
        factors,
        (Fraction(0),) * len(point),
        tuple(1 + h for h in exponents),
    )
    node = solve_any(germ, budget)
    data = _data(given, reading, point, exponents)
    root = Node("polynomial", node.lower, node.upper, node.multiplicity, data, (node,))
    return RLCT(
        lower=root.lower,
        upper=_finite(root.upper),
        multiplicity=root.multiplicity,
        scope="local",
        method=_method(root),
        source=_SOURCE,
        conditions=f"at {where}; {sign}",
        certificate=root,
    )


def _check_zero(reading: Structure, where: str) -> None:
    if not reading.constant or any(
        not any(f.terms for f in part.polynomials) for part in reading.parts
    ):
        raise ValueError("K is identically zero: it has no learning coefficient")
    value = reading.constant
    for part in reading.parts:
        origin = (0,) * len(part.polynomials[0].variables)
        values = [f.terms.get(origin, Fraction(0)) for f in part.polynomials]
        if part.weights:
            pairs = zip(part.weights, values, strict=True)
            value *= sum((w * v * v for w, v in pairs), Fraction(0)) ** part.power
        else:
            value *= values[0] ** part.power
    if value:
        place = f" at {where}" if where else ""
        raise ValueError(f"K is {value}{place}, not zero; give a zero of K with `at`")


def _sign(reading: Structure, budget: WorkBudget, absolute: bool, where: str) -> str:
    """Return on what the sign of K rests.

    Raises:
        ValueError: If K is negative somewhere near the point, unless |K| is asked for.
    """
    if reading.nonnegative:
        return "K >= 0 by its form"
    if absolute:
        return "the value is that of |K|"
    odd = [part.polynomials[0] for part in reading.parts if not part.nonnegative]
    signs = product_signs(reading.constant, odd, budget)
    if -1 in signs.values:
        raise ValueError(_NEGATIVE.format(where=where))
    if signs.complete:
        return "K >= 0 near the point"
    return "the value is that of |K|: whether K is negative near the point was not decided"


def _data(
    given: GivenPotential, reading: Structure, point: list[Fraction], exponents: list[Fraction]
) -> dict[str, Any]:
    return {
        "polynomial": given.text,
        "variables": list(given.variables),
        "at": [str(value) for value in point],
        "prior": [str(h) for h in exponents],
        "constant": str(reading.constant),
        "factors": [
            {
                "generators": [write(g) for g in part.polynomials],
                "weights": [str(w) for w in part.weights],
                "power": part.power,
            }
            for part in reading.parts
        ],
    }


def _finite(upper: Fraction | None) -> Fraction:
    # Every route adds the elementary bounds when it ends without a value.
    assert upper is not None
    return upper


def _method(root: Node) -> str:
    """Name the rules in the order of their first use."""
    hidden = {"polynomial", "toric chart", "chart bound"}
    used = dict.fromkeys(node.rule for node in root.walk() if node.rule not in hidden)
    return ", ".join(list(used)[:6])
