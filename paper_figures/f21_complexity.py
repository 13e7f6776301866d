"""Geometric complexity and coefficient of perceptrons against heuristics of their training."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from scipy.special import stdtrit

from llcbench.figures import Claim, Drawing, PaperFigure, Results, Row, Verdict
from llcbench.figures.style import PALETTE, panels
from llcbench.heuristics.effects import Effect, effects
from llcbench.heuristics.readings import Readings, readings, value_of, warnings_of
from llcbench.report.style import colour_of

COLOURS = {"gc": PALETTE[0], "llc": colour_of("sgld")}
LABELS = {"gc": "geometric complexity", "llc": "estimated coefficient"}
FACTORS = {
    "gc-lr": "learning rate", "gc-batch": "batch size", "gc-momentum": "momentum",
    "gc-decay": "weight decay", "gc-jacobian": "GC penalty",
}  # fmt: skip
VERDICTS: Mapping[str, Verdict] = {"seen": "reproduced", "reversed": "not reproduced"}
DHERIN = "Dherin et al. 2022 (arXiv 2209.13083), ResNet18 on CIFAR-10"
LAU = "Lau et al. 2025 (arXiv 2308.12108), ResNet18 on CIFAR-10"
OURS = "ours: perceptrons 64-64 on 8 by 8 digits, all of them stopped at a training loss of 0.05"
LARGE = f"Theirs: ResNet18 on CIFAR-10; {OURS}."
STEPS = f"Theirs: ResNet18 at equal steps, where arms are at different stages of training; {OURS}."
CLAIMS = (
    ("gc-lr", "gc", "A larger learning rate lowers the geometric complexity.", DHERIN, LARGE),
    ("gc-batch", "gc", "A smaller batch lowers the geometric complexity.", DHERIN, LARGE),
    ("gc-decay", "gc", "Weight decay lowers the geometric complexity.", DHERIN, LARGE),
    ("gc-jacobian", "gc", "A penalty on the geometric complexity lowers it.", DHERIN, LARGE),
    ("gc-lr", "llc", "A larger learning rate lowers the coefficient.", LAU, STEPS),
    ("gc-batch", "llc", "A smaller batch lowers the coefficient.", LAU, STEPS),
    ("gc-momentum", "llc", "A larger momentum lowers the coefficient.", LAU, STEPS),
    ("gc-decay", "llc", "A larger weight decay lowers the coefficient.", LAU, STEPS),
)


def draw(results: Results) -> Drawing:
    """Draw both measures against each factor, one dot a trial."""
    contents = results.trials("gc")
    design = contents.designs["gc"]
    held = {e.name: readings(e, contents.records) for e in design.experiments}
    found = {(e.experiment, e.measure): e for e in effects(design, contents.records)}
    figure, axes = panels(2, len(FACTORS), height=1.9)
    rows: list[Row] = []
    for number, axis in enumerate(axes):
        row, column = divmod(number, len(FACTORS))
        measure, name = ("gc", "llc")[row], list(FACTORS)[column]
        if column:
            axis.sharey(axes[row * len(FACTORS)])
            axis.tick_params(labelleft=False)
        rows += _dots(axis, held[name], measure)
        axis.set_title("" if row else FACTORS[name])
        axis.set_ylabel("" if column else LABELS[measure])
    for axis, measure in zip(axes[:: len(FACTORS)], LABELS, strict=True):
        axis.set_ylim(0, 1.12 * max(float(r["value"]) for r in rows if r["measure"] == measure))
    return Drawing(
        figure, rows, (*(_claim(found, *claim) for claim in CLAIMS), _unmade()),
        "Perceptrons 64-64 on 8 by 8 digits, each trained by SGD until its training loss is below"
        " 0.05. A dot is a trial, an open dot an estimate that a guard marks as not converged;"
        " lines join means with 95 % intervals (Student's t over seeds). Arms of one seed share"
        " initial weights, and verdicts rest on slopes within seeds with 90 % intervals.",
        "Geometric complexity and estimated coefficient at one training loss, against learning"
        " rate, batch size, momentum, weight decay and a penalty on the complexity.",
    )  # fmt: skip


def _dots(axis: Axes, mine: Readings, measure: str) -> list[Row]:
    """Draw trials and means over the arms of an experiment in their order; return the dots."""
    rows: list[Row] = []
    for place, level in enumerate(mine.levels):
        for seed, points in mine.points.items():
            value, alarm = value_of(points[place], measure), warnings_of(points[place], measure)
            rows.append({"experiment": mine.experiment.name, "measure": measure, "level": level,
                         "place": place + 0.3 * (seed + 0.5) / len(mine.points) - 0.15,
                         "seed": seed, "value": value, "guards": " ".join(alarm)})  # fmt: skip
    kept = [row for row in rows if row["value"] is not None]
    for style in ("full", "none"):
        mine_too = [row for row in kept if bool(row["guards"]) == (style == "none")]
        axis.plot([r["place"] for r in mine_too], [r["value"] for r in mine_too], "o",
                  markersize=2.6, color=COLOURS[measure], alpha=0.75, markeredgewidth=0.6,
                  fillstyle=style)  # fmt: skip
    groups = [[float(r["value"]) for r in kept if r["level"] == level] for level in mine.levels]
    axis.errorbar(range(len(groups)), *_means(groups), color=COLOURS[measure], linewidth=1.1,
                  capsize=2.5)  # fmt: skip
    if not kept:
        axis.text(0.5, 0.5, "no seed has\nall levels", transform=axis.transAxes, ha="center")
    axis.set_xticks(range(len(groups)), [_short(level) for level in mine.levels])
    axis.set_xlim(-0.5, max(len(groups), 1) - 0.5)
    return rows


def _means(groups: Sequence[Sequence[float]]) -> tuple[list[float], list[float]]:
    """Return means with half the width of their 95 % intervals by Student's t, 0 for one value."""
    reach = [
        float(stdtrit(len(g) - 1, 0.975)) * float(np.std(g, ddof=1)) / len(g) ** 0.5
        if len(g) > 1 else 0.0
        for g in groups
    ]  # fmt: skip
    return [float(np.mean(group)) if group else np.nan for group in groups], reach


