"""Re-checks the zero rules with a theorem behind them: bases, trace forms, curves."""

from collections.abc import Callable
from fractions import Fraction
from itertools import product

from theory.algebra.groebner import count_real, lift, saturated, standard_monomials
from theory.algebra.ring import Poly, coefficient_list, evaluate, read, used
from theory.algebra.univariate import real_roots_between, resultant
from theory.checker.replay import (
    System,
    Witness,
    groebner,
    index,
    monic,
    need,
    pick,
    real_roots,
    replay,
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
    pieces = p.factor_list()[1]
    return len(pieces) == 1 and pieces[0][1] == 1


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


CASES: dict[str, Callable[[System, System, Witness], str]] = {
    "groebner": _groebner,
    "hermite": _hermite,
    "consequences": _consequences,
    "sign change": _sign_change,
    "discriminant": _discriminant,
    "arc": _arc,
    "curve": _curve,
    "line": _line,
}
