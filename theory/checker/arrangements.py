"""Re-checks products of linear forms without listing their flats.

For ``K = prod |l_i|^(a_i)`` let ``f(S) = rank(S) - lambda a(S)`` on sets S of forms, with ``a(S)``
the sum of their exponents. A set and the flat that it spans have the same rank, and the flat has
the larger ``a``, so the least ratio ``rank / a`` over flats is that over all sets. With this lambda
f is not negative, and it is submodular because the rank is: the sets where it vanishes are closed
under unions and intersections, and none of them can be enlarged at the same rank, so they are the
flats that attain lambda and the empty set. All maximal chains in such a lattice have equally many
steps, one for each set that is the least one around some form (Birkhoff 1937). Their number is the
multiplicity.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from theory.algebra.ring import rational
from theory.certificate import Node
from theory.checker.states import Seen, read_state
from theory.checker.zeros import need

Form = tuple[Fraction, ...]

# There are 2^14 sets of so many forms.
MAX_FORMS = 14


def check_arrangement(node: Node) -> None:
    """K is a product of linear forms, and the claim is its value."""
    forms, exponents = _read(read_state(node.data["germ"]))
    value, multiplicity = least_ratio(forms, exponents)
    need((node.lower, node.upper, node.multiplicity) == (value, value, multiplicity), "claim")


def least_ratio(forms: Sequence[Form], exponents: Sequence[Fraction]) -> tuple[Fraction, int]:
    """Return lambda and multiplicity of ``prod |l_i|^(a_i)`` at the origin.

    Args:
        forms: Nonzero coefficient vectors; proportional ones are allowed.
        exponents: Positive ``a_i``.

    Raises:
        ValueError: If there are no forms, one is zero, or there are too many.
    """
    need(0 < len(forms) <= MAX_FORMS and all(map(any, forms)), f"1 to {MAX_FORMS} nonzero forms")
    need(len(forms) == len(exponents) and min(exponents) > 0, "one positive exponent per form")
    ratios: dict[int, Fraction] = {}

    def extend(members: int, total: Fraction, rows: Mapping[int, Form], start: int) -> None:
        for k in range(start, len(forms)):
            after, weight, larger = members | 1 << k, total + exponents[k], _with(rows, forms[k])
            ratios[after] = len(larger) / weight
            extend(after, weight, larger, k + 1)

    extend(0, Fraction(0), {}, 0)
    value = min(ratios.values())
    tight = [members for members, ratio in ratios.items() if ratio == value]
    around: set[int] = set()
    for k in range(len(forms)):
        least = -1
        for members in tight:
            least &= members if members >> k & 1 else -1
        around |= {least} - {-1}
    return value, len(around)


def _with(rows: Mapping[int, Form], form: Form) -> Mapping[int, Form]:
    """Return rows in echelon form, by the column of their leading 1, with another one added."""
    for column, row in rows.items():
        if form[column]:
            head = form[column]
            form = tuple(a - head * b for a, b in zip(form, row, strict=True))
    lead = next((column for column, entry in enumerate(form) if entry), None)
    if lead is None:
        return rows
    return {**rows, lead: tuple(entry / form[lead] for entry in form)}


def _read(state: Seen) -> tuple[list[Form], list[Fraction]]:
    size = state.ring.ngens
    need(state.vanishing == size and not state.nonzero, "a germ with parameters")
    need(all(d == 1 for d in state.density), "a density")
    forms, exponents = [], []
    for i, n in enumerate(state.monomial):
        if n:
            forms.append(tuple(Fraction(int(i == j)) for j in range(size)))
            exponents.append(n)
    for generators, exponent in state.ideals:
        (p,) = generators
        need(all(sum(e) == 1 for e in p.keys()), "no linear form")
        form = [Fraction(0)] * size
        for e, c in p.items():
            form[e.index(1)] = rational(c)
        forms.append(tuple(form))
        exponents.append(exponent)
    return forms, exponents
