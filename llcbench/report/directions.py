"""Published directions of training heuristics, a compact row each."""

from collections.abc import Iterable, Mapping

from llcbench.heuristics.design import Design
from llcbench.heuristics.effects import Effect, effects
from llcbench.heuristics.store import TrialResults, joined
from llcbench.heuristics.trial import TrialRecord
from llcbench.report.tables import Cell, Column, Row, Table

_COLUMNS = (
    Column("suite", "whose trials", ("suite", "experiment"), numeric=False),
    Column("factor", "what is varied", ("factor",), numeric=False),
    Column("measure", "what is to move", ("measure",), numeric=False),
    Column("published", "direction with its source", ("published", "source"), numeric=False),
    Column("here", "by the 90 % interval alone", ("here",), numeric=False),
    Column("effect", "mean over seeds with its 90 % interval", ("effect", "low", "high", "unit")),
    Column("seeds", "that have all levels", ("seeds",)),
    Column("at loss", "training loss at which trainings ended", ("loss",)),
    Column("flagged", "share of values that a guard warns of", ("flagged", "figures")),
)


def direction_table(contents: Iterable[TrialResults]) -> Table:
    """Return one row per published direction of all suites, in the order of their names.

    Raises:
        ValueError: If a suite is there twice with different settings.
    """
    held = joined(contents)
    rows = [row for name in sorted(held.designs) for row in _rows(held.designs[name], held.records)]
    return Table("Published directions", _COLUMNS, tuple(rows))


def _rows(design: Design, records: Mapping[str, TrialRecord]) -> list[Row]:
    losses = {e.name: e.arms[0].trial.training.stop_loss for e in design.experiments if e.matched}
    claimed = [effect for effect in effects(design, records) if effect.claimed is not None]
    return [_row(effect, losses.get(effect.experiment)) for effect in claimed]


def _row(effect: Effect, loss: float | None) -> Row:
    cells = (
        Cell(effect.design, (effect.design, effect.experiment)),
        Cell(effect.factor, (effect.factor,)),
        Cell(effect.measure, (effect.measure,)),
        Cell(f"{effect.claimed} ({_author(effect.source)})", (effect.claimed, effect.source)),
        Cell(effect.verdict, (effect.verdict,)),
        _written(effect),
        Cell(f"{effect.seeds}", (effect.seeds,)),
        Cell("-" if loss is None else f"{loss:g}", (loss,)),
        Cell(_share(effect), (effect.flagged, effect.figures)),
    )
    return Row(cells, "flagged" if effect.flagged else "")


def _author(source: str) -> str:
    """Return what stands before the first comma, such as ``Lau et al. 2025``."""
    return source.partition(",")[0].partition(":")[0]


def _written(effect: Effect) -> Cell:
    values = (effect.value, effect.low, effect.high, effect.unit)
    if effect.value is None:
        return Cell("-", values)
    ends = ""
    if effect.low is not None and effect.high is not None:
        ends = f" [{effect.low:+.3g}, {effect.high:+.3g}]"
    return Cell(f"{effect.value:+.3g}{ends} {effect.unit}", values)


def _share(effect: Effect) -> str:
    return f"{effect.flagged / effect.figures:.0%}" if effect.figures else "-"
