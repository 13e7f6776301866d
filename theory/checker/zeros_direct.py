"""Re-checks the zero rules that rewrite a system: substitution, factors, scaling, Sturm."""

from collections.abc import Callable
from typing import Any

from theory.algebra.ring import Poly, coefficient_list, evaluate, read, used
from theory.checker.replay import (
    System,
    Witness,
    alternatives,
    cleaned,
    index,
    monic,
    need,
    pick,
    real_roots,
    replay,
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
    pieces = [read(p.ring, piece) for piece in witness["pieces"]]
    whole = p.ring.one
    for piece in pieces:
        whole = whole * piece
    need(monic(whole) == monic(p), "the factors do not multiply to the equation")
    return alternatives([([piece, *rest], nonzero) for piece in pieces], witness)


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


CASES: dict[str, Callable[[System, System, Witness], str]] = {
    "zero": _zero,
    "unit": _unit,
    "free": _free,
    "definite": _definite,
    "factors": _factors,
    "linear": _linear,
    "sturm": _sturm,
    "scaling": _scaling,
}
