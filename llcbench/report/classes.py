"""Random classes of linear networks: how far the estimates are, one row per class and sampler."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import combinations
from statistics import median

from llcbench.compare.entries import entries_of
from llcbench.compare.outdated import is_outdated
from llcbench.records import Estimate, RunRecord
from llcbench.report.tables import Cell, Column, Mark, Row, Table

MIB = 2.0**20
# As the guard of an estimate has it.
RHAT = 1.05
# Weights, version of their distribution, inverse temperature, localisation.
Question = tuple[str, int, float, float]
ORDER = ("1k", "10k", "100k", "1m", "10m", "100m")
_COLUMNS = (
    Column("class", "published class, or widths of one network", ("class",), numeric=False),
    Column("nbeta", "inverse temperature", ("nbeta",)),
    Column("gamma", "localisation", ("gamma",)),
    Column("sampler", "or estimator that needs none", ("sampler",), numeric=False),
    Column("networks", "with an estimate / tried", ("done", "tried")),
    Column("parameters", "median", ("dim",)),
    Column("/ local", "estimate over the local coefficient, median and range", ("l", "l0", "l1")),
    Column("/ tempered", "over a certified tempered truth, median and range", ("t", "t0", "t1")),
    Column("error", "median distance to the tempered truth, relative", ("error",)),
    Column("order", "pairs that are ordered as the tempered truths are", ("order", "pairs")),
    Column("s/step", "seconds of a step of all chains, median", ("step",)),
    Column("MiB", "largest peak memory of a process", ("memory",)),
    Column("flagged", "networks on which a guard warns", ("flagged",)),
)


def class_table(records: Iterable[RunRecord]) -> Table:
    """Return one row per class, temperature, localisation and sampler of runs on ``dln/*``.

    Networks that are no draw of a class stand below the classes. Where a network is too large for
    a certified tempered truth, a run of block Gibbs among the records takes its place, for all
    samplers but itself, unless it failed or its chains disagree. Runs on an older version of a
    class are a row of their own.
    """
    groups: dict[tuple[int, str, float, float, str], list[RunRecord]] = {}
    drawn = [r for r in records if r.spec.problem.startswith("dln/")]
    exact = {
        _question(r): r.estimate.llc or 0.0
        for r in drawn
        if (r.spec.sampler, r.spec.estimator) == ("gibbs", "mean_energy") and _settled(r.estimate)
    }
    for entry, runs in entries_of(drawn).runs.items():
        for record in runs:
            spec = record.spec
            name = spec.problem.split("/")[1]
            label = entry.estimator if entry.estimator != "mean_energy" else entry.sampler
            place = ORDER.index(name) if name in ORDER else len(ORDER)
            if is_outdated(spec.problem, spec.problem_version):
                name += " (outdated)"
            nbeta = float(f"{record.estimate.nbeta:.3g}")
            key = (place, name, nbeta, record.spec.settings.gamma, label)
            groups.setdefault(key, []).append(record)
    rows = tuple(_row(*key[1:], group, exact) for key, group in sorted(groups.items()))
    return Table("Deep linear networks by class", _COLUMNS, rows)


def _settled(estimate: Estimate) -> bool:
    """Return whether a run of block Gibbs may stand for a truth; one chain has no R-hat."""
    agree = estimate.rhat is None or estimate.rhat < RHAT
    return estimate.status == "ok" and bool(estimate.llc) and agree


def _row(
    name: str,
    nbeta: float,
    gamma: float,
    sampler: str,
    group: Sequence[RunRecord],
    exact: dict[Question, float],
) -> Row:
    done = [r for r in group if r.estimate.status == "ok" and r.estimate.llc is not None]
    local = [_ratio(r, _local(r)) for r in done]
    truths = [_tempered(r, {} if sampler == "gibbs" else exact) for r in done]
    known = [(r.estimate.llc or 0.0, t) for r, t in zip(done, truths, strict=True) if t]
    tempered = [value / truth for value, truth in known]
    sizes = [r.estimate.dim for r in done if r.estimate.dim]
    steps = [
        r.estimate.seconds_sampling / (r.spec.settings.num_burnin + r.spec.settings.num_draws)
        for r in done
        if r.estimate.ess_bulk is not None
    ]
    memory = max((r.estimate.peak_bytes for r in done), default=0)
    flagged = sum(not r.estimate.converged for r in done)
    cells = (
        Cell(name, (name,)),
        Cell(f"{nbeta:.3g}", (nbeta,)),
        Cell(f"{gamma:g}", (gamma,)),
        Cell(sampler, (sampler,)),
        Cell(f"{len(done)}/{len(group)}", (len(done), len(group))),
        _number([median(sizes)] if sizes else [], "{:.3g}"),
        _spread([value for value in local if value is not None]),
        _spread(tempered),
        _number([median(abs(ratio - 1) for ratio in tempered)] if tempered else [], "{:.1%}"),
        _order(known),
        _number([median(steps)] if steps else [], "{:.2g}"),
        Cell(f"{memory / MIB:.0f}", (memory,)),
        Cell(f"{flagged}/{len(done)}", (flagged,)),
    )
    mark: Mark = "failed" if len(done) < len(group) else "flagged" if flagged else ""
    return Row(cells, mark)


def _question(record: RunRecord) -> Question:
    """Return the weights, whatever data they are given, with temperature and localisation."""
    weights = "/".join(part for part in record.spec.problem.split("/") if part[0] != "n")
    nbeta = float(f"{record.estimate.nbeta:.6g}")
    return weights, record.spec.problem_version, nbeta, float(record.spec.settings.gamma)


def _tempered(record: RunRecord, exact: dict[Question, float]) -> float | None:
    """Return what a perfect sampler gives: a certified truth, without any a run of block Gibbs."""
    truth = record.truths.tempered if record.truths else None
    if truth is None:
        return exact.get(_question(record))
    return truth.value if truth.certified else None


def _order(known: Sequence[tuple[float, float]]) -> Cell:
    """Return the share of pairs of networks whose estimates are ordered as their truths are."""
    pairs = [(a, b) for a, b in combinations(known, 2) if a[1] != b[1]]
    if not pairs:
        return Cell("-", (None, 0))
    kept = sum((a[0] < b[0]) == (a[1] < b[1]) for a, b in pairs) / len(pairs)
    return Cell(f"{kept:.3f}", (kept, len(pairs)))


def _local(record: RunRecord) -> float | None:
    """Return the exact local coefficient; None if it is known within bounds only, or 0."""
    text = record.truths.local.value if record.truths else ""
    return float(Fraction(text)) or None if text and not text.startswith("[") else None


def _ratio(record: RunRecord, truth: float | None) -> float | None:
    return record.estimate.llc / truth if record.estimate.llc is not None and truth else None


def _spread(values: Sequence[float]) -> Cell:
    if not values:
        return Cell("-", (None, None, None))
    middle, low, high = median(values), min(values), max(values)
    text = f"{middle:.3g}" if len(values) == 1 else f"{middle:.3g} [{low:.3g}, {high:.3g}]"
    return Cell(text, (middle, low, high))


def _number(values: Sequence[float], form: str) -> Cell:
    return Cell(form.format(values[0]), (values[0],)) if values else Cell("-", (None,))
