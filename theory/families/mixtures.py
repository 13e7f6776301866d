"""Finite mixtures: redundant components either die or merge with a true one."""

from fractions import Fraction

from theory.checks import integer, rational
from theory.coefficient import RLCT, Step, known

_MERGE = "merged components have positive weights, so their second moments bound all others"


def simplex_mixture(
    true_components: int,
    components: int,
    component_dim: int,
    dirichlet: int | Fraction = 1,
) -> RLCT:
    """Return the least coefficient of a mixture with redundant components.

    Formula, with r true and H fitted components of dimension d each, and the prior
    Dirichlet(phi, ..., phi) on the weights:
    ``lambda = (r - 1 + r d)/2 + (H - r) min(phi/2, d/4)``, ``m = 1 + (H - r) [2 phi = d]``.

    Total weight and mean of the components near each true one are regular. A redundant component of
    weight a at distance b contributes ``a |b|^2`` (it has positive weight, so second moments do
    not cancel and bound all higher ones): ``K ~ a^2 |b|^4`` with the density ``a^(phi-1)``, ratios
    ``phi/2`` and ``d/4``. Far from all true components it contributes ``a^2``: ``phi/2``.

    Args:
        true_components: r, at least 1.
        components: H, at least r.
        component_dim: d, dimension of the parameter of one component, at least 1.
        dirichlet: phi > 0, an integer or a Fraction.

    Raises:
        ValueError: an inadmissible number.

    Source: rousseau2011 (which redundant components survive), yamazaki2003 (bounds), chen1995
    (strong identifiability); the sum above is the proof.
    """
    r = integer("true_components", true_components, 1)
    h = integer("components", components, r)
    d = integer("component_dim", component_dim, 1)
    phi = rational("dirichlet", dirichlet, 0, strict=True)
    die, merge = phi / 2, Fraction(d, 4)
    value = Fraction(r - 1 + r * d, 2) + (h - r) * min(die, merge)
    return known(
        value,
        1 + (h - r if die == merge else 0),
        "global",
        method="sum rule",
        source="rousseau2011, with strong identifiability of chen1995",
        conditions="minimum over all true parameters; true components distinct, with positive"
        " weights; component densities strongly identifiable to second order (normal with known"
        f" covariance, Poisson, ...); Dirichlet({phi}) on the weights, positive continuous prior on"
        " a compact set of component parameters",
        proof=(
            Step("regular", f"weights and means: {r - 1 + r * d} coordinates", "chen1995"),
            Step("second moments", _MERGE, "chen1995"),
            Step(
                "normal crossing",
                f"{h - r} redundant components: a^2 |b|^4 has ratios {die} and {merge}",
                "watanabe2009",
            ),
        ),
    )


def mixture_common_variance(components: int, true_components: int) -> RLCT:
    """Return the least coefficient of a normal mixture on the line with a common unknown variance.

    Formula, with H fitted and r true components, flat prior on the weights:

    - ``H = r``: regular, ``lambda = H``, m = 1;
    - ``r < H < 2r``: ``lambda = r + (H-r)/4``, m = 1. Some true component has one fitted component,
      whose second moment fixes the variance; then the others merge as with a known variance;
    - ``r = 1, H = 2``: ``lambda = 7/6``, m = 1. Mean and variance are regular; the third cumulant
      of the mixing distribution is ``a(1-a)(1-2a) b^3`` and the fourth contains ``b^4``, with b the
      distance of the two: ratio 1/6 at generic a;
    - otherwise bounds: at least the 2r regular coordinates; at most the value with known variance,
      ``r + (H-1)/6`` (all distances of size ``e^(1/3)``, variance tuned), and for r = 1 also
      ``1 + [2(H-1) + (p-2)(p-3)]/(4p)`` for ``p <= 2H`` (cumulants 3 to p-1 tuned as in the
      Gauss-Hermite rule).

    Args:
        components: H, at least 1.
        true_components: r, between 1 and H.

    Raises:
        ValueError: an inadmissible number.

    Source: cumulants of the mixing distribution as above; chen1995 for strong identifiability.
    """
    h = integer("components", components, 1)
    r = integer("true_components", true_components, 1, h)
    lower = upper = r + Fraction(h - r, 4)
    order: int | None = 1
    rule = Step("second moments", f"variance fixed by a component that stands alone; {_MERGE}")
    if h == r:
        rule = Step("regular", f"{2 * h} independent derivatives", "chen1995")
    elif (r, h) == (1, 2):
        lower = upper = Fraction(7, 6)
        rule = Step("cumulants", "a(1-a)(1-2a) b^3 and b^4 after two regular coordinates")
    elif h >= 2 * r:
        lower, order = Fraction(r), None
        upper = min(upper, r + Fraction(h - 1, 6))
        if r == 1:
            tuned = (
                1 + Fraction(2 * (h - 1) + (p - 2) * (p - 3), 4 * p) for p in range(3, 2 * h + 1)
            )
            upper = min(upper, *tuned)
        rule = Step("volume", f"2 lambda is at least {2 * r} and at most {2 * upper}")
    return RLCT(
        lower=lower,
        upper=upper,
        multiplicity=order,
        scope="global",
        method="moments" if order else "volume bounds",
        source="chen1995, strong identifiability of normal densities",
        conditions="minimum over all true parameters; normal densities on the line with distinct"
        " true means, positive true weights and a common variance to be learned; flat prior"
        " on the weights, positive continuous prior on means and variance"
        + (
            ""
            if order
            else "; certified bounds only, since two or more fitted components may"
            " share every true one"
        ),
        proof=(rule,),
    )


def mixture_one_known(dim: int) -> RLCT:
    """Return the least coefficient of ``(1-a) N(0, I) + a N(b, I)`` when the truth is ``N(0, I)``.

    Formula: ``lambda = 1/2``, with ``m = 2`` for one dimension and ``m = 1`` otherwise. All moments
    are multiples of ``a b_i``, so ``K ~ a^2 |b|^2``: ratios 1/2 and dim/2.

    Args:
        dim: dimension of b, at least 1.

    Raises:
        ValueError: dim is not a positive integer.

    Source: watanabe2009 (the standard example, normal crossings).
    """
    dim = integer("dim", dim, 1)
    return known(
        Fraction(1, 2),
        2 if dim == 1 else 1,
        "global",
        method="norm product",
        source="watanabe2009, normal crossings",
        conditions="minimum over all true parameters, attained at a = 0, b = 0; flat prior",
        proof=(
            Step("ideal", "all Hermite coefficients are multiples of the products a b_i"),
            Step("polar coordinates", f"a^2 |b|^2: ratios 1/2 and {dim}/2", "watanabe2009"),
        ),
    )
