"""The sampling loop: moves the chains, stops on failure, and checkpoints long runs."""

import time
from collections.abc import Callable
from typing import final

import torch

from llcbench.records import Status
from llcbench.sampling import sampler_abilities
from llcbench.sampling.chains import Chains, Trace
from llcbench.sampling.state_trees import NotStorable
from llcbench.sampling.target import AnySampler, Target
from llcbench.types import Budget, BudgetExceeded, CheckpointFile, Draw

# How often the chains are checked for having left the finite numbers: in steps, and in seconds
# where a step takes long.
CHECK_EVERY = 200
CHECK_SECONDS = 30.0
REPORT_SECONDS = 1.0
# A posterior at (nbeta, gamma) holds |w - w*| at the order of sqrt(dim / gamma); this is far out.
RUNAWAY = 1e6
# Numbers that are looked at together.
BLOCK = 2**20


def sample(
    target: Target,
    sampler: AnySampler,
    *,
    num_draws: int,
    num_burnin: int,
    noise: torch.Generator,
    batches: torch.Generator,
    dispersed: bool = False,
    on_step: Callable[[int], None] | None = None,
    checkpoint: CheckpointFile | None = None,
    record_every: int | None = None,
    until: Callable[[Chains], bool] | None = None,
) -> Trace:
    """Run all chains and return their loss traces.

    Args:
        target: What is sampled.
        sampler: Transition kernel. One that adapts does so in the burn-in only: a longer adaptation
            ends with it.
        num_draws: Kept steps, at least 1.
        num_burnin: Steps before them, at least 0.
        noise: Source of the sampler's randomness.
        batches: Source of the minibatches, so that samplers can be compared on the same ones.
        dispersed: Start at draws of the localisation, ``N(w_star, I / gamma)``, instead of at
            ``w_star``: R-hat then sees slow directions, and burn-in has to be long enough.
        on_step: Called regularly with the number of new steps, for progress bars.
        checkpoint: Checkpoint of a long run; if it holds a place, the run continues from there and
            gives the same numbers.
        record_every: Steps from one record of the moments to the next; None for what costs little.
        until: Asked at every check of healthy chains, at the end too, whether the run is over.

    Returns:
        The traces up to the last step that was made.

    Raises:
        ValueError: If the lengths are not admissible or the sampler cannot sample this target.
    """
    if num_draws < 1 or num_burnin < 0:
        raise ValueError(
            f"num_draws must be at least 1 and num_burnin at least 0, got {num_draws}, {num_burnin}"
        )
    sampler = sampler_abilities.adapting_within(sampler, num_burnin)
    # Inference mode saves a fifth of a small step; automatic differentiation does not allow it.
    mode = torch.no_grad() if target.loss.autograd else torch.inference_mode()
    with mode:
        started = time.perf_counter()
        chains = Chains(target, sampler, num_draws, num_burnin, noise, batches, record_every)
        return _driven(chains, started, dispersed, on_step, checkpoint, until)


def _driven(
    chains: Chains,
    started: float,
    dispersed: bool,
    on_step: Callable[[int], None] | None,
    checkpoint: CheckpointFile | None,
    until: Callable[[Chains], bool] | None,
) -> Trace:
    """Make the steps of a run; between them look at the clock, the chains and the checkpoint."""
    watch = Watch(chains, on_step, checkpoint)
    status: Status = "ok"
    message = ""
    try:
        chains.start(dispersed)
        watch.start()
        limited = chains.target.budget != Budget()
        while chains.done < chains.steps:
            if limited:
                watch.budget()
            draw = chains.advance()
            full = chains.done % CHECK_EVERY == 0 or chains.done == chains.steps or draw.last
            if not full and time.perf_counter() < watch.next:
                continue
            status, message = watch.look(draw, full)
            if status != "ok" or draw.last:
                break
            if full and until is not None and until(chains):
                break
    except BudgetExceeded as error:
        status, message = "timeout", f"{error} after {chains.done} of {chains.steps} steps"
    return chains.trace(status, message, watch.running - started, watch.seconds())


