"""Hitchcock and Hoogland: samplers at many step sizes on random deep linear networks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from llcbench.compare.window import GOOD, Ladder, LadderRung
from llcbench.report.figures import Claim, Drawing, Measurement, PaperFigure, Results, Row, Scale
from llcbench.report.figures.rows import Cells, picked
from llcbench.report.figures.style import failed, panels
from llcbench.report.style import GREY, INK, colour_of
from paper_figures.common.intervals import Interval, bootstrap, ends, means, redrawn
from paper_figures.common.linear_networks import SUITE
from paper_figures.common.verdicts import above

Array = NDArray[np.float64]
# Relative errors count within this; a failed run has it.
CAP = 1.0
RESAMPLES = 2000
# Of those, as many as orders are counted in: a count is slow.
ORDERS = 400


@final
@dataclass(frozen=True)
class Grid:
    """A sampler at one localisation.

    Attributes:
        steps: Step sizes, ``(steps,)``.
        llc: Estimates, NaN for failed runs, ``(networks, steps)``.
        local: Exact local coefficients, ``(networks,)``.
        tempered: What a perfect sampler returns, ``(networks,)``.
    """

    steps: Array
    llc: Array
    local: Array
    tempered: Array

    def error(self, truth: Array) -> Array:
        """Return relative errors within the cap, which failed runs have."""
        detail = (self.llc - truth[:, None]) / truth[:, None]
        return np.clip(np.nan_to_num(detail, nan=CAP), -CAP, CAP)

    def order(self) -> Array:
        """Return the share of pairs of unequal coefficients that estimates order rightly."""
        asked = self.local[:, None] < self.local[None, :]
        right = self.llc[:, None, :] < self.llc[None, :, :]
        return np.asarray((asked[..., None] & right).sum((0, 1)) / asked.sum())

    def widths(self) -> Array:
        """Return the decades of good step sizes per network."""
        errors, gone = self.error(self.tempered), np.isnan(self.llc)
        decades = []
        for row, lost in zip(errors, gone, strict=True):
            rungs = tuple(
                LadderRung(float(step), None if miss else float(error), None, float(miss))
                for step, error, miss in zip(self.steps, row, lost, strict=True)
            )
            ladder = Ladder(sampler="", estimator="", problem="", nbeta="", rungs=rungs)
            decades.append(ladder.window.decades)
        return np.array(decades)


# Takes networks that were drawn, ``(resamples, networks)``; returns a statistic for each sample.
Statistic = Callable[[Grid, NDArray[np.int64]], Array]


def best(grid: Grid, drawn: NDArray[np.int64]) -> Array:
    """Return mean absolute errors, in per cent, at the step size that is best in every sample."""
    return np.asarray(100 * np.abs(grid.error(grid.tempered))[drawn].mean(1).min(1))


def mean_width(grid: Grid, drawn: NDArray[np.int64]) -> Array:
    """Return mean widths of windows, in decades."""
    return np.asarray(grid.widths()[drawn].mean(1))


def kept_order(grid: Grid, drawn: NDArray[np.int64]) -> Array:
    """Return the order kept, in per cent, averaged over step sizes."""
    parts = (Grid(grid.steps, grid.llc[k], grid.local[k], grid.tempered[k]) for k in drawn[:ORDERS])
    return np.array([100 * part.order().mean() for part in parts])


def everything(statistic: Statistic, grid: Grid) -> float:
    """Return a statistic of all networks."""
    return float(statistic(grid, np.arange(len(grid.local))[None, :])[0])


def width(grid: Grid, seed: Sequence[int]) -> Interval:
    """Return the mean width of windows with its 95 % interval over networks."""
    return bootstrap(grid.widths(), seed, means, resamples=RESAMPLES)


def compared(statistic: Statistic, a: Grid, b: Grid) -> tuple[float, float, Interval]:
    """Return a statistic of two samplers on the same networks, and its difference.

    The 95 % interval is a bootstrap over networks; whatever the statistic chooses, such as a step
    size, it chooses again in every sample.
    """
    drawn = redrawn(len(a.local), (18, 50), RESAMPLES)
    first, second = everything(statistic, a), everything(statistic, b)
    low, high = ends(statistic(a, drawn) - statistic(b, drawn))
    return first, second, Interval(first - second, low, high)


SOURCE = "Hitchcock & Hoogland 2025 (arXiv 2507.21449)"
# As published for these networks, and the local one of the suite dln-scale for this class.
GAMMAS = (1.0, 300.0)
# Half decades from the first step size on; preconditioned samplers have units of their own.
FIRST = {"sgld": -7.5, "rmsprop_sgld": -8.0, "adam_sgld": -8.5, "sghmc": -7.5, "sgnht": -7.5}
RUNGS = 6
Compared = tuple[float, float, Interval]


def cells(scale: Scale) -> Sequence[str]:
    """Name a network and a localisation; tempered truths are known for 20 networks."""
    networks = 8 if scale == "cpu" else 20
    return [f"dln/1k/s{k}/n100000@{gamma:g}" for gamma in GAMMAS for k in range(networks)]


def run(scale: Scale, cell: str) -> Iterator[Row]:
    """Yield a row per sampler and step size; data sets are those of dln-scale."""
    import torch

    from llcbench import registry
    from llcbench.estimators.mean_energy import MeanEnergy
    from llcbench.seeds import Seeds
    from llcbench.settings import Settings
    from llcbench.types import RunContext

    torch.set_num_threads(1)
    name, _, gamma = cell.partition("@")
    burnin, draws, batch = (1200, 300, 256) if scale == "cpu" else (9000, 1000, 500)
    settings = Settings(
        gamma=float(gamma), num_chains=1, num_burnin=burnin, num_draws=draws, batch_size=batch,
        dtype="float32",
    )  # fmt: skip
    problem = registry.problem(name)
    data = problem.sample_data(Seeds(0, name, 0).generator("data"))
    local = problem.truth.local.value
    for sampler, first in FIRST.items():
        for step in (float(f"{10 ** (first + k / 2):.1e}") for k in range(RUNGS)):
            estimator = MeanEnergy(registry.make_sampler(sampler, {"step_size": step}), settings)
            seeds = Seeds(0, name, 0, f"{sampler}[step_size={step!r}]")
            estimate = estimator.estimate(problem, RunContext(seeds, data=data))
            yield {
                "problem": name, "gamma": float(gamma), "sampler": sampler, "step_size": step,
                "status": estimate.status, "llc": _short(estimate.llc),
                "mcse": _short(estimate.mcse),
                "local": float(local) if local is not None else None, "dim": problem.dim,
            }  # fmt: skip


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


def draw(results: Results) -> Drawing:
    """Draw error, order and windows, a row per localisation."""
    rows = _with_tempered(results)
    grids = {g: {name: _grid(rows, name, g) for name in FIRST} for g in GAMMAS}
    figure, axes = panels(2, 3, height=2.35)
    for (gamma, by_sampler), start in zip(grids.items(), (0, 3), strict=True):
        _errors(axes[start], by_sampler)
        for sampler, grid in by_sampler.items():
            axes[start + 1].plot(grid.steps, 100 * grid.order(), color=colour_of(sampler),
                                 marker="o", markersize=3)  # fmt: skip
        _windows(axes[start + 2], by_sampler)
        axes[start].set_ylabel("median relative error")
        axes[start].set_title(f"gamma {gamma:g}: error")
        axes[start + 1].set(xscale="log", ylim=(30, 103), title=f"gamma {gamma:g}: order kept, %")
        axes[start + 2].set_title(f"gamma {gamma:g}: window, decades")
        for each in axes[start : start + 2]:
            each.set_xlabel("step size")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=8,
                  handlelength=1.6, columnspacing=1.0)  # fmt: skip
    return Drawing(
        figure,
        rows,
        _claims(grids),
        f"Five samplers on {len(rows) // 60} random linear networks of the class 1K, n = 100 000,"
        " one chain; minibatches of 256 and 1500 steps, of which the last 300 count, at the scale"
        " of two cores. Left: median over networks of the relative error against what a perfect"
        " sampler returns (lines with"
        " interquartile range) and against the exact local coefficient (dashed); triangles: step"
        " sizes with failed runs. Middle: share of pairs of networks that estimates order as the"
        " local coefficients. Right: width of the widest run of neighbouring step sizes with an"
        " error below 10 %, one dot a network, mean with 95 % interval (bootstrap over networks)."
        " Above with the localisation published for these networks, below with one at which a"
        " posterior stays local. Preconditioned samplers have step sizes in units of their own.",
        "All samplers pass from underestimation at small steps to overestimation at large ones;"
        " those with momentum stay near the truth over the widest range of steps.",
    )


def _with_tempered(results: Results) -> list[Cells]:
    """Return measured rows with the tempered truth on the same data, from the suite's records."""
    truths = {
        (r.spec.problem, r.spec.settings.gamma): r.truths.tempered.value
        for r in results.runs(SUITE) if r.truths and r.truths.tempered
    }  # fmt: skip
    return [
        {**row, "tempered": truths[str(row["problem"]), float(row["gamma"])]}
        for row in results.rows("f18")
    ]


