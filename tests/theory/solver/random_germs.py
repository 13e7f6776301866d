"""Germs for the tests: written as text, moved by coordinate changes, drawn with a known value."""

import random
from collections.abc import Sequence
from fractions import Fraction

from theory.algebra.newton import polyhedron
from theory.polynomials.expression import Polynomial, parse, write
from theory.polynomials.germ import Factor, Germ
from theory.solver.arrangements import arrangement

Ideals = Sequence[tuple[Sequence[str], int]]
Known = tuple[Fraction, int]


def germ(
    ideals: Ideals,
    names: Sequence[str],
    monomial: Sequence[int] | None = None,
    density: Sequence[int] | None = None,
) -> Germ:
    """Return ``x^monomial * prod |J_k|^c_k`` at the origin, under ``x^(density - 1)``."""
    variables = tuple(names)
    return Germ(
        variables,
        tuple(
            Factor(tuple(parse(g, variables) for g in generators), Fraction(c))
            for generators, c in ideals
        ),
        tuple(map(Fraction, monomial or [0] * len(variables))),
        tuple(map(Fraction, density or [1] * len(variables))),
    )


def text_of(g: Germ) -> str:
    """Return |K| of a germ with integer exponents and without a monomial as text."""
    written = []
    for factor in g.factors:
        whole = [f"({write(p)})" for p in factor.generators]
        if len(whole) == 1:
            written.append(f"{whole[0]}^{factor.exponent}")
            continue
        power = factor.exponent / 2
        written.append("(" + " + ".join(f"{p}^2" for p in whole) + f")^{power}")
    return "*".join(written)


def image(p: Polynomial, images: Sequence[Polynomial], names: Sequence[str]) -> Polynomial:
    """Return a polynomial with its variables replaced by others."""
    total = parse("0", names)
    for exponents, c in p.terms.items():
        term = parse(str(c), names)
        for q, k in zip(images, exponents, strict=True):
            term = term * q**k
        total = total + term
    return total


def moved(g: Germ, images: Sequence[Polynomial]) -> Germ:
    """Return a germ without monomial and density in other coordinates of the same names."""
    factors = tuple(
        Factor(tuple(image(p, images, g.variables) for p in f.generators), f.exponent)
        for f in g.factors
    )
    return Germ(g.variables, factors, g.monomial, g.density)


def linear_change(rng: random.Random, names: Sequence[str]) -> list[Polynomial]:
    n = len(names)
    rows = [[int(i == j) for j in range(n)] for i in range(n)]
    for _ in range(rng.randint(1, n)):
        i, j = rng.sample(range(n), 2)
        c = rng.choice([1, -1, 2])
        rows[i] = [a + c * b for a, b in zip(rows[i], rows[j], strict=True)]
    return [
        parse("+".join(f"({c})*{v}" for c, v in zip(row, names, strict=True)), names)
        for row in rows
    ]


def polynomial_change(rng: random.Random, names: Sequence[str]) -> list[Polynomial]:
    i = rng.randrange(len(names))
    a, b = rng.sample([v for k, v in enumerate(names) if k != i], 2)
    extra = rng.choice([f"{a}^2", f"{a}*{b}", f"{a}^3", f"({a}-{b}^2)"])
    images = [parse(v, names) for v in names]
    images[i] = images[i] + parse(f"({rng.choice([1, -1, 2])})*{extra}", names)
    return images


def change(rng: random.Random, names: Sequence[str]) -> list[Polynomial]:
    return rng.choice([linear_change, polynomial_change])(rng, names)


def product_of_forms(
    rows: Sequence[Sequence[Fraction | int]], powers: Sequence[Fraction], names: Sequence[str]
) -> Germ:
    """Return ``prod |l_i|^(a_i)`` for linear forms with the given coefficients."""
    factors = tuple(
        Factor((parse("+".join(f"({c})*{v}" for c, v in zip(r, names, strict=True)), names),), p)
        for r, p in zip(rows, powers, strict=True)
    )
    n = len(names)
    return Germ(tuple(names), factors, (Fraction(0),) * n, (Fraction(1),) * n)


PLANE = [
    ("x^2-y^3", "5/12", 1), ("x^2-3*y^2", "1/2", 2), ("x^2+y^2", "1/2", 1), ("x^2*y", "1/4", 1),
    ("x*y*(x-y)", "1/3", 1), ("y^2-x^5", "7/20", 1), ("y-x^3", "1/2", 1), ("(x-y)^2", "1/4", 1),
    ("(x-y^2)*(x+y^2)", "3/8", 1), ("x^2+x*y+y^2", "1/2", 1), ("x*y", "1/2", 2),
]  # fmt: skip
"""Squares of plane germs with value and multiplicity."""


def random_case(rng: random.Random) -> tuple[Germ, Known]:
    """Return a germ in three or four variables whose value follows from its construction."""
    kind = rng.choice(["arrangement", "monomials", "sum", "product"])
    names = tuple("xyzw"[: rng.choice([3, 3, 4])])
    n = len(names)
    zero, one = (Fraction(0),) * n, (Fraction(1),) * n
    if kind == "arrangement":
        forms = []
        for _ in range(rng.randint(2, 5)):
            form = [rng.choice([0, 0, 1, 1, -1, 2]) for _ in range(n)]
            forms.append(tuple(map(Fraction, form if any(form) else [1] + [0] * (n - 1))))
        powers = [Fraction(rng.choice([1, 2, 2, 4])) for _ in forms]
        return product_of_forms(forms, powers, names), arrangement(forms, powers)
    if kind == "monomials":
        support = [
            tuple(rng.choice([0, 0, 1, 1, 2, 3]) for _ in range(n))
            for _ in range(rng.randint(2, 4))
        ]
        support = [e for e in support if any(e)] or [(1,) + (0,) * (n - 1)]
        newton = polyhedron([(support, Fraction(2))], zero)
        known = newton.exponent(one), newton.codimension(newton.attaining(one))
        images = change(rng, names)
        generators = [image(Polynomial(names, {e: Fraction(1)}), images, names) for e in support]
        return Germ(names, (Factor(tuple(generators), Fraction(2)),), zero, one), known
    left, a, m = rng.choice(PLANE)
    if n == 3:
        power = rng.randint(1, 3)
        right, b, k = f"z^{power}", f"1/{2 * power}", 1
    else:
        right, b, k = rng.choice(PLANE)
        right = right.translate(str.maketrans("xy", "zw"))
    images = change(rng, names)
    p, q = (image(parse(text, names), images, names) for text in (left, right))
    x, y = Fraction(a), Fraction(b)
    if kind == "sum":
        return Germ(names, (Factor((p, q), Fraction(2)),), zero, one), (x + y, m + k - 1)
    known = min(x, y), m + k if x == y else (m if x < y else k)
    parts = (Factor((p,), Fraction(2)), Factor((q,), Fraction(2)))
    return Germ(names, parts, zero, one), known
