"""Half the number of parameters."""

import time
from dataclasses import dataclass, field
from typing import final

from llcbench.estimators.curvature import constant, deterministic
from llcbench.estimators.mean_energy import nbeta_of
from llcbench.records import Estimate
from llcbench.sampling.target import AnySampler
from llcbench.settings import Settings
from llcbench.types import DEFAULT_CONTEXT, Data, Problem, RunContext
from theory.tempered import Tempered


@final
@dataclass(frozen=True)
class HalfDimension:
    """``llc = d / 2``, the coefficient of a regular model and the penalty of BIC.

    An upper bound of the local coefficient at a point where the loss is analytic; equal to it only
    where the Hessian is positive definite. ``nbeta``, ``gamma``, the multiplicity and the data do
    not enter, and there is no error bar: all of its error is gap.

    Attributes:
        sampler: Not used.
        settings: Not used.

    Source: Schwarz 1978.
    """

    sampler: AnySampler | None = None
    settings: Settings = field(default_factory=Settings)

    def estimate(self, problem: Problem, context: RunContext = DEFAULT_CONTEXT) -> Estimate:
        """Count the parameters."""
        started = time.perf_counter()
        nbeta = nbeta_of(self.settings, problem.num_data)
        return deterministic(problem.dim / 2, nbeta, self.settings.gamma, started=started)

    def tempered(
        self, problem: Problem, nbeta: float, gamma: float, data: Data | None
    ) -> Tempered | None:
        """Return the estimate itself."""
        return constant(problem.dim / 2, "count")
