"""Records the moments of a run at every few steps, and the noise of its minibatches."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from llcbench.sampling.devices import generator
from llcbench.sampling.moments import distance, moments
from llcbench.sampling.target import Target
from llcbench.types import Draw, VirialMoments

Array = NDArray[np.float64]
# Steps from one record to the next: a record costs up to a small step and a third of a large one,
# and neighbouring steps tell nearly the same.
EVERY = 16
EVERY_LARGE = 32
LARGE = 10**5
# Records from one pair of half batches to the next: a pair costs a gradient, as much as all records
# between two of them, and what it tells is far more precise than the energy.
PAIRS = 8
# Numbers above which no gradient is stored that the steps do not need.
STORED = 2**24
# Separates the random numbers of pairs from those of the batches.
APART = 0x9E3779B97F4A7C15


@final
@dataclass(frozen=True)
class Recorded:
    """Moments of the virial at some steps of all chains, ``(chains, records)`` each.

    Attributes:
        steps: Numbers of the steps, ``(records,)``.
        loss: Excess loss.
        pull: ``r . grad L``.
        distance: ``|r|^2``.
        slope: ``|grad L|^2``.
        kinetic: Mean square of the momentum over its stationary value; None without momentum.
        pairs: What pairs of half batches say; None without minibatches.
    """

    steps: NDArray[np.int64]
    loss: Array
    pull: Array
    distance: Array
    slope: Array
    kinetic: Array | None
    pairs: "RecordedPairs | None"

    def since(self, step: int) -> "Recorded":
        """Return the records from a step on."""
        late = self.steps >= step
        rows = (self.loss, self.pull, self.distance, self.slope)
        loss, pull, distance, slope = (row[:, late] for row in rows)
        kinetic = None if self.kinetic is None else self.kinetic[:, late]
        pairs = None if self.pairs is None else self.pairs.since(step)
        return Recorded(self.steps[late], loss, pull, distance, slope, kinetic, pairs)


@final
@dataclass(frozen=True)
class RecordedPairs:
    """What two independent half batches say at some steps, ``(chains, pairs)`` each.

    Attributes:
        steps: Numbers of the steps, ``(pairs,)``.
        noise: Variance of the minibatch gradient, summed over coordinates.
        first: Excess loss on the one half.
        second: On the other.
        distance: ``|r|^2``.
    """

    steps: NDArray[np.int64]
    noise: Array
    first: Array
    second: Array
    distance: Array

    def since(self, step: int) -> "RecordedPairs":
        """Return the pairs from a step on."""
        late = self.steps >= step
        rows = (self.noise, self.first, self.second, self.distance)
        noise, first, second, distance = (row[:, late] for row in rows)
        return RecordedPairs(self.steps[late], noise, first, second, distance)


@final
class Recorder:
    """Has the target record at every few steps and keeps what it recorded.

    Attributes:
        every: Steps from one record to the next.
    """

    def __init__(self, target: Target, seed: int, every: int | None = None) -> None:
        """Prepare for a run.

        Args:
            target: What is sampled.
            seed: Seed of the half batches.
            every: Steps from one record to the next; None for what costs little.
        """
        size = target.num_chains * target.dim
        self.every = every or (EVERY if size < LARGE else EVERY_LARGE)
        self._target, self._seed = target, seed
        self._steps: list[int] = []
        self._losses: list[Tensor] = []
        self._grams: list[Tensor] = []
        self._kinetic: list[Tensor] = []
        self._pair_steps: list[int] = []
        self._pairs: list[Tensor] = []
        self._potential = False
        visited = target.num_parts > 0
        self._paired = target.batch_size is not None and (visited or size <= STORED)

    def before(self) -> None:
        """Ask the target for the moments of the next step."""
        self._target.recording, self._target.moments = True, None

    def after(self, step: int, draw: Draw) -> None:
        """Keep the moments of a step that was asked for."""
        self._target.recording = False
        found = self._moments(draw)
        if found is None:
            return
        loss, gram, potential = found
        self._steps.append(step)
        self._losses.append(loss)
        self._grams.append(gram)
        self._potential = potential
        if draw.kinetic is not None:
            self._kinetic.append(draw.kinetic)
        if self._paired and step % (PAIRS * self.every) == 0:
            self._pair_steps.append(step)
            self._pairs.append(self._pair(step, draw.theta))

    def _moments(self, draw: Draw) -> VirialMoments | None:
        """Return the moments of a step; None where they would need a gradient of great size."""
        target = self._target
        if draw.grad is not None:
            found = moments(draw.theta, target.w_star, draw.grad, draw.loss)
            return found._replace(potential=True)
        if target.moments is not None and target.moments.loss is draw.loss:
            return target.moments
        if draw.theta.numel() > STORED:
            return None
        # A sampler that moves without this gradient: exact draws, Gibbs, other packages.
        target.recorded_grads += target.num_chains
        loss, grad = target.loss.excess_and_grad(draw.theta, target.batch)
        return moments(draw.theta, target.w_star, grad, loss)

    def _pair(self, step: int, theta: Tensor) -> Tensor:
        """Return noise, both losses and distance, ``(4, chains)``, from two half batches."""
        target = self._target
        assert target.batch_size is not None
        half = max(target.batch_size // 2, 1)
        rng = generator((self._seed + APART * (step + 1)) % 2**63, target.device)
        one, two = (target.loss.draw(target.num_chains, half, rng) for _ in range(2))
        first, second, noise = target.gradient_noise(theta, one, two)
        # The variance of a mean of independent samples.
        noise = noise * (half / target.batch_size)
        square = distance(theta, target.w_star)
        return torch.stack([noise, first.double(), second.double(), square])

    def recorded(self) -> Recorded:
        """Return what has been recorded so far."""
        held = {name: rows.cpu().numpy() for name, rows in self._stacked().items()}
        distance, pull, slope = (held["grams"][..., i, j].T for i, j in ((0, 0), (0, 1), (1, 1)))
        if self._potential:
            nbeta, gamma = self._target.nbeta, self._target.gamma
            slope = (slope - 2 * gamma * pull + gamma**2 * distance) / nbeta**2
            pull = (pull - gamma * distance) / nbeta
        pairs = None
        if len(held["pairs"]):
            noise, first, second, square = held["pairs"].transpose(1, 2, 0)
            pairs = RecordedPairs(held["pair_steps"], noise, first, second, square)
        kinetic = held["kinetic"].T if len(held["kinetic"]) else None
        return Recorded(held["steps"], held["losses"].T, pull, distance, slope, kinetic, pairs)

    def _stacked(self) -> dict[str, Tensor]:
        """Return all rows as tensors, the record first."""
        chains = self._target.num_chains
        shapes = {"losses": (chains,), "grams": (chains, 2, 2), "kinetic": (chains,)}
        shapes |= {"pairs": (4, chains)}
        stored = {
            name: torch.stack([row.double() for row in rows]) if rows else torch.empty(0, *shape)
            for (name, shape), rows in zip(shapes.items(), self._rows(), strict=True)
        }
        stored["steps"] = torch.tensor(self._steps, dtype=torch.int64)
        stored["pair_steps"] = torch.tensor(self._pair_steps, dtype=torch.int64)
        return stored

    def _rows(self) -> tuple[list[Tensor], ...]:
        return self._losses, self._grams, self._kinetic, self._pairs

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, as tensors and numbers."""
        return {"every": self.every, "potential": self._potential, **self._stacked()}

    def fits(self, state: Any) -> bool:
        """Return whether a state is that of a run like this one."""
        return isinstance(state, dict) and state.get("every") == self.every

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        names = ("losses", "grams", "kinetic", "pairs")
        for name, rows in zip(names, self._rows(), strict=True):
            rows[:] = state[name].clone().unbind()
        self._steps = state["steps"].tolist()
        self._pair_steps = state["pair_steps"].tolist()
        self._potential = state["potential"]
