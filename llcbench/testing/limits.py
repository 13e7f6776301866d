"""How far a right estimate may be off: standard errors, degrees of freedom, quantiles.

A gate asks for a quantile far out, such as 1e-6, where an error bar must come from independent
copies: the means of chains, or whole replicates. The error of a single chain comes from its
autocorrelation. That is good for intervals at 90 %, but not that far out: with one to three chains
in all there is no limit.
"""

import math
from typing import NamedTuple

from llcbench.intervals import run_freedom
from llcbench.records import RunRecord
from llcbench.scoring import Score, Uncertain

# Independent means from which on their spread is an error with a known distribution.
ENOUGH = 4
MEAN_ENERGY = "mean_energy"


class Allowance(NamedTuple):
    """What a bias is measured with.

    Attributes:
        bias: The bias and its error; None if there is none.
        units: Independent means behind the error.
        freedom: Degrees of freedom of Student's t; infinite for a normal error.
        counted: What the units are: ``chains`` or ``replicates``.
    """

    bias: Uncertain | None
    units: int
    freedom: float
    counted: str = "chains"


def allowance_of(score: Score, records: list[RunRecord], against: str) -> Allowance:
    """Return the bias of a score with an error that holds far out.

    With C chains in each of R replicates that ended well:

    - from four chains on, the errors of the runs are the spread of their chains: R (C - 1) degrees
      of freedom. Other estimators than the mean energy state their own, which are summed as those
      of a sum of variances (Satterthwaite).
    - below, the spread of the means of all R C chains about their truths: R C - 1. Where there are
      no means of chains, that of the replicates: R - 1.
    - against the local coefficient with data, every replicate has its own data set, whose noise
      only the spread of the replicates shows: R - 1.

    The error is never smaller than that of the score.

    Args:
        score: The score.
        records: The runs that it was made of.
        against: ``tempered`` or ``local``.

    Source: Satterthwaite 1946, for sums of variances.
    """
    tempered = against == "tempered"
    bias = score.bias if tempered else score.bias_local
    done = [r for r in records if r.estimate.status == "ok" and r.estimate.llc is not None]
    if bias is None or not done:
        return Allowance(None, 0, math.nan)
    if not tempered and any(_has_data(record) for record in done):
        return Allowance(bias, len(done), len(done) - 1.0, "replicates")
    chains = score.settings.num_chains
    if chains >= ENOUGH:
        return Allowance(bias, chains * len(done), _freedom(done, chains))
    gaps, counted = _gaps(done, chains, tempered)
    if len(gaps) < ENOUGH:
        return Allowance(bias, len(gaps), math.nan, counted)
    shared = score.tempered.stderr if tempered and score.tempered is not None else 0.0
    stderr = math.hypot(_spread(gaps), shared)
    widened = Uncertain(bias.value, max(bias.stderr, stderr))
    return Allowance(widened, len(gaps), len(gaps) - 1.0, counted)


def limit_of(freedom: float, false_alarm: float) -> float:
    """Return the largest bias in standard errors that a right estimate may show.

    Args:
        freedom: Degrees of freedom of its error; infinite for a normal one.
        false_alarm: Probability, two-sided, that a right estimate is rejected.
    """
    from scipy.stats import norm, t

    if math.isinf(freedom):
        return float(norm.isf(false_alarm / 2))
    return float(t.isf(false_alarm / 2, freedom))


def _freedom(done: list[RunRecord], chains: int) -> float:
    """Return the degrees of freedom of the mean of runs with chains enough."""
    if done[0].spec.estimator == MEAN_ENERGY:
        return len(done) * (chains - 1.0)
    top = bottom = 0.0
    for record in done:
        estimate = record.estimate
        # As for few chains: what the run itself took for its interval.
        freedom = run_freedom(1, estimate.interval, estimate.stderr)
        variance = (estimate.mcse or 0.0) ** 2
        top += variance
        bottom += variance**2 / freedom if freedom is not None and freedom > 0 else 0.0
    return top**2 / bottom if bottom > 0 else math.inf


def _gaps(done: list[RunRecord], chains: int, tempered: bool) -> tuple[list[float], str]:
    """Return independent estimates, each less the truth of its data, and what they are."""
    gaps: list[float] = []
    whole = all(len(record.estimate.llc_per_chain) == chains for record in done)
    for record in done:
        estimate, truths = record.estimate, record.truths
        truth = truths.tempered.value if tempered and truths and truths.tempered else 0.0
        values = estimate.llc_per_chain if whole else [estimate.llc or 0.0]
        gaps += [value - truth for value in values]
    return gaps, "chains" if whole else "replicates"


def _spread(values: list[float]) -> float:
    """Return the standard error of a mean from the spread of its terms."""
    mean, count = sum(values) / len(values), len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (count - 1) / count)


def _has_data(record: RunRecord) -> bool:
    return any(part[:1] == "n" and part[1:].isdigit() for part in record.spec.problem.split("/"))
