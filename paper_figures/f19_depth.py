"""Geometric complexity of deep ReLU networks at initialisation against their depth."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from llcbench.report.figures import Claim, Drawing, Measurement, PaperFigure, Results, Row, Scale
from llcbench.report.figures.style import PALETTE, panels, published
from llcbench.report.style import INK

SOURCE = "Dherin, Munn, Rosca and Barrett 2022 (arXiv 2209.13083), complexity at initialisation"
INPUTS, WIDTH, OUTPUTS = 1028, 128, 1000
DEPTHS = (1, 2, 4, 8, 16, 32, 64)
SCHEMES = ("glorot", "he")
NETWORKS = 4
# Mean norms of a public replication with Glorot's scheme, by depth.
REPLICATED = (14.18, 10.08, 5.31, 1.51, 0.0837, 2.18e-4, 3.5e-9)
# Accepted distance of the ratio per layer from that of the expectation.
NEAR = 0.05


def cells(scale: Scale) -> Sequence[str]:
    """Name a network per scheme, depth and draw."""
    draws = NETWORKS if scale == "cpu" else 50
    return tuple(f"{s}-{depth}-{k}" for s in SCHEMES for depth in DEPTHS for k in range(draws))


def run(scale: Scale, cell: str) -> Iterator[Row]:
    """Yield the complexity of one network on the diagonal from -1 to 1.

    Without biases the network is homogeneous, so its derivative is one matrix on each half of the
    diagonal: the two ends give the mean over any evenly spread points.
    """
    import torch

    from llcbench.measures.geometric_complexity import squared_slopes
    from llcbench.networks.initial import Scheme, initialised
    from llcbench.networks.mlp import MLP
    from llcbench.seeds import Seeds

    name, depth, draw = cell.split("-")
    scheme: Scheme = "glorot" if name == "glorot" else "he"
    rng = Seeds(0, f"f19-{cell}").generator("data")
    network = initialised(lambda: MLP(INPUTS, (WIDTH,) * int(depth), OUTPUTS), rng, scheme)
    ends = torch.stack([torch.full((INPUTS,), end) for end in (-1.0, 1.0)])
    slopes = squared_slopes(network, ends)
    yield {
        "scheme": name, "depth": int(depth), "draw": int(draw),
        "complexity": float(slopes.mean()), "norm": float(slopes.sqrt().mean()),
    }  # fmt: skip


def draw(results: Results) -> Drawing:
    """Draw complexity against depth for both schemes, with the exact expectation."""
    rows = results.rows("f19")
    figure, (left, right) = panels(1, 2, height=2.5)
    for place, scheme in enumerate(SCHEMES):
        mine = [row for row in rows if row["scheme"] == scheme]
        left.plot([row["depth"] for row in mine], [row["complexity"] for row in mine],
                  "o^"[place], markersize=3, alpha=0.6, color=PALETTE[place],
                  label=scheme.capitalize())  # fmt: skip
        left.plot(DEPTHS, [_expected(scheme, depth) for depth in DEPTHS], color=INK, linewidth=1,
                  label="_" if place else "expectation")  # fmt: skip
    norms = [[r["norm"] for r in rows if r["scheme"] == "glorot" and r["depth"] == depth]
             for depth in DEPTHS]  # fmt: skip
    right.plot(DEPTHS, [np.mean(each) for each in norms], "o-", markersize=3.5, color=PALETTE[0],
               label="Glorot, mean norm")  # fmt: skip
    published(right, DEPTHS, REPLICATED, "public replication")
    left.set(title="geometric complexity", ylabel="mean squared norm")
    right.set(title="norm of the derivative, Glorot", ylabel="mean norm")
    for axes in (left, right):
        axes.set(xscale="log", yscale="log", xlabel="hidden layers")
        axes.set_xticks(DEPTHS, [str(depth) for depth in DEPTHS])
        axes.minorticks_off()
        axes.legend(loc="lower left")
    claims = (
        _ratio(rows, "glorot", 0.5, "falls by half with every hidden layer, so that deep networks"
               " start with a complexity of about zero"),
        _ratio(rows, "he", 1.0, "does not change with the depth"),
    )  # fmt: skip
    return Drawing(
        figure,
        rows,
        claims,
        f"ReLU networks with {INPUTS} inputs, hidden layers of {WIDTH} units, {OUTPUTS} outputs and"
        " zero biases at initialisation, one mark a network; the points lie on the diagonal from"
        " (-1..-1) to (1..1). Black: exact expectation over the weights. Right: diamonds are the"
        " means that a public replication of the figure (T. Walker) reports.",
        "With Glorot's initialisation the complexity falls from 200 to 1e-17 over 64 layers, with"
        " He's it stays near its first value.",
    )


def _expected(scheme: str, depth: int) -> float:
    """Return ``d k prod_l s_l^2 prod_hidden (n_l / 2)`` with the variances ``s_l^2``."""
    widths = (INPUTS, *(WIDTH,) * depth, OUTPUTS)
    value = float(INPUTS * OUTPUTS) * (WIDTH / 2) ** depth
    for below, above in pairwise(widths):
        value *= 2 / below if scheme == "he" else 2 / (below + above)
    return value


def _ratio(rows: list, scheme: str, goal: float, text: str) -> Claim:
    """Fit log complexity against depth; the interval is a bootstrap over networks."""
    kept = [row for row in rows if row["scheme"] == scheme]
    logs = np.array(
        [[np.log(r["complexity"]) for r in kept if r["depth"] == depth] for depth in DEPTHS]
    )
    rng = np.random.default_rng([19, SCHEMES.index(scheme)])
    picks = rng.integers(logs.shape[1], size=(2000, *logs.shape))
    means = np.take_along_axis(logs[None], picks, axis=2).mean(2)
    slopes = np.polyfit(DEPTHS, means.T, 1)[0]
    low, high = np.exp(np.quantile(slopes, [0.025, 0.975]))
    ratio = float(np.exp(np.polyfit(DEPTHS, logs.mean(1), 1)[0]))
    inside = goal - NEAR <= low and high <= goal + NEAR
    outside = high < goal - NEAR or low > goal + NEAR
    return Claim(
        f"With the initialisation of {scheme.capitalize()} the geometric complexity {text}.",
        SOURCE,
        "reproduced" if inside else "not reproduced" if outside else "not decided",
        f"ratio per layer {ratio:.3f}, 95 % interval {low:.3f} to {high:.3f} (bootstrap over"
        f" {logs.shape[1]} networks a depth; accepted {goal - NEAR:.2f} to {goal + NEAR:.2f});"
        f" expectation {goal:g}.",
        "The fit is to logarithms: at 64 layers of 128 units the networks differ by up to an order"
        " of magnitude, and a typical one lies below the expectation. The paper uses images of"
        " 150 528 numbers and layers of 500 units.",
    )


FIGURE = PaperFigure(
    id="f19",
    name="depth",
    title="Geometric complexity at initialisation against depth",
    paper="Dherin et al. 2022, figure on deep networks at initialisation",
    draw=draw,
    measurement=Measurement(cells, run),
)
