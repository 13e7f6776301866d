"""The state of a run between two steps: all that the next step depends on, and the traces."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from llcbench.records import Status
from llcbench.sampling.label_noise import label_noise_of
from llcbench.sampling.label_noise_error import standard_error
from llcbench.sampling.recorder import Recorded, Recorder
from llcbench.sampling.state_trees import NotStorable, outline, values
from llcbench.sampling.target import AnySampler, Target
from llcbench.types import Draw

# Losses at ``w_star`` of so many steps are written at once.
TOGETHER = 64


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
        message: What happened, for any status but ``ok``.
        seconds_setup: Time until the first step.
        seconds_sampling: Time of the steps.
        recorded: Moments at every few steps, burn-in included; None where none were recorded.
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
    recorded: Recorded | None = None

    @property
    def kept(self) -> NDArray[np.float64]:
        """Excess losses after burn-in, ``(chains, draws)``."""
        return self.excess[:, self.num_burnin :]


@final
class Chains:
    """All chains of a run, with their traces so far.

    Attributes:
        target: What is sampled.
        steps: Number of all steps, burn-in included.
        done: Steps made so far.
    """

    def __init__(
        self,
        target: Target,
        sampler: AnySampler,
        num_draws: int,
        num_burnin: int,
        noise: torch.Generator,
        batches: torch.Generator,
        record_every: int | None = None,
    ) -> None:
        """Draw the first batch and make room for the traces."""
        self.target, self.steps, self.done = target, num_burnin + num_draws, 0
        self._sampler, self._num_burnin = sampler, num_burnin
        self._noise, self._batches = noise, batches
        target.prepare(self.steps)
        target.next_batch(batches)
        self._loss_star = float(target.loss.baseline(target.loss.draw(1, None, batches)))
        self._minibatch = target.batch_size is not None
        self._excess = target.w_star.new_empty(self.steps, target.num_chains, dtype=torch.float64)
        shape = (self.steps, target.num_chains) if self._minibatch else (1, 1)
        self._baselines = self._excess.new_full(shape, self._loss_star)
        # Those of the last few steps, written together: an operation a step less.
        self._waiting: list[torch.Tensor] = []
        self._written = 0
        self._label_noise = label_noise_of(target)
        self._recorder = Recorder(target, batches.initial_seed(), record_every)
        self._every = self._recorder.every
        self._accepted = self._excess.new_zeros(())
        self._rejecting = False
        self._state: Any = None

    def start(self, dispersed: bool) -> None:
        """Initialise the state of the sampler, at ``w_star`` or at draws of the localisation."""
        theta = self.target.start(self._noise if dispersed else None)
        self._state = self._sampler.init(theta, self.target, self._noise)

    def advance(self) -> Draw:
        """Make one step and record it."""
        step, target = self.done, self.target
        if self._minibatch:
            target.next_batch(self._batches)
            self._waiting.append(target.loss.baseline(target.batch))
            if len(self._waiting) == TOGETHER:
                self._write(step + 1)
        record = step % self._every == 0
        if record:
            self._recorder.before()
        self._state, draw = self._sampler.step(self._state, target, self._noise)
        self._excess[step] = draw.loss
        if record:
            self._recorder.after(step, draw)
        self.done = step + 1
        if step >= self._num_burnin:
            if draw.accepted is not None:
                self._rejecting = True
                self._accepted += draw.accepted.double().mean()
            # Counted from the first that is kept: a short run has an error from label noise too.
            if self._label_noise and (step - self._num_burnin) % self._label_noise.every == 0:
                self._label_noise.add(draw.theta)
        return draw

    def _baseline(self) -> torch.Tensor:
        """Return the losses at ``w_star`` so far, ``(done, chains)``, or ``(1, 1)``."""
        self._write(self.done)
        return self._baselines[: self.done] if self._minibatch else self._baselines

    def _write(self, stop: int) -> None:
        """Write the losses at ``w_star`` of the steps up to one, as far as they wait."""
        if self._waiting and stop > self._written:
            # Nothing is kept of a step whose batch was drawn and that was not made.
            rows = torch.stack(self._waiting[: stop - self._written])
            place = slice(self._written, self._written + len(rows))
            self._baselines[place] = rows.view(len(rows), -1)
            self._written += len(rows)
            self._waiting = []

    @property
    def state(self) -> Any:
        """State of the sampler after the last step."""
        return self._state

    @property
    def losses(self) -> torch.Tensor:
        """Excess losses so far, ``(done, chains)``."""
        return self._excess[: self.done]

    def outlined(self) -> list[str] | str:
        """Return the shape of the sampler's state, or why it cannot be stored."""
        try:
            return outline(self._state).names
        except NotStorable as error:
            return str(error)

    def place(self) -> dict[str, Any]:
        """Return all that decides the rest of the run, as tensors and numbers.

        Raises:
            NotStorable: If the state of the sampler holds anything else.
        """
        names, leaves = values(self._state)
        baseline = self._baseline()
        return {
            "done": self.done,
            "names": names,
            "leaves": leaves,
            "excess": self.losses.clone(),
            "baseline": baseline.clone(),
            "accepted": self._accepted,
            "rejecting": self._rejecting,
            "noise": self._noise.get_state(),
            "batches": self._batches.get_state(),
            "feed": self.target.feed.state(),
            "grad_evals": self.target.grad_evals,
            "sample_grads": self.target.sample_grads,
            "label_noise": None if self._label_noise is None else self._label_noise.state(),
            "recorder": self._recorder.state(),
        }

    def resume(self, place: dict[str, Any]) -> None:
        """Continue a run from where `place` was called.

        Raises:
            NotStorable: If the place is that of another run.
        """
        done, excess, baseline = place["done"], place["excess"], place["baseline"]
        # Asked for first: a place that lacks it must leave the run as it is.
        label_noise, recorder = place["label_noise"], place["recorder"]
        if done > self.steps or excess.shape != (done, self.target.num_chains):
            raise NotStorable("its traces have another shape")
        if self._label_noise is not None and not self._label_noise.fits(label_noise):
            raise NotStorable("its sums over label noise are not those of this version")
        if not self._recorder.fits(recorder):
            raise NotStorable("its moments are recorded at other steps")
        shape = outline(self._state)
        # Two states of the size of the parameters would not always fit.
        self._state = None
        self._state = shape.filled(place["names"], place["leaves"])
        self._excess[:done] = excess
        self._baselines[: len(baseline)] = baseline
        self._waiting, self._written = [], done
        self._accepted += place["accepted"]
        self._rejecting = place["rejecting"]
        self._noise.set_state(place["noise"])
        self._batches.set_state(place["batches"])
        self.target.feed.restore(_copied(place["feed"]))
        self.target.grad_evals = place["grad_evals"]
        self.target.sample_grads = place["sample_grads"]
        if self._label_noise is not None:
            self._label_noise.restore(label_noise)
        self._recorder.restore(recorder)
        self.done = done

    def trace(self, status: Status, message: str, setup: float, sampling: float) -> Trace:
        """Return the traces up to the last step that was made, with the seconds they took."""
        baseline = self._baseline()
        kept = max(self.done - self._num_burnin, 1)
        return Trace(
            excess=self.losses.T.contiguous().cpu().numpy(),
            baseline=baseline.T.contiguous().cpu().numpy(),
            loss_star=self._loss_star,
            num_burnin=self._num_burnin,
            acceptance=float(self._accepted) / kept if self._rejecting else None,
            data_se=standard_error([self._label_noise], np.array([[self.target.nbeta]])),
            status=status,
            message=message,
            seconds_setup=setup,
            seconds_sampling=sampling,
            recorded=self._recorder.recorded(),
        )


def _copied(stored: dict[str, Any]) -> dict[str, Any]:
    """Return copies of tensors that are maps of a file."""
    return {
        key: value.clone() if isinstance(value, torch.Tensor) else value
        for key, value in stored.items()
    }
