"""Exact learning coefficients of polynomials: the entry point of the solver."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import inf
from time import monotonic
from typing import Any, NamedTuple, final

from theory.certificate import Node
from theory.coefficient import RLCT
from theory.meter import TimeUpError, deadline
from theory.polynomials.expression import write
from theory.polynomials.germ import Factor, Germ
from theory.solver.bounds.elementary import simplest
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
_UNDECIDED = "the value is that of |K|: whether K is negative near the point was not decided"
# Seconds that are always there, for short limits, which are limits of work.
_GRACE = 1.0
_LISTED = 20
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
        raise ValueError(f"timeout must be positive and finite, got {timeout}")
    clock = _Clock(timeout)
    try:
        with deadline(clock.reading_end, final=True):
            question = _question(K, at or {}, prior or {})
    except TimeUpError:
        raise ValueError(
            f"K could not be read in a time limit of {timeout} s; give it with fewer factors and"
            " variables, or raise timeout"
        ) from None
    budget = clock.budget()
    sign = _sign(question, budget, absolute, clock)
    try:
        with deadline(clock.end, final=True):
            node = solve_any(question.germ, budget)
    # A library may be deep in a recursion of its own for each of many variables.
    except (TimeUpError, RecursionError):
        node = simplest(question.germ)
    root = Node("polynomial", node.lower, node.upper, node.multiplicity, question.data, (node,))
    return RLCT(
        lower=root.lower,
        upper=_finite(root.upper),
        multiplicity=root.multiplicity,
        scope="local",
        method=_method(root),
        source=_SOURCE,
        conditions=f"at {question.where}; {sign}",
        certificate=root,
    )


class _Question(NamedTuple):
    """A potential at a point, read.

    Attributes:
        reading: The structure of K in coordinates that vanish at the point.
        germ: K under its density.
        where: The point in words.
        data: What a proof says of all that.
    """

    reading: Structure
    germ: Germ
    where: str
    data: dict[str, Any]


def _question(
    K: Expression | SumOfSquares, at: Mapping[str, Value], prior: Mapping[str, Value]
) -> _Question:
    given = potential(K)
    point = rationals(at, given.variables, "at")
    exponents = rationals(prior, given.variables, "prior")
    for name, h in zip(given.variables, exponents, strict=True):
        if h < 0:
            raise ValueError(f"prior of {name} must be an exponent >= 0, got {h}")
    where = _place(given.variables, point)
    reading = moved(given.reading, point)
    _check_zero(reading, where)
    factors = tuple(Factor(part.polynomials, Fraction(part.exponent)) for part in reading.parts)
    density = tuple(1 + h for h in exponents)
    germ = Germ(given.variables, factors, (Fraction(0),) * len(point), density)
    return _Question(reading, germ, where, _data(given, reading, point, exponents))


@final
class _Clock:
    """When the work on one potential must end.

    Attributes:
        reading_end: Time of `time.monotonic` at which it must be read. What is read must still be
            written into a proof of the simplest bounds.
        end: Time at which what still runs is stopped for the simplest bounds. The rules stop
            before, when the budget is used up, and keep what they have proved.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout, self._start = timeout, monotonic()
        self.reading_end = self._start + max(0.7 * timeout, _GRACE)
        self.end = self._start + max(1.05 * timeout, _GRACE)

    def budget(self) -> WorkBudget:
        """Return the work that the time limit pays for, and the rest of the time."""
        rest = max(self._start + self._timeout - monotonic(), min(self._timeout, 0.05))
        return WorkBudget(max(1, int(self._timeout * WORK_PER_SECOND)), rest)


def _place(variables: Sequence[str], point: Sequence[Fraction]) -> str:
    """Return for example ``x = 0, y = 1/2``, of many variables those that are not zero."""
    pairs = list(zip(variables, point, strict=True))
    if len(pairs) <= _LISTED:
        return ", ".join(f"{name} = {value}" for name, value in pairs)
    moved_away = [f"{name} = {value}" for name, value in pairs if value]
    return ", ".join([*moved_away, "all others = 0"]) if moved_away else "the origin"


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


def _sign(question: _Question, budget: WorkBudget, absolute: bool, clock: _Clock) -> str:
    """Return on what the sign of K rests.

    Raises:
        ValueError: If K is negative somewhere near the point, unless |K| is asked for.
    """
    reading = question.reading
    if reading.nonnegative:
        return "K >= 0 by its form"
    if absolute:
        return "the value is that of |K|"
    odd = [part.polynomials[0] for part in reading.parts if not part.nonnegative]
    try:
        with deadline(clock.end, final=True):
            signs = product_signs(reading.constant, odd, budget)
    except (TimeUpError, RecursionError):
        return _UNDECIDED
    if -1 in signs.values:
        raise ValueError(_NEGATIVE.format(where=question.where))
    if signs.complete:
        return "K >= 0 near the point"
    return _UNDECIDED


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
