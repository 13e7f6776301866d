"""Geometric complexity of networks that fit ten points, against how they were trained."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from llcbench.heuristics.effects import slopes
from llcbench.heuristics.readings import SHARE
from llcbench.intervals import student_quantile
from llcbench.report.figures import (
    Claim,
    Drawing,
    Measurement,
    PaperFigure,
    Results,
    Row,
    Scale,
    Verdict,
)
from llcbench.report.figures.style import PALETTE, panels
from paper_figures.common.verdicts import decided

WIDTHS = {"cpu": (100, 100), "paper": (300, 300, 300)}
NETWORKS, POINTS, NOISE = 20, 10, 0.3
# Learning rate times steps; the losses at which networks are compared, and the time that is not.
# The last loss is below what half of the networks reach, so that the claims rest on the third.
TIME, EQUAL, LOSSES = 80.0, 800, (0.3, 0.1, 0.03, 0.01)
MATCHED = LOSSES[2]
RATES, L2, SCALES = (0.01, 0.02, 0.05, 0.1), (0.001, 0.003, 0.01), (0.5, 0.7, 1.4)
# What a sweep leaves as it is; larger initial weights diverge at the rate of the others.
BASE = {"lr": 0.02, "l2": 0.0, "scale": 1.0}
FIXED = {"scale": {**BASE, "lr": 0.01}}
FACTORS = {
    "lr": ("learning rate", "A larger learning rate ends at a lower geometric complexity.", -1),
    "l2": ("L2 coefficient", "A larger L2 penalty ends at a lower geometric complexity.", -1),
    "scale": ("scale of the initial weights",
              "Larger initial weights end at a higher geometric complexity.", 1),
}  # fmt: skip
DHERIN = "Dherin et al. 2022 (arXiv 2209.13083), regression in one dimension"


def cells(scale: Scale) -> Sequence[str]:
    """Name every setting that is trained; each one trains all networks at once."""
    names = [*(f"lr-{rate:g}" for rate in RATES), *(f"l2-{value:g}" for value in L2)]
    return [*names, *(f"scale-{value:g}" for value in SCALES)]


def run(scale: Scale, cell: str) -> Iterator[Row]:
    """Yield what networks are when they first pass each loss, and after equally many steps."""
    import torch

    from llcbench.networks import MLP, squared_losses
    from llcbench.networks.data import DataSet
    from llcbench.networks.initial import initialised
    from llcbench.training.config import Training
    from llcbench.training.train import train

    torch.set_num_threads(1)
    factor, _, level = cell.partition("-")
    how = {**FIXED.get(factor, BASE), factor: float(level)}
    rng, make = torch.Generator().manual_seed(20), partial(MLP, 1, WIDTHS[scale], 1)
    single = [initialised(make, rng, "he", how["scale"]) for _ in range(NETWORKS)]
    x = np.linspace(-1, 1, POINTS)[:, None]
    noise = NOISE * np.random.default_rng(20).standard_normal((POINTS, NETWORKS))
    y = np.sin(np.pi * x) + noise
    points = tuple(torch.tensor(part, dtype=torch.float32) for part in (x, y))
    steps = round(TIME / how["lr"])
    times = tuple(sorted({EQUAL, *(round(t) for t in np.geomspace(1, steps, 400))}))
    config = Training(lr=how["lr"], weight_decay=how["l2"], batch_size=None, steps=steps,
                      checkpoint_steps=times)  # fmt: skip
    data = DataSet("line", points, points, "", "", None)
    outcome = train(_together(single), data, squared_losses, config, seed=20)
    for number, network in enumerate(single):
        for row in _of_network(network, number, outcome.checkpoints, points):
            yield {**how, "network": number, **row}


def draw(results: Results) -> Drawing:
    """Draw complexity relative to the first level of each factor, at one loss and at one time."""
    rows = results.rows("f20")
    figure, axes = panels(2, 3)
    for axis, factor in zip(axes, FACTORS, strict=False):
        _levels(axis, *_table(rows, factor, "gc", MATCHED), PALETTE[0], "at the ten points")
        _levels(axis, *_table(rows, factor, "energy", MATCHED), PALETTE[1], "on a fine grid")
        axis.set(title=f"at training loss {MATCHED:g}", xlabel=FACTORS[factor][0])
    for loss, colour in zip(LOSSES[1:], PALETTE[2:], strict=False):
        _levels(axes[3], *_table(rows, "lr", "gc", loss), colour, f"loss {loss:g}")
    _levels(axes[4], *_table(rows, "lr", "gc", None), PALETTE[0])
    _levels(axes[5], *_table(rows, "lr", "train_loss", None), PALETTE[0])
    for axis in axes[3:]:
        axis.set(title=f"after {EQUAL} steps", xlabel="learning rate")
    axes[3].set_title("along the training")
    for axis in axes:
        what = "training loss" if axis is axes[5] else "complexity"
        axis.set_ylabel(f"{what} / that of the first")
    for axis in (axes[1], axes[3]):
        axis.legend()
    return Drawing(
        figure, [row for row in rows if row["step"] is not None],
        tuple(_claim(rows, factor) for factor in FACTORS),
        f"Networks of two hidden layers of 100 units on {POINTS} noisy points of a sine, trained by"
        f" full-batch gradient descent; {NETWORKS} pairs of initial weights and noise, the same at"
        " every level. Dots: geometric means of ratios within networks, over those that have a"
        " value at every level, with 95 % intervals (Student's t of the logarithm); a level that"
        " fewer than half of the networks reach is left out (at rate 0.1 the training diverged)."
        " On a fine grid: mean squared slope over the interval, the Dirichlet energy. Last two"
        " panels: after equally many steps.",
        "Relative complexity at equal training loss against learning rate, L2 penalty and scale of"
        " the initial weights, and against the learning rate after equally many steps.",
    )  # fmt: skip


def _table(rows: Sequence[Row], factor: str, measure: str, goal: float | None) -> tuple[Any, Any]:
    """Return the levels of a sweep, and values (networks, levels) of those that have them all."""
    how = FIXED.get(factor, BASE)
    held: dict[float, dict[Any, float]] = {}
    for row in rows:
        same = all(row[name] == how[name] for name in how if name != factor)
        if same and row["goal"] == goal and row["step"] is not None:
            held.setdefault(float(row[factor]), {})[row["network"]] = row[measure]
    levels = [level for level in sorted(held) if len(held[level]) >= SHARE * NETWORKS]
    whole = [k for k in range(NETWORKS) if all(k in held[level] for level in levels)]
    return levels, np.array([[held[x][k] for x in levels] for k in whole])


def _levels(axis: Axes, levels: Any, values: Any, colour: str, label: str = "") -> None:
    """Draw ratios to the first level with their 95 % intervals at evenly spaced places."""
    axis.axhline(1, color="0.5", linewidth=0.8)
    if len(values) < 2 or len(levels) < 2:
        return
    axis.set_xticks(range(len(levels)), [f"{level:g}" for level in levels])
    middle, reach = _interval(np.log(values / values[:, :1]))
    ends = np.exp(middle) - np.exp(middle - reach), np.exp(middle + reach) - np.exp(middle)
    axis.errorbar(range(len(levels)), np.exp(middle), ends, fmt="o-", markersize=3, linewidth=1.1,
                  capsize=2.5, color=colour, label=label or None)  # fmt: skip


def _interval(values: Any) -> tuple[Any, Any]:
    reach = (
        student_quantile(0.95, len(values) - 1) * values.std(axis=0, ddof=1) / len(values) ** 0.5
    )
    return values.mean(axis=0), reach


def _claim(rows: Sequence[Row], factor: str) -> Claim:
    """Decide by slopes of the logarithm over levels in their order, within every network."""
    _, text, sign = FACTORS[factor]
    details, sides = [], []
    for goal, measure in ((MATCHED, "gc"), (MATCHED, "energy"), (LOSSES[-1], "gc"), (None, "gc")):
        levels, values = _table(rows, factor, measure, goal)
        where = f"{measure} after {EQUAL} steps" if goal is None else f"{measure} at loss {goal:g}"
        if len(values) < 3 or len(levels) < 2:
            details.append(f"{where}: too few networks reach it")
            continue
        middle, reach = _interval(slopes(np.arange(len(levels), dtype=float), np.log(values)))
        low, middle, high = np.expm1([middle - reach, middle, middle + reach])
        details.append(f"{where}: {middle:+.1%} a level ({low:+.1%} to {high:+.1%}, {len(values)}"
                     f" networks, levels {levels[0]:g} to {levels[-1]:g})")  # fmt: skip
        if goal == MATCHED:
            sides.append(0 if low <= 0 <= high else 1 if middle * sign > 0 else -1)
    good: Verdict = "reproduced" if sides == [1, 1] else "reproduced with a difference"
    return Claim(
        text, DHERIN, decided(sum(sides) > 0, sum(sides) < 0, good), "; ".join(details) + ".",
        f"95 % intervals; the verdict is that of gc and energy at loss {MATCHED:g}, with a"
        " difference if only one of them decides. Theirs: three layers of 300 units. After equally"
        " many steps a larger rate has fitted more.",
    )  # fmt: skip


def _together(single: Sequence[Any]) -> Any:
    """Return networks as one with an output each: its summed loss trains each on its own."""
    import torch
    from torch import nn

    class Together(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layers = list(zip(*(network.layers[::2] for network in single), strict=True))
            self.weight, self.bias = (
                nn.ParameterList(torch.stack([getattr(x, name).detach() for x in layer])
                                 for layer in layers)
                for name in ("weight", "bias")
            )  # fmt: skip

        def forward(self, inputs: Any) -> Any:
            hidden = inputs.expand(len(single), *inputs.shape)
            for layer, (weight, bias) in enumerate(zip(self.weight, self.bias, strict=True)):
                hidden = hidden.relu() if layer else hidden
                hidden = torch.baddbmm(bias[:, None], hidden, weight.mT)
            return hidden[..., 0].T

    return Together()


def _of_network(
    network: Any, number: int, checkpoints: Sequence[Any], points: Any
) -> Iterator[Row]:
    """Yield a row per loss, with no step for those that were not reached."""
    import torch

    from llcbench.measures.geometric_complexity import geometric_complexity

    inputs, targets = points
    grid, left = torch.linspace(-1, 1, 401)[:, None], list(LOSSES)
    for kept in checkpoints:
        for k, layer in enumerate(network.layers[::2]):
            layer.weight.data = kept.state[f"weight.{k}"][number]
            layer.bias.data = kept.state[f"bias.{k}"][number]
        loss = float((network(inputs)[:, 0] - targets[:, number]).square().mean().detach())
        goals: list[float | None] = [goal for goal in left if loss < goal]
        left = left[len(goals) :]
        for goal in goals + [None] * (kept.step == EQUAL):
            yield {"goal": goal, "step": kept.step, "train_loss": loss,
                   "gc": geometric_complexity(network, inputs).value,
                   "energy": geometric_complexity(network, grid).value}  # fmt: skip
    yield from ({"goal": goal, "step": None} for goal in left)


FIGURE = PaperFigure(
    id="f20",
    name="line",
    title="Ten points on a line: geometric complexity at one training loss",
    paper="Dherin et al. 2022, regression in one dimension",
    draw=draw,
    measurement=Measurement(cells, run),
)
