"""The gradients and seconds of one estimate, over all of its runs."""

import time
from typing import final

from llcbench.sampling.target import Target
from llcbench.types import Budget


@final
class Spending:
    """What is left of a budget, in gradients a chain.

    Attributes:
        limit: Gradients a chain, of all runs together.
        grad_evals: Gradients spent, summed over chains.
        sample_grads: The same times samples per gradient.
        restarts: Runs that left the finite numbers.
    """

    def __init__(self, limit: int, chains: int, outer: Budget) -> None:
        """Start the clock.

        Args:
            limit: Gradients a chain.
            chains: Number of chains.
            outer: Budget of the context, which may be tighter.
        """
        if outer.grad_evals is not None:
            limit = min(limit, outer.grad_evals // chains)
        self.limit, self._chains, self._seconds = limit, chains, outer.seconds
        self._started = time.monotonic()
        self.grad_evals = self.sample_grads = self.restarts = 0

    @property
    def left(self) -> int:
        """Gradients a chain that are left."""
        return self.limit - -(-self.grad_evals // self._chains)

    def budget(self) -> Budget:
        """Return the budget of the next run."""
        seconds = self._seconds
        if seconds is not None:
            seconds = max(seconds - (time.monotonic() - self._started), 0.0)
        return Budget(max(self.limit * self._chains - self.grad_evals, 0), seconds)

    def add(self, target: Target) -> None:
        """Count what a run has cost, its records included."""
        size = target.batch_size or target.problem.num_data or 1
        self.grad_evals += target.grad_evals + target.recorded_grads
        self.sample_grads += target.sample_grads + target.recorded_grads * size
