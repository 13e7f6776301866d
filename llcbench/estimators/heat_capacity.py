"""The heat capacity: the variance of the energy."""

from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.typing import NDArray

from llcbench.estimators.derivative import log_slope
from llcbench.estimators.temperature_runs import run_full_batch
from llcbench.records import Estimate
from llcbench.sampling.jackknife import jackknife
from llcbench.sampling.label_noise import energy_and_square
from llcbench.sampling.target import AnySampler
from llcbench.settings import Settings
from llcbench.types import DEFAULT_CONTEXT, Data, Problem, RunContext
from theory.tempered import Tempered


@final
@dataclass(frozen=True)
class HeatCapacity:
    """``llc = nbeta^2 Var[L(w)]`` under the tempered, localised posterior.

    If ``Z(b)`` is a pure power ``b^-lambda``, the energy ``nbeta (L - L(w*))`` is Gamma(lambda, 1)
    and its variance equals its mean: the coefficient, without any loss at ``w*``. In general
    ``Var[L] = -dE_b[L]/db``, so with ``lambda(b) = b E_b[L - L(w*)]`` the value is
    ``lambda(nbeta) - nbeta lambda'(nbeta)``: another quantity than the mean energy at the same
    temperature, with the same limit.

    Bias: the localisation costs twice as much as in the mean energy (a quadratic gives
    ``1/2 sum (nbeta e_i / (nbeta e_i + gamma))^2``); a multiplicity costs ``(m - 1)/log(nbeta) +
    (m - 1)/log(nbeta)^2``.

    Errors: jackknife over chains, which also removes the bias of a variance from few draws. With T
    effective draws of Gamma energies the error is about ``lambda sqrt((2 + 6/lambda) / T)``: many
    more draws than for a mean, and with some hundred draws of so skewed a distribution the interval
    is short (12 chains of 60 draws of Gamma(1/4): 87 % cover instead of 90 %). Label noise of the
    data set comes on top. Needs the full batch: the noise of a minibatch would count as variance.

    Attributes:
        sampler: The kernel.
        settings: Temperature, localisation, chains, lengths.

    Source: Imai 2019 (estimating the real log canonical threshold by the variance).
    """

    sampler: AnySampler
    settings: Settings = field(default_factory=Settings)

    def estimate(self, problem: Problem, context: RunContext = DEFAULT_CONTEXT) -> Estimate:
        """Sample and take the variance."""
        why = "heat_capacity needs the full batch, the noise of minibatches has a variance"
        runs = run_full_batch(
            problem, self.sampler, self.settings, context, energy_and_square, why=why
        )
        if runs.failure is not None:
            return runs.failure
        nbeta = runs.nbeta
        units = nbeta * runs.finished[0].units
        # Centred first: the variance is far below the square of the mean where lambda is large.
        centre = units.mean()
        units = units - centre
        moments = np.stack([units.mean(1), (units**2).mean(1)], axis=1)
        gradient = nbeta * np.array([[-2 * centre, nbeta]])
        curvature = nbeta**2 * np.diag([-2.0, 0.0])
        return runs.summarise(jackknife(moments, _variance), gradient, curvature)

    def tempered(
        self, problem: Problem, nbeta: float, gamma: float, data: Data | None
    ) -> Tempered | None:
        """Return ``lambda(nbeta) - nbeta lambda'(nbeta)`` of the exact mean energy."""
        return exact_variance(problem, nbeta, gamma, data)


def exact_variance(
    problem: Problem, nbeta: float, gamma: float, data: Data | None
) -> Tempered | None:
    """Return ``nbeta^2 Var[L]`` where the mean energy is known exactly at any temperature.

    None where it is unknown or known with a Monte Carlo error, which a derivative would magnify.
    """
    centre = problem.tempered(nbeta, gamma, data)
    if centre is None or centre.stderr > 1e-4 * abs(centre.value):
        return None
    slope, error, certified = log_slope(lambda b: problem.tempered(b, gamma, data), nbeta)
    return Tempered(
        value=centre.value - slope,
        stderr=centre.stderr + error,
        method=f"derivative of {centre.method}",
        certified=centre.certified and certified,
    )


def _variance(moments: NDArray[np.float64]) -> NDArray[np.float64]:
    variance: NDArray[np.float64] = moments[..., 1] - moments[..., 0] ** 2
    return variance
