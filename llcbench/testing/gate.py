"""The gate: is a bias within what the error bars allow, and can the statistics be trusted?"""

import math
import shlex
from importlib.metadata import entry_points
from typing import NamedTuple

import msgspec

from llcbench.records import RunRecord, text
from llcbench.scoring import Score, Uncertain
from llcbench.settings import Settings

# Settings that suites give, and a command that reproduces must therefore give too.
FROM_SUITES = ("nbeta", "gamma", "num_chains", "num_draws", "num_burnin", "batch_size", "start")


class Verdict(NamedTuple):
    """The outcome of a gate.

    Attributes:
        passed: Whether the score keeps to the limit and can be trusted to.
        message: All statistics, and the command that makes them again.
        failed_guards: Names of the guards that failed in at least one run.
    """

    passed: bool
    message: str
    failed_guards: tuple[str, ...]


def judge(score: Score, records: list[RunRecord], against: str, limit: float, test: str) -> Verdict:
    """Judge the score of some runs.

    Args:
        score: The score.
        records: The runs that it was made of.
        against: ``tempered`` or ``local``.
        limit: Largest bias in standard errors.
        test: Name of the test, for the command that repeats it.

    Raises:
        ValueError: If ``against`` is another word.
    """
    if against not in ("tempered", "local"):
        raise ValueError(f"against must be 'tempered' or 'local', got {against!r}")
    bias = score.bias if against == "tempered" else score.bias_local
    reason = _objection(score, records, against) or _miss(bias, against, limit)
    lines = [f"{score.sampler} on {score.problem}: {reason or 'within the limit'}"]
    lines += [f"  {name:<10} {line}" for name, line in _statistics(score, records)]
    if bias is not None:
        measured = f"{bias.value:+.5g} +- {bias.stderr:.2g}, z = {bias.z:.2f}, limit {limit:.2f}"
        lines.append(f"  {'bias':<10} {measured}, against the {against} value")
    lines.append(f"  {'reproduce':<10} {_command(records, test)}")
    return Verdict(reason is None, "\n".join(lines), tuple(score.failed_guards))


def limit_of(score: Score, false_alarm: float) -> float:
    """Return the largest bias in standard errors that a right sampler may show.

    The error comes from the spread of chain means, hence Student's t with as many degrees of
    freedom as there are chains less one, over all replicates; below four chains it is normal.

    Args:
        score: The score.
        false_alarm: Probability, two-sided, that a right sampler is rejected.
    """
    from scipy.stats import norm, t

    chains = score.settings.num_chains
    done = score.replicates - score.failures.successes
    if chains < 4 or done < 1:
        return float(norm.isf(false_alarm / 2))
    return float(t.isf(false_alarm / 2, done * (chains - 1)))


def _objection(score: Score, records: list[RunRecord], against: str) -> str | None:
    """Return why a score cannot be judged; None if it can."""
    failed = [r.estimate for r in records if r.estimate.status != "ok"]
    if failed:
        first = f"{failed[0].status}: {failed[0].message}"
        return f"{len(failed)} of {len(records)} runs failed ({first})"
    if against == "local":
        known = score.bias_local is not None
        return None if known else f"the local coefficient is not known exactly: {score.local}"
    tempered = [r.truths.tempered if r.truths is not None else None for r in records]
    if any(truth is None for truth in tempered):
        return "there is no tempered value to compare with; use against='local'"
    if not all(truth is not None and truth.certified for truth in tempered):
        return f"the tempered value ({score.tempered_method}) is not certified"
    return None


def _miss(bias: Uncertain | None, against: str, limit: float) -> str | None:
    if bias is not None and abs(bias.value) <= limit * bias.stderr:
        return None
    return f"the estimate is off the {against} value"


def _statistics(score: Score, records: list[RunRecord]) -> list[tuple[str, str]]:
    """Return the lines of the message between its first and its last."""
    run = score.settings
    shape = f"{run.num_chains} chains x {run.num_draws} draws after {run.num_burnin}"
    made = f"{score.replicates} replicates, {shape}"
    lines = [("estimate", f"{_written(score.mean)} ({made})")]
    lines.append(("setting", f"nbeta {score.nbeta:.6g}, gamma {run.gamma:g}"))
    lines.append(("tempered", f"{_written(score.tempered)} ({score.tempered_method})"))
    lines.append(("local", f"{score.local} (multiplicity {score.local_multiplicity})"))
    lines.append(("global", f"{score.global_}"))
    rhats = [r.estimate.rhat for r in records if r.estimate.rhat is not None]
    sizes = [r.estimate.ess_bulk for r in records if r.estimate.ess_bulk is not None]
    if rhats and sizes:
        lines.append(("R-hat", f"{max(rhats):.3f} at most; ESS {min(sizes):.0f} at least"))
    failed = {g.name: g for r in records for g in r.estimate.guards if not g.passed}
    for name, guard in failed.items():
        count = f"{name} failed in {score.failed_guards[name]} of {score.replicates} runs"
        detail = f"{guard.value:.3g}, wanted {guard.limit}: {guard.meaning}"
        lines.append(("guard", f"{count} ({detail})"))
    return lines if failed else [*lines, ("guards", "all passed" if rhats else "none")]


def _written(value: Uncertain | None) -> str:
    if value is None or not math.isfinite(value.value):
        return "none"
    return f"{value.value:.5g} +- {value.stderr:.2g}"


def _command(records: list[RunRecord], test: str) -> str:
    """Return the command that makes the runs again."""
    spec = records[0].spec
    installed = {entry.name for entry in entry_points(group="llcbench.samplers")}
    if spec.sampler not in installed:
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
