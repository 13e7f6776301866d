"""One step of a sampler as a linear map of state and noise, read off with noise that is given.

The chains are the unit vectors: one at rest, one displaced in every coordinate, one with momentum
in every coordinate, one with noise in every coordinate. Nothing is random and nothing is estimated.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from scipy.linalg import solve_discrete_lyapunov
from torch import Tensor

import llcbench
from llcbench import Target

NBETA, GAMMA = 100.0, 20.0
DATA = "regular/d3/n50"


@contextmanager
def noise_of(values: Tensor, scale: float = 1.0) -> Iterator[None]:
    """Let every source of standard normal numbers yield these, ``(chains, dim)``, times a scale."""
    rows = iter(())

    def given(like: Tensor) -> Tensor:
        nonlocal rows
        if like.shape == values.shape:
            return scale * values
        # Within a loop over chains.
        row = next(rows, None)
        if row is None:
            rows = iter(values)
            row = next(rows)
        return scale * row.reshape(like.shape)

    def looped(function: Any, **_: Any) -> Any:
        def over_chains(*args: Tensor) -> tuple[Tensor, ...]:
            parts = [function(*chain) for chain in zip(*args, strict=True)]
            return tuple(torch.stack(column) for column in zip(*parts, strict=True))

        return over_chains

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "normal_", lambda self, **_: self.copy_(given(self)))
        patch.setattr(torch, "randn_like", lambda like, **_: given(like))
        patch.setattr(
            torch, "normal", lambda mean, std, size, **_: mean + std * given(torch.empty(size))
        )
        patch.setattr(torch, "vmap", looped)
        yield


def target_of(problem: str, chains: int, *, nbeta: float = NBETA, gamma: float = GAMMA) -> Target:
    """Return a full-batch target with its batch drawn; the data are those of seed 0."""
    built = llcbench.problem(problem)
    data = built.sample_data(torch.Generator().manual_seed(0))
    target = Target(built, nbeta, gamma, chains, data)
    target.next_batch(torch.Generator().manual_seed(1))
    return target


def force(target: Target, theta: Tensor) -> Tensor:
    """Return minus the gradient of ``NBETA L + GAMMA/2 |w - w*|^2`` at a point, ``(dim,)``.

    From values of the loss alone, by central differences of fourth order.
    """
    step = 1e-3 * torch.eye(len(theta), dtype=theta.dtype)

    def slope(size: float) -> Tensor:
        ends = [theta + sign * size * step for sign in (1, -1)]
        high, low = (
            NBETA * target.loss.excess(end, target.batch)
            + 0.5 * GAMMA * (end - target.w_star).square().sum(1)
            for end in ends
        )
        return (high - low) / (2e-3 * size)

    return -(4 * slope(1.0) - slope(2.0)) / 3


def one_step(
    sampler: Any, problem: str, theta: Tensor, scale: float = 1.0, **wrong: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return drift and covariance of a step, and the force where it begins.

    Args:
        sampler: One without momentum.
        problem: Id of the problem.
        theta: Where the chains are, ``(dim,)``.
        scale: A factor of all noise.
        wrong: Temperature or localisation that the sampler sees instead of the right ones.
    """
    dim = len(theta)
    target = target_of(problem, 1 + dim, **wrong)
    noise = torch.cat([theta.new_zeros(1, dim), torch.eye(dim, dtype=theta.dtype)])
    with noise_of(0.1 * torch.ones_like(noise)):
        state = sampler.init(theta.expand(1 + dim, dim).clone(), target, torch.Generator())
    with noise_of(noise, scale):
        moved = sampler.step(state, target, torch.Generator())[1].theta
    spread = moved[1:] - moved[0]
    return moved[0] - theta, spread.T @ spread, force(target, theta)