def _short(level: float) -> str:
    return f"{level:.0e}".replace("e-0", "e-") if 0 < level < 0.01 else f"{level:g}"


def _claim(
    found: Mapping[tuple[str, str], Effect], name: str, measure: str, text: str, source: str,
    difference: str,
) -> Claim:  # fmt: skip
    """Return a claim as the effect decides it: 0 inside the interval decides nothing."""
    effect = found.get((name, measure))
    if effect is None or effect.value is None or effect.low is None or effect.high is None:
        seeds, missing = (0, ()) if effect is None else (effect.seeds, effect.excluded)
        lacks = f"Seeds with all levels of {name}: {seeds}; two are needed."
        lacks += f" Left out: {', '.join(missing)}." if missing else ""
        return Claim(text, source, "not decided", lacks, difference)
    figures = (
        f"{effect.value:+.3g} {effect.unit}, 90 % interval {effect.low:+.3g} to {effect.high:+.3g}"
        f" over {effect.seeds} seeds, {effect.change or 0:+.0%} over the levels;"
        f" {effect.flagged} of {effect.figures} estimates are marked as not converged."
    )
    return Claim(text, source, VERDICTS.get(effect.verdict, "not decided"), figures, difference)


def _unmade() -> Claim:
    return Claim(
        "Penalties on the spectral norm and on flatness lower the geometric complexity.",
        DHERIN,
        "not made here",
        "The suite has no arms for them.",
        "The training can apply both penalties (spectral, gradient_norm).",
    )


FIGURE = PaperFigure(
    id="f21",
    name="complexity",
    title="Geometric complexity and coefficient against heuristics at one training loss",
    paper="Dherin et al. 2022, sweeps of ResNet18; Lau et al. 2025, training heuristics",
    draw=draw,
    inputs=("heuristics-gc",),
    needs="ResNet18 on CIFAR-10, five seeds and about ten settings each: days of a GPU.",
)
