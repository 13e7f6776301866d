"""The scaling of the volume of sublevel sets."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from llcbench.checks import check_between, check_count, set_checked
from llcbench.estimators.mean_energy import LEVEL, nbeta_of, skipped
from llcbench.estimators.splitting import Splitting
from llcbench.estimators.sublevel import sublevel_mass
from llcbench.estimators.temperatures import log_log_slope
from llcbench.intervals import chain_quantile
from llcbench.provenance import peak_bytes
from llcbench.records import Estimate, Guard
from llcbench.sampling.jackknife import jackknife
from llcbench.sampling.target import AnySampler
from llcbench.settings import Settings
from llcbench.types import DEFAULT_CONTEXT, Data, Problem, RunContext
from theory.tempered import Tempered

Array = NDArray[np.float64]
MAX_DIM = 6
FEWEST_RUNS = 4


@final
@dataclass(frozen=True)
class VolumeScaling:
    """``llc = log(V(t1) / V(t2)) / log(t1 / t2)`` plus ``(m - 1)`` times the slope of log log.

    ``V(t) = P(L(w) - L(w*) < t)`` for ``w ~ N(w*, I / gamma)``, and ``V(t) = c t^lambda
    (-log t)^(m-1) (1 + o(1))``. The levels are ``t1, t2 = sqrt(ratio) / nbeta, 1 / (sqrt(ratio)
    nbeta)``, about the energy of a posterior at ``nbeta``. No sampler is used: the ratio is a
    product of halves, by multilevel splitting.

    Converges to the coefficient as ``nbeta`` grows. Bias: on ``sum e_i w_i^2 / 2`` the
    localisation costs ``gamma t sum 1 / ((d + 2) e_i)`` at level t; a multiplicity costs
    ``(m - 1) / log(nbeta)`` unless ``multiplicity`` is given.

    Errors: ``mcse`` by the jackknife over ``num_chains`` independent runs (at least 4), each of
    which gives unbiased masses. A loss without gradient is counted as a gradient evaluation.

    Population loss only: with data the minimum splits, and small sublevel sets are those of a
    regular model. At most 6 parameters.

    Attributes:
        sampler: Not used.
        settings: Temperature, localisation, ``num_chains`` runs.
        ratio: ``t1 / t2``, above 1.
        particles: Particles of a run.
        moves: Steps of each particle at each level.
        multiplicity: ``m`` of the correction; 1 for none.

    Source: Watanabe 2009 (the volume); Au and Beck 2001 (subset simulation).
    """

    sampler: AnySampler | None = None
    settings: Settings = field(default_factory=Settings)
    ratio: float = 64.0
    particles: int = 200
    moves: int = 20
    multiplicity: int = 1

    def __post_init__(self) -> None:
        name = "volume_scaling"
        set_checked(
            self,
            ratio=check_between(name, "ratio", self.ratio, 1),
            particles=check_count(name, "particles", self.particles, least=10),
            moves=check_count(name, "moves", self.moves, least=1),
            multiplicity=check_count(name, "multiplicity", self.multiplicity, least=1),
        )

    def estimate(self, problem: Problem, context: RunContext = DEFAULT_CONTEXT) -> Estimate:
        """Split down to both levels in independent runs; the budget is not consulted."""
        started = time.perf_counter()
        nbeta, runs = nbeta_of(self.settings, problem.num_data), self.settings.num_chains
        reason = self.unsupported(problem)
        if reason:
            return skipped(reason, nbeta, self.settings)
        seeds = context.seeds_for(problem)
        goals = self.levels(nbeta)
        with torch.no_grad():
            potential = self._potential(problem)
            method = Splitting(potential, problem.dim, self.moves, seeds.generator("noise"))
            levels = method.pilot(self.particles, goals)
            masses = method.masses(runs, self.particles, levels, goals).numpy()
        # Masses are unbiased, their logarithms are not: averaged first.
        statistic = jackknife(masses, lambda x: self._value(x[..., 1] / x[..., 0], nbeta))
        reach = chain_quantile(LEVEL, runs) * statistic.mcse
        rate = min(level.accepted for level in levels)
        return Estimate(
            status="ok",
            llc=statistic.value,
            mcse=statistic.mcse,
            stderr=statistic.mcse,
            interval=(statistic.value - reach, statistic.value + reach),
            llc_per_chain=[float(x) for x in statistic.unit_values],
            nbeta=nbeta,
            gamma=self.settings.gamma,
            loss_star=0.0,
            grad_evals=method.evaluations,
            sample_grads=method.evaluations,
            seconds_sampling=time.perf_counter() - started,
            peak_bytes=peak_bytes(),
            guards=[
                Guard(
                    name="moves_accepted",
                    value=rate,
                    limit=">= 0.02",
                    passed=rate >= 0.02,
                    meaning="particles hardly move at some level: copies stay copies",
                )
            ],
        )

    def tempered(
        self, problem: Problem, nbeta: float, gamma: float, data: Data | None
    ) -> Tempered | None:
        """Return this slope of the exact volumes in up to two dimensions, None above."""
        if self.unsupported(problem) or problem.dim > 2:
            return None
        loss = problem.bind(None, torch.float64)
        batch = loss.draw(1, None, torch.Generator())

        def potential(points: Array) -> Array:
            rows = torch.from_numpy(np.ascontiguousarray(points.T))
            with torch.no_grad():
                values: Array = loss.excess(rows, batch).numpy()
            return values

        centre = problem.w_star().numpy()
        high, low = (sublevel_mass(potential, centre, gamma, t) for t in self.levels(nbeta))
        if (low <= 0).any():
            return None
        fine, coarse = self._value(low / high, nbeta)
        if abs(fine - coarse) > 1e-3 * abs(fine):  # thin sets that the grid may have missed
            return None
        return Tempered(
            value=float(fine),
            stderr=float(abs(fine - coarse)) + 1e-12,
            method="volumes by bisection",
            certified=True,
        )

    def unsupported(self, problem: Problem) -> str | None:
        """Return why a problem cannot be measured, None if it can."""
        if problem.num_data is not None:
            return "volume_scaling needs the population loss; drop /n<samples> from the id"
        if problem.dim > MAX_DIM:
            return (
                f"volume_scaling handles at most {MAX_DIM} parameters, {problem.id} has"
                f" {problem.dim}; use mean_energy"
            )
        if self.settings.gamma <= 0:
            return "volume_scaling needs gamma > 0"
        if self.settings.num_chains < FEWEST_RUNS:
            return f"volume_scaling needs num_chains >= {FEWEST_RUNS} independent runs"
        return None

    def levels(self, nbeta: float) -> tuple[float, float]:
        """Return the higher and the lower level."""
        return math.sqrt(self.ratio) / nbeta, 1 / (math.sqrt(self.ratio) * nbeta)

    def _value(self, mass_ratio: Array, nbeta: float) -> Array:
        high, low = self.levels(nbeta)
        extra = self.multiplicity - 1
        offset = extra * log_log_slope(1 / high, 1 / low) if extra else 0.0
        slope: Array = -np.log(mass_ratio) / math.log(self.ratio) + offset
        return slope

    def _potential(self, problem: Problem) -> Callable[[Tensor], Tensor]:
        """Return the excess loss in units of the localisation."""
        loss = problem.bind(None, torch.float64)
        batch = loss.draw(1, None, torch.Generator())
        centre, scale = problem.w_star(), self.settings.gamma**-0.5
        return lambda z: loss.excess(centre + scale * z, batch)
