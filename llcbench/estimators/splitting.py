"""Multilevel splitting: the mass of small sublevel sets under the localisation."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, final

import torch
from torch import Tensor

# Steps of the random walk spread over this factor below the largest one: narrow sets need it.
SPREAD = 100.0
AIM = 0.2
MOST_LEVELS = 400


class SplittingLevel(NamedTuple):
    """One level of the way down.

    Attributes:
        level: Upper bound of the potential.
        step: Largest step of the random walk below it.
        accepted: Share of moves that the pilot accepted there.
    """

    level: float
    step: float
    accepted: float


@final
class Splitting:
    """Particles that are pushed below falling levels; the dead restart at copies of survivors.

    Between levels all particles move by a random walk that leaves the localisation restricted to
    the sublevel set invariant: ``z' = sqrt(1 - s^2) z + s xi`` is reversible for N(0, I), with a
    random step s, and is accepted if the potential stays below the level.

    A pilot run chooses levels that half of its particles pass, and step sizes. The runs that count
    take them as fixed: levels chosen from their own particles would raise every mass by one over
    the number of particles, times the number of levels.

    Source: Au and Beck 2001 (subset simulation); Cerou, Del Moral, Furon and Guyader 2012 (the bias
    of adaptive levels); Cotter, Roberts, Stuart and White 2013 (the move).
    """

    def __init__(
        self, potential: Callable[[Tensor], Tensor], dim: int, moves: int, rng: torch.Generator
    ) -> None:
        """Prepare for a potential on rows ``(n, dim)`` in units of the localisation."""
        self._potential, self._dim, self._moves, self._rng = potential, dim, moves, rng
        self.evaluations = 0

    def pilot(self, particles: int, goals: Sequence[float]) -> list[SplittingLevel]:
        """Return a way down that visits all goals, which fall.

        Raises:
            ValueError: If the last one is out of reach.
        """
        theta, loss = self._start(1, particles)
        step, levels, left = 1.0, list[SplittingLevel](), list(goals)
        while left and len(levels) < MOST_LEVELS:
            level = max(float(loss.median()), left[0])
            alive = loss < level
            if not bool(alive.any()):
                break
            if level == left[0]:
                left.pop(0)
            theta, loss = self._replaced(theta, loss, alive)
            theta, loss, rate = self._moved(theta, loss, step, level)
            levels.append(SplittingLevel(level, step, rate))
            step = min(max(step * 10 ** (2 * (rate - AIM)), 1e-9), 1.0)
        if left:
            raise ValueError(
                f"volume_scaling did not reach the level {left[-1]:.3g}; raise particles or moves"
            )
        return levels

    def masses(
        self, runs: int, particles: int, levels: Sequence[SplittingLevel], goals: Sequence[float]
    ) -> Tensor:
        """Return unbiased estimates of the mass below each goal, ``(runs, goals)``."""
        theta, loss = self._start(runs, particles)
        mass = theta.new_ones(runs)
        below = []
        for level, step, _ in levels:
            alive = loss < level
            mass = mass * alive.double().mean(1)
            if level in goals:
                below.append(mass)
            # A run that has died out keeps its mass of zero; its particles no longer matter.
            alive = alive | ~alive.any(1, keepdim=True)
            theta, loss = self._replaced(theta, loss, alive)
            theta, loss, _ = self._moved(theta, loss, step, level)
        return torch.stack(below, dim=1)

    def _start(self, runs: int, particles: int) -> tuple[Tensor, Tensor]:
        theta = self._normal((runs, particles, self._dim))
        return theta, self._losses(theta)

    def _replaced(self, theta: Tensor, loss: Tensor, alive: Tensor) -> tuple[Tensor, Tensor]:
        """Put random survivors in the place of the dead."""
        count = loss.shape[1]
        drawn = torch.multinomial(alive.double(), count, replacement=True, generator=self._rng)
        own = torch.arange(count).expand_as(drawn)
        index = torch.where(alive, own, drawn)
        return theta.gather(1, index.unsqueeze(2).expand_as(theta)), loss.gather(1, index)

    def _moved(
        self, theta: Tensor, loss: Tensor, step: float, level: float
    ) -> tuple[Tensor, Tensor, float]:
        """Walk within the sublevel set; return the share of accepted moves too."""
        rate = 0.0
        for _ in range(self._moves):
            uniform = torch.rand(loss.shape, generator=self._rng, dtype=loss.dtype)
            size = (step * SPREAD**-uniform).unsqueeze(2)
            proposal = (1 - size**2).sqrt() * theta + size * self._normal(theta.shape)
            there = self._losses(proposal)
            accept = there < level
            theta = torch.where(accept.unsqueeze(2), proposal, theta)
            loss = torch.where(accept, there, loss)
            rate += float(accept.double().mean()) / self._moves
        return theta, loss, rate

    def _losses(self, theta: Tensor) -> Tensor:
        self.evaluations += theta.shape[0] * theta.shape[1]
        return self._potential(theta.flatten(0, 1)).view(theta.shape[:2])

    def _normal(self, shape: tuple[int, ...]) -> Tensor:
        return torch.empty(shape, dtype=torch.float64).normal_(generator=self._rng)
