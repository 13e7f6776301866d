"""Bias and stationarity of a run, measured on the run itself.

With ``U = nbeta L + gamma/2 |r|^2``, ``r = w - w_star``, integration by parts gives
``E[r . grad U] = d`` under ``exp(-U)``. The square of an Euler step says what a chain has instead:

``E[r . grad U] / d = 1 + eps E|grad U|^2 / (4 d) - (E|r'|^2 - E|r|^2) / (eps d)``,

a part of the discretisation, minibatch noise included, and one of what has not equilibrated.

Sources: Stein 1972 (integration by parts); Wenzel et al. 2020, the configurational temperature.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from llcbench.records import RunStatistic, Virial
from llcbench.sampling import sampler_abilities
from llcbench.sampling.chains import Trace
from llcbench.sampling.diagnostics import ENOUGH_CHAINS
from llcbench.sampling.jackknife import BLOCKS, Statistic, error_of, jackknife, split
from llcbench.sampling.recorder import Recorded
from llcbench.sampling.target import AnySampler, Target
from llcbench.types import Discretisation

Array = NDArray[np.float64]
# Records of a chain below which nothing is said.
FEWEST = 4
# Power of the correlation that tells a homogeneous loss, where it is 1, from stiff directions about
# a place that moves, where it was 0.3 to 0.8 on networks and curves.
ALIKE = 8


@final
@dataclass(frozen=True)
class RunMoments:
    """VirialMoments of the kept steps with all that turns them into statistics.

    Attributes:
        recorded: The moments.
        nbeta: Inverse temperature.
        gamma: Localisation.
        dim: Number of parameters that move.
        discretisation: What the sampler knows of its bias; None if nothing.
        minibatch: Whether gradients are noisy.
        exact: Whether the sampler has the target as its stationary distribution.
        controlled: Whether the noise of gradients vanishes at ``w_star``.
    """

    recorded: Recorded
    nbeta: float
    gamma: float
    dim: int
    discretisation: Discretisation | None
    minibatch: bool
    exact: bool
    controlled: bool = False

    @property
    def noise(self) -> Array | None:
        """Mean variance of a minibatch gradient, ``(chains, 1)``; None where unknown."""
        chains = len(self.recorded.loss)
        if not self.minibatch:
            return np.zeros((chains, 1))
        pairs = self.recorded.pairs
        if pairs is None or not pairs.noise.shape[1]:
            return None
        return np.asarray(pairs.noise.mean(1, keepdims=True))

    def excess(self) -> RunStatistic | None:
        """Return ``E[r . grad U] / d - 1``."""
        return self._mean(self._excess())

    def share(self) -> RunStatistic | None:
        """Return D, the share by which steps and minibatches raise the energy, at leading order.

        ``D = eps/4 (nbeta^2 E|grad L_B|^2 + gamma V) / W``, ``V = nbeta E[r . grad L]``, for Euler
        steps. W is V for a homogeneous loss, and twice the energy where stiff directions are in
        equilibrium about a place that moves slowly; on quadratics the two are the same:

        ``W = 2 E + rho^8 (V - 2 E)``, rho the correlation of ``nbeta L`` with ``nbeta r . grad L``,

        which is 1 for a homogeneous loss. W is V for the noise of control-variate gradients alone,
        which grows with the distance from ``w_star``. The power 8 and that exception were chosen on
        measured biases (results/corrected.md, results/self_tuning.md), not derived.

        Exact for quadratics of any spectrum with full gradients, and at first order in ``eps`` for
        homogeneous losses without localisation.
        """
        terms = self.share_terms()
        return None if terms is None else self.function(terms, divided)

    def noise_share(self) -> RunStatistic | None:
        """Return the part of minibatch noise in D."""
        scheme, noise = self.discretisation, self.noise
        if scheme is None or noise is None:
            return None
        factor = 0.25 * scheme.step_size * scheme.noise * self.nbeta**2
        squares = np.broadcast_to(factor * noise, self.recorded.pull.shape)
        return self.function(self._shared(squares), divided)

    def share_terms(self) -> list[Array] | None:
        """Return what `divided` makes D of, ``(chains, records)`` each; None where unknown."""
        scheme, squares = self.discretisation, self._squares()
        if scheme is None or squares is None:
            return None
        pulled = scheme.curvature * self.gamma * self.nbeta * self.recorded.pull
        return self._shared(0.25 * scheme.step_size * (self.nbeta**2 * squares + pulled))

    def unlikeness(self) -> RunStatistic | None:
        """Return half of the difference between D with ``W = 2 E`` and with ``W = V``.

        It is 0 on quadratics, and a measure of how much the curvature differs from place to place,
        to which samplers of second order are no less sensitive: theirs is that of Euler steps.
        """
        scheme = self.discretisation
        if scheme is None:
            return None
        first = scheme._replace(curvature=scheme.curvature or 1.0)
        terms = replace(self, discretisation=first).share_terms()
        if terms is None:
            return None
        return self.function(
            terms,
            lambda m: 0.5 * np.abs(m[..., 0] / (2 * m[..., 1]) - m[..., 0] / m[..., 2]),
        )

    def _shared(self, excess: Array) -> list[Array]:
        """Return what `divided` needs the means of."""
        held = self.recorded
        energy, pull = self.nbeta * held.loss, self.nbeta * held.pull
        # Centred: means of squares less squares of means would cancel.
        a, b = energy - energy.mean(), pull - pull.mean()
        scheme = self.discretisation
        if self.controlled and scheme is not None and scheme.curvature == 0:
            # Then W is V.
            energy = 0.5 * pull
        return [excess, energy, pull, a, b, a * a, b * b, a * b]

    def steps(self) -> RunStatistic | None:
        """Return the part of the discretisation in the excess of the virial."""
        steps = self._steps()
        return None if steps is None else self._mean(steps)

    def remainder(self) -> RunStatistic | None:
        """Return the excess less the discretisation: what is left for the drift.

        The same as `drift` in expectation, from the forces and not from the distances: more precise
        where distances vary much, less where forces do.
        """
        steps = self._steps()
        return None if steps is None else self._mean(self._excess() - steps)

    def drift(self) -> RunStatistic | None:
        """Return the part of what has not equilibrated in the excess of the virial.

        For a sampler that is exact in distribution it is the excess itself. For the others it is
        minus the growth of ``|r|^2`` per step over ``eps d``, from the first third of the records
        to the last one.
        """
        if self.exact:
            return self.excess()
        scheme, held = self.discretisation, self.recorded
        third = len(held.steps) // 3
        if scheme is None or third < 1:
            return None
        time = held.steps[-third:].mean() - held.steps[:third].mean()
        growth = (held.distance[:, -third:].mean(1) - held.distance[:, :third].mean(1)) / time
        values = -scheme.relaxation * growth / (scheme.step_size * self.dim)
        if len(values) >= ENOUGH_CHAINS:
            return measured_value(
                float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5)
            )
        # Stationary ends of fewer chains differ by the spread of independent places.
        spread = held.distance.std() * math.sqrt(2 / len(values)) / time
        error = scheme.relaxation * spread / (scheme.step_size * self.dim)
        return measured_value(float(values.mean()), float(error))

    def identity(self) -> RunStatistic | None:
        """Return what should be 0 in Euler steps, in every run, however far from equilibrium.

        ``E[r . g] / d - 1 - eps E|g|^2 / (4 d) + growth of |r|^2 per step / (eps d)``; None for
        other steps.
        """
        scheme, steps, held = self.discretisation, self._steps(), self.recorded
        if scheme is None or steps is None or scheme[1:] != (1.0, 1.0, 1.0):
            return None
        if len(held.steps) <= FEWEST:
            return None
        local = self._excess() - steps
        time = np.diff(held.steps) * scheme.step_size * self.dim
        # From one record to the next; the mean telescopes.
        growth = np.diff(held.distance, axis=1) / time
        return self._mean(0.5 * (local[:, 1:] + local[:, :-1]) + growth)

    def kinetic(self) -> RunStatistic | None:
        """Return the mean square of the momenta over its stationary value, less 1."""
        kinetic = self.recorded.kinetic
        return None if kinetic is None else self._mean(kinetic - 1)

    def by_gamma(self) -> RunStatistic | None:
        """Return ``d llc / d log gamma = -gamma/2 Cov(nbeta L, |r|^2)``."""
        held = self.recorded
        # From centred values: products of large means would cancel.
        energy = self.nbeta * (held.loss - held.loss.mean())
        square = held.distance - held.distance.mean()
        return self.function(
            [energy * square, energy, square],
            lambda m: -0.5 * self.gamma * (m[..., 0] - m[..., 1] * m[..., 2]),
        )

    def by_nbeta(self) -> RunStatistic | None:
        """Return ``d llc / d log nbeta = llc - Var(nbeta L)``.

        On minibatches the variance is the covariance of two independent batches.
        """
        one = two = self.nbeta * self.recorded.loss
        if self.minibatch:
            pairs = self.recorded.pairs
            if pairs is None:
                return None
            one, two = self.nbeta * pairs.first, self.nbeta * pairs.second
        centre = float(0.5 * (one.mean() + two.mean()))
        a, b = one - centre, two - centre
        return self.function(
            [a * b, a, b],
            lambda m: centre + 0.5 * (m[..., 1] + m[..., 2]) - (m[..., 0] - m[..., 1] * m[..., 2]),
        )

    def virial(self) -> Virial | None:
        """Return the virial with its parts; None where there are too few records."""
        excess = self.excess()
        if excess is None:
            return None
        return Virial(
            excess=excess,
            drift=self.drift(),
            discretisation=self.steps(),
            noise=self.noise_share() if self.minibatch else None,
            kinetic=self.kinetic(),
        )

    def _excess(self) -> Array:
        """Return ``r . grad U / d - 1`` of every record."""
        ours = self.nbeta * self.recorded.pull + self.gamma * self.recorded.distance
        return np.asarray(ours / self.dim - 1)

    def _steps(self) -> Array | None:
        """Return the part of the discretisation in it."""
        scheme, squares, held = self.discretisation, self._squares(), self.recorded
        if scheme is None or squares is None:
            return None
        cross = 2 * self.nbeta * self.gamma * held.pull + self.gamma**2 * held.distance
        total = self.nbeta**2 * squares + scheme.curvature * cross
        return np.asarray(0.25 * scheme.step_size * total / self.dim)

    def _squares(self) -> Array | None:
        """Return ``|grad L_B|^2`` with both parts weighted as the sampler weights them."""
        scheme, noise, slope = self.discretisation, self.noise, self.recorded.slope
        if scheme is None:
            return None
        if scheme.noise == scheme.curvature:
            return scheme.curvature * slope
        return None if noise is None else scheme.curvature * (slope - noise) + scheme.noise * noise

    def _mean(self, values: Array) -> RunStatistic | None:
        return self.function([values], lambda m: m[..., 0])

    def function(self, values: list[Array], value: Callable[[Array], Array]) -> RunStatistic | None:
        """Return a function of means with its error.

        Args:
            values: Quantities at the records, ``(chains, records)`` each.
            value: From their means, ``(..., len(values))``, to ``(...)``.
        """
        found = self.statistic(values, value)
        if found is None:
            return None
        statistic, plain = found
        return measured_value(plain, error_of(statistic, len(values[0])).stderr)

    def statistic(
        self, values: list[Array], value: Callable[[Array], Array]
    ) -> tuple[Statistic, float] | None:
        """Return a function of means, jackknifed over units, and its plain value.

        Args:
            values: Quantities at the records or at all draws, ``(chains, ...)`` each.
            value: From their means, ``(..., len(values))``, to ``(...)``.
        """
        records = len(self.recorded.steps)
        # Pairs of half batches are fewer than records.
        fewest = min(row.shape[1] for row in values)
        if records < FEWEST or fewest < 2:
            return None
        blocks = min(BLOCKS, records // 2, fewest // 2)
        units = np.stack(
            [split(np.ascontiguousarray(row), blocks).mean(1) for row in values], axis=1
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            return jackknife(units, value), float(value(units.mean(0)))


def divided(means: Array) -> Array:
    """Return D from the means of `RunMoments.share_terms`.

    Args:
        means: Of the excess, energy, pull, both centred, their squares and their product,
            ``(..., 8)``.
    """
    excess, energy, pull, a, b, aa, bb, ab = (means[..., place] for place in range(8))
    spread = np.sqrt(np.maximum((aa - a * a) * (bb - b * b), np.finfo(float).tiny))
    alike = np.clip((ab - a * b) / spread, 0.0, 1.0) ** ALIKE
    return np.asarray(excess / (2 * energy + alike * (pull - 2 * energy)))


def measured_value(value: float, stderr: float) -> RunStatistic | None:
    """Return a statistic as records hold it; None where it is no number."""
    if not math.isfinite(value):
        return None
    return RunStatistic(value=value, stderr=stderr if math.isfinite(stderr) else None)


def measurement(trace: Trace, target: Target, sampler: AnySampler) -> RunMoments | None:
    """Return the moments of the kept steps of a run; None where nothing was recorded."""
    if trace.recorded is None:
        return None
    kept = trace.recorded.since(trace.num_burnin)
    scheme = sampler_abilities.discretisation(sampler)
    exact = trace.acceptance is not None or sampler_abilities.step_size(sampler) is None
    return RunMoments(
        recorded=kept,
        nbeta=target.nbeta,
        gamma=target.gamma,
        dim=target.dim,
        discretisation=scheme,
        minibatch=target.batch_size is not None,
        exact=exact and scheme is None,
        controlled=target.control_variate,
    )


def measured(trace: Trace, target: Target, sampler: AnySampler) -> dict[str, Any]:
    """Return the fields of an estimate that are read off the moments of its run."""
    moments = measurement(trace, target, sampler)
    return {} if moments is None else fields_of(moments)


def fields_of(moments: RunMoments) -> dict[str, Any]:
    """Return the fields of an estimate that are read off moments; none from too few records."""
    if len(moments.recorded.steps) < FEWEST:
        return {}
    return {
        "virial": moments.virial(),
        "discretisation": moments.share(),
        "dllc_dlog_gamma": moments.by_gamma(),
        "dllc_dlog_nbeta": moments.by_nbeta(),
    }
