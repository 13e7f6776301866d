"""SGD against Entropy-SGD: the coefficient at one training loss."""

from matplotlib.axes import Axes

from llcbench.heuristics.design import Measure
from llcbench.heuristics.effects import Effect
from llcbench.heuristics.readings import Readings
from llcbench.report.figures import Claim, Drawing, PaperFigure, Results
from llcbench.report.figures.rows import Cells, picked
from llcbench.report.figures.style import PALETTE, panels, published
from llcbench.report.style import colour_of
from paper_figures.common.intervals import student
from paper_figures.common.trials import (
    claim_of,
    dots,
    lacks,
    marked,
    nothing,
    rows_of,
    statistics,
    trials,
    valued,
    whole,
)
from paper_figures.common.verdicts import decided

SOURCE = "Lau et al. 2023 (arXiv 2308.12108v1), perceptron 1024-1024 on MNIST, 80 seeds"
# What their estimates level off at, for SGD and Entropy-SGD.
PUBLISHED = (1010.0, 880.0)
SUITE, NAMES = "entropy", ("SGD", "Entropy-SGD")
# Test errors of theirs are alike; ours are if their difference is surely less than this.
ALIKE = 0.01
SHOWN: tuple[tuple[Measure, str, str], ...] = (
    ("llc", colour_of("sgld"), "estimated coefficient"),
    ("test_error", PALETTE[0], "test error"),
)
DIFFERENCE = (
    "Theirs: equal epochs and a learning rate of 0.01 for both, which leaves training errors of 0"
    " and 0.0001, and estimates that still grow with the length of the chains; ours: perceptrons"
    " 64-64 on 8 by 8 digits, both stopped at a training loss of 0.05, with learning rates of"
    " their own."
)


def draw(results: Results) -> Drawing:
    """Draw estimates of both, their ratio beside the published one, and test errors."""
    suite = trials(results, "image")
    mine = suite.held[SUITE]
    figure, (left, middle, right) = panels(1, 3)
    rows: list[Cells] = []
    for axis, (measure, colour, label) in zip((left, right), SHOWN, strict=True):
        rows += _pairs(axis, mine, measure, colour)
        axis.set_xticks((0, 1), NAMES)
        axis.set(xlim=(-0.4, 1.4), ylabel=label)
        axis.set_ylim(0, 1.08 * axis.get_ylim()[1])
    both = whole(mine, "llc")
    ratios = both[:, 1] / both[:, 0] if len(mine.levels) == len(NAMES) else both[:0, :0].ravel()
    places = [0.3 * (k + 0.5) / len(ratios) - 0.15 for k in range(len(ratios))]
    middle.plot(places, ratios, "o", markersize=3, alpha=0.7, color=colour_of("sgld"))
    if len(ratios) > 1:
        centre, reach = student(ratios)
        middle.errorbar([0.25], [centre], reach, fmt="s", markersize=4, capsize=3,
                        color=colour_of("sgld"))  # fmt: skip
    published(middle, [1], [PUBLISHED[1] / PUBLISHED[0]])
    middle.axhline(1, color="0.5", linewidth=0.8)
    middle.set_xticks((0, 1), ("ours", "published"))
    middle.set(xlim=(-0.5, 1.5), ylabel="Entropy-SGD / SGD")
    return Drawing(
        figure, rows, (_order(suite.effects.get((SUITE, "llc"))),
         _errors(suite.effects.get((SUITE, "test_error"))), _length()),
        "Perceptrons 64-64 on 8 by 8 digits, trained by SGD with Nesterov momentum or by"
        " Entropy-SGD to a training loss below 0.05. Lines join trials of one seed; an open dot is"
        " an estimate that a guard marks as not converged. Middle: ratio of estimates of one seed,"
        " their mean (square) with its 95 % interval (Student's t over seeds), and the ratio of"
        " the published values. Verdicts rest on differences within seeds with 90 % intervals.",
        "Estimated coefficients and test errors of networks trained by SGD and by Entropy-SGD, and"
        " the ratio of the estimates beside the published 0.87.",
    )  # fmt: skip


def _pairs(axis: Axes, mine: Readings, measure: Measure, colour: str) -> list[Cells]:
    """Draw trials of both optimisers, those of a seed joined; return the trials."""
    rows = rows_of(mine, measure, "place")
    for seed in mine.points if len(mine.levels) == len(NAMES) else ():
        pair = [row["value"] for row in picked(rows, seed=seed)]
        axis.plot((0, 1), pair, color=colour, alpha=0.35, linewidth=0.8)
    dots(axis, rows, "place", colour, size=3)
    if not valued(rows):
        nothing(axis, "no trials")
    return [{"optimiser": NAMES[int(row["place"])], **row} for row in rows]


def _order(effect: Effect | None) -> Claim:
    text = "Entropy-SGD ends at a lower coefficient than SGD."
    return claim_of(effect, SUITE, text, SOURCE, DIFFERENCE, lambda e: f"{_gap(e)}; {marked(e)}")


def _errors(effect: Effect | None) -> Claim:
    text = "Both have the same test error."
    if effect is None or effect.low is None or effect.high is None:
        return Claim(text, SOURCE, "not decided", lacks(SUITE, effect), DIFFERENCE)
    alike = max(abs(effect.low), abs(effect.high)) < ALIKE
    verdict = decided(alike, effect.low > 0 or effect.high < 0)
    detail = f"{_gap(effect)}; asked for: within {ALIKE:g} of 0."
    return Claim(text, SOURCE, verdict, detail, DIFFERENCE)


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


def _gap(effect: Effect) -> str:
    return f"Entropy-SGD minus SGD: {statistics(effect, unit='')}"


FIGURE = PaperFigure(
    id="f13",
    name="entropy",
    title="SGD against Entropy-SGD: the coefficient at one training loss",
    paper="Lau et al. 2023 (v1), SGD and Entropy-SGD on MNIST",
    draw=draw,
    inputs=("heuristics-image",),
    needs="A perceptron 1024-1024 on MNIST, 80 seeds of 200 epochs with estimates at every epoch.",
)
