"""Geometric complexity and coefficient of perceptrons against heuristics of their training."""

from llcbench.heuristics.design import Measure
from llcbench.heuristics.effects import Effect
from llcbench.report.figures import Claim, Drawing, PaperFigure, Results
from llcbench.report.figures.rows import Cells
from llcbench.report.figures.style import PALETTE, panels
from llcbench.report.style import colour_of
from paper_figures.common.trials import arms, changed, claim_of, marked, short, trials, valued

MEASURES: tuple[Measure, ...] = ("gc", "llc")
COLOURS = {"gc": PALETTE[0], "llc": colour_of("sgld")}
LABELS = {"gc": "geometric complexity", "llc": "estimated coefficient"}
FACTORS = {
    "gc-lr": "learning rate", "gc-batch": "batch size", "gc-momentum": "momentum",
    "gc-decay": "weight decay", "gc-jacobian": "GC penalty",
}  # fmt: skip
DHERIN = "Dherin et al. 2022 (arXiv 2209.13083), ResNet18 on CIFAR-10"
LAU = "Lau et al. 2025 (arXiv 2308.12108), ResNet18 on CIFAR-10"
OURS = "ours: perceptrons 64-64 on 8 by 8 digits, all of them stopped at a training loss of 0.05"
LARGE = f"Theirs: ResNet18 on CIFAR-10; {OURS}."
STEPS = f"Theirs: ResNet18 at equal steps, where arms are at different stages of training; {OURS}."
CLAIMS = (
    ("gc-lr", "gc", "A larger learning rate lowers the geometric complexity.", DHERIN, LARGE),
    ("gc-batch", "gc", "A smaller batch lowers the geometric complexity.", DHERIN, LARGE),
    ("gc-decay", "gc", "Weight decay lowers the geometric complexity.", DHERIN, LARGE),
    ("gc-jacobian", "gc", "A penalty on the geometric complexity lowers it.", DHERIN, LARGE),
    ("gc-lr", "llc", "A larger learning rate lowers the coefficient.", LAU, STEPS),
    ("gc-batch", "llc", "A smaller batch lowers the coefficient.", LAU, STEPS),
    ("gc-momentum", "llc", "A larger momentum lowers the coefficient.", LAU, STEPS),
    ("gc-decay", "llc", "A larger weight decay lowers the coefficient.", LAU, STEPS),
)


def draw(results: Results) -> Drawing:
    """Draw both measures against each factor, one dot a trial."""
    mine = trials(results, "gc")
    figure, axes = panels(2, len(FACTORS), height=1.9)
    rows: list[Cells] = []
    for number, axis in enumerate(axes):
        row, column = divmod(number, len(FACTORS))
        measure, name = MEASURES[row], list(FACTORS)[column]
        if column:
            axis.sharey(axes[row * len(FACTORS)])
            axis.tick_params(labelleft=False)
        rows += arms(axis, mine.held[name], measure, COLOURS[measure], short)
        axis.set_title("" if row else FACTORS[name])
        axis.set_ylabel("" if column else LABELS[measure])
    for axis, measure in zip(axes[:: len(FACTORS)], LABELS, strict=True):
        values = [float(r["value"]) for r in valued(rows) if r["measure"] == measure]
        axis.set_ylim(0, 1.12 * max(values, default=1.0))
    return Drawing(
        figure, rows, (*(_claim(mine.effects.get((name, measure)), name, *rest)
           for name, measure, *rest in CLAIMS), _unmade()),
        "Perceptrons 64-64 on 8 by 8 digits, each trained by SGD until its training loss is below"
        " 0.05. A dot is a trial, an open dot an estimate that a guard marks as not converged;"
        " lines join means with 95 % intervals (Student's t over seeds). Arms of one seed share"
        " initial weights, and verdicts rest on slopes within seeds with 90 % intervals.",
        "Geometric complexity and estimated coefficient at one training loss, against learning"
        " rate, batch size, momentum, weight decay and a penalty on the complexity.",
    )  # fmt: skip


def _claim(
    effect: Effect | None, name: str, text: str, source: str, difference: str
) -> Claim:  # fmt: skip
    return claim_of(effect, name, text, source, difference,
                    lambda e: f"{changed(e)}; {marked(e)}")  # fmt: skip


def _unmade() -> Claim:
    return Claim(
        "Penalties on the spectral norm and on flatness lower the geometric complexity.",
        DHERIN,
        "not made here",
        "The suite has no arms for them.",
        "The training can apply both penalties (spectral, gradient_norm).",
    )


FIGURE = PaperFigure(
    id="f21",
    name="complexity",
    title="Geometric complexity and coefficient against heuristics at one training loss",
    paper="Dherin et al. 2022, sweeps of ResNet18; Lau et al. 2025, training heuristics",
    draw=draw,
    inputs=("heuristics-gc",),
    needs="ResNet18 on CIFAR-10, five seeds and about ten settings each: days of a GPU.",
)
