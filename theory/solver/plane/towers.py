"""A second algebraic extension, written as one by a primitive element."""

from fractions import Fraction
from itertools import count
from typing import Any, NamedTuple

from theory.algebra.sympy_untyped import SYMPY
from theory.solver.plane.field import Algebraic, Number, NumberField, inverse, is_rational
from theory.solver.plane.roots import (
    Poly,
    Root,
    common,
    multiply,
    nonzero_real_roots,
    rational_parts,
    refine,
    root_field,
    shifted,
)

_T, _Z = SYMPY.symbols("t z")


class Extension(NamedTuple):
    """A larger field with the old generator and the new root in it."""

    field: NumberField | None
    alpha: Number
    root: Number


def adjoin(field: NumberField | None, poly: Poly, root: Root) -> Extension:
    """Adjoin a real root of a squarefree polynomial (over the rationals: irreducible)."""
    if field is None:
        new, value = root_field(poly, root)
        return Extension(new, 0, value)
    if root.lo == root.hi:
        return Extension(field, field.generator(), root.lo)
    if len(poly) == 2:
        return Extension(field, field.generator(), -poly[0] * inverse(poly[1]))
    return _primitive(field, poly, root)


def _primitive(field: NumberField, poly: Poly, root: Root) -> Extension:
    """Take ``theta = root + s alpha`` for the first natural s whose norm is squarefree."""
    for s in count(1):
        parts = rational_parts(_norm(field, poly, s))
        if any(power > 1 for _, power in parts):
            continue
        part, theta = _select(field, poly, root, s, [part for part, _ in parts])
        if len(part) - 1 == field.degree:
            # The root lies in the old field already: it is the common root over that field.
            shift = s * field.generator()
            linear = common(poly, shifted(part, shift))
            return Extension(field, field.generator(), -linear[0])
        new, value = root_field(part, theta)
        alpha = _old_generator(field, poly, s, value)
        return Extension(new, alpha, value - s * alpha)
    raise AssertionError("one of the first few s has a squarefree norm")


def _norm(field: NumberField, poly: Poly, s: int) -> list[Fraction]:
    """Return the product of ``poly(z - s alpha)`` over the conjugates of alpha."""
    conjugates = [_sympy(c) for c in reversed(field.minimal)]
    minimal = SYMPY.Poly.from_list(conjugates, _T, domain=SYMPY.QQ)
    inner: Any = SYMPY.Poly(_Z - s * _T, _T, _Z, domain=SYMPY.QQ)
    total: Any = SYMPY.Poly(0, _T, _Z, domain=SYMPY.QQ)
    for coefficient in reversed(poly):
        coordinates = _coordinates(coefficient)
        lifted = SYMPY.Poly.from_dict(
            {(i, 0): _sympy(c) for i, c in enumerate(coordinates) if c} or {(0, 0): 0},
            _T,
            _Z,
            domain=SYMPY.QQ,
        )
        total = total * inner + lifted
    norm = SYMPY.Poly(minimal.as_expr(), _T, _Z, domain=SYMPY.QQ).resultant(total)
    return [Fraction(int(c.p), int(c.q)) for c in reversed(SYMPY.Poly(norm, _Z).all_coeffs())]


def _select(
    field: NumberField, poly: Poly, root: Root, s: int, parts: list[Poly]
) -> tuple[Poly, Root]:
    """Return the factor and the isolating interval of ``root + s alpha``."""
    candidates = [(part, theta) for part in parts for theta in _all_real_roots(part)]
    while True:
        lo, hi = root.lo + s * field.lo, root.hi + s * field.hi
        near = [(p, r) for p, r in candidates if r.lo <= hi and lo <= r.hi]
        if len(near) == 1:
            return near[0]
        field.refine()
        root = refine(poly, root)
        candidates = [(p, refine(p, r)) for p, r in near]


def _all_real_roots(part: Poly) -> list[Root]:
    """Return the real roots of an irreducible rational polynomial, zero included."""
    if len(part) == 2 and not part[0]:
        return [Root(Fraction(0), Fraction(0))]
    return nonzero_real_roots(part)


def _old_generator(field: NumberField, poly: Poly, s: int, theta: Number) -> Number:
    """Return alpha in the new field, the common root of M and ``poly(theta - s t)``."""
    total: Poly = []
    for coefficient in reversed(poly):
        total = multiply(total, [theta, -s])
        for i, c in enumerate(_coordinates(coefficient)):
            if i == len(total):
                total.append(c)
            else:
                total[i] += c
    while not total[-1]:
        total.pop()
    linear = common(list(field.minimal), total)
    return -linear[0]


def _coordinates(value: Number) -> tuple[Fraction, ...]:
    if isinstance(value, Algebraic):
        return value.coefficients
    return (Fraction(value),) if is_rational(value) else ()


def _sympy(value: Fraction) -> Any:
    return SYMPY.Rational(value.numerator, value.denominator)
