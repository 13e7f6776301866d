"""Suites from Python: run, read, score, rank, compare, and show the outcome as text or data frame.

The commands of the same names do the same. `llcbench.run` and `llcbench.compare` are packages, so
the functions are called `run_suite` and `compare_entries`.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from llcbench import compare as comparisons
from llcbench.compare.board import Board
from llcbench.compare.pairwise import Difference
from llcbench.records import RunRecord, Value
from llcbench.rehearsal.result import Rehearsal
from llcbench.report.leaderboard_table import leaderboard_table, legend, pairwise_table
from llcbench.report.rehearsal_table import rehearsal_table
from llcbench.report.score_table import score_table
from llcbench.report.tables import Table
from llcbench.report.tables import to_text as render
from llcbench.run.complete import complete
from llcbench.run.executors.executor import make_executor
from llcbench.run.exports import is_export, nothing_in, read
from llcbench.run.plan import expand
from llcbench.run.store import RunStore, key_of
from llcbench.run.suite import load
from llcbench.scoring import Score, scores

if TYPE_CHECKING:
    import pandas

Tabular = Board | Rehearsal | Sequence[Score | Difference]
# What of a run goes into a data frame beside its estimate.
_OF_ESTIMATE = (
    "status", "message", "llc", "stderr", "mcse", "data_se", "rhat", "ess_bulk", "ess_tail",
    "nbeta", "gamma", "grad_evals", "seconds_sampling", "dim",
)  # fmt: skip


def run_suite(
    suite: str | Path,
    *,
    store: str | Path | None = None,
    problems: Sequence[str] = (),
    samplers: Sequence[str] = (),
    replicates: int | None = None,
    seed: int | None = None,
    settings: Mapping[str, Value] | None = None,
    executor: Literal["serial", "processes"] = "serial",
    workers: int = 2,
    seconds: float | None = None,
    threads: int = 1,
    progress: bool = True,
) -> list[RunRecord]:
    """Run a suite, or the runs of it that a store lacks, and return its runs.

    Args:
        suite: Name of a suite, or a file ending in ``.toml``.
        store: Folder of finished runs, which are not made again; None to keep none.
        problems: Ids or patterns that select among the suite's problems; an id outside of the
            suite is run with its settings.
        samplers: Samplers to use instead of the suite's, such as ``sgld[step_size=1e-4]``, those
            that `llcbench.sampler` registered included.
        replicates: Repetitions instead of the suite's.
        seed: Seed instead of the suite's.
        settings: Settings that override those of the suite, by name.
        executor: ``processes`` runs ``workers`` at once; samplers of a notebook need ``serial``.
        workers: Processes.
        seconds: Time for all runs; later ones are not started.
        threads: Threads of torch within a run.
        progress: Whether to show a bar.

    Returns:
        One record for every run that was started, in the order of the suite; a run that failed has
        a status and no estimate.

    Raises:
        ValueError: If a name, an option or a value is not admissible.
    """
    specs = expand(
        load(str(suite)),
        samplers=list(samplers),
        problems=list(problems),
        replicates=replicates,
        seed=seed,
        overrides=dict(settings or {}),
    )
    runner = make_executor(executor, workers, [])
    with TemporaryDirectory(prefix="llcbench-") as folder:
        place = RunStore(Path(store if store is not None else folder))
        done = complete(
            specs,
            place,
            runner,
            parallel=workers if executor == "processes" else 1,
            seconds=seconds,
            threads=threads,
            progress=progress,
            say=_warn,
        )
        records = place.contents().records
    return [records[key] for key in map(key_of, done.specs) if key in records]


def read_records(source: str | Path) -> list[RunRecord]:
    """Return the runs of a store, or of a file that ``llcbench export`` wrote.

    Raises:
        ValueError: If there are none or the file cannot be read.
    """
    if is_export(str(source)):
        return list(read(Path(source)).values())
    records = RunStore(Path(source)).contents().records
    if not records:
        raise ValueError(nothing_in(source, "runs", "llcbench run smoke"))
    return list(records.values())


def score(records: Iterable[RunRecord]) -> list[Score]:
    """Return the scores of runs against all three truths, one per problem, sampler and settings."""
    return scores(records)


def leaderboard(
    records: Iterable[RunRecord],
    *,
    ladder: Iterable[RunRecord] = (),
    by: str = "bias",
    draws: int = 1000,
    seed: int = 0,
) -> Board:
    """Rank the entries of some runs, with bootstrap intervals.

    Args:
        records: Runs of any number of problems, samplers and variants.
        ladder: Runs at several step sizes, which show how wide the range of good ones is.
        by: Metric that ranks, such as ``bias`` or ``rmse``.
        draws: Bootstrap samples.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: If no run has a tempered truth or the metric is unknown.
    """
    return comparisons.leaderboard(records, ladder=ladder, by=by, draws=draws, seed=seed)


def compare_entries(
    records: Iterable[RunRecord],
    names: Sequence[str] = (),
    *,
    against: Iterable[RunRecord] | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> list[Difference]:
    """Return the differences of entries in all metrics, corrected for the number of pairs.

    Args:
        records: Runs.
        names: Entries such as ``sgld@tuned``; two or more within one set of runs. An empty list
            stands for all that are also in ``against``.
        against: Other runs, in which the entries are looked for too.
        draws: Bootstrap samples.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: If a name is unknown or ambiguous, or there is nothing to compare.
    """
    return comparisons.compare(records, names, against=against, draws=draws, seed=seed)


def to_text(result: Tabular, columns: Sequence[str] = ()) -> str:
    """Return a leaderboard, scores, differences or a rehearsal as aligned text.

    Args:
        result: What `leaderboard`, `score`, `compare_entries` or `llcbench.rehearse` returned.
        columns: Names of the columns that are wanted; none for all.

    Raises:
        ValueError: If the name of a column is unknown.
    """
    table = _table(result)
    known = [column.name for column in table.columns]
    for name in columns:
        if name not in known:
            raise ValueError(f"no column {name!r}; there are {', '.join(known)}")
    text = render(table.select(tuple(columns)) if columns else table)
    return "\n".join([text, *legend(result)]) if isinstance(result, Board) else text


def to_frame(result: Tabular | Sequence[RunRecord]) -> "pandas.DataFrame":
    """Return a leaderboard, scores, differences, runs or a rehearsal as a data frame.

    Values are in full precision.

    Raises:
        ModuleNotFoundError: If pandas is not installed.
    """
    try:
        import pandas
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "a data frame needs pandas: pip install 'llcbench[dataframe]'"
        ) from error
    items = [] if isinstance(result, Board | Rehearsal) else result
    runs = [item for item in items if isinstance(item, RunRecord)]
    if runs:
        return pandas.DataFrame([_plain(record) for record in runs])
    scored = [item for item in items if not isinstance(item, RunRecord)]
    table = _table(result if isinstance(result, Board | Rehearsal) else scored)
    fields = [name for column in table.columns for name in column.fields]
    rows = [[value for cell in row.cells for value in cell.values] for row in table.rows]
    return pandas.DataFrame(rows, columns=fields)


def _warn(lines: Sequence[str]) -> None:
    for line in lines:
        warnings.warn(line, stacklevel=4)


def _table(result: Tabular) -> Table:
    if isinstance(result, Board):
        return leaderboard_table(result)
    if isinstance(result, Rehearsal):
        return rehearsal_table(result)
    scored = [item for item in result if isinstance(item, Score)]
    pairs = [item for item in result if isinstance(item, Difference)]
    if pairs and not scored:
        return pairwise_table(pairs)
    return score_table(scored)


def _plain(record: RunRecord) -> dict[str, Any]:
    spec, truths = record.spec, record.truths
    tempered = truths.tempered if truths else None
    return {
        "key": record.key,
        "problem": spec.problem,
        "sampler": spec.label,
        "estimator": spec.estimator,
        "variant": spec.variant,
        "seed": spec.seed,
        "replicate": spec.replicate,
        "local": truths.local.value if truths else None,
        "global": truths.global_.value if truths else None,
        "tempered": tempered.value if tempered else None,
        **{name: getattr(record.estimate, name) for name in _OF_ESTIMATE},
    }
