"""Tools of the checkers of the zero oracle: the table of rules and how to read a system."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sympy import Poly as _SymPoly
from sympy.polys.groebnertools import groebner as _groebner_basis

from theory.algebra.modular import coprime, squarefree
from theory.algebra.ring import Poly, coefficient_list, names_of, read

# Functions without types.
_UnivariatePoly: Any = _SymPoly
groebner: Any = _groebner_basis

Witness = Mapping[str, Any]


System = list[Poly]


def need(condition: object, reason: str) -> None:
    """Reject a witness unless a condition holds.

    Raises:
        ValueError: If it does not.
    """
    if not condition:
        raise ValueError(reason)


RULES: dict[str, Callable[[System, System, Witness], str]] = {}
"""Checker of each zero rule."""


def replay(equations: Sequence[Poly], nonzero: Sequence[Poly], witness: Witness) -> str:
    """Return what a witness proves of a system: ``"empty"`` or ``"nonempty"``.

    Raises:
        ValueError: If it proves nothing.
    """
    conditions = [p for p in nonzero if not p or not p.is_ground]
    system = [cleaned(p, conditions) for p in equations if p]
    if not all(conditions):
        need(witness["rule"] == "zero", "a condition fails everywhere")
    rule = RULES.get(str(witness["rule"]))
    if rule is None:
        raise ValueError(f"no checker for the zero rule {witness['rule']!r}")
    return rule(system, conditions, witness)


def cleaned(p: Poly, nonzero: Sequence[Poly]) -> Poly:
    """Return the square-free part without factors of the conditions."""
    return _cleaned(p, tuple(nonzero))


@lru_cache(maxsize=20000)
def _cleaned(p: Poly, nonzero: tuple[Poly, ...]) -> Poly:
    if not p:
        return p
    for h in nonzero:
        while h and not coprime(p, h):
            common = p.gcd(h)
            if common.is_ground:
                break
            p = p.quo(common)
    if p.is_ground:
        return p.ring.one
    return monic(p if squarefree(p) else p.sqf_part())


def monic(p: Poly) -> Poly:
    """Return the multiple with leading coefficient 1; constants stay as they are."""
    return p if p.is_ground else p.monic()


def pick(system: System, text: str) -> tuple[Poly, System]:
    """Return the equation with this text, up to units, and the others."""
    wanted = read(system[0].ring, text)
    for k, p in enumerate(system):
        if monic(wanted) == p:
            return wanted, system[:k] + system[k + 1 :]
    raise ValueError(f"{text} is no equation of the system")


def index(system: System, name: str) -> int:
    """Return the place of a variable."""
    return names_of(system[0].ring).index(name)


def alternatives(cases: Sequence[tuple[System, System]], witness: Witness) -> str:
    """Return what a witness proves of a union: one case has a zero, or none has."""
    parts = witness["parts"]
    if "chosen" in witness:
        equations, conditions = cases[int(witness["chosen"])]
        need(replay(equations, conditions, parts[0]) == "nonempty", "the chosen case")
        return "nonempty"
    need(len(parts) == len(cases), "a case is missing")
    for (equations, conditions), part in zip(cases, parts, strict=True):
        need(replay(equations, conditions, part) == "empty", "a case is not empty")
    return "empty"


def real_roots(p: Poly, i: int) -> int:
    """Return the number of real roots of a polynomial in one variable."""
    if p.is_ground:
        return 0
    values = [q.LC if q else p.ring.domain.zero for q in coefficient_list(p, i)]
    symbol = p.ring.symbols[i]
    return len(
        _UnivariatePoly.from_list(values[::-1], symbol, domain=p.ring.domain).sqf_part().intervals()
    )
