"""Saddle-to-saddle training of a deep linear network, with the estimate at every stop.

The network is trained on ``10 diag(1..5)`` from a small start, so that the singular values of its
product are learned one after the other, the largest first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy import stats

from llcbench.report.figures import Claim, Drawing, Measurement, PaperFigure, Results, Row, Scale
from llcbench.report.figures.rows import Cells, picked
from llcbench.report.figures.style import PALETTE, panels, published, truth_line
from llcbench.report.style import colour_of
from paper_figures.common.intervals import Interval
from paper_figures.common.verdicts import each_above
from theory import lookup, tempered
from theory.langevin.euler import euler_langevin

if TYPE_CHECKING:  # torch takes seconds to import, and drawing needs none
    import torch

    from llcbench.seeds import Seeds

Array = NDArray[np.float64]
SIZE, SAMPLES, BATCH, RATE = 5, 10_000, 128, 1e-4
STEP_SIZE, DRAWS, CHAINS = 1e-6, 100, 4
TEACHER = 10.0 * np.arange(SIZE, 0, -1)
# A singular value counts as absent or learned within this share of the teacher's.
NEAR = 0.05
NBETA = SAMPLES / np.log(SAMPLES)
# A plateau of fewer stops has no standard error to speak of.
FEWEST = 3


class Level(NamedTuple):
    """Mean estimate at the stops of one rank, and its standard error."""

    mean: float
    stderr: float


Levels = dict[int, Level]


def trained(
    width: int, steps: int, every: int, rng: "torch.Generator"
) -> tuple["torch.Tensor", Iterator[tuple[int, float, list[Array]]]]:  # fmt: skip
    """Train five layers of a width from normal weights of variance ``width^-1.5``.

    Args:
        width: Of the hidden layers.
        steps: Updates.
        every: Updates from one stop to the next.
        rng: Of weights and inputs; minibatches have the width as their seed.

    Returns:
        The inputs, and update, training loss and weights at every stop, the first layer first.
    """
    import torch
    from torch import nn

    from llcbench.networks.data import DataSet
    from llcbench.training.config import Training
    from llcbench.training.train import train

    widths = (SIZE, width, width, width, width, SIZE)
    network = nn.Sequential(*(nn.Linear(a, b, bias=False) for a, b in pairwise(widths)))
    with torch.no_grad():
        for weight in network.parameters():
            weight.normal_(std=width**-0.75, generator=rng)
    inputs = torch.randn(SAMPLES, SIZE, generator=rng)
    targets = inputs * torch.tensor(TEACHER[::-1].copy(), dtype=inputs.dtype)
    data = DataSet("diagonal", (inputs, targets), (inputs[:1], targets[:1]), "", "", None)
    stops = tuple(range(0, steps + 1, every))
    config = Training(lr=RATE, batch_size=BATCH, steps=steps, checkpoint_steps=stops)
    run = train(network, data, lambda f, y: (f - y).square().mean(1), config, seed=width)
    return inputs, (
        (stop.step, stop.train_loss, [each.double().numpy() for each in stop.state.values()])
        for stop in run.checkpoints
    )


def rank_of(values: Array) -> int | None:
    """Return how many directions are learned, None while one of them is on its way.

    Args:
        values: Singular values of the product, falling.
    """
    learned, absent = values > (1 - NEAR) * TEACHER, values < NEAR * TEACHER
    return int(learned.sum()) if bool((learned | absent).all()) else None


def estimate(layers: list[Array], inputs: "torch.Tensor", seeds: "Seeds") -> float | None:
    """Return the published estimate: 100 minibatch steps on targets that the weights realise.

    Args:
        layers: Weights, the first layer first.
        inputs: Of the training, ``(samples, size)``.
        seeds: Of noise and minibatches.
    """
    from llcbench.estimators.mean_energy import MeanEnergy
    from llcbench.problems.linear_networks.linear_model import linear_problem
    from llcbench.samplers.sgld import SGLD
    from llcbench.settings import Settings
    from llcbench.types import Data, RunContext

    problem = linear_problem(
        seeds.problem, layers, _unknown, "", frozenset(), scale=1 / SIZE, noise_sd=0.0
    )
    drawn = inputs.double()
    data = Data(drawn, drawn.new_zeros(()).expand(SAMPLES, SIZE))
    settings = Settings(num_chains=CHAINS, num_draws=DRAWS, num_burnin=0, batch_size=BATCH)
    estimator = MeanEnergy(SGLD(STEP_SIZE), settings)
    return estimator.estimate(replace(problem, num_data=SAMPLES), RunContext(seeds, data=data)).llc


def _unknown() -> NoReturn:
    raise ValueError("the coefficient at a stop of a training is not known in advance")


def perfect(layers: list[Array], inputs: Array) -> Cells:
    """Return what a perfect sampler gives at the temperature and localisation of the estimate."""
    truth = tempered.linear_network(
        layers, NBETA, 1.0, 1 / SIZE,
        second_moment=inputs.T @ inputs / SAMPLES, rtol=0.02, max_sweeps=1000,
    )  # fmt: skip
    return {"tempered": truth.value, "tempered_se": truth.stderr}


def on_quadratic(rank: int) -> float:
    """Return the mean of the steps on the quadratic part, at balanced layers of a rank.

    Entry ``(i, j)`` of the product moves with ``sum_l p_i^(4-l) p_j^l``, ``p = s^(2/5)``.
    """
    power = np.where(np.arange(SIZE) < rank, TEACHER, 0.0) ** (2 / 5)
    sums = sum(np.multiply.outer(power ** (SIZE - 1 - k), power**k) for k in range(SIZE))
    stationary = euler_langevin(np.ravel(2 / SIZE * sums), NBETA, 1.0, STEP_SIZE)
    return float(np.mean([stationary.llc_after(step) for step in range(DRAWS)]))


def plateaus(rows: Sequence[Cells]) -> Levels:
    """Return the plateaus of a training by rank, those with fewer than three stops omitted."""
    levels = {}
    for rank in range(SIZE + 1):
        at = [row["llc"] for row in picked(rows, rank=rank)]
        values = np.array([value for value in at if value is not None], dtype=float)
        if len(values) >= FEWEST:
            levels[rank] = Level(float(values.mean()), float(stats.sem(values)))
    return levels


SOURCE = "Lau et al. 2025 (arXiv 2308.12108), saddle-to-saddle dynamics after Jacot et al. 2021"
# Plateaus read off the published plots: rank of the product and height.
PUBLISHED = (
    ((0, 2, 3, 4, 5), (0.0, 8.9, 11.5, 13.2, 14.0)),
    ((0, 1, 2, 3, 4), (0.0, 4.8, 8.8, 11.5, 13.5)),
    ((0, 1, 2, 3), (0.0, 4.8, 8.6, 11.7)),
)


def cells(scale: Scale) -> Sequence[str]:
    """Name a training per width, with its updates and the updates between two estimates."""
    small = ("width-10-20000-100", "width-100-20000-250")
    return small if scale == "cpu" else (*small, "width-500-50000-250")


def run(scale: Scale, cell: str) -> Iterator[Row]:
    """Train once; yield loss, singular values of the product and estimate at every stop."""
    from llcbench.seeds import Seeds

    _, width, steps, every = (int(part) if part.isdigit() else 0 for part in cell.split("-"))
    inputs, stops = trained(width, steps, every, Seeds(0, f"f06-{cell}").generator("data"))
    asked: set[int] = set()
    for step, loss, layers in stops:
        values = np.linalg.svd(np.linalg.multi_dot(layers[::-1]), compute_uv=False)
        row: Cells = {"width": width, "step": step, "loss": loss, "rank": rank_of(values)}
        row.update({f"s{place + 1}": float(value) for place, value in enumerate(values)})
        row["llc"] = estimate(layers, inputs, Seeds(0, f"f06-{cell}", step))
        if width <= 10 and row["rank"] not in (None, *asked):
            asked.add(int(row["rank"]))
            row.update(perfect(layers, inputs.double().numpy()))
        yield row


def draw(results: Results) -> Drawing:
    """Draw both trainings over time, and the estimates against the rank of the product."""
    rows = results.rows("f06")
    widths = sorted({int(row["width"]) for row in rows})
    figure, axes = panels(1, 3, height=3.1)
    exact = float(lookup("deep_linear_global", widths=(SIZE, 10, 10, 10, 10, SIZE), rank=0).value)
    for panel, width in zip(axes, widths[:2], strict=False):
        _course(panel, picked(rows, width=width), exact)
        panel.set_title(f"width {width}")
    levels = {width: plateaus(picked(rows, width=width)) for width in widths}
    sampler = {int(r["rank"]): float(r["tempered"]) for r in rows if r["tempered"] is not None}
    _by_rank(axes[2], levels, exact, sampler)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=4)
    return Drawing(
        figure,
        rows,
        (_steps(levels), _heights(levels, exact, sampler), _quadratic(levels)),
        "Training of a five-layer linear network on 10 diag(1..5) from a small start. Grey:"
        " training loss. Crosses: estimate at the weights of that moment"
        f" ({DRAWS} SGLD steps at 1e-6, {CHAINS} chains, targets that the weights realise), clipped"
        " at 0. Right: means over the stops at which k singular values are learned and the others"
        " absent (within 5 % of the teacher's), 95 % intervals. Plus signs: what these steps"
        " give on the quadratic part of the loss alone, in closed form. Squares: what a perfect"
        " sampler returns at the same temperature and localisation. Diamonds: heights read off"
        " the published plots of widths 10, 100 and 500, with ranks that we assigned.",
        "The estimate climbs in steps as the loss drops, along k(10-k)/2 or a little above it,"
        f" while the exact coefficient is {exact} throughout.",
    )


def _course(axes: Axes, rows: Sequence[Cells], exact: float) -> None:
    """Draw loss and estimate over the updates of one training."""
    steps = np.array([row["step"] for row in rows], dtype=float)
    llc = np.array([np.nan if row["llc"] is None else row["llc"] for row in rows], dtype=float)
    right = axes.twinx()
    right.plot(steps, [row["loss"] for row in rows], color="0.65", linewidth=1.0)
    right.set(yscale="log", ylim=(1e-3, 1e9), yticks=[1e-2, 1, 1e2])
    right.set_ylabel("training loss", loc="bottom", color="0.45")
    right.spines[["top"]].set_visible(False)
    axes.set_zorder(right.get_zorder() + 1)
    axes.patch.set_visible(False)
    axes.plot(steps, llc.clip(0), "x", markersize=2.2, markeredgewidth=0.5, alpha=0.6,
              color=colour_of("sgld"), label="estimate (SGLD)")  # fmt: skip
    stops = round(1000 / (steps[1] - steps[0]))
    window = np.full(stops, 1 / stops)
    axes.plot(np.convolve(steps, window, "valid"), np.convolve(llc, window, "valid"),
              color=colour_of("sgld"), linewidth=1.3, label="mean over 1000 steps")  # fmt: skip
    truth_line(axes, exact, "exact, local")
    for rank in range(1, SIZE + 1):
        axes.axhline(rank * (10 - rank) / 2, color="0.3", linewidth=0.7, linestyle=":",
                     label="_" if rank > 1 else "k(10-k)/2")  # fmt: skip
    axes.set(xlabel="SGD steps", ylabel="coefficient", ylim=(-8, 16.5), yticks=[0, 4, 8, 12, 16])
    axes.set_xticks([0, 10_000, 20_000])


def _by_rank(
    axes: Axes, levels: dict[int, Levels], exact: float, sampler: dict[int, float]
) -> None:
    """Draw the height of every plateau against the rank of the product."""
    ranks = np.arange(SIZE + 1)
    axes.plot(ranks, ranks * (10 - ranks) / 2, color="0.3", linewidth=0.9, linestyle=":")
    truth_line(axes, exact, "_")
    for place, (width, by_rank) in enumerate(levels.items()):
        axes.errorbar([rank + 0.14 * place - 0.07 for rank in by_rank],
                      [level.mean for level in by_rank.values()],
                      yerr=[1.96 * level.stderr for level in by_rank.values()],
                      fmt="os^"[place], markersize=3.5, color=PALETTE[(1, 4, 3)[place]],
                      elinewidth=1.0, label=f"SGLD, width {width}")  # fmt: skip
    axes.plot(ranks, [on_quadratic(rank) for rank in ranks], "k+", label="on the quadratic")
    axes.plot(list(sampler), list(sampler.values()), "ks", markersize=5, markerfacecolor="none",
              markeredgewidth=0.8, label="perfect sampler")  # fmt: skip
    for place, (at, height) in enumerate(PUBLISHED):
        published(axes, at, height, "_" if place else "published")
    axes.set(title="height of the plateaus", xlabel="rank k of the product", ylim=(-8, 16.5))
    axes.set(xticks=ranks, yticks=[0, 4, 8, 12, 16])
    axes.legend(loc="lower right")


def _rise(before: Level, after: Level) -> Interval:
    rise, error = after.mean - before.mean, 1.96 * float(np.hypot(after.stderr, before.stderr))
    return Interval(rise, rise - error, rise + error)


def _steps(levels: dict[int, Levels]) -> Claim:
    """Decide whether every rank that is learned raises the estimate."""
    rises = {
        f"width {width}, rank {a} to {b}": _rise(by_rank[a], by_rank[b])
        for width, by_rank in levels.items()
        for a, b in pairwise(by_rank)
    }
    shown = "; ".join(
        f"{name}: {rise.value:+.2f} ± {rise.high - rise.value:.2f}" for name, rise in rises.items()
    )
    return Claim(
        "Each drop of the loss is accompanied by a step up of the estimate.",
        SOURCE,
        each_above(list(rises.values()), 0),
        f"{shown} (95 %, from the spread over stops; plateaus with fewer than three stops are left"
        " out).",
    )


def _heights(levels: dict[int, Levels], exact: float, sampler: dict[int, float]) -> Claim:
    """Decide whether the plateaus are at the exact coefficient."""
    every = [level for by_rank in levels.values() for level in by_rank.values()]
    inside = sum(abs(level.mean - exact) <= 1.96 * level.stderr for level in every)
    low = sum(level.mean + 1.96 * level.stderr < 0.95 * exact for level in every)
    return Claim(
        "The estimate is the local learning coefficient at the saddles.",
        SOURCE,
        "reproduced" if inside == len(every) else "not reproduced",
        f"{inside} of {len(every)} plateaus hold the exact {exact} in their 95 % interval, {low}"
        f" lie more than 5 % below it, the lowest at {min(level.mean for level in every):.2f}.",
        f"Where all factors have rank k the exact coefficient is {exact} for every k: k(10-k)/2"
        " from the learned block and (5-k)²/2 from the product of the others, which vanishes to"
        f" fifth order. {DRAWS} steps of 1e-6 do not move along the latter; a perfect sampler does"
        f" and returns {min(sampler.values()):.1f} to {max(sampler.values()):.1f} at the same"
        " temperature and localisation.",
    )


def _quadratic(levels: dict[int, Levels]) -> Claim:
    """Decide whether the plateaus are what the steps give on the quadratic part alone."""
    both = [
        (level.mean / on_quadratic(rank), level.mean / (rank * (10 - rank) / 2))
        for by_rank in levels.values()
        for rank, level in by_rank.items()
        if rank
    ]
    ratios, halves = zip(*both, strict=True)
    holds = all(abs(ratio - 1) < 0.05 for ratio in ratios)
    return Claim(
        "The plateaus count half the dimension of the matrices of the rank reached, k(10-k)/2.",
        "our reading of Lau et al. 2025",
        "reproduced with a difference" if holds else "not reproduced",
        f"{min(halves):.3f} to {max(halves):.3f} times k(10-k)/2; {min(ratios):.3f} to"
        f" {max(ratios):.3f} times what SGLD gives on the quadratic part (accepted: within 5 %),"
        f" over {len(both)} plateaus of rank 1 to 5, no interval.",
        "The excess over k(10-k)/2 is the bias of an unadjusted step of 1e-6.",
    )


FIGURE = PaperFigure(
    id="f06",
    name="saddles",
    title="Saddle-to-saddle training: loss and estimate",
    paper="Lau et al. 2025, figure on saddle-to-saddle dynamics",
    draw=draw,
    measurement=Measurement(cells, run),
    needs="Width 500 with 50 000 updates: about an hour on one core.",
)
