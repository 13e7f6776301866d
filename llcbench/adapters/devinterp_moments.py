"""Moments of the virial from devinterp's own loop, through one of its callbacks."""

from typing import Any, final

import numpy as np
import torch

from llcbench.adapters.devinterp_feed import Weights
from llcbench.sampling.recorder import Recorded
from llcbench.sampling.target import Target


@final
class MomentCallback:
    """A callback that records the moments of every draw of every chain.

    The package calls it after the step of the optimiser and before the gradient is cleared, so that
    the gradient is that of the batch of the step, at the weights that entered it.
    """

    def __init__(self, target: Target) -> None:
        """Make room for all draws; the number of them is seen as they come."""
        self._star, self._burnin = target.w_star.double(), 0
        self._rows: list[list[tuple[float, float, float, float]]] = [
            [] for _ in range(target.num_chains)
        ]

    @torch.no_grad()
    def __call__(
        self,
        *,
        chain: int,
        model: Weights,
        evaluate: Any,
        num_burnin_steps: int,
        **others: Any,
    ) -> None:
        """Record one draw.

        Args:
            chain: Number of the chain.
            model: The weights with their gradient.
            evaluate: The loss, which says what it adds to the gradient for localisation.
            num_burnin_steps: Steps before the first draw.
            others: All else that the loop holds.
        """
        assert model.theta.grad is not None
        offset = model.entered.double() - self._star
        grad = model.theta.grad.double() - evaluate.pull * offset
        self._burnin = num_burnin_steps
        products = float(offset @ grad), float(offset @ offset), float(grad @ grad)
        self._rows[chain].append((float(model.excess), *products))

    def recorded(self) -> Recorded:
        """Return the moments of all chains; those of the burn-in are not recorded."""
        loss, pull, distance, slope = np.array(self._rows, dtype=np.float64).transpose(2, 0, 1)
        steps = self._burnin + np.arange(loss.shape[1], dtype=np.int64)
        return Recorded(steps, loss, pull, distance, slope, None, None)
