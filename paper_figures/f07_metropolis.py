"""Langevin dynamics with and without a Metropolis test, on a perceptron with more and more data."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from llcbench.report.figures import Claim, Drawing, Measurement, PaperFigure, Results, Row, Scale
from llcbench.report.figures.rows import Cells, column, picked
from llcbench.report.figures.style import panels, published
from llcbench.report.style import colour_of
from paper_figures.common.intervals import student
from paper_figures.common.verdicts import decided

INPUTS, HIDDEN, OUTPUTS = 10, (20, 20), 10
STEP_SIZE, DRAWS, BATCH = 1e-5, 10_000, 32
# Draws that all runs share at the small scale.
WINDOW = 1_000
# Draws that only their time is taken of.
TIMED = 60


def runs(size: int, repeat: int, draws: Callable[[str], int]) -> Iterator[Row]:
    """Sample a fresh network on data that it realises with both samplers.

    Args:
        size: Samples.
        repeat: Number of the network, its data and the noise.
        draws: How many for ``sgld`` and ``mala``; means are taken of whole runs and of their first
            draws, and of runs of `TIMED` draws only the time of a gradient.
    """
    import torch

    from llcbench.estimators.mean_energy import MeanEnergy
    from llcbench.networks.mlp import MLP
    from llcbench.samplers.mala import MALA
    from llcbench.samplers.sgld import SGLD
    from llcbench.sampling.loop import sample
    from llcbench.seeds import Seeds
    from llcbench.settings import Settings
    from paper_figures.common.relu_networks import initialise, on_its_own_data

    seeds = Seeds(0, f"f07-{size}", repeat)
    rng = seeds.generator("data")
    network = MLP(INPUTS, HIDDEN, OUTPUTS)
    initialise(network.layers, rng)
    inputs = 20 * torch.rand(size, INPUTS, generator=rng) - 10
    problem = on_its_own_data(network, inputs, f"f07-{size}")
    kernels = (("sgld", SGLD(STEP_SIZE), BATCH), ("mala", MALA(STEP_SIZE, adapt=0), None))
    for name, sampler, batch in kernels:
        settings = Settings(num_chains=1, batch_size=batch, dtype="float32")
        data: Any = problem.data
        target = MeanEnergy(sampler, settings).target(problem, data)
        noise = Seeds(0, f"f07-{size}", repeat, name).generator("noise")
        started = time.process_time()
        trace = sample(
            target, sampler, num_draws=draws(name), num_burnin=0, noise=noise,
            batches=seeds.generator("batch"),
        )  # fmt: skip
        spent = time.process_time() - started
        losses, count = trace.excess[0], trace.excess.size
        yield {
            "n": size, "repeat": repeat, "sampler": name, "status": trace.status, "draws": count,
            "llc": target.nbeta * float(losses.mean()) if count == DRAWS else None,
            "llc_window": target.nbeta * float(losses[:WINDOW].mean()) if count > TIMED else None,
            "acceptance": trace.acceptance,
            "cpu_ms_per_gradient": 1e3 * spent / target.grad_evals if count == TIMED else None,
        }  # fmt: skip


SOURCE = "Lau et al. 2025 (arXiv 2308.12108), comparison of SGLD and MALA"
# Those that go on beyond what all runs share at the small scale: repeat 0 of these.
LONG = {(100, "sgld"), (100, "mala"), (10_000, "sgld")}
# Published: samples, then mean and seconds of 10 000 draws of SGLD and of MALA.
PUBLISHED = (
    (100, 54.94, 32.4, 54.27, 321.5),
    (316, 86.72, 32.3, 86.36, 213.0),
    (1000, 136.92, 32.1, 140.01, 215.0),
    (3162, 211.21, 32.8, 215.40, 229.0),
    (10_000, 294.94, 32.6, 296.18, 272.0),
    (31_623, 349.34, 32.5, 359.10, 383.0),
    (100_000, 355.78, 33.0, 349.13, 1061.0),
)


def cells(scale: Scale) -> Sequence[str]:
    """Name a run per number of samples and repeat."""
    if scale == "cpu":
        return "100-0", "100-1", "1000-0", "1000-1", "times-0", "times-1", "times-2", "10000-0"
    sizes = ("times", *(str(row[0]) for row in PUBLISHED))
    return tuple(f"{size}-{repeat}" for size in sizes for repeat in range(5))


def run(scale: Scale, cell: str) -> Iterator[Row]:
    """Yield the estimates of both samplers, or their processor time at every number of samples."""
    kind, _, repeat = cell.partition("-")
    if kind == "times":
        sizes = (100, 1000, 10_000) if scale == "cpu" else [row[0] for row in PUBLISHED]
        for size in sizes:
            yield from runs(size, int(repeat), lambda _: TIMED)
    else:
        size = int(kind)
        long = LONG if scale == "cpu" and repeat == "0" else set()
        everything = scale == "paper"
        yield from runs(
            size, int(repeat), lambda name: DRAWS if everything or (size, name) in long else WINDOW
        )


def draw(results: Results) -> Drawing:
    """Draw estimates, relative differences and times against the number of samples."""
    rows = results.rows("f07")
    figure, (left, middle, right) = panels(1, 3, height=2.6)
    for name, marker, shift in (("sgld", "o", 0.94), ("mala", "D", 1.06)):
        here = picked(rows, sampler=name)
        whole = [row for row in here if row["llc"] is not None]
        style = {"linestyle": "none", "marker": marker, "markersize": 4, "color": colour_of(name)}
        left.plot([shift * row["n"] for row in whole], [row["llc"] for row in whole],
                  label=f"{name.upper()}, {DRAWS} draws", **style)  # fmt: skip
        first = [row for row in here if row["llc_window"] is not None]
        left.plot([shift * row["n"] for row in first], [row["llc_window"] for row in first],
                  markerfacecolor="none", label=f"{name.upper()}, first {WINDOW}",
                  **style)  # fmt: skip
        timed = [row for row in here if row["cpu_ms_per_gradient"] is not None]
        right.plot([row["n"] for row in timed], [row["cpu_ms_per_gradient"] for row in timed],
                   label=name.upper(), **style)  # fmt: skip
    sizes = [row[0] for row in PUBLISHED]
    for at, label in ((1, "published"), (3, "_")):
        published(left, sizes, [row[at] for row in PUBLISHED], label)
        seconds = [row[at + 1] for row in PUBLISHED]
        published(right, sizes, [1e3 * value / DRAWS for value in seconds], label)
    for name, fill, label in (
        ("llc_window", "none", f"first {WINDOW} draws"), ("llc", "0.25", f"{DRAWS} draws")
    ):  # fmt: skip
        pairs = _differences(rows, name)
        middle.plot([n for n, _ in pairs], [100 * value for _, value in pairs], "s", markersize=4,
                    color="0.25", markerfacecolor=fill, label=label)  # fmt: skip
    published(middle, sizes, [100 * (row[1] / row[3] - 1) for row in PUBLISHED])
    middle.axhspan(-5, 5, color="0.5", alpha=0.15, linewidth=0)
    middle.set(title="SGLD against MALA", ylabel="difference, %", ylim=(-14, 14))
    left.set(title="estimate", ylabel="coefficient", ylim=(0, 400))
    right.set(title="processor time of a gradient", ylabel="milliseconds", yscale="log")
    for axes in (left, middle, right):
        axes.set(xscale="log", xlabel="samples")
        axes.legend(loc="upper left")
    left.set_ylim(0, 560)
    return Drawing(
        figure,
        rows,
        (_agreement(rows), _heights(rows), _times(rows)),
        "A perceptron 10-20-20-10 with 850 weights on data that it realises, at a step of 1e-5 from"
        f" the true weights, without burn-in; SGLD with minibatches of {BATCH}, MALA on all data."
        " One mark a run, each with a network and data of its own; hollow marks are means over the"
        " first draws only. Grey diamonds are the published means of five repeats (right: seconds"
        " of 10 000 draws on other hardware). The band is 5 %.",
        "The marks of both samplers lie close together at every number of samples; the time of an"
        " SGLD gradient does not depend on the number of samples, that of MALA does.",
    )


def _differences(rows: Sequence[Cells], column: str) -> list[tuple[int, float]]:
    """Return ``(n, sgld / mala - 1)`` of every pair that has both values."""
    by_sampler: dict[tuple[int, int, bool], dict[str, float]] = {}
    for row in rows:
        for name, whole in (("llc", True), ("llc_window", False)):
            if column in (name, "longest") and row[name] is not None:
                by_sampler.setdefault((row["n"], row["repeat"], whole), {})[row["sampler"]] = row[
                    name
                ]
    pairs = {key: pair for key, pair in by_sampler.items() if len(pair) == 2}
    return [
        (n, pair["sgld"] / pair["mala"] - 1)
        for (n, repeat, whole), pair in pairs.items()
        if whole or column == "llc_window" or (n, repeat, True) not in pairs
    ]


def _agreement(rows: Sequence[Cells]) -> Claim:
    """Compare pair by pair on the longest run that both samplers have."""
    pairs = _differences(rows, "longest")
    values = np.array([value for _, value in pairs])
    mean, reach = student(values)
    worst = max(abs(np.mean([v for n, v in pairs if n == size])) for size in {n for n, _ in pairs})
    inside = abs(mean) + reach < 0.05 and worst < 0.05
    return Claim(
        "SGLD with minibatches and MALA on all data give the same estimate, within 5 %.",
        SOURCE,
        decided(inside, abs(mean) - reach > 0.05),
        f"mean difference {mean:+.1%} ± {reach:.1%} over {len(values)} pairs (95 %, Student);"
        f" the largest mean at one number of samples is {worst:.1%}.",
        "Both run at one small step for one length from the true weights, so they share whatever"
        " the chain has not yet reached: agreement says that minibatches and the missing test do"
        f" little harm, not that the value is right. One pair has"
        f" {DRAWS} draws, the others {WINDOW}.",
    )


def _heights(rows: Sequence[Cells]) -> Claim:
    """Compare the mean over whole runs of SGLD with the published ones."""
    known = {row[0]: row[1] for row in PUBLISHED}
    whole = [row for row in picked(rows, sampler="sgld") if row["llc"] is not None]
    ratios = {
        n: np.mean([row["llc"] for row in whole if row["n"] == n]) / known[n]
        for n in sorted({row["n"] for row in whole})
    }
    holds = all(abs(ratio - 1) < 0.15 for ratio in ratios.values())
    shown = ", ".join(f"{ratio * known[n]:.1f} at n = {n}" for n, ratio in ratios.items())
    return Claim(
        "The estimate by SGLD rises with the number of samples from 55 (100) to 295 (10 000).",
        SOURCE,
        "reproduced" if holds else "reproduced with a difference"
        if all(abs(ratio - 1) < 0.4 for ratio in ratios.values())
        else "not reproduced",
        f"{shown}; accepted within 15 % of the published means (with a difference: 40 %), one"
        " network a size, no interval.",
        "The networks are other draws. A larger n / log n brings the chains of one fixed length"
        " closer to equilibrium and more directions into play; 425 would be half the parameters.",
    )  # fmt: skip


def _times(rows: Sequence[Cells]) -> Claim:
    """Compare the time of a gradient at the most and the fewest samples, round by round."""
    timed = [row for row in rows if row["cpu_ms_per_gradient"] is not None]
    sizes = sorted({row["n"] for row in timed})
    ratios = {}
    for name in ("sgld", "mala"):
        few, most = (
            column(timed, "cpu_ms_per_gradient", sampler=name, n=size)
            for size in (sizes[0], sizes[-1])
        )
        ratios[name] = [late / early for late, early in zip(most, few, strict=True)]
    flat, grows = ratios["sgld"], ratios["mala"]
    holds = max(flat) < 1.5 and min(grows) > 2
    fails = min(flat) > 1.5 or max(grows) < 2
    return Claim(
        "The time of SGLD does not depend on the number of samples, that of MALA grows with it.",
        SOURCE,
        decided(holds, fails),
        f"processor time of a gradient with {sizes[-1]} samples over that with {sizes[0]}: SGLD"
        f" {min(flat):.2f} to {max(flat):.2f}, MALA {min(grows):.1f} to {max(grows):.1f} (range"
        f" over {len(flat)} rounds; accepted: below 1.5 and above 2).",
        "The published times of MALA hardly differ up to 10 000 samples: they were measured on"
        " hardware that takes small batches in one go.",
    )


FIGURE = PaperFigure(
    id="f07",
    name="metropolis",
    title="SGLD and MALA on a perceptron",
    paper="Lau et al. 2025, table of SGLD and MALA",
    draw=draw,
    measurement=Measurement(cells, run),
    needs="Seven sizes up to 100 000 samples, five repeats: some 15 hours on one core.",
)
