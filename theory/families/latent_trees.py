"""Models with latent variables on a star or a tree: covariances are products along paths."""

from fractions import Fraction

from theory.checks import integer
from theory.coefficient import RLCT, Step, known
from theory.combine import equivalent

_TREES = "drton2017, sums of squares of monomials for latent trees"


def naive_bayes(features: int, stratum: str) -> RLCT:
    """Return the least coefficient of a naive Bayes model, hidden binary class, n binary features.

    Formula, by what the truth looks like:

    - ``"regular"``, three or more dependent features: ``(2n+1)/2``, m = 1;
    - ``"one_dependent_pair"``, all other features independent: ``(2n-1)/2``, m = 1;
    - ``"independent"``: ``(n+1)/2``, m = 1 for n >= 3; ``3/2``, m = 3 for n = 2;
      1/2, m = 1 for n = 1.

    With s the variance of the class and u_i the effect on feature i, the n means are regular and
    the central moments are multiples of ``s u_i u_j``; for independent features the ideal of these
    monomials has ratio ``min(1, n/2)`` at the scale of the ideal.

    Args:
        features: n; at least 3, 2 and 1 for the three strata.
        stratum: ``"regular"``, ``"one_dependent_pair"`` or ``"independent"``.

    Raises:
        ValueError: an unknown stratum or too few features for it.

    Source: rusakov2005.
    """
    fewest = {"regular": 3, "one_dependent_pair": 2, "independent": 1}
    if not isinstance(stratum, str) or stratum not in fewest:
        raise ValueError(f"stratum must be one of {', '.join(fewest)}, got {stratum!r}")
    n = integer("features", features, fewest[stratum])
    order = 1
    if stratum == "regular":
        value, how = Fraction(2 * n + 1, 2), f"{2 * n + 1} independent derivatives"
    elif stratum == "one_dependent_pair":
        value, how = Fraction(2 * n - 1, 2), f"n means, one covariance, {n - 2} effects"
    elif n == 1:
        value, how = Fraction(1, 2), "one mean"
    elif n == 2:
        value, order, how = Fraction(3, 2), 3, "two means and (s u_1 u_2)^2"
    else:
        value, how = Fraction(n + 1, 2), "n means and s^2 sum (u_i u_j)^2, least on s = 0"
    return known(
        value,
        order,
        "global",
        method="monomial ideal",
        source="rusakov2005, main theorem",
        conditions=f"minimum over all true parameters; binary class, {n} binary features, truth"
        f" {stratum.replace('_', ' ')} with probabilities off 0 and 1; flat prior",
        proof=(Step("moments", how, "rusakov2005"),),
    )


def one_factor(variables: int, nonzero_loadings: int) -> RLCT:
    """Return the least coefficient of factor analysis with one factor and p variables.

    Formula for the covariance ``diag(psi) + l l^T``, by the number of nonzero true loadings:
    three or more: ``p``, m = 1; two: ``(2p-1)/2``, m = 1; none or one, where the true covariance is
    diagonal: ``3p/4``, m = 1 for p >= 3; ``3/2``, m = 2 for p = 2; 1/2, m = 1 for p = 1.

    The p variances are regular and the covariances are ``l_i l_j``. A single nonzero loading has
    the same covariance as none, and the minimum is at ``l = 0``.

    Args:
        variables: p, at least 1.
        nonzero_loadings: between 0 and p.

    Raises:
        ValueError: an inadmissible number.

    Source: drton2017; drton2017b for factor analysis.
    """
    p = integer("variables", variables, 1)
    count = integer("nonzero_loadings", nonzero_loadings, 0, p)
    order = 1
    if count >= 3:
        value, how = Fraction(p), f"{p} variances and {p} loadings are regular"
    elif count == 2:
        value, how = Fraction(2 * p - 1, 2), "p variances, one covariance, p-2 loadings are regular"
    else:
        value, order, how = _diagonal(p)
    return known(
        value,
        order,
        "global",
        method="monomial ideal",
        source=_TREES,
        conditions=f"minimum over all true parameters; {p} variables, true covariance"
        + (
            " diagonal, attained where all loadings vanish"
            if count < 2
            else f" with {count} nonzero loadings"
        ),
        proof=(Step("covariances", how, "drton2017"),),
    )


def star_tree(leaves: int) -> RLCT:
    """Return the least coefficient of a Gaussian latent star tree with independent leaves.

    Formula: ``3 leaves/4``, m = 1 from three leaves on; ``3/2``, m = 2 for two; 1/2, m = 1 for one.
    The edge correlations and leaf variances are coordinates of ``one_factor`` with no loading.

    Args:
        leaves: number of observed variables, at least 1.

    Raises:
        ValueError: leaves is not a positive integer.

    Source: drton2017.
    """
    leaves = integer("leaves", leaves, 1)
    return equivalent(
        one_factor(leaves, 0),
        f"a star tree with {leaves} leaves is factor analysis with one factor",
    )


def quartet_tree(leaves: int, inner_edges: int) -> RLCT:
    """Return the least coefficient of a Gaussian latent tree with independent leaves.

    The quartet tree has four leaves and one inner edge; every tree with at least one inner edge and
    no inner node of degree two is covered.

    Formula: ``lambda = 3 leaves/4``, m = 1, whatever the inner edges. The variances are regular;
    the correlation of two leaves is the product of the edges between them. The weights 1/2 on the
    leaf edges cover every path, and by duality with half-integral packings of paths between leaves
    (every inner edge has leaves on both sides, hence slack) they are the only optimum.

    Args:
        leaves: number of observed variables, at least 4.
        inner_edges: number of edges between latent nodes, between 1 and ``leaves - 3``.

    Raises:
        ValueError: an inadmissible number.

    Source: drton2017; lovasz1976 for the packing.
    """
    leaves = integer("leaves", leaves, 4)
    inner = integer("inner_edges", inner_edges, 1, leaves - 3)
    value = Fraction(3 * leaves, 4)
    return known(
        value,
        1,
        "global",
        method="monomial ideal",
        source=_TREES,
        conditions=f"minimum over all true parameters, attained where all {leaves + inner} edge"
        " correlations vanish; independent leaves, inner nodes of degree 3 or more",
        proof=(
            Step("variances", f"{leaves} regular coordinates"),
            Step("Newton polyhedron", f"least cover of all paths {leaves}/2", "drton2017"),
            Step("packing", "paths between leaves saturate the leaf edges only", "lovasz1976"),
        ),
    )


def _diagonal(p: int) -> tuple[Fraction, int, str]:
    """Return value, multiplicity and reason for a diagonal true covariance."""
    if p == 1:
        return Fraction(1, 2), 1, "one variance"
    if p == 2:
        return Fraction(3, 2), 2, "two variances and (l_1 l_2)^2"
    return Fraction(3 * p, 4), 1, "p variances and sum (l_i l_j)^2, all l of one size"
