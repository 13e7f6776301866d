"""From runs to scores: how far an estimator is from each of the three truths.

The error of an estimate splits into ``llc - rlct = (tempered - rlct) + (llc - tempered)``: the
setting gap belongs to the temperature and localisation, the sampler bias to the sampler, and the
scatter around both is Monte Carlo noise.
"""

import math
from collections.abc import Iterable
from fractions import Fraction

import msgspec

from llcbench.intervals import run_quantile, wilson
from llcbench.records import Estimate, RunRecord, RunStatistic, TemperedTruth
from llcbench.settings import Settings


class Uncertain(msgspec.Struct, frozen=True):
    """A value with its standard error."""

    value: float
    stderr: float

    @property
    def z(self) -> float:
        """Return the value in units of its error; infinite without one."""
        if self.stderr > 0:
            return self.value / self.stderr
        return math.inf if self.value else 0.0


class Proportion(msgspec.Struct, frozen=True):
    """A relative frequency with its 90 % Wilson interval."""

    successes: int
    trials: int

    @property
    def value(self) -> float:
        """Return the relative frequency, NaN without a trial."""
        return self.successes / self.trials if self.trials else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Return the Wilson interval (Wilson 1927)."""
        return wilson(self.value, self.trials)


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """One sampler on one problem over its replicates.

    Attributes:
        problem: Id of the problem.
        version: Version of its density.
        sampler: Sampler with its hyper-parameters.
        variant: ``default``, ``tuned`` or empty.
        estimator: What turned the trace into an estimate.
        settings: How it was run.
        nbeta: Inverse temperature that was used.
        replicates: Runs, failed ones included.
        local: Local coefficient, as a fraction in text.
        local_multiplicity: Its multiplicity.
        global_: Global coefficient, as a fraction in text.
        tempered: Mean over replicates of what a perfect sampler returns on the same data.
        tempered_method: How that was computed.
        tempered_certified: Whether all of them passed their own convergence checks.
        mean: Mean estimate with its error.
        sd: Standard deviation between replicates; None for one.
        bias: ``mean - tempered``, the sampler's own error.
        gap: ``tempered - local``, the error of the setting.
        bias_local: ``mean - local``, the two together.
        rmse: Root mean squared distance of the single estimates from the tempered value.
        relative_error: ``bias / tempered``.
        relative_error_local: ``(mean - local) / local``.
        coverage90: How often the 90 % Monte Carlo interval held the tempered value.
        virial: Mean excess of the virial, ``E[r . grad U] / d - 1``; None where it was not read.
        discretisation: Mean share by which the steps raise the energy; None where not known.
        ess_per_grad: Effective draws per gradient evaluation.
        seconds: Mean time of a run.
        peak_bytes: Largest memory of a run.
        failures: Runs that ended without an estimate.
        flagged: Runs with an estimate and at least one guard that failed.
        statuses: Number of runs per status.
        failed_guards: Number of runs per guard on the sampler that failed.
    """

    problem: str
    version: int = 1
    sampler: str
    variant: str
    estimator: str
    settings: Settings
    nbeta: float
    replicates: int
    local: str | None
    local_multiplicity: int | None
    global_: str | None
    tempered: Uncertain | None
    tempered_method: str | None
    tempered_certified: bool
    mean: Uncertain | None
    sd: float | None
    bias: Uncertain | None
    gap: Uncertain | None
    bias_local: Uncertain | None
    rmse: float | None
    relative_error: float | None
    relative_error_local: float | None
    coverage90: Proportion | None
    virial: Uncertain | None = None
    discretisation: Uncertain | None = None
    ess_per_grad: float | None
    seconds: float
    peak_bytes: int
    failures: Proportion
    flagged: int
    statuses: dict[str, int]
    failed_guards: dict[str, int]


def scores(records: Iterable[RunRecord]) -> list[Score]:
    """Return one score per problem, sampler and settings, in that order."""
    groups: dict[tuple[str, ...], list[RunRecord]] = {}
    for record in records:
        spec = record.spec
        settings = msgspec.json.encode(spec.settings, order="sorted").decode()
        version = f"{spec.problem_version:04d}"
        how = (spec.estimator, spec.label, settings, str(spec.seed), spec.variant)
        key = (spec.problem, version, *how)
        groups.setdefault(key, []).append(record)
    ordered = sorted(groups)
    return [_score(sorted(groups[k], key=lambda r: r.spec.replicate)) for k in ordered]


def _score(group: list[RunRecord]) -> Score:
    spec = group[0].spec
    done = [r for r in group if r.estimate.status == "ok" and r.estimate.llc is not None]
    truths = next((r.truths for r in group if r.truths is not None), None)
    mean = _mean([(r.estimate.llc or 0.0, r.estimate.mcse or 0.0) for r in done])
    # Truths of failed runs count too: a row without an estimate still says what was asked for.
    tempered = _tempered([r.truths.tempered for r in group if r.truths and r.truths.tempered])
    pairs = [(r.estimate, r.truths.tempered) for r in done if r.truths and r.truths.tempered]
    bias = gap = rmse = None
    own = _mean([((e.llc or 0.0) - t.value, e.mcse or 0.0) for e, t in pairs])
    if own is not None and tempered is not None:
        bias = Uncertain(own.value, math.hypot(own.stderr, tempered.stderr))
        rmse = math.sqrt(sum(((e.llc or 0.0) - t.value) ** 2 for e, t in pairs) / len(pairs))
    # Bounds are stored as [a, b] and have no single value to compare with.
    exact = truths is not None and not truths.local.value.startswith("[")
    local = float(Fraction(truths.local.value)) if truths and exact else None
    if tempered is not None and local is not None:
        gap = Uncertain(tempered.value - local, tempered.stderr)
    estimates = [r.estimate for r in done]
    return Score(
        problem=spec.problem,
        version=spec.problem_version,
        sampler=spec.label,
        variant=spec.variant,
        estimator=spec.estimator,
        settings=spec.settings,
        nbeta=group[0].estimate.nbeta,
        replicates=len(group),
        local=truths.local.value if truths else None,
        local_multiplicity=truths.local.multiplicity if truths else None,
        global_=truths.global_.value if truths else None,
        tempered=tempered,
        tempered_method=truths.tempered.method if truths and truths.tempered else None,
        tempered_certified=all(
            r.truths.tempered.certified for r in group if r.truths and r.truths.tempered
        ),
        mean=mean,
        sd=_sd([e.llc or 0.0 for e in estimates]),
        bias=bias,
        gap=gap,
        bias_local=None
        if mean is None or local is None
        else Uncertain(mean.value - local, mean.stderr),
        rmse=rmse,
        relative_error=bias.value / tempered.value if bias and tempered else None,
        relative_error_local=(mean.value - local) / local if mean and local else None,
        coverage90=_coverage(pairs, spec.settings.num_chains) if pairs else None,
        virial=_measured([e.virial.excess if e.virial else None for e in estimates]),
        discretisation=_measured([e.discretisation for e in estimates]),
        ess_per_grad=_ess_per_grad(estimates),
        seconds=sum(r.estimate.seconds_setup + r.estimate.seconds_sampling for r in group)
        / len(group),
        peak_bytes=max(r.estimate.peak_bytes for r in group),
        failures=Proportion(len(group) - len(done), len(group)),
        flagged=sum(not e.converged for e in estimates),
        statuses=_count(r.estimate.status for r in group),
        failed_guards=_count(g.name for e in estimates for g in e.failed_guards),
    )


def _mean(pairs: list[tuple[float, float]]) -> Uncertain | None:
    """Return the mean of estimates with the larger of the claimed and the observed error.

    The observed one is the spread between replicates; the claimed one is steadier with few
    replicates, but blind to what all chains of a run share.
    """
    if not pairs:
        return None
    count = len(pairs)
    values = [value for value, _ in pairs]
    claimed = math.hypot(*(error for _, error in pairs)) / count
    observed = (_sd(values) or 0.0) / math.sqrt(count)
    return Uncertain(sum(values) / count, max(claimed, observed))


def _measured(values: list[RunStatistic | None]) -> Uncertain | None:
    """Return the mean of what was read off the chains of every run."""
    return _mean([(value.value, value.stderr or 0.0) for value in values if value is not None])


def _tempered(truths: list[TemperedTruth]) -> Uncertain | None:
    """Return the mean tempered value with its error."""
    if not truths:
        return None
    values = [truth.value for truth in truths]
    errors = [truth.stderr for truth in truths]
    # In population all replicates share one truth and its error; with data each has its own.
    shared = max(values) == min(values)
    stderr = max(errors) if shared else math.hypot(*errors) / len(errors)
    return Uncertain(sum(values) / len(values), stderr)


def _coverage(pairs: list[tuple[Estimate, TemperedTruth]], chains: int) -> Proportion:
    """Count the 90 % Monte Carlo intervals that hold the tempered value of the same data."""
    hits = 0
    for estimate, truth in pairs:
        reach = run_quantile(chains, estimate.interval, estimate.stderr)
        width = reach * math.hypot(estimate.mcse or 0.0, truth.stderr)
        hits += abs((estimate.llc or 0.0) - truth.value) <= width
    return Proportion(hits, len(pairs))


def _ess_per_grad(estimates: list[Estimate]) -> float | None:
    known = [e.ess_bulk / e.grad_evals for e in estimates if e.ess_bulk and e.grad_evals]
    return sum(known) / len(known) if known else None


def _sd(values: list[float]) -> float | None:
    if len(values) < 2:
        return None
    mean = sum(values) / len(values)
    return math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))


def _count(names: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))
