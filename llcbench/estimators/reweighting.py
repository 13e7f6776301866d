"""Other temperatures from one run, by importance weights."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from llcbench.checks import check_between, set_checked
from llcbench.estimators.mean_energy import nbeta_of
from llcbench.estimators.temperature_runs import run_full_batch
from llcbench.estimators.temperatures import Combination, tempered_combination
from llcbench.estimators.two_temperatures import TwoTemperatures
from llcbench.records import Estimate, Guard
from llcbench.sampling.jackknife import jackknife
from llcbench.sampling.label_noise import FeatureValues
from llcbench.sampling.target import AnySampler
from llcbench.settings import Settings
from llcbench.types import DEFAULT_CONTEXT, Data, Problem, RunContext
from theory.tempered import Tempered

Array = NDArray[np.float64]
# Weights towards half the temperature and below have no variance under Gamma energies.
LARGEST_RATIO = 4.0
SMALLEST_SHARE = 0.1


@final
@dataclass(frozen=True)
class Reweighting:
    """``llc = (E_b1[L] - E_b2[L]) / (1/b1 - 1/b2)`` from one run at ``nbeta``.

    Both energies are weighted means of the same trace,

    ``E_b[L] = sum_i w_i L_i / sum_i w_i``,  ``w_i = exp(-(b - nbeta) L_i)``,

    at ``b1, b2 = nbeta / sqrt(ratio), nbeta sqrt(ratio)``.

    Converges, with the number of draws, to what two perfect runs at ``b1`` and ``b2`` give, and
    with ``nbeta`` to the coefficient: the bias is that of `TwoTemperatures`, in terms of ``gamma``
    and the multiplicity. Weighted means have a bias of one over the effective number of draws, of
    which the jackknife over chains removes the leading part.

    Errors: that jackknife. With ``c = b/nbeta - 1`` the share of effective draws under Gamma
    energies is ``((1 + 2c) / (1 + c)^2)^lambda``, infinitely bad for ``b <= nbeta / 2``: the ratio
    has to be below 4, and ``log ratio`` of the order of ``2 / sqrt(lambda)``. The guard
    ``weight_ess`` reports the smaller observed share of the two. Label noise comes on top. The
    full batch is needed, as the weights would amplify the noise of minibatches.

    Attributes:
        sampler: The kernel.
        settings: Temperature, localisation, chains, lengths.
        ratio: ``b2 / b1``, above 1 and below 4.

    Source: Ferrenberg and Swendsen 1988; the share is Kish's, ``(sum w)^2 / (n sum w^2)``.
    """

    sampler: AnySampler
    settings: Settings = field(default_factory=Settings)
    ratio: float = 2.0

    def __post_init__(self) -> None:
        set_checked(self, ratio=check_between("reweighting", "ratio", self.ratio, 1, LARGEST_RATIO))

    def estimate(self, problem: Problem, context: RunContext = DEFAULT_CONTEXT) -> Estimate:
        """Sample once and reweight twice."""
        nbeta = nbeta_of(self.settings, problem.num_data)
        combination = self.combination(nbeta)
        shifts = [float(b) - nbeta for b in combination.nbetas]
        # Weights are relative to a typical energy, so that they neither vanish nor overflow.
        typical = 0.5 * problem.dim / nbeta
        runs = run_full_batch(
            problem,
            self.sampler,
            self.settings,
            context,
            lambda excess: weighted_energies(excess, shifts, typical),
            why="reweighting needs the full batch, weights amplify the noise of minibatches",
        )
        if runs.failure is not None:
            return runs.failure
        units = runs.finished[0].units
        means_and_shares = [reweighted(units, shift) for shift in shifts]
        features = np.concatenate([means for means, _ in means_and_shares], axis=1)

        def value(moments: Array) -> Array:
            means = moments[..., 0::2] / moments[..., 1::2]
            combined: Array = (combination.nbetas * means) @ combination.weights
            return combined

        share = min(share for _, share in means_and_shares)
        guard = Guard(
            name="weight_ess",
            value=share,
            limit=f">= {SMALLEST_SHARE}",
            passed=share >= SMALLEST_SHARE,
            meaning="share of effective draws under the weights: reduce ratio",
        )
        draws = torch.from_numpy(units.ravel())
        means = weighted_energies(draws, shifts, typical).values.mean(1).numpy()
        energies = means[0::2] / means[1::2]
        factors = combination.nbetas * combination.weights / means[1::2]
        gradient = np.stack([factors, -factors * energies], axis=1).reshape(1, -1)
        curvature = np.zeros((len(means), len(means)))
        for k, factor in enumerate(factors / means[1::2]):
            pair = slice(2 * k, 2 * k + 2)
            curvature[pair, pair] = factor * np.array([[0.0, -1.0], [-1.0, 2 * energies[k]]])
        return runs.summarise(jackknife(features, value), gradient, curvature, [guard])

    def tempered(
        self, problem: Problem, nbeta: float, gamma: float, data: Data | None
    ) -> Tempered | None:
        """Return the slope of the exact mean energies."""
        return tempered_combination(self.combination(nbeta), problem, gamma, data, "slope")

    def combination(self, nbeta: float) -> Combination:
        """Return both temperatures and the weights of their mean energies."""
        return TwoTemperatures(self.sampler, self.settings, self.ratio).combination(nbeta)


def weighted_energies(excess: Tensor, shifts: Sequence[float], typical: float) -> FeatureValues:
    """Return ``w L`` and ``w`` for every shift, and their derivatives in L, ``(2 shifts, chains)``.

    The weights are ``w = exp(-shift (L - typical))``.
    """
    values, slopes, curvatures = [], [], []
    for shift in shifts:
        weight = torch.exp(-shift * (excess - typical))
        values += [weight * excess, weight]
        slopes += [weight * (1 - shift * excess), -shift * weight]
        curvatures += [-shift * weight * (2 - shift * excess), shift**2 * weight]
    return FeatureValues(torch.stack(values), torch.stack(slopes), torch.stack(curvatures))


def reweighted(losses: Array, shift: float) -> tuple[Array, float]:
    """Return unit means of ``w L`` and ``w``, ``(units, 2)``, and the share of effective draws.

    Args:
        losses: Excess losses, ``(units, draws)``.
        shift: Difference of the inverse temperatures.
    """
    log_weights = -shift * losses
    weights = np.exp(log_weights - log_weights.max())
    share = float(weights.sum() ** 2 / (weights.size * (weights**2).sum()))
    return np.stack([(weights * losses).mean(1), weights.mean(1)], axis=1), share
