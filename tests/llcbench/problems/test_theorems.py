"""Every family of theorems has a problem, every problem has a theorem, and the solver agrees."""

import numpy as np
import pytest
import sympy as sp
from theorems import ALGEBRAIC, ELSEWHERE, EXCLUDED, MODELS, OWN_DERIVATION

import theory
from llcbench.problems.models.statistical import NAMED as MODEL_IDS
from llcbench.problems.polynomials.algebraic import MAKERS
from llcbench.problems.polynomials.algebraic import NAMED as ALGEBRAIC_IDS
from llcbench.problems.squared.polynomial_map import PolynomialMap
from llcbench.problems.squared.regression import Regression
from llcbench.registry import problem
from theory import RLCT, lookup
from theory.families import FAMILIES
from theory.polynomials.expression import write

BY_ID = {f"alg/{name}": entry for name, entry in ALGEBRAIC.items()}
BY_ID |= {f"model/{name}": entry for name, entry in MODELS.items()}
# The solver leaves these open within seconds; they are checked by other routes below.
OPEN = (
    "alg/nmfpositive-3-3-2-1",
    "alg/nmfpositive-3-3-3-2",
    "alg/cp-2-2-2-2",
    "alg/cp-2-2-3-3",
    "alg/cp-3-3-3-3",
    "alg/minors-3-3-2",
    "alg/convolution-4-2",
    "alg/convolution-3-3",
    "alg/roots-3-3-1-1-1-1",
    "alg/conjugate-3-3-1-1",
    "alg/vandermonde-1-3-1",
    "alg/vandermonde-1-5-2",
    "alg/braid-3-2",
)
# More sizes than those that are listed.
MORE = (
    "alg/phase-1-1",
    "alg/filters-1-3",
    "alg/roots-3-3",
    "alg/conjugate-3-3",
    "alg/cp-1-2-3",
    "alg/unit-1-1",
    "alg/tied-2-1-2",
    "alg/vandermonde-2-2-1",
    "alg/cusp-1",
    "alg/oval-5",
    "alg/d-4-3",
    "alg/d-6",
    "alg/d-7",
    "alg/quasi-12-6-3-1",
    "alg/monomials-x4-x2y-y3",
    "alg/star-4",
    "alg/tree-5-1",
    "alg/nmfzero-2-1-2",
)


def solved(one: Regression, timeout: float = 10) -> RLCT:
    """Return what the solver says of the generators that the problem samples."""
    assert isinstance(one.map, PolynomialMap)
    generators = [g for g in one.map.generators if g.terms]
    names = generators[0].variables
    used = {name for i, name in enumerate(names) if any(e[i] for g in generators for e in g.terms)}
    at = {n: int(v) for n, v in zip(names, one.point, strict=True) if n in used}
    ideal = theory.SumOfSquares([write(g) for g in generators])
    return theory.rlct(ideal, at=at, timeout=timeout)


def test_every_family_has_a_problem_or_a_reason() -> None:
    covered = {family for family, _ in BY_ID.values()} | ELSEWHERE.keys() | EXCLUDED.keys()
    assert covered == set(FAMILIES)
    for identifier in ELSEWHERE.values():
        assert problem(identifier).truth.local.exact


def test_every_problem_has_a_theorem_or_a_derivation() -> None:
    assert BY_ID.keys() | OWN_DERIVATION.keys() == {*ALGEBRAIC_IDS, *MODEL_IDS}
    assert {name.removeprefix("alg/").split("-")[0] for name in ALGEBRAIC_IDS} == set(MAKERS)


@pytest.mark.parametrize("name", BY_ID)
def test_truth_is_that_of_the_family(name: str) -> None:
    family, parameters = BY_ID[name]
    expected = lookup(family, **parameters)
    local, least = problem(name).truth
    assert (local.value, local.multiplicity) == (expected.value, expected.multiplicity)
    assert (local.scope, least.scope) == ("local", "global")
    if name != "alg/braid-3-2":
        assert (least.value, least.multiplicity) == (local.value, local.multiplicity)


@pytest.mark.parametrize("name", [n for n in (*ALGEBRAIC_IDS, *MORE) if n not in OPEN])
def test_solver_agrees_with_the_generators(name: str) -> None:
    one = problem(name)
    assert isinstance(one, Regression)
    found, claimed = solved(one), one.truth.local
    assert found.exact
    assert (found.value, found.multiplicity) == (claimed.value, claimed.multiplicity)


def test_a_wrong_generator_is_noticed() -> None:
    # The moments of Q = 1 have another value than those of Q = 2, in the same variables.
    one = problem("alg/vandermonde-1-2-1")
    assert isinstance(one, Regression)
    assert solved(one).value != problem("alg/vandermonde-1-2-2").truth.local.value


