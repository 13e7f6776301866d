"""One admissible example of every family, with its coefficient and how it was verified.

``entries()`` is the table as data and ``markdown()`` as text; both are computed from ``FAMILIES``,
so they cannot disagree with ``lookup``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, final

from theory.coefficient import RLCT
from theory.families import FAMILIES
from theory.families.linear_point import LinearPoint

_ZERO: Final = ((0, 0), (0, 0))


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


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the catalogue.

    Attributes:
        family: name for ``lookup``.
        parameters: those of the example.
        result: what ``lookup`` returns for them.
        verified: how the tests confirm value and multiplicity.
    """

    family: str
    parameters: Mapping[str, Any]
    result: RLCT | LinearPoint
    verified: str

    def to_json(self) -> dict[str, Any]:
        """Return the line as plain data, with rationals as text."""
        return {
            "family": self.family,
            "parameters": {key: _plain(value) for key, value in self.parameters.items()},
            "verified": self.verified,
            **self.result.to_json(),
        }


EXAMPLES: Final[Mapping[str, Example]] = MappingProxyType(
    {
        "ade_squared": Example(
            {"kind": "A", "k": 4, "dim": 2},
            "quadrature in the simplest cases, solver on all normal forms to E_8",
        ),
        "braid_squared": Example({"blocks": (3, 2)}, "flats of the arrangement, solver"),
        "circular_convolution": Example(
            {"length": 4, "depth": 2}, "sums of norm products in the Fourier basis, solver"
        ),
        "deep_linear_at": Example({"weights": (_ZERO, _ZERO)}, "as deep_linear_local"),
        "deep_linear_generic": Example(
            {"widths": (4, 4, 4, 4), "layer_ranks": (4, 4, 1)}, "enumeration of the chain program"
        ),
        "deep_linear_global": Example(
            {"widths": (3, 3, 3), "rank": 0}, "chain program, four cases of two layers"
        ),
        "deep_linear_local": Example(
            {"widths": (3, 3, 3), "ranks": {(0, 1): 0, (1, 2): 3, (0, 2): 0}},
            "enumeration of the chain program",
        ),
        "diagonal_linear": Example(
            {"nonzero": 2, "zero": 2, "depth": 2}, "sums of normal crossings, solver"
        ),
        "diagonal_tied": Example(
            {"nonzero": 1, "zero": 2, "depth": 3}, "sums of normal crossings, solver"
        ),
        "gram_determinant": Example(
            {"p": 2, "q": 3}, "minors, low-temperature integrals over singular values, solver"
        ),
        "identifiable_cp": Example(
            {"dims": (2, 2, 2), "rank": 2}, "exact rank of the Jacobian at random factors"
        ),
        "lda": Example(
            {"words": 3, "documents": 3, "topics": 2, "rank": 1},
            "published closed form, solver on the stochastic product",
        ),
        "linear_convolution_common_roots": Example(
            {"lengths": (3, 2), "real_common": ((1, 1),)},
            "volume formula, rank of the Jacobian, solver on the product",
        ),
        "linear_convolution_zero": Example({"lengths": (3, 3)}, "norm product, solver"),
        "lines_squared": Example(
            {"multiplicities": (1, 1, 1)}, "low-temperature integrals in polar coordinates, solver"
        ),
        "minors": Example(
            {"p": 2, "q": 4, "k": 2}, "low-temperature integrals over singular values, solver"
        ),
        "mixture_common_variance": Example(
            {"components": 2, "true_components": 1},
            "cumulants and their volume, solver on the moments",
        ),
        "mixture_one_known": Example({"dim": 1}, "moments written out, quadrature, solver"),
        "monomial_ideal": Example(
            {"generators": ((2, 0, 0), (1, 1, 0), (0, 2, 1))},
            "linear programming, enumeration of vertices, quadrature, solver",
        ),
        "naive_bayes": Example(
            {"features": 4, "stratum": "independent"},
            "monomial ideal, low-temperature integrals, solver on the moments",
        ),
        "nmf_bound": Example(
            {"rows": 3, "columns": 3, "inner": 2, "true_inner": 1},
            "exact cases lie between the bounds, solver at the identity matrix",
        ),
        "nmf_positive": Example(
            {"rows": 3, "columns": 3, "inner": 2, "rank": 1},
            "reduced rank, solver at a positive point",
        ),
        "nmf_zero": Example(
            {"rows": 3, "columns": 3, "inner": 1}, "sums of norm products, monomial ideal, solver"
        ),
        "norm_product": Example({"dims": (1, 2), "powers": (1, 1)}, "quadrature, Mellin integrals"),
        "normal_crossing": Example({"exponents": (2, 4)}, "quadrature, Mellin integrals"),
        "one_factor": Example(
            {"variables": 4, "nonzero_loadings": 0},
            "monomial ideal, low-temperature integrals, solver on the covariances",
        ),
        "one_hidden_unit": Example(
            {"inputs": 2, "outputs": 2}, "reduced rank, vandermonde, solver"
        ),
        "phase_retrieval": Example(
            {"dim": 3, "true_zero": True}, "quadrature, symmetric_factorisation, solver"
        ),
        "quadratic_network": Example({"units": 2}, "quadrature for one unit, solver"),
        "quartet_tree": Example(
            {"leaves": 4, "inner_edges": 1}, "monomial ideals of all trees up to six leaves"
        ),
        "quasi_homogeneous": Example({"weights": (3, 2), "degree": 6}, "quadrature"),
        "rank_one_tensor": Example({"dims": (2, 2, 3)}, "norm product, reduced rank, solver"),
        "rbm_one_hidden": Example(
            {"visible": 2, "visible_bias": True}, "monomial ideal, sampled probabilities, solver"
        ),
        "reduced_rank_global": Example(
            {"inputs": 3, "hidden": 3, "outputs": 3, "rank": 0}, "closed form of deep networks"
        ),
        "reduced_rank_local": Example(
            {
                "inputs": 3,
                "hidden": 3,
                "outputs": 3,
                "rank": 0,
                "rank_first": 0,
                "rank_second": 3,
            },
            "chain program",
        ),
        "regular": Example({"dim": 3}, "Laplace approximation"),
        "relu_identifiable": Example(
            {"units": 3, "inputs": 2, "bias": True}, "numerical rank of the derivatives"
        ),
        "simplex_mixture": Example(
            {"true_components": 2, "components": 3, "component_dim": 1},
            "monomial ideal with prior, solver on the moments",
        ),
        "softmax_linear": Example(
            {"widths": (3, 2, 4), "rank": 1}, "deep_linear_global on centred logits, solver"
        ),
        "star_tree": Example({"leaves": 4}, "monomial ideals of all stars, one_factor"),
        "symmetric_factorisation": Example(
            {"size": 3, "columns": 3, "rank": 1}, "rank and codimension, solver"
        ),
        "tms_kgon": Example(
            {"k": 5, "columns": 5},
            "eigenvalues of the Hessian; for k = 4 the minimum of the leading part",
        ),
        "vandermonde": Example(
            {"outputs": 2, "units": 3, "q": 2}, "low-temperature integrals, published index, solver"
        ),
    }
)


