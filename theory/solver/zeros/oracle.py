"""Decide exactly whether a polynomial system has a real solution off some hypersurfaces."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from theory.algebra.factoring import factors
from theory.algebra.groebner import basis, count_real, saturated, standard_monomials
from theory.algebra.ring import (
    Poly,
    degree,
    evaluate,
    is_constant,
    names_of,
    primitive,
    sort_text,
    text,
    used,
)
from theory.meter import WorkLimit, charge, spent
from theory.solver.zeros.curves import discriminant, plane_curve, sign_change
from theory.solver.zeros.problem import (
    UNKNOWN,
    WORK,
    Answer,
    OracleBudget,
    ZeroProblem,
    ZeroStatus,
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


def real_status(equations: Sequence[Poly], nonzero: Sequence[Poly], work: int = WORK) -> ZeroStatus:
    """Decide whether ``equations = 0``, ``nonzero != 0`` has a solution over the reals.

    Args:
        equations: Elements of one ring; variables that do not occur are free.
        nonzero: Elements of the same ring that must not vanish.
        work: Number of systems that may be looked at.

    Returns:
        The answer with its witness. "unknown" says nothing about the system.
    """
    return _decide(
        ZeroProblem(list(equations), irreducible(nonzero), OracleBudget(work), 0, _decide)
    )


def _decide(problem: ZeroProblem) -> ZeroStatus:
    charge(3 + sum(len(p) for p in problem.system))
    if not problem.budget.spend() or problem.depth > DEPTH:
        return UNKNOWN
    if any(not p for p in problem.nonzero):
        return ZeroStatus("empty", witness("zero"))
    cleaned = {_clean(p, problem.nonzero): None for p in problem.system if p}
    system = sorted(cleaned, key=lambda p: (len(p), degree(p), sort_text(p)))
    if any(is_constant(p) for p in system):
        return ZeroStatus("empty", witness("unit"))
    if not system:
        return ZeroStatus("nonempty", witness("free"))
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


def _one_equation(problem: ZeroProblem) -> ZeroStatus:
    result = sign_change(problem) or discriminant(problem)
    if result is not None:
        return result
    if len(problem.variables) == 2:
        return plane_curve(problem)
    return _sample(problem)


def _several_equations(problem: ZeroProblem) -> ZeroStatus:
    """Use a Groebner basis: no complex zero, finitely many zeros, or simpler consequences."""
    system, nonzero = problem.system, problem.nonzero
    problem.budget.spend(5)
    reduced = basis(saturated(system, nonzero))
    if is_constant(reduced[0]):
        return ZeroStatus("empty", witness("groebner"))
    relevant = sorted(set().union(*(used(p) for p in [*system, *nonzero])))
    if nonzero:
        relevant.append(reduced[0].ring.ngens - 1)
    monomials = standard_monomials(reduced, relevant)
    if monomials is not None:
        count = count_real(reduced, monomials)
        answer: Answer = "nonempty" if count else "empty"
        return ZeroStatus(answer, witness("hermite", count=count))
    fresh = _new_consequences(system, reduced)
    if fresh:
        result = problem.below([*system, *fresh])
        if result.answer != "unknown":
            added = [text(p) for p in fresh]
            return ZeroStatus(result.answer, witness("consequences", [result], added=added))
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


def _sample(problem: ZeroProblem) -> ZeroStatus:
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
            part = OracleBudget(min(12, budget.left))
            budget.left -= part.left
            fixed = [evaluate(p, i, value) for p in problem.system]
            result = _decide(ZeroProblem(fixed, kept, part, problem.depth + 8, _decide))
            budget.left += max(part.left, 0)
            if result.answer == "nonempty":
                name = str(problem.system[0].ring.symbols[i])
                data = witness("line", [result], variable=name, value=str(value))
                return ZeroStatus("nonempty", data)
    return UNKNOWN


_decided: dict[Any, tuple[ZeroStatus, int]] = {}


def decide(equations: Sequence[Poly], nonzero: Sequence[Poly], work: int = 250) -> ZeroStatus:
    """Call the oracle on the part of a problem that hangs together, and remember the answer."""
    system = [p for p in equations if p]
    linked = _linked(system, nonzero)
    key = (
        tuple(sorted(text(p) for p in system)),
        tuple(sorted(text(p) for p in linked)),
        names_of(system[0].ring) if system else (),
    )
    if key in _decided:
        charge(_decided[key][1])
        return _decided[key][0]
    if len(_decided) > 50000:
        _decided.clear()
    before = spent()
    charge(4)
    status = real_status(system, linked, work)
    _decided[key] = (status, spent() - before)
    return status


def _linked(system: Sequence[Poly], nonzero: Sequence[Poly]) -> list[Poly]:
    """Return the conditions that share variables with the system, through others if need be.

    The rest can be met by a small change of variables that the system does not see.
    """
    active = {i for p in system for e in p.keys() for i, k in enumerate(e) if k}
    rest = [p for p in nonzero if not p or not p.is_ground]
    kept = [p for p in rest if not p]
    rest = [p for p in rest if p]
    changed = True
    while changed:
        changed = False
        for p in list(rest):
            mine = {i for e in p.keys() for i, k in enumerate(e) if k}
            if mine & active:
                active |= mine
                kept.append(p)
                rest.remove(p)
                changed = True
    return kept