@pytest.mark.parametrize("name", [n for n in OPEN if n.startswith("alg/cp")])
def test_jacobian_of_tensors_has_the_rank_of_the_theorem(name: str) -> None:
    one = problem(name)
    assert isinstance(one, Regression)
    assert isinstance(one.map, PolynomialMap)
    point = [int(value) for value in one.point]
    slopes = [[g.derivative(i)(point) for i in range(one.dim)] for g in one.map.generators]
    # The rank is the generic one, hence constant nearby: lambda is half of it.
    assert sp.Matrix(slopes).rank() == 2 * one.truth.local.value


@pytest.mark.parametrize("name", [n for n in OPEN if n.startswith("alg/nmf")])
def test_positive_points_are_balanced(name: str) -> None:
    rows, columns, inner, _ = (int(part) for part in name.split("-")[1:])
    one = problem(name)
    assert isinstance(one, Regression)
    assert (one.point > 0).all()
    left = one.point[: rows * inner].reshape(rows, inner)
    right = one.point[rows * inner :].reshape(inner, columns)
    seen = theory.families.deep_linear_at([right, left]).local
    claimed = one.truth.local
    assert (seen.value, seen.multiplicity) == (claimed.value, claimed.multiplicity)


@pytest.mark.parametrize("name", ["alg/roots-3-3-1-1-1-1", "alg/conjugate-3-3-1-1"])
def test_two_common_roots_decouple(name: str) -> None:
    """Each common root of degree one is the germ of ``roots-2-2-1-1`` without its scale."""
    one = problem("alg/roots-2-2-1-1")
    assert isinstance(one, Regression)
    germ = solved(one).value - theory.families.regular(dim=1).value
    derived = problem(name).truth.local
    assert derived.value == theory.families.regular(dim=1).value + 2 * germ
    assert derived.multiplicity == 1


def test_least_value_over_all_ways_to_share_roots() -> None:
    # (x - r)^2 x ... as a product of equal degrees: splitting the double root is the least.
    split, whole = problem("alg/roots-3-2-1-1").truth, problem("alg/roots-3-2").truth
    assert split.global_.value == split.local.value < whole.local.value == whole.global_.value
    # At a = x^2 (x - 1), b = x (x + 1) the other share, x (x - 1) (x + 1) and x^2, is as deep.
    other = problem("alg/roots-4-3-2-1").truth
    assert other.global_.value <= other.local.value


@pytest.mark.parametrize("name", ["tensor-2-3-4", "tied-0-2-2"])
def test_tempered_value_without_quadrature(name: str) -> None:
    one = problem(f"alg/{name}")
    far = one.tempered(1e60, 1.0)
    assert far is not None
    assert abs(far.value - float(one.truth.local.value)) < 0.01


def test_squares_halve_the_value_of_nonnegative_factors() -> None:
    for m, n, h in ((1, 1, 2), (2, 2, 2), (3, 2, 2)):
        found = problem(f"alg/nmfzero-{m}-{n}-{h}").truth.local
        flat = lookup("nmf_zero", rows=m, columns=n, inner=h)
        assert 2 * found.value == flat.value
        assert found.multiplicity == flat.multiplicity


def test_phase_retrieval_is_the_mean_over_normal_inputs() -> None:
    import torch

    one = problem("alg/phase-2-1")
    loss = one.bind(None, torch.float64)
    w = torch.tensor([[0.7, -0.4]], dtype=torch.float64)
    x = np.random.default_rng(0).standard_normal((400_000, 2))
    each = ((x @ w[0].numpy()) ** 2 - x[:, 0] ** 2) ** 2
    exact = float(loss.excess(w, loss.draw(1, None, torch.Generator())))
    assert abs(each.mean() - exact) < 4.5 * each.std() / len(x) ** 0.5


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("alg/phase-2-2", ["0 or 1", "2"]),
        ("alg/cp-2-2-2", ["at least 3 entries"]),
        ("alg/roots-2-2-1", ["two multiplicities"]),
        ("alg/roots-7-7-3-3", ["only bounds"]),
        ("alg/conjugate-5-5-1-1-1-1", ["one pair"]),
        ("alg/quasi-6-2-3", ["6"]),
        ("alg/monomials-x2-q", ["x2-q"]),
        ("alg/oval-2", ["definite"]),
        ("alg/e-5", ["5"]),
        ("alg/tree-4-2", ["inner_edges"]),
        ("alg/d-4-2-3-4", ["wrong count"]),
        ("model/mixture-3-2", ["between 3 and 4", "2"]),
        ("model/mixture-1-2x3", ["dimension 1 or 2", "3"]),
        ("model/variance-1-3", ["only bounds"]),
        ("model/binomial-2-2-3", ["2 trials"]),
        ("model/bayes-3-1", ["one dependent"]),
        ("model/tms-4-5-positive", ["k = 4"]),
        ("model/tms-5-5-positive", ["positive"]),
        ("model/tree-3-1", ["at least 4"]),
        ("model/lda-3-3-2-3", ["rank"]),
        ("model/softmax-2-2-r3", ["rank"]),
    ],
)
def test_bad_ids_are_named(name: str, words: list[str]) -> None:
    with pytest.raises(ValueError, match=r".+") as caught:
        problem(name)
    assert all(word in str(caught.value) for word in words), str(caught.value)
