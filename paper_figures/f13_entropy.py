"""SGD against Entropy-SGD: the coefficient at one training loss."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from scipy.special import stdtrit

from llcbench.figures import Claim, Drawing, PaperFigure, Results, Row, Verdict
from llcbench.figures.style import PALETTE, panels, published
from llcbench.heuristics.effects import Effect, effects
from llcbench.heuristics.readings import Readings, readings, value_of, warnings_of
from llcbench.report.style import colour_of

SOURCE = "Lau et al. 2023 (arXiv 2308.12108v1), perceptron 1024-1024 on MNIST, 80 seeds"
# What their estimates level off at, for SGD and Entropy-SGD.
PUBLISHED = (1010.0, 880.0)
NAMES = ("SGD", "Entropy-SGD")
# Test errors of theirs are alike; ours are if their difference is surely less than this.
ALIKE = 0.01
DIFFERENCE = (
    "Theirs: equal epochs and a learning rate of 0.01 for both, which leaves training errors of 0"
    " and 0.0001, and estimates that still grow with the length of the chains; ours: perceptrons"
    " 64-64 on 8 by 8 digits, both stopped at a training loss of 0.05, with learning rates of"
    " their own."
)


def draw(results: Results) -> Drawing:
    """Draw estimates of both, their ratio beside the published one, and test errors."""
    contents = results.trials("image")
    design = contents.designs["image"].only(("entropy",))
    mine = readings(design.experiments[0], contents.records)
    found = {effect.measure: effect for effect in effects(design, contents.records)}
    rows = _rows(mine)
    figure, (left, middle, right) = panels(1, 3)
    whole = len(mine.levels) == len(NAMES)
    for axis, measure, colour, label in (
        (left, "llc", colour_of("sgld"), "estimated coefficient"),
        (right, "test_error", PALETTE[0], "test error"),
    ):
        pairs = [[r["value"] for r in rows if (r["measure"], r["seed"]) == (measure, seed)]
                 for seed in mine.points if whole]  # fmt: skip
        for pair in pairs:
            axis.plot((0, 1), pair, color=colour, alpha=0.35, linewidth=0.8)
        _dots(axis, [row for row in rows if row["measure"] == measure], colour)
        axis.set_xticks((0, 1), NAMES)
        axis.set(xlim=(-0.4, 1.4), ylabel=label)
        axis.set_ylim(0, 1.08 * axis.get_ylim()[1])
    ratios = _ratios(mine) if whole else []
    places = [0.3 * (k + 0.5) / len(ratios) - 0.15 for k in range(len(ratios))]
    middle.plot(places, ratios, "o", markersize=3, alpha=0.7, color=colour_of("sgld"))
    if len(ratios) > 1:
        centre, reach = _interval(ratios)
        middle.errorbar([0.25], [centre], reach, fmt="s", markersize=4, capsize=3,
                        color=colour_of("sgld"))  # fmt: skip
    published(middle, [1], [PUBLISHED[1] / PUBLISHED[0]])
    middle.axhline(1, color="0.5", linewidth=0.8)
    middle.set_xticks((0, 1), ("ours", "published"))
    middle.set(xlim=(-0.5, 1.5), ylabel="Entropy-SGD / SGD")
    return Drawing(
        figure, rows, (_order(found.get("llc")), _errors(found.get("test_error")), _length()),
        "Perceptrons 64-64 on 8 by 8 digits, trained by SGD with Nesterov momentum or by"
        " Entropy-SGD to a training loss below 0.05. Lines join trials of one seed; an open dot is"
        " an estimate that a guard marks as not converged. Middle: ratio of estimates of one seed,"
        " their mean (square) with its 95 % interval (Student's t over seeds), and the ratio of"
        " the published values. Verdicts rest on differences within seeds with 90 % intervals.",
        "Estimated coefficients and test errors of networks trained by SGD and by Entropy-SGD, and"
        " the ratio of the estimates beside the published 0.87.",
    )  # fmt: skip


def _rows(mine: Readings) -> list[Row]:
    return [
        {"optimiser": NAMES[int(level)], "place": level, "seed": seed, "measure": measure,
         "value": value_of(point, measure), "guards": " ".join(warnings_of(point, measure)),
         "gradients": point.gradients}
        for seed, points in mine.points.items()
        for level, point in zip(mine.levels, points, strict=True)
        for measure in ("llc", "test_error")
    ]  # fmt: skip


def _dots(axis: Axes, rows: Sequence[Row], colour: str) -> None:
    for fill in ("full", "none"):
        dots = [row for row in rows if bool(row["guards"]) == (fill == "none")]
        axis.plot([r["place"] for r in dots], [r["value"] for r in dots], "o", color=colour,
                  markersize=3, fillstyle=fill)  # fmt: skip
    if not rows:
        axis.text(0.5, 0.5, "no trials", transform=axis.transAxes, ha="center")


def _ratios(mine: Readings) -> list[float]:
    """Return the estimate of Entropy-SGD over that of SGD, for seeds that have both."""
    pairs = [tuple(value_of(point, "llc") for point in points) for points in mine.points.values()]
    return [b / a for a, b in pairs if a is not None and b is not None]


def _interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean with half the width of its 95 % interval by Student's t."""
    reach = float(stdtrit(len(values) - 1, 0.975)) * float(np.std(values, ddof=1))
    return float(np.mean(values)), reach / len(values) ** 0.5


