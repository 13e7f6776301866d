"""Regular models: a potential with a nondegenerate minimum."""

from fractions import Fraction

from theory.checks import integer
from theory.coefficient import RLCT, Step, known


def regular(dim: int) -> RLCT:
    """Return the coefficient of a nondegenerate minimum in ``dim`` variables.

    Formula: ``lambda = dim / 2``, ``m = 1`` for ``K ~ w_1^2 + ... + w_dim^2``.

    Args:
        dim: number of parameters, at least 1.

    Raises:
        ValueError: ``dim`` is not a positive integer.

    Source: watanabe2009, chapter 6 (the Laplace approximation).
    """
    dim = integer("dim", dim, 1)
    value = Fraction(dim, 2)
    return known(
        value,
        1,
        "local",
        method="closed form",
        source="watanabe2009, chapter 6",
        conditions="nondegenerate Hessian at the point; positive continuous prior",
        proof=(Step("regular", f"{dim} squares: lambda = {dim}/2 = {value}", "watanabe2009"),),
    )
