"""Estimates before and after ReLU layers are rescaled, with and without a matched sampler."""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import stats

from llcbench.report.figures import Claim, Drawing, Measurement, PaperFigure, Results, Row, Scale
from llcbench.report.figures.rows import Cells, picked
from llcbench.report.figures.style import PALETTE, WIDTHS, failed, panels
from llcbench.report.style import colour_of
from paper_figures.common.verdicts import decided

SOURCE = "Lau et al. 2025 (arXiv 2308.12108), invariance under the rescaling of ReLU layers"
SAMPLES, BATCH, STEP_SIZE = 10_000, 500, 1e-5
DRAWS = 4_000
# Hidden units that are copies of the first one.
COPIES = [1, 2, 3, 4, 5, 8]
EXPONENTS = (-4, -1, -0.5, 0, 0.5, 1, 4)
# Range of the published means over the factors, for the network of 20 hidden units.
PUBLISHED = (164.7, 168.5)


def cells(scale: Scale) -> Sequence[str]:
    """Name a run per network, exponent of the factor, sampler and repeat."""
    sizes, exponents, repeats = ("10-20",), EXPONENTS, 1
    if scale == "paper":
        sizes, repeats = ("10-20", "20-30", "30-40"), 5
        exponents = tuple(float(value) for value in np.linspace(-4, 4, 17))
    return tuple(
        f"{size}/{exponent:g}/{sampler}/{repeat}"
        for size in sizes
        for exponent in exponents
        for sampler in ("matched", "plain")
        for repeat in range(repeats)
    )


def run(scale: Scale, cell: str) -> Iterator[Row]:
    """Yield the estimate at rescaled weights; data and network are those of every factor."""
    import torch

    from llcbench import SGLD, MeanEnergy, RunContext, Seeds, Settings
    from llcbench.measures.rescaling import MatchedSGLD, along, factors, rescaled
    from paper_figures.common.relu_networks import on_its_own_data

    size, exponent, sampler, repeat = cell.split("/")
    width, hidden = (int(part) for part in size.split("-"))
    shared = Seeds(0, f"f08-{size}")
    rng = shared.generator("data")
    network = _network(width, hidden, rng)
    inputs = 20 * torch.rand(SAMPLES, width, generator=rng, dtype=torch.float64) - 10
    alpha = 10.0 ** float(exponent)
    problem = on_its_own_data(rescaled(network, 0, alpha), inputs, f"f08-{size}")
    scale_of = along(network, factors(network, 0, alpha))
    kernel = SGLD(STEP_SIZE) if sampler == "plain" else MatchedSGLD(STEP_SIZE, scale_of)
    draws = DRAWS if scale == "cpu" else 10_000
    settings = Settings(gamma=0.0, num_chains=1, num_draws=draws, num_burnin=0, batch_size=BATCH)
    # Noise and minibatches of their own for every factor: equal ones would repeat the same chain.
    seeds = Seeds(0, f"f08-{cell}", int(repeat), sampler)
    estimate = MeanEnergy(kernel, settings).estimate(problem, RunContext(seeds))
    yield {
        "network": f"{size}-{width}", "exponent": float(exponent), "sampler": sampler,
        "repeat": int(repeat), "status": estimate.status, "llc": estimate.llc,
        "mcse": estimate.mcse,
    }  # fmt: skip


def _network(width: int, hidden: int, rng):
    """Return a ReLU network of one hidden layer, six of its units being copies of the first."""
    import torch
    from torch import nn

    from paper_figures.common.relu_networks import initialise

    network = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width)).double()
    with torch.no_grad():
        initialise(network, rng)
        for unit in COPIES:
            network[0].weight[unit] = network[0].weight[0]
            network[0].bias[unit] = network[0].bias[0]
            network[2].weight[:, unit] = network[2].weight[:, 0]
    return network


