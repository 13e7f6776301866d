"""Tables of effects, correlations and trials."""

from collections.abc import Mapping, Sequence

from llcbench.heuristics.correlations import Correlation
from llcbench.heuristics.design import Design
from llcbench.heuristics.effects import Effect
from llcbench.heuristics.readings import trials_of, value_of
from llcbench.heuristics.trial import TrialRecord
from llcbench.report.tables import Cell, Column, Mark, Row, Table, Value

_EFFECTS = (
    Column("experiment", "what is compared", ("design", "experiment"), numeric=False),
    Column("factor", "what is varied", ("factor",), numeric=False, rank=2),
    Column("measure", "what was measured", ("measure",), numeric=False),
    Column("effect", "mean over seeds with its 90 % interval", ("effect", "low", "high")),
    Column("unit", "of the effect", ("unit",), numeric=False, rank=1),
    Column("change", "over the range of levels, relative to the mean", ("change",), rank=1),
    Column("size", "mean over standard deviation between seeds", ("size",), rank=3),
    Column("claim", "published direction", ("claim", "source"), numeric=False),
    Column("verdict", "by the interval alone", ("verdict",), numeric=False),
    Column("seeds", "that have all levels", ("seeds", "lost"), rank=1),
    Column("trials", "made / missed the loss / failed", ("found", "missed", "failed"), rank=2),
    Column("excluded", "arms", ("excluded",), numeric=False, rank=4),
    Column("flagged", "estimates that a guard warns of", ("flagged", "figures"), rank=1),
    Column("guards", "that warn, with counts", ("warnings",), numeric=False, rank=4),
)
_CORRELATIONS = (
    Column("experiment", "whose trials", ("design", "experiment"), numeric=False),
    Column("first", "a measure", ("first",), numeric=False),
    Column("second", "another", ("second",), numeric=False),
    Column("Spearman", "with its 90 % interval over seeds", ("spearman", "low", "high")),
    Column("runs", "trials or checkpoints", ("runs",)),
    Column("seeds", "that were resampled", ("seeds",)),
)
_TRIALS = (
    Column("experiment", "what it is for", ("design", "experiment"), numeric=False),
    Column("arm", "setting of the factor", ("arm",), numeric=False),
    Column("seed", "of everything", ("seed",)),
    Column("status", "how it ended", ("status", "message"), numeric=False),
    Column("gradients", "minibatch gradients", ("gradients",)),
    Column("train", "training loss", ("train_loss",)),
    Column("test", "test loss", ("test_loss",)),
    Column("llc", "with its standard error", ("llc", "llc_stderr")),
    Column("normed", "with scale-free weights put back", ("llc_normed",)),
    Column("gc", "geometric complexity", ("gc",)),
    Column("top", "largest eigenvalue of the Hessian", ("top",)),
    Column("trace", "of the Hessian", ("trace",)),
    Column("norm", "of all weights", ("norm",)),
    Column("cpu s", "processor time of the trial", ("cpu_seconds",)),
)


def effect_table(effects: Sequence[Effect]) -> Table:
    """Return one row per experiment and measure."""
    return Table("Effects of training heuristics", _EFFECTS, tuple(map(_effect, effects)))


def correlation_table(correlations: Sequence[Correlation]) -> Table:
    """Return one row per experiment and pair of measures."""
    rows = []
    for pair in correlations:
        cells = (
            Cell(pair.experiment, (pair.design, pair.experiment)),
            Cell(pair.first, (pair.first,)),
            Cell(pair.second, (pair.second,)),
            _with_interval(pair.value, pair.low, pair.high, "{:+.2f}"),
            Cell(f"{pair.runs}", (pair.runs,)),
            Cell(f"{pair.seeds}", (pair.seeds,)),
        )
        rows.append(Row(cells))
    return Table("Rank correlations of measures", _CORRELATIONS, tuple(rows))


def trial_table(design: Design, records: Mapping[str, TrialRecord]) -> Table:
    """Return one row per experiment, arm, seed and checkpoint, failed trials included."""
    rows = []
    for experiment in design.experiments:
        for arm, held in trials_of(experiment, records).items():
            for _, record in sorted(held.items()):
                rows += _trial(design.name, experiment.name, arm, record)
    return Table("Trials", _TRIALS, tuple(rows))


def plain(table: Table) -> list[dict[str, Value]]:
    """Return a table as one mapping per row, from the names of its fields to its values."""
    fields = [field for column in table.columns for field in column.fields]
    rows = [[value for cell in row.cells for value in cell.values] for row in table.rows]
    return [dict(zip(fields, row, strict=True)) for row in rows]


def _trial(design: str, experiment: str, arm: str, record: TrialRecord) -> list[Row]:
    heads = (
        Cell(experiment, (design, experiment)),
        Cell(arm, (arm,)),
        Cell(f"{record.trial.seed}", (record.trial.seed,)),
        Cell(record.status, (record.status, record.message)),
    )
    cost = _number(record.cpu_seconds, "{:.1f}")
    mark: Mark = "" if record.status == "ok" else "failed"
    if not record.measured:
        nothing = [Cell("-", (None,) * len(column.fields)) for column in _TRIALS[4:-1]]
        return [Row((*heads, *nothing, cost), mark)]
    rows = []
    for point in record.measured:
        error = None if point.llc is None else point.llc.stderr
        llc = value_of(point, "llc")
        flagged: Mark = "flagged" if point.llc is not None and not point.llc.converged else ""
        shown = "-" if llc is None else f"{llc:.4g}" + ("" if error is None else f" ± {error:.2g}")
        cells = (
            Cell(f"{point.gradients}", (point.gradients,)),
            _number(point.train_loss),
            _number(point.test_loss),
            Cell(shown, (llc, error)),
            _number(value_of(point, "llc_normed")),
            _number(point.gc),
            _number(point.top),
            _number(point.trace),
            _number(point.norm),
        )
        rows.append(Row((*heads, *cells, cost), mark or flagged))
    return rows


def _effect(effect: Effect) -> Row:
    cells = (
        Cell(effect.experiment, (effect.design, effect.experiment)),
        Cell(effect.factor, (effect.factor,)),
        Cell(effect.measure, (effect.measure,)),
        _with_interval(effect.value, effect.low, effect.high, "{:+.3g}"),
        Cell(effect.unit, (effect.unit,)),
        _number(effect.change, "{:+.0%}"),
        _number(effect.size, "{:+.2f}"),
        Cell(effect.claimed or "-", (effect.claimed, effect.source)),
        Cell(effect.verdict, (effect.verdict,)),
        Cell(f"{effect.seeds}", (effect.seeds, effect.lost)),
        Cell(
            f"{effect.found}/{effect.missed}/{effect.failed}",
            (effect.found, effect.missed, effect.failed),
        ),
        _text(", ".join(effect.excluded)),
        Cell(f"{effect.flagged}/{effect.figures}", (effect.flagged, effect.figures)),
        _text(", ".join(f"{name} {count}" for name, count in effect.warnings.items())),
    )
    return Row(cells, "flagged" if effect.flagged else "")


def _text(text: str) -> Cell:
    return Cell(text or "-", (text,))


def _number(value: float | None, form: str = "{:.3g}") -> Cell:
    return Cell("-" if value is None else form.format(value), (value,))


def _with_interval(value: float | None, low: float | None, high: float | None, form: str) -> Cell:
    if value is None:
        return Cell("-", (None, None, None))
    text = form.format(value)
    if low is not None and high is not None:
        text += f" [{form.format(low)}, {form.format(high)}]"
    return Cell(text, (value, low, high))
