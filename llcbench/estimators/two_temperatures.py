"""The slope of the mean energy between two temperatures."""

import math
from dataclasses import dataclass, field
from typing import final

import numpy as np

from llcbench.checks import check_between, set_checked
from llcbench.estimators.mean_energy import nbeta_of
from llcbench.estimators.temperatures import (
    Combination,
    estimate_combination,
    tempered_combination,
)
from llcbench.records import Estimate
from llcbench.sampling.target import AnySampler
from llcbench.settings import Settings
from llcbench.types import DEFAULT_CONTEXT, Data, Problem, RunContext
from theory.tempered import Tempered


@final
@dataclass(frozen=True)
class TwoTemperatures:
    """``llc = (E_b1[L] - E_b2[L]) / (1/b1 - 1/b2)`` with ``b1 b2 = nbeta^2``, ``b2 = ratio b1``.

    Any constant in the loss cancels: no loss at ``w*`` is needed, and a ``w*`` that is no minimum
    shifts nothing.

    Converges to the coefficient as ``nbeta`` grows. At a finite one, with ``lambda(b) =
    b E_b[L - L(w*)]``, it returns about ``lambda - nbeta lambda'``: the localisation bias is twice
    that of the mean energy, ``-gamma/2 sum 2/(nbeta e_i)`` on a quadratic, and the multiplicity
    costs ``(m - 1)/log(nbeta) + (m - 1)/log(nbeta)^2``. A discretisation bias that grows with
    ``nbeta`` enters with a factor that grows like ``1 / (ratio - 1)``.

    Errors: ``mcse`` is the spread of the chains (chain i at one temperature with chain i at the
    other, on the same minibatches). Of Gamma energies with T effective draws at each temperature it
    is ``sqrt(lambda (b1^2 + b2^2) / T) / (b2 - b1)``. Label noise of the data set comes on top.
    Every chain runs at both temperatures, at twice the cost of a mean energy.

    Attributes:
        sampler: The kernel, the same at both temperatures.
        settings: Nominal temperature, localisation, chains, lengths.
        ratio: ``b2 / b1``, above 1.

    Source: Watanabe 2013, the estimate from two temperatures.
    """

    sampler: AnySampler
    settings: Settings = field(default_factory=Settings)
    ratio: float = 4.0

    def __post_init__(self) -> None:
        set_checked(self, ratio=check_between("two_temperatures", "ratio", self.ratio, 1))

    def estimate(self, problem: Problem, context: RunContext = DEFAULT_CONTEXT) -> Estimate:
        """Sample at both temperatures and take the slope."""
        combination = self.combination(nbeta_of(self.settings, problem.num_data))
        return estimate_combination(combination, problem, self.sampler, self.settings, context)

    def tempered(
        self, problem: Problem, nbeta: float, gamma: float, data: Data | None
    ) -> Tempered | None:
        """Return this slope of the exact mean energies."""
        return tempered_combination(self.combination(nbeta), problem, gamma, data, "slope")

    def combination(self, nbeta: float) -> Combination:
        """Return both temperatures and the weights of their mean energies."""
        low, high = nbeta / math.sqrt(self.ratio), nbeta * math.sqrt(self.ratio)
        gap = 1 / low - 1 / high
        return Combination(np.array([low, high]), np.array([1 / (low * gap), -1 / (high * gap)]))
