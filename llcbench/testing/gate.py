"""The gate: is a bias within what the error bars allow, and can the statistics be trusted?"""

import math
import shlex
from collections.abc import Sequence
from functools import cache
from importlib.metadata import entry_points
from typing import NamedTuple

import msgspec

from llcbench.records import RunRecord, Spec, TemperedTruth, text
from llcbench.scoring import Score, Uncertain
from llcbench.settings import Settings
from llcbench.testing.limits import ENOUGH, Allowance, allowance_of, limit_of

AGAINST = ("tempered", "local")
# Settings that suites give, and a command that reproduces must therefore give too.
FROM_SUITES = ("nbeta", "gamma", "num_chains", "num_draws", "num_burnin", "batch_size", "start")


class Verdict(NamedTuple):
    """The outcome of a gate.

    Attributes:
        passed: Whether the estimate keeps to the limit and can be trusted to.
        message: All statistics, and the command that makes them again.
        failed_guards: Names of the guards on the sampler that failed in at least one run.
    """

    passed: bool
    message: str
    failed_guards: tuple[str, ...]


def judge(
    score: Score,
    records: list[RunRecord],
    against: str,
    test: str,
    *,
    false_alarm: float,
    z: float | None = None,
) -> Verdict:
    """Judge the score of some runs.

    Args:
        score: The score.
        records: The runs that it was made of.
        against: ``tempered`` or ``local``.
        test: Name of the test, for the command that repeats it.
        false_alarm: Probability, two-sided, that a right estimate is rejected.
        z: Largest bias in standard errors; None for the limit at that probability.

    Raises:
        ValueError: If ``against`` is another word or ``z`` is not a number of at least 0.
    """
    check_question(against, z)
    allowed = allowance_of(score, records, against)
    reason = _objection(score, records, against)
    if reason is None and z is None:
        reason = _too_few(allowed, false_alarm)
    limit = limit_for(allowed.freedom, false_alarm, z)
    reason = reason or missed(allowed.bias, against, limit)
    lines = [f"{score.sampler} on {score.problem}: {reason or 'within the limit'}"]
    lines += [f"  {name:<10} {line}" for name, line in _statistics(score, records)]
    if allowed.bias is not None:
        shown = measured(allowed.bias, against, limit, false_alarm, allowed.freedom, z)
        lines.append(f"  {'bias':<10} {shown}")
    lines.append(f"  {'reproduce':<10} {_command(records, test)}")
    return Verdict(reason is None, "\n".join(lines), tuple(score.failed_guards))


def check_question(against: str, z: float | None) -> None:
    """Refuse another truth than two of the three, and a limit that is none.

    Raises:
        ValueError: Naming both.
    """
    if against not in AGAINST:
        raise ValueError(f"against must be 'tempered' or 'local', got {against!r}")
    if z is not None and not z >= 0:
        raise ValueError(f"z must be a number of standard errors of at least 0, got {z!r}")


def limit_for(freedom: float, false_alarm: float, z: float | None) -> float:
    """Return the limit that was asked for, else that of a probability; NaN where there is none."""
    if z is not None:
        return z
    return limit_of(freedom, false_alarm) if freedom > 0 else math.nan


def missed(bias: Uncertain | None, against: str, limit: float) -> str | None:
    """Return why a bias does not keep to a limit; None if it does."""
    if bias is not None and not 0 < bias.stderr < math.inf:
        return f"the estimate has no error to judge it by ({bias.stderr:g})"
    if bias is not None and abs(bias.value) <= limit * bias.stderr:
        return None
    return f"the estimate is off the {against} value"


def measured(
    bias: Uncertain,
    against: str,
    limit: float,
    false_alarm: float,
    freedom: float,
    z: float | None,
) -> str:
    """Return the line on the bias: how far off, what is allowed and where that comes from."""
    line = f"{bias.value:+.5g} +- {bias.stderr:.2g}, z = {bias.z:.2f}, limit {limit:.2f}"
    normal = "normal error" if math.isinf(freedom) else f"{freedom:.3g} degrees of freedom"
    origin = "given" if z is not None else f"false alarm {false_alarm:.3g}, {normal}"
    return f"{line}, against the {against} value ({origin})"


