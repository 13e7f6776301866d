"""Losses and gradients of every family against slow, independent evaluations."""

import numpy as np
import pytest
import torch

import llcbench
from llcbench.problems.squared.linear_map import LinearNetwork
from llcbench.problems.squared.regression import Regression
from llcbench.registry import problem, problem_ids
from llcbench.seeds import Seeds
from theory.families import deep_linear_at

SMALL = [name for name in problem_ids() if problem(name).dim <= 400]
WITH_DATA = ["poly/x2y4/n50", "poly/polynet/n50", "regular/d5/n50", "rrr/5-3-5/r2/n50"]


@pytest.mark.parametrize("name", SMALL)
def test_gradient_agrees_with_automatic_differentiation(name: str) -> None:
    one = problem(name)
    rng = torch.Generator().manual_seed(1)
    loss = one.bind(None, torch.float64)
    batch = loss.draw(3, None, rng)
    theta = one.w_star() + 0.3 * torch.randn(3, one.dim, generator=rng, dtype=torch.float64)
    value, grad = loss.excess_and_grad(theta.clone(), batch)
    theta.requires_grad_(True)
    again = loss.excess(theta, batch)
    (expected,) = torch.autograd.grad(again.sum(), theta)
    torch.testing.assert_close(value, again.detach())
    torch.testing.assert_close(grad, expected)


@pytest.mark.parametrize("name", problem_ids())
def test_the_reference_point_is_a_zero_minimum(name: str) -> None:
    one = problem(name)
    loss = one.bind(None, torch.float64)
    batch = loss.draw(1, None, torch.Generator())
    value, grad = loss.excess_and_grad(one.w_star().unsqueeze(0), batch)
    assert float(value) == pytest.approx(0.0, abs=1e-18)
    assert float(grad.abs().max()) < 1e-12
    assert one.truth.local.exact
    assert one.truth.global_.value <= one.truth.local.value <= one.dim / 2


@pytest.mark.parametrize("name", WITH_DATA)
@pytest.mark.parametrize("batch_size", [None, 7])
def test_data_loss_against_residuals(name: str, batch_size: int | None) -> None:
    one = problem(name)
    assert isinstance(one, Regression)
    rng = torch.Generator().manual_seed(2)
    data = one.sample_data(rng)
    assert data is not None
    loss = one.bind(data, torch.float64)
    batch = loss.draw(2, batch_size, rng)
    theta = one.w_star() + 0.3 * torch.randn(2, one.dim, generator=rng, dtype=torch.float64)
    value, grad = loss.excess_and_grad(theta.clone(), batch)
    star = one.map.value(one.w_star().unsqueeze(0))[0]
    for chain in range(2):
        if batch_size is None:
            x, noise = data
        else:
            x, noise = batch.inputs[chain], batch.noise[chain]
        y = x @ star.T + noise

        def mean_loss(point: torch.Tensor) -> torch.Tensor:
            residual = y - x @ one.map.value(point.unsqueeze(0))[0].T  # noqa: B023
            return one.scale * residual.square().sum(1).mean()

        point = theta[chain].clone().requires_grad_(True)
        at_point, at_star = mean_loss(point), mean_loss(one.w_star())
        (slope,) = torch.autograd.grad(at_point, point)
        assert float(value[chain]) == pytest.approx(float((at_point - at_star).detach()), rel=1e-9)
        torch.testing.assert_close(grad[chain], slope)
        baseline = loss.baseline(batch)
        result = baseline if baseline.ndim == 0 else baseline[chain]
        assert float(result) == pytest.approx(float(at_star), rel=1e-9)


def test_minibatches_are_independent_between_chains() -> None:
    one = problem("regular/d5/n1000")
    data = one.sample_data(torch.Generator().manual_seed(0))
    batch = one.bind(data, torch.float64).draw(4, 10, torch.Generator().manual_seed(0))
    flat = batch.inputs.reshape(4, -1)
    assert all(not torch.equal(flat[i], flat[j]) for i in range(4) for j in range(i))


@pytest.mark.parametrize("name", [n for n in problem_ids() if n.startswith(("dln", "rrr"))])
def test_points_have_the_ranks_that_their_truth_assumes(name: str) -> None:
    one = problem(name)
    assert isinstance(one, Regression)
    assert isinstance(one.map, LinearNetwork)
    weights = [layer[0].numpy() for layer in one.map.layers(one.w_star().unsqueeze(0))]
    seen = deep_linear_at(weights)
    assert seen.local.value == one.truth.local.value
    assert seen.local.multiplicity == one.truth.local.multiplicity
    assert seen.global_.value == one.truth.global_.value
    assert seen.global_.multiplicity == one.truth.global_.multiplicity


@pytest.mark.parametrize("kind", ["1k", "10k"])
def test_random_classes_keep_to_the_published_ranges(kind: str) -> None:
    layers, widths = {"1k": ((2, 4), (5, 49)), "10k": ((2, 9), (5, 99))}[kind]
    deeper = 0
    for seed in range(30):
        one = problem(f"dln/{kind}/s{seed}")
        assert isinstance(one, Regression)
        assert isinstance(one.map, LinearNetwork)
        depth = len(one.map.widths) - 1
        assert layers[0] <= depth <= layers[1]
        assert all(widths[0] <= width <= widths[1] for width in one.map.widths)
        weights = [layer[0].numpy() for layer in one.map.layers(one.w_star().unsqueeze(0))]
        assert deep_linear_at(weights).local.value == one.truth.local.value
        deeper += one.truth.local.value > one.truth.global_.value
    # A share of the draws has a local value above the published one; none or all would be a bug.
    assert 0 < deeper < 30


