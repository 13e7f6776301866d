"""Why volumes of the empirical loss fail: finite data split a degenerate minimum.

Model of the introduction notebook: ``y = w^2 x + noise``, x ~ N(0, 1), noise of standard deviation
1/2, truth w = 0, loss the mean squared error without a factor: ``K = w^4`` in population, and
``K_n = s w^4 - 2 c w^2`` with the two moments s, c of the data. Nothing is sampled but data.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

import llcbench
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
from llcbench.report.figures.style import PALETTE, panels
from llcbench.report.style import GREY, INK

SIZES = (100, 1000, 5000, 50_000)
SETS, SHOWN = 200, 5000
# Points at which slopes are looked at, on one side: the loss is even in w.
GRID = np.concatenate([np.geomspace(1e-6, 1e-3, 40, endpoint=False), np.geomspace(1e-3, 2, 2000)])
CURVE = np.linspace(-0.2, 0.2, 61)
LEVELS = np.geomspace(1e-7, 1e-1, 25)
SOURCE = "Furman 2023, notebook 'Intro to LC estimation', finite data"


def cells(scale: Scale) -> Sequence[str]:
    """Name every size of the data sets, and the curves; both scales are alike."""
    return [*(f"n{size}" for size in SIZES), "curves"]


def run(scale: Scale, cell: str) -> Iterator[Row]:
    """Yield where the slope of each data set's loss vanishes, or curves and volumes of one."""
    base: Any = replace(llcbench.problem("poly/x4"), noise_sd=0.5)
    if cell == "curves":
        yield from _curves(base)
        return
    size = int(cell[1:])
    problem = base.with_data(size)
    for number in range(SETS):
        seeds = llcbench.Seeds(problem="f17", replicate=number)
        loss = problem.bind(problem.sample_data(seeds.generator("data")), torch.float64)
        batch = loss.draw(1, None, torch.Generator())
        slope = loss.excess_and_grad(torch.from_numpy(GRID)[:, None], batch)[1][:, 0].numpy()
        # One on this side has a mirror image; the origin is always one more.
        crossed = np.flatnonzero(np.diff(np.sign(slope)))
        where = float(GRID[crossed].mean()) if crossed.size else None
        yield {"kind": "critical", "n": size, "set": number, "extra": 2 * crossed.size, "at": where}


def _curves(base: Any) -> Iterator[Row]:
    problem = base.with_data(SHOWN)
    losses: dict[str, Any] = {"population": base.bind(None, torch.float64)}
    # The first sets whose mean of noise times input is a standard deviation or more from 0.
    for number in range(40):
        seeds = llcbench.Seeds(problem="f17", replicate=number)
        data = problem.sample_data(seeds.generator("data"))
        score = float((data.inputs * data.noise).mean()) * SHOWN**0.5 / problem.noise_sd
        if abs(score) > 1:
            name = "split" if score > 0 else "not split"
            losses.setdefault(name, problem.bind(data, torch.float64))
    for name, loss in losses.items():
        batch = loss.draw(1, None, torch.Generator())
        for w, value in zip(CURVE, _excess(loss, batch, CURVE), strict=True):
            yield {"kind": "curve", "loss": name, "w": float(w), "excess": float(value)}
        fine = np.linspace(-1, 1, 400_001)
        values = _excess(loss, batch, fine)
        values = values - values.min()
        for level in LEVELS:
            volume = float((values < level).mean()) * 2
            yield {"kind": "volume", "loss": name, "level": float(level), "volume": volume}


def _excess(loss: Any, batch: Any, points: Any) -> Any:
    return loss.excess(torch.from_numpy(points)[:, None], batch).numpy()