def _grid(rows: Sequence[Cells], sampler: str, gamma: float) -> Grid:
    mine = picked(rows, sampler=sampler, gamma=gamma)
    columns = ("step_size", "llc", "local", "tempered")
    table = [[np.nan if row[key] is None else row[key] for row in mine] for key in columns]
    steps, llc, local, tempered = np.array(table, dtype=float).reshape(4, -1, RUNGS)
    return Grid(steps[0], llc, local[:, 0], tempered[:, 0])


def _errors(axes: Axes, by_sampler: Mapping[str, Grid]) -> None:
    axes.axhspan(-GOOD, GOOD, color=GREY, alpha=0.13, linewidth=0)
    axes.axhline(0, color=INK, linewidth=0.9)
    for sampler, grid in by_sampler.items():
        colour = colour_of(sampler)
        low, middle, high = np.quantile(grid.error(grid.tempered), [0.25, 0.5, 0.75], axis=0)
        axes.errorbar(grid.steps, middle, yerr=[middle - low, high - middle], color=colour,
                      marker="o", markersize=3, elinewidth=0.7, label=sampler)  # fmt: skip
        axes.plot(grid.steps, np.median(grid.error(grid.local), axis=0), color=colour,
                  linewidth=0.9, linestyle=(0, (3, 2)))  # fmt: skip
    lost = sorted({s for g in by_sampler.values() for s in g.steps[np.isnan(g.llc).any(0)]})
    if lost:
        failed(axes, lost)
    axes.plot([], [], color=INK, linewidth=0.9, linestyle=(0, (3, 2)), label="against local")
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=GOOD)
    axes.set_ylim(-1.1, 1.1)
    axes.set_yticks([-1, -0.1, 0, 0.1, 1], ["−100 %", "−10 %", "0", "10 %", "100 %"])
    axes.minorticks_off()


