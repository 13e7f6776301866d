"""Decide exactly whether a polynomial system has a real solution off some hypersurfaces."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from theory.algebra.factoring import factors
from theory.algebra.groebner import basis, count_real, saturated, standard_monomials
from theory.algebra.meter import WorkLimit, charge
from theory.algebra.ring import (
    Poly,
    degree,
    evaluate,
    is_constant,
    primitive,
    sort_text,
    text,
    used,
)
from theory.solver.zeros.curves import discriminant, plane_curve, sign_change
from theory.solver.zeros.problem import (
    UNKNOWN,
    WORK,
    Answer,
    Budget,
    Problem,
    Status,
    irreducible,
    witness,
)
from theory.solver.zeros.rewriting import (
    definite,
    linear,
    one_variable,
    product_of_factors,
    scaling,
)

DEPTH = 24
SAMPLES = (Fraction(1), Fraction(-1), Fraction(2), Fraction(-2))


def real_status(equations: Sequence[Poly], nonzero: Sequence[Poly], work: int = WORK) -> Status:
    """Decide whether ``equations = 0``, ``nonzero != 0`` has a solution over the reals.

    Args:
        equations: Elements of one ring; variables that do not occur are free.
        nonzero: Elements of the same ring that must not vanish.
        work: Number of systems that may be looked at.

    Returns:
        The answer with its witness. "unknown" says nothing about the system.
    """
    return _decide(Problem(list(equations), irreducible(nonzero), Budget(work), 0, _decide))


def _decide(problem: Problem) -> Status:
    charge(3 + sum(len(p) for p in problem.system))
    if not problem.budget.spend() or problem.depth > DEPTH:
        return UNKNOWN
    if any(not p for p in problem.nonzero):
        return Status("empty", witness("zero"))
    cleaned = {_clean(p, problem.nonzero): None for p in problem.system if p}
    system = sorted(cleaned, key=lambda p: (len(p), degree(p), sort_text(p)))
    if any(is_constant(p) for p in system):
        return Status("empty", witness("unit"))
    if not system:
        return Status("nonempty", witness("free"))
    problem = replace(problem, system=system)
    for rule in (definite, product_of_factors, linear, one_variable, scaling):
        result = rule(problem)
        if result is not None:
            return result
    try:
        return _one_equation(problem) if len(system) == 1 else _several_equations(problem)
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


def _one_equation(problem: Problem) -> Status:
    result = sign_change(problem) or discriminant(problem)
    if result is not None:
        return result
    if len(problem.variables) == 2:
        return plane_curve(problem)
    return _sample(problem)


def _several_equations(problem: Problem) -> Status:
    """Use a Groebner basis: no complex zero, finitely many zeros, or simpler consequences."""
    system, nonzero = problem.system, problem.nonzero
    problem.budget.spend(5)
    reduced = basis(saturated(system, nonzero))
    if is_constant(reduced[0]):
        return Status("empty", witness("groebner"))
    relevant = sorted(set().union(*(used(p) for p in [*system, *nonzero])))
    if nonzero:
        relevant.append(reduced[0].ring.ngens - 1)
    monomials = standard_monomials(reduced, relevant)
    if monomials is not None:
        count = count_real(reduced, monomials)
        answer: Answer = "nonempty" if count else "empty"
        return Status(answer, witness("hermite", count=count))
    fresh = _new_consequences(system, reduced)
    if fresh:
        result = problem.below([*system, *fresh])
        if result.answer != "unknown":
            added = [text(p) for p in fresh]
            return Status(result.answer, witness("consequences", [result], added=added))
    return _sample(problem)


def _new_consequences(system: Sequence[Poly], reduced: Sequence[Poly]) -> list[Poly]:
    """Return members of the saturated ideal that are easy to use: they factor or are definite."""
    ring = system[0].ring
    fresh = []
    for p in reduced:
        if any(e[-1] for e in p.keys()) and p.ring.ngens > ring.ngens:
            continue
        q = ring.dtype({e[: ring.ngens]: c for e, c in p.items()})
        q = primitive(q)
        if q in system or len(q) > 40:
            continue
        definite = all(c > 0 for c in q.values()) and not any(k % 2 for e in q.keys() for k in e)
        if definite or len(factors(q)) > 1 or sum(k for _, k, _ in factors(q)) > 1:
            fresh.append(q)
        elif any(max(e[i] for e in q.keys()) == 1 for i in used(q)):
            fresh.append(q)
    return fresh[:6]


def _sample(problem: Problem) -> Status:
    """Look for a solution with one variable at a small rational value."""
    if problem.depth > 10:
        return UNKNOWN
    budget = problem.budget
    for i in problem.variables:
        for value in SAMPLES:
            kept = irreducible([evaluate(h, i, value) for h in problem.nonzero])
            if any(not h for h in kept):
                continue
            if budget.left <= 0:
                return UNKNOWN
            part = Budget(min(12, budget.left))
            budget.left -= part.left
            fixed = [evaluate(p, i, value) for p in problem.system]
            result = _decide(Problem(fixed, kept, part, problem.depth + 8, _decide))
            budget.left += max(part.left, 0)
            if result.answer == "nonempty":
                name = str(problem.system[0].ring.symbols[i])
                data = witness("line", [result], variable=name, value=str(value))
                return Status("nonempty", data)
    return UNKNOWN
