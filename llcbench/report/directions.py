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
    Column("flagged", "share of figures that a guard warns of", ("flagged", "figures")),
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


def _row(found: Effect, loss: float | None) -> Row:
    cells = (
        Cell(found.design, (found.design, found.experiment)),
        Cell(found.factor, (found.factor,)),
        Cell(found.measure, (found.measure,)),
        Cell(f"{found.claimed} ({_author(found.source)})", (found.claimed, found.source)),
        Cell(found.verdict, (found.verdict,)),
        _effect(found),
        Cell(f"{found.seeds}", (found.seeds,)),
        Cell("-" if loss is None else f"{loss:g}", (loss,)),
        Cell(_share(found), (found.flagged, found.figures)),
    )
    return Row(cells, "flagged" if found.flagged else "")


def _author(source: str) -> str:
    """Return what stands before the first comma, such as ``Lau et al. 2025``."""
    return source.partition(",")[0].partition(":")[0]


def _effect(found: Effect) -> Cell:
    values = (found.value, found.low, found.high, found.unit)
    if found.value is None:
        return Cell("-", values)
    ends = ""
    if found.low is not None and found.high is not None:
        ends = f" [{found.low:+.3g}, {found.high:+.3g}]"
    return Cell(f"{found.value:+.3g}{ends} {found.unit}", values)


def _share(found: Effect) -> str:
    return f"{found.flagged / found.figures:.0%}" if found.figures else "-"
