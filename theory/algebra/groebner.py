"""Groebner bases under a work limit, and the count of real points of finite systems."""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from operator import gt, le

from theory.algebra.division import remainder
from theory.algebra.ring import Poly, names_of, polynomial_ring, primitive, rational, sort_text
from theory.meter import WorkLimit, charge

MAX_PAIRS = 250
MAX_BASIS_TERMS = 3000
MAX_BITS = 4000
MAX_DIMENSION = 36


def basis(generators: Sequence[Poly], pairs: int = MAX_PAIRS) -> list[Poly]:
    """Return the reduced Groebner basis for the order of the ring.

    Raises:
        WorkLimit: After too many S-pairs or when the polynomials grow too long.
    """
    work = _Pairs()
    elements = work.elements
    for g in sorted({primitive(p) for p in generators if p}, key=lambda p: (len(p), sort_text(p))):
        rest = remainder(g, elements) if elements else g
        if rest:
            work.append(rest)
        if elements and elements[-1].is_ground:
            return [elements[-1].ring.one]
    done = 0
    while work.queue:
        i, j = work.pop()
        if work.redundant(i, j):
            continue
        done += 1
        if done > pairs:
            raise WorkLimit("groebner")
        rest = _s_polynomial(elements[i], elements[j])
        if not rest:
            continue
        charge(4 + len(rest) * (1 + len(elements) // 4))
        rest = remainder(rest, elements)
        if not rest:
            continue
        if rest.is_ground:
            return [rest.ring.one]
        work.append(rest)
        if sum(len(p) for p in elements) > MAX_BASIS_TERMS or _bits(rest) > MAX_BITS:
            raise WorkLimit("groebner")
    return _reduced(elements)


class _Pairs:
    """Elements of a basis that grows, and the pairs of them that still have to be looked at."""

    def __init__(self) -> None:
        self.elements: list[Poly] = []
        self.leads: list[tuple[int, ...]] = []
        self.queue: list[tuple[int, int, int]] = []
        self.waiting: set[tuple[int, int]] = set()

    def append(self, g: Poly) -> None:
        """Add an element, with its pairs whose leading monomials share a variable."""
        new, mine = len(self.elements), tuple(g.LM)
        for i, other in enumerate(self.leads):
            if any(map(min, other, mine)):
                self.queue.append((sum(map(max, other, mine)), i, new))
                self.waiting.add((i, new))
        self.elements.append(g)
        self.leads.append(mine)

    def pop(self) -> tuple[int, int]:
        """Remove and return the pair with the smallest common multiple."""
        self.queue.sort(reverse=True)
        _, i, j = self.queue.pop()
        self.waiting.remove((i, j))
        return i, j

    def redundant(self, i: int, j: int) -> bool:
        """Apply the chain criterion: a third element divides the lcm, and its pairs are done."""
        lcm = _lcm(self.leads[i], self.leads[j])
        for k, other in enumerate(self.leads):
            if k in (i, j) or any(map(gt, other, lcm)):
                continue
            first, second = (min(i, k), max(i, k)), (min(j, k), max(j, k))
            if first not in self.waiting and second not in self.waiting:
                return True
        return False


def _s_polynomial(f: Poly, g: Poly) -> Poly:
    lcm = _lcm(lead(f), lead(g))
    left = tuple(a - b for a, b in zip(lcm, lead(f), strict=True))
    right = tuple(a - b for a, b in zip(lcm, lead(g), strict=True))
    return f.mul_term((left, g.LC)) - g.mul_term((right, f.LC))


def _reduced(elements: Sequence[Poly]) -> list[Poly]:
    kept = [
        p
        for i, p in enumerate(elements)
        if not any(
            _divides(lead(q), lead(p)) and (lead(q) != lead(p) or j < i)
            for j, q in enumerate(elements)
            if j != i
        )
    ]
    out = [remainder(p, [q for q in kept if q is not p]) if len(kept) > 1 else p for p in kept]
    return sorted(out, key=lambda p: (sum(lead(p)), lead(p), sort_text(p)))


@lru_cache(maxsize=50000)
def lead(p: Poly) -> tuple[int, ...]:
    """Return the exponents of the leading monomial."""
    return tuple(p.LM)


def _lcm(a: Sequence[int], b: Sequence[int]) -> tuple[int, ...]:
    return tuple(map(max, a, b))


def _divides(a: Sequence[int], b: Sequence[int]) -> bool:
    return all(map(le, a, b))


def _bits(p: Poly) -> int:
    return max(int(c.numerator).bit_length() for c in p.values())


def saturated(generators: Sequence[Poly], nonzero: Sequence[Poly]) -> list[Poly]:
    """Return the generators and ``1 - s * prod(nonzero)`` in a ring with one variable more."""
    ring = generators[0].ring
    name = "s"
    taken = set(names_of(ring))
    while name in taken:
        name += "s"
    larger = polynomial_ring((*names_of(ring), name))
    lifted = [lift(p, larger) for p in generators]
    product = larger.gens[-1]
    for p in nonzero:
        product = product * lift(p, larger)
    return [*lifted, larger.one - product] if nonzero else lifted


def lift(p: Poly, larger: Poly) -> Poly:
    """Return the polynomial in a ring that has more variables at the end."""
    extra = larger.ngens - p.ring.ngens
    return larger.dtype({(*e, *(0,) * extra): c for e, c in p.items()})


def standard_monomials(
    reduced: Sequence[Poly], variables: Sequence[int]
) -> list[tuple[int, ...]] | None:
    """Return the monomials outside the leading ideal, or None if they are not finitely many.

    Raises:
        WorkLimit: If there are too many.
    """
    n = reduced[0].ring.ngens
    leading = [lead(p) for p in reduced]
    for i in variables:
        if not any(all(k == 0 for j, k in enumerate(m) if j != i) and m[i] for m in leading):
            return None
    monomials: list[tuple[int, ...]] = []
    queue = [(0,) * n]
    seen = set(queue)
    while queue:
        m = queue.pop(0)
        if any(_divides(lead, m) for lead in leading):
            continue
        monomials.append(m)
        if len(monomials) > MAX_DIMENSION:
            raise WorkLimit("quotient")
        for i in variables:
            up = (*m[:i], m[i] + 1, *m[i + 1 :])
            if up not in seen:
                seen.add(up)
                queue.append(up)
    return monomials


def count_real(reduced: Sequence[Poly], monomials: Sequence[tuple[int, ...]]) -> int:
    """Return the number of real points as the signature of the Hermite trace form."""
    ring = reduced[0].ring
    place = {m: i for i, m in enumerate(monomials)}
    normal: dict[tuple[int, ...], list[Fraction]] = {}

    charge(len(monomials) ** 2)

    def coordinates(m: tuple[int, ...]) -> list[Fraction]:
        if m not in normal:
            rest = ring.from_dict({m: ring.domain.one}).rem(list(reduced))
            row = [Fraction(0)] * len(monomials)
            for e, c in rest.items():
                row[place[e]] = rational(c)
            normal[m] = row
        return normal[m]

    def product(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(x + y for x, y in zip(a, b, strict=True))

    traces = [
        sum(coordinates(product(m, b))[i] for i, b in enumerate(monomials)) for m in monomials
    ]
    form = [
        [
            sum(
                (c * t for c, t in zip(coordinates(product(a, b)), traces, strict=True)),
                Fraction(0),
            )
            for b in monomials
        ]
        for a in monomials
    ]
    return signature(form)


def signature(form: Sequence[Sequence[Fraction]]) -> int:
    """Return the signature of a symmetric rational matrix by congruence."""
    rows = [list(row) for row in form]
    total = 0
    while rows:
        size = len(rows)
        pivot = next((i for i in range(size) if rows[i][i]), None)
        if pivot is None:
            pair = next(((i, j) for i in range(size) for j in range(i) if rows[i][j]), None)
            if pair is None:
                return total
            i, j = pair
            # Adding row and column j to i makes the diagonal entry 2 * rows[i][j].
            rows[i] = [a + b for a, b in zip(rows[i], rows[j], strict=True)]
            for row in rows:
                row[i] += row[j]
            pivot = i
        p = rows[pivot]
        total += 1 if p[pivot] > 0 else -1
        rest = [k for k in range(size) if k != pivot]
        rows = [[rows[a][b] - rows[a][pivot] * p[b] / p[pivot] for b in rest] for a in rest]
    return total
