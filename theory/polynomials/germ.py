"""The object that every rule works on: a product of ideals with a monomial and a density."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple, final

from theory.polynomials.expression import Polynomial, parse, write


class Factor(NamedTuple):
    """``(g_1^2 + ... + g_r^2)^(exponent / 2)``, that is ``|J|^exponent`` with ``|J| = max |g_i|``.

    At the scale of K a sum of squares has exponent 2 and a plain ``|f|`` has exponent 1.

    Attributes:
        generators: Polynomials in the variables of the germ.
        exponent: Positive power of ``|J|`` in K.
    """

    generators: tuple[Polynomial, ...]
    exponent: Fraction


@final
@dataclass(frozen=True)
class Germ:
    """``K = prod |x_i|^N_i * prod |J_k|^c_k`` near the origin, under ``prod |x_i|^(nu_i - 1) dx``.

    Attributes:
        variables: Names; all vanish at the point.
        factors: The ideals with their exponents ``c_k``.
        monomial: ``N_i >= 0``.
        density: ``nu_i > 0``; 1 for a flat density.
    """

    variables: tuple[str, ...]
    factors: tuple[Factor, ...]
    monomial: tuple[Fraction, ...]
    density: tuple[Fraction, ...]


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
