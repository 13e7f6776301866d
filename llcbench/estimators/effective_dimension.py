"""The effective dimension of the Hessian at a temperature."""

import time
from dataclasses import dataclass, field
from typing import final

import numpy as np

from llcbench.estimators.curvature import Array, constant, deterministic, spectrum, too_large
from llcbench.estimators.gauss_newton import estimate_of, is_network, probed
from llcbench.estimators.mean_energy import nbeta_of, skipped
from llcbench.records import Estimate
from llcbench.sampling.target import AnySampler
from llcbench.settings import Settings
from llcbench.types import DEFAULT_CONTEXT, Data, Problem, RunContext
from theory.tempered import Tempered


@final
@dataclass(frozen=True)
class EffectiveDimension:
    """``llc = 1/2 sum_i nbeta e_i / (nbeta e_i + gamma)``, ``e_i`` the eigenvalues of the Hessian.

    The mean energy of the second-order expansion of the loss at ``w*``: equal to
    the tempered value on quadratics, and the derivative of the Laplace free energy in
    ``log nbeta``.

    As ``nbeta / gamma`` grows it converges to half the rank of the Hessian, not to the coefficient:
    flat directions add nothing, however the loss rises along them. The localisation lowers it by
    ``gamma / (2 nbeta e_i)`` a direction; the multiplicity does not enter.

    Errors: none from sampling. On data the second moment of the inputs is that of the data set;
    label noise is taken out. Above 2000 parameters only linear networks, by stochastic Lanczos
    quadrature, whose standard error is the Monte Carlo error of the estimate.

    Attributes:
        sampler: Not used.
        settings: Temperature and localisation.

    Source: MacKay 1992 (number of well-determined parameters).
    """

    sampler: AnySampler | None = None
    settings: Settings = field(default_factory=Settings)

    def estimate(self, problem: Problem, context: RunContext = DEFAULT_CONTEXT) -> Estimate:
        """Diagonalise the Hessian."""
        started = time.perf_counter()
        nbeta = nbeta_of(self.settings, problem.num_data)
        reason = too_large(problem, "effective_dimension")
        if reason and not is_network(problem):
            return skipped(reason, nbeta, self.settings)
        data = context.data_for(problem)
        if is_network(problem) and reason:
            probes = probed(problem, nbeta, self.settings.gamma, data)
            return estimate_of(probes, nbeta, self.settings.gamma, started)
        hessian = spectrum(problem, data)
        value = effective_dimension(hessian.values, nbeta, self.settings.gamma)
        return deterministic(value, nbeta, self.settings.gamma, started=started, hessian=hessian)

    def tempered(
        self, problem: Problem, nbeta: float, gamma: float, data: Data | None
    ) -> Tempered | None:
        """Return the estimate itself: all of its error is gap."""
        if too_large(problem, "effective_dimension"):
            return probed(problem, nbeta, gamma, data) if is_network(problem) else None
        hessian = spectrum(problem, data)
        return constant(effective_dimension(hessian.values, nbeta, gamma), "Hessian")


def effective_dimension(eigenvalues: Array, nbeta: float, gamma: float) -> float:
    """Return ``1/2 sum t e / (t e + gamma)`` over the positive eigenvalues."""
    scaled = nbeta * eigenvalues[eigenvalues > 0]
    return 0.5 * float(np.sum(scaled / (scaled + gamma)))
