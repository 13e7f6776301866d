"""From scores to tables: the three truths and the estimate side by side."""

import math
from collections.abc import Sequence
from statistics import median

from llcbench.compare.outdated import is_outdated
from llcbench.report.labels import SHOWN_SETTINGS, fraction, name_of, setting_labels, short_labels
from llcbench.report.tables import Cell, Column, Mark, Row, Table, Value
from llcbench.scoring import Proportion, Score, Uncertain
from llcbench.settings import Settings
from theory.tempered.result import with_error

NOTHING = "-"
OUTDATED = "outdated"
_OTHER = tuple(name for name in Settings.__struct_fields__ if name not in SHOWN_SETTINGS)

_COLUMNS = (
    Column("problem", "problem", ("problem",), numeric=False),
    Column("sampler", "sampler with its hyper-parameters", ("sampler",), numeric=False),
    Column("settings", "how the sampler was run", ("settings", *_OTHER), numeric=False),
    Column("nbeta", "inverse temperature", ("nbeta",), rank=3),
    Column("gamma", "localisation strength", ("gamma",), rank=3),
    Column(
        "local",
        "exact local coefficient, multiplicity if above 1",
        ("rlct_local", "rlct_local_exact", "multiplicity"),
        group="truth",
    ),
    Column(
        "global",
        "exact global coefficient",
        ("rlct_global", "rlct_global_exact"),
        group="truth",
        rank=2,
    ),
    Column(
        "tempered",
        "what a perfect sampler returns at this nbeta and gamma",
        ("tempered", "tempered_se", "tempered_method"),
        group="truth",
    ),
    Column(
        "lambda_hat",
        "mean estimate with its standard error",
        ("lambda_hat", "lambda_hat_se"),
        group="estimate",
    ),
    Column(
        "gap",
        "tempered - local: the error of the setting",
        ("gap", "gap_se"),
        group="error",
        rank=4,
    ),
    Column(
        "bias",
        "lambda_hat - tempered: the error of the sampler",
        ("bias", "bias_se"),
        group="error",
        rank=1,
    ),
    Column("z", "bias in units of its standard error", ("bias_z",), group="error", rank=1),
    Column("sd", "standard deviation between replicates", ("sd",), group="error", rank=5),
    Column(
        "cov90",
        "how often the 90 % interval held the tempered value",
        ("coverage90", "coverage90_hits", "coverage90_runs"),
        group="error",
        rank=4,
    ),
    Column(
        "virial",
        "E[r . grad U] / d - 1: below 0 not equilibrated, above 0 the steps are too long",
        ("virial", "virial_se"),
        group="measured",
        rank=1,
    ),
    Column(
        "D",
        "share by which steps and minibatches raise the estimate, as the chains themselves show",
        ("discretisation", "discretisation_se"),
        group="measured",
        rank=1,
    ),
    Column(
        "ess/grad",
        "effective draws per gradient evaluation",
        ("ess_per_grad",),
        group="cost",
        rank=6,
    ),
    Column("seconds", "mean time of a run", ("seconds", "peak_bytes"), group="cost", rank=7),
    Column("runs", "runs with an estimate / all runs", ("runs_ok", "runs"), group="state", rank=2),
    Column(
        "flags",
        "outdated: an older version of the problem; statuses of failed runs, guards that failed,"
        " with the number of runs",
        ("flags",),
        numeric=False,
        group="state",
    ),
)


def score_table(scores: Sequence[Score]) -> Table:
    """Return one row per score; a group without an estimate keeps its row.

    A column ``settings`` appears if the scores differ in more than temperature and localisation,
    columns of what chains measure of themselves if some did.
    """
    labels = short_labels(score.sampler for score in scores)
    settings = setting_labels(scores)
    rows = tuple(
        Row(_cells(score, labels[score.sampler], setting), mark_of(score))
        for score, setting in zip(scores, settings, strict=True)
    )
    table = Table("Estimates against the three truths", _COLUMNS, rows)
    absent = {
        "settings": not any(settings),
        "virial": all(score.virial is None for score in scores),
        "D": all(score.discretisation is None for score in scores),
    }
    return table.select(tuple(c.name for c in _COLUMNS if not absent.get(c.name)))


