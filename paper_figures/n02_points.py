"""Local against global coefficient of random deep linear networks, exact for all classes."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from llcbench.intervals import wilson
from llcbench.report.figures import (
    Claim,
    Drawing,
    Measurement,
    PaperFigure,
    Results,
    Row,
    Scale,
    Verdict,
)
from llcbench.report.figures.style import PALETTE, diagonal, panels

CLASSES = ("1k", "10k", "100k", "1m", "10m", "100m")
COMPARED = "Lau et al. 2025 (arXiv 2308.12108), figure 1; Furman & Lau 2024 (arXiv 2402.03698)"
RESAMPLES = 2000


def cells(scale: Scale) -> Sequence[str]:
    """Name the published random classes and a hundred draws of each, a thousand on paper scale."""
    blocks = 1 if scale == "cpu" else 10
    return [f"{name}-{block}" for name in CLASSES for block in range(blocks)]


def run(scale: Scale, cell: str) -> Iterator[Row]:
    """Yield both coefficients of a hundred draws: from widths and ranks alone, no chain is run."""
    from llcbench.problems.linear_networks.random_networks import CLASSES as LIMITS
    from llcbench.problems.linear_networks.random_networks import draw_network
    from theory.families.deep_linear import deep_linear_generic, deep_linear_global

    name, _, block = cell.partition("-")
    for k in range(100 * int(block), 100 * int(block) + 100):
        network = draw_network(f"dln/{name}/s{k}", LIMITS[name])
        widths, ranks = network.widths, network.ranks
        local = deep_linear_generic(widths, ranks)
        global_ = deep_linear_global(widths, min(ranks))
        yield {
            "class": name,
            "draw": k,
            "layers": len(ranks),
            "parameters": sum(a * b for a, b in pairwise(widths)),
            "rank": min(ranks),
            "local": str(local.value),
            "global": str(global_.value),
            "multiplicity": local.multiplicity,
            "global_multiplicity": global_.multiplicity,
        }


def draw(results: Results) -> Drawing:
    """Draw local against global coefficients, and how often and how far they differ per class."""
    rows = results.rows("n02")
    figure, (left, middle, right) = panels(1, 3, height=2.5)
    colours = dict(zip(CLASSES, PALETTE, strict=False))
    excess = {name: _excess([row for row in rows if row["class"] == name]) for name in CLASSES}
    for name, colour in colours.items():
        mine = [row for row in rows if row["class"] == name]
        pairs = np.array([(_number(r["global"]), _number(r["local"])) for r in mine])
        left.scatter(*pairs.T, s=4, color=colour, linewidth=0, alpha=0.7, label=name,
                     rasterized=True)  # fmt: skip
        ordered = np.sort(excess[name])[::-1]
        share = np.arange(1, len(ordered) + 1) / len(ordered)
        right.plot(np.maximum(ordered, 1e-4), share, color=colour, drawstyle="steps-post")
    least = min(_number(row["global"]) for row in rows)
    diagonal(left, max(least, 1.0), max(_number(row["local"]) for row in rows), "equal")
    left.set(xscale="log", yscale="log", xlabel="global coefficient", ylabel="local coefficient",
             title="at the drawn parameter")  # fmt: skip
    for place, name in enumerate(CLASSES):
        differs = excess[name] > 0
        low, high = _interval(differs)
        share = differs.mean()
        middle.errorbar([place], [share], yerr=[[share - low], [high - share]], marker="o",
                        markersize=4, color=colours[name])  # fmt: skip
    middle.set_xticks(range(len(CLASSES)), CLASSES)
    middle.set(ylim=(0, 1.02), xlabel="class", title="share where local > global")
    right.set(xscale="log", xlim=(1e-4, 10), ylim=(0, 1.02), xlabel="(local - global) / global",
              title="share with at least this excess")  # fmt: skip
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=7,
                  handletextpad=0.2, markerscale=2)  # fmt: skip
    return Drawing(
        figure,
        rows,
        (_never_below(rows), _interchangeable(rows, excess), _far(excess), _deeper(rows, excess)),
        "Exact coefficients of random deep linear networks of the six published classes: at the"
        " drawn parameter (chain program on the ranks of its layers, which are in general position"
        " with probability 1) and the least one over all parameters with the same product (closed"
        f" form of Aoyagi). {len(rows) // len(CLASSES)} draws a class; bars are 95 % intervals"
        " (Wilson). A class is named by the order of its number of parameters.",
        "The larger and deeper the class, the more networks have a local coefficient above the"
        " global one; by how much falls to a few per cent in the largest.",
    )


def _number(text: object) -> float:
    """Read a fraction; those without a denominator have become numbers in the rows."""
    first, _, second = str(text).partition("/")
    return float(first) / float(second or 1)


def _excess(rows: Sequence[Row]) -> np.ndarray:
    pairs = [(_number(row["local"]), _number(row["global"])) for row in rows]
    return np.array([0.0 if a == b else (a - b) / b if b else np.inf for a, b in pairs])


def _interval(hits: np.ndarray) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share."""
    return wilson(float(hits.mean()), len(hits), 0.95)


