"""The object that every rule works on: a product of ideals with a monomial and a density."""

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, final

from theory.polynomials.expression import Polynomial


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