def mark_of(score: Score) -> Mark:
    """Return the worst that happened: failed runs, skipped ones, or guards that failed."""
    if failed_runs(score):
        return "failed"
    if score.statuses.get("skipped"):
        return "skipped"
    return "flagged" if score.flagged else ""


def failed_runs(score: Score) -> int:
    """Return the number of runs that were tried and ended without an estimate."""
    return score.failures.successes - score.statuses.get("skipped", 0)


def flags_of(score: Score) -> str:
    """Return statuses of failed runs and names of failed guards, with counts unless all runs.

    Runs on an older version of the problem begin with ``outdated``.
    """
    bad = {name: count for name, count in score.statuses.items() if name != "ok"}
    outdated = [OUTDATED] if is_outdated(score.problem, score.version) else []
    counted = (
        name if count == score.replicates else f"{name} {count}/{score.replicates}"
        for name, count in [*bad.items(), *score.failed_guards.items()]
    )
    return ", ".join([*outdated, *counted])


def estimated(statistic: Uncertain | None, sign: str = "") -> str:
    """Write an estimate with its error, such as ``0.502(25)``."""
    if statistic is None:
        return NOTHING
    return (sign if statistic.value >= 0 else "") + with_error(statistic.value, statistic.stderr)


def known(statistic: Uncertain | None, sign: str = "") -> str:
    """Write a truth: plain if its error is below the digits shown, such as ``0.4121``."""
    if statistic is None:
        return NOTHING
    size = abs(statistic.value)
    decimals = 4 if size < 10 else max(0, 3 - math.floor(math.log10(size)))
    if statistic.stderr > 0.5 * 10.0**-decimals:
        return estimated(statistic, sign)
    return _signed(statistic.value, decimals) if sign else f"{statistic.value:.{decimals}f}"


