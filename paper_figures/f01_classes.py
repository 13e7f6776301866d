"""Estimates against truths for six classes of random deep linear networks, over all scales."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from llcbench.figures import Claim, Drawing, PaperFigure, Results, Row, Verdict
from llcbench.figures.style import diagonal, failed, panels

if TYPE_CHECKING:
    from llcbench.records import RunRecord

Array = NDArray[np.float64]
SOURCE = "Lau et al. 2025 (arXiv 2308.12108), figure of estimates against coefficients"
CLASSES = ("1k", "10k", "100k", "1m", "10m", "100m")
# Steps of published chains; those of the other classes are long.
PUBLISHED_STEPS = {"1k": 10_000, "10k": 10_000}
LONG = 50_000
MARKERS = "osD^vP"
LOWEST, HIGHEST = 5e-3, 2e6


class Point(NamedTuple):
    """One run of SGLD.

    Attributes:
        network: Name of the draw.
        gamma: Localisation; 1 is published.
        steps: Steps made.
        local: Exact local coefficient.
        tempered: What a perfect sampler returns; NaN where that is not certified.
        llc: Estimate; NaN for a run without one.
        reach: Half of its 95 % interval.
        passed: Whether all guards passed.
    """

    network: str
    gamma: float
    steps: int
    local: float
    tempered: float
    llc: float
    reach: float
    passed: bool

    @property
    def size(self) -> str:
        """Class of the network."""
        return self.network.split("/")[0]


def points(records: "Sequence[RunRecord]") -> Iterator[Point]:
    """Yield all runs of SGLD on draws of the classes.

    Above 6 million parameters no tempered value is certified: there the run of block Gibbs on the
    same weights, temperature and localisation stands for it.
    """
    from llcbench.diagnostics import quantile

    drawn = [r for r in records if r.spec.problem.split("/")[1] in CLASSES]
    exact = {_question(r): r.estimate.llc for r in drawn if r.spec.sampler == "gibbs"
             and r.spec.estimator == "mean_energy" and r.estimate.llc is not None}  # fmt: skip
    for record in drawn:
        spec, found = record.spec, record.estimate
        if spec.sampler != "sgld" or record.truths is None:
            continue
        tempered = record.truths.tempered
        value = exact.get(_question(record), float("nan"))
        if tempered is not None:
            value = tempered.value if tempered.certified else float("nan")
        reach = quantile(0.95, spec.settings.num_chains) * (found.stderr or 0.0)
        yield Point(
            "/".join(spec.problem.split("/")[1:3]),
            spec.settings.gamma,
            spec.settings.num_burnin + spec.settings.num_draws,
            float(Fraction(record.truths.local.value)),
            value,
            float("nan") if found.llc is None else found.llc,
            reach,
            found.converged,
        )


def _question(record: "RunRecord") -> tuple[str, float, float]:
    """Return the weights, whatever data they are given, with temperature and localisation."""
    weights = "/".join(record.spec.problem.split("/")[1:3])
    return weights, float(f"{record.estimate.nbeta:.6g}"), record.spec.settings.gamma


def draw(results: Results) -> Drawing:
    """Draw both localisations side by side, against the local and against the tempered truth."""
    found = sorted(points(results.runs("dln-scale")), key=lambda p: (p.gamma > 1, p.network))
    figure, axes = panels(2, 2, height=2.75)
    sides = ([p for p in found if p.gamma == 1], [p for p in found if p.gamma > 1])
    titles = ("published setting, localisation 1", "larger localisation, one per class")
    for column, (side, title) in enumerate(zip(sides, titles, strict=True)):
        _scatter(axes[column], side, [p.local for p in side])
        _scatter(axes[2 + column], side, [p.tempered for p in side])
        axes[column].set(title=title, xlabel="exact local coefficient", xlim=(20, HIGHEST))
        axes[2 + column].set(title=title, xlabel="tempered truth, of a perfect sampler",
                             xlim=(0.1, HIGHEST))  # fmt: skip
    axes[3].legend(loc="lower right", ncols=2, handletextpad=0.2, columnspacing=0.8)
    for each in axes:
        each.set_ylabel("estimate, SGLD")
    rows: list[Row] = [p._asdict() for p in found]
    return Drawing(figure, rows, (*_small(sides[0]), _all(*sides)), _caption(found, sides), ALT)


def _scatter(axes: Axes, side: Sequence[Point], truth: Sequence[float]) -> None:
    colours = matplotlib.colormaps["viridis"](np.linspace(0, 0.92, len(CLASSES)))
    diagonal(axes, LOWEST, HIGHEST, "y = x")
    for name, colour, marker in zip(CLASSES, colours, MARKERS, strict=True):
        chosen = [(x, p) for x, p in zip(truth, side, strict=True)
                  if p.size == name and np.isfinite(x)]  # fmt: skip
        good = [(x, p) for x, p in chosen if np.isfinite(p.llc)]
        for full in (True, False):
            shown = [(x, p) for x, p in good if p.passed == full]
            if not shown:
                continue
            llc = np.array([p.llc for _, p in shown])
            reach = np.minimum([p.reach for _, p in shown], 0.9 * llc)
            axes.errorbar([x for x, _ in shown], llc, reach, fmt=marker, color=colour,
                          markersize=4, markerfacecolor=colour if full else "none",
                          markeredgewidth=0.9, elinewidth=0.7, label=name.upper())  # fmt: skip
        missing = [x for x, p in chosen if not np.isfinite(p.llc)]
        if missing:
            failed(axes, missing)
    axes.set(xscale="log", yscale="log", ylim=(LOWEST, HIGHEST))
    axes.minorticks_off()


def _ratios(side: Sequence[Point], names: Sequence[str]) -> Array:
    return np.array([p.llc / p.local for p in side if p.size in names and np.isfinite(p.llc)])


def _interval(values: Array) -> tuple[float, float, float]:
    """Return the median with its 95 % bootstrap interval over networks."""
    rng = np.random.default_rng([1, len(values)])
    many = np.median(values[rng.integers(len(values), size=(4000, len(values)))], axis=1)
    low, high = np.quantile(many, [0.025, 0.975])
    return float(np.median(values)), float(low), float(high)


def _verdict(low: float, high: float, least: float, most: float) -> Verdict:
    if least <= low and high <= most:
        return "reproduced"
    return "not reproduced" if high < least or low > most else "not decided"


def _small(side: Sequence[Point]) -> Iterator[Claim]:
    for name in ("1k", "10k"):
        ratios = _ratios(side, [name])
        middle, low, high = _interval(ratios)
        steps = max(p.steps for p in side if p.size == name)
        tempered = np.array([p.tempered / p.local for p in side if p.size == name])
        short = PUBLISHED_STEPS[name] > steps
        yield Claim(
            f"Estimates of class {name.upper()} lie on the line y = x.",
            SOURCE,
            _verdict(low, high, 0.9, 1.1),
            f"Estimate over local coefficient: median {middle:.3f}, 95 % [{low:.3f}, {high:.3f}]"
            f" (bootstrap over {len(ratios)} networks), range [{ratios.min():.2f},"
            f" {ratios.max():.2f}]; a median within 10 % of 1 counts.",
            f"{'Chains are cut' if short else 'Chains have the published length'}: {steps:,} of"
            f" {PUBLISHED_STEPS[name]:,} steps. A perfect sampler at this setting gives"
            f" {np.nanmedian(tempered):.3f} of the coefficient in the median, so what is missing"
            " is missing from the chains.",
        )


def _all(side: Sequence[Point], local: Sequence[Point]) -> Claim:
    ratios = _ratios(side, CLASSES[2:])
    middle, low, high = _interval(ratios)
    lengths = ", ".join(
        f"{max(p.steps for p in side if p.size == name):,} ({name.upper()})" for name in CLASSES[2:]
    )
    sampler = np.array([p.llc / p.tempered for p in local if np.isfinite(p.llc / p.tempered)])
    centre, least, most = _interval(sampler)
    return Claim(
        "The points of the larger classes, 100K to 100M, stay near the line over the whole range.",
        SOURCE,
        _verdict(low, high, 0.5, 2.0),
        f"Estimate over local coefficient: median {middle:.3f}, 95 % [{low:.3f}, {high:.3f}]"
        f" (bootstrap over {len(ratios)} networks), least {ratios.min():.2g}; a median within a"
        " factor of 2 counts.",
        f"Chains of the larger classes have {lengths} steps here, {LONG:,} published; none has felt"
        f" a localisation of 1. With the larger localisations SGLD gives {centre:.3f} [{least:.3f},"
        f" {most:.3f}] of the tempered truth in the median of all classes: the sampler is right,"
        " and the tempered truth itself is far below the coefficient.",
    )


def _caption(found: Sequence[Point], sides: Sequence[Sequence[Point]]) -> str:
    unknown = [sum(not np.isfinite(p.tempered) for p in side) for side in sides]
    gammas = ", ".join(
        f"{max(p.gamma for p in sides[1] if p.size == name):g} ({name.upper()})" for name in CLASSES
    )
    return (
        f"{len(sides[0])} random deep linear networks with 1000 to 100 million weights, SGLD from"
        " the true weights with minibatches of 500. Left: published step sizes and localisation 1;"
        f" right: localisations {gammas}. Top: against the exact local coefficient; bottom: against"
        " the tempered truth, certified by block Gibbs, above 6 million weights a run of block"
        f" Gibbs; unknown, so left out, for {unknown[0]} networks on the left and {unknown[1]} on"
        " the right. Bars: 95 % intervals of Monte Carlo error. Hollow: a guard fails;"
        f" {sum(p.passed for p in found)} of {len(found)} runs pass all (above 1K there is one"
        " chain, which cannot show that it agrees with others). Runs without an estimate: "
        f"{sum(not np.isfinite(p.llc) for p in found)} of {len(found)} here, 40 of 593 published."
    )


ALT = (
    "Four log-log scatter plots of estimates against truths. At localisation 1 small networks lie"
    " on the diagonal and large ones far below; at larger localisations all lie on the diagonal of"
    " the tempered truth."
)
FIGURE = PaperFigure(
    id="f01",
    name="classes",
    title="Estimates against truths for six classes of deep linear networks",
    paper="Lau et al. 2025; Furman and Lau 2024, Figure 1",
    draw=draw,
    inputs=("dln-scale",),
    needs="About 100 networks per class and 50 000 steps: 50 hours per network of 100 million"
    " weights on two CPU cores.",
)
