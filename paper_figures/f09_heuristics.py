"""Lau et al.: learning rate, batch size, momentum and weight decay against the coefficient."""

from collections.abc import Mapping

from matplotlib.axes import Axes

from llcbench.heuristics.design import Measure
from llcbench.heuristics.effects import Effect
from llcbench.report.figures import Claim, Drawing, PaperFigure, Results, Row
from llcbench.report.figures.style import PALETTE, panels, published
from llcbench.report.style import GREY, colour_of
from paper_figures.common.trials import arms, changed, claim_of, lacks, marked, trials
from paper_figures.common.verdicts import decided

SOURCE = "Lau et al. 2025 (arXiv 2308.12108), ResNet18 on CIFAR-10"
# Final estimates as they are drawn in the paper: levels, and values without and with momentum 0.9.
PUBLISHED: Mapping[str, tuple[tuple[float, ...], Mapping[str, tuple[float, ...]]]] = {
    "lr": ((0.005, 0.01, 0.05, 0.1, 0.2), {"momentum 0": (7900, 7800, 6650, 5330, 3080),
                                           "momentum 0.9": (6600, 5200, 800, 200, 20)}),
    "batch": ((16, 32, 64, 128, 256, 512, 1024),
              {"momentum 0": (1600, 3500, 5200, 6700, 7400, 7800, 7900),
               "momentum 0.9": (50, 100, 250, 1150, 2950, 5130, 6600)}),
    "momentum": (tuple(k / 10 for k in range(10)),
                 {"momentum": (6680, 6500, 6230, 6000, 5680, 5320, 4800, 3870, 2520, 860)}),
    "decay": ((0, 0.01, 0.05, 0.075, 0.1), {"momentum 0.9": (6600, 8300, 4800, 3500, 2500)}),
}  # fmt: skip
FACTORS = {"lr": "learning rate", "batch": "batch size", "momentum": "momentum",
           "decay": "weight decay"}  # fmt: skip
DRAWN: tuple[tuple[Measure, str], ...] = (("llc", colour_of("sgld")), ("test_error", PALETTE[0]))
DIFFERENCE = (
    "Theirs: ResNet18 on CIFAR-10 at equal steps, where arms are at different stages of training,"
    " and chains (step 2e-7, localisation 1, 3000 steps) too short to feel their localisation;"
    " ours: a small ResNet on 8 by 8 digits, every arm stopped at a training loss of 0.05."
)
CLAIMS = (
    ("lr", "A larger learning rate lowers the coefficient."),
    ("batch", "A smaller batch lowers the coefficient."),
    ("momentum", "A larger momentum lowers the coefficient."),
    ("decay", "A larger weight decay lowers the coefficient."),
)


def draw(results: Results) -> Drawing:
    """Draw published estimates above ours, and the test error below, for every factor."""
    suite = trials(results, "image")
    figure, axes = panels(3, len(FACTORS), height=1.75)
    rows: list[Row] = []
    for column, (name, label) in enumerate(FACTORS.items()):
        rows += _theirs(axes[column], name)
        axes[column].set_title(label)
        for place, (measure, colour) in enumerate(DRAWN, start=1):
            axis = axes[place * len(FACTORS) + column]
            ours = arms(axis, suite.held[name], measure, colour, _short)
            axis.tick_params(axis="x", labelsize=6)
            rows += [{"series": "ours", **row} for row in ours]
    texts = ("their estimate", "our estimate", "our test error")
    for place, text in enumerate(texts):
        line = axes[place * len(FACTORS) : (place + 1) * len(FACTORS)]
        line[0].set_ylabel(text)
        top = max(axis.get_ylim()[1] for axis in line)
        for axis in line:
            axis.set_ylim(0, top)
            axis.tick_params(labelleft=axis is line[0])
    return Drawing(
        figure, rows,
        (*(_claim(suite.effects.get((name, "llc")), name, text) for name, text in CLAIMS),
         *(_error(suite.effects.get((name, "test_error")), name)
           for name in FACTORS if name != "decay")),
        "Top: final estimates of Lau et al. (2025), means over five seeds as read off their"
        " figures, at equal steps; grey without momentum or with momentum on the axis, joined by a"
        " dashed line with momentum 0.9. Middle and bottom: a small ResNet on 8 by 8 digits, each"
        " stopped at the first training loss below 0.05. A dot is a trial, an open dot an estimate"
        " that a guard marks as not converged; lines join means with 95 % intervals (Student's t"
        " over seeds). Verdicts rest on slopes within seeds with 90 % intervals.",
        "Published estimates fall with learning rate, momentum and weight decay and rise with the"
        " batch size; below, ours at one training loss, and the test error.",
    )  # fmt: skip


def _theirs(axis: Axes, name: str) -> list[Row]:
    levels, series = PUBLISHED[name]
    places = range(len(levels))
    rows: list[Row] = []
    for label, values in series.items():
        dashed = label == "momentum 0.9"
        axis.plot(places, values, color=GREY, linewidth=0.9, linestyle="--" if dashed else "-")
        published(axis, list(places), values, label)
        rows += [{"experiment": name, "measure": "llc", "series": f"published, {label}",
                  "level": level, "value": value}
                 for level, value in zip(levels, values, strict=True)]  # fmt: skip
    axis.set_xticks(places, [_short(level) for level in levels])
    axis.tick_params(axis="x", labelsize=6)
    return rows


def _short(level: float) -> str:
    text = f"{level:.0e}".replace("e-0", "e-") if 0 < level < 0.005 else f"{level:g}"
    return text.removeprefix("0") if text.startswith("0.") else text


def _claim(effect: Effect | None, name: str, text: str) -> Claim:
    return claim_of(effect, name, text, SOURCE, DIFFERENCE,
                    lambda e: f"{changed(e)}; {marked(e)}")  # fmt: skip


def _error(effect: Effect | None, name: str) -> Claim:
    """Decide whether the side on which their estimates are lower has the lower test error."""
    text = f"The side of the {FACTORS[name]} with lower estimates has mostly the lower test error."
    if effect is None or effect.low is None:
        return Claim(text, SOURCE, "not decided", lacks(name, effect), DIFFERENCE)
    wanted, other = ("up", "down") if name == "batch" else ("down", "up")
    verdict = decided(effect.verdict == wanted, effect.verdict == other)
    return Claim(text, SOURCE, verdict, f"{changed(effect)}.", DIFFERENCE)


FIGURE = PaperFigure(
    id="f09",
    name="heuristics",
    title="Training heuristics against the coefficient: published, and at one training loss",
    paper="Lau et al. 2025, training heuristics of ResNet18",
    draw=draw,
    inputs=("heuristics-image",),
    needs="ResNet18 on CIFAR-10: 208 trainings, 287 hours of a GPU in the paper.",
)
