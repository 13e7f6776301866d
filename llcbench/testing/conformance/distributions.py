"""The checks of the distribution of a sampler: its mean energy, and what becomes of its bias."""

import math
from collections.abc import Callable
from dataclasses import replace

from llcbench.sampling import sampler_abilities
from llcbench.sampling.target import AnySampler
from llcbench.sampling.virial import measurement
from llcbench.testing.conformance.fixtures import (
    CURVATURES,
    NotConforming,
    distribution_of,
    exact_value,
    mean_energy,
    require,
    target_for,
    warmed,
)
from llcbench.types import Discretisation
from theory.langevin.euler import euler_langevin

# Two-sided normal tail 6e-7 per comparison; seeds are fixed, so a verdict never changes.
Z = 5.0
# Chains where a mean energy is measured.
MANY = 256

# A mean energy with its standard error, and what measures it: checks may share one.
Measured = tuple[float, float]
Measure = Callable[[], Measured]


def coarse_energy(sampler: AnySampler) -> Measured:
    """Return the mean energy of many chains at the step size as it is, with its error."""
    return mean_energy(sampler, target_for(sampler, chains=MANY))


def check_stationary_distribution(
    sampler: AnySampler, langevin: bool | None = None, measured: Measure | None = None
) -> None:
    """Check the mean energy against the closed form for this distribution, to 5 standard errors."""
    target = target_for(sampler, chains=MANY)
    distribution = distribution_of(sampler, langevin)
    exact = truth = exact_value(target)
    if distribution == "euler":
        step_size = sampler_abilities.step_size(sampler)
        if step_size is None:
            raise NotConforming("langevin=True needs a hyper-parameter step_size")
        truth = euler_langevin(CURVATURES, target.nbeta, target.gamma, step_size).llc
    mean, error = measured() if measured else coarse_energy(sampler)
    allowed = Z * error + (0.1 * exact if distribution == "limit" else 0.0)
    described = {"euler": "Euler-Langevin", "exact": "the target", "limit": "the target, 10 % off,"}
    require(
        abs(mean - truth) <= allowed,
        f"nbeta E[L] on {target.problem.id} is {mean:.4f} +- {error:.4f};"
        f" {described[distribution]} gives {truth:.4f} (nbeta {target.nbeta:.4g},"
        f" gamma {target.gamma:.4g}): look at the factors of"
        " drift, noise, nbeta and gamma, and at the loss that is recorded",
    )


def check_virial(sampler: AnySampler, langevin: bool | None = None) -> None:
    """Check ``E[r . grad U] = d``, which needs no truth, to 5 standard errors.

    For Euler-Langevin the part of its steps is subtracted, which the gradients themselves give.
    """
    target = target_for(sampler, chains=MANY)
    distribution = distribution_of(sampler, langevin)
    if distribution == "limit":
        return
    trace = warmed(sampler, target, draws=600)
    moments = measurement(trace, target, sampler)
    assert moments is not None
    if distribution == "euler":
        step_size = sampler_abilities.step_size(sampler)
        if step_size is None:
            raise NotConforming("langevin=True needs a hyper-parameter step_size")
        moments = replace(moments, discretisation=Discretisation(step_size))
    left = moments.identity() if distribution == "euler" else moments.excess()
    assert left is not None
    error = left.stderr or 0.0
    described = " less the part of Euler steps" if distribution == "euler" else ""
    require(
        abs(left.value) <= Z * error,
        f"E[r . grad U] / d - 1 on {target.problem.id} is {left.value:.4f} +- {error:.4f}"
        f"{described} (nbeta {target.nbeta:.4g}, gamma {target.gamma:.4g}): look at the factors of"
        " drift, noise, nbeta and gamma",
    )


def check_bias_shrinks(sampler: AnySampler, measured: Measure | None = None) -> None:
    """Check that an unadjusted sampler comes at least twice as close at a quarter of the step."""
    step_size = sampler_abilities.step_size(sampler)
    if step_size is None or distribution_of(sampler, None) == "exact":
        return
    target = target_for(sampler, chains=MANY)
    exact = exact_value(target)
    coarse, coarse_error = measured() if measured else coarse_energy(sampler)
    finer = sampler_abilities.with_hyperparameters(sampler, step_size=step_size / 4)
    fine, fine_error = mean_energy(finer, target, longer=3)
    allowed = 0.5 * abs(coarse - exact) + Z * math.hypot(fine_error, 0.5 * coarse_error)
    require(
        abs(fine - exact) <= allowed,
        f"the bias is {coarse - exact:+.4f} at step_size {step_size:.3g} and still"
        f" {fine - exact:+.4f} (error {fine_error:.4f}) at a quarter of it",
    )
