"""Training: deterministic given the seed, ending at a time, a loss or an interpolation."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, final

import torch
from torch import Tensor, nn

from llcbench.networks.data import DataSet, Tensors
from llcbench.networks.losses import shares_wrong
from llcbench.problems.modules.reference import CHUNK
from llcbench.problems.modules.sample_loss import per_sample
from llcbench.training.batches import Batches, Loss
from llcbench.training.config import Training
from llcbench.training.noise import with_label_noise
from llcbench.training.optimisers import update_of
from llcbench.training.penalties import check_penalties

Status = Literal["ok", "not_reached", "not_finite"]


@final
@dataclass(frozen=True, eq=False)
class Snapshot:
    """The weights at one time of a training, with its losses in evaluation mode, unpenalised.

    Attributes:
        step: Updates until then.
        gradients: Minibatch gradients until then.
        train_loss: Mean over the training set as trained on, wrong labels included.
        train_error: Share of wrong predictions on it; None for a regression.
        test_loss: Mean over the test set.
        test_error: Share of wrong predictions on it.
        state: The weights and buffers.
        reasons: Why it was kept: ``step 200``, ``loss 0.5``, ``end``.
    """

    step: int
    gradients: int
    train_loss: float
    train_error: float | None
    test_loss: float
    test_error: float | None
    state: dict[str, Tensor]
    reasons: tuple[str, ...]


@final
@dataclass(frozen=True, eq=False)
class TrainingResult:
    """How a training ended.

    Attributes:
        status: ``ok``; ``not_reached`` if the steps ran out before the stop rule was met; or
            ``not_finite`` if a loss or weight was not, after which nothing is kept.
        message: Why, for anything but ``ok``.
        checkpoints: In the order of time.
        missed: Losses of checkpoints that were never reached.
    """

    status: Status
    message: str
    checkpoints: list[Snapshot]
    missed: tuple[float, ...]


class Evaluation(NamedTuple):
    """A network on a whole data set.

    Attributes:
        loss: Mean loss.
        error: Share of wrong predictions; None for a regression.
    """

    loss: float
    error: float | None


def train(
    module: nn.Module,
    data: DataSet,
    loss: Loss,
    config: Training,
    seed: int,
    on_step: Callable[[int, float], None] | None = None,
) -> TrainingResult:
    """Train a copy of a network and return what it went through.

    Args:
        module: The network with its initial weights; it is left alone.
        data: What to train on and to test with.
        loss: From outputs and targets to one loss per sample.
        config: How.
        seed: Of minibatches, noise, wrong labels and probes. Minibatches are the same for all
            configurations of one batch size.
        on_step: Called after every update with the gradients so far and the minibatch loss.

    Raises:
        ValueError: If the configuration does not suit the data or the network.
    """
    if config.stop == "interpolation" and data.classes is None:
        raise ValueError(f"training: {data.name} has no classes, so no error that could be 0")
    if config.input_noise and not data.train[0].is_floating_point():
        raise ValueError(f"training: {data.name} holds tokens, which take no input_noise")
    check_penalties(config.penalties, module, data.train[0])
    run = _Run(
        copy.deepcopy(module), with_label_noise(data, config.label_noise, seed), loss, config
    )
    return run.through(seed, on_step)


def evaluated(module: nn.Module, data: Tensors, loss: Loss) -> Evaluation:
    """Return loss and error over a whole data set, in evaluation mode."""
    was = module.training
    module.eval()
    losses, errors = [], []
    with torch.no_grad():
        for inputs, targets in zip(*(torch.split(part, CHUNK) for part in data), strict=True):
            outputs = module(inputs)
            losses.append(per_sample(loss, outputs, targets).double())
            if not targets.is_floating_point():
                errors.append(shares_wrong(outputs, targets))
    module.train(was)
    error = float(torch.cat(errors).mean()) if errors else None
    return Evaluation(float(torch.cat(losses).mean()), error)


@final
class _Run:
    """The state of one training."""

    def __init__(self, module: nn.Module, data: DataSet, loss: Loss, config: Training) -> None:
        self.module, self.data, self.loss, self.config = module, data, loss, config
        self.step = self.gradients = 0
        self.due = sorted(set(config.checkpoint_steps))
        self.missed = sorted(set(config.checkpoint_losses), reverse=True)
        self.kept: list[Snapshot] = []
        self.met = False
        self.trouble = ""

    def through(self, seed: int, on_step: Callable[[int, float], None] | None) -> TrainingResult:
        """Update until the stop rule, the steps or the finite numbers end it."""
        steps, every = self.config.steps, self.config.check_every
        self.module.train()
        batches = Batches(self.module, self.data.train, self.loss, self.config, seed)
        parameters: list[Tensor] = [w for w in self.module.parameters() if w.requires_grad]
        update = update_of(self.config, parameters, seed)
        self._look(checked=False, last=steps < update.cost)
        while not self.met and not self.trouble and self.gradients + update.cost <= steps:
            value = update(batches)
            before, self.gradients = self.gradients, self.gradients + update.cost
            self.step += 1
            if not math.isfinite(value):
                self.trouble = f"the minibatch loss that it started from is {value}"
                break
            if on_step is not None:
                on_step(self.gradients, value)
            checked = self.gradients // every > before // every
            self._look(checked, last=self.gradients + update.cost > steps)
        return self._result()

    def _look(self, checked: bool, last: bool) -> None:
        """Measure if it is time to, keep what is to be kept, and see whether this is the end."""
        reasons = [f"step {step}" for step in self.due if step <= self.gradients]
        checked = last or (checked and (self.config.stop != "steps" or bool(self.missed)))
        if not (reasons or checked):
            return
        train = evaluated(self.module, self.data.train, self.loss)
        finite = all(bool(w.isfinite().all()) for w in self.module.parameters())
        if not (finite and math.isfinite(train.loss)):
            what = "loss" if finite else "loss, of weights that are not finite,"
            self.trouble = f"the training {what} is {train.loss}"
            return
        self.due = [step for step in self.due if step > self.gradients]
        if checked:
            reasons += [f"loss {goal:g}" for goal in self.missed if train.loss < goal]
            self.missed = [goal for goal in self.missed if train.loss >= goal]
            self.met = self._meets(train)
        if self.met or last:
            reasons.append("end")
        if reasons:
            self._keep(train, reasons)

    def _meets(self, train: Evaluation) -> bool:
        """Return whether the stop rule, if there is one, is met."""
        if self.config.stop_loss is not None:
            return train.loss < self.config.stop_loss
        return self.config.stop == "interpolation" and train.error == 0

    def _keep(self, train: Evaluation, reasons: list[str]) -> None:
        test = evaluated(self.module, self.data.test, self.loss)
        state = {name: value.detach().clone() for name, value in self.module.state_dict().items()}
        self.kept.append(
            Snapshot(
                step=self.step,
                gradients=self.gradients,
                train_loss=train.loss,
                train_error=train.error,
                test_loss=test.loss,
                test_error=test.error,
                state=state,
                reasons=tuple(reasons),
            )
        )

    def _result(self) -> TrainingResult:
        missed = tuple(self.missed)
        if self.trouble:
            message = f"update {self.step}: {self.trouble}"
            return TrainingResult("not_finite", message, self.kept, missed)
        if self.met or self.config.stop == "steps":
            return TrainingResult("ok", "", self.kept, missed)
        goal = "error 0" if self.config.stop_loss is None else f"loss {self.config.stop_loss:g}"
        end = self.kept[-1]
        message = (
            f"{goal} was not reached in {self.config.steps} gradients: the training loss is"
            f" {end.train_loss:.3g}, the error {end.train_error}; allow more steps or a larger lr"
        )
        return TrainingResult("not_reached", message, self.kept, missed)
