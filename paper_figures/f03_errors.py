"""Relative errors on random deep linear networks: their histogram, and against the size."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from llcbench.report.figures import Claim, Drawing, PaperFigure, Results, Row
from llcbench.report.figures.style import PALETTE, failed, panels, published
from llcbench.report.style import GREY, INK, colour_of
from paper_figures.common.intervals import Interval, ends, redrawn
from paper_figures.common.linear_networks import (
    CLASSES,
    NEEDS,
    SUITE,
    NetworkRun,
    Truth,
    estimated,
    network_runs,
    of_class,
    sides,
)  # fmt: skip
from paper_figures.common.verdicts import above, decided

Array = NDArray[np.float64]
SOURCE = "Lau et al. 2025 (arXiv 2308.12108), relative errors of the study of linear networks"
TRUTHS: tuple[Truth, ...] = ("local", "tempered")
BINS = np.linspace(-0.8, 1.0, 19)
# Published: the least and the largest relative error, and where their mode is.
LEAST, MOST, MODE = -0.72, 0.83, (0.0, 0.2)
STYLES = (
    ("published setting, γ = 1", colour_of("sgld"), "o"),
    ("larger γ, one per class", PALETTE[6], "^"),
)


def draw(results: Results) -> Drawing:
    """Draw histograms above and sizes below, against the local truth left, the tempered right."""
    runs = network_runs(results)
    both = sides(runs)
    figure, axes = panels(2, 2, height=2.3)
    for column, truth in enumerate(TRUTHS):
        _histogram(axes[column], both, truth)
        _sizes(axes[2 + column], both, truth)
        axes[column].set(title=f"against the {truth} truth", xlabel="relative error")
        axes[2 + column].set(title=f"against the {truth} truth", xlabel="parameters")
    axes[0].set_ylabel("networks")
    axes[2].set_ylabel("relative error")
    published(axes[0], [LEAST, MOST], [0.6, 0.6], "published extremes")
    keys = {label: key for key, label in zip(*axes[0].get_legend_handles_labels(), strict=True)}
    keys |= {label: key for key, label in zip(*axes[2].get_legend_handles_labels(), strict=True)}
    figure.legend(keys.values(), keys.keys(), loc="outside lower center", ncols=4)
    side = estimated(both[0])
    claims = (_mode(side), _tail(side), _negative(side), _growth(side))
    return Drawing(figure, [_row(p) for p in runs], claims, _caption(runs, both), ALT)


def _row(point: NetworkRun) -> Row:
    return {"network": point.network, "gamma": point.gamma, "dim": point.dim,
            **{truth: point.error(truth) for truth in TRUTHS}, "passed": point.passed}  # fmt: skip


def _histogram(axes: Axes, both: Sequence[Sequence[NetworkRun]], truth: Truth) -> None:
    axes.axvspan(*MODE, color=GREY, alpha=0.18, linewidth=0, label="published mode")
    for side, (label, colour, _) in zip(both, STYLES, strict=True):
        errors = [p.error(truth) for p in side if np.isfinite(p.error(truth))]
        axes.hist(errors, list(BINS), histtype="step", color=colour, linewidth=1.3, label=label)
    axes.axvline(0, color=INK, linewidth=0.8)


def _sizes(axes: Axes, both: Sequence[Sequence[NetworkRun]], truth: Truth) -> None:
    axes.axhline(0, color=INK, linewidth=0.8)
    for side, (label, colour, marker) in zip(both, STYLES, strict=True):
        for full in (True, False):
            shown = [p for p in side if p.passed == full and np.isfinite(p.error(truth))]
            if shown:
                axes.plot([p.dim for p in shown], [p.error(truth) for p in shown],
                          linestyle="none", marker=marker, markersize=4, color=colour, label=label,
                          markerfacecolor=colour if full else "none")  # fmt: skip
        missing = [float(p.dim) for p in side if not np.isfinite(p.llc)]
        if missing:
            failed(axes, missing)
    axes.set(xscale="log", ylim=(-0.8, 1.1))
    axes.minorticks_off()


def _errors(side: Sequence[NetworkRun]) -> Array:
    return np.array([p.error("local") for p in side])


def _dims(side: Sequence[NetworkRun]) -> Array:
    return np.array([float(p.dim) for p in side])


def _resampled(side: Sequence[NetworkRun]) -> Iterator[tuple[Array, Array]]:
    """Yield sizes and errors of 4000 bootstrap samples of the networks."""
    errors, dims = _errors(side), _dims(side)
    for chosen in redrawn(len(side), (3, len(side)), 4000):
        yield dims[chosen], errors[chosen]


def _peak(errors: Array) -> float:
    """Return the lower edge of the fullest bin of width 0.2."""
    edges = np.linspace(-8, 10, 10) / 10
    return float(edges[np.argmax(np.histogram(errors, edges)[0])])


def _mode(side: Sequence[NetworkRun]) -> Claim:
    peaks = np.array([_peak(errors) for _, errors in _resampled(side)])
    share = float((peaks == MODE[0]).mean())
    errors, small = _errors(side), sum(len(e) for e in list(_by_class(side))[:2])
    equal = [np.mean((e >= MODE[0]) & (e < MODE[1])) for e in _by_class(side)]
    return Claim(
        "The mode of relative errors is between 0 and 0.2.",
        SOURCE,
        decided(share >= 0.95, share <= 0.05),
        f"The fullest bin of width 0.2 begins at {_peak(errors):g}; it is the one from 0 to 0.2 in"
        f" {share:.0%} of bootstrap samples of {len(errors)} networks (95 % counts). Share of the"
        f" networks in it, class by class: {', '.join(f'{each:.2f}' for each in equal)}.",
        f"{small} of the {len(errors)} networks here are of classes 1K and 10K; published are about"
        " 100 of every class.",
    )


def _by_class(side: Sequence[NetworkRun]) -> Iterator[Array]:
    for name in CLASSES:
        yield _errors(of_class(side, name))


def _tail(side: Sequence[NetworkRun]) -> Claim:
    errors = _errors(side)
    low, high = ends([each.max() for _, each in _resampled(side)])
    beyond = errors.max() > MOST + 0.1
    return Claim(
        f"The tail of underestimates reaches {MOST}.",
        SOURCE,
        decided(low > 0.7, high < 0.7, "reproduced with a difference" if beyond else "reproduced"),
        f"Largest {errors.max():.3f}, 95 % [{low:.3f}, {high:.3f}] (bootstrap over networks);"
        " 0.7 or more counts.",
        "From 100K on chains are cut to 3,000 steps and fewer, so large networks are"
        " underestimated by more than published.",
    )


def _negative(side: Sequence[NetworkRun]) -> Claim:
    errors = _errors(side)
    low, high = ends([(each < -0.05).mean() for _, each in _resampled(side)])
    return Claim(
        f"Overestimates are few; the largest is {LEAST}.",
        SOURCE,
        decided(high < 0.25, low > 0.25),
        f"{(errors < -0.05).mean():.0%} of the networks are below -0.05, 95 % [{low:.0%},"
        f" {high:.0%}] (bootstrap over networks; less than a quarter counts as few); the least"
        f" error is {errors.min():.3f}.",
    )


def _growth(side: Sequence[NetworkRun]) -> Claim:
    many = [_correlation(*sample) for sample in _resampled(side)]
    correlation = Interval(_correlation(_dims(side), _errors(side)), *ends(many))
    middle = [f"{np.median(each):.2f} ({name.upper()})"
              for name, each in zip(CLASSES, _by_class(side), strict=True)]  # fmt: skip
    return Claim(
        "The relative error grows with the number of parameters.",
        SOURCE,
        above(correlation, 0),
        f"Rank correlation {correlation:.2f} (bootstrap over networks); medians"
        f" {', '.join(middle)}.",
        "Chains get shorter with size here, which adds to the growth; at the larger localisations"
        " the error against the tempered truth does not grow.",
    )


def _correlation(sizes: Array, errors: Array) -> float:
    """Return Spearman's rank correlation."""
    ranks = [np.argsort(np.argsort(each, kind="stable"), kind="stable") for each in (sizes, errors)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _caption(runs: Sequence[NetworkRun], both: Sequence[Sequence[NetworkRun]]) -> str:
    unknown = [sum(not np.isfinite(p.error("tempered")) for p in side) for side in both]
    median = np.nanmedian(np.abs([p.error("tempered") for p in both[1]]))
    return (
        "Relative error (truth - estimate) / truth of SGLD on random deep linear networks, against"
        " the exact local coefficient (left) and the tempered truth (right; certified by block"
        " Gibbs, above 6 million weights a run of it; unknown for"
        f" {unknown[0]} networks at γ = 1 and {unknown[1]} at the larger ones). Its median absolute"
        f" value at the larger localisations is {median:.1%} of the tempered truth. Grey: where the"
        " published mode is; diamonds: published extremes. Hollow: a guard fails;"
        f" {sum(p.passed for p in runs)} of {len(runs)} runs pass all. Intervals of the claims"
        " are 95 %."
    )


ALT = (
    "Histograms of relative errors with a mode at small positive errors and a tail to one at"
    " localisation 1, and scatter plots that show the errors rise with the number of parameters."
)
FIGURE = PaperFigure(
    id="f03",
    name="errors",
    title="Relative errors on deep linear networks, and against their size",
    paper="Lau et al. 2025, histogram of relative errors",
    draw=draw,
    inputs=(SUITE,),
    needs=NEEDS,
)