def _windows(axes: Axes, by_sampler: Mapping[str, Grid]) -> None:
    for place, (sampler, grid) in enumerate(by_sampler.items()):
        widths = grid.widths()
        spread = np.linspace(-0.2, 0.2, len(widths))
        axes.plot(place + spread, widths, linestyle="none", marker="o", markersize=2.5, alpha=0.6,
                  color=colour_of(sampler))  # fmt: skip
        mean = width(grid, (18, place))
        ends = [[mean.value - mean.low], [mean.high - mean.value]]
        axes.errorbar([place], [mean.value], yerr=ends, marker="D", markersize=4, color=INK)
    axes.set_xticks(range(len(by_sampler)), [name.replace("_", "\n") for name in by_sampler])
    axes.set_ylim(-0.1, 2.6)


def _claims(grids: Mapping[float, Mapping[str, Grid]]) -> tuple[Claim, ...]:
    """Compare RMSprop with the best of the others and with SGLD; gamma of the paper decides."""
    parts = {}
    for gamma, by_sampler in grids.items():
        others = [name for name in by_sampler if name != "rmsprop_sgld"]
        rival = min(others, key=lambda name: everything(best, by_sampler[name]))
        for name in dict.fromkeys((rival, "sgld")):
            key = f"gamma {gamma:g}, {name} and rmsprop_sgld"
            parts[key] = compared(best, by_sampler[name], by_sampler["rmsprop_sgld"])
    width, order = (
        {f"gamma {gamma:g}": compared(kind, by_sampler["rmsprop_sgld"], by_sampler["sgld"])
         for gamma, by_sampler in grids.items()}
        for kind in (mean_width, kept_order)
    )  # fmt: skip
    return (
        _claim("RMSprop-preconditioned SGLD is the most effective sampler: at its best step size it"
               " has the smallest mean absolute error against the tempered truth, in per cent.",
               f"{SOURCE}, abstract", parts,
               "The paper has networks up to 100M parameters and settings that could not be read;"
               " here one class of about a thousand, 1500 steps, decay 0.99, damping 0.01."),
        _claim("Its window of step sizes with an error below 10 % is wider than that of SGLD, in"
               " decades (RMSprop and SGLD).", f"{SOURCE}, stability", width,
               "The definition in the paper could not be read; this one is ours. A single good step"
               " size has no width on a ladder of half decades."),
        _claim("It orders networks better than SGLD: pairs kept in order, in per cent, averaged"
               " over the step sizes of each (RMSprop and SGLD).",
               f"{SOURCE}, order preservation", order,
               "The average depends on the range of step sizes, five half decades for both."),
    )  # fmt: skip


def _claim(text: str, source: str, parts: Mapping[str, Compared], why: str) -> Claim:
    """Return a claim that the first difference is positive; the others are told."""
    detail = "; ".join(
        f"{label}: {a:.3g} and {b:.3g}, difference {gap.bracket('+.2g')}"
        for label, (a, b, gap) in parts.items()
    )
    interval = "95 % intervals (bootstrap over networks, step sizes chosen again in each)"
    _, _, first = next(iter(parts.values()))
    return Claim(text, source, above(first, 0), f"{detail}; {interval}.", why)


FIGURE = PaperFigure(
    id="f18",
    name="samplers",
    title="Samplers against step size on random deep linear networks",
    paper="Hitchcock & Hoogland 2025, comparison of samplers",
    draw=draw,
    inputs=(SUITE,),
    measurement=Measurement(cells, run),
    needs="Classes up to 100M parameters: at 2 s a step, 50 000 steps of the largest network take"
    " 28 hours for every sampler and step size.",
)
