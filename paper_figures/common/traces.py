"""A chain of SGLD step by step: its loss, and whether a Metropolis test would accept it."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # torch takes seconds to import, and drawing needs none
    import torch

    from llcbench.sampling.target import Target
    from llcbench.seeds import Seeds

Array = NDArray[np.float64]


def trace(
    target: "Target", step_size: float, steps: int, every: int, seeds: "Seeds"
) -> tuple[Array, Array]:
    """Run SGLD from the reference point without burn-in and ask of some steps what MALA would do.

    Args:
        target: Of all chains, with minibatches.
        step_size: Of SGLD.
        steps: How many.
        every: Steps from one acceptance to the next.
        seeds: Of noise and minibatches.

    Returns:
        ``nbeta`` times the minibatch losses above that of the reference point, ``(chains, steps)``,
        and probabilities of acceptance, ``(chains, steps // every)``.
    """
    import torch

    from llcbench.samplers.sgld import SGLD
    from llcbench.sampling.chains import Chains

    noise, batches = seeds.generator("noise"), seeds.generator("batch")
    rates = []
    with torch.inference_mode():
        chains = Chains(target, SGLD(step_size), steps, 0, noise, batches)
        chains.start(dispersed=False)
        after = target.start()
        for step in range(1, steps + 1):
            before = after.clone() if step % every == 0 else after
            after = chains.advance().theta
            if step % every == 0:
                rates.append(acceptance(target, before, after, step_size))
    losses = (target.nbeta * chains.losses).numpy().T
    return losses, torch.stack(rates, 1).numpy()


def acceptance(
    target: "Target", before: "torch.Tensor", after: "torch.Tensor", step_size: float
) -> "torch.Tensor":
    """Return what MALA would accept a step with, on its own minibatch, ``(chains,)``.

    ``log a = U(w) - U(w') + (g + g') (w' - w) / 2 - eps (|g'|^2 - |g|^2) / 8``: both squares of the
    ratio of proposals are expanded, so that nothing of order ``1 / eps`` has to cancel.
    """
    here, slope, _ = target.potential_and_grad(before)
    there, ahead, _ = target.potential_and_grad(after)
    drift = 0.5 * (after - before).double() - (0.125 * step_size) * (ahead - slope).double()
    log_ratio = (here - there).double() + ((ahead + slope).double() * drift).sum(1)
    return log_ratio.exp().clamp(max=1.0)