@pytest.mark.parametrize("name", ["poly/x2y4", "poly/x2", "regular/d2", "poly/x2y2-at-0-1"])
def test_combinators_keep_or_add_the_truths(name: str) -> None:
    one = problem(name)
    other = problem("poly/x4")
    both = llcbench.direct_sum(one, other)
    assert both.truth.local.value == one.truth.local.value + other.truth.local.value
    padded = llcbench.padded(one, 3)
    assert padded.truth.local.value == one.truth.local.value + 3 / 2
    for same in (llcbench.rescaled(one, 4.0), llcbench.rotated(one, 1)):
        assert same.truth.local.value == one.truth.local.value
        assert same.truth.global_.value == one.truth.global_.value
    scaled = llcbench.rescaled(one, 4.0).tempered(100.0, 1.0)
    direct = one.tempered(400.0, 1.0)
    assert scaled is not None
    assert direct is not None
    assert scaled.value == direct.value


def test_tempered_values_of_combinators_by_quadrature() -> None:
    from theory import tempered

    base = problem("poly/x2y4")
    cases = {
        "rotated": (llcbench.rotated(base, 3), llcbench.rotated(base, 3).tempered(50.0, 1.0)),
        "sum": (
            llcbench.direct_sum(problem("poly/x4"), problem("poly/x2")),
            llcbench.direct_sum(problem("poly/x4"), problem("poly/x2")).tempered(50.0, 1.0),
        ),
        "scaled": (llcbench.rescaled(base, 3.0), llcbench.rescaled(base, 3.0).tempered(50.0, 1.0)),
    }
    for one, claimed in cases.values():
        loss = one.bind(None, torch.float64)
        batch = loss.draw(1, None, torch.Generator())

        def potential(points: np.ndarray) -> np.ndarray:
            rows = torch.from_numpy(np.ascontiguousarray(points.T))
            return loss.excess(rows, batch).numpy()  # noqa: B023

        direct = tempered.quadrature(potential, one.w_star().numpy(), 50.0, 1.0)
        assert claimed is not None
        assert claimed.value == pytest.approx(direct.value, rel=1e-5)


def test_sheared_gradient_and_truth() -> None:
    one = llcbench.sheared(problem("poly/x2y4"), 0.5)
    rng = torch.Generator().manual_seed(0)
    loss = one.bind(None, torch.float64)
    batch = loss.draw(2, None, rng)
    theta = torch.randn(2, 2, generator=rng, dtype=torch.float64)
    _, grad = loss.excess_and_grad(theta.clone(), batch)
    theta.requires_grad_(True)
    (expected,) = torch.autograd.grad(loss.excess(theta, batch).sum(), theta)
    torch.testing.assert_close(grad, expected)
    assert one.truth.local.value == problem("poly/x2y4").truth.local.value
    assert one.tempered(10.0, 1.0) is None


def test_data_have_the_stated_noise() -> None:
    one = problem("regular/d5/n20000")
    data = one.sample_data(Seeds(problem=one.id).generator("data"))
    assert data is not None
    # Sample variance of 20000 normals: relative sd 0.01; five of them allow 1e-6 of false alarms.
    assert float(data.noise.var()) == pytest.approx(1.0, abs=0.05)
    assert float(data.inputs.var()) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("name", ["rrr/3-2-3/r1/n20000", "poly/x2y2/n20000"])
def test_moments_of_many_rows_are_those_of_the_definition(name: str) -> None:
    """In blocks of rows, also where the products are formed in single precision."""
    one = problem(name)
    assert isinstance(one, Regression)
    data = one.sample_data(torch.Generator().manual_seed(3))
    x, noise = data.inputs.numpy(), data.noise.numpy()
    expected = x.T @ x / len(x), noise.T @ x / len(x), (noise**2).sum() / len(x)
    for dtype, rel in ((torch.float64, 1e-12), (torch.float32, 2e-6)):
        for result, truth in zip(one.bind(data, dtype).moments, expected, strict=True):
            assert result.dtype == dtype
            assert np.abs(result.numpy() - truth).max() < rel * max(np.abs(truth).max(), 1)
    short = one.bind(type(data)(data.inputs[:8192], data.noise[:8192]), torch.float64).moments
    assert np.abs(short.second.numpy() - expected[0]).max() > 1e-6


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("poly/x2y5", ["x2y5", "did you mean"]),
        ("dln/3-3-3/r5", ["dln/3-3-3/r5", "5"]),
        ("rrr/3-3-3/r4", ["rrr/3-3-3/r4", "4"]),
        ("dln/3-3-3/r1-2-3", ["r1-2-3"]),
        ("dln/2k/s0", ["2k"]),
        ("regular/dx", ["regular/dx"]),
        ("polly/x2", ["polly/x2", "poly/x2"]),
        ("poly/x2/n1", ["n1"]),
        ("poly/x2/padded-0", ["padded-0"]),
    ],
)
def test_bad_ids_are_named(name: str, words: list[str]) -> None:
    with pytest.raises(ValueError, match=r".+") as caught:
        problem(name)
    assert all(word in str(caught.value) for word in words), str(caught.value)
