"""Zero rules that rewrite a system: definite equations, factors, substitution, scaling."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from theory.algebra.factoring import factors
from theory.algebra.linear import kernel
from theory.algebra.ring import (
    Poly,
    coefficient_list,
    evaluate,
    is_constant,
    sort_text,
    substitute_quotient,
    text,
    used,
)
from theory.algebra.univariate import root_count
from theory.meter import WorkLimit
from theory.solver.zeros.problem import Answer, ZeroProblem, ZeroStatus, irreducible, union, witness


def definite(problem: ZeroProblem) -> ZeroStatus | None:
    """A sum of even monomials of one sign vanishes only where every monomial does."""
    for p in problem.system:
        if len(p) == 1 or not all(c > 0 for c in p.values()):
            continue
        if any(k % 2 for e in p.keys() for k in e):
            continue
        parts = [_radical(p.ring, e) for e in p.keys()]
        result = problem.below([*parts, *problem.without(p)])
        if result.answer == "unknown":
            return result
        return ZeroStatus(result.answer, witness("definite", [result], equation=text(p)))
    return None


def _radical(ring: Any, exponents: Sequence[int]) -> Poly:
    return ring.from_dict({tuple(min(k, 1) for k in exponents): ring.domain.one})


def product_of_factors(problem: ZeroProblem) -> ZeroStatus | None:
    """An equation that factors is a union of cases."""
    for p in problem.system:
        parted = [q for q, _, _ in factors(p)]
        if len(parted) < 2:
            continue
        rest = problem.without(p)
        parts = []
        for q in parted:
            parts.append(problem.below([q, *rest]))
            if parts[-1].answer == "nonempty":
                break
        return union("factors", parts, equation=text(p), pieces=[text(q) for q in parted])
    return None


def linear(problem: ZeroProblem) -> ZeroStatus | None:
    """Solve an equation that is linear in a variable and split on its coefficient."""
    candidates: list[tuple[int, int, int, Poly, Poly, Poly]] = []
    allowed = set(problem.nonzero)
    for p in problem.system:
        for i in sorted(used(p)):
            if any(e[i] > 1 for e in p.keys()):
                continue
            r, c = coefficient_list(p, i)
            unit = all(q in allowed for q, _, _ in factors(c))
            if not unit and len(problem.system) > 3:
                continue
            candidates.append((0 if is_constant(c) else 1 if unit else 2, len(p), i, p, c, r))
    if not candidates:
        return None
    kind, _, i, p, c, r = min(candidates, key=lambda item: (*item[:3], sort_text(item[3])))
    rest = problem.without(p)
    try:
        solved = [substitute_quotient(q, i, -r, c) for q in rest]
        kept = [substitute_quotient(q, i, -r, c) for q in problem.nonzero]
        if sum(len(q) for q in solved + kept) > 2000:
            return None
    except WorkLimit:
        return None
    parts = [problem.below(solved, irreducible([*kept, c]))]
    if kind == 2 and parts[0].answer != "nonempty":
        parts.append(problem.below([c, r, *rest]))
    return union("linear", parts, equation=text(p), variable=str(p.ring.symbols[i]))


def one_variable(problem: ZeroProblem) -> ZeroStatus | None:
    """Count real roots when all equations are in one variable."""
    if len(problem.variables) != 1:
        return None
    (i,) = problem.variables
    common = problem.system[0]
    for p in problem.system[1:]:
        common = common.gcd(p)
    # Irreducible conditions on this variable alone were divided out; the others vanish
    # identically over a root only if the root is common to all their coefficients.
    for h in problem.nonzero:
        others = sorted(used(h) - {i})
        content = _content(h, others)
        if not is_constant(content):
            common = _without(common, content)
    count = 0 if is_constant(common) else root_count(common, i)
    answer: Answer = "nonempty" if count else "empty"
    return ZeroStatus(
        answer,
        witness(
            "sturm", polynomial=text(common), variable=str(common.ring.symbols[i]), count=count
        ),
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


def scaling(problem: ZeroProblem) -> ZeroStatus | None:
    """Use a positive scaling ``x_i -> s^(w_i) x_i`` of the system to fix a variable."""
    weights = _weights([*problem.system, *problem.nonzero])
    pure = {next(iter(used(h))) for h in problem.nonzero if len(h) == 1 and len(used(h)) == 1}
    choices = [
        (i not in pure, abs(w[i]) % 2 == 0, i, w)
        for w in weights
        for i in problem.variables
        if w[i]
    ]
    if not choices:
        return None
    free, even, i, w = min(choices, key=lambda item: (*item[:3], item[3]))
    values = [1, -1] if even else [1]
    if free:
        values.append(0)
    parts = []
    for value in values:
        kept = irreducible([evaluate(h, i, value) for h in problem.nonzero])
        fixed = [evaluate(p, i, value) for p in problem.system]
        parts.append(problem.below(fixed, kept))
        if parts[-1].answer == "nonempty":
            break
    return union(
        "scaling",
        parts,
        variable=str(problem.system[0].ring.symbols[i]),
        weights=list(w),
        values=values,
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