def draw(results: Results) -> Drawing:
    """Draw both losses near the optimum, their volumes, and where extra critical points are."""
    rows: list[Any] = results.rows("f17")
    figure, (left, middle, right) = panels(1, 3, height=2.5)
    styles = {"population": (INK, "K"), "split": (PALETTE[1], "K_n, one data set"),
              "not split": (PALETTE[0], "K_n, another")}  # fmt: skip
    for name, (colour, label) in styles.items():
        curve = [r for r in rows if r["kind"] == "curve" and r["loss"] == name]
        left.plot([r["w"] for r in curve], [1e3 * float(r["excess"]) for r in curve],
                  color=colour, label=label)  # fmt: skip
        volume = [r for r in rows if r["kind"] == "volume" and r["loss"] == name]
        middle.plot([r["level"] for r in volume], [r["volume"] for r in volume], color=colour)
    left.set(xlabel="w", ylabel="1000 × excess loss", title=f"loss near w* = 0, n = {SHOWN}",
             ylim=(-0.4, 2))  # fmt: skip
    left.legend(loc="upper center")
    for power, text in ((0.25, "slope 1/4"), (0.5, "slope 1/2")):
        line = np.array([3e-7, 3e-5])
        middle.plot(line, 6 * line**power * (0.45 if power == 0.25 else 0.35), color=GREY,
                    linestyle=":" if power == 0.5 else "--", label=text)  # fmt: skip
    middle.set(xscale="log", yscale="log", xlabel="level above the minimum", title="volume below")
    middle.legend(loc="lower right")
    for size in SIZES:
        places = [float(r["at"]) for r in _critical(rows, size) if r["at"] is not None]
        jitter = size * np.exp(np.linspace(-0.25, 0.25, len(places)))
        right.scatter(jitter, places, s=4, color=PALETTE[1], linewidth=0)
    line = np.array([60, 90_000])
    right.plot(line, 0.45 * line**-0.25, color=GREY, linestyle="--", label="n to the power -1/4")
    right.set(xscale="log", yscale="log", xlabel="samples n", title="distance of extra points")
    right.legend(loc="upper right")
    return Drawing(
        figure, rows, (_two(rows), _rate(rows), _half(rows)),
        f"Population loss K = w⁴ of y = w² x + noise and the loss K_n of data sets. Left: near the"
        f" optimum, for two data sets of {SHOWN} samples. Middle: volume of the points whose loss"
        " is below the minimum plus a level, with two slopes for comparison. Right: distance from"
        f" w* of the two extra critical points, among {SETS} data sets a size.",
        "On about half of the data sets the single flat minimum splits into two, at a distance that"
        " shrinks like the fourth root of 1 / n; volumes at low levels scale like a regular model.",
    )  # fmt: skip


def _critical(rows: Sequence[Any], size: int) -> list[Any]:
    return [r for r in rows if r["kind"] == "critical" and r["n"] == size]


def _two(rows: Sequence[Any]) -> Claim:
    shown, counts, plausible = [], set(), True
    for size in SIZES:
        extra = [int(r["extra"]) for r in _critical(rows, size)]
        counts |= set(extra)
        share = float(np.mean([e > 0 for e in extra]))
        half = 1.96 * math.sqrt(share * (1 - share) / len(extra))
        plausible &= share - half > 0
        shown.append(f"{share:.2f} ± {half:.2f} at n = {size}")
    always = counts == {2}
    both: Verdict = (
        "reproduced with a difference" if counts == {0, 2} and plausible else "not reproduced"
    )
    return Claim(
        "Finite data create two extra critical points next to w*.",
        SOURCE,
        "reproduced" if always else both,
        f"numbers that occur: {', '.join(map(str, sorted(counts)))}; share of data sets with two:"
        f" {', '.join(shown)} (95 %).",
        "They exist where noise and input correlate positively, on half of the data sets; on the"
        " others the minimum turns quadratic without splitting." if not always else "",
    )  # fmt: skip


def _rate(rows: Sequence[Any]) -> Claim:
    places = [np.array([r["at"] for r in _critical(rows, size) if r["at"] is not None], float)
              for size in SIZES]  # fmt: skip
    rng = np.random.default_rng([17, 1])
    logs = np.log(np.array(SIZES, float))
    slopes = []
    for _ in range(400):
        medians = [np.median(rng.choice(each, each.size)) for each in places]
        slopes.append(np.polyfit(logs, np.log(medians), 1)[0])
    low, high = np.quantile(slopes, (0.025, 0.975))
    slope = np.polyfit(logs, np.log([np.median(each) for each in places]), 1)[0]
    return Claim(
        "They approach w* as n grows, like the fourth root of 1 / n.",
        "our addition (the noise term has size n^-1/2 against w^2)",
        "reproduced" if low < -0.25 < high else "not reproduced",
        f"slope of log median distance in log n: {slope:.3f} [{low:.3f}, {high:.3f}] (95 %"
        " bootstrap over data sets).",
    )


def _half(rows: Sequence[Any]) -> Claim:
    slopes = {}
    for name in ("population", "split", "not split"):
        points = [
            (float(r["level"]), float(r["volume"]))
            for r in rows
            if r["kind"] == "volume" and r["loss"] == name and float(r["level"]) < 1e-5
        ]
        level, volume = np.log(np.array(points)).T
        slopes[name] = float(np.polyfit(level, volume, 1)[0])
    holds = abs(slopes["population"] - 0.25) < 0.01 and abs(slopes["split"] - 0.5) < 0.05
    return Claim(
        "The volume of K scales with exponent 1/4, that of K_n locally with 1/2.",
        SOURCE,
        "reproduced" if holds else "not reproduced",
        "slopes at levels below 1e-5: "
        + ", ".join(f"{name} {slope:.3f}" for name, slope in slopes.items())
        + f" (numerical volumes, no sampling error; one data set of {SHOWN} each).",
    )


FIGURE = PaperFigure(
    id="f17",
    name="finite_data",
    title="Population loss against the loss of finite data near a degenerate optimum",
    paper="Furman 2023, introduction notebook, K and K_n",
    draw=draw,
    measurement=Measurement(cells, run),
)
