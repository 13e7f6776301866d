"""Resolution of plane germs by blowing up points, written apart from the solver.

Slow and simple: it needs rational infinitely near points and gives up at others.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import comb

import sympy

from theory.polynomials.expression import parse

F = Fraction
Curve = dict[tuple[int, int], Fraction]
Claim = tuple[Fraction, int]


class Irrational(Exception):
    """The resolution needs a point that is not rational."""


def resolve(
    factors: Sequence[tuple[Curve, int]], n: tuple[F, F], nu: tuple[F, F], real: tuple[bool, bool]
) -> list[Claim]:
    """Return (ratio, multiplicity) at all points; ``real`` tells which axes are divisors."""
    nx, ny = n
    kept = []
    for curve, k in factors:
        i0, j0 = min(i for i, _ in curve), min(j for _, j in curve)
        nx, ny = nx + k * i0, ny + k * j0
        rest = {(i - i0, j - j0): c for (i, j), c in curve.items()}
        if (0, 0) not in rest:
            kept.append((rest, k))
    x_axis, y_axis = real[0] or bool(nx), real[1] or bool(ny)
    ratios = [nu[i] / m if m else None for i, m in enumerate((nx, ny))]
    claims = [(r, 1) for r in ratios if r is not None]
    if ratios[0] is not None and ratios[0] == ratios[1]:
        claims.append((ratios[0], 2))
    total = sum(order(curve) for curve, _ in kept)
    if total == 0:
        return claims
    if total == 1 and not (x_axis and y_axis):
        curve, k = kept[0]
        across_x, across_y = (0, 1) in curve, (1, 0) in curve
        if (across_x or not x_axis) and (across_y or not y_axis):
            value = F(1, k)
            return [*claims, (value, 2 if value in ratios else 1)]
    big_n = nx + ny + sum(k * order(curve) for curve, k in kept)
    big_nu = nu[0] + nu[1]
    ratio = big_nu / big_n
    claims.append((ratio, 1))
    forms = [leading(curve) for curve, _ in kept]
    points = {F(0)} if y_axis else set()
    for form, (_, k) in zip(forms, kept, strict=True):
        for root, power, rational in slopes(form):
            if rational is not None:
                points.add(rational)
                continue
            meeting = sum(p for other in forms for r, p, _ in slopes(other) if r == root)
            if power > 1 or meeting > 1:
                raise Irrational
            claims.append((F(1, k), 2 if F(1, k) == ratio else 1))
    for c in sorted(points):
        moved = [(into_slope(curve, c), k) for curve, k in kept]
        at_axis = c == 0
        claims += resolve(
            moved,
            (big_n, ny if at_axis else F(0)),
            (big_nu, nu[1] if at_axis else F(1)),
            (True, y_axis and at_axis),
        )
    vertical = [len(form) - 1 < order(curve) for form, (curve, _) in zip(forms, kept, strict=True)]
    if x_axis or any(vertical):
        moved = [({(i, i + j - order(c)): a for (i, j), a in c.items()}, k) for c, k in kept]
        claims += resolve(moved, (nx, big_n), (nu[0], big_nu), (x_axis, True))
    return claims


def order(curve: Curve) -> int:
    return min(i + j for i, j in curve)


def leading(curve: Curve) -> list[Fraction]:
    """Return the part of lowest degree at x = 1, as coefficients of powers of y."""
    least = order(curve)
    form = [curve.get((least - j, j), F(0)) for j in range(least + 1)]
    while not form[-1]:
        form.pop()
    return form


def slopes(form: Sequence[Fraction]) -> list[tuple[object, int, Fraction | None]]:
    v = sympy.Symbol("v")
    results = []
    poly = sympy.Poly([sympy.Rational(c.numerator, c.denominator) for c in reversed(form)], v)
    for part, power in poly.factor_list()[1]:
        if part.degree() == 1:
            root = -part.nth(0) / part.nth(1)
            results.append((root, power, F(int(root.p), int(root.q))))
        else:
            results += [(root, power, None) for root in part.real_roots()]
    return results


def into_slope(curve: Curve, c: Fraction) -> Curve:
    """Return the strict transform in ``y = x (c + y')``."""
    least = order(curve)
    result: Curve = {}
    for (i, j), a in curve.items():
        for k in range(j + 1):
            key = (i + j - least, k)
            term = a * comb(j, k) * c ** (j - k)
            result[key] = result.get(key, F(0)) + term
    return {e: a for e, a in result.items() if a}


def least(claims: Sequence[Claim]) -> Claim:
    value = min(claim[0] for claim in claims)
    return value, max(m for v, m in claims if v == value)


def truth(factors: Sequence[tuple[str, int]], prior: tuple[int, int] = (0, 0)) -> Claim:
    curves = [
        ({(i, j): c for (i, j), c in parse(text, ("x", "y")).terms.items()}, k)
        for text, k in factors
    ]
    return least(
        resolve(
            curves, (F(0), F(0)), (F(1 + prior[0]), F(1 + prior[1])), (prior[0] > 0, prior[1] > 0)
        )
    )


def as_product(factors: Sequence[tuple[str, int]]) -> str:
    return "*".join(f"({text})^{k}" for text, k in factors)
