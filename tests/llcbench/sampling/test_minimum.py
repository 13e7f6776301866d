"""The guard `minimum`: what descending from the reference point gains, and what it costs."""

import math

import pytest
import torch
from torch import Tensor, nn

import llcbench
from llcbench.sampling.minimum import COST, descent, minimum
from llcbench.sampling.target import Target

NBETA, GAMMA, SAMPLES, DIM = 50.0, 5.0, 60, 4


def squares(outputs: Tensor, targets: Tensor) -> Tensor:
    return 0.5 * (outputs[:, 0] - targets) ** 2


def target_at(shift: float, batch_size: int | None = None) -> tuple[Target, Tensor, Tensor]:
    """Return linear regression off its minimum, the gradient there and the Hessian."""
    rng = torch.Generator().manual_seed(0)
    inputs = torch.randn(SAMPLES, DIM, generator=rng).double()
    inputs *= torch.tensor([1.0, 0.5, 0.2, 0.01])
    targets = inputs @ torch.ones(DIM).double() + 0.1 * torch.randn(SAMPLES, generator=rng)
    best = torch.linalg.lstsq(inputs, targets[:, None]).solution[:, 0]
    network = nn.Linear(DIM, 1, bias=False).double()
    network.weight.data = (best + shift)[None]
    problem = llcbench.from_module(network, squares, (inputs, targets))
    target = Target(problem, NBETA, GAMMA, 4, data=problem.sample_data(rng), batch_size=batch_size)
    hessian = inputs.T @ inputs / SAMPLES
    return target, hessian @ torch.full((DIM,), shift).double(), hessian


def exact_gain(slope: Tensor, hessian: Tensor) -> float:
    full = NBETA * hessian + GAMMA * torch.eye(DIM)
    return float(0.5 * NBETA**2 * slope @ torch.linalg.solve(full, slope))


def test_the_gain_of_a_quadratic_is_exact() -> None:
    target, slope, hessian = target_at(0.3)
    found = descent(target, 10**9, torch.Generator().manual_seed(0))
    assert found is not None
    assert found.samples == SAMPLES
    assert found.gain == pytest.approx(exact_gain(slope, hessian), rel=1e-6)
    assert found.slope == pytest.approx(float(slope.norm()), rel=1e-6)


def test_the_estimate_falls_by_one_to_two_gains() -> None:
    """On a quadratic the mean energy is known with and without the shift."""
    _, slope, hessian = target_at(0.3)
    full = NBETA * hessian + GAMMA * torch.eye(DIM)
    mean = -NBETA * torch.linalg.solve(full, slope)
    lower = -float(NBETA * (slope @ mean + 0.5 * mean @ hessian @ mean))
    gain = exact_gain(slope, hessian)
    assert gain <= lower <= 2 * gain


@pytest.mark.parametrize(("shift", "passes"), [(0.0, True), (0.02, True), (0.5, False)])
@pytest.mark.parametrize("batch_size", [None, 8])
def test_the_guard_names_a_point_that_is_no_minimum(
    shift: float, passes: bool, batch_size: int | None
) -> None:
    target, _, _ = target_at(shift, batch_size)
    target.sample_grads = 40_000
    found = minimum(target, 1.5, torch.Generator().manual_seed(0))
    assert found is not None
    assert found.passed is passes
    assert "longer chains change nothing" in found.meaning


def test_it_costs_a_share_of_the_run() -> None:
    for samples in (0, 200, 1000, 10**6):
        target, _, _ = target_at(0.3)
        looked = 0
        evaluated = target.loss.excess_and_grad

        def counted(theta: Tensor, batch: object, inner=evaluated) -> tuple[Tensor, Tensor]:  # type: ignore[no-untyped-def]
            nonlocal looked
            rows = batch.numbers  # type: ignore[attr-defined]
            looked += SAMPLES if rows is None else rows.shape[1]
            return inner(theta, batch)  # type: ignore[no-any-return]

        object.__setattr__(target.loss, "excess_and_grad", counted)
        target.sample_grads = samples
        found = minimum(target, 1.0, torch.Generator().manual_seed(0))
        assert (found is None) is (samples < 2000)
        assert looked <= COST * samples


def test_catalogue_problems_are_at_their_point() -> None:
    problem = llcbench.problem("rrr/2-2-2/r1/n1000")
    data = problem.sample_data(torch.Generator().manual_seed(0))
    target = Target(problem, 100.0, 10.0, 4, data=data)
    target.sample_grads = 10**9
    assert minimum(target, 1.0, torch.Generator()) is None


def test_a_slope_without_an_end_is_a_gain_without_end() -> None:
    """Nothing here is finite without the localisation."""

    def falls(outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs[:, 0] - targets

    network = nn.Linear(1, 1, bias=False).double()
    inputs = torch.ones(40, 1).double()
    problem = llcbench.from_module(network, falls, (inputs, torch.zeros(40)))
    target = Target(problem, 10.0, 2.0, 1, data=problem.sample_data(torch.Generator()))
    found = descent(target, 10**6, torch.Generator())
    assert found is not None
    # Downhill with slope 1 and curvature gamma: nbeta^2 / (2 gamma).
    assert math.isclose(found.gain, 100 / 4, rel_tol=1e-6)


@pytest.mark.parametrize(
    ("llc", "error", "passes"),
    [(2.0, 0.1, True), (-2.0, 0.1, False), (-2e4, 1e3, False), (-2.0, 1.0, True)],
)
def test_an_estimate_below_0_by_more_than_noise_is_no_minimum(
    llc: float, error: float, passes: bool
) -> None:
    target, _, _ = target_at(0.0)
    target.sample_grads = 40_000
    guard = minimum(target, llc, torch.Generator().manual_seed(0), error)
    assert guard is not None
    assert guard.passed == passes
    assert guard.value >= 0.8 or passes
