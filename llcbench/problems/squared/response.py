"""How much the estimate would change with another data set, from one data set.

For ``y = M(w) x + noise`` the label noise enters the loss through its cross moment ``C`` alone, and
with ``q`` the excess loss, ``D = M(w) - M(w*)``, ``llc = nbeta E[q]``:

``d llc / d C = 2 scale nbeta (nbeta Cov(q, D) - E[D])``,  ``Cov(C_ij, C_ik) = sd^2 S_jk / n``.

The variance of the estimate over label noise is the quadratic form of the two, to first order in
the noise (the delta method). Two halves of the chains give two independent derivatives; their
product has no bias from Monte Carlo noise. Where that noise makes the product negative, the form of
the mean derivative is used instead, which is never negative and too large on average.
"""

import math
from typing import Any, final

import torch
from torch import Tensor

from llcbench.problems.squared.regression import Moments, Regression, SquaredLoss
from llcbench.sampling.target import Target
from llcbench.types import Data

# Every tenth state is looked at; of large networks, where that takes half a step, every fortieth:
# one or two percent of the time.
EVERY, EVERY_LARGE = 10, 40
# States whose sums are formed at once, as far as they are small.
TOGETHER = 16
SMALL = 2**16


@final
class Response:
    """Running sums of ``q``, ``D`` and ``q D`` for two halves of the chains.

    Attributes:
        every: Of so many states one is to be added.
    """

    def __init__(self, target: Target) -> None:
        """Prepare for a target with data."""
        assert isinstance(target.problem, Regression)
        assert isinstance(target.loss, SquaredLoss)
        self._target, self._loss = target, target.loss
        self._sums: list[tuple[Tensor, Tensor, Tensor]] = []
        self._count = 0
        self._waiting: list[Tensor] = []
        self._small = target.num_chains * target.dim <= SMALL
        self.every = EVERY if self._small else EVERY_LARGE

    @staticmethod
    def applies(target: Target) -> bool:
        """Tell whether the target has label noise whose effect can be computed.

        That of a data set which is too large to be stored is left out.
        """
        problem = target.problem
        return (
            isinstance(problem, Regression)
            and isinstance(target.data, Data)
            and problem.noise_sd > 0
            and target.num_chains >= 2
        )

    def add(self, theta: Tensor) -> None:
        """Add the current states of all chains."""
        self._waiting.append(theta.clone() if self._small else theta)
        if not self._small or len(self._waiting) == TOGETHER:
            self._gather()

    def _gather(self) -> None:
        """Add the states that wait to the sums."""
        if not self._waiting:
            return
        states, chains = len(self._waiting), self._waiting[0].shape[0]
        theta = torch.cat(self._waiting) if states > 1 else self._waiting[0]
        self._waiting = []
        delta = self._loss.map.value(theta) - self._loss.reference
        excess = self._loss.head(delta, self._loss.moments)[0].double().view(states, chains)
        delta = delta.view(states, chains, *delta.shape[1:])
        if not self._sums:
            # Sums that are made in inference mode could not be added to outside of it.
            with torch.inference_mode(False):
                zeros = torch.zeros(delta.shape[2:], dtype=torch.float64, device=delta.device)
                self._sums = [(zeros.new_zeros(()), zeros.clone(), zeros.clone()) for _ in range(2)]
        half = chains // 2
        for sums, rows in zip(self._sums, (slice(0, half), slice(half, None)), strict=True):
            self._add(sums, excess[:, rows], delta[:, rows])
        self._count += states

    def _add(self, sums: tuple[Tensor, Tensor, Tensor], q: Tensor, d: Tensor) -> None:
        """Add the means over chains, summed over states, of ``q``, ``D`` and ``q D``."""
        each = 1 / q.shape[1]
        sums[0].add_(each * q.sum())
        if self._small:
            d = d.double()
            sums[1].add_(each * d.sum((0, 1)))
            sums[2].add_(each * (q[:, :, None, None] * d).sum((0, 1)))
            return
        # One pass each, without copies of the size of a large map.
        for weight, one in zip(q.flatten().tolist(), d.flatten(0, 1), strict=True):
            sums[1].add_(one, alpha=each)
            sums[2].add_(one, alpha=each * weight)

    def state(self) -> dict[str, Any]:
        """Return the sums so far, to be restored in another process."""
        # States that wait go along: sums in another order would not be the same to the bit.
        sums = [tuple(part.clone() for part in half) for half in self._sums]
        return {"sums": sums, "count": self._count, "waiting": list(self._waiting)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from the sums of another process."""
        self._sums = [(q.clone(), d.clone(), qd.clone()) for q, d, qd in state["sums"]]
        self._count = state["count"]
        self._waiting = [theta.clone() for theta in state["waiting"]]

    def standard_error(self) -> float | None:
        """Return the standard error from label noise; None before the first state."""
        self._gather()
        if not self._sums:
            return None
        problem, nbeta = self._target.problem, self._target.nbeta
        assert isinstance(problem, Regression)
        assert problem.num_data is not None
        slopes = []
        for total_q, total_d, total_qd in self._sums:
            q, d, qd = (total / self._count for total in (total_q, total_d, total_qd))
            slopes.append(2 * problem.scale * nbeta * (nbeta * (qd - q * d) - d))
        moments = self._loss.moments
        assert isinstance(moments, Moments)
        second = moments.second.double()
        form = float((slopes[0] @ second * slopes[1]).sum())
        if form <= 0:
            pooled = (slopes[0] + slopes[1]) / 2
            form = float((pooled @ second * pooled).sum())
        return math.sqrt(form * problem.noise_sd**2 / problem.num_data)
