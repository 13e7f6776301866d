"""Hyperplane arrangements through the origin, a route that does not use the recursion.

Blowing up all flats of ``K = prod |l_i|^(a_i)`` by increasing dimension makes it a normal
crossing. The divisor of a flat F has ``nu = codim F`` and ``N = sum of a_i over l_i = 0 on F``, and
divisors meet, over the reals, exactly if their flats form a chain.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from theory.algebra.linear import rank
from theory.certificate import Node
from theory.polynomials.expression import Polynomial
from theory.polynomials.germ import Germ
from theory.solver.recursion.states import from_germ

Form = tuple[Fraction, ...]

MAX_FORMS = 14


class Flat(NamedTuple):
    """An intersection of hyperplanes: which of them contain it, and its codimension."""

    members: frozenset[int]
    codimension: int


def flats(forms: Sequence[Form]) -> list[Flat]:
    """Return all intersections of the hyperplanes, without the whole space."""
    ranks: dict[frozenset[int], int] = {}
    queue = [_closure(forms, frozenset([i])) for i in range(len(forms))]
    while queue:
        members = queue.pop()
        if members in ranks:
            continue
        ranks[members] = rank([forms[i] for i in sorted(members)])
        queue.extend(_closure(forms, members | {i}) for i in range(len(forms)) if i not in members)
    ordered = sorted(ranks.items(), key=lambda item: (item[1], sorted(item[0])))
    return [Flat(members, codimension) for members, codimension in ordered]


def _closure(forms: Sequence[Form], members: frozenset[int]) -> frozenset[int]:
    chosen = [forms[i] for i in sorted(members)]
    size = rank(chosen)
    return frozenset(i for i in range(len(forms)) if rank([*chosen, forms[i]]) == size)


def arrangement(forms: Sequence[Form], exponents: Sequence[Fraction]) -> tuple[Fraction, int]:
    """Return lambda and multiplicity of ``prod |l_i|^(a_i)`` at the origin.

    Args:
        forms: Nonzero coefficient vectors; proportional ones are allowed.
        exponents: Positive ``a_i``.

    Raises:
        ValueError: If there are no forms, one is zero, or there are too many.
    """
    if not forms or len(forms) > MAX_FORMS or any(not any(form) for form in forms):
        raise ValueError(f"expected 1 to {MAX_FORMS} nonzero linear forms")
    ratios = {
        flat: Fraction(flat.codimension) / sum(exponents[i] for i in flat.members)
        for flat in flats(forms)
    }
    value = min(ratios.values())
    tied = [flat for flat, ratio in ratios.items() if ratio == value]
    longest: dict[Flat, int] = {}
    for flat in tied:
        below = [longest[other] for other in longest if other.members < flat.members]
        longest[flat] = 1 + max(below, default=0)
    return value, max(longest.values())


def as_forms(germ: Germ) -> tuple[list[Form], list[Fraction]] | None:
    """Return the linear forms of a germ that is a product of such, with flat density."""
    if any(d != 1 for d in germ.density):
        return None
    forms: list[Form] = []
    exponents: list[Fraction] = []
    size = len(germ.variables)
    for i, n in enumerate(germ.monomial):
        if n:
            forms.append(tuple(Fraction(int(i == j)) for j in range(size)))
            exponents.append(n)
    for factor in germ.factors:
        form = _linear(factor.generators[0]) if len(factor.generators) == 1 else None
        if form is None:
            return None
        forms.append(form)
        exponents.append(factor.exponent)
    return (forms, exponents) if forms else None


def _linear(polynomial: Polynomial) -> Form | None:
    if not polynomial.terms or any(sum(e) != 1 for e in polynomial.terms):
        return None
    form = [Fraction(0)] * len(polynomial.variables)
    for e, c in polynomial.terms.items():
        form[e.index(1)] = Fraction(c)
    return tuple(form)


def solve_arrangement(germ: Germ) -> Node | None:
    """Return the node of a product of linear forms, None for other germs."""
    linear = as_forms(germ)
    if linear is None or len(linear[0]) > MAX_FORMS:
        return None
    value, multiplicity = arrangement(*linear)
    data = {"germ": from_germ(germ).to_data()}
    return Node("arrangement", value, value, multiplicity, data)