def doubt(tempered: Sequence[TemperedTruth | None]) -> str | None:
    """Return why nothing can be compared with some tempered values; None if it can."""
    if any(truth is None for truth in tempered):
        return "there is no tempered value to compare with; use against='local'"
    for truth in tempered:
        if truth is not None and not truth.certified:
            return f"the tempered value ({truth.method}) is not certified"
    return None


def _objection(score: Score, records: list[RunRecord], against: str) -> str | None:
    """Return why a score cannot be judged; None if it can."""
    failed = [r.estimate for r in records if r.estimate.status != "ok"]
    if failed:
        first = f"{failed[0].status}: {failed[0].message}"
        return f"{len(failed)} of {len(records)} runs failed ({first})"
    if against == "local":
        known = score.bias_local is not None
        return None if known else f"the local coefficient is not known exactly: {score.local}"
    return doubt([r.truths.tempered if r.truths is not None else None for r in records])


def _too_few(allowed: Allowance, false_alarm: float) -> str | None:
    """Return why there is no limit at a probability; None if there is one."""
    if allowed.bias is None or allowed.units >= ENOUGH:
        return None
    how = "more replicates" if allowed.counted == "replicates" else "num_chains=4 or more"
    return (
        f"{allowed.units} {allowed.counted} in all give no error that a false alarm of"
        f" {false_alarm:.3g} can rest on: use {how}, or give a limit z="
    )


def _statistics(score: Score, records: list[RunRecord]) -> list[tuple[str, str]]:
    """Return the lines of the message between its first and its last."""
    run = score.settings
    shape = f"{run.num_chains} chains x {run.num_draws} draws after {run.num_burnin}"
    made = f"{score.replicates} replicates, {shape}"
    lines = [("estimate", f"{written(score.mean)} ({made})")]
    lines.append(("setting", f"nbeta {score.nbeta:.6g}, gamma {run.gamma:g}"))
    lines.append(("tempered", f"{written(score.tempered)} ({score.tempered_method})"))
    lines.append(("local", f"{score.local} (multiplicity {score.local_multiplicity})"))
    lines.append(("global", f"{score.global_}"))
    rhats = [r.estimate.rhat for r in records if r.estimate.rhat is not None]
    sizes = [r.estimate.ess_bulk for r in records if r.estimate.ess_bulk is not None]
    if rhats and sizes:
        lines.append(("R-hat", f"{max(rhats):.3f} at most; ESS {min(sizes):.0f} at least"))
    failed = {g.name: g for r in records for g in r.estimate.failed_guards}
    for name, guard in failed.items():
        count = f"{name} failed in {score.failed_guards[name]} of {score.replicates} runs"
        detail = f"{guard.value:.3g}, wanted {guard.limit}: {guard.meaning}"
        lines.append(("guard", f"{count} ({detail})"))
    return lines if failed else [*lines, ("guards", "all passed" if rhats else "none")]


def written(value: Uncertain | None) -> str:
    """Return a value with its error, ``none`` without one."""
    if value is None or not math.isfinite(value.value):
        return "none"
    return f"{value.value:.5g} +- {value.stderr:.2g}"


def is_installed(spec: Spec) -> bool:
    """Return whether installed packages register the sampler and the estimator of a run."""
    estimator = spec.estimator.partition("[")[0]
    return spec.sampler in _installed("samplers") and estimator in _installed("estimators")


@cache
def _installed(group: str) -> frozenset[str]:
    return frozenset(entry.name for entry in entry_points(group=f"llcbench.{group}"))


def _command(records: list[RunRecord], test: str) -> str:
    """Return the command that makes the runs again."""
    spec = records[0].spec
    if not is_installed(spec):
        options = f"--llc-seed {spec.seed} --llc-replicates {len(records)}"
        return f"pytest {shlex.quote(test)} {options}"
    settings = msgspec.structs.asdict(spec.settings)
    overrides = " ".join(
        f"--set {shlex.quote(f'{name}={text(value).lower()}')}"
        for name, value in settings.items()
        if value != getattr(Settings(), name) or name in FROM_SUITES
    )
    chosen = f"-p {shlex.quote(spec.problem)} -s {shlex.quote(spec.label)}"
    return (
        f"llcbench run smoke {chosen} --replicates {len(records)} --seed {spec.seed} {overrides}"
        " --store build/gate && llcbench score --store build/gate"
    )
