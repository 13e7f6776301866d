"""Germs as the plain data of certificates: polynomials and rationals as text."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from theory.polynomials.expression import parse, write
from theory.polynomials.germ import Factor, Germ

# Certificates hold polynomials that the solver has transformed, larger than what people write.
ROOM = 100


def germ_data(germ: Germ) -> dict[str, Any]:
    """Return the plain form of a germ, under the key ``germ`` of a certificate's data."""
    return {
        "variables": list(germ.variables),
        "factors": [
            {"generators": [write(g) for g in factor.generators], "exponent": str(factor.exponent)}
            for factor in germ.factors
        ],
        "monomial": [str(n) for n in germ.monomial],
        "density": [str(nu) for nu in germ.density],
    }


def read_germ(data: Mapping[str, Any]) -> Germ:
    """Return the germ that `germ_data` wrote.

    Raises:
        ValueError: If the data is no germ.
    """
    try:
        variables = tuple(map(str, data["variables"]))
        factors = tuple(
            Factor(
                tuple(parse(text, variables, ROOM) for text in factor["generators"]),
                Fraction(factor["exponent"]),
            )
            for factor in data["factors"]
        )
        monomial = tuple(map(Fraction, data["monomial"]))
        density = tuple(map(Fraction, data["density"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a germ: {error!r}") from error
    if not len(variables) == len(monomial) == len(density):
        raise ValueError("not a germ: monomial and density do not fit the variables")
    return Germ(variables, factors, monomial, density)
