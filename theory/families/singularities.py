"""Squares of simple singularities and of hyperplane arrangements."""

from collections.abc import Sequence
from fractions import Fraction

from theory.checks import integer, integers
from theory.coefficient import RLCT, Step, known

_SMALLEST = {"A": (1, None), "D": (4, None), "E": (6, 8)}
_E_WEIGHTS = {6: Fraction(7, 12), 7: Fraction(5, 9), 8: Fraction(8, 15)}
_EQUATIONS = {
    "A": "x^(k+1)",
    "D": "x^2 y + y^(k-1)",
    "E": "x^3 + y^4, x^3 + x y^3 or x^3 + y^5",
}


def ade_squared(kind: str, k: int, dim: int, definite: bool = False) -> RLCT:
    """Return the coefficient at the origin of ``K = f^2`` for a simple singularity f.

    f is ``A_k: x^(k+1)``, ``D_k: x^2 y + y^(k-1)``, ``E_6: x^3 + y^4``, ``E_7: x^3 + x y^3`` or
    ``E_8: x^3 + y^5``, plus squares of the other variables; each term may carry either sign.

    Formula: with s the sum of the weights over the degree, ``s = 1/(k+1) + (dim-1)/2`` for A_k,
    ``k/(2(k-1)) + (dim-2)/2`` for D_k and ``7/12, 5/9, 8/15`` plus ``(dim-2)/2`` for E_6, E_7, E_8:
    ``lambda = s/2, m = 1`` when ``s < 1`` or f is definite; ``1/2, m = 2`` when ``s = 1``;
    ``1/2, m = 1`` when ``s > 1``. A weighted blow-up leaves one exceptional divisor, with ratio
    s/2, and the zero set of f, smooth and transversal to it, with ratio 1/2.

    Args:
        kind: ``"A"``, ``"D"`` or ``"E"``.
        k: Milnor number: at least 1 for A, at least 4 for D, 6 to 8 for E.
        dim: number of variables: at least 1 for A, at least 2 for D and E.
        definite: True when f has one sign off the origin, which only A_k with odd k allows; False
            when it changes sign (in one variable the flag does not matter).

    Raises:
        ValueError: an unknown kind, a number out of range or a definite form that does not exist.

    Source: arnold1988 (normal forms, weights); the blow-up is the proof.
    """
    if kind not in _SMALLEST:
        raise ValueError(f"kind must be 'A', 'D' or 'E', got {kind!r}")
    low, high = _SMALLEST[kind]
    k = integer("k", k, low, high)
    core = 1 if kind == "A" else 2
    dim = integer("dim", dim, core)
    if not isinstance(definite, bool):
        raise ValueError(f"definite must be True or False, got {definite!r}")
    if definite and (kind != "A" or k % 2 == 0):
        raise ValueError(
            f"definite must be False for {kind}_{k}, got True: every form of it changes sign"
        )
    weights = {
        "A": Fraction(1, k + 1),
        "D": Fraction(k, 2 * max(k - 1, 1)),
        "E": _E_WEIGHTS.get(k, Fraction(0)),
    }[kind]
    s = weights + Fraction(dim - core, 2)
    if s < 1 or definite:
        value, order = s / 2, 1
    else:
        value, order = Fraction(1, 2), 2 if s == 1 else 1
    return known(
        value,
        order,
        "local",
        method="quasi-homogeneous",
        source="arnold1988, normal forms",
        conditions=f"at the origin of {kind}_{k} ({_EQUATIONS[kind]}) in {dim} variables,"
        f" {'definite' if definite else 'not definite'}",
        proof=(
            Step(
                "weighted blow-up",
                f"s = (sum of weights)/degree = {s}: the exceptional divisor gives {s / 2}",
                "arnold1988",
            ),
            Step(
                "smooth zero set",
                "f has no real zero off the origin"
                if definite
                else "off the origin f = 0 is empty or smooth and transversal: 1/2",
            ),
        ),
    )


def braid_squared(blocks: Sequence[int]) -> RLCT:
    """Return the coefficient of ``K = prod_{i<j} (w_i - w_j)^2`` where blocks of w_i coincide.

    Formula: ``lambda = 1/(largest block)``, ``m`` = number of the largest blocks. Factors between
    blocks are units. Within a block of size b the irreducible flats are the sub-blocks of size k,
    of codimension k-1 in ``k(k-1)/2`` squared hyperplanes: ratio ``1/k``, least for the whole.

    Args:
        blocks: sizes of the groups of equal coordinates at the point, the largest at least 2.

    Raises:
        ValueError: a size is not a positive integer, or all are 1 (K is not zero there).

    Source: mustata2006 with teitler2008 for the irreducible flats; defined over the reals.
    """
    sizes = integers("blocks", blocks, 1)
    largest = max(sizes)
    if largest < 2:
        raise ValueError(f"blocks must have an entry of at least 2, got {sizes!r}: K is not zero")
    ties = sizes.count(largest)
    return known(
        Fraction(1, largest),
        ties,
        "local",
        method="hyperplane arrangement",
        source="mustata2006",
        conditions=f"where coordinates coincide in blocks of sizes {list(sizes)}",
        proof=(
            Step("irreducible flats", "a sub-block of size k has ratio 1/k", "teitler2008"),
            Step("product", f"{ties} blocks of the largest size {largest} in disjoint variables"),
        ),
    )


def lines_squared(multiplicities: Sequence[int]) -> RLCT:
    """Return the coefficient at 0 of ``K = prod_i l_i^(2 m_i)``, distinct lines in the plane.

    Formula: ``lambda = min(1/(2 max m_i), 1/sum m_i)``; ``m = 2`` when the two are equal, else 1.
    Blowing up the origin gives the exceptional divisor with ratio ``2/(2 sum m_i)``, which every
    line, of ratio ``1/(2 m_i)``, crosses once.

    Args:
        multiplicities: ``m_i >= 1``, one for each line through the origin.

    Raises:
        ValueError: an entry is not a positive integer.

    Source: mustata2006; one blow-up is the proof.
    """
    powers = integers("multiplicities", multiplicities, 1)
    line, point = Fraction(1, 2 * max(powers)), Fraction(1, sum(powers))
    return known(
        min(line, point),
        2 if line == point else 1,
        "local",
        method="blow-up",
        source="mustata2006",
        conditions=f"at the origin of the plane, {len(powers)} distinct lines",
        proof=(
            Step("blow-up", f"exceptional divisor {point}, deepest line {line}", "mustata2006"),
        ),
    )
