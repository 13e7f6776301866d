"""Estimates against coefficients of random deep linear networks, one linear panel per class."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter
from numpy.typing import NDArray
from scipy.special import betaincinv

from llcbench.figures import Claim, Drawing, PaperFigure, Results, Row, Verdict
from llcbench.figures.style import PALETTE, diagonal, failed, panels
from llcbench.report.style import GREY, INK, colour_of

if TYPE_CHECKING:
    from llcbench.records import RunRecord

Array = NDArray[np.float64]
SOURCE = "Lau et al. 2025 (arXiv 2308.12108), linear panels of the study of linear networks"
CLASSES = ("1k", "10k", "100k", "1m", "10m", "100m")
LARGE = CLASSES[3:]
# Where many published ratios of estimate and coefficient are from 1M on.
BAND = (0.3, 0.8)
COLOURS = (colour_of("sgld"), PALETTE[6])


class Point(NamedTuple):
    """One run of SGLD.

    Attributes:
        network: Name of the draw.
        gamma: Localisation; 1 is published.
        steps: Steps made.
        local: Exact local coefficient.
        tempered: What a perfect sampler returns; NaN where that is not certified.
        llc: Estimate; NaN for a run without one.
        passed: Whether all guards passed.
    """

    network: str
    gamma: float
    steps: int
    local: float
    tempered: float
    llc: float
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
        yield Point(
            "/".join(spec.problem.split("/")[1:3]),
            spec.settings.gamma,
            spec.settings.num_burnin + spec.settings.num_draws,
            float(Fraction(record.truths.local.value)),
            value,
            float("nan") if found.llc is None else found.llc,
            found.converged,
        )


def _question(record: "RunRecord") -> tuple[str, float, float]:
    """Return the weights, whatever data they are given, with temperature and localisation."""
    weights = "/".join(record.spec.problem.split("/")[1:3])
    return weights, float(f"{record.estimate.nbeta:.6g}"), record.spec.settings.gamma


def draw(results: Results) -> Drawing:
    """Draw a panel per class, both localisations in each."""
    found = sorted(points(results.runs("dln-scale")), key=lambda p: (p.gamma > 1, p.network))
    figure, axes = panels(2, 3, height=2.5)
    for each, name in zip(axes, CLASSES, strict=True):
        _panel(each, [p for p in found if p.size == name])
        each.set_title(f"{name.upper()}, γ = 1 and {_gamma(found, name):,.0f}")
        each.set_xlabel("exact local coefficient")
    for each in axes[::3]:
        each.set_ylabel("estimate")
    figure.legend(handles=_keys(), loc="outside lower center", ncols=3)
    published = [p for p in found if p.gamma == 1]
    claims = (*(_slope(published, name) for name in CLASSES[:2]), _below(published),
              _band(published), _unconverged(found))  # fmt: skip
    rows: list[Row] = [p._asdict() for p in found]
    return Drawing(figure, rows, claims, _caption(found), ALT)


def _gamma(found: Sequence[Point], name: str) -> float:
    return max(p.gamma for p in found if p.size == name)


def _panel(axes: Axes, chosen: Sequence[Point]) -> None:
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
               label="SGLD, γ = 1 (published)", **style),  # type: ignore[arg-type]
        Line2D([], [], color=INK, marker="_", label="tempered truth, γ = 1", **style),  # type: ignore[arg-type]
        Line2D([], [], color=COLOURS[1], marker="^", markerfacecolor="none",
               label="SGLD, larger γ", **style),  # type: ignore[arg-type]
        Line2D([], [], color=COLOURS[1], marker="_", label="tempered truth, larger γ", **style),  # type: ignore[arg-type]
        Patch(color=GREY, alpha=0.18, linewidth=0, label="published: many, from 1M on"),
    ]  # fmt: skip


def _slope(published: Sequence[Point], name: str) -> Claim:
    """Fit a line through the origin, which the large coefficients of a linear panel decide."""
    side = [p for p in published if p.size == name and np.isfinite(p.llc)]
    x, y = (np.array([getattr(p, key) for p in side]) for key in ("local", "llc"))
    chosen = np.random.default_rng([2, len(side)]).integers(len(side), size=(4000, len(side)))
    many = (x[chosen] * y[chosen]).sum(1) / (x[chosen] ** 2).sum(1)
    slope, (low, high) = float(x @ y / (x @ x)), np.quantile(many, [0.025, 0.975])
    return Claim(
        f"In the panel of class {name.upper()} the points are centred on the line.",
        SOURCE,
        _verdict(0.9 <= low and high <= 1.1, high < 0.9 or low > 1.1),
        f"Slope through the origin {slope:.3f}, 95 % [{low:.3f}, {high:.3f}] (bootstrap over"
        f" {len(side)} networks); within 10 % of 1 counts.",
        "" if name == "1k" else f"Chains have {max(p.steps for p in side):,} of 10,000 steps.",
    )


def _below(published: Sequence[Point]) -> Claim:
    side = [p for p in published if p.size in LARGE and np.isfinite(p.llc)]
    below = sum(p.llc < 0.9 * p.local for p in side)
    low, high = _share(below, len(side))
    return Claim(
        "From 1M on estimates are clearly biased low.",
        SOURCE,
        _verdict(low > 0.5, high < 0.5, "reproduced with a difference"),
        f"{below} of {len(side)} networks are more than 10 % below their coefficient: share within"
        f" [{low:.2f}, {high:.2f}] (95 %, Clopper-Pearson).",
        f"Chains have {_steps(side)} steps instead of 50,000: the bias is larger than published.",
    )


def _band(published: Sequence[Point]) -> Claim:
    side = [p for p in published if p.size in LARGE and np.isfinite(p.llc)]
    ratios = np.array([p.llc / p.local for p in side])
    inside = int(((ratios >= BAND[0]) & (ratios <= BAND[1])).sum())
    low, high = _share(inside, len(side))
    return Claim(
        "From 1M on many estimates are 0.3 to 0.8 of the coefficient.",
        SOURCE,
        _verdict(low > 0.5, high < 0.5),
        f"{inside} of {len(side)}: share within [{low:.2f}, {high:.2f}] (95 %, Clopper-Pearson),"
        f" 'many' read as more than half; ratios from {ratios.min():.2g} to {ratios.max():.2g}.",
        f"Chains have {_steps(side)} steps instead of 50,000 and have left the start by that much"
        " less.",
    )


def _unconverged(found: Sequence[Point]) -> Claim:
    """Compare with the truth at the larger localisation, which a converged chain exceeds."""
    tighter = {p.network: p.tempered for p in found if p.gamma > 1}
    side = [p for p in found if p.gamma == 1 and np.isfinite(p.llc - tighter[p.network])]
    large, small = [p for p in side if p.size in LARGE], [p for p in side if p.size == "1k"]
    short, other = (sum(p.llc < tighter[p.network] for p in group) for group in (large, small))
    low, high = _share(short, len(large))
    return Claim(
        "The large networks whose estimates are low have chains that are not converged.",
        SOURCE + " (seen in its traces)",
        _verdict(low > 0.5, high < 0.5),
        f"{short} of {len(large)} estimates from 1M on are below the tempered truth of the larger"
        f" localisation, share within [{low:.2f}, {high:.2f}] (95 %, Clopper-Pearson); {other} of"
        f" {len(small)} in class 1K.",
        "A weaker localisation leaves a perfect sampler more loss: an estimate below is that of a"
        " chain that is still on its way. In the published traces this is seen after 50 000 steps,"
        f" here after {_steps(large)}.",
    )


def _verdict(yes: bool, no: bool, good: Verdict = "reproduced") -> Verdict:
    return good if yes else "not reproduced" if no else "not decided"


def _share(hits: int, total: int) -> tuple[float, float]:
    """Return the 95 % Clopper-Pearson interval of a share."""
    low = float(betaincinv(hits, total - hits + 1, 0.025)) if hits else 0.0
    high = float(betaincinv(hits + 1, total - hits, 0.975)) if hits < total else 1.0
    return low, high


def _steps(side: Sequence[Point]) -> str:
    sizes = [name for name in LARGE if any(p.size == name for p in side)]
    return ", ".join(
        f"{max(p.steps for p in side if p.size == name):,} ({name.upper()})" for name in sizes
    )


def _caption(found: Sequence[Point]) -> str:
    unknown = sum(not np.isfinite(p.tempered) for p in found)
    return (
        "SGLD from the true weights with minibatches of 500 at the published localisation γ = 1"
        " and step sizes (circles), and at a larger localisation per class (triangles), against the"
        " exact local coefficient. Dashes: the tempered truth of the same localisation, certified"
        " by block Gibbs, above 6 million weights a run of it; unknown for"
        f" {unknown} of {len(found)} runs. Hollow: a guard fails;"
        f" {sum(p.passed for p in found)} of {len(found)} runs pass all. Intervals of the claims"
        " are 95 % over networks; those of Monte Carlo error are in the figure over all scales."
        " Runs without an estimate:"
        f" {sum(not np.isfinite(p.llc) for p in found)}."
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
    inputs=("dln-scale",),
    needs="About 100 networks per class and 50 000 steps: 50 hours per network of 100 million"
    " weights on two CPU cores.",
)
