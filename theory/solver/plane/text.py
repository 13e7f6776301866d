"""Curves, numbers and fields of the plane solver as text for certificates."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from theory.polynomials.expression import Polynomial, write
from theory.solver.plane.charts import Curve
from theory.solver.plane.field import Algebraic, Field, Number, is_rational


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


def field_data(field: Field) -> Mapping[str, Any]:
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
