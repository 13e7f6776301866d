"""Estimates at trained weights of linear networks, paired with those at the drawn weights."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from llcbench.report.figures import Claim, Drawing, Measurement, PaperFigure, Results, Row, Scale
from llcbench.report.figures.rows import Cells, Value, picked
from llcbench.report.figures.style import diagonal, failed, panels
from llcbench.report.style import GREY, INK, colour_of
from paper_figures.common.intervals import Interval, bootstrap, medians
from paper_figures.common.linear_networks import SUITE, network_runs
from paper_figures.common.verdicts import within


class CheckedEstimate(NamedTuple):
    """An estimate at one point, with what it should be.

    Attributes:
        low: Exact local coefficient, or its lower bound.
        high: The same, or the upper bound.
        llc: Estimate; NaN for a run without one.
        reach: Half of its 95 % interval.
        tempered: What an exact sampler returns; NaN where it is not known.
        passed: Whether all guards passed.
    """

    low: float
    high: float
    llc: float
    reach: float
    tempered: float
    passed: bool


def at_trained(measured: Sequence[Cells]) -> dict[str, CheckedEstimate]:
    """Return the runs of SGLD at trained weights by network; block Gibbs gives the tempered value.

    Args:
        measured: Rows of both samplers with bounds of the coefficient.
    """
    exact = {str(row["cell"]): row for row in picked(measured, sampler="gibbs")}
    return {
        str(row["cell"]): CheckedEstimate(
            float(Fraction(str(row["local_low"]))),
            float(Fraction(str(row["local_high"]))),
            _number(row["llc"]),
            _number(row["reach"]),
            _number(exact[str(row["cell"])]["llc"]),
            bool(row["passed"]),
        )
        for row in picked(measured, sampler="sgld")
    }


def at_drawn(results: Results, names: Sequence[str]) -> dict[str, CheckedEstimate]:
    """Return the runs of the same length, step and localisation at the drawn weights.

    Raises:
        ValueError: If one of the networks has none.
    """
    estimates = {
        p.network: CheckedEstimate(p.local, p.local, p.llc, p.reach, p.tempered, p.passed)
        for p in network_runs(results)
        if p.gamma == 1
    }
    missing = [name for name in names if name not in estimates]
    if missing:
        raise ValueError(f"no run of dln/{missing[0]} at localisation 1: run dln-scale first")
    return {name: estimates[name] for name in names}


def certain(estimates: Mapping[str, CheckedEstimate]) -> dict[str, CheckedEstimate]:
    """Return the points whose coefficient is known, not only bounds of it."""
    return {name: p for name, p in estimates.items() if p.low == p.high}


def _number(value: Value) -> float:
    return float("nan") if value is None else float(value)


Array = NDArray[np.float64]
SOURCE = "Lau et al. 2025 (arXiv 2308.12108), study of linear networks at trained parameters"
STEP_SIZE = 5e-7
# Medians of ratios within this of 1 count as equal.
EQUAL = 0.1


def cells(scale: Scale) -> Sequence[str]:
    """Name draws of the smallest class; at paper scale of the two that training is defined for."""
    if scale == "cpu":
        return [f"1k/s{draw}" for draw in range(20)]
    return [f"{name}/s{draw}" for name in ("1k", "10k") for draw in range(100)]


def run(scale: Scale, cell: str) -> Iterator[Row]:
    """Train, then sample at the trained weights with the published SGLD and with block Gibbs."""
    import llcbench
    from llcbench.intervals import chain_quantile
    from llcbench.samplers.gibbs import Gibbs
    from llcbench.samplers.sgld import SGLD
    from llcbench.seeds import Seeds

    problem = llcbench.problem(f"dln/{cell}/trained/n100000")
    local = problem.truth.local
    data = problem.sample_data(Seeds(5, problem.id).generator("data"))
    published = llcbench.Settings(
        gamma=1.0, num_chains=4, num_draws=1000, num_burnin=9000, batch_size=500, dtype="float32"
    )
    exact = llcbench.Settings(
        gamma=1.0, num_chains=4, num_draws=100, num_burnin=50, dtype="float32"
    )
    for sampler, settings in ((SGLD(STEP_SIZE), published), (Gibbs(), exact)):
        name = type(sampler).__name__.lower()
        seeds = Seeds(5, problem.id, sampler=name)
        estimate = llcbench.MeanEnergy(sampler, settings).estimate(
            problem, llcbench.RunContext(seeds, data=data)
        )
        yield {
            "sampler": name,
            "dim": problem.dim,
            "local_low": str(local.lower),
            "local_high": str(local.upper),
            "training": problem.why_hard.partition(":")[0],
            "status": estimate.status,
            "llc": estimate.llc,
            "stderr": estimate.stderr,
            "reach": None if estimate.stderr is None else chain_quantile(0.95, 4) * estimate.stderr,
            "passed": estimate.converged,
        }


def draw(results: Results) -> Drawing:
    """Draw estimates at both points against their local coefficients, and one against the other."""
    trained = at_trained(results.rows("f05"))
    drawn = at_drawn(results, list(trained))
    figure, axes = panels(1, 3, height=2.6)
    _scatter(axes[0], list(drawn.values()), "drawn weights")
    _scatter(axes[1], list(trained.values()), "trained weights")
    clear = certain(trained)
    pairs = [(drawn[k], clear[k]) for k in clear if np.isfinite(drawn[k].llc + clear[k].llc)]
    diagonal(axes[2], 20, 1000, "no change")
    for a, b in pairs:
        axes[2].plot(a.llc, b.llc, "o", color=colour_of("sgld"), markersize=4,
                     markerfacecolor=None if a.passed and b.passed else "none",
                     label="SGLD" if (a, b) == pairs[0] else None)  # fmt: skip
    axes[2].plot([a.low for a, _ in pairs], [b.low for _, b in pairs], "x", color=INK,
                 markersize=4, label="local coefficient")  # fmt: skip
    axes[2].set(xscale="log", yscale="log", xlabel="at drawn weights", ylabel="at trained weights",
                title="the same network")  # fmt: skip
    axes[2].legend(loc="upper left")
    axes[0].legend(loc="upper left")
    claims = (_on_line(clear), _same(drawn, clear), _exact(clear))
    rows = [*_rows("drawn", drawn), *_rows("trained", trained)]
    return Drawing(figure, rows, claims, _caption(trained, clear, drawn), ALT)


def _scatter(axes: Axes, points: Sequence[CheckedEstimate], title: str) -> None:
    colour = colour_of("sgld")
    diagonal(axes, 20, 1000, "estimate = local")
    for point in points:
        if point.low < point.high:
            axes.plot([point.low, point.high], [point.llc] * 2, color=GREY, linewidth=1.0)
    middle = np.array([(point.low * point.high) ** 0.5 for point in points])
    llc = np.array([point.llc for point in points])
    reach = np.array([point.reach for point in points])
    full = np.array([point.passed for point in points])
    axes.errorbar(middle, llc, np.minimum(reach, 0.9 * llc), fmt="none", ecolor=colour,
                  elinewidth=0.6)  # fmt: skip
    for chosen, face, label in ((full, colour, "SGLD"), (~full, "white", "SGLD, a guard fails")):
        if chosen.any():
            axes.plot(middle[chosen], llc[chosen], "o", markersize=4, markerfacecolor=face,
                      markeredgecolor=colour, label=label)  # fmt: skip
    axes.plot(middle, [point.tempered for point in points], "_", color=INK, markersize=7,
              label="tempered")  # fmt: skip
    axes.set(xscale="log", yscale="log", title=title, xlabel="local coefficient",
             ylabel="estimate")  # fmt: skip
    missing = middle[~np.isfinite(llc)]
    if missing.size:
        failed(axes, list(missing))


def _interval(values: Array) -> Interval:
    """Return the median with its 95 % bootstrap interval over networks."""
    return bootstrap(values, (5, len(values)), medians, resamples=4000)


def _on_line(clear: dict[str, CheckedEstimate]) -> Claim:
    ratios = np.array([p.llc / p.low for p in clear.values() if np.isfinite(p.llc)])
    median = _interval(ratios)
    return Claim(
        "Estimates at trained weights lie on the line estimate = coefficient.",
        SOURCE,
        within(median, 1 - EQUAL, 1 + EQUAL),
        f"Estimate over local coefficient: median {median:.3f} (bootstrap over"
        f" {len(ratios)} networks whose coefficient is known), range [{ratios.min():.2f},"
        f" {ratios.max():.2f}]; a median within {EQUAL:g} of 1 counts.",
        "Ours is the coefficient of the point that training found; the published axis is the"
        " formula's value for the rank of the product, the smallest over all true weights.",
    )


def _same(drawn: dict[str, CheckedEstimate], clear: dict[str, CheckedEstimate]) -> Claim:
    both = [k for k in clear if np.isfinite(drawn[k].llc + clear[k].llc)]
    change = np.array([clear[k].llc / clear[k].low - drawn[k].llc / drawn[k].low for k in both])
    median = _interval(change)
    other = [k for k in both if clear[k].low != drawn[k].low]
    return Claim(
        "The scatter at trained weights is that at the weights that were drawn.",
        SOURCE,
        within(median, -EQUAL, EQUAL),
        f"Paired change of estimate over coefficient: median {median:+.3f} (bootstrap over"
        f" {len(both)} networks), range [{change.min():+.2f},"
        f" {change.max():+.2f}]; the coefficient itself differs in {len(other)} of them.",
        "Training is descent with momentum 0.9 on the full population gradient, from a start of"
        " full rank, instead of minibatches of 500: without label noise their noise vanishes.",
    )


def _exact(clear: dict[str, CheckedEstimate]) -> Claim:
    known = [p for p in clear.values() if np.isfinite(p.llc + p.tempered)]
    median = _interval(np.array([p.llc / p.tempered for p in known]))
    exact = np.median([p.tempered / p.low for p in known])
    return Claim(
        "At trained weights SGLD with the published settings returns what an exact sampler would.",
        SOURCE + " (implied)",
        within(median, 1 - EQUAL, 1 + EQUAL),
        f"SGLD over block Gibbs: median {median:.3f} (bootstrap over {len(known)}"
        f" networks); block Gibbs over the local coefficient: median {exact:.3f}.",
    )


def _rows(where: str, estimates: dict[str, CheckedEstimate]) -> list[Row]:
    return [{"weights": where, "network": name, **p._asdict()} for name, p in estimates.items()]


def _caption(
    trained: dict[str, CheckedEstimate],
    clear: dict[str, CheckedEstimate],
    drawn: dict[str, CheckedEstimate],
) -> str:
    passed = sum(p.passed for p in (*trained.values(), *drawn.values()))
    return (
        f"{len(trained)} networks of class 1K, SGLD with the published settings (step 5e-7, 10 000"
        " steps of which the last tenth counts, minibatches of 500, localisation 1), four chains."
        " Vertical bars: 95 % intervals from the spread of the chains. Dashes: what an exact"
        " sampler returns (certified at drawn weights, a run of block Gibbs at trained ones)."
        f" Grey bars: {len(trained) - len(clear)} networks whose ranks after training are in doubt,"
        " so that the coefficient is known within bounds only; they are left out of the right panel"
        f" and the claims. Hollow: a guard fails; {passed} of {len(trained) + len(drawn)} runs"
        " pass all."
    )


ALT = (
    "Two scatter plots of estimates against exact coefficients, at drawn and at trained weights,"
    " both along the diagonal, and one of the estimates against each other."
)
FIGURE = PaperFigure(
    id="f05",
    name="trained",
    title="Estimates at trained weights of linear networks",
    paper="Lau et al. 2025, study of linear networks at trained parameters",
    draw=draw,
    inputs=(SUITE,),
    measurement=Measurement(cells, run),
)
