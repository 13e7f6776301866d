"""Aoyagi's formula: coefficient and multiplicity of deep linear networks against their layers."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from llcbench.report.figures import Claim, Drawing, Measurement, PaperFigure, Results, Row, Scale
from llcbench.report.figures.style import PALETTE, panels
from theory import lookup

WIDTH = 100
SOURCE = "Lau et al. 2025 (arXiv 2308.12108), side figures of the study of linear networks"


def cells(scale: Scale) -> Sequence[str]:
    """Name a network of constant width per number of matrices, and 1000 random ones."""
    constant = [f"constant-{layers}" for layers in range(1, 120)]
    return [*constant, *(f"random-{draw}" for draw in range(1000))]


def run(scale: Scale, cell: str) -> Iterator[Row]:
    """Yield widths, coefficient and multiplicity of one network of rank 0 or of a random rank."""
    kind, _, number = cell.partition("-")
    if kind == "constant":
        widths, rank = (WIDTH,) * (int(number) + 1), 0
    else:
        rng = np.random.default_rng([15, int(number)])
        layers = int(np.exp(rng.uniform(np.log(2), np.log(801))))
        widths = tuple(int(width) for width in rng.integers(100, 2001, layers + 1))
        rank = int(rng.integers(0, min(widths) + 1))
    coefficient = lookup("deep_linear_global", widths=widths, rank=rank)
    yield {
        "kind": kind,
        "layers": len(widths) - 1,
        "parameters": sum(a * b for a, b in pairwise(widths)),
        "rank": rank,
        "llc": float(coefficient.value),
        "multiplicity": coefficient.multiplicity,
    }


def draw(results: Results) -> Drawing:
    """Draw coefficient and multiplicity against the number of matrices."""
    rows = results.rows("f15")
    figure, (left, middle, right) = panels(1, 3)
    constant = [row for row in rows if row["kind"] == "constant"]
    random = [row for row in rows if row["kind"] == "random"]
    layers = [row["layers"] for row in constant]
    llc = [float(row["llc"]) for row in constant]
    left.plot(layers, llc, color=PALETTE[0], label="exact coefficient")
    left.axhline(WIDTH**2 / 4, color="0.5", linewidth=0.8, linestyle=":", label="width² / 4")
    left.set(title=f"width {WIDTH}, rank 0", xlabel="matrices", ylabel="coefficient")
    left.set_ylim(0, 5200)
    left.legend()
    for axes, name in ((middle, "llc"), (right, "multiplicity")):
        axes.scatter([r["layers"] for r in random], [r[name] for r in random], s=4,
                     color=PALETTE[0], linewidth=0, alpha=0.6, rasterized=True)  # fmt: skip
        axes.set(xscale="log", yscale="log", xlabel="matrices", title=f"random widths: {name}")
    half = [float(r["parameters"]) / 2 for r in random]
    depth = [r["layers"] for r in random]
    middle.scatter(depth, half, s=4, color="0.6", linewidth=0, label="d / 2", rasterized=True)
    middle.legend()
    return Drawing(
        figure,
        rows,
        (_limit(llc), _far(random)),
        "Exact global learning coefficient of deep linear networks from the closed form. Left:"
        f" constant width {WIDTH}, rank 0. Middle and right: 1000 networks with 2 to 800 matrices,"
        " widths 100 to 2000 and random rank; grey is half the number of parameters, the value of a"
        " regular model of that size.",
        "The coefficient falls from 5000 to about 2500 as layers of width 100 are added, while half"
        " the number of parameters grows without bound.",
    )


def _limit(llc: list[float]) -> Claim:
    falls = all(b <= a for a, b in pairwise(llc))
    first, last = llc[0] / WIDTH**2, llc[-1] / WIDTH**2
    holds = falls and first == 0.5 and abs(last - 0.25) < 0.01
    return Claim(
        "At constant width H and rank 0 the coefficient falls from H²/2 for one matrix towards"
        " H²/4.",
        SOURCE,
        "reproduced" if holds else "not reproduced",
        f"{first:.3f} H² at one matrix, {last:.4f} H² at {len(llc)}; "
        f"{'never rising' if falls else 'not monotone'} (exact values).",
    )


def _far(random: Sequence[Row]) -> Claim:
    ratios = [2 * float(r["llc"]) / float(r["parameters"]) for r in random]
    return Claim(
        "The coefficient is far below half the number of parameters.",
        SOURCE,
        "reproduced" if max(ratios) < 1 else "not reproduced",
        f"ratio to d/2: median {np.median(ratios):.3f}, largest {max(ratios):.3f} of"
        f" {len(ratios)} networks (exact values).",
    )


FIGURE = PaperFigure(
    id="f15",
    name="layers",
    title="Coefficient and multiplicity of linear networks against their depth",
    paper="Lau et al. 2025, side figures",
    draw=draw,
    measurement=Measurement(cells, run),
)
