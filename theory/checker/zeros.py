"""Re-checks the witnesses of the real zero oracle, one short case for each of its rules."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Any

from sympy import Poly as _SymPoly
from sympy.polys.groebnertools import groebner as _groebner_basis

from theory.algebra.groebner import count_real, lift, saturated, standard_monomials
from theory.algebra.modular import coprime, squarefree
from theory.algebra.ring import Poly, coefficient_list, evaluate, names_of, read, used
from theory.algebra.univariate import real_roots_between, resultant

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


def replay(equations: Sequence[Poly], nonzero: Sequence[Poly], witness: Witness) -> str:
    """Return what a witness proves of a system: ``"empty"`` or ``"nonempty"``.

    Raises:
        ValueError: If it proves nothing.
    """
    conditions = [p for p in nonzero if not p or not p.is_ground]
    # An equation that a substitution made twice stands once, as in the solver.
    system = list(dict.fromkeys(cleaned(p, conditions) for p in equations if p))
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


def _zero(system: System, nonzero: System, witness: Witness) -> str:
    need(any(not p for p in nonzero), "no condition fails everywhere")
    return "empty"


def _unit(system: System, nonzero: System, witness: Witness) -> str:
    need(any(p.is_ground for p in system), "no equation is a unit")
    return "empty"


def _free(system: System, nonzero: System, witness: Witness) -> str:
    need(not system and all(nonzero), "equations are left")
    return "nonempty"


def _definite(system: System, nonzero: System, witness: Witness) -> str:
    p, rest = pick(system, witness["equation"])
    need(all(c > 0 for c in p.values()), "a negative coefficient")
    need(all(k % 2 == 0 for e in p.keys() for k in e), "an odd exponent")
    monomials = [p.ring.from_dict({e: p.ring.domain.one}) for e in p.keys()]
    return replay([*monomials, *rest], nonzero, witness["parts"][0])


def _factors(system: System, nonzero: System, witness: Witness) -> str:
    p, rest = pick(system, witness["equation"])
    irreducible = [read(p.ring, factor) for factor in witness["pieces"]]
    whole = p.ring.one
    for factor in irreducible:
        whole = whole * factor
    need(monic(whole) == monic(p), "the factors do not multiply to the equation")
    return alternatives([([factor, *rest], nonzero) for factor in irreducible], witness)


def _linear(system: System, nonzero: System, witness: Witness) -> str:
    p, rest = pick(system, witness["equation"])
    i = index(system, witness["variable"])
    need(len(coefficient_list(p, i)) == 2, "the equation is not linear")
    r, c = coefficient_list(p, i)

    def move(q: Poly) -> Poly:
        total, scale = q.ring.zero, q.ring.one
        for part in reversed(coefficient_list(q, i)):
            total = total * -r + part * scale
            scale = scale * c
        return total

    cases = [([move(q) for q in rest], [*(move(q) for q in nonzero), c])]
    if not cleaned(c, nonzero).is_ground:
        cases.append(([c, r, *rest], nonzero))
    return alternatives(cases, witness)


def _sturm(system: System, nonzero: System, witness: Witness) -> str:
    i = index(system, witness["variable"])
    need(all(used(p) == {i} for p in system), "more than one variable")
    common = system[0]
    for p in system[1:]:
        common = common.gcd(p)
    for h in nonzero:
        # A condition fails over a root, whatever the other variables are, only if all its
        # coefficients vanish there.
        content = common.ring.zero
        others: dict[tuple[int, ...], dict[tuple[int, ...], Any]] = {}
        for e, c in h.items():
            rest = tuple(0 if j == i else k for j, k in enumerate(e))
            pure = tuple(k if j == i else 0 for j, k in enumerate(e))
            others.setdefault(rest, {})[pure] = c
        for part in others.values():
            content = content.gcd(common.ring.from_dict(part))
        common = cleaned(common, [content])
    return "nonempty" if real_roots(common, i) else "empty"


def _scaling(system: System, nonzero: System, witness: Witness) -> str:
    i, weights = index(system, witness["variable"]), witness["weights"]
    need(all(type(w) is int for w in weights), "a weight is no integer")
    for p in [*system, *nonzero]:
        sizes = {sum(w * k for w, k in zip(weights, e, strict=True)) for e in p.keys()}
        need(len(sizes) == 1, "not homogeneous")
    need(weights[i] != 0, "the variable is not scaled")
    values = witness["values"]
    variable = system[0].ring.gens[i]
    if "chosen" not in witness:
        need(1 in values and (weights[i] % 2 or -1 in values), "a sign is missing")
        need(0 in values or any(monic(h) == variable for h in nonzero), "zero is missing")
    return alternatives(
        [
            ([evaluate(p, i, v) for p in system], [evaluate(h, i, v) for h in nonzero])
            for v in values
        ],
        witness,
    )


def _ideal(system: System, nonzero: System) -> System:
    generators = saturated(system, nonzero)
    return list(groebner(generators, generators[0].ring))


def _groebner(system: System, nonzero: System, witness: Witness) -> str:
    need(any(p.is_ground for p in _ideal(system, nonzero)), "the ideal is not the unit ideal")
    return "empty"


def _hermite(system: System, nonzero: System, witness: Witness) -> str:
    reduced = _ideal(system, nonzero)
    relevant = sorted(set().union(*(used(p) for p in [*system, *nonzero])))
    relevant += [reduced[0].ring.ngens - 1] if nonzero else []
    monomials = standard_monomials(reduced, relevant)
    if monomials is None:
        raise ValueError("the system is not finite")
    count = count_real(reduced, monomials)
    need(count == witness["count"], "another number of points")
    return "nonempty" if count else "empty"


def _consequences(system: System, nonzero: System, witness: Witness) -> str:
    reduced = _ideal(system, nonzero)
    added = [read(system[0].ring, text) for text in witness["added"]]
    for p in added:
        need(not lift(p, reduced[0].ring).rem(reduced), "not in the ideal")
    return replay([*system, *added], nonzero, witness["parts"][0])


def _irreducible(p: Poly) -> bool:
    irreducible = p.factor_list()[1]
    return len(irreducible) == 1 and irreducible[0][1] == 1


def _sign_change(system: System, nonzero: System, witness: Witness) -> str:
    need(len(system) == 1, "more than one equation")
    p, _ = pick(system, witness["equation"])
    places = [index(system, name) for name in witness["variables"]]
    values = []
    points = [[Fraction(x) for x in witness[side]] for side in ("positive", "negative")]
    need(all(a * b > 0 for a, b in zip(*points, strict=True)), "two orthants")
    for point in points:
        q = p
        for i, x in zip(places, point, strict=True):
            q = evaluate(q, i, x)
        need(q and q.is_ground, "the point is not complete")
        values.append(q.LC)
    need(values[0] > 0 > values[1], "the sign does not change")
    need(_irreducible(p), "the equation may be reducible")
    return "nonempty"


def _discriminant(system: System, nonzero: System, witness: Witness) -> str:
    p, _ = pick(system, witness["equation"])
    i = index(system, witness["variable"])
    parts = coefficient_list(p, i)
    need(len(parts) == 3, "not quadratic")
    rest = parts[1] ** 2 - 4 * parts[0] * parts[2]
    cells = [read(p.ring, text) for text in witness["cells"]]
    known = [monic(h) for h in nonzero]
    need(all(len(h) == 1 and monic(h) in known for h in cells), "a condition was made up")
    need(replay([rest], cells, witness["parts"][0]) == "empty", "the discriminant vanishes")
    variables = sorted(used(rest).union(*(used(h) for h in cells)))
    for signs in product((1, -1), repeat=len(variables)):
        q = rest
        for j, s in zip(variables, signs, strict=True):
            q = evaluate(q, j, s)
        need(q and q.LC < 0, "the discriminant is positive")
    return "empty"


def _plane(system: System, witness: Witness) -> tuple[Poly, int, int, Poly]:
    need(len(system) == 1, "more than one equation")
    p, _ = pick(system, witness["equation"])
    i, j = (index(system, name) for name in witness["variables"])
    need(used(p) == {i, j} and _irreducible(p), "no irreducible plane curve")
    return p, i, j, resultant(p, p.diff(p.ring.gens[j]), j) * coefficient_list(p, j)[-1]


def _arc(system: System, nonzero: System, witness: Witness) -> str:
    p, i, j, critical = _plane(system, witness)
    x = Fraction(witness["value"])
    need(evaluate(critical, i, x), "the line is critical")
    need(real_roots(evaluate(p, i, x), j), "the line misses the curve")
    return "nonempty"


def _curve(system: System, nonzero: System, witness: Witness) -> str:
    p, i, j, critical = _plane(system, witness)
    for x in real_roots_between(critical, i):
        need(not real_roots(evaluate(p, i, x), j), "the curve has an arc")
    slopes = [p.diff(p.ring.gens[k]) for k in (i, j)]
    return replay([p, *slopes], nonzero, witness["parts"][0])


def _line(system: System, nonzero: System, witness: Witness) -> str:
    i, x = index(system, witness["variable"]), Fraction(witness["value"])
    answer = replay(
        [evaluate(p, i, x) for p in system],
        [evaluate(h, i, x) for h in nonzero],
        witness["parts"][0],
    )
    need(answer == "nonempty", "nothing on the line")
    return answer


RULES: dict[str, Callable[[System, System, Witness], str]] = {
    "zero": _zero,
    "unit": _unit,
    "free": _free,
    "definite": _definite,
    "factors": _factors,
    "linear": _linear,
    "sturm": _sturm,
    "scaling": _scaling,
    "groebner": _groebner,
    "hermite": _hermite,
    "consequences": _consequences,
    "sign change": _sign_change,
    "discriminant": _discriminant,
    "arc": _arc,
    "curve": _curve,
    "line": _line,
}
"""Checker of each zero rule."""
