"""Exact draws in up to three dimensions."""

from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from llcbench.checks import check_positive
from llcbench.samplers.hyperparameters import check_hyperparameters
from llcbench.samplers.metropolis import accepts, full_batch_only, selected
from llcbench.sampling.target import Target
from llcbench.types import Draw
from theory.tempered.quadrature import cells


class Proposal(NamedTuple):
    """A density that is constant on the cells of a box.

    Attributes:
        lower: Lower corners, ``(cells, dim)``.
        widths: Side lengths, ``(cells, dim)``.
        cumulative: Cumulated masses, ``(cells,)``.
        log_density: Log density on each cell, ``(cells,)``.
    """

    lower: Tensor
    widths: Tensor
    cumulative: Tensor
    log_density: Tensor

    def draw(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return points ``(count, dim)`` and their log densities ``(count,)``."""
        uniform = torch.rand(
            count, generator=rng, dtype=self.cumulative.dtype, device=self.cumulative.device
        )
        index = torch.searchsorted(self.cumulative, uniform).clamp_(max=len(self.cumulative) - 1)
        offset = torch.rand(
            count, self.lower.shape[1], generator=rng, dtype=uniform.dtype, device=uniform.device
        )
        return self.lower[index] + self.widths[index] * offset, self.log_density[index]


class ExactState(NamedTuple):
    """Current point of every chain, its importance weight and the proposal.

    Attributes:
        theta: Parameters, ``(chains, dim)``.
        log_weight: Log of target over proposal density up to a constant, ``(chains,)``.
        loss: Excess loss, ``(chains,)``.
        proposal: The piecewise constant density.
    """

    theta: Tensor
    log_weight: Tensor
    loss: Tensor
    proposal: Proposal


@final
@dataclass(frozen=True)
class Exact:
    """Independence Metropolis with a proposal that is the target itself, up to quadrature cells.

    Adaptive quadrature cuts the box of the localisation into cells and weighs each one; a proposal
    picks a cell by its mass and a uniform point in it, and the Metropolis test with the true
    density removes what the cells blur. The chain is exact for the target at any resolution; a
    finer one only raises the acceptance, which is close to one: draws are nearly independent.

    Attributes:
        resolution: Relative accuracy of the cells; smaller is finer.

    Source: Tierney 1994 (independence sampler).
    """

    resolution: float = 1e-3

    def __post_init__(self) -> None:
        check_hyperparameters(self, "exact", resolution=check_positive)

    def unsupported(self, target: Target) -> str | None:
        """Return why a target cannot be sampled, None if it can."""
        if target.dim > 3:
            return f"exact needs at most 3 parameters, {target.problem.id} has {target.dim}"
        confined = None if target.gamma > 0 else "exact needs gamma > 0"
        return full_batch_only("exact", target) or confined

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> ExactState:
        """Build the cells and draw every chain from them."""

        def potential(points: NDArray[np.float64]) -> NDArray[np.float64]:
            rows = torch.from_numpy(np.ascontiguousarray(points.T)).to(theta)
            return target.loss.excess(rows, target.batch).double().cpu().numpy()

        centre = target.w_star.double().cpu().numpy()
        grid = cells(potential, centre, target.nbeta, target.gamma, rtol=self.resolution)
        widths = grid.upper - grid.lower
        kept = grid.mass > 0
        arrays = (
            grid.lower[kept],
            widths[kept],
            np.cumsum(grid.mass[kept]) / grid.mass.sum(),
            np.log(grid.mass[kept]) - np.log(widths[kept]).sum(1),
        )
        proposal = Proposal(*(torch.from_numpy(a).to(theta) for a in arrays))
        return self._proposed(proposal, theta.shape[0], target, rng)

    def step(
        self, state: ExactState, target: Target, rng: torch.Generator
    ) -> tuple[ExactState, Draw]:
        """Propose and test for all chains."""
        new = self._proposed(state.proposal, state.theta.shape[0], target, rng)
        accepted = accepts(new.log_weight - state.log_weight, rng)
        state = ExactState(
            selected(accepted, new.theta, state.theta),
            selected(accepted, new.log_weight, state.log_weight),
            selected(accepted, new.loss, state.loss),
            state.proposal,
        )
        return state, Draw(state.theta, state.loss, accepted)

    def _proposed(
        self, proposal: Proposal, chains: int, target: Target, rng: torch.Generator
    ) -> ExactState:
        theta, log_density = proposal.draw(chains, rng)
        potential, loss = target.energy(theta)
        return ExactState(theta, -potential - log_density, loss, proposal)
