"""Regression of the mean energy on the temperature, over a ladder."""

import math
from dataclasses import dataclass, field
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray

from llcbench.checks import check_between, check_choice, check_count, set_checked
from llcbench.estimators.heat_capacity import exact_variance
from llcbench.estimators.least_squares import fitted, fixed_weights
from llcbench.estimators.mean_energy import nbeta_of
from llcbench.estimators.temperatures import (
    Combination,
    energies,
    geometric,
    run_ladder,
    tempered_combination,
)
from llcbench.records import Estimate
from llcbench.sampling.jackknife import jackknife
from llcbench.sampling.target import AnySampler
from llcbench.settings import Settings
from llcbench.types import DEFAULT_CONTEXT, Data, Problem, RunContext
from theory.tempered import Tempered

Array = NDArray[np.float64]


@final
@dataclass(frozen=True)
class TemperatureRegression:
    """Least squares of ``E_b[L] = L_0 + llc / b - (m - 1) / (b log b)`` on a geometric ladder.

    The last term is optional, with its factor fitted; the intercept is free or fixed at
    ``L(w*)``. With a fixed one and no last term the fit is a weighted mean of mean energies; with a
    free one it is a slope, blind to constants in the loss.

    Converges to the coefficient as ``nbeta`` grows. A free intercept has the bias of the heat
    capacity (a slope in ``1/b`` is ``lambda - b lambda'``, averaged over the ladder): twice the
    localisation bias of the mean energy and ``(m - 1)/log(nbeta)`` and more from a multiplicity.
    ``log_term`` removes the latter at leading order, at the price of a much larger variance:
    ``1/b`` and ``1/(b log b)`` are nearly collinear on any ladder that one can run.

    Weights: ``gamma`` takes the variances of Gamma energies, ``Var_b[L]`` proportional to
    ``1/b^2``: fixed numbers. ``covariance`` takes the inverse of the full covariance of the chains'
    means over the rungs, as observed; on independent exact draws that of ``Var_b[L]``.

    Errors: chain i of every rung is one unit, so correlation between rungs is counted under both
    weights. Fixed weights: spread of the units. Observed weights: generalised least squares is the
    intercept of a regression of each unit's slope on its residual contrasts, with the exact error
    and ``units - 1 - (rungs - terms)`` degrees of freedom for normal means. Label noise comes on
    top, for the weights as they are. Every chain runs on every rung.

    Attributes:
        sampler: The kernel, the same at every temperature.
        settings: Nominal temperature, localisation, chains, lengths.
        rungs: Temperatures.
        ratio: Largest over smallest temperature, above 1.
        intercept: ``free``, or ``star`` for ``L(w*)``.
        log_term: Whether to fit the last term.
        weights: ``gamma`` or ``covariance``.

    Source: Watanabe 2013 (the expansion); Lavenberg and Welch 1981 (the error with observed
    weights).
    """

    sampler: AnySampler
    settings: Settings = field(default_factory=Settings)
    rungs: int = 5
    ratio: float = 8.0
    intercept: Literal["free", "star"] = "free"
    log_term: bool = False
    weights: Literal["gamma", "covariance"] = "gamma"

    def __post_init__(self) -> None:
        check_choice("regression", "intercept", self.intercept, ("free", "star"))
        check_choice("regression", "weights", self.weights, ("gamma", "covariance"))
        set_checked(
            self,
            ratio=check_between("regression", "ratio", self.ratio, 1),
            rungs=check_count("regression", "rungs", self.rungs, least=self.terms + 1),
        )

    @property
    def terms(self) -> int:
        """Number of fitted numbers."""
        return 1 + (self.intercept == "free") + self.log_term

    def estimate(self, problem: Problem, context: RunContext = DEFAULT_CONTEXT) -> Estimate:
        """Sample on all rungs and fit."""
        nbetas = self.nbetas(nbeta_of(self.settings, problem.num_data))
        runs = run_ladder(problem, self.sampler, self.settings, nbetas, context)
        if runs.failure is not None:
            return runs.failure
        means = energies(runs)
        if self.weights == "covariance":
            statistic, factors = fitted(means / nbetas, self.design(nbetas))
            return runs.summarise(statistic, factors[:, None])
        weights = self.combination(nbetas, 1 / nbetas**2).weights
        statistic = jackknife(means, lambda features: features @ weights)
        return runs.summarise(statistic, (nbetas * weights)[:, None])

    def tempered(
        self, problem: Problem, nbeta: float, gamma: float, data: Data | None
    ) -> Tempered | None:
        """Return this fit to the exact mean energies."""
        nbetas = self.nbetas(nbeta)
        variances = 1 / nbetas**2
        if self.weights == "covariance":
            exact = [exact_variance(problem, float(b), gamma, data) for b in nbetas]
            if any(part is None for part in exact):
                return None
            variances = variances * np.array([part.value for part in exact if part is not None])
        combination = self.combination(nbetas, variances)
        return tempered_combination(combination, problem, gamma, data, "regression")

    def nbetas(self, nbeta: float) -> Array:
        """Return the ladder.

        Raises:
            ValueError: If the log term meets a temperature at which ``log b`` is not positive.
        """
        nbetas = geometric(nbeta, self.ratio, self.rungs)
        if self.log_term and nbetas[0] <= 1:
            raise ValueError(
                f"regression: log_term needs every temperature nbeta above 1, got {nbetas[0]:.4g};"
                " raise nbeta or drop log_term"
            )
        return nbetas

    def design(self, nbetas: Array) -> Array:
        """Return the regressors, the one of the coefficient first, ``(rungs, terms)``."""
        columns = [1 / nbetas]
        if self.intercept == "free":
            columns.append(np.ones_like(nbetas))
        if self.log_term:
            columns.append(-1 / (nbetas * np.array([math.log(b) for b in nbetas])))
        return np.stack(columns, axis=1)

    def combination(self, nbetas: Array, variances: Array) -> Combination:
        """Return the fit with given variances of ``E_b[L]`` as weights of mean energies."""
        return Combination(nbetas, fixed_weights(self.design(nbetas), variances) / nbetas)
