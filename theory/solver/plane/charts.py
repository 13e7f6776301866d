"""Newton polygons of plane curve germs, and the toric chart at a root of an edge polynomial."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import pairwise
from math import gcd
from typing import Any

from theory.polynomials.expression import Polynomial, write
from theory.solver.plane.field import Algebraic, Number, NumberField, is_rational, powers
from theory.solver.plane.roots import Poly, primitive, shifted

Exponent = tuple[int, int]
Curve = Mapping[Exponent, Number]
Ray = tuple[int, int]

AXES: tuple[Ray, Ray] = ((1, 0), (0, 1))


def weight(curve: Iterable[Exponent], ray: Ray) -> int:
    """Return the smallest value of the ray on the exponents: the order of the curve along it."""
    p, q = ray
    return min(p * i + q * j for i, j in curve)


def normals(curve: Iterable[Exponent]) -> list[Ray]:
    """Return the primitive inner normals of the compact edges of the Newton polygon."""
    hull: list[Exponent] = []
    for point in sorted(curve):
        if hull and point[1] >= hull[-1][1]:
            continue
        while len(hull) > 1 and _left_of(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    rays = []
    for (i0, j0), (i1, j1) in pairwise(hull):
        p, q = j0 - j1, i1 - i0
        rays.append((p // gcd(p, q), q // gcd(p, q)))
    return rays


def fan(curves: Iterable[Iterable[Exponent]]) -> list[Ray]:
    """Return both axes and all edge normals, from (1, 0) to (0, 1) by angle."""
    inner = {ray for curve in curves for ray in normals(curve)}
    return [AXES[0], *sorted(inner, key=lambda ray: Fraction(ray[1], ray[0])), AXES[1]]


def edge_polynomial(curve: Curve, ray: Ray) -> Poly:
    """Return the part of least weight as a polynomial in ``v = y^p x^-q``, not zero at v = 0."""
    p, q = ray
    least = weight(curve, ray)
    face = {j: c for (i, j), c in curve.items() if p * i + q * j == least}
    low, high = min(face), max(face)
    result: Poly = [0] * ((high - low) // p + 1)
    for j, coefficient in face.items():
        result[(j - low) // p] = coefficient
    return result


def chart(ray: Ray) -> tuple[int, int]:
    """Return natural (r, s) with ``p s - q r = 1``, for ``x = u^p v^r, y = u^q v^s``."""
    p, q = ray
    s = pow(p, -1, q) if q > 1 else 1
    return (p * s - 1) // q, s


def transform(curve: Curve, ray: Ray, root: Number) -> dict[Exponent, Number]:
    """Return the strict transform in ``(u, w)``, ``v = root + w``, up to a unit."""
    p, q = ray
    r, s = chart(ray)
    least = weight(curve, ray)
    unit = min(r * i + s * j for i, j in curve)
    rows: dict[int, dict[int, Number]] = {}
    for (i, j), coefficient in curve.items():
        rows.setdefault(p * i + q * j - least, {})[r * i + s * j - unit] = coefficient
    result: dict[Exponent, Number] = {}
    for a, row in rows.items():
        dense: Poly = [row.get(k, 0) for k in range(max(row) + 1)]
        for k, value in enumerate(shifted(dense, root)):
            if value:
                result[a, k] = value
    return normalised(result)


def transform_cost(curve: Curve, ray: Ray) -> int:
    """Return about how many coefficient operations `transform` takes."""
    r, s = chart(ray)
    degrees = [r * i + s * j for i, j in curve]
    span = max(degrees) - min(degrees) + 1
    return min(len(curve), span) * span * (1 + span // 8)


def change_field(curve: Curve, alpha: Number) -> dict[Exponent, Number]:
    """Return the curve with the generator of its field replaced by a number of a larger one."""
    return {exponent: in_field(value, alpha) for exponent, value in curve.items()}


def in_field(value: Number, alpha: Number) -> Number:
    """Return a number with its generator replaced by alpha."""
    if not isinstance(value, Algebraic):
        return value
    total: Number = 0
    for power, coefficient in zip(
        powers(alpha, len(value.coefficients)), value.coefficients, strict=True
    ):
        total = total + power * coefficient
    return total


def normalised(curve: Curve) -> dict[Exponent, Number]:
    """Return a rational multiple with small integer coefficients."""
    flat: list[int | Fraction] = []
    for value in curve.values():
        flat += [value] if is_rational(value) else _parts(value)
    whole = iter(primitive(flat))
    result: dict[Exponent, Number] = {}
    for exponent, value in curve.items():
        if isinstance(value, Algebraic):
            parts = tuple(Fraction(next(whole)) for _ in value.coefficients)
            result[exponent] = Algebraic(value.field, parts)
        else:
            result[exponent] = next(whole)
    return result


def _parts(value: Number) -> list[int | Fraction]:
    return list(value.coefficients) if isinstance(value, Algebraic) else []


def _left_of(first: Exponent, middle: Exponent, last: Exponent) -> bool:
    """Return whether the middle point does not lie strictly below the segment of the others."""
    return (middle[0] - first[0]) * (last[1] - first[1]) <= (middle[1] - first[1]) * (
        last[0] - first[0]
    )


def curve_text(curve: Curve) -> str:
    """Return a curve as text in x, y and the generator t of its field."""
    terms: dict[tuple[int, ...], Fraction] = {}
    for (i, j), value in curve.items():
        if isinstance(value, Algebraic):
            for power, c in enumerate(value.coefficients):
                if c:
                    terms[power, i, j] = c
        else:
            terms[0, i, j] = Fraction(value)
    return write(Polynomial(("t", "x", "y"), terms))


def field_data(field: NumberField) -> Mapping[str, Any]:
    """Return the minimal polynomial of the generator t, and an interval that isolates it."""
    terms: dict[tuple[int, ...], Fraction] = {(i,): c for i, c in enumerate(field.minimal) if c}
    return {
        "minimal": write(Polynomial(("t",), terms)),
        "interval": [str(field.lo), str(field.hi)],
    }


def number_text(value: Number) -> str:
    """Return a number as text in the generator t."""
    if is_rational(value):
        return str(value)
    return curve_text({(0, 0): value})
