"""Estimates against coefficients of random deep linear networks, one linear panel per class."""

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter
from numpy.typing import NDArray

from llcbench.report.figures import Claim, Drawing, PaperFigure, Results
from llcbench.report.figures.style import PALETTE, diagonal, failed, panels
from llcbench.report.style import GREY, INK, colour_of
from paper_figures.common.intervals import Interval, clopper_pearson, ends, redrawn
from paper_figures.common.linear_networks import (
    CLASSES,
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
from paper_figures.common.verdicts import above, within

Array = NDArray[np.float64]
SOURCE = "Lau et al. 2025 (arXiv 2308.12108), linear panels of the study of linear networks"
COLUMNS = ("network", "gamma", "steps", "local", "tempered", "llc", "passed")
LARGE = CLASSES[3:]
# Where many published ratios of estimate and coefficient are from 1M on.
BAND = (0.3, 0.8)
COLOURS = (colour_of("sgld"), PALETTE[6])


def draw(results: Results) -> Drawing:
    """Draw a panel per class, both localisations in each."""
    runs = network_runs(results)
    figure, axes = panels(2, 3, height=2.5)
    for each, name in zip(axes, CLASSES, strict=True):
        _panel(each, of_class(runs, name))
        each.set_title(f"{name.upper()}, γ = 1 and {_gamma(runs, name):,.0f}")
        each.set_xlabel("exact local coefficient")
    for each in axes[::3]:
        each.set_ylabel("estimate")
    figure.legend(handles=_keys(), loc="outside lower center", ncols=3)
    published, _ = sides(runs)
    claims = (*(_slope(published, name) for name in CLASSES[:2]), _below(published),
              _band(published), _unconverged(runs))  # fmt: skip
    return Drawing(figure, rows(runs, COLUMNS), claims, _caption(runs), ALT)


def _gamma(runs: Sequence[NetworkRun], name: str) -> float:
    return max(p.gamma for p in of_class(runs, name))


def _panel(axes: Axes, chosen: Sequence[NetworkRun]) -> None:
    top = 1.12 * max(p.local for p in chosen)
    diagonal(axes, 0, top, "y = x")
    if chosen[0].size in LARGE:
        axes.fill_between([0, top], [0, BAND[0] * top], [0, BAND[1] * top], color=GREY,
                          alpha=0.18, linewidth=0)  # fmt: skip
    for local, colour, marker in ((False, COLOURS[0], "o"), (True, COLOURS[1], "^")):
        side = [p for p in chosen if (p.gamma > 1) == local]
        for full in (True, False):
            shown = [p for p in side if p.passed == full]
            axes.plot([p.local for p in shown], [p.llc for p in shown], linestyle="none",
                      marker=marker, markersize=4, color=colour,
                      markerfacecolor=colour if full else "none")  # fmt: skip
        axes.plot([p.local for p in side], [p.tempered for p in side], linestyle="none",
                  marker="_", markersize=7, color=INK if not local else colour)  # fmt: skip
        missing = [p.local for p in side if not np.isfinite(p.llc)]
        if missing:
            failed(axes, missing)
    axes.set(xlim=(0, top), ylim=(-0.03 * top, top))
    axes.locator_params(nbins=4)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(EngFormatter(sep=""))


def _keys() -> list[Artist]:
    style = {"linestyle": "none", "markersize": 4}
    return [
        Line2D([], [], color=INK, linewidth=1.0, label="y = x"),
        Line2D([], [], color=COLOURS[0], marker="o", markerfacecolor="none",
               label="SGLD, γ = 1 (published)", **style),
        Line2D([], [], color=INK, marker="_", label="tempered truth, γ = 1", **style),
        Line2D([], [], color=COLOURS[1], marker="^", markerfacecolor="none",
               label="SGLD, larger γ", **style),
        Line2D([], [], color=COLOURS[1], marker="_", label="tempered truth, larger γ", **style),
        Patch(color=GREY, alpha=0.18, linewidth=0, label="published: many, from 1M on"),
    ]  # fmt: skip


def _slope(published: Sequence[NetworkRun], name: str) -> Claim:
    """Fit a line through the origin, which the large coefficients of a linear panel decide."""
    side = estimated(of_class(published, name))
    x, y = (np.array([getattr(p, key) for p in side]) for key in ("local", "llc"))
    chosen = redrawn(len(side), (2, len(side)), 4000)
    many = (x[chosen] * y[chosen]).sum(1) / (x[chosen] ** 2).sum(1)
    slope = Interval(float(x @ y / (x @ x)), *ends(many))
    return Claim(
        f"In the panel of class {name.upper()} the points are centred on the line.",
        SOURCE,
        within(slope, 0.9, 1.1),
        f"Slope through the origin {slope:.3f} (bootstrap over"
        f" {len(side)} networks); within 10 % of 1 counts.",
        "" if name == "1k" else f"Chains have {max(p.steps for p in side):,} of 10,000 steps.",
    )


def _below(published: Sequence[NetworkRun]) -> Claim:
    side = [p for p in estimated(published) if p.size in LARGE]
    below = sum(p.llc < 0.9 * p.local for p in side)
    share = clopper_pearson(below, len(side))
    return Claim(
        "From 1M on estimates are clearly biased low.",
        SOURCE,
        above(share, 0.5, "reproduced with a difference"),
        f"{below} of {len(side)} networks are more than 10 % below their coefficient: share within"
        f" {share.bracket('.2f')} (95 %, Clopper-Pearson).",
        f"Chains have {longest(side, LARGE)} steps instead of 50,000: the bias is larger"
        " than published.",
    )


def _band(published: Sequence[NetworkRun]) -> Claim:
    side = [p for p in estimated(published) if p.size in LARGE]
    ratios = np.array([p.llc / p.local for p in side])
    inside = int(((ratios >= BAND[0]) & (ratios <= BAND[1])).sum())
    share = clopper_pearson(inside, len(side))
    return Claim(
        "From 1M on many estimates are 0.3 to 0.8 of the coefficient.",
        SOURCE,
        above(share, 0.5),
        f"{inside} of {len(side)}: share within {share.bracket('.2f')} (95 %, Clopper-Pearson),"
        f" 'many' read as more than half; ratios from {ratios.min():.2g} to {ratios.max():.2g}.",
        f"Chains have {longest(side, LARGE)} steps instead of 50,000 and have left the start"
        " by that much less.",
    )


def _unconverged(runs: Sequence[NetworkRun]) -> Claim:
    """Compare with the truth at the larger localisation, which a converged chain exceeds."""
    tighter = {p.network: p.tempered for p in runs if p.gamma > 1}
    side = [p for p in runs if p.gamma == 1 and np.isfinite(p.llc - tighter[p.network])]
    large, small = [p for p in side if p.size in LARGE], of_class(side, "1k")
    short, other = (sum(p.llc < tighter[p.network] for p in group) for group in (large, small))
    share = clopper_pearson(short, len(large))
    return Claim(
        "The large networks whose estimates are low have chains that are not converged.",
        SOURCE + " (seen in its traces)",
        above(share, 0.5),
        f"{short} of {len(large)} estimates from 1M on are below the tempered truth of the larger"
        f" localisation, share within {share.bracket('.2f')} (95 %, Clopper-Pearson); {other} of"
        f" {len(small)} in class 1K.",
        "A weaker localisation leaves a perfect sampler more loss: an estimate below is that of a"
        " chain that is still on its way. In the published traces this is seen after 50 000 steps,"
        f" here after {longest(large, LARGE)}.",
    )


def _caption(runs: Sequence[NetworkRun]) -> str:
    unknown = sum(not np.isfinite(p.tempered) for p in runs)
    return (
        "SGLD from the true weights with minibatches of 500 at the published localisation γ = 1"
        " and step sizes (circles), and at a larger localisation per class (triangles), against the"
        " exact local coefficient. Dashes: the tempered truth of the same localisation, certified"
        " by block Gibbs, above 6 million weights a run of it; unknown for"
        f" {unknown} of {len(runs)} runs. Hollow: a guard fails;"
        f" {sum(p.passed for p in runs)} of {len(runs)} runs pass all. Intervals of the claims"
        " are 95 % over networks; those of Monte Carlo error are in the figure over all scales."
        " Runs without an estimate:"
        f" {sum(not np.isfinite(p.llc) for p in runs)}."
    )


ALT = (
    "Six scatter plots of estimates against exact coefficients. Class 1K lies on the diagonal, from"
    " 100K on most points lie far below it; at the larger localisation they lie on their tempered"
    " truth instead."
)
FIGURE = PaperFigure(
    id="f02",
    name="panels",
    title="Estimates against coefficients of deep linear networks, class by class",
    paper="Lau et al. 2025; Furman and Lau 2024, Figure 10",
    draw=draw,
    inputs=(SUITE,),
    needs=NEEDS,
)