def departure(sampler: Any, problem: str, theta: Tensor, **wrong: float) -> float:
    """Return the departure of a step from ``drift = D force / 2`` with D the noise's covariance.

    At temperature 1 the two are the same at every point, whatever the preconditioner: the
    fluctuation-dissipation theorem. It is relative to the drift that is expected.

    Args:
        sampler: As for `one_step`, like all others.
        problem: Id of the problem.
        theta: Where the chains are.
        wrong: What is wrong.
    """
    drift, covariance, pull = one_step(sampler, problem, theta, **wrong)
    expected = 0.5 * covariance @ pull
    return float((drift - expected).norm() / expected.norm())


class Stationary(NamedTuple):
    """Mean and covariance that a linear step leaves alone, over those of the target.

    Attributes:
        variances: Of the principal directions, over the right ones, ``(dim,)``.
        off: Largest correlation between them.
        shift: Distance of the mean from the right one, in standard deviations.
        curvatures: Curvature of the potential in these directions.
        momenta: Standard deviation of the momenta that `init` draws, 0 without any.
    """

    variances: np.ndarray
    off: float
    shift: float
    curvatures: np.ndarray
    momenta: float


def stationary(sampler: Any, scale: float = 1.0, drift: float = 1.0, **wrong: float) -> Stationary:
    """Return what one step leaves invariant on a regression, from its matrices.

    Args:
        sampler: One whose step is linear in parameters, momenta and noise.
        scale: A factor of all noise.
        drift: A factor of every gradient.
        wrong: As for `departure`.
    """
    dim = 3
    eye, nothing = torch.eye(dim, dtype=torch.float64), torch.zeros(dim, dim, dtype=torch.float64)
    rest = torch.zeros(1, dim, dtype=torch.float64)
    theta = torch.cat([rest, eye, nothing, nothing])
    momenta = torch.cat([rest, nothing, eye, nothing])
    noise = torch.cat([rest, nothing, nothing, eye])
    target = target_of(DATA, len(theta), **wrong)
    plain = target.loss_and_grad

    def scaled(*args: Any, **options: Any) -> tuple[Tensor, Tensor]:
        loss, grad = plain(*args, **options)
        return loss, drift * grad

    target.loss_and_grad = scaled  # type: ignore[method-assign]
    with noise_of(torch.ones_like(theta)):
        start = _momenta(sampler.init(theta.clone(), target, torch.Generator()))
    with noise_of(torch.zeros_like(theta)):
        state = sampler.init(theta.clone(), target, torch.Generator())
    if start is not None:
        # In place: the state of a sampler may be a tuple of any kind.
        _momenta(state).copy_(momenta)
    with noise_of(noise, scale):
        state, draw = sampler.step(state, target, torch.Generator())
    parts = [draw.theta] if start is None else [draw.theta, _momenta(state)]
    moved = torch.cat(parts, 1).numpy()
    offset, columns = moved[0], (moved[1:] - moved[0]).T
    size = dim * len(parts)
    matrix, response = columns[:, :size], columns[:, 2 * dim :]
    mean = np.linalg.solve(np.eye(size) - matrix, offset)[:dim]
    whole = solve_discrete_lyapunov(matrix, response @ response.T)
    right = target_of(DATA, 1)
    hessian = torch.stack([force(right, -row) - force(right, row) for row in 0.5 * eye]).numpy()
    curvatures, axes = np.linalg.eigh(hessian)
    inside = (axes * curvatures**0.5).T
    covariance = inside @ whole[:dim, :dim] @ inside.T
    best = np.linalg.solve(hessian, force(right, rest[0]).numpy())
    return Stationary(
        variances=np.diag(covariance),
        off=float(np.abs(covariance - np.diag(np.diag(covariance))).max()),
        shift=float(np.abs(inside @ (mean - best)).max()),
        curvatures=curvatures,
        momenta=0.0 if start is None else float(start.mean()),
    )


def _momenta(state: Any) -> Any:
    """Return the momenta of a state, or the noise that it keeps; None where it has neither."""
    for name in ("momentum", "velocity", "noise"):
        if hasattr(state, name):
            return getattr(state, name)
    return state[1] if type(state) is tuple and len(state) > 1 else None
