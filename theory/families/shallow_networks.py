"""Networks with one hidden layer."""

from fractions import Fraction

from theory.checks import integer
from theory.coefficient import RLCT, Step, known

_VANDERMONDE = "aoyagi2019, Vandermonde matrix-type singularities"


def vandermonde(outputs: int, units: int, q: int) -> RLCT:
    """Return the coefficient at 0 of ``K = sum_{m,j} (sum_i a_mi b_i^(1+jQ))^2``, all j >= 0.

    This is a layer of H units with scalar input and zero truth: ``f(x) = sum_i a_i s(b_i x)`` with
    ``s(x) = x + c_1 x^(1+Q) + ...``, all coefficients nonzero; tanh is Q = 2.

    Formula: ``lambda = min_k [2H + M Q k(k+1)] / [4(1 + kQ)]`` over ``k = 0, 1, ..., H`` with M
    outputs; ``m`` is the number of minimisers (one or two). The bound for each k is elementary:
    ``b`` of size ``e^(1/(1+kQ))`` kills all moments from j = k on, and the k first ones are
    linear conditions on a.

    Args:
        outputs: M, at least 1.
        units: H, at least 1.
        q: Q, at least 1.

    Raises:
        ValueError: a parameter is not a positive integer.

    Source: aoyagi2019; aoyagi2013.
    """
    m_ = integer("outputs", outputs, 1)
    h = integer("units", units, 1)
    q = integer("q", q, 1)
    ratios = [Fraction(2 * h + m_ * q * k * (k + 1), 4 * (1 + k * q)) for k in range(h + 1)]
    value = min(ratios)
    ties = [k for k, ratio in enumerate(ratios) if ratio == value]
    return known(
        value,
        len(ties),
        "local",
        method="closed form",
        source=_VANDERMONDE,
        conditions=f"at the origin; scalar input, {h} units, {m_} outputs, zero truth, no biases;"
        " every true parameter is at least as large, since scaling a and b contracts to the origin",
        proof=(Step("Vandermonde", f"least at k = {ties}: lambda = {value}", _VANDERMONDE),),
    )


def one_hidden_unit(inputs: int, outputs: int) -> RLCT:
    """Return the coefficient at 0 of ``f(x) = a s(b . x)`` with one hidden unit and zero truth.

    Formula: ``lambda = min(M, N)/2``, ``m = 2`` when M = N and 1 otherwise, for N inputs and M
    outputs. All Taylor coefficients lie in the ideal of the first ones, ``a_m b_n``, so
    ``K ~ |a|^2 |b|^2``.

    Args:
        inputs: N, at least 1.
        outputs: M, at least 1.

    Raises:
        ValueError: a width is not a positive integer.

    Source: watanabe2009 (normal crossings in polar coordinates).
    """
    n, m_ = integer("inputs", inputs, 1), integer("outputs", outputs, 1)
    return known(
        Fraction(min(m_, n), 2),
        2 if m_ == n else 1,
        "global",
        method="norm product",
        source="watanabe2009, normal crossings",
        conditions="minimum over all true parameters, attained at a = 0, b = 0; activation with"
        " s(0) = 0 and s'(0) nonzero, no bias, inputs of full second moment",
        proof=(
            Step("ideal", "all Taylor coefficients are multiples of the products a_m b_n"),
            Step("polar coordinates", f"|a|^2 |b|^2: ratios {m_}/2 and {n}/2", "watanabe2009"),
        ),
    )


def quadratic_network(units: int) -> RLCT:
    """Return the coefficient at 0 of ``f(x) = sum_i a_i (b_i x)^2``, scalar input, zero truth.

    Formula, ``K = (sum_i a_i b_i^2)^2`` with H units: ``1/4, m = 1`` for H = 1; ``1/2, m = 2`` for
    H = 2; ``1/2, m = 1`` for H >= 3. Blowing up ``b = 0`` gives the exceptional divisor, ratio
    ``H/4``, and the smooth transversal hypersurface ``sum a_i t_i^2 = 0``, ratio 1/2, which is
    empty for H = 1 up to a coordinate a of ratio 1/2.

    Args:
        units: H, at least 1.

    Raises:
        ValueError: units is not a positive integer.

    Source: watanabe2009; the blow-up is the proof.
    """
    h = integer("units", units, 1)
    value = min(Fraction(h, 4), Fraction(1, 2))
    return known(
        value,
        2 if h == 2 else 1,
        "global",
        method="blow-up",
        source="watanabe2009, normal crossings",
        conditions=f"minimum over all true parameters, attained at the origin; {h} units, scalar"
        " input, zero truth",
        proof=(
            Step("blow-up", f"b = 0: exceptional divisor with ratio {Fraction(h, 4)}"),
            Step("normal crossing", "a_1 + a_2 t_2^2 + ... is smooth: ratio 1/2", "watanabe2009"),
        ),
    )


def relu_identifiable(units: int, inputs: int, bias: bool) -> RLCT:
    """Return the coefficient of a ReLU layer whose teacher has as many active generic units.

    Formula: ``lambda = units (inputs + bias)/2``, ``m = 1``, for
    ``f(x) = sum_i a_i relu(b_i . x + c_i)``. Each unit has one scale that f does not see; across
    these scales f is differentiable in mean square with independent derivatives, because each unit
    has a kink on a hyperplane of its own.

    Args:
        units: number of units, at least 1; at most 2 for one input without bias, where only two
            rays exist.
        inputs: dimension of x, at least 1.
        bias: whether the units have biases.

    Raises:
        ValueError: a count is out of range or bias is no boolean.

    Source: phuong2020 for identifiability; watanabe2009, chapter 6, for the Laplace approximation.
    """
    if not isinstance(bias, bool):
        raise ValueError(f"bias must be True or False, got {bias!r}")
    n = integer("inputs", inputs, 1)
    h = integer("units", units, 1, 2 if n == 1 and not bias else None)
    value = Fraction(h * (n + bias), 2)
    return known(
        value,
        1,
        "local",
        method="regular up to scales",
        source="phuong2020, with the Laplace approximation of watanabe2009",
        conditions="at a generic true parameter with as many units as the teacher: all output"
        " weights nonzero, kinks on different hyperplanes (or the two rays of one input) that meet"
        " the interior of the support of a positive continuous input density",
        proof=(
            Step("scales", f"{h} scales leave f unchanged"),
            Step("regular", f"{h * (n + bias)} independent derivatives", "watanabe2009"),
        ),
    )
