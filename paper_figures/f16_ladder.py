"""The ladder of an introduction notebook: each rung to a coefficient has one idealisation less.

Conventions of the notebook. 1: volume of ``K < t`` for w^4 and w^6, population. 2: ``K = w^4`` at
inverse temperature .1, prior N(0, 10^2), HMC, 5000 draws after 500 (1500 here). 3 and 4:
``y = w^2 x + noise``, x ~ N(0, 1), noise of standard deviation 1/2, loss the sum of squared errors
without ``1 / (2 sigma^2)``, inverse temperature 1 / log n: ``nbeta = n / log n`` on the mean
squared error, the loss of the library. 3: n = 5000, prior N(0, 100^2), HMC. 4: n = 1000, batches of
100, 5000 SGLD steps of 1e-3, no spring; where the exact posterior is asked for, the prior of
rung 3 stands for none. A prior of variance v is the localisation ``gamma = 1 / v``.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy.stats import gamma as gamma_distribution

from llcbench.report.figures import Claim, Drawing, Measurement, PaperFigure, Results, Row, Scale
from llcbench.report.figures.rows import column, picked
from llcbench.report.figures.style import PALETTE, panels, published, truth_line
from llcbench.report.style import GREY, INK
from paper_figures.common.data_sets import drawn, regression, sampled, target_on
from paper_figures.common.intervals import half
from paper_figures.common.verdicts import decided

VOLUME, POPULATION, DATA, LOCAL = (
    "1 volume", "2 population energy", "3 energy on data", "4 local minibatches",
)  # fmt: skip
EXACT_SETS, CHAINS, SETS, LOCAL_SETS = 200, 32, 60, 20
# Localisation of the prior N(0, 100^2).
WIDE = 1e-4
EDGES = np.geomspace(1e-5, 10, 31)


def volume(power: str) -> Iterator[Row]:
    """Yield slopes of the volume by multilevel splitting, 16 runs, for a power such as ``x4``."""
    import llcbench
    from llcbench.estimators.volume_scaling import VolumeScaling

    settings = llcbench.Settings(nbeta=1e3, gamma=0.01, num_chains=16)
    estimator = VolumeScaling(settings=settings, particles=400)
    problem = llcbench.problem(f"poly/{power}")
    exact: Any = estimator.tempered(problem, 1e3, 0.01, None)
    common: dict[str, Any] = {"rung": VOLUME, "power": power}
    yield {**common, "kind": "exact", "llc": exact.value}
    context = llcbench.RunContext(llcbench.Seeds(problem=f"f16/{power}"))
    estimate = estimator.estimate(problem, context)
    for llc in estimate.llc_per_chain:
        yield {**common, "kind": "run", "llc": llc}


def population(draws: int) -> Iterator[Row]:
    """Yield means and variances of energies by chain, and their histogram, in population."""
    import llcbench

    problem = llcbench.problem("poly/x4")
    exact: Any = problem.tempered(0.1, 0.01)
    yield {"rung": POPULATION, "kind": "exact", "llc": exact.value}
    target = llcbench.Target(problem, 0.1, 0.01, CHAINS)
    energies = 0.1 * _hmc(target, 0.3, draws)
    for chain in energies:
        yield {"rung": POPULATION, "kind": "run", "llc": float(chain.mean()),
               "variance": float(chain.var(ddof=1))}  # fmt: skip
    shares = np.histogram(energies, EDGES)[0] / energies.size
    for low, share in zip(EDGES, shares, strict=False):
        yield {"rung": POPULATION, "kind": "histogram", "edge": float(low), "share": float(share)}


def on_data(draws: int) -> Iterator[Row]:
    """Yield estimates by HMC on data sets, and what a perfect sampler returns on them."""
    problem, nbeta = _noisy(5000)
    sets = drawn(problem, problem.id, EXACT_SETS)
    yield from _perfect(problem, nbeta, sets, DATA)
    target = target_on(regression("poly/x4"), problem, sets[:SETS], nbeta, WIDE)
    for number, chain in enumerate(_hmc(target, 0.01, draws)):
        yield {"rung": DATA, "kind": "run", "set": number, "llc": nbeta * float(chain.mean())}


def local_minibatches() -> Iterator[Row]:
    """Yield estimates by SGLD on minibatches of data sets, and those of a perfect sampler."""
    import llcbench

    problem, nbeta = _noisy(1000)
    sets = drawn(problem, problem.id, EXACT_SETS)
    yield from _perfect(problem, nbeta, sets, LOCAL)
    settings = llcbench.Settings(
        nbeta=nbeta, gamma=0.0, num_chains=1, num_draws=5000, num_burnin=0, batch_size=100
    )
    estimator = llcbench.MeanEnergy(llcbench.SGLD(1e-3), settings)
    for number, data in enumerate(sets[:LOCAL_SETS]):
        seeds = llcbench.Seeds(problem="f16/local", replicate=number)
        estimate = estimator.estimate(problem, llcbench.RunContext(seeds, data=data))
        yield {"rung": LOCAL, "kind": "run", "set": number, "llc": estimate.llc}


def _noisy(size: int) -> tuple[Any, float]:
    """Return the regression on data of a size, and its ``nbeta``."""
    return regression("poly/x4").with_data(size), size / math.log(size)


def _perfect(problem: Any, nbeta: float, sets: Sequence[Any], rung: str) -> Iterator[Row]:
    for number, data in enumerate(sets):
        truth = problem.tempered(nbeta, WIDE, data)
        yield {"rung": rung, "kind": "perfect", "set": number, "llc": truth.value}


def _hmc(target: Any, step_size: float, draws: int) -> Any:
    import llcbench

    sampler = llcbench.make_sampler("hmc", {"step_size": step_size})
    name = f"f16/{target.nbeta:.6g}"
    return sampled(target, sampler, name, "hmc", draws=draws, burnin=500)


DRAWS = {"cpu": 1500, "paper": 5000}
# Values printed in the notebook.
RUNGS = {VOLUME: None, POPULATION: 0.2632, DATA: 0.2407, LOCAL: 0.2465}
SOURCE = "Furman 2023, notebook 'Intro to LC estimation'"


def cells(scale: Scale) -> Sequence[str]:
    """Name the measurements; HMC chains of the notebook are longer."""
    return ["volume-x4", "volume-x6", "population", "data", "local"]


def run(scale: Scale, cell: str) -> Iterator[Row]:
    """Yield estimates of one rung and what a perfect sampler returns in their place."""
    if cell.startswith("volume"):
        return volume(cell.partition("-")[2])
    if cell == "local":
        return local_minibatches()
    return {"population": population, "data": on_data}[cell](DRAWS[scale])


def draw(results: Results) -> Drawing:
    """Draw volumes, the distribution of the energy, and the estimates of all rungs."""
    rows: list[Any] = results.rows("f16")
    figure, (left, middle, right) = panels(1, 3, height=2.6)
    levels = np.geomspace(1e-8, 1, 30)
    for power, colour in ((2, PALETTE[0]), (3, PALETTE[1])):
        slope = _values(rows, VOLUME, "run", f"x{2 * power}")
        left.plot(levels, 2 * levels ** (1 / (2 * power)), color=colour,
                  label=f"w{'⁴' if power == 2 else '⁶'}, slope {slope.mean():.3f}")  # fmt: skip
    left.set(xscale="log", yscale="log", ylim=(0.01, 4), xlabel="level t")
    left.set_title("1  volume of K < t")
    left.legend(loc="lower right")
    histogram = picked(rows, kind="histogram")
    middle.stairs([r["share"] for r in histogram], EDGES, fill=True, alpha=0.45, color=PALETTE[0],
                  label="HMC")  # fmt: skip
    centre = np.sqrt(EDGES[1:] * EDGES[:-1])
    middle.plot(
        centre, np.diff(gamma_distribution.cdf(EDGES, 0.25)), color=INK, label="Gamma(1/4, 1)"
    )
    middle.set(xscale="log", xlabel="nβ K(w)", title="2  energy, nβ = 0.1", ylim=(0, 0.11))
    middle.legend(loc="upper left")
    _ladder(right, rows)
    return Drawing(
        figure, rows,
        (_volumes(rows), _gamma(rows), *(_rung(rows, rung) for rung in (POPULATION, DATA, LOCAL))),
        "The coefficient of K = w⁴ (and w⁶) with one idealisation less at a time. Left: exact"
        " volumes; the slopes in the legend are those of multilevel splitting. Middle: share of HMC"
        " energies in logarithmic bins, and the distribution for a flat prior. Right: mean over"
        " runs with 95 % interval; thin line: central 95 % of single runs (on data: one data set"
        " each); dashes: what a perfect sampler returns, on each of"
        f" {EXACT_SETS} data sets for rungs 3 and 4; diamonds: notebook; black: 1/4.",
        "All four rungs have means near one quarter; single data sets scatter from about .1 to .4.",
    )  # fmt: skip


def _ladder(axes: Any, rows: Sequence[Any]) -> None:
    truth_line(axes, 0.25, "", vertical=True)
    for place, (rung, printed) in enumerate(RUNGS.items()):
        kind = "exact" if place < 2 else "perfect"
        perfect = _values(rows, rung, kind, "x4")
        axes.plot(perfect, np.full(perfect.size, place + 0.25), "|", color=GREY, markersize=6,
                  markeredgewidth=0.7, label="" if place else "perfect sampler")  # fmt: skip
        values = _values(rows, rung, "run", "x4")
        low, high = np.quantile(values, (0.025, 0.975))
        if place:  # pseudo-values of a jackknife are no runs of their own
            axes.plot([low, high], [place] * 2, color=PALETTE[0], linewidth=0.8)
        axes.errorbar(values.mean(), place, xerr=half(values), color=PALETTE[0], fmt="o",
                      markersize=4, elinewidth=2, label="" if place else "mean, 95 %")  # fmt: skip
        if printed is not None:
            published(axes, [printed], [place - 0.22], "notebook" if place == 1 else "")
    axes.set_yticks(range(4), list(RUNGS))
    axes.set(xlabel="estimate", xlim=(0, 0.5), ylim=(3.6, -1.4), title="estimates")
    axes.legend(loc="upper left", ncols=2, fontsize=6.5)


def _values(rows: Sequence[Any], rung: str, kind: str, power: str | None = None) -> Any:
    return column([r for r in rows if r["power"] in (power, None)], "llc", rung=rung, kind=kind)


def _volumes(rows: Sequence[Any]) -> Claim:
    shown, holds = [], True
    for power, truth in (("x4", 1 / 4), ("x6", 1 / 6)):
        values = _values(rows, VOLUME, "run", power)
        holds &= abs(values.mean() - truth) < max(half(values), 0.02 * truth)
        shown.append(f"{power.replace('x', 'w^')}: {values.mean():.4f} ± {half(values):.4f}")
    return Claim(
        "Volumes of sublevel sets give 1/4 for w⁴ and 1/6 for w⁶.",
        SOURCE,
        "reproduced" if holds else "not reproduced",
        f"{', '.join(shown)} (95 %, jackknife over 16 runs; holds if within it or within 2 %).",
    )


def _gamma(rows: Sequence[Any]) -> Claim:
    mean, variance = (
        column(rows, name, rung=POPULATION, kind="run") for name in ("llc", "variance")
    )
    near = all(abs(v.mean() - 0.25) + half(v) < 0.025 for v in (mean, variance))
    far = any(abs(v.mean() - 0.25) - half(v) > 0.025 for v in (mean, variance))
    return Claim(
        "The energy nβ K of w⁴ has the Gamma(1/4, 1) distribution: mean and variance are 1/4"
        " (within 10 %).",
        SOURCE,
        decided(near, far),
        f"mean {mean.mean():.4f} ± {half(mean):.4f}, variance {variance.mean():.4f} ±"
        f" {half(variance):.4f} (95 % over {CHAINS} chains).",
        "The prior N(0, 10²) is not flat; it takes 1 % off the mean.",
    )


def _rung(rows: Sequence[Any], rung: str) -> Claim:
    printed = RUNGS[rung] or 0.0
    values = _values(rows, rung, "run")
    kind = "exact" if rung == POPULATION else "perfect"
    perfect = _values(rows, rung, kind)
    low, high = np.quantile(values, (0.025, 0.975))
    gap = values.mean() - perfect[: values.size].mean()
    paired = values - (perfect if kind == "exact" else perfect[: values.size])
    exact = abs(gap) < max(half(paired), 0.05 * 0.25)
    holds = low <= printed <= high
    spread = f"; over data sets it is {perfect.mean():.4f} with standard deviation" \
             f" {perfect.std(ddof=1):.3f}" if kind == "perfect" else ""  # fmt: skip
    single = "run" if kind == "exact" else "data set"
    return Claim(
        f"Rung {rung[0]} ({rung[2:]}): the notebook's {printed}, near 1/4.",
        SOURCE,
        "not reproduced" if not holds else "reproduced" if exact
        else "reproduced with a difference",
        f"central 95 % of single runs [{low:.3f}, {high:.3f}], mean {values.mean():.4f} ±"
        f" {half(values):.4f}, minus a perfect sampler {gap:+.4f} ± {half(paired):.4f}{spread}.",
        f"One number from one {single}: its agreement to three digits says little.",
    )  # fmt: skip


FIGURE = PaperFigure(
    id="f16",
    name="ladder",
    title="From volumes to minibatches: four estimates of one coefficient",
    paper="Furman 2023, introduction notebook",
    draw=draw,
    measurement=Measurement(cells, run),
)