def entries() -> tuple[Entry, ...]:
    """Return one line for every family, in the order of their names."""
    return tuple(
        Entry(name, example.parameters, FAMILIES[name](**example.parameters), example.verified)
        for name, example in sorted(EXAMPLES.items())
    )


def markdown() -> str:
    """Return the catalogue as a Markdown table."""
    lines = [
        "| family | parameters | scope | lambda | m | source | verified by |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for entry in entries():
        result = entry.result
        exact = result.lower == result.upper
        value = str(result.lower) if exact else f"[{result.lower}, {result.upper}]"
        order = "unknown" if result.multiplicity is None else str(result.multiplicity)
        order += " (provisional)" if result.multiplicity_provisional else ""
        given = ", ".join(f"{key}={_text(item)}" for key, item in entry.parameters.items())
        cells = (
            entry.family,
            f"`{given}`",
            result.scope,
            value,
            order,
            result.source,
            entry.verified,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _text(value: object) -> str:
    """Write a parameter without spaces, so that a cell stays on one line."""
    return repr(value).replace(" ", "")


def _plain(value: object) -> object:
    """Return tuples as lists and the pairs that index ranks as texts."""
    if isinstance(value, Mapping):
        return {",".join(map(str, key)): item for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | bool) or value is None else str(value)
