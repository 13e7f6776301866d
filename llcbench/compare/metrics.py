"""What a leaderboard measures: every metric is one function of the runs of an entry."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from llcbench.compare.runs import CAP, Array, Runs
from llcbench.compare.statistics import (
    AGREED,
    case_agrees,
    case_bias,
    case_grads,
    case_squares,
    mean,
    median,
    order_kept,
    reached,
    variance,
)

Statistic = Callable[[Runs], Array]
Unit = Literal["percent", "count", "seconds", "bytes", "number"]

# Biases below 1 % of the truth need not be told apart.
NEGLIGIBLE = 0.01
# For ranking by cost only: more gradients than anybody has, fewer effective draws than count.
UNREACHABLE = 1e12
IDLE = 1e-9


@final
@dataclass(frozen=True)
class Metric:
    """One statistic of an entry.

    Attributes:
        name: Its name in tables, CSV, JSON and on the command line.
        meaning: The same in a sentence.
        statistic: Its value for runs ``(..., cases, replicates)``, without the last two axes.
        unit: How it is written.
        centre: What the bootstrap distribution of the statistic is centred on if that is not the
            statistic itself, which is so for variances and what they are subtracted from.
        shown: Turns the statistic into the value that is shown.
        loss: What is compared between entries, smaller is better; None if it ranks nobody.
        ratio: Whether a difference of losses is the logarithm of a ratio.
        rate: What is counted, 0 or 1, if the metric is a relative frequency, else None.
        pairwise: Whether it needs an array over pairs of cases.
    """

    name: str
    meaning: str
    statistic: Statistic
    unit: Unit = "percent"
    centre: Statistic | None = None
    shown: Callable[[Array], Array] = lambda value: value
    loss: Statistic | None = None
    ratio: bool = False
    rate: Statistic | None = None
    pairwise: bool = False


def _root(squares: Array) -> Array:
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


def _worst(values: Array) -> Array:
    return np.asarray(np.where(np.isnan(values), -np.inf, values).max((-2, -1)))


def _absolute(error: Array, failed: Array) -> Array:
    return np.abs(np.where(failed == 1, CAP, error))


def _log(values: Array, floor: float = 1e-300) -> Array:
    return np.asarray(np.log(np.maximum(values, floor)))


_BOTH = (-2, -1)
_ERRORS = (
    Metric(
        "bias",
        "relative bias against the tempered truth, root mean square over problems, with"
        " the noise of the mean removed",
        lambda r: mean(case_bias(r)),
        centre=lambda r: mean(case_bias(r, noisy=True)),
        shown=_root,
        ratio=True,
        loss=lambda r: _log(np.maximum(mean(case_bias(r)), 0.0) + NEGLIGIBLE**2) / 2,
    ),
    Metric(
        "rmse",
        "relative error of single runs against the tempered truth, root mean square",
        lambda r: mean(case_squares(r)),
        shown=_root,
        loss=lambda r: _log(mean(case_squares(r))) / 2,
        ratio=True,
    ),
    Metric(
        "sd",
        "relative standard deviation between replicates, root mean square over problems",
        lambda r: mean(variance(r.error)),
        centre=lambda r: mean(variance(r.error, plug_in=True)),
        shown=_root,
        loss=lambda r: _log(mean(variance(r.error))) / 2,
        ratio=True,
    ),
    Metric(
        "error",
        "median relative distance of single runs to the tempered truth",
        lambda r: median(_absolute(r.error, r.failed), _BOTH),
        loss=lambda r: _log(median(_absolute(r.error, r.failed), _BOTH)),
        ratio=True,
    ),
    Metric(
        "error_local",
        "median relative distance of single runs to the exact local coefficient",
        lambda r: median(_absolute(r.error_local, r.failed), _BOTH),
        loss=lambda r: _log(median(_absolute(r.error_local, r.failed), _BOTH)),
        ratio=True,
    ),
    Metric(
        "coverage",
        "how often the 90 % interval held the tempered truth; a failed run has none",
        lambda r: mean(r.covered, _BOTH),
        loss=lambda r: np.abs(mean(r.covered, _BOTH) - 0.9),
        rate=lambda r: r.covered,
    ),
    Metric(
        "agreement",
        f"share of problems whose mean over replicates is within {AGREED:g} standard errors of the"
        " tempered truth",
        lambda r: mean(case_agrees(r)),
        loss=lambda r: -mean(case_agrees(r)),
        rate=lambda r: case_agrees(r)[..., None],
    ),
    Metric(
        "order",
        "share of pairs of problems that the estimates order as the coefficients do, of those that"
        " a perfect sampler does not reverse",
        order_kept,
        loss=lambda r: -order_kept(r),
        pairwise=True,
    ),
)
_COSTS = (
    Metric(
        "ess_per_grad",
        "effective draws per gradient, median over problems",
        lambda r: median(mean(r.ess_rate)),
        unit="number",
        loss=lambda r: -mean(_log(mean(r.ess_rate), IDLE)),
        ratio=True,
    ),
    Metric(
        "grads5",
        "gradients to an error of 5 %, all chains together, burn-in as it was, tuning not counted,"
        " median over problems",
        lambda r: median(case_grads(r)),
        unit="count",
        loss=lambda r: mean(np.log(np.clip(case_grads(r), 1.0, UNREACHABLE))),
        ratio=True,
    ),
    Metric(
        "reach5",
        "share of problems on which 5 % can be reached",
        reached,
        loss=lambda r: -reached(r),
    ),
    Metric(
        "seconds",
        "time of a run, median over problems",
        lambda r: median(mean(r.seconds)),
        unit="seconds",
        loss=lambda r: mean(_log(mean(r.seconds), 1e-9)),
        ratio=True,
    ),
    Metric("memory", "largest peak memory of a run", lambda r: _worst(r.peak_bytes), unit="bytes"),
    Metric(
        "tuning",
        "gradients of the choice of hyper-parameters, mean over problems",
        lambda r: mean(mean(r.tuning)),
        unit="count",
    ),
)
_STATES = (
    Metric(
        "failed",
        "runs that ended without an estimate",
        lambda r: mean(r.failed, _BOTH),
        loss=lambda r: mean(mean(r.failed)),
        rate=lambda r: r.failed,
    ),
    Metric(
        "flagged",
        "runs with an estimate that a guard warns of",
        lambda r: mean(r.flagged, _BOTH),
        loss=lambda r: mean(mean(r.flagged)),
        rate=lambda r: r.flagged,
    ),
)
METRICS: dict[str, Metric] = {metric.name: metric for metric in (*_ERRORS, *_COSTS, *_STATES)}