def short(value: float | None, digits: int = 2) -> str:
    """Write a value to a few digits."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{value:.{digits}g}" if abs(value) < 10.0**digits else f"{value:.0f}"


def _cells(score: Score, label: str, setting: str) -> tuple[Cell, ...]:
    done = score.replicates - score.failures.successes
    others: tuple[Value, ...] = tuple(getattr(score.settings, name) for name in _OTHER)
    z = score.bias.z if score.bias else None
    method = score.tempered_method
    return (
        Cell(score.problem, (score.problem,)),
        Cell(label, (score.sampler,)),
        Cell(setting or NOTHING, (setting, *others)),
        Cell(short(score.nbeta, 4), (score.nbeta,)),
        Cell(short(score.settings.gamma, 4), (score.settings.gamma,)),
        _local(score),
        Cell(score.global_ or NOTHING, (fraction(score.global_), score.global_)),
        Cell(known(score.tempered), (*_pair(score.tempered), method)),
        Cell(estimated(score.mean), _pair(score.mean)),
        Cell(known(score.gap, "+"), _pair(score.gap)),
        Cell(estimated(score.bias, "+"), _pair(score.bias)),
        Cell(NOTHING if z is None else _signed(z, 0 if abs(z) >= 100 else 1), (z,)),
        Cell(short(score.sd), (score.sd,)),
        _proportion(score.coverage90),
        Cell(estimated(score.virial, "+"), _pair(score.virial)),
        Cell(estimated(score.discretisation), _pair(score.discretisation)),
        Cell(short(score.ess_per_grad), (score.ess_per_grad,)),
        Cell(short(score.seconds or None), (score.seconds, score.peak_bytes)),
        Cell(f"{done}/{score.replicates}", (done, score.replicates)),
        Cell(flags_of(score) or NOTHING, (flags_of(score),)),
    )


def _signed(value: float, decimals: int) -> str:
    """Write a sign unless the digits shown are all zero."""
    plain = f"{value:+.{decimals}f}"
    return plain if plain.strip("+-0.") else plain[1:]


def _local(score: Score) -> Cell:
    order = score.local_multiplicity
    suffix = f" (m {order})" if order is not None and order > 1 else ""
    text = f"{score.local}{suffix}" if score.local else NOTHING
    return Cell(text, (fraction(score.local), score.local, order))


def _proportion(rate: Proportion | None) -> Cell:
    if rate is None or not rate.trials:
        return Cell(NOTHING, (None, None, None))
    return Cell(f"{rate.successes}/{rate.trials}", (rate.value, rate.successes, rate.trials))


def _pair(statistic: Uncertain | None) -> tuple[Value, Value]:
    return (None, None) if statistic is None else (statistic.value, statistic.stderr)


_SUMMARY = (
    Column("sampler", "sampler with its hyper-parameters", ("sampler",), numeric=False),
    Column("problems", "problems and settings with an estimate / all", ("scored", "groups")),
    Column(
        "|bias|/tempered",
        "median over problems of the sampler's own error, relative",
        ("median_relative_bias",),
        group="median error",
    ),
    Column(
        "|error|/local",
        "median over problems of the distance to the local coefficient, relative",
        ("median_relative_error",),
        group="median error",
    ),
    Column("worst", "largest |bias|/tempered", ("worst_relative_bias",)),
    Column(
        "cov90",
        "how often the 90 % interval held the tempered value",
        ("coverage90", "coverage90_hits", "coverage90_runs"),
    ),
    Column("ess/grad", "median effective draws per gradient", ("ess_per_grad",)),
    Column("failed", "runs that were tried and ended without an estimate", ("failed",)),
    Column("skipped", "runs that the sampler does not support", ("skipped",)),
    Column("flagged", "runs with a guard that failed", ("flagged",)),
    Column("runs", "all runs", ("runs",)),
)


def sampler_table(scores: Sequence[Score]) -> Table:
    """Return one row per sampler over all problems.

    Samplers that support different problems are not compared on equal terms; the column
    ``problems`` says on how many each was scored.
    """
    labels = short_labels(score.sampler for score in scores)
    by_label: dict[str, list[Score]] = {}
    for score in scores:
        by_label.setdefault(score.sampler, []).append(score)
    ordered = sorted(by_label, key=lambda label: (name_of(label), label))
    rows = tuple(_summary(labels[label], label, by_label[label]) for label in ordered)
    return Table("Samplers over all problems", _SUMMARY, rows)


def _summary(text: str, label: str, group: list[Score]) -> Row:
    own = [abs(s.relative_error) for s in group if s.relative_error is not None]
    total = [abs(s.relative_error_local) for s in group if s.relative_error_local is not None]
    rates = [s.coverage90 for s in group if s.coverage90 is not None]
    coverage = Proportion(sum(r.successes for r in rates), sum(r.trials for r in rates))
    costs = [s.ess_per_grad for s in group if s.ess_per_grad is not None]
    failed = sum(failed_runs(s) for s in group)
    skipped = sum(s.statuses.get("skipped", 0) for s in group)
    flagged = sum(s.flagged for s in group)
    runs = sum(s.replicates for s in group)
    scored = sum(s.mean is not None for s in group)
    return Row(
        (
            Cell(text, (label,)),
            Cell(f"{scored}/{len(group)}", (scored, len(group))),
            _percent(median(own) if own else None),
            _percent(median(total) if total else None),
            _percent(max(own, default=None)),
            _proportion(coverage),
            Cell(short(median(costs) if costs else None), (median(costs) if costs else None,)),
            Cell(str(failed), (failed,)),
            Cell(str(skipped), (skipped,)),
            Cell(str(flagged), (flagged,)),
            Cell(str(runs), (runs,)),
        ),
        "failed" if failed else "flagged" if flagged else "",
    )


def _percent(value: float | None) -> Cell:
    return Cell(NOTHING if value is None else f"{short(100 * value)} %", (value,))