def draw(results: Results) -> Drawing:
    """Draw the estimates of both samplers against the factor."""
    rows = results.rows("f08")
    figure, (axes,) = panels(1, 1, height=2.7, width=WIDTHS[1])
    looks = (
        ("plain", "o", colour_of("sgld"), 0.08, "plain SGLD"),
        ("matched", "D", PALETTE[0], -0.08, "matched to the factor"),
    )
    for sampler, marker, colour, shift, label in looks:
        good = [row for row in picked(rows, sampler=sampler) if row["llc"] is not None]
        axes.errorbar([row["exponent"] + shift for row in good], [row["llc"] for row in good],
                      yerr=[1.96 * row["mcse"] for row in good], fmt=marker, markersize=4,
                      color=colour, elinewidth=0.8, label=label)  # fmt: skip
    failed(axes, [row["exponent"] for row in rows if row["llc"] is None], "plain SGLD diverged")
    axes.axhspan(*PUBLISHED, color="0.5", alpha=0.3, linewidth=0, label="published, matched")
    axes.set(xlabel="log10 of the factor", ylabel="coefficient", xlim=(-4.4, 4.4), ylim=(0, 240))
    axes.legend(loc="lower center", ncols=2)
    return Drawing(
        figure,
        rows,
        (_matched(rows), _plain(rows)),
        "A ReLU network 10-20-10 on data that it realises; the first layer is multiplied by a"
        f" factor and the second divided by it, which leaves the function as it is. {DRAWS} draws"
        f" at 1e-5 without localisation, minibatches of {BATCH}, one run a factor with noise"
        " of its own. Blue: steps scaled weight by weight with the known factor. Orange:"
        " plain SGLD. Band: range of the published means. Bars: 95 % Monte Carlo intervals.",
        "With the matched sampler the estimate is the same at all factors; plain SGLD diverges at"
        " most factors other than 1.",
    )


def _matched(rows: Sequence[Cells]) -> Claim:
    """Decide whether the matched sampler gives one value at all factors."""
    asked = picked(rows, sampler="matched")
    finite = [row for row in asked if row["llc"] is not None]
    x, y = np.array([[row["exponent"], row["llc"]] for row in finite], dtype=float).T
    fit = stats.linregress(x, y)
    reach = stats.t.ppf(0.975, len(x) - 2) * fit.stderr
    mean = y.mean()
    slope, bound = fit.slope / mean, reach / mean
    holds = len(finite) == len(asked) and abs(slope) + bound < 0.05
    fails = len(finite) < len(asked) or abs(slope) - bound > 0.05
    return Claim(
        "The estimate does not change when ReLU layers are rescaled.",
        SOURCE,
        "reproduced with a difference" if holds else "not reproduced" if fails else "not decided",
        f"steps matched to the factor: mean {mean:.1f}, standard deviation {y.std(ddof=1):.1f} over"
        f" {len(y)} factors; trend {slope:+.1%} ± {bound:.1%} per decade of the factor (95 %,"
        " Student; accepted: within 5 %).",
        "It is so by construction: given the factor, the sampler makes the steps of plain SGLD on"
        " the network before rescaling. It tests the code, not the estimator. The published means,"
        f" {PUBLISHED[0]} to {PUBLISHED[1]}, are those of another network and of longer chains.",
    )


def _plain(rows: Sequence[Cells]) -> Claim:
    """Decide whether plain SGLD gives the value of the matched runs too."""
    base = [row["llc"] for row in rows if row["llc"] is not None and row["sampler"] == "matched"]
    middle, error = float(np.mean(base)), float(stats.sem(base))
    texts, off, near = [], 0, 0
    for row in picked(rows, sampler="plain"):
        if row["llc"] is None:
            off += 1
            texts.append(f"{row['exponent']:g} diverged")
            continue
        change = row["llc"] / middle - 1
        reach = 1.96 * float(np.hypot(row["mcse"], error)) / middle
        off += abs(change) - reach > 0.05
        near += abs(change) + reach < 0.05
        texts.append(f"{row['exponent']:g} {change:+.0%} ± {reach:.0%}")
    return Claim(
        "Without knowledge of the factor, plain SGLD gives the same estimate at all factors.",
        "what the figure of Lau et al. 2025 could be taken to show",
        decided(near == len(texts), off > 0),
        f"{off} of {len(texts)} factors diverge or are more than 5 % off the mean of the matched"
        f" runs; by exponent: {', '.join(texts)} (95 %, Monte Carlo errors).",
        "The coefficient itself is invariant; a step of one size for all weights is not.",
    )


FIGURE = PaperFigure(
    id="f08",
    name="rescaling",
    title="Rescaling of ReLU layers",
    paper="Lau et al. 2025, figure on rescaling invariance",
    draw=draw,
    measurement=Measurement(cells, run),
    needs="Three networks, 17 factors, five repeats of 10 000 draws: about an hour on one core.",
)
