"""Restricted Boltzmann machines with one hidden unit."""

from fractions import Fraction

from theory.checks import integer
from theory.coefficient import RLCT, Step, known


def rbm_one_hidden(visible: int, visible_bias: bool) -> RLCT:
    """Return the least coefficient of ``p(x) ~ exp(b.x) cosh(w.x)`` on {-1, 1}^n, truth uniform.

    Formula: without visible biases ``n/4`` with ``m = 1`` for n >= 3 and ``m = 2`` for n = 2; the n
    biases add n/2 (n = 1: 1/2). With ``t_i = tanh w_i`` the part without bias is
    ``sum over even S of t_S x_S``, whose ideal is that of the products ``t_i t_j``; the biases are
    the linear terms of the log density, to which an even function does not contribute.

    Args:
        visible: n, number of visible units; at least 1 with biases and 2 without (with one unit
            and no bias the model is constant).
        visible_bias: whether the visible units have biases; the hidden one has none.

    Raises:
        ValueError: too few units or visible_bias is no boolean.

    Source: aoyagi2010; the expansion above is the proof for one hidden unit.
    """
    if not isinstance(visible_bias, bool):
        raise ValueError(f"visible_bias must be True or False, got {visible_bias!r}")
    n = integer("visible", visible, 1 if visible_bias else 2)
    rest = Fraction(n, 4) if n > 1 else Fraction(0)
    value = rest + (Fraction(n, 2) if visible_bias else 0)
    return known(
        value,
        2 if n == 2 else 1,
        "global",
        method="monomial ideal",
        source="aoyagi2010, restricted Boltzmann machine",
        conditions="minimum over all true parameters, attained at zero weights; units -1 and 1,"
        f" uniform truth, visible biases {'learned' if visible_bias else 'absent'}, no hidden bias",
        proof=(
            Step("expansion", "even moments t_S lie in the ideal of the products t_i t_j"),
            Step("Newton polyhedron", f"all t_i of one size: {rest}", "lin2017"),
        ),
    )