@final
class Watch:
    """The work between two steps: reports, checks, and the checkpoint.

    Attributes:
        next: Time of the next check, as of ``time.perf_counter``.
        running: Time at which the first step began.
    """

    def __init__(
        self,
        chains: Chains,
        on_step: Callable[[int], None] | None,
        checkpoint: CheckpointFile | None,
    ) -> None:
        """Watch chains that have not started."""
        self._chains, self._on_step, self._checkpoint = chains, on_step, checkpoint
        self.running = self.next = self._checked = time.perf_counter()
        self._reported, self._before = 0, 0.0
        self._names: list[str] | str = ""

    def start(self) -> None:
        """Start the clock; continue an earlier run if the checkpoint holds one."""
        self.running = self._checked = time.perf_counter()
        self.next = self.running + REPORT_SECONDS
        if self._checkpoint is None:
            return
        self.next = self.running + min(REPORT_SECONDS, self._checkpoint.every)
        self._names = self._chains.outlined()
        saved = self._checkpoint.read()
        if saved is None:
            return
        try:
            self._chains.resume(saved["chains"])
        except (NotStorable, KeyError) as error:
            self._checkpoint.reject(str(error))
            return
        self._before = saved["seconds"]

    def seconds(self) -> float:
        """Return the time of all steps, also of those before an interruption."""
        return self._before + time.perf_counter() - self.running

    def budget(self) -> None:
        """Save the place of a run that is out of time; between two steps it is consistent.

        Raises:
            BudgetExceeded: If it is.
        """
        try:
            self._chains.target.charge(0)
        except BudgetExceeded:
            if self._checkpoint is not None and self.seconds() > self._checkpoint.every:
                self._keep(self._checkpoint)
            raise

    def look(self, draw: Draw, full: bool) -> tuple[Status, str]:
        """Report steps and, if it is time, check the chains and write the checkpoint."""
        chains, now = self._chains, time.perf_counter()
        self.next = now + REPORT_SECONDS
        if self._on_step is not None:
            self._on_step(chains.done - self._reported)
            self._reported = chains.done
        if full or now - self._checked > CHECK_SECONDS:
            self._checked = now
            status, message = _health(chains.losses, draw.theta, chains.target)
            if status != "ok":
                return status, message
        if self._checkpoint is not None and chains.done < chains.steps:
            if now > self._checkpoint.due(self.seconds() * chains.steps / chains.done):
                self._keep(self._checkpoint)
            self.next = now + min(REPORT_SECONDS, self._checkpoint.every)
        return "ok", ""

    def _keep(self, checkpoint: CheckpointFile) -> None:
        try:
            if isinstance(self._names, str):
                raise NotStorable(self._names)
            place = self._chains.place()
            if place["names"] != self._names:
                raise NotStorable("its state does not keep its shape")
        except NotStorable as error:
            checkpoint.give_up(str(error))
            return
        checkpoint.write({"chains": place, "seconds": self.seconds()})


def _health(excess: torch.Tensor, theta: torch.Tensor, target: Target) -> tuple[Status, str]:
    """Return whether the chains are still where a posterior could be."""
    steps = excess.shape[0]
    finite_theta, distance = _spread(theta, target)
    lost = ~(excess[-1].isfinite() & finite_theta)
    if bool(lost.any()):
        finite = excess.isfinite().all(0)
        first = int((~excess.isfinite()).any(1).int().argmax()) if not bool(finite.all()) else steps
        return "not_finite", (
            f"{int(lost.sum())} of {lost.numel()} chains left the finite numbers at step {first};"
            " try a smaller step_size"
        )
    limit = RUNAWAY * (target.dim / max(target.gamma, 1e-3)) ** 0.5
    if float(distance.max()) > limit:
        return "diverged", (
            f"a chain is at distance {float(distance.max()):.3g} from w_star after {steps} steps;"
            " try a smaller step_size"
        )
    return "ok", ""


def _spread(theta: torch.Tensor, target: Target) -> tuple[torch.Tensor, torch.Tensor]:
    """Return which chains are finite and how far they are from ``w_star``, ``(chains,)`` each.

    In blocks: a copy of the parameters is more than the largest runs can afford.
    """
    columns = max(BLOCK // theta.shape[0], 1)
    pairs = zip(
        torch.split(theta, columns, dim=1), torch.split(target.w_star, columns), strict=True
    )
    parts = [(rows.isfinite().all(1), (rows - star).norm(dim=1)) for rows, star in pairs]
    finite, distances = (torch.stack(column) for column in zip(*parts, strict=True))
    return finite.all(0), distances.norm(dim=0)
