"""Networks, topics and trees with a likelihood: identities, ranks, temperatures and short runs."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

import llcbench
from llcbench.problems.models.likelihood import Array, Likelihood
from llcbench.problems.models.softmax import SoftmaxNetwork
from llcbench.problems.models.superposition import Superposition
from llcbench.problems.models.topics import PoissonFactors, Topics
from llcbench.registry import problem
from theory import RLCT
from theory.families import deep_linear_at


def model(name: str) -> Likelihood:
    one = problem(f"model/{name}")
    assert isinstance(one, Likelihood)
    return one


def excess(name: str, theta: torch.Tensor) -> torch.Tensor:
    one = problem(name)
    loss = one.bind(None, torch.float64)
    return loss.excess(theta, loss.draw(len(theta), None, torch.Generator()))


@pytest.mark.parametrize(
    ("name", "polynomial", "factor"),
    [
        ("phase-2-0", "phase-2-0", 0.5),
        ("phase-2-1", "phase-2-1", 0.5),
        ("quadratic-1", "quadratic-1", 1.5),
        ("quadratic-3", "quadratic-3", 1.5),
        ("cp-1-2-2", "cp-1-2-2", 0.5),
        ("cp-2-2-2-2", "cp-2-2-2-2", 0.5),
        ("conv-2-2", "filters-2-2", 1.0),
        ("conv-3-2", "filters-3-2", 1.0),
        ("conv-3-2-common", "roots-3-2-1-1", 1.0),
    ],
)
def test_population_loss_is_the_polynomial(name: str, polynomial: str, factor: float) -> None:
    one, other = model(name), problem(f"alg/{polynomial}")
    torch.testing.assert_close(one.w_star(), other.w_star())
    rng = torch.Generator().manual_seed(0)
    theta = one.w_star() + torch.randn(20, one.dim, generator=rng, dtype=torch.float64)
    results, expected = excess(one.id, theta), factor * excess(other.id, theta)
    torch.testing.assert_close(results, expected)
    assert one.truth.local.value == other.truth.local.value


def hessian(one: Likelihood) -> Array:
    loss = one.bind(None, torch.float64)

    def scalar(w: torch.Tensor) -> torch.Tensor:
        return loss.excess(w.unsqueeze(0), loss.full)[0]

    result: torch.Tensor = torch.autograd.functional.hessian(scalar, one.w_star())
    return result.numpy()


@pytest.mark.parametrize(
    "name",
    [
        "relu-1-1",
        "relu-2-1-bias",
        "relu-3-2",
        "relu-2-2-bias",
        "relu-6-1-bias",
        "relu-6-2-bias",
        "cp-2-2-2-3",
        "mixture-2-2",
        "bayes-3-2",
        "bayes-4-3",
        "lda-3-3-2-2",
        "tms-5-5",
        "tms-5-6",
        "tms-5-6-positive",
        "tms-6-6",
        "tms-7-7",
    ],
)
def test_regular_across_a_flat_manifold(name: str) -> None:
    """The rank of the Hessian, which no nearby zero can undercut, is twice the coefficient."""
    one = model(name)
    sizes = np.linalg.eigvalsh(hessian(one))
    rank = int((sizes > 1e-9 * sizes.max()).sum())
    assert sizes.min() > -1e-9 * sizes.max()
    # A gap, so that the rank does not depend on the tolerance.
    assert sizes[len(sizes) - rank] > 1e-5 * sizes.max()
    assert rank == 2 * one.truth.local.value


def test_singular_models_have_smaller_rank() -> None:
    for name in ("mixture-2-3", "lda-3-3-2-1", "bits-4-1", "conv-3-2-common"):
        sizes = np.linalg.eigvalsh(hessian(model(name)))
        assert int((sizes > 1e-9).sum()) < 2 * model(name).truth.local.value


def differences(matrix: Array) -> Array:
    """Return the columns minus the last one."""
    return matrix[:, :-1] - matrix[:, -1:]


def balanced(name: str) -> tuple[RLCT, int]:
    """Return the coefficient by the ranks of the factors at hand, and regular coordinates."""
    one = model(name)
    inner, star = one.model, one.w_star().unsqueeze(0)
    if isinstance(inner, Topics):
        left, right = (part[0].numpy() for part in inner.factors(star))
        # One column of the product is regular; topics and documents enter by differences.
        factors = [differences(right)[:-1], differences(left)[:-1]]
        return deep_linear_at(factors).local, inner.words - 1
    if isinstance(inner, PoissonFactors):
        cut = inner.rows * inner.inner
        left = star[0, :cut].exp().reshape(inner.rows, inner.inner).numpy()
        right = star[0, cut:].exp().reshape(inner.inner, inner.columns).numpy()
        return deep_linear_at([right, left]).local, 0
    assert isinstance(inner, SoftmaxNetwork)
    n, h, classes = inner.widths
    low = star[0, : n * h].reshape(h, n).numpy()
    high = star[0, n * h :].reshape(classes, h).numpy()
    return deep_linear_at([low, differences(high.T).T]).local, 0


@pytest.mark.parametrize(
    "name",
    [
        "lda-3-3-2-1",
        "lda-3-3-2-2",
        "lda-4-4-3-1",
        "lda-4-4-3-2",
        "nmf-3-3-2-1",
        "nmf-3-3-3-2",
        "softmax-2-2-3-r1",
        "softmax-3-3-4-r2",
    ],
)
def test_reference_points_are_balanced(name: str) -> None:
    core, head = balanced(name)
    claimed = model(name).truth.local
    assert claimed.value == core.value + Fraction(head, 2)
    assert claimed.multiplicity == core.multiplicity


def test_square_of_superposition_has_a_positive_leading_part() -> None:
    """At k = 4 the loss is positive and homogeneous of degree two across the rotation."""
    one = model("tms-4-4")
    star = one.w_star().numpy()
    rotation = np.concatenate([-star[4:8], star[:4], np.zeros(4)])
    frame = np.linalg.svd(np.eye(12) - np.outer(rotation, rotation) / (rotation @ rotation))[0]
    frame = frame[:, :11]
    assert frame.shape[1] == 2 * one.truth.local.value

    def leading(v: Array, size: float = 1e-4) -> float:
        unit = frame @ v / np.linalg.norm(v)
        return float(excess(one.id, torch.from_numpy(star + size * unit)[None])[0]) / size**2

    rng = np.random.default_rng(0)
    starts = rng.standard_normal((2, 11))
    least = min(minimize(leading, v, method="BFGS", options={"maxiter": 20}).fun for v in starts)
    assert least > 0.003
    assert leading(starts[0]) == pytest.approx(leading(starts[0], 3e-4), rel=0.02)


@pytest.mark.parametrize("corners", [5, 6, 7, 8])
def test_polygon_is_critical_and_near_the_published_one(corners: int) -> None:
    one = Superposition(corners, corners)
    point = one.point()
    x, weights = one.nodes()
    star = torch.from_numpy(point).requires_grad_(True)
    loss = -(one.log_density(star.unsqueeze(0), x.unsqueeze(0)) @ weights)[0]
    (slope,) = torch.autograd.grad(loss, star)
    assert float(slope.abs().max()) < 1e-14
    if corners == 5:
        # Length and bias of the pentagon for continuous amplitudes.
        assert np.hypot(point[0], point[5]) == pytest.approx(1.17046, abs=1e-5)
        assert point[10] == pytest.approx(-0.28230, abs=1e-5)


@pytest.mark.parametrize(
    "name", ["known-1", "rbm-2-unbiased", "unit-1-1", "quadratic-1", "phase-2-0"]
)
def test_tempered_values_approach_the_coefficient(name: str) -> None:
    one = model(name)
    low, high = (one.tempered(t, 1.0) for t in (1e4, 1e6))
    assert low is not None
    assert high is not None
    value = float(one.truth.local.value)
    if one.truth.local.multiplicity == 1:
        assert abs(high.value - value) < 0.01
    else:
        rise = 1 / (value - high.value) - 1 / (value - low.value)
        assert np.log(1e2) / rise == pytest.approx(1.0, rel=0.1)


def test_quadrature_is_refused_where_it_costs_too_much() -> None:
    assert model("mixture-1-2").tempered(100.0, 1.0) is None
    assert model("tanh-2").tempered(100.0, 1.0) is None


@pytest.mark.parametrize("name", ["lda-3-3-2-2", "nmf-2-2-1-1"])
def test_short_runs_bracket_the_coefficient(name: str) -> None:
    """Metropolis-adjusted chains at a low temperature, where the gap of the setting is gone."""
    one = model(name)
    settings = llcbench.Settings(nbeta=3e4, num_chains=32, num_draws=500, num_burnin=300)
    estimate = llcbench.MeanEnergy(llcbench.MALA(spread=2), settings).estimate(one)
    assert estimate.llc is not None
    assert estimate.mcse is not None
    # 4.5 standard errors: a false alarm in 1e5. The same gate must reject half the dimension.
    gate = 4.5 * estimate.mcse
    assert abs(estimate.llc - float(one.truth.local.value)) < gate
    assert abs(estimate.llc - one.dim / 2) > gate
