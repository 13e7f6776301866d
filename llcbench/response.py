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

from torch import Tensor

from llcbench.problems.regression import Moments, Regression, SquaredLoss
from llcbench.target import Target
from llcbench.types import Data

EVERY = 10


@final
class Response:
    """Running sums of ``q``, ``D`` and ``q D`` for two halves of the chains."""

    def __init__(self, target: Target) -> None:
        """Prepare for a target with data."""
        assert isinstance(target.problem, Regression)
        assert isinstance(target.loss, SquaredLoss)
        self._target, self._loss = target, target.loss
        self._sums: list[tuple[Tensor, Tensor, Tensor]] = []

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
        delta = self._loss.map.value(theta) - self._loss.reference
        excess = self._loss.head(delta, self._loss.moments)[0]
        half = theta.shape[0] // 2
        new = []
        for rows in (slice(0, half), slice(half, None)):
            q, d = excess[rows].double(), delta[rows].double()
            new.append((q.mean(), d.mean(0), (q[:, None, None] * d).mean(0)))
        if not self._sums:
            self._sums, self._count = new, 1
            return
        self._count += 1
        self._sums = [
            (a + x, b + y, c + z) for (a, b, c), (x, y, z) in zip(self._sums, new, strict=True)
        ]

    def state(self) -> dict[str, Any]:
        """Return the sums so far, to be restored in another process."""
        return {"sums": self._sums, "count": self._count if self._sums else 0}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from the sums of another process."""
        self._sums = [(q.clone(), d.clone(), qd.clone()) for q, d, qd in state["sums"]]
        self._count = state["count"]

    def standard_error(self) -> float | None:
        """Return the standard error from label noise; None before the first state."""
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