def _never_below(rows: Sequence[Row]) -> Claim:
    below = sum(_number(row["local"]) < _number(row["global"]) for row in rows)
    return Claim(
        "No point has a smaller coefficient than the closed form of the global one says.",
        "Aoyagi 2024, against the chain program of Lehalleur & Rimanyi 2024",
        "not reproduced" if below else "reproduced",
        f"{below} of {len(rows)} networks below (exact values from two different formulas).",
    )


def _interchangeable(rows: Sequence[Row], excess: dict[str, np.ndarray]) -> Claim:
    verdict: Verdict = "reproduced"
    shares = {}
    for name, values in excess.items():
        shares[name] = (float((values > 0).mean()), *_interval(values > 0))
    if any(low > 0.05 for _, low, _ in shares.values()):
        verdict = "not reproduced"
    elif any(high > 0.05 for _, _, high in shares.values()):
        verdict = "not decided"
    text = ", ".join(f"{k} {100 * p:.0f} % [{100 * a:.0f}, {100 * b:.0f}]"
                     for k, (p, a, b) in shares.items())  # fmt: skip
    return Claim(
        "The global closed form is the truth that estimates at random true parameters are to be"
        " compared with: the two differ for at most 5 % of the networks.",
        COMPARED,
        verdict,
        f"share of networks where local > global, 95 % intervals: {text}; {len(rows)} networks.",
        "The papers compare estimates at one parameter with the minimum over all of them. Layers"
        " of different rank put the parameter off the most singular stratum.",
    )


def _far(excess: dict[str, np.ndarray]) -> Claim:
    positive = {name: each[each > 0] for name, each in excess.items()}
    worst = {name: float(np.median(each)) if len(each) else 0.0 for name, each in positive.items()}
    name = CLASSES[-1]
    each = positive[name]
    rng = np.random.default_rng([2, len(each)])
    drawn = [np.median(rng.choice(each, len(each))) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    verdict: Verdict = "not decided"
    if low > 0.1:
        verdict = "reproduced"
    elif high < 0.1:
        verdict = "not reproduced"
    medians = ", ".join(f"{key} {100 * value:.1f} %" for key, value in worst.items())
    return Claim(
        f"In the largest class ({name}), where the coefficients differ, they do by more than 10 %:"
        " more than the error of a good sampler.",
        "new here",
        verdict,
        f"median excess there {100 * worst[name]:.1f} %, 95 % interval [{100 * low:.1f},"
        f" {100 * high:.1f}] (bootstrap over networks); by class: {medians}.",
    )


def _deeper(rows: Sequence[Row], excess: dict[str, np.ndarray]) -> Claim:
    differs = np.concatenate([excess[name] > 0 for name in CLASSES])
    layers = np.array([float(r["layers"]) for name in CLASSES for r in rows if r["class"] == name])
    shallow, deep = differs[layers <= 4], differs[layers > 8]
    low, high = _interval(deep)
    below, above = _interval(shallow)
    verdict: Verdict = "not decided"
    if low > above:
        verdict = "reproduced"
    elif high < below:
        verdict = "not reproduced"
    return Claim(
        "The deeper the network, the more often the coefficients differ.",
        "new here",
        verdict,
        f"up to 4 layers {100 * shallow.mean():.0f} % [{100 * below:.0f}, {100 * above:.0f}] of"
        f" {len(shallow)}, above 8 layers {100 * deep.mean():.0f} % [{100 * low:.0f},"
        f" {100 * high:.0f}] of {len(deep)}; 95 % intervals (Wilson).",
    )


FIGURE = PaperFigure(
    id="n02",
    name="points",
    title="Local against global coefficient of random linear networks",
    paper="",
    draw=draw,
    measurement=Measurement(cells, run),
)