def _order(effect: Effect | None) -> Claim:
    text = "Entropy-SGD ends at a lower coefficient than SGD."
    if effect is None or effect.low is None:
        return Claim(text, SOURCE, "not decided", _lacks(effect), DIFFERENCE)
    verdicts: dict[str, Verdict] = {"seen": "reproduced", "reversed": "not reproduced"}
    figures = f"{_figures(effect)}; {effect.flagged} of {effect.figures} estimates are marked as"
    verdict = verdicts.get(effect.verdict, "not decided")
    return Claim(text, SOURCE, verdict, f"{figures} not converged.", DIFFERENCE)


def _errors(effect: Effect | None) -> Claim:
    text = "Both have the same test error."
    if effect is None or effect.low is None or effect.high is None:
        return Claim(text, SOURCE, "not decided", _lacks(effect), DIFFERENCE)
    alike = max(abs(effect.low), abs(effect.high)) < ALIKE
    apart = effect.low > 0 or effect.high < 0
    verdict: Verdict = "reproduced" if alike else "not reproduced" if apart else "not decided"
    figures = f"{_figures(effect)}; asked for: within {ALIKE:g} of 0."
    return Claim(text, SOURCE, verdict, figures, DIFFERENCE)


def _length() -> Claim:
    return Claim(
        "Estimates keep growing with the number of iterations, and the order holds for most"
        " lengths and localisations.",
        SOURCE,
        "not made here",
        "The suite measures with one length and one localisation; its guards say which chains have"
        " not converged.",
        DIFFERENCE,
    )


def _figures(effect: Effect) -> str:
    return (
        f"Entropy-SGD minus SGD: {effect.value:+.3g}, 90 % interval {effect.low:+.3g} to"
        f" {effect.high:+.3g} over {effect.seeds} seeds"
    )


def _lacks(effect: Effect | None) -> str:
    seeds = 0 if effect is None else effect.seeds
    return f"Seeds with both optimisers: {seeds}; two are needed."


FIGURE = PaperFigure(
    id="f13",
    name="entropy",
    title="SGD against Entropy-SGD: the coefficient at one training loss",
    paper="Lau et al. 2023 (v1), SGD and Entropy-SGD on MNIST",
    draw=draw,
    inputs=("heuristics-image",),
    needs="A perceptron 1024-1024 on MNIST, 80 seeds of 200 epochs with estimates at every epoch.",
)
