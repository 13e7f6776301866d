"""A quadratic as a training task: every update can be written by hand."""

import torch
from torch import nn

from llcbench.networks import DataSet
from llcbench.training.config import Training
from llcbench.training.train import train


class Point(nn.Module):
    """The weights themselves, beside each input; the loss is a weighted squared distance."""

    def __init__(self, start):
        super().__init__()
        self.w = nn.Parameter(start.clone())

    def forward(self, inputs):
        return self.w - inputs


def quadratic(curvature):
    """Return the loss ``h/2 |w - x|^2``, coordinate by coordinate."""
    return lambda outputs, targets: (curvature * outputs.square()).sum(1) / 2


def around(centres):
    """Return a data set of centres without classes."""
    part = centres, torch.zeros(len(centres), 1, dtype=centres.dtype)
    return DataSet("centres", part, part, "", "", None)


def walk(start, curvature, centres, **settings):
    """Return the weights after each update, full batch unless told otherwise."""
    steps = settings.get("steps", 6)
    config = Training(
        **{"batch_size": None, "steps": steps, "checkpoint_steps": tuple(range(steps + 1))}
        | settings
    )
    outcome = train(Point(start), around(centres), quadratic(curvature), config, 0)
    assert outcome.status == "ok"
    return [kept.state["w"] for kept in outcome.checkpoints]
