"""The loop: moves the chains, keeps the loss trace, stops when they fail."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from llcbench.records import Status
from llcbench.response import EVERY, Response
from llcbench.target import BudgetExceeded, Target
from llcbench.types import Sampler

# How often the chains are checked for having left the finite numbers.
CHECK_EVERY = 200
# A posterior at (nbeta, gamma) holds |w - w*| at the order of sqrt(dim / gamma); this is far out.
RUNAWAY = 1e6


@final
@dataclass(frozen=True)
class Trace:
    """Loss traces of all chains, burn-in included.

    Attributes:
        excess: Loss above the loss at ``w_star`` on the same batch, ``(chains, steps)``.
        baseline: Loss at ``w_star`` on that batch, ``(chains, steps)``, or ``(1, 1)`` when it is
            the same throughout.
        loss_star: Loss at ``w_star`` on the full data.
        num_burnin: Leading steps that do not count.
        acceptance: Mean acceptance rate after burn-in, None for samplers that never reject.
        data_se: Standard error from the label noise of the data set, None without any.
        status: ``ok``, ``not_finite``, ``diverged`` or ``timeout``.
        message: What happened, for anything but ``ok``.
        seconds_setup: Time until the first step.
        seconds_sampling: Time of the steps.
    """

    excess: NDArray[np.float64]
    baseline: NDArray[np.float64]
    loss_star: float
    num_burnin: int
    acceptance: float | None
    data_se: float | None
    status: Status
    message: str
    seconds_setup: float
    seconds_sampling: float

    @property
    def kept(self) -> NDArray[np.float64]:
        """Excess losses after burn-in, ``(chains, draws)``."""
        return self.excess[:, self.num_burnin :]


def sample(
    target: Target,
    sampler: Sampler[Any],
    *,
    num_draws: int,
    num_burnin: int,
    noise: torch.Generator,
    batches: torch.Generator,
    dispersed: bool = False,
    on_step: Callable[[int], None] | None = None,
) -> Trace:
    """Run all chains and return their loss traces.

    Args:
        target: What is sampled.
        sampler: How.
        num_draws: Kept steps, at least 1.
        num_burnin: Steps before them, at least 0.
        noise: Source of the sampler's randomness.
        batches: Source of the minibatches, so that samplers can be compared on the same ones.
        dispersed: Start at draws of the localisation, ``N(w_star, I / gamma)``, instead of at
            ``w_star``: R-hat then sees slow directions, and burn-in has to be long enough.
        on_step: Called with the number of new steps now and then, for progress bars.

    Returns:
        The traces up to the last step that was made.

    Raises:
        ValueError: If the lengths are not admissible or the sampler cannot sample this target.
    """
    if num_draws < 1 or num_burnin < 0:
        raise ValueError(
            f"num_draws must be at least 1 and num_burnin at least 0, got {num_draws}, {num_burnin}"
        )
    # Inference mode saves a fifth of a small step; automatic differentiation does not allow it.
    mode = torch.no_grad() if target.loss.autograd else torch.inference_mode()
    with mode:
        return _sample(
            target, sampler, num_draws, num_burnin, noise, batches, dispersed, on_step
        )


def _sample(
    target: Target,
    sampler: Sampler[Any],
    num_draws: int,
    num_burnin: int,
    noise: torch.Generator,
    batches: torch.Generator,
    dispersed: bool,
    on_step: Callable[[int], None] | None,
) -> Trace:
    started = time.perf_counter()
    target.next_batch(batches)
    loss_star = float(target.loss.baseline(target.loss.draw(1, None, batches)))
    minibatch = target.batch_size is not None
    steps = num_burnin + num_draws
    excess = torch.empty(steps, target.num_chains, dtype=torch.float64)
    baseline = torch.empty(steps if minibatch else 1, target.num_chains if minibatch else 1)
    baseline = baseline.double().fill_(loss_star)
    response = Response(target) if Response.applies(target) else None
    accepted, done = torch.zeros((), dtype=torch.float64), 0
    rejecting = False
    status: Status = "ok"
    message = ""
    running = time.perf_counter()
    try:
        state = sampler.init(target.start(noise if dispersed else None), target, noise)
        running = time.perf_counter()
        for step in range(steps):
            if minibatch:
                target.next_batch(batches)
                baseline[step] = target.loss.baseline(target.batch)
            state, draw = sampler.step(state, target, noise)
            excess[step] = draw.loss
            done = step + 1
            if draw.accepted is not None and step >= num_burnin:
                rejecting = True
                accepted += draw.accepted.double().mean()
            if response is not None and step >= num_burnin and step % EVERY == 0:
                response.add(draw.theta)
            if done % CHECK_EVERY == 0 or done == steps:
                if on_step is not None:
                    on_step(CHECK_EVERY if done % CHECK_EVERY == 0 else done % CHECK_EVERY)
                status, message = _health(excess[:done], draw.theta, target)
                if status != "ok":
                    break
    except BudgetExceeded as error:
        status, message = "timeout", f"{error} after {done} of {steps} steps"
    ended = time.perf_counter()
    return Trace(
        excess=excess[:done].T.contiguous().numpy(),
        baseline=(baseline[:done] if minibatch else baseline).T.contiguous().numpy(),
        loss_star=loss_star,
        num_burnin=num_burnin,
        acceptance=float(accepted) / max(done - num_burnin, 1) if rejecting else None,
        data_se=response.standard_error() if response is not None else None,
        status=status,
        message=message,
        seconds_setup=running - started,
        seconds_sampling=ended - running,
    )


def _health(excess: torch.Tensor, theta: torch.Tensor, target: Target) -> tuple[Status, str]:
    """Tell whether the chains are still where a posterior could be."""
    steps = excess.shape[0]
    lost = ~(excess[-1].isfinite() & theta.isfinite().all(1))
    if bool(lost.any()):
        finite = excess.isfinite().all(0)
        first = int((~excess.isfinite()).any(1).int().argmax()) if not bool(finite.all()) else steps
        return "not_finite", (
            f"{int(lost.sum())} of {lost.numel()} chains left the finite numbers at step {first};"
            " try a smaller step_size"
        )
    distance = float((theta - target.w_star).norm(dim=1).max())
    limit = RUNAWAY * (target.dim / max(target.gamma, 1e-3)) ** 0.5
    if distance > limit:
        return "diverged", (
            f"a chain is at distance {distance:.3g} from w_star after {steps} steps;"
            " try a smaller step_size"
        )
    return "ok", ""
