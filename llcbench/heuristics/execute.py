"""One trial, start to finish, in whatever process it lands."""

from collections.abc import Callable

import msgspec
import torch
from torch import nn

from llcbench.heuristics.measure import Clock, measure
from llcbench.heuristics.trial import Trial, TrialRecord
from llcbench.networks import (
    DATA,
    DataSet,
    cifar10,
    class_losses,
    network,
    squared_losses,
    token_losses,
)
from llcbench.problems.modules.problem import PerSampleLoss
from llcbench.provenance import environment, environment_id
from llcbench.run.failure import Failure, failure_of
from llcbench.training.noise import with_label_noise
from llcbench.training.train import train

LOADERS: dict[str, Callable[..., DataSet]] = {**DATA, "cifar10": cifar10}


def execute(trial: Trial, threads: int = 1) -> TrialRecord:
    """Train and measure; whatever goes wrong becomes a status.

    Args:
        trial: What is done.
        threads: Threads of torch.
    """
    torch.set_num_threads(threads)
    clock = Clock()
    try:
        record = _through(trial, threads)
    except Exception as error:  # one trial that fails must not stop the others
        record = failed(trial, failure_of(error), threads)
    cpu, wall = clock.read()
    return msgspec.structs.replace(record, cpu_seconds=cpu, seconds=wall)


def failed(trial: Trial, failure: Failure, threads: int = 1) -> TrialRecord:
    """Return the record of a trial that ended without measures."""
    return TrialRecord(
        key=trial.key,
        trial=trial,
        digest="",
        status=failure.status,
        message=failure.message,
        environment=environment_id(environment(threads)),
    )


def data_of(trial: Trial) -> DataSet:
    """Return the data set of a trial, before any label noise.

    Raises:
        ValueError: If it is unknown, cannot be loaded or is too small.
    """
    if trial.data not in LOADERS:
        raise ValueError(f"data {trial.data!r} are unknown: take {', '.join(sorted(LOADERS))}")
    try:
        data = LOADERS[trial.data](**trial.data_options)
    except TypeError as error:
        raise ValueError(f"data {trial.data}: {error}") from error
    return data if trial.samples is None else data.first(trial.samples)


def network_of(trial: Trial, data: DataSet) -> nn.Module:
    """Return the network of a trial with its initial weights.

    Raises:
        ValueError: If it is unknown or does not suit the data.
    """
    return network(
        trial.network,
        data,
        seed=trial.seed,
        scheme=trial.scheme,
        scale=trial.scale,
        **trial.options,
    )


def loss_of(data: DataSet) -> PerSampleLoss:
    """Return the loss per sample that suits the targets."""
    targets = data.train[1]
    if targets.is_floating_point():
        return squared_losses
    return token_losses if targets.dim() > 1 else class_losses


def _through(trial: Trial, threads: int) -> TrialRecord:
    data = data_of(trial)
    module, loss = network_of(trial, data), loss_of(data)
    training = train(module, data, loss, trial.training, trial.seed)
    trained_on = with_label_noise(data, trial.training.label_noise, trial.seed).train
    return TrialRecord(
        key=trial.key,
        trial=trial,
        digest=data.digest,
        status=training.status,
        message=training.message,
        measured=[
            measure(snapshot, module, loss, trained_on, trial.measuring, trial.seed)
            for snapshot in training.checkpoints
        ],
        environment=environment_id(environment(threads)),
    )
