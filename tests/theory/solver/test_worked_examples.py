"""The table of worked examples: each germ through the solver, each family through its formula."""

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from theory import SumOfSquares, lookup, rlct, verify

S = SumOfSquares
Options = Mapping[str, Any]


class Example(NamedTuple):
    """A germ, a family or both, with value and multiplicity."""

    K: Any
    family: tuple[str, Options] | None
    value: str
    multiplicity: int
    options: Options = MappingProxyType({})


def of(family: str, **parameters: Any) -> tuple[str, Options]:
    return family, parameters


ABSOLUTE: Options = {"absolute": True}
RANK_ONE = {"a": 1, "c": 1}

PLANE = [
    Example("x^2*y^6", of("normal_crossing", exponents=(2, 6)), "1/6", 1),
    Example("x^2 + y^6", of("monomial_ideal", generators=((1, 0), (0, 3))), "2/3", 1),
    Example("x^2*y^4 + x^6", of("monomial_ideal", generators=((1, 2), (3, 0))), "1/3", 1),
    Example("(y - x^3)^2", None, "1/2", 1),
    Example("(y - x^3)^2 + x^8", None, "5/8", 1),
    Example("(y^2 - x^5)^2", of("ade_squared", kind="A", k=4, dim=2), "7/20", 1),
    Example("(x^2 + y^2)^2", of("norm_product", dims=(2,), powers=(2,)), "1/2", 1),
    Example("(x^2 - 3*y^2)^2", None, "1/2", 2),
    Example("(x*y*(x - y))^2", of("lines_squared", multiplicities=(1, 1, 1)), "1/3", 1),
    Example(S(["x - y", "x^3"]), None, "2/3", 1),
    Example("(x^2 + y^2 - 25)^2", None, "1/2", 1, {"at": {"x": 3, "y": 4}}),
    Example("x^3 - y^2", None, "5/6", 1, ABSOLUTE),
    Example("(x - y^2)^2*(x + y^2)^2", of("ade_squared", kind="A", k=3, dim=2), "3/8", 1),
    Example("(x - y)^4 + (x + y)^6", None, "5/12", 1),
    Example("(y^3 - x^4)^2 + x^6*y^2", None, "7/24", 1),
    Example("x^2 - y^2", None, "1", 2, ABSOLUTE),
]

SPACE = [
    Example(S(["x^2*y", "z"]), of("monomial_ideal", generators=((2, 1, 0), (0, 0, 1))), "3/4", 1),
    Example("(x^2 + y^2 + z^2)^3", of("norm_product", dims=(3,), powers=(3,)), "1/2", 1),
    Example("(x^2 + 4*y^2 - z^2)^2", of("ade_squared", kind="A", k=1, dim=3), "1/2", 1),
    Example(S(["(1+a)*(1+c) - 1", "(1+a)*d", "b*(1+c)", "b*d"]),
            of("reduced_rank_local", inputs=2, hidden=1, outputs=2, rank=1, rank_first=1,
               rank_second=1), "3/2", 1),
    Example("(x*y - z^3)^2", of("ade_squared", kind="A", k=2, dim=3), "1/2", 1),
    Example("x^4*y^2 + x^2*y^4 - 3*x^2*y^2*z^2 + z^6", None, "1/2", 1),
    Example(S(["x^2 - y*z", "z^2"]), None, "5/8", 1),
    Example("(x^2 + y^2 - z^2)^2 + z^6", None, "2/3", 1),
    Example(S(["a*b + c*d + e*f"]), None, "1/2", 1),
    Example(S(["x*y*z", "(x + y)^2"]), None, "1/2", 1),
]  # fmt: skip

ELEMENTARY = [
    Example("x^2 + y^2 + z^2", of("regular", dim=3), "3/2", 1),
    Example(S([f"x{i}" for i in range(10)]), of("regular", dim=10), "5", 1),
    Example("x^2*y^4", of("normal_crossing", exponents=(2, 4)), "1/4", 1),
    Example("x^2*y^4", of("normal_crossing", exponents=(2, 4), vanishing=(True, False)), "1/2", 1,
            {"at": {"y": 1}}),
    Example("x^4*y^4", of("normal_crossing", exponents=(4, 4)), "1/4", 2),
    Example("(x*y*z)^2", of("normal_crossing", exponents=(2, 2, 2)), "1/2", 3),
    Example("x^4*y^2", of("normal_crossing", exponents=(4, 2), prior=(1, 0)), "1/2", 2,
            {"prior": {"x": 1}}),
    Example(S(["x^2", "y"]), of("monomial_ideal", generators=((2, 0), (0, 1))), "3/4", 1),
    Example(S(["x^3", "x*y", "y^3"]),
            of("monomial_ideal", generators=((3, 0), (1, 1), (0, 3))), "1/2", 2),
    Example(S(["x*y", "z^2"]), of("monomial_ideal", generators=((1, 1, 0), (0, 0, 2))), "3/4", 2),
    Example("(x^2 + y^3 + z^2)^2", of("ade_squared", kind="A", k=2, dim=3), "1/2", 1),
    Example("(x^2*y + y^3 + z^2)^2", of("ade_squared", kind="D", k=4, dim=3), "1/2", 1),
    Example("((x-y)*(x-z)*(x-w)*(y-z)*(y-w)*(z-w))^2", of("braid_squared", blocks=(4,)), "1/4", 1),
    Example(None, of("braid_squared", blocks=(3, 2)), "1/3", 1),
    Example(S(["a*e - b*d", "a*f - c*d", "b*f - c*e"]),
            of("gram_determinant", p=2, q=3), "1", 1),
    Example(None, of("minors", p=2, q=4, k=2), "3/2", 1),
    Example(None, of("minors", p=3, q=3, k=3), "1/2", 1),
    Example("((x - 1)*(x^2 + y^2)^2)^2", None, "1/4", 1),
    Example("((x - 1)^3*(x^2 + y^2)^2)^2", None, "1/6", 1, {"at": {"x": 1, "y": 2}}),
]  # fmt: skip

