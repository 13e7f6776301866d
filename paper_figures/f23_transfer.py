"""The inequality between slopes by inputs and by weights, on random networks."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from llcbench.report.figures import Claim, Drawing, Measurement, PaperFigure, Results, Row, Scale
from llcbench.report.figures.style import PALETTE, diagonal, panels

SOURCE = "Dherin, Munn, Rosca and Barrett 2022 (arXiv 2209.13083), transfer theorem"
NETWORKS, CHUNK = 2000, 50
# Round-off that an inequality between numbers in double precision may show.
ROUND_OFF = 1e-9


def cells(scale: Scale) -> Sequence[str]:
    """Name blocks of random networks."""
    return tuple(f"block-{block}" for block in range(NETWORKS // CHUNK))


def run(scale: Scale, cell: str) -> Iterator[Row]:
    """Yield both sides of the inequality for the networks of a block, at one input each."""
    import torch

    from llcbench.seeds import Seeds

    rng = Seeds(0, f"f23-{cell}").generator("data")
    for _ in range(CHUNK):
        depth, relu = _whole(rng, 1, 4), _whole(rng, 0, 1) == 1
        widths = [_whole(rng, 2, 12) for _ in range(depth + 2)]
        scale_of = 10 ** (torch.rand((), generator=rng, dtype=torch.float64) - 0.5)
        network = _network(widths, relu, float(scale_of), rng)
        point = torch.randn(1, widths[0], generator=rng, dtype=torch.float64)
        left, right = _sides(network, point)
        yield {
            "activation": "relu" if relu else "tanh", "layers": depth + 1, "left": left,
            "right": right,
        }  # fmt: skip


def _whole(rng: Any, low: int, high: int) -> int:
    import torch

    return int(torch.randint(low, high + 1, (), generator=rng))


def _network(widths: list[int], relu: bool, scale: float, rng: Any) -> Any:
    """Return a network with normal weights of variance ``scale^2`` over inputs, and biases."""
    import torch
    from torch import nn

    parts: list[nn.Module] = []
    for below, above in pairwise(widths):
        layer = nn.Linear(below, above, dtype=torch.float64)
        nn.init.normal_(layer.weight, 0, scale * below**-0.5, generator=rng)
        nn.init.normal_(layer.bias, 0, 0.5, generator=rng)
        parts += [layer, nn.ReLU() if relu else nn.Tanh()]
    return nn.Sequential(*parts[:-1])


def _sides(network: Any, point: Any) -> tuple[float, float]:
    """Return ``|f_x|^2 sum_i T_i^2`` and ``|f_w|^2`` at an input.

    ``T_i^2 = (1 + |h_i|^2) / (|W_i|^2 |h_i'|^2)`` with ``h_i`` the input of dense layer i, ``h_i'``
    its derivative by ``x``, and spectral norms.
    """
    import torch

    from llcbench.measures.geometric_complexity import squared_slopes

    steep = float(squared_slopes(network, point)[0])
    total = 0.0
    for place in range(0, len(network), 2):
        before = network[:place]
        hidden = before(point)[0].detach()
        slope = torch.autograd.functional.jacobian(before, point[0])
        weight = network[place].weight.detach()
        norm = float(torch.linalg.matrix_norm(weight, 2) * torch.linalg.matrix_norm(slope, 2))
        total += (1 + float(hidden.square().sum())) / norm**2 if norm > 0 else 0.0
    outputs = network(point)[0]
    grads = [
        torch.autograd.grad(output, list(network.parameters()), retain_graph=True)
        for output in outputs
    ]
    return steep * total, sum(float(part.square().sum()) for each in grads for part in each)


def draw(results: Results) -> Drawing:
    """Draw one side against the other, and the ratios."""
    rows = results.rows("f23")
    figure, (left, right) = panels(1, 2, height=2.5)
    sides = np.array([[row["left"], row["right"]] for row in rows], dtype=float)
    kinds = np.array([row["activation"] for row in rows])
    some = sides[:, 0] > 0
    low, high = sides[some].min() / 2, sides.max() * 2
    diagonal(left, low, high, "equality")
    bins = np.linspace(0, 1, 41)
    for place, kind in enumerate(("relu", "tanh")):
        here = some & (kinds == kind)
        left.scatter(sides[here, 1], sides[here, 0], s=4, linewidth=0, alpha=0.5,
                     color=PALETTE[place], rasterized=True, label=kind)  # fmt: skip
        right.hist(sides[here, 0] / sides[here, 1], bins, histtype="step", linewidth=1.2,
                   color=PALETTE[place], label=kind)  # fmt: skip
    left.set(xscale="log", yscale="log", xlabel="squared slope by the weights",
             ylabel="slope by the inputs, weighted", title="both sides")  # fmt: skip
    right.set(xlabel="ratio of the sides", ylabel="networks", title="ratio")
    right.axvline(1, color="black", linewidth=1.0)
    left.minorticks_off()
    left.legend(loc="upper left")
    right.legend()
    return Drawing(
        figure,
        rows,
        (_claim(sides),),
        "Random ReLU and tanh networks with biases, 2 to 5 dense layers of 2 to 12 units, each at"
        " one normal input. The squared slope of the outputs by the inputs times a sum over layers"
        " of (1 + |h|²)/(|W|² |h'|²) is at most the squared slope by the weights. ReLU networks"
        " that are constant around their input have 0 on the left and are not drawn.",
        "All 2000 networks lie below the line of equality, most of them far below it.",
    )


def _claim(sides: np.ndarray) -> Claim:
    broken = int((sides[:, 0] > (1 + ROUND_OFF) * sides[:, 1]).sum())
    some = sides[sides[:, 0] > 0]
    ratios = some[:, 0] / some[:, 1]
    bound = 1 - 0.05 ** (1 / len(sides))
    flat = len(sides) - len(some)
    return Claim(
        "Small gradients by the weights bound the geometric complexity: the weighted slope by the"
        " inputs never exceeds the slope by the weights.",
        SOURCE,
        "not reproduced" if broken else "reproduced",
        f"{broken} violations in {len(sides)} networks"
        + ("" if broken else f" (95 %: fewer than {bound:.2%} of such networks)")
        + f"; ratio: median {np.median(ratios):.3f}, largest {ratios.max():.4f};"
        f" {flat} networks flat around their input.",
        "The bound is loose for a typical network: most of the slope by the weights has no"
        " counterpart by the inputs.",
    )


FIGURE = PaperFigure(
    id="f23",
    name="transfer",
    title="The transfer inequality on random networks",
    paper="Dherin et al. 2022, transfer theorem (no figure of its own)",
    draw=draw,
    measurement=Measurement(cells, run),
)
