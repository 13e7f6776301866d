"""Estimates against truths for six classes of random deep linear networks, over all scales."""

from collections.abc import Iterator, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from llcbench.report.figures import Claim, Drawing, PaperFigure, Results
from llcbench.report.figures.style import diagonal, failed, panels
from paper_figures.common.intervals import Interval, bootstrap, medians
from paper_figures.common.linear_networks import (
    CLASSES,
    LONG,
    NEEDS,
    SUITE,
    NetworkRun,
    estimated,
    longest,
    network_runs,
    of_class,
    rows,
    sides,
)  # fmt: skip
from paper_figures.common.verdicts import within

Array = NDArray[np.float64]
SOURCE = "Lau et al. 2025 (arXiv 2308.12108), figure of estimates against coefficients"
# Steps of published chains of the small classes.
PUBLISHED = 10_000
COLUMNS = ("network", "gamma", "steps", "local", "tempered", "llc", "reach", "passed")
MARKERS = "osD^vP"
LOWEST, HIGHEST = 5e-3, 2e6


def draw(results: Results) -> Drawing:
    """Draw both localisations side by side, against the local and against the tempered truth."""
    runs = network_runs(results)
    figure, axes = panels(2, 2, height=2.75)
    both = sides(runs)
    titles = ("published setting, localisation 1", "larger localisation, one per class")
    for column, (side, title) in enumerate(zip(both, titles, strict=True)):
        _scatter(axes[column], side, [p.local for p in side])
        _scatter(axes[2 + column], side, [p.tempered for p in side])
        axes[column].set(title=title, xlabel="exact local coefficient", xlim=(20, HIGHEST))
        axes[2 + column].set(title=title, xlabel="tempered truth, of a perfect sampler",
                             xlim=(0.1, HIGHEST))  # fmt: skip
    axes[3].legend(loc="lower right", ncols=2, handletextpad=0.2, columnspacing=0.8)
    for each in axes:
        each.set_ylabel("estimate, SGLD")
    claims = (*_small(both[0]), _all(*both))
    return Drawing(figure, rows(runs, COLUMNS), claims, _caption(runs, both), ALT)


def _scatter(axes: Axes, side: Sequence[NetworkRun], truth: Sequence[float]) -> None:
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


def _ratios(side: Sequence[NetworkRun], names: Sequence[str]) -> Array:
    return np.array([p.llc / p.local for p in estimated(side) if p.size in names])


def _interval(values: Array) -> Interval:
    """Return the median with its 95 % bootstrap interval over networks."""
    return bootstrap(values, (1, len(values)), medians, resamples=4000)


def _small(side: Sequence[NetworkRun]) -> Iterator[Claim]:
    for name in ("1k", "10k"):
        ratios = _ratios(side, [name])
        median = _interval(ratios)
        steps = max(p.steps for p in of_class(side, name))
        tempered = np.array([p.tempered / p.local for p in of_class(side, name)])
        short = steps < PUBLISHED
        yield Claim(
            f"Estimates of class {name.upper()} lie on the line y = x.",
            SOURCE,
            within(median, 0.9, 1.1),
            f"Estimate over local coefficient: median {median:.3f} (bootstrap over"
            f" {len(ratios)} networks), range [{ratios.min():.2f}, {ratios.max():.2f}]; a median"
            " within 10 % of 1 counts.",
            f"{'Chains are cut' if short else 'Chains have the published length'}: {steps:,} of"
            f" {PUBLISHED:,} steps. A perfect sampler at this setting gives"
            f" {np.nanmedian(tempered):.3f} of the coefficient in the median, so what is missing"
            " is missing from the chains.",
        )


def _all(side: Sequence[NetworkRun], local: Sequence[NetworkRun]) -> Claim:
    ratios = _ratios(side, CLASSES[2:])
    median = _interval(ratios)
    sampler = np.array([p.llc / p.tempered for p in local if np.isfinite(p.llc / p.tempered)])
    right = _interval(sampler)
    return Claim(
        "The points of the larger classes, 100K to 100M, stay near the line over the whole range.",
        SOURCE,
        within(median, 0.5, 2.0),
        f"Estimate over local coefficient: median {median:.3f} (bootstrap over"
        f" {len(ratios)} networks), least {ratios.min():.2g}; a median within a factor of 2"
        " counts.",
        f"Chains of the larger classes have {longest(side, CLASSES[2:])} steps here, {LONG:,}"
        " published; none has felt a localisation of 1. With the larger localisations SGLD gives"
        f" {right.value:.3f} {right.bracket('.3f')} of the tempered truth in the median of all"
        " classes: the sampler is right, and the tempered truth itself is far below the"
        " coefficient.",
    )


def _caption(runs: Sequence[NetworkRun], both: Sequence[Sequence[NetworkRun]]) -> str:
    unknown = [sum(not np.isfinite(p.tempered) for p in side) for side in both]
    gammas = ", ".join(
        f"{max(p.gamma for p in of_class(both[1], name)):g} ({name.upper()})" for name in CLASSES
    )
    return (
        f"{len(both[0])} random deep linear networks with 1000 to 100 million weights, SGLD from"
        " the true weights with minibatches of 500. Left: published step sizes and localisation 1;"
        f" right: localisations {gammas}. Top: against the exact local coefficient; bottom: against"
        " the tempered truth, certified by block Gibbs, above 6 million weights a run of block"
        f" Gibbs; unknown, so left out, for {unknown[0]} networks on the left and {unknown[1]} on"
        " the right. Bars: 95 % intervals of Monte Carlo error. Hollow: a guard fails;"
        f" {sum(p.passed for p in runs)} of {len(runs)} runs pass all (above 1K there is one"
        " chain, which cannot show that it agrees with others). Runs without an estimate: "
        f"{sum(not np.isfinite(p.llc) for p in runs)} of {len(runs)} here, 40 of 593 published."
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
    inputs=(SUITE,),
    needs=NEEDS,
)