LINEAR = [
    Example(None, of("deep_linear_global", widths=(3, 3, 3), rank=0), "7/2", 2),
    Example(None, of("deep_linear_global", widths=(3, 3, 3), rank=1), "4", 1),
    Example(None, of("deep_linear_global", widths=(5, 4, 5), rank=1), "19/2", 2),
    Example(None, of("deep_linear_global", widths=(4, 4, 4, 4), rank=1), "13/2", 1),
    Example(S(["a*b*c"]), of("deep_linear_global", widths=(1, 1, 1, 1), rank=0), "1/2", 3),
    Example(None, of("deep_linear_global", widths=(10, 8, 12, 9), rank=3), "37", 1),
    Example(None, of("deep_linear_global", widths=(3, 2, 3), rank=2), "4", 1),
    Example(None, of("deep_linear_global", widths=(2, 5, 2), rank=0), "2", 1),
    Example(None, of("deep_linear_generic", widths=(4, 4, 4, 4), layer_ranks=(4, 4, 1)), "8", 1),
    Example(None, of("deep_linear_generic", widths=(5, 4, 6, 5), layer_ranks=(4, 2, 5)), "11", 1),
    Example(None, of("symmetric_factorisation", size=3, columns=3, rank=1), "5/2", 1),
    Example(S(["a^2 + 2*a", "b^2 + 2*b", "c^2", "d^2"]), None, "3/2", 1),
    Example(S(["(1+a)*(1+b) - 1", "(1+c)*(1+d) - 1", "e*f", "g*h"]),
            of("diagonal_linear", nonzero=2, zero=2, depth=2), "2", 3),
    Example(None, of("circular_convolution", length=4, depth=2), "2", 4),
    Example(None, of("linear_convolution_zero", lengths=(3, 3)), "3/2", 2),
]  # fmt: skip

HIDDEN = [
    Example(S(["a*b + c*d", "a*b^3 + c*d^3"]), of("vandermonde", outputs=1, units=2, q=2),
            "2/3", 1),
    Example(None, of("vandermonde", outputs=1, units=5, q=2), "11/10", 1),
    Example(None, of("vandermonde", outputs=1, units=16, q=2), "2", 2),
    Example(None, of("vandermonde", outputs=2, units=3, q=2), "7/6", 1),
    Example(None, of("vandermonde", outputs=1, units=3, q=1), "1", 2),
    Example(S(["a*c", "a*d", "b*c", "b*d"]), of("one_hidden_unit", inputs=2, outputs=2), "1", 2),
]  # fmt: skip

# Normal mixtures: differences of the moments of the mixing measure, with mixing weight a.
LATENT = [
    Example(S(["a*x", "a*x^2"]), None, "1/2", 2),
    Example(S(["a*x + (1 - a)*y", "a*x^2 + (1 - a)*y^2"]),
            of("simplex_mixture", true_components=1, components=2, component_dim=1), "3/4", 1,
            {"at": {"a": "1/2"}}),
    Example(S(["a*x + (1 - a)*y", "a*x^2 + (1 - a)*y^2"]), None, "3/4", 1),
    Example(S(["a*x + b*y + (1 - a - b)*z", "a*x^2 + b*y^2 + (1 - a - b)*z^2",
               "a*x^3 + b*y^3 + (1 - a - b)*z^3"]),
            of("simplex_mixture", true_components=1, components=3, component_dim=1), "1", 1,
            {"at": {"a": "1/3", "b": "1/3"}}),
    Example(S(["a*x", "a*y", "a*x^2", "a*x*y", "a*y^2"]), None, "1/2", 1),
    Example(None, of("simplex_mixture", true_components=1, components=4, component_dim=1),
            "5/4", 1),
    Example(None, of("simplex_mixture", true_components=2, components=3, component_dim=1),
            "7/4", 1),
    Example(None, of("simplex_mixture", true_components=1, components=3, component_dim=2), "2", 3),
    Example(None, of("one_factor", variables=4, nonzero_loadings=0), "3", 1),
    Example(None, of("naive_bayes", features=4, stratum="independent"), "5/2", 1),
    Example(None, of("lda", words=3, documents=3, topics=2, rank=1), "2", 2),
    Example(None, of("lda", words=4, documents=4, topics=3, rank=1), "4", 1),
    Example(None, of("nmf_zero", rows=3, columns=3, inner=1), "3/2", 2),
    Example(None, of("nmf_positive", rows=3, columns=3, inner=2, rank=1), "7/2", 2),
]  # fmt: skip

TABLE = [*PLANE, *SPACE, *ELEMENTARY, *LINEAR, *HIDDEN, *LATENT]


@pytest.mark.parametrize("example", [e for e in TABLE if e.K is not None])
def test_germ(example: Example) -> None:
    found = rlct(example.K, **example.options)
    assert found.exact
    assert (found.value, found.multiplicity) == (Fraction(example.value), example.multiplicity)
    assert verify(found)


@pytest.mark.parametrize("example", [e for e in TABLE if e.family is not None])
def test_family(example: Example) -> None:
    assert example.family is not None
    name, parameters = example.family
    found = lookup(name, **parameters)
    assert (found.value, found.multiplicity) == (Fraction(example.value), example.multiplicity)


def test_the_table_covers_both_ways() -> None:
    assert sum(e.K is not None and e.family is not None for e in TABLE) >= 25
