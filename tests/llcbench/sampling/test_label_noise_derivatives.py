"""Derivatives of an estimate in the cross moment, against differences of exact values.

Seeds are fixed. A right formula would fail a gate below with the probability FALSE_ALARM.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import t
from torch import Tensor

import llcbench
from llcbench.problems.combinators.modifiers import direct_sum
from llcbench.samplers.exact import Exact
from llcbench.sampling import label_noise
from llcbench.sampling.label_noise import label_noise_of
from llcbench.sampling.label_noise_error import combined, second_order, standard_error
from llcbench.sampling.target import Target
from llcbench.types import Data, Draw

FALSE_ALARM = 1e-4
CHAINS, DRAWS, REPEATS = 128, 256, 24
NBETA, GAMMA = 140.0, 20.0


@dataclass(frozen=True)
class GaussianDraws:
    """Independent exact draws where the loss is a quadratic."""

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> Any:
        star = target.w_star[None]
        slope = target.potential_and_grad(star.clone())[1]
        steps = torch.eye(target.dim, dtype=star.dtype)
        hessian = torch.cat([target.potential_and_grad(star + row)[1] - slope for row in steps])
        centre = star - torch.linalg.solve(hessian, slope[0])
        return centre, torch.linalg.cholesky(torch.linalg.inv(hessian))

    def step(self, state: Any, target: Target, rng: torch.Generator) -> tuple[Any, Draw]:
        centre, factor = state
        noise = torch.randn(target.num_chains, target.dim, generator=rng, dtype=torch.float64)
        theta = centre + noise @ factor.T
        return state, Draw(theta, target.energy(theta)[1])


def shifted(data: Any, change: Tensor) -> Any:
    """Data whose cross moments, one row for all parts, are larger by a vector."""
    if isinstance(data, tuple) and not isinstance(data, Data):
        cut = data[0].noise.shape[1] * data[0].inputs.shape[1]
        return tuple(map(shifted, data, (change[:cut], change[cut:])))
    second = data.inputs.mT @ data.inputs / len(data.inputs)
    rows = change.view(data.noise.shape[1], -1)
    return Data(data.inputs, data.noise + data.inputs @ torch.linalg.solve(second, rows.mT))


def differences(problem: Any, data: Any, width: float) -> tuple[Tensor, Tensor]:
    """Gradient and Hessian of the exact value in the cross moment."""
    count = sum(s.cross.numel() for s in problem.bind(data, torch.float64).noise_sources())
    steps = width * torch.eye(count, dtype=torch.float64)

    def value(change: Tensor) -> float:
        return float(problem.tempered(NBETA, GAMMA, shifted(data, change)).value)

    slope = torch.tensor([(value(s) - value(-s)) / (2 * width) for s in steps])
    curvature = [
        [(value(r + s) - value(r - s) - value(s - r) + value(-r - s)) / (4 * width**2)
         for r in steps] for s in steps
    ]  # fmt: skip
    return slope.double(), torch.tensor(curvature).double()


def sampled(problem: Any, data: Any, kernel: Any) -> tuple[Tensor, Tensor]:
    """The same from independent halves of chains, ``(halves, ...)``."""
    target, rng = Target(problem, NBETA, GAMMA, CHAINS, data), torch.Generator().manual_seed(3)
    target.next_batch(rng)
    slopes, curvatures = [], []
    for _ in range(REPEATS):
        response = label_noise_of(target)
        assert response is not None
        state = kernel.init(target.start(None), target, rng)
        for _ in range(DRAWS):
            state, draw = kernel.step(state, target, rng)
            response.add(draw.theta)
        for half in response.derivatives() or []:
            whole = combined([half], np.array([[NBETA]]), None)
            assert whole.second is not None
            slopes.append(torch.cat([part.flatten() for part in whole.first]))
            curvatures.append(whole.second)
    return torch.stack(slopes), torch.stack(curvatures)


def agree(draws: Tensor, exact: Tensor, factor: float = 1.0) -> bool:
    """Return whether means of draws times a factor are exact values, as far as they can be told."""
    error = draws.std(0) / math.sqrt(len(draws))
    limit = t.isf(FALSE_ALARM / 2 / exact.numel(), len(draws) - 1)
    return bool(((factor * draws.mean(0) - exact).abs() <= limit * error + 1e-3).all())


QUARTIC, REGULAR = llcbench.problem("poly/x4/n1000"), llcbench.problem("regular/d2/n1000")
CASES = {
    "quartic": (QUARTIC, Exact(), 4e-3),
    "plane": (llcbench.problem("poly/x2y2/n1000"), Exact(), 4e-3),
    "regular": (REGULAR, GaussianDraws(), 1e-2),
    "sum": (direct_sum(REGULAR, llcbench.problem("regular/d3/n1000")), GaussianDraws(), 1e-2),
    "scaled": (llcbench.problem("regular/d2/n1000/scaled-2"), GaussianDraws(), 1e-2),
}


@pytest.mark.parametrize("name", CASES)
def test_both_derivatives_are_those_of_the_exact_value(name: str) -> None:
    problem, kernel, width = CASES[name]
    data = problem.sample_data(torch.Generator().manual_seed(3))
    slope, curvature = differences(problem, data, width)
    slopes, curvatures = sampled(problem, data, kernel)
    print(f"{name}: exact {slope.numpy().round(3)}, {curvature.numpy().round(2).tolist()}")
    print(f"  sampled {slopes.mean(0).numpy().round(3)}, {curvatures.mean(0).numpy().round(2)}")
    assert agree(slopes, slope)
    assert agree(curvatures, curvature)
    # Controls: factors of 9/10 are seen, and so is a Hessian of half the size.
    assert not agree(slopes, slope, 0.9)
    assert not agree(curvatures, curvature, 0.9)
    assert not agree(curvatures, curvature, 0.5)


def test_a_quadratic_form_has_its_exact_variance_at_any_data() -> None:
    """``Var l`` of normal C, with the derivatives of a known quadratic form at some C."""
    rng = torch.Generator().manual_seed(1)
    problem = direct_sum(REGULAR, llcbench.problem("regular/d3/n1000"))
    data = problem.sample_data(rng)
    sources = problem.bind(data, torch.float64).noise_sources()
    base, matrix = (
        torch.randn(*size, generator=rng, dtype=torch.float64) for size in ((5,), (5, 5))
    )
    matrix = matrix + matrix.mT
    cross = torch.cat([source.cross.flatten() for source in sources])
    slope = base + matrix @ cross
    here = label_noise.Derivatives([slope[:2].view(1, 2), slope[2:].view(1, 3)], matrix)
    factors = [torch.linalg.cholesky(s.second * s.sd**2 / s.num_data) for s in sources]
    noise = torch.randn(400_000, 5, generator=rng, dtype=torch.float64)
    others = torch.cat([noise[:, :2] @ factors[0].mT, noise[:, 2:] @ factors[1].mT], 1)
    # Larger noise, so that both orders count.
    others, sources = 30 * others, [source._replace(sd=30 * source.sd) for source in sources]
    values = others @ base + ((others @ matrix) * others).sum(1) / 2
    assert second_order(tuple(sources), here, here) == pytest.approx(float(values.var()), rel=0.02)


@pytest.mark.parametrize(("limit", "order"), [(label_noise.PAIRED, 2), (4, 1)])
def test_many_entries_are_left_at_first_order(
    monkeypatch: pytest.MonkeyPatch, limit: int, order: int
) -> None:
    monkeypatch.setattr(label_noise, "PAIRED", limit)
    problem = llcbench.problem("regular/d5/n1000")
    data = problem.sample_data(torch.Generator().manual_seed(3))
    target, rng = Target(problem, NBETA, GAMMA, CHAINS, data), torch.Generator().manual_seed(3)
    response, kernel = label_noise_of(target), GaussianDraws()
    assert response is not None
    target.next_batch(rng)
    state = kernel.init(target.start(None), target, rng)
    for _ in range(DRAWS):
        response.add(kernel.step(state, target, rng)[1].theta)
    slope, curvature = differences(problem, data, 1e-2)
    (source,) = target.loss.noise_sources()
    covariance = source.second * source.sd**2 / source.num_data
    first = float(slope @ covariance @ slope)
    second = float((curvature @ covariance @ curvature @ covariance).trace()) / 2
    found = standard_error([response], np.array([[NBETA]]))
    assert found == pytest.approx(math.sqrt(first if order == 1 else second), rel=0.05)


def test_negative_variances_fall_back_order_by_order(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = llcbench.problem("poly/x2/n1000")
    data = problem.sample_data(torch.Generator().manual_seed(3))
    response = label_noise_of(Target(problem, NBETA, GAMMA, 4, data))
    assert response is not None
    (source,) = response.sources
    variance = float(source.second[0, 0]) * source.sd**2 / source.num_data

    def error(*halves: tuple[float, float]) -> float | None:
        made = [
            label_noise.Derivatives(
                [torch.full((1, 1, 1), g).double()], torch.full((1, 1, 1), h).double()
            )
            for g, h in halves
        ]
        monkeypatch.setattr(type(response), "derivatives", lambda self: made)
        return standard_error([response], np.array([[1.0]]))

    assert error((2.0, 900.0), (3.0, -900.0)) == pytest.approx(math.sqrt(6 * variance))
    assert error((2.0, 900.0), (-3.0, -900.0)) == pytest.approx(math.sqrt(0.25 * variance))
    halves = [(2.0, 0.0), (3.0, 0.0), (8.0, 0.0)]
    errors = [error(*pair) for pair in pairwise(halves)]
    assert errors == pytest.approx([math.sqrt(6 * variance), math.sqrt(24 * variance)])
