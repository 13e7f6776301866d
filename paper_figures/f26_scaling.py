"""Time and memory of estimates against the number of parameters, up to 100 million."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from llcbench.compare.scaling import Growth, ProblemCost, growth, problem_costs
from llcbench.intervals import student_quantile
from llcbench.report.figures import Claim, Drawing, PaperFigure, Results, Verdict
from llcbench.report.figures.style import panels, published
from llcbench.report.style import INK, colour_of

MIB = 2.0**20
# Below, the overhead of a step is everything.
ABOVE = 10_000
# An exponent is that of proportionality if its whole interval is so near 1.
NEAR = 0.1
# Parameters and seconds of a step of 30 000 that took 8 min 23 s; the machine is not stated.
PUBLISHED = (5.2e5, 503 / 30_000)
PANELS = {
    "step": "seconds per step of a chain",
    "goal": "seconds to 5 % standard error",
    "memory": "peak memory, MiB",
}
MARKS = {"gibbs": "s", "rmsprop_sgld": "^", "sgld": "o"}


def draw(results: Results) -> Drawing:
    """Draw three costs against the number of parameters, with the fitted powers."""
    costs = problem_costs(results.runs("dln-scale"))
    fits = {(fit.entry, fit.measure): fit for fit in growth(costs, above=ABOVE)}
    figure, axes = panels(1, 3, height=2.6)
    for each, (measure, title) in zip(axes, PANELS.items(), strict=True):
        _panel(each, costs, measure)
        each.set(xscale="log", yscale="log", title=title, xlabel="parameters")
    for entry in ("sgld", "gibbs"):
        _power(axes[0], costs, fits[entry, "step"])
    published(axes[0], *[[value] for value in PUBLISHED], label="published, SGLD")
    floor = _floor(costs) / MIB
    axes[2].axhline(floor, color=INK, linewidth=0.9, linestyle=":", label="small networks")
    axes[2].set_ylim(700, 6000)
    axes[2].set_yticks([1000, 2000, 5000], ["1000", "2000", "5000"])
    axes[2].minorticks_off()
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=6, handletextpad=0.3)
    axes[2].legend(loc="upper left")
    rows = [
        {"entry": p.entry, "problem": p.problem, "gamma": p.gamma, "parameters": p.dim,
         "chains": p.chains, "seconds_per_step": p.step, "seconds_to_5_percent": p.goal,
         "peak_bytes": p.memory, "bias": p.bias}
        for p in costs
    ]  # fmt: skip
    largest = max(p.dim for p in costs)
    return Drawing(
        figure,
        rows,
        (_proportional(fits["sgld", "step"]), _memory(costs), _goal(fits["sgld", "goal"])),
        "Deep linear networks of six random classes on a CPU, one mark a network, sampler and"
        " localisation; medians over replicates. Lines are least-squares powers of the number of"
        f" parameters above {ABOVE}; intervals in the claims are 95 % (Student). The standard error"
        " in the middle panel leaves out the bias, so it is a lower bound of the cost of an"
        " estimate. Peak memory is that of the whole process, libraries included; the dotted line"
        " is what networks below a million parameters take. The published mark is the one timing"
        " that Lau et al. 2025 give, on a machine that is not stated.",
        "Time of a step grows in proportion to the number of parameters from ten thousand to"
        f" {largest / 1e6:.0f} million; memory stays at the floor of the libraries up to millions.",
    )


def _panel(axes: Axes, costs: Sequence[ProblemCost], measure: str) -> None:
    unit = MIB if measure == "memory" else 1.0
    for entry, marker in MARKS.items():
        pairs = [(p.dim, getattr(p, measure) / unit) for p in costs
                 if p.entry == entry and getattr(p, measure)]  # fmt: skip
        axes.plot(*zip(*pairs, strict=True), linestyle="none", marker=marker, markersize=3,
                  color=colour_of(entry), markeredgewidth=0, alpha=0.75,
                  label=f"{entry}" if measure == "step" else None)  # fmt: skip


def _power(axes: Axes, costs: Sequence[ProblemCost], fit: Growth) -> None:
    sizes = [p.dim for p in costs if p.entry == fit.entry and p.dim >= ABOVE]
    logs = np.log([p.step for p in costs if p.entry == fit.entry and p.dim >= ABOVE])
    centre = np.exp(np.mean(np.log(sizes)))
    ends = np.array([min(sizes), max(sizes)])
    axes.plot(ends, np.exp(logs.mean()) * (ends / centre) ** fit.exponent, linewidth=1.0,
              color=colour_of(fit.entry), label=f"power {fit.exponent:.2f}")  # fmt: skip


def _floor(costs: Sequence[ProblemCost]) -> float:
    return float(np.median([p.memory for p in costs if p.dim < 1_000_000]))


def _interval(exponent: float, stderr: float, sizes: int) -> tuple[float, float]:
    reach = student_quantile(0.95, sizes - 2) * stderr
    return exponent - reach, exponent + reach


def _near_one(low: float, high: float) -> Verdict:
    if 1 - NEAR <= low and high <= 1 + NEAR:
        return "reproduced"
    return "not reproduced" if high < 1 - NEAR or low > 1 + NEAR else "not decided"


def _proportional(fit: Growth) -> Claim:
    low, high = _interval(fit.exponent, fit.stderr or 0.0, fit.sizes)
    return Claim(
        "The time of a step of SGLD at a fixed minibatch grows in proportion to the number of"
        f" parameters above {ABOVE} (exponent between 0.9 and 1.1).",
        "expected from the cost of the products; no published curve",
        _near_one(low, high),
        f"exponent {fit.exponent:.3f}, 95 % interval [{low:.3f}, {high:.3f}] from {fit.sizes}"
        " networks and localisations.",
    )


def _memory(costs: Sequence[ProblemCost]) -> Claim:
    floor = _floor(costs)
    above = [p for p in costs if p.entry == "sgld" and p.memory > 1.05 * floor]
    pairs = [(np.log(p.dim), np.log(p.memory - floor)) for p in above]
    text = (
        "Memory grows in proportion to the number of parameters above the floor of the libraries"
        " (exponent between 0.9 and 1.1)."
    )
    source = "expected from the arrays; no published curve"
    if len({p.dim for p in above}) < 3:
        return Claim(text, source, "not decided", f"{len(above)} runs above the floor.")
    x, y = np.array(pairs).T
    slope, offset = np.polyfit(x, y, 1)
    rest = y - slope * x - offset
    stderr = float(np.sqrt(rest @ rest / (len(x) - 2) / ((x - x.mean()) ** 2).sum()))
    low, high = _interval(slope, stderr, len(x))
    each = [(p.memory - floor) / p.dim for p in above if p.dim == max(p.dim for p in above)]
    return Claim(
        text,
        source,
        _near_one(low, high),
        f"exponent {slope:.2f}, 95 % interval [{low:.2f}, {high:.2f}] from {len(x)} runs above the"
        f" floor of {floor / MIB:.0f} MiB; {min(each):.0f} to {max(each):.0f} bytes a parameter at"
        " the largest size.",
        "Up to a few million parameters nothing is seen of it: the process is at its floor.",
    )


def _goal(fit: Growth) -> Claim:
    low, high = _interval(fit.exponent, fit.stderr or 0.0, fit.sizes)
    verdict: Verdict = "not decided"
    if high < 1:
        verdict = "reproduced"
    elif low > 1:
        verdict = "not reproduced"
    return Claim(
        "The time to a relative standard error of 5 % grows more slowly than the number of"
        " parameters.",
        "new here",
        verdict,
        f"exponent {fit.exponent:.2f}, 95 % interval [{low:.2f}, {high:.2f}] from {fit.sizes}"
        " networks and localisations; bias not counted.",
        "A statement about noise only, which is relatively smaller for a large coefficient; at"
        " gamma 1 chains of this length are far from their distribution.",
    )


FIGURE = PaperFigure(
    id="f26",
    name="scaling",
    title="Time and memory against the number of parameters",
    paper="Lau et al. 2025 and Furman & Lau 2024 give single timings only",
    draw=draw,
    inputs=("dln-scale",),
)
