"""Decide exactly whether a polynomial system has a real solution off some hypersurfaces."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from math import gcd, lcm
from typing import Any, Literal, final

import numpy as np

from theory.solver.algebra import (
    Poly,
    WorkLimit,
    charge,
    coefficient_list,
    degree,
    evaluate,
    factors,
    is_constant,
    primitive,
    substitute_quotient,
    text,
    used,
)
from theory.solver.groebner import basis, count_real, saturated, standard_monomials
from theory.solver.univariate import real_roots_between, resultant, root_count

Answer = Literal["empty", "nonempty", "unknown"]
DEPTH = 24
WORK = 400
GRID = tuple(Fraction(a, b) for a, b in ((1, 1), (3, 1), (1, 3), (12, 1), (1, 12)))
SAMPLES: tuple[Fraction, ...] = tuple(
    Fraction(a, b) for a, b in ((1, 1), (-1, 1), (2, 1), (-2, 1), (1, 2), (-1, 2), (3, 1), (-3, 1))
)


@final
@dataclass(frozen=True, slots=True)
class Status:
    """An answer with the steps that prove it.

    Attributes:
        answer: ``"empty"``, ``"nonempty"`` or ``"unknown"``.
        witness: The rule with its data and the witnesses of the systems that it leads to.
    """

    answer: Answer
    witness: dict[str, Any] = field(default_factory=dict)


@final
@dataclass
class Budget:
    """The work that a decision may still use."""

    left: int = WORK

    def spend(self, amount: int = 1) -> bool:
        """Use some work and tell whether there was enough."""
        self.left -= amount
        return self.left >= 0


UNKNOWN = Status("unknown")


def real_status(equations: Sequence[Poly], nonzero: Sequence[Poly], work: int = WORK) -> Status:
    """Decide whether ``equations = 0``, ``nonzero != 0`` has a solution over the reals.

    Args:
        equations: Elements of one ring; variables that do not occur are free.
        nonzero: Elements of the same ring that must not vanish.
        work: Number of systems that may be looked at.

    Returns:
        The answer with its witness. "unknown" says nothing about the system.
    """
    return _decide(list(equations), _irreducible(nonzero), Budget(work), 0)


def _irreducible(nonzero: Sequence[Poly]) -> list[Poly]:
    found: dict[Poly, None] = {}
    for p in nonzero:
        if not p:
            return [p]
        for q, _, _ in factors(p):
            found[q] = None
    return sorted(found, key=lambda p: (len(p), str(p)))


def _node(rule: str, parts: Sequence[Status] = (), **data: Any) -> dict[str, Any]:
    return {"rule": rule, **data, "parts": [part.witness for part in parts]}


def _union(rule: str, parts: Sequence[Status], **data: Any) -> Status:
    """Combine alternatives: nonempty if one is, empty if all are."""
    for i, part in enumerate(parts):
        if part.answer == "nonempty":
            return Status("nonempty", _node(rule, [part], chosen=i, **data))
    if all(part.answer == "empty" for part in parts):
        return Status("empty", _node(rule, parts, **data))
    return UNKNOWN


def _decide(equations: list[Poly], nonzero: list[Poly], budget: Budget, depth: int) -> Status:
    charge(3 + sum(len(p) for p in equations))
    if not budget.spend() or depth > DEPTH:
        return UNKNOWN
    if any(not p for p in nonzero):
        return Status("empty", _node("zero"))
    cleaned: dict[Poly, None] = {}
    for p in equations:
        if p:
            cleaned[_clean(p, nonzero)] = None
    system = sorted(cleaned, key=lambda p: (len(p), degree(p), str(p)))
    if any(is_constant(p) for p in system):
        return Status("empty", _node("unit"))
    if not system:
        return Status("nonempty", _node("free"))
    for rule in (_definite, _split, _linear, _one_variable, _scale):
        result = rule(system, nonzero, budget, depth)
        if result is not None:
            return result
    try:
        return _hard(system, nonzero, budget, depth)
    except WorkLimit:
        return UNKNOWN


def _clean(p: Poly, nonzero: Sequence[Poly]) -> Poly:
    """Return the product of the factors of an equation that may vanish."""
    allowed = set(nonzero)
    result = p.ring.one
    for q, _, _ in factors(p):
        if q not in allowed:
            result = result * q
    return primitive(result)


def _definite(system: list[Poly], nonzero: list[Poly], budget: Budget, depth: int) -> Status | None:
    """A sum of even monomials of one sign vanishes only where every monomial does."""
    for p in system:
        if len(p) == 1 or not all(c > 0 for c in p.values()):
            continue
        if any(k % 2 for e in p.keys() for k in e):
            continue
        parts = [_radical(p.ring, e) for e in p.keys()]
        result = _decide([*parts, *(q for q in system if q is not p)], nonzero, budget, depth + 1)
        if result.answer == "unknown":
            return result
        return Status(result.answer, _node("definite", [result], equation=text(p)))
    return None


def _radical(ring: Any, exponents: Sequence[int]) -> Poly:
    return ring.from_dict({tuple(min(k, 1) for k in exponents): ring.domain.one})


def _split(system: list[Poly], nonzero: list[Poly], budget: Budget, depth: int) -> Status | None:
    for p in system:
        pieces = [q for q, _, _ in factors(p)]
        if len(pieces) < 2:
            continue
        rest = [q for q in system if q is not p]
        parts = []
        for q in pieces:
            parts.append(_decide([q, *rest], nonzero, budget, depth + 1))
            if parts[-1].answer == "nonempty":
                break
        return _union("factors", parts, equation=text(p), pieces=[text(q) for q in pieces])
    return None


def _linear(system: list[Poly], nonzero: list[Poly], budget: Budget, depth: int) -> Status | None:
    """Solve an equation that is linear in a variable and split on its coefficient."""
    candidates: list[tuple[int, int, int, Poly, Poly, Poly]] = []
    allowed = set(nonzero)
    for p in system:
        for i in sorted(used(p)):
            if any(e[i] > 1 for e in p.keys()):
                continue
            r, c = coefficient_list(p, i)
            unit = all(q in allowed for q, _, _ in factors(c))
            if not unit and len(system) > 3:
                continue
            candidates.append((0 if is_constant(c) else 1 if unit else 2, len(p), i, p, c, r))
    if not candidates:
        return None
    kind, _, i, p, c, r = min(candidates, key=lambda item: (*item[:3], str(item[3])))
    rest = [q for q in system if q is not p]
    try:
        solved = [substitute_quotient(q, i, -r, c) for q in rest]
        kept = [substitute_quotient(q, i, -r, c) for q in nonzero]
        if sum(len(q) for q in solved + kept) > 2000:
            return None
    except WorkLimit:
        return None
    parts = [_decide(solved, _irreducible([*kept, c]), budget, depth + 1)]
    if kind == 2 and parts[0].answer != "nonempty":
        parts.append(_decide([c, r, *rest], nonzero, budget, depth + 1))
    return _union("linear", parts, equation=text(p), variable=str(p.ring.symbols[i]))


def _one_variable(
    system: list[Poly], nonzero: list[Poly], budget: Budget, depth: int
) -> Status | None:
    """Count real roots when all equations are in one variable."""
    variables = set().union(*(used(p) for p in system))
    if len(variables) != 1:
        return None
    (i,) = variables
    common = system[0]
    for p in system[1:]:
        common = common.gcd(p)
    # Irreducible conditions on this variable alone were divided out; the others vanish
    # identically over a root only if the root is common to all their coefficients.
    for h in nonzero:
        others = sorted(used(h) - {i})
        content = _content(h, others)
        if not is_constant(content):
            common = _without(common, content)
    count = 0 if is_constant(common) else root_count(common, i)
    answer: Answer = "nonempty" if count else "empty"
    return Status(
        answer,
        _node("sturm", polynomial=text(common), variable=str(common.ring.symbols[i]), count=count),
    )


def _content(p: Poly, others: Sequence[int]) -> Poly:
    parts: dict[tuple[int, ...], dict[tuple[int, ...], Any]] = {}
    for e, c in p.items():
        key = tuple(e[j] for j in others)
        parts.setdefault(key, {})[tuple(0 if j in others else k for j, k in enumerate(e))] = c
    result = p.ring.zero
    for part in parts.values():
        result = result.gcd(p.ring.from_dict(part))
    return result


def _without(p: Poly, q: Poly) -> Poly:
    """Return p without the factors that it shares with q."""
    while True:
        common = p.gcd(q)
        if is_constant(common):
            return p
        p = p.quo(common)


def _scale(system: list[Poly], nonzero: list[Poly], budget: Budget, depth: int) -> Status | None:
    """Use a positive scaling ``x_i -> s^(w_i) x_i`` of the system to fix a variable."""
    everything = [*system, *nonzero]
    weights = _weights(everything)
    variables = sorted(set().union(*(used(p) for p in system)))
    pure = {next(iter(used(h))) for h in nonzero if len(h) == 1 and len(used(h)) == 1}
    choices = [
        (i not in pure, abs(w[i]) % 2 == 0, i, w) for w in weights for i in variables if w[i]
    ]
    if not choices:
        return None
    free, even, i, w = min(choices, key=lambda item: (*item[:3], item[3]))
    values = [1, -1] if even else [1]
    if free:
        values.append(0)
    parts = []
    for value in values:
        kept = _irreducible([evaluate(h, i, value) for h in nonzero])
        fixed = [evaluate(p, i, value) for p in system]
        parts.append(_decide(fixed, kept, budget, depth + 1))
        if parts[-1].answer == "nonempty":
            break
    return _union(
        "scaling", parts, variable=str(system[0].ring.symbols[i]), weights=list(w), values=values
    )


def _weights(polynomials: Sequence[Poly]) -> list[tuple[int, ...]]:
    """Return a basis of the integer weights under which all polynomials are homogeneous."""
    rows: list[list[Fraction]] = []
    for p in polynomials:
        exponents = sorted(p.keys())
        rows.extend(
            [Fraction(a - b) for a, b in zip(e, exponents[0], strict=True)] for e in exponents[1:]
        )
    return kernel(rows, polynomials[0].ring.ngens)


def kernel(rows: Sequence[Sequence[Fraction]], size: int) -> list[tuple[int, ...]]:
    """Return a basis of the kernel with coprime integers."""
    table = [list(row) for row in rows]
    pivots: list[int] = []
    for column in range(size):
        done = len(pivots)
        pivot = next((i for i in range(done, len(table)) if table[i][column]), None)
        if pivot is None:
            continue
        table[done], table[pivot] = table[pivot], table[done]
        head = table[done][column]
        table[done] = [x / head for x in table[done]]
        for i, row in enumerate(table):
            if i != done and row[column]:
                factor = row[column]
                table[i] = [a - factor * b for a, b in zip(row, table[done], strict=True)]
        pivots.append(column)
    found = []
    for free in (c for c in range(size) if c not in pivots):
        vector = [Fraction(0)] * size
        vector[free] = Fraction(1)
        for row, column in zip(table, pivots, strict=False):
            vector[column] = -row[free]
        scale = lcm(*(x.denominator for x in vector))
        whole = [int(x * scale) for x in vector]
        divisor = gcd(*whole)
        found.append(tuple(x // divisor for x in whole))
    return found


def _hard(system: list[Poly], nonzero: list[Poly], budget: Budget, depth: int) -> Status:
    """Apply the rules that cost more: Groebner, finite systems, sign changes, curves."""
    if len(system) == 1:
        result = _sign_change(system[0], nonzero)
        if result is not None:
            return result
        result = _discriminant(system[0], nonzero, budget, depth)
        if result is not None:
            return result
        if len(used(system[0])) == 2:
            return _curve(system[0], nonzero, budget, depth)
    else:
        budget.spend(5)
        reduced = basis(saturated(system, nonzero))
        if is_constant(reduced[0]):
            return Status("empty", _node("groebner"))
        relevant = sorted(set().union(*(used(p) for p in [*system, *nonzero])))
        if nonzero:
            relevant.append(reduced[0].ring.ngens - 1)
        monomials = standard_monomials(reduced, relevant)
        if monomials is not None:
            count = count_real(reduced, monomials)
            answer: Answer = "nonempty" if count else "empty"
            return Status(answer, _node("hermite", count=count))
        fresh = _new_consequences(system, reduced)
        if fresh:
            result = _decide([*system, *fresh], nonzero, budget, depth + 1)
            if result.answer != "unknown":
                return Status(
                    result.answer,
                    _node("consequences", [result], added=[text(p) for p in fresh]),
                )
    return _sample(system, nonzero, budget, depth)


def _new_consequences(system: Sequence[Poly], reduced: Sequence[Poly]) -> list[Poly]:
    """Return members of the saturated ideal that are easy to use: they factor or are definite."""
    ring = system[0].ring
    fresh = []
    for p in reduced:
        if any(e[-1] for e in p.keys()) and p.ring.ngens > ring.ngens:
            continue
        q = ring.from_dict({e[: ring.ngens]: c for e, c in p.items()})
        q = primitive(q)
        if q in system or len(q) > 40:
            continue
        definite = all(c > 0 for c in q.values()) and not any(k % 2 for e in q.keys() for k in e)
        if definite or len(factors(q)) > 1 or sum(k for _, k, _ in factors(q)) > 1:
            fresh.append(q)
        elif any(max(e[i] for e in q.keys()) == 1 for i in used(q)):
            fresh.append(q)
    return fresh[:6]


def _sign_change(p: Poly, nonzero: Sequence[Poly]) -> Status | None:
    """An irreducible polynomial that changes sign inside one cell has zeros off the others.

    Its zero set separates a cell there, so it is no subset of a hypersurface that it does not
    share a factor with.
    """
    pieces = factors(p)
    if len(pieces) != 1 or not pieces[0][2] or pieces[0][1] != 1:
        return None
    variables = sorted(used(p))
    if len(variables) > 5:
        return None
    positive, negative = _opposite(p, variables)
    if positive is None or negative is None:
        return None
    return Status(
        "nonempty",
        _node(
            "sign change",
            equation=text(p),
            variables=[str(p.ring.symbols[i]) for i in variables],
            positive=[str(x) for x in positive],
            negative=[str(x) for x in negative],
        ),
    )


def _opposite(
    p: Poly, variables: Sequence[int]
) -> tuple[list[Fraction] | None, list[Fraction] | None]:
    """Return points of one orthant at which the polynomial has opposite signs, if any are seen.

    Floating point only proposes the points; their signs are then computed exactly.
    """
    charge(20)
    sizes = list(product(GRID[: 3 if len(variables) > 3 else 5], repeat=len(variables)))
    exponents = np.array([[e[i] for i in variables] for e in p.keys()], dtype=float)
    coefficients = np.array([float(c) for c in p.values()])
    points = np.array([[float(x) for x in row] for row in sizes])
    monomials = np.exp(np.log(points) @ exponents.T)
    for signs in product((1, -1), repeat=len(variables)):
        flips = np.prod(np.where(exponents % 2 == 1, np.array(signs), 1), axis=1)
        values = monomials @ (coefficients * flips)
        scale = monomials @ np.abs(coefficients)
        high, low = int(np.argmax(values / scale)), int(np.argmin(values / scale))
        ends = [[s * x for s, x in zip(signs, sizes[k], strict=True)] for k in (high, low)]
        if values[high] > 0 > values[low]:
            top, bottom = (_value(p, variables, at) for at in ends)
            if top > 0 > bottom:
                return ends[0], ends[1]
    return None, None


def _value(p: Poly, variables: Sequence[int], at: Sequence[Fraction]) -> Any:
    for i, x in zip(variables, at, strict=True):
        p = evaluate(p, i, x)
    return p.LC if p else p.ring.domain.zero


def _discriminant(p: Poly, nonzero: list[Poly], budget: Budget, depth: int) -> Status | None:
    """A quadratic whose discriminant never vanishes and is negative in every cell is definite."""
    for i in sorted(used(p)):
        parts = coefficient_list(p, i)
        if len(parts) != 3:
            continue
        c, b, a = parts
        rest = b**2 - 4 * a * c
        cells = [h for h in nonzero if not used(h) & {i}]
        if any(len(h) > 1 for h in cells):
            cells = [h for h in cells if len(h) == 1]
        never = _decide([rest], cells, budget, depth + 1)
        if never.answer != "empty":
            continue
        variables = sorted(used(rest).union(*(used(h) for h in cells)))
        negative = True
        for signs in product((1, -1), repeat=len(variables)):
            q = rest
            for j, s in zip(variables, signs, strict=True):
                q = evaluate(q, j, s)
            negative = negative and bool(q) and bool(q.LC < 0)
        if negative:
            return Status(
                "empty",
                _node(
                    "discriminant",
                    [never],
                    equation=text(p),
                    variable=str(p.ring.symbols[i]),
                    cells=[text(h) for h in cells],
                ),
            )
    return None


def _curve(p: Poly, nonzero: list[Poly], budget: Budget, depth: int) -> Status:
    """Decide a plane curve by its points over one sample of every interval of its shadow."""
    pieces = factors(p)
    if len(pieces) != 1 or not pieces[0][2] or degree(p) > 16:
        return UNKNOWN
    i, j = sorted(used(p))
    lead = coefficient_list(p, j)[-1]
    critical = resultant(p, p.diff(j), j) * lead
    for x in real_roots_between(critical, i):
        if root_count(evaluate(p, i, x), j):
            # The root is simple, so the curve has an arc there, and the conditions meet an
            # irreducible curve in finitely many points only.
            return Status(
                "nonempty",
                _node(
                    "arc",
                    equation=text(p),
                    variables=[str(p.ring.symbols[i]), str(p.ring.symbols[j])],
                    value=str(x),
                ),
            )
    result = _decide([p, p.diff(i), p.diff(j)], nonzero, budget, depth + 1)
    if result.answer == "unknown":
        return result
    return Status(
        result.answer,
        _node(
            "curve",
            [result],
            equation=text(p),
            variables=[str(p.ring.symbols[i]), str(p.ring.symbols[j])],
        ),
    )


def _sample(system: list[Poly], nonzero: list[Poly], budget: Budget, depth: int) -> Status:
    """Look for a solution with one variable at a small rational value."""
    variables = sorted(set().union(*(used(p) for p in system)))
    if depth > 10:
        return UNKNOWN
    for i in variables:
        for value in SAMPLES[:4]:
            kept = _irreducible([evaluate(h, i, value) for h in nonzero])
            if any(not h for h in kept):
                continue
            if budget.left <= 0:
                return UNKNOWN
            part = Budget(min(12, budget.left))
            budget.left -= part.left
            result = _decide([evaluate(p, i, value) for p in system], kept, part, depth + 8)
            budget.left += max(part.left, 0)
            if result.answer == "nonempty":
                return Status(
                    "nonempty",
                    _node(
                        "line", [result], variable=str(system[0].ring.symbols[i]), value=str(value)
                    ),
                )
    return UNKNOWN
