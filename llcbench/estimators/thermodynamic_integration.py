"""The free energy by integration over the temperature."""

import math
from dataclasses import dataclass, field
from typing import final

import numpy as np

from llcbench.checks import check_between, check_count, set_checked
from llcbench.estimators.mean_energy import nbeta_of
from llcbench.estimators.temperatures import (
    Combination,
    estimate_combination,
    log_log_slope,
    tempered_combination,
)
from llcbench.records import Estimate
from llcbench.sampling.target import AnySampler
from llcbench.settings import Settings
from llcbench.types import DEFAULT_CONTEXT, Data, Problem, RunContext
from theory.tempered import Tempered


@final
@dataclass(frozen=True)
class ThermodynamicIntegration:
    """``llc = (F(b2) - F(b1) + (m - 1)(log log b2 - log log b1)) / log(b2/b1)``, ``F = -log Z``.

    ``F(b) = int_0^b E_s[L - L(w*)] ds`` is the free energy under the localisation, and
    ``F(b) = lambda log b - (m - 1) log log b + O(1)``. Between ``b1 = nbeta / sqrt(ratio)``
    and ``b2 = nbeta sqrt(ratio)`` its increment is ``int lambda(b) d log b`` with ``lambda(b) =
    b E_b[L - L(w*)]``, taken by the Gauss-Legendre rule in ``log b``: no run at small ``b``, where
    the energy is large, is needed for the slope.

    Converges to the coefficient as ``nbeta`` grows. At a finite one it returns the mean of
    ``lambda(b)`` over the window (plus the correction): the bias is that of the mean energy,
    averaged. The correction takes the multiplicity as known; it removes ``(m - 1)/log(nbeta)``
    and leaves the constant in ``log b + c``, that is an error of order ``(m - 1) c / log^2``.

    Errors: ``mcse`` is the spread of the chains, chain i of every rung taken together. Label noise
    of the data set comes on top. Every chain runs on every rung.

    Attributes:
        sampler: The kernel, the same at every temperature.
        settings: Nominal temperature, localisation, chains, lengths.
        rungs: Temperatures.
        ratio: ``b2 / b1``, above 1.
        multiplicity: ``m`` of the correction; 1 for none.

    Source: Watanabe 2013 (free energy and mean energy); Friel and Pettitt 2008 (power posteriors).
    """

    sampler: AnySampler
    settings: Settings = field(default_factory=Settings)
    rungs: int = 4
    ratio: float = 16.0
    multiplicity: int = 1

    def __post_init__(self) -> None:
        name = "thermodynamic_integration"
        set_checked(
            self,
            rungs=check_count(name, "rungs", self.rungs, least=1),
            multiplicity=check_count(name, "multiplicity", self.multiplicity, least=1),
            ratio=check_between(name, "ratio", self.ratio, 1),
        )

    def estimate(self, problem: Problem, context: RunContext = DEFAULT_CONTEXT) -> Estimate:
        """Sample on all rungs and integrate."""
        combination = self.combination(nbeta_of(self.settings, problem.num_data))
        return estimate_combination(combination, problem, self.sampler, self.settings, context)

    def tempered(
        self, problem: Problem, nbeta: float, gamma: float, data: Data | None
    ) -> Tempered | None:
        """Return the same rule applied to the exact mean energies."""
        combination = self.combination(nbeta)
        return tempered_combination(combination, problem, gamma, data, "free energy slope")

    def combination(self, nbeta: float) -> Combination:
        """Return the nodes in the window and their weights."""
        nodes, weights = np.polynomial.legendre.leggauss(self.rungs)
        low, high = nbeta / math.sqrt(self.ratio), nbeta * math.sqrt(self.ratio)
        extra = self.multiplicity - 1
        offset = extra * log_log_slope(low, high) if extra else 0.0
        return Combination(nbeta * self.ratio ** (nodes / 2), weights / 2, offset)
