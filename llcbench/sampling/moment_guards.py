"""Guards that are read off the moments of a run: what the chains themselves say of their bias.

Limits are calibrated on one half of the catalogue and reported on the other: results/guards.md.
"""

import math

import numpy as np

from llcbench.intervals import student_quantile
from llcbench.records import Guard, RunStatistic
from llcbench.sampling.diagnostics import ENOUGH_CHAINS
from llcbench.sampling.virial import RunMoments

# Largest part of the virial that has not equilibrated.
DRIFT = 0.05
# Errors within which a measured part is none.
ERRORS = 3.0
# Largest bias that the discretisation may be predicted to leave, relative to the estimate.
BIAS = 0.05
# Largest share of minibatch noise in the energy, also where it is corrected for: D is exact for
# noise in directions that nbeta L binds, and noise in the others drives chains to higher losses.
NOISE = 0.1
# Largest change of the estimate when gamma or nbeta doubles, relative to it, and the level at which
# it has to differ from none.
CHANGE, CHANGE_LEVEL = 0.1, 0.95
# A right sampler fails the exact identity of its steps with this probability.
FALSE_ALARM = 1e-4
# Deviations from the identity that are smaller are rounding, or a step at the edge of stability.
IDENTITY = 0.02


def moment_guards(
    moments: RunMoments, llc: float, stderr: float, remaining: RunStatistic | None = None
) -> list[Guard]:
    """Return the guards of the moments; those of which nothing was measured are not listed.

    Args:
        moments: The moments of the kept steps.
        llc: The estimate.
        stderr: Its Monte Carlo error.
        remaining: Bias that the estimator predicts to remain, relative to the estimate; None for
            one that corrects nothing, whose bias is D.
    """
    error = stderr / abs(llc) if llc else math.inf
    bias = moments.share() if remaining is None else remaining
    noise = moments.noise_share() if moments.minibatch else None
    listed = [
        _virial([moments.drift(), moments.remainder()], moments.excess()),
        _identity(moments.identity(), _freedom(moments)),
        _discretisation(bias, error),
        _batch_noise(noise, error),
        _plateau(moments, llc),
    ]
    return [guard for guard in listed if guard is not None]


def guard(name: str, value: float, limit: str, passed: bool, meaning: str) -> Guard:
    """Return a guard as records hold it: a value that is no number is the largest one."""
    finite = float(value) if math.isfinite(value) else float(np.finfo(float).max)
    return Guard(name=name, value=finite, limit=limit, passed=bool(passed), meaning=meaning)


def _virial(drifts: list[RunStatistic | None], excess: RunStatistic | None) -> Guard | None:
    """Return the guard on what has not equilibrated, from distances and from forces.

    Either may be far less precise than the other; the value is that of the one with more errors.
    """
    seen = [drift for drift in drifts if drift is not None]
    if not seen and excess is None:
        return None
    if not seen and excess is not None:
        seen = [excess]
    passed = [abs(drift.value) <= DRIFT or _within(drift, ERRORS) for drift in seen]
    worst = max(zip(passed, seen, strict=True), key=lambda pair: (not pair[0], _errors(pair[1])))
    return guard(
        "virial",
        worst[1].value,
        f"|v| <= {DRIFT:g} or {ERRORS:g} errors",
        all(passed),
        "share of the directions that have not equilibrated: the estimate reads how far the chains"
        " have come; lengthen burn-in and chains, or raise gamma",
    )


def _identity(identity: RunStatistic | None, freedom: float) -> Guard | None:
    if identity is None or identity.stderr is None:
        return None
    reach = student_quantile(1 - FALSE_ALARM, freedom) * identity.stderr
    most = max(IDENTITY, reach)
    return guard(
        "identity",
        identity.value,
        f"|v| <= {most:.2g}",
        abs(identity.value) <= most,
        "the steps do not obey what Euler steps of this potential obey exactly: the sampler moves"
        " by another gradient or another noise than it says",
    )


def _discretisation(bias: RunStatistic | None, error: float) -> Guard | None:
    if bias is None:
        return None
    most = max(BIAS, error)
    return guard(
        "discretisation",
        bias.value,
        f"<= {most:.2g}",
        abs(bias.value) <= most,
        "share by which the steps and the noise of minibatches raise the energy: reduce step_size"
        " or raise batch_size, or correct for it",
    )


def _batch_noise(noise: RunStatistic | None, error: float) -> Guard | None:
    if noise is None:
        return None
    most = max(NOISE, error)
    return guard(
        "batch_noise",
        noise.value,
        f"<= {most:.2g}",
        noise.value <= most,
        "share by which the noise of minibatches raises the energy: raise batch_size or reduce"
        " step_size",
    )


def _plateau(moments: RunMoments, llc: float) -> Guard | None:
    """Return the guard on the setting: it says nothing of the sampler."""
    slopes = [slope for slope in (moments.by_gamma(), moments.by_nbeta()) if slope is not None]
    if not slopes:
        return None
    size = abs(llc) or math.inf
    changes = [abs(slope.value) * math.log(2) / size for slope in slopes]
    reach = student_quantile(CHANGE_LEVEL, _freedom(moments))
    seen = [
        change > CHANGE and not _within(slope, reach)
        for change, slope in zip(changes, slopes, strict=True)
    ]
    return guard(
        "plateau",
        max(changes),
        f"<= {CHANGE:g} or {reach:.2g} errors",
        not any(seen),
        "change of the estimate when gamma or nbeta doubles: it is set by the setting, and is not"
        " the coefficient; this says nothing of the sampler",
    )


def _freedom(moments: RunMoments) -> float:
    """Return the degrees of freedom of the errors; those of blocks of few chains are more."""
    return float(max(len(moments.recorded.loss), ENOUGH_CHAINS) - 1)


def _within(value: RunStatistic, errors: float) -> bool:
    """Return whether a value is 0 within its errors; one without error is."""
    return value.stderr is None or abs(value.value) <= errors * value.stderr


def _errors(value: RunStatistic) -> float:
    """Return how many of its errors a value is."""
    return abs(value.value) / value.stderr if value.stderr else 0.0
