"""Half the rank of the Hessian."""

import time
from dataclasses import dataclass, field
from typing import final

from llcbench.checks import check_between, set_checked
from llcbench.estimators.curvature import Array, constant, deterministic, spectrum, too_large
from llcbench.estimators.mean_energy import nbeta_of, skipped
from llcbench.records import Estimate
from llcbench.sampling.target import AnySampler
from llcbench.settings import Settings
from llcbench.types import DEFAULT_CONTEXT, Data, Problem, RunContext
from theory.tempered import Tempered


@final
@dataclass(frozen=True)
class HessianRank:
    """``llc = rank(H) / 2``, H the Hessian of the loss at ``w*``.

    The rank counts eigenvalues above ``tolerance * max(largest eigenvalue, 1 / nbeta)``.

    It does not converge to the coefficient: half the rank is a lower bound of it (the splitting
    lemma leaves the flat directions a coefficient of at least 0), exact where ``w*`` is on a
    manifold of minima whose normal curvatures do not vanish. Neither ``nbeta`` (but for the floor
    of the tolerance) nor ``gamma`` nor the multiplicity enters.

    Errors: none from sampling. On data the second moment of the inputs is that of the data set;
    label noise is taken out. At most 2000 parameters.

    Attributes:
        sampler: Not used.
        settings: Temperature, for the floor of the tolerance.
        tolerance: Smallest eigenvalue that counts, relative to the largest.

    Source: Watanabe 2009 (splitting off the regular directions).
    """

    sampler: AnySampler | None = None
    settings: Settings = field(default_factory=Settings)
    tolerance: float = 1e-8

    def __post_init__(self) -> None:
        set_checked(
            self, tolerance=check_between("hessian_rank", "tolerance", self.tolerance, 0, 1)
        )

    def estimate(self, problem: Problem, context: RunContext = DEFAULT_CONTEXT) -> Estimate:
        """Diagonalise the Hessian."""
        started = time.perf_counter()
        nbeta = nbeta_of(self.settings, problem.num_data)
        reason = too_large(problem, "hessian_rank")
        if reason:
            return skipped(reason, nbeta, self.settings)
        data = context.data_for(problem)
        hessian = spectrum(problem, data)
        value = self.value(hessian.values, nbeta)
        return deterministic(value, nbeta, self.settings.gamma, started=started, hessian=hessian)

    def tempered(
        self, problem: Problem, nbeta: float, gamma: float, data: Data | None
    ) -> Tempered | None:
        """Return the estimate itself: all of its error is gap."""
        if too_large(problem, "hessian_rank"):
            return None
        hessian = spectrum(problem, data)
        return constant(self.value(hessian.values, nbeta), "Hessian")

    def value(self, eigenvalues: Array, nbeta: float) -> float:
        """Return half the number of eigenvalues that count."""
        floor = self.tolerance * max(float(eigenvalues[-1]), 1 / nbeta)
        return float((eigenvalues > floor).sum()) / 2
