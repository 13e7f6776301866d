"""One trial, start to finish, in whatever process it lands."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
from llcbench.training.noise import with_label_noise
from llcbench.training.train import Outcome, train

LOADERS: dict[str, Callable[..., DataSet]] = {**DATA, "cifar10": cifar10}


def execute(trial: Trial, threads: int = 1) -> TrialRecord:
    """Train and measure; whatever goes wrong becomes a status.

    Args:
        trial: What is done.
        threads: Threads of torch.
    """
    torch.set_num_threads(threads)
    clock = Clock()
    record = TrialRecord(
        key=trial.key,
        trial=trial,
        digest="",
        status="error",
        environment=environment_id(environment(threads)),
    )
    change: dict[str, Any]
    try:
        change = _through(trial)
    except MemoryError as error:
        change = {"status": "out_of_memory", "message": str(error) or "memory is used up"}
    except Exception as error:  # one trial that fails must not stop the others
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        change = {"message": f"{type(error).__name__}: {error} ({where})"}
    cpu, wall = clock.read()
    return msgspec.structs.replace(record, **change, cpu_seconds=cpu, seconds=wall)


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


def _through(trial: Trial) -> dict[str, Any]:
    data = data_of(trial)
    module, loss = network_of(trial, data), loss_of(data)
    outcome: Outcome = train(module, data, loss, trial.training, trial.seed)
    trained_on = with_label_noise(data, trial.training.label_noise, trial.seed).train
    return {
        "digest": data.digest,
        "status": outcome.status,
        "message": outcome.message,
        "measured": [
            measure(checkpoint, module, loss, trained_on, trial.measuring, trial.seed)
            for checkpoint in outcome.checkpoints
        ],
    }
