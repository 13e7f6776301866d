"""The largest curvature of the loss at the reference point, in a few counted gradients."""

import math

import torch

from llcbench.sampling.target import Target

# Offset in units of 1 / sqrt(gamma): kinks that are nearer than the chains go are averaged over.
WIDTH = 0.1


def stiffness(target: Target, rng: torch.Generator, iterations: int) -> float:
    """Return the largest curvature of the loss near ``w_star``, by power iteration.

    On one batch, as large as those of all chains together; each iteration counts as a gradient of
    every chain.

    Args:
        target: What is sampled.
        rng: Source of the batch and of the first direction.
        iterations: Their number; 0 gives 0.

    Raises:
        BudgetExceeded: If the gradients are used up.
    """
    samples, batch = target.problem.num_data or 1, target.batch_size or 1
    size = min(samples, batch * target.num_chains)
    cost = -(-size // batch)
    mode = torch.no_grad() if target.loss.autograd else torch.inference_mode()
    with mode:
        star = target.w_star.unsqueeze(0)
        place = target.loss.draw(1, size, rng)
        width = WIDTH / math.sqrt(max(target.gamma, 1.0))
        rest = target.loss.excess_and_grad(star, place)[1].clone()
        slope = torch.randn(star.shape, generator=rng, dtype=star.dtype, device=star.device)
        value = 0.0
        for _ in range(iterations):
            target.charge(cost)
            length = slope.norm()
            if not 0 < float(length) < math.inf:
                return 0.0
            ahead = target.loss.excess_and_grad(star + width / length * slope, place)[1]
            slope = ahead - rest
            value = float(slope.norm()) / width
    return value if math.isfinite(value) else 0.0
