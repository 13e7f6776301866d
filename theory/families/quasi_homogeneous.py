"""Quasi-homogeneous potentials that are positive off the origin."""

from collections.abc import Sequence
from fractions import Fraction

from theory.checks import integer, integers
from theory.coefficient import RLCT, Step, known

_SOURCE = "watanabe2009"


def quasi_homogeneous(weights: Sequence[int], degree: int) -> RLCT:
    """Return the coefficient at 0 of a positive quasi-homogeneous potential.

    If ``K(s^a1 w1, ..., s^ad wd) = s^D K(w)`` and ``K > 0`` off the origin, one weighted blow-up
    gives ``K = u^D`` times a unit with Jacobian ``u^(sum a - 1)``, so
    ``lambda = (a1 + ... + ad) / D`` and ``m = 1``.

    Formula: ``lambda = (a1 + ... + ad) / D``, ``m = 1``.

    The caller vouches for positivity; ``x^2 y^2`` fits the weights but not the theorem.

    Args:
        weights: Positive integer weights of the variables.
        degree: Positive integer weighted degree of K.

    Raises:
        ValueError: A weight or the degree is not a positive integer.

    Source: watanabe2009 (weighted blow-up, normal crossings).
    """
    total = sum(integers("weights", weights, 1))
    value = Fraction(total, integer("degree", degree, 1))
    statement = f"(sum of weights)/degree = {total}/{degree}, K > 0 off the origin"
    return known(
        value,
        1,
        "local",
        method="quasi-homogeneous",
        source=_SOURCE,
        conditions="at the origin, K > 0 elsewhere",
        proof=(Step("quasi-homogeneous", statement, _SOURCE),),
    )
