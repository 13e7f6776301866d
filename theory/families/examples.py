"""One admissible example of every family, and in words how its coefficient was verified."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, final

# The identity and then zero: a point whose local value is not the least one.
_LAYERS: Final = (((1, 0), (0, 1)), ((0, 0), (0, 0)))


@final
@dataclass(frozen=True, slots=True)
class Example:
    """Admissible parameters of a family and the second route that its tests take.

    Attributes:
        parameters: keyword arguments of ``lookup``.
        verified: how the tests confirm value and multiplicity.
    """

    parameters: Mapping[str, Any]
    verified: str


EXAMPLES: Final[Mapping[str, Example]] = MappingProxyType(
    {
        "ade_squared": Example(
            {"kind": "A", "k": 4, "dim": 2},
            "quadrature for A_1, solver on the normal forms of most types up to E_8",
        ),
        "braid_squared": Example({"blocks": (3, 2)}, "flats of the arrangement, solver"),
        "circular_convolution": Example(
            {"length": 4, "depth": 2},
            "sums of norm products in the Fourier basis, solver on the filters",
        ),
        "deep_linear_at": Example(
            {"weights": _LAYERS}, "ranks of random weights, solver at given weights"
        ),
        "deep_linear_generic": Example(
            {"widths": (4, 4, 4, 4), "layer_ranks": (4, 4, 1)},
            "list of all chains, solver at given weights",
        ),
        "deep_linear_global": Example(
            {"widths": (3, 3, 3), "rank": 0},
            "list of all chains, codimension of all strata, solver",
        ),
        "deep_linear_local": Example(
            {"widths": (3, 3, 3), "ranks": {(0, 1): 0, (1, 2): 3, (0, 2): 0}},
            "codimension of the strata nearby, list of all chains, volume, solver for small widths",
        ),
        "diagonal_linear": Example(
            {"nonzero": 2, "zero": 2, "depth": 2}, "sums of normal crossings, solver"
        ),
        "diagonal_tied": Example(
            {"nonzero": 1, "zero": 2, "depth": 3}, "sums of normal crossings, quadrature, solver"
        ),
        "gram_determinant": Example({"p": 2, "q": 3}, "minors, solver on all maximal minors"),
        "identifiable_cp": Example(
            {"dims": (2, 2, 2), "rank": 2},
            "rank of the Jacobian at random factors, exact and in floating point",
        ),
        "lda": Example(
            {"words": 3, "documents": 3, "topics": 2, "rank": 1},
            "reduced-rank regression less half a document each, solver on the stochastic product",
        ),
        "linear_convolution_common_roots": Example(
            {"lengths": (3, 2), "real_common": ((1, 1),)},
            "volume formula, rank of the Jacobian, solver on the product",
        ),
        "linear_convolution_zero": Example({"lengths": (3, 3)}, "norm product, quadrature, solver"),
        "lines_squared": Example(
            {"multiplicities": (1, 1, 1)}, "low-temperature integrals in polar coordinates, solver"
        ),
        "minors": Example(
            {"p": 2, "q": 4, "k": 2}, "low-temperature integrals over singular values, solver"
        ),
        "mixture_common_variance": Example(
            {"components": 2, "true_components": 1},
            "volume of the cumulants, solver on the moments",
        ),
        "mixture_one_known": Example({"dim": 1}, "norm product, quadrature, solver on the moments"),
        "monomial_ideal": Example(
            {"generators": ((2, 0, 0), (1, 1, 0), (0, 2, 1))},
            "linear programming, list of all vertices, quadrature, solver",
        ),
        "naive_bayes": Example(
            {"features": 4, "stratum": "independent"},
            "low-temperature integrals, monomial ideal, solver on moments and on cells",
        ),
        "nmf_bound": Example(
            {"rows": 3, "columns": 3, "inner": 2, "true_inner": 1},
            "exact cases lie between the bounds, solver at the identity and at a corner",
        ),
        "nmf_positive": Example(
            {"rows": 3, "columns": 3, "inner": 2, "rank": 1},
            "solver at a positive point, between the bounds of nmf_bound",
        ),
        "nmf_zero": Example(
            {"rows": 3, "columns": 3, "inner": 1}, "sums of norm products, monomial ideal, solver"
        ),
        "norm_product": Example(
            {"dims": (1, 2), "powers": (1, 1)}, "poles of the zeta function, monomial ideal, solver"
        ),
        "normal_crossing": Example({"exponents": (2, 4)}, "poles of the zeta function, solver"),
        "one_factor": Example(
            {"variables": 4, "nonzero_loadings": 0},
            "low-temperature integrals, monomial ideal, solver on the covariances",
        ),
        "one_hidden_unit": Example(
            {"inputs": 2, "outputs": 2}, "reduced rank, solver on the Taylor coefficients"
        ),
        "phase_retrieval": Example(
            {"dim": 3, "true_zero": True}, "quadrature, symmetric factorisation, solver"
        ),
        "quadratic_network": Example(
            {"units": 2}, "quadrature for one unit, other true parameters, solver"
        ),
        "quartet_tree": Example(
            {"leaves": 4, "inner_edges": 1},
            "monomial ideals of all trees up to six leaves, linear programming up to nine, solver",
        ),
        "quasi_homogeneous": Example(
            {"weights": (3, 2), "degree": 6}, "solver, quadrature through phase_retrieval"
        ),
        "rank_one_tensor": Example({"dims": (2, 2, 3)}, "norm product, reduced rank, solver"),
        "rbm_one_hidden": Example(
            {"visible": 2, "visible_bias": True},
            "sampled probabilities, monomial ideal, solver on the probabilities",
        ),
        "reduced_rank_global": Example(
            {"inputs": 3, "hidden": 3, "outputs": 3, "rank": 0},
            "closed form of deep networks, solver",
        ),
        "reduced_rank_local": Example(
            {"inputs": 3, "hidden": 3, "outputs": 3, "rank": 0, "rank_first": 0, "rank_second": 3},
            "chain program, codimension of the strata nearby, solver",
        ),
        "regular": Example({"dim": 3}, "closed form of the Gaussian integral, solver"),
        "relu_identifiable": Example(
            {"units": 3, "inputs": 2, "bias": True}, "numerical rank of the derivatives"
        ),
        "simplex_mixture": Example(
            {"true_components": 2, "components": 3, "component_dim": 1},
            "monomial ideal with prior, solver on the moments",
        ),
        "softmax_linear": Example(
            {"widths": (3, 2, 4), "rank": 1},
            "deep_linear_global and reduced rank on centred logits, solver",
        ),
        "star_tree": Example(
            {"leaves": 4}, "monomial ideals of all stars, linear programming, solver"
        ),
        "symmetric_factorisation": Example(
            {"size": 3, "columns": 3, "rank": 1}, "rank and codimension, solver"
        ),
        "tms_kgon": Example(
            {"k": 5, "columns": 5},
            "eigenvalues of the Hessian by two routes; for k = 4 least value of the leading part",
        ),
        "vandermonde": Example(
            {"outputs": 2, "units": 3, "q": 2},
            "low-temperature integrals, two published formulas, quadrature, solver",
        ),
    }
)
