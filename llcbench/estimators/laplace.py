"""The Laplace approximation of the free energy."""

import math
import time
from dataclasses import dataclass, field
from typing import final

import numpy as np

from llcbench.estimators.curvature import Array, constant, deterministic, spectrum, too_large
from llcbench.estimators.mean_energy import nbeta_of, skipped
from llcbench.records import Estimate
from llcbench.sampling.target import AnySampler
from llcbench.settings import Settings
from llcbench.types import DEFAULT_CONTEXT, Data, Problem, RunContext
from theory.tempered import Tempered


@final
@dataclass(frozen=True)
class Laplace:
    """``llc = (F(nbeta) - F(1)) / log nbeta``, ``F(b) = 1/2 sum_i log(1 + b e_i / gamma)``.

    F is the free energy ``-log Z(b)`` under the localisation with the loss replaced by its
    second-order expansion at ``w*``; the number is the factor of ``log n`` that one reads off it
    between ``b = 1`` and ``b = nbeta``. (Its slope at ``nbeta`` is `EffectiveDimension`.)

    As ``nbeta`` grows it converges to half the rank of the Hessian, not to the coefficient, and
    slowly: a direction of curvature e counts as ``log((nbeta e + gamma) / (e + gamma)) /
    (2 log nbeta)``, one half less than ``log(1 + gamma / e) / (2 log nbeta)``. The multiplicity
    does not enter.

    Errors: none from sampling. On data the second moment of the inputs is that of the data set;
    label noise is taken out. At most 2000 parameters.

    Attributes:
        sampler: Not used.
        settings: Temperature, above 1, and localisation, above 0.

    Source: Schwarz 1978; MacKay 1992.
    """

    sampler: AnySampler | None = None
    settings: Settings = field(default_factory=Settings)

    def estimate(self, problem: Problem, context: RunContext = DEFAULT_CONTEXT) -> Estimate:
        """Diagonalise the Hessian."""
        started = time.perf_counter()
        nbeta = nbeta_of(self.settings, problem.num_data)
        reason = self.unsupported(problem, nbeta)
        if reason:
            return skipped(reason, nbeta, self.settings)
        data = context.data_for(problem)
        hessian = spectrum(problem, data)
        value = laplace(hessian.values, nbeta, self.settings.gamma)
        return deterministic(value, nbeta, self.settings.gamma, started=started, hessian=hessian)

    def tempered(
        self, problem: Problem, nbeta: float, gamma: float, data: Data | None
    ) -> Tempered | None:
        """Return the estimate itself: all of its error is gap."""
        if self.unsupported(problem, nbeta):
            return None
        hessian = spectrum(problem, data)
        return constant(laplace(hessian.values, nbeta, gamma), "Hessian")

    def unsupported(self, problem: Problem, nbeta: float) -> str | None:
        """Return why a problem cannot be measured, None if it can."""
        if nbeta <= 1 or self.settings.gamma <= 0:
            return f"laplace needs nbeta > 1 and gamma > 0, got {nbeta:g}, {self.settings.gamma:g}"
        return too_large(problem, "laplace")


def laplace(eigenvalues: Array, nbeta: float, gamma: float) -> float:
    """Return the mean slope of the Gaussian free energy in ``log b`` from 1 to ``nbeta``."""
    gain = np.log(nbeta * eigenvalues + gamma) - np.log(eigenvalues + gamma)
    return 0.5 * float(np.sum(gain)) / math.log(nbeta)
