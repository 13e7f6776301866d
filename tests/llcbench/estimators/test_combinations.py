"""Estimators on mean energies in closed form: weights, targets and values by hand, no draws.

With ``lambda(b) = c`` (a pure power) every combination gives c; with ``lambda(b) = c - g / b`` (a
localisation) and ``c - (m - 1) / log b`` (a multiplicity) it gives what its docstring says.
"""

import math

import numpy as np
import pytest
import torch

import llcbench
from llcbench import SGLD, Settings
from llcbench.estimators.effective_dimension import effective_dimension
from llcbench.estimators.extrapolated import Extrapolated
from llcbench.estimators.half_dimension import HalfDimension
from llcbench.estimators.heat_capacity import HeatCapacity, _variance, exact_variance
from llcbench.estimators.hessian_rank import HessianRank
from llcbench.estimators.laplace import laplace
from llcbench.estimators.regression import TemperatureRegression
from llcbench.estimators.reweighting import Reweighting, reweighted, weighted_energies
from llcbench.estimators.splitting import Splitting, SplittingLevel
from llcbench.estimators.temperatures import (
    Combination,
    geometric,
    log_log_slope,
    tempered_combination,
)
from llcbench.estimators.thermodynamic_integration import ThermodynamicIntegration
from llcbench.estimators.two_temperatures import TwoTemperatures
from llcbench.estimators.volume_scaling import VolumeScaling
from theory.tempered import Tempered

NBETA, RATIO, C = 400.0, 4.0, 0.75
SAMPLER = SGLD(1e-3)


class Known:
    """A problem whose tempered value is a function of the temperature."""

    dim = 4

    def __init__(self, function, stderr=0.0, certified=lambda b: True):
        self.function, self.stderr, self.certified = function, stderr, certified

    def tempered(self, nbeta, gamma, data=None):
        return Tempered(
            value=self.function(nbeta), stderr=self.stderr, method="m",
            certified=self.certified(nbeta),
        )  # fmt: skip


def value(combination: Combination, function) -> float:
    energies = np.array([function(b) for b in combination.nbetas])
    return combination.offset + float(combination.weights @ energies)


SLOPES = {
    "two_temperatures": TwoTemperatures(SAMPLER, ratio=RATIO).combination(NBETA),
    "reweighting": Reweighting(SAMPLER, ratio=2.0).combination(NBETA),
    "integration": ThermodynamicIntegration(SAMPLER, ratio=RATIO, rungs=5).combination(NBETA),
}
for _name, _options in {
    "free": {},
    "star": {"intercept": "star"},
    "log": {"log_term": True},
}.items():
    _fit = TemperatureRegression(SAMPLER, ratio=RATIO, rungs=5, **_options)
    _ladder = _fit.nbetas(NBETA)
    SLOPES[f"regression {_name}"] = _fit.combination(_ladder, 1 / _ladder**2)


@pytest.mark.parametrize("name", SLOPES)
def test_a_pure_power_gives_its_exponent(name: str) -> None:
    assert value(SLOPES[name], lambda b: C) == pytest.approx(C)


@pytest.mark.parametrize(
    "name", ["two_temperatures", "reweighting", "regression free", "regression log"]
)
def test_a_constant_in_the_loss_cancels(name: str) -> None:
    """A loss that is off by a constant has mean energies ``c + b offset``."""
    assert value(SLOPES[name], lambda b: C + 0.01 * b) == pytest.approx(C)


def test_temperatures_lie_around_the_nominal_one() -> None:
    assert SLOPES["two_temperatures"].nbetas == pytest.approx([200, 800])
    assert geometric(NBETA, 16.0, 3) == pytest.approx([100, 400, 1600])
    nodes = SLOPES["integration"].nbetas
    assert nodes[2] == pytest.approx(NBETA)
    assert nodes * nodes[::-1] == pytest.approx([NBETA**2] * 5)
    assert 200 < nodes.min() < nodes.max() < 800


def test_a_slope_between_two_temperatures_by_hand() -> None:
    """Energies L(200) = 0.5/200 and L(800) = 0.9/800 over 1/200 - 1/800."""
    found = value(SLOPES["two_temperatures"], lambda b: 0.5 if b < 400 else 0.9)
    assert found == pytest.approx((0.5 / 200 - 0.9 / 800) / (1 / 200 - 1 / 800))


def test_integration_is_exact_for_polynomials_in_the_logarithm() -> None:
    """The mean of ``log(b / nbeta)^2`` over the window ``[-log 2, log 2]``: a third of the end."""
    found = value(SLOPES["integration"], lambda b: math.log(b / NBETA) ** 2)
    assert found == pytest.approx(math.log(2) ** 2 / 3)


def test_the_correction_for_the_multiplicity() -> None:
    """``F = c log b - (m - 1) log log b``: with m known the slope between the ends is c."""
    low, high = 200.0, 800.0
    wanted = (math.log(math.log(high)) - math.log(math.log(low))) / math.log(high / low)
    assert log_log_slope(low, high) == pytest.approx(wanted)
    plain, third = (
        ThermodynamicIntegration(SAMPLER, ratio=RATIO, multiplicity=m).combination(NBETA)
        for m in (1, 3)
    )
    assert plain.offset == 0
    assert third.offset == pytest.approx(2 * wanted)
    fine = ThermodynamicIntegration(SAMPLER, ratio=RATIO, multiplicity=3, rungs=8)
    found = value(fine.combination(NBETA), lambda b: C - 2 / math.log(b))
    assert found == pytest.approx(C, abs=1e-9)
    with pytest.raises(ValueError, match="above 1"):
        log_log_slope(0.5, 2.0)


def test_the_log_term_takes_the_multiplicity_out() -> None:
    def energy(b: float) -> float:
        return C - 1 / math.log(b)

    assert value(SLOPES["regression log"], energy) == pytest.approx(C)
    assert abs(value(SLOPES["regression free"], energy) - C) > 0.05


def test_a_fixed_intercept_averages_with_the_weights_of_gamma_energies() -> None:
    """Of ``E = c / b`` with variances ``1/b^2`` the best fit is the mean of ``b E``."""
    assert SLOPES["regression star"].weights == pytest.approx([0.2] * 5)


def test_the_fit_uses_the_weights_of_its_target(monkeypatch) -> None:
    """What `estimate` combines is the combination that `tempered` measures it against."""
    from llcbench.estimators import regression

    seen = {}

    class Runs:
        failure = None

        def summarise(self, statistic, gradient):
            seen.update(statistic=statistic, gradient=gradient)
            return "estimate"

    means = np.random.default_rng(0).random((6, 5))
    monkeypatch.setattr(regression, "run_ladder", lambda *args: Runs())
    monkeypatch.setattr(regression, "energies", lambda runs: means)
    fit = TemperatureRegression(SAMPLER, Settings(nbeta=NBETA), ratio=RATIO, rungs=5)
    problem = llcbench.problem("poly/x2")
    assert fit.estimate(problem) == "estimate"
    weights = SLOPES["regression free"].weights
    assert seen["statistic"].value == pytest.approx(float(means.mean(0) @ weights))
    assert seen["gradient"][:, 0] == pytest.approx(fit.nbetas(NBETA) * weights)


def test_a_combination_of_truths_is_as_certain_as_the_least_of_them() -> None:
    combination = Combination(np.array([1.0, 2.0]), np.array([3.0, -2.0]), 0.5)
    sure = tempered_combination(combination, Known(lambda b: b, 0.01), 1.0, None, "fit")
    assert sure.value == pytest.approx(0.5 + 3 - 4)
    # Errors need not be independent, and never cancel.
    assert sure.stderr == pytest.approx(0.05)
    assert sure.certified
    half = Known(lambda b: b, certified=lambda b: b < 1.5)
    assert not tempered_combination(combination, half, 1.0, None, "fit").certified


def test_the_target_of_a_heat_capacity_is_the_energy_less_its_slope() -> None:
    """``lambda(b) = c - g / b`` has the slope ``g / b`` in log b."""
    found = exact_variance(Known(lambda b: C - 20 / b), NBETA, 1.0, None)
    assert found.value == pytest.approx(C - 2 * 20 / NBETA, abs=1e-6)
    assert found.stderr < 1e-5
    assert exact_variance(Known(lambda b: C, 0.01), NBETA, 1.0, None) is None
    moments = np.array([[2.0, 5.0], [3.0, 9.0]])
    assert _variance(moments) == pytest.approx([1.0, 0.0])


def test_a_heat_capacity_is_the_variance_in_units_of_the_temperature(monkeypatch) -> None:
    """Of energies ``nbeta L`` in four chains; pooled, since chains know the mean together."""
    from llcbench.estimators import heat_capacity

    losses = np.random.default_rng(1).exponential(1 / NBETA, (4, 50))
    seen = {}

    class Runs:
        failure, nbeta = None, NBETA
        finished = (type("Run", (), {"units": losses}),)

        def summarise(self, statistic, gradient, curvature):
            seen.update(statistic=statistic, gradient=gradient, curvature=curvature)
            return "estimate"

    monkeypatch.setattr(heat_capacity, "run_full_batch", lambda *args, **options: Runs())
    HeatCapacity(SAMPLER, Settings(nbeta=NBETA)).estimate(llcbench.problem("poly/x2"))
    energies = NBETA * losses
    unbiased = energies.var() + energies.mean(1).var(ddof=1) / 4
    assert seen["statistic"].value == pytest.approx(unbiased)
    # Of nbeta^2 (E[L^2] - E[L]^2) in E[L] and E[L^2].
    assert seen["gradient"] == pytest.approx(np.array([[-2 * NBETA * energies.mean(), NBETA**2]]))
    assert seen["curvature"] == pytest.approx(np.diag([-2.0 * NBETA**2, 0.0]))


def test_reweighted_means_are_those_at_the_other_temperature() -> None:
    """Losses 1, 2 and 4 at a shift of log 2: weights 1/2, 1/4, 1/16, relative to the first."""
    losses = np.array([[1.0, 2.0, 4.0]])
    means, share = reweighted(losses, math.log(2))
    weights = np.array([1, 1 / 2, 1 / 8])
    assert means[0, 0] / means[0, 1] == pytest.approx((weights @ losses[0]) / weights.sum())
    assert share == pytest.approx(weights.sum() ** 2 / (3 * (weights**2).sum()))
    # Towards a hotter distribution large losses count more.
    hotter, _ = reweighted(losses, -math.log(2))
    assert hotter[0, 0] / hotter[0, 1] > losses.mean() > means[0, 0] / means[0, 1]
    assert reweighted(losses, 0.0)[1] == pytest.approx(1.0)


def test_weighted_energies_have_their_own_derivatives() -> None:
    excess = torch.tensor([0.3, 0.7], dtype=torch.float64)
    shifts = (0.5, -0.25)
    found = weighted_energies(excess, shifts, 0.4)
    for k, shift in enumerate(shifts):
        weight = torch.exp(-shift * (excess - 0.4))
        assert found.values[2 * k].tolist() == pytest.approx((weight * excess).tolist())
        assert found.values[2 * k + 1].tolist() == pytest.approx(weight.tolist())
    step = 1e-5
    ahead, behind = (weighted_energies(excess + s * step, shifts, 0.4) for s in (1, -1))
    slope = (ahead.values - behind.values) / (2 * step)
    assert found.slopes.numpy() == pytest.approx(slope.numpy(), rel=1e-7)
    second = (ahead.slopes - behind.slopes) / (2 * step)
    assert found.curvatures.numpy() == pytest.approx(second.numpy(), rel=1e-6)


@pytest.mark.parametrize("concentrated", [False, True])
def test_reweighting_warns_of_few_effective_draws(monkeypatch, concentrated: bool) -> None:
    from llcbench.estimators import reweighting

    # Gamma energies: the share of effective draws falls as a power of their shape.
    shape = 100 if concentrated else 0.5
    losses = np.random.default_rng(0).gamma(shape, size=(4, 50)) / NBETA
    seen = {}

    class Runs:
        failure, nbeta = None, NBETA
        finished = (type("Run", (), {"units": losses}),)

        def summarise(self, statistic, gradient, curvature, extra):
            seen.update(statistic=statistic, guard=extra[0])
            return "estimate"

    monkeypatch.setattr(reweighting, "run_full_batch", lambda *args, **options: Runs())
    Reweighting(SAMPLER, Settings(nbeta=NBETA)).estimate(llcbench.problem("poly/x2"))
    assert seen["guard"].passed is not concentrated
    combination = SLOPES["reweighting"]
    if not concentrated:
        wanted = 0.0
        for b, weight in zip(combination.nbetas, combination.weights, strict=True):
            w = np.exp(-(b - NBETA) * losses)
            wanted += weight * b * (w * losses).sum() / w.sum()
        assert seen["statistic"].value == pytest.approx(wanted, rel=0.05)


@pytest.mark.parametrize(("order", "gain"), [(1, 2.0), (2, 4.0)])
def test_extrapolation_takes_the_leading_order_out(monkeypatch, order: int, gain: float) -> None:
    """Energies ``1 + c eps^p`` at eps and at half of it: 1."""
    from llcbench.estimators import extrapolated

    seen = {}

    class Runs:
        failure = None

        def __init__(self, runs):
            self.finished = tuple(
                type("Run", (), {
                    "units": np.full((4, 3), (1 + run.sampler.step_size**order) / NBETA),
                    "trace": type("T", (), {"acceptance": None}),
                }) for run in runs
            )  # fmt: skip

        def summarise(self, statistic, gradient):
            seen.update(statistic=statistic, gradient=gradient)
            return "estimate"

    def make(problem, settings, runs, context):
        seen["steps"] = [run.sampler.step_size for run in runs]
        return Runs(runs)

    monkeypatch.setattr(extrapolated, "run_temperatures", make)
    Extrapolated(SGLD(0.5), Settings(nbeta=NBETA, num_chains=8), order=order).estimate(
        llcbench.problem("poly/x2")
    )
    assert seen["steps"] == [0.5, 0.25]
    assert seen["statistic"].value == pytest.approx(1.0)
    weights = NBETA * np.array([-1.0, gain]) / (gain - 1)
    assert seen["gradient"][:, 0] == pytest.approx(weights)


def test_values_of_a_hessian_by_hand() -> None:
    """Eigenvalues 0, 1e-12, 0.5, 2 at nbeta 400 and gamma 3."""
    e = np.array([0.0, 1e-12, 0.5, 2.0])
    assert HessianRank().value(e, NBETA) == 1.0
    assert HessianRank(tolerance=0.5).value(e, NBETA) == 0.5
    # The floor of a flat loss is that of the temperature.
    assert HessianRank(tolerance=0.5).value(np.array([0.0, 1e-3]), NBETA) == 0.0
    assert effective_dimension(e, NBETA, 3.0) == pytest.approx((200 / 203 + 800 / 803) / 2)
    wanted = (math.log(203 / 3.5) + math.log(803 / 5)) / (2 * math.log(400))
    assert laplace(e, NBETA, 3.0) == pytest.approx(wanted)
    assert HalfDimension().estimate(llcbench.problem("regular/d3")).llc == 1.5


@pytest.mark.parametrize("multiplicity", [1, 3])
def test_volumes_of_a_power_give_its_exponent(multiplicity: int) -> None:
    """``V(t) = t^c (-log t)^(m - 1)`` at both levels, in which the sign of the correction shows."""
    estimator = VolumeScaling(None, Settings(), multiplicity=multiplicity)
    high, low = estimator.levels(1e6)
    assert (high, low) == pytest.approx((8e-6, 1.25e-7))

    def volume(t: float) -> float:
        return t**C * (-math.log(t)) ** (multiplicity - 1)

    found = float(estimator._value(np.array(volume(low) / volume(high)), 1e6))
    assert found == pytest.approx(C)


def test_masses_of_balls_by_splitting() -> None:
    """``|z|^2 < t`` in the plane has the mass ``1 - exp(-t/2)``; gate at z = 4.5."""
    levels = [SplittingLevel(t, 1.0, 0.5) for t in (1.0, 0.5, 0.25, 0.125)]
    method = Splitting(lambda z: z.square().sum(-1), 2, 5, torch.Generator().manual_seed(0))
    goals = [1.0, 0.125]
    masses = method.masses(200, 50, levels, goals).numpy()
    for column, t in enumerate(goals):
        mean, error = masses[:, column].mean(), masses[:, column].std(ddof=1) / math.sqrt(200)
        assert abs(mean - (1 - math.exp(-t / 2))) < 4.5 * error
        assert error < 0.04 * mean


def test_volume_scaling_reads_the_ratio_of_the_masses(monkeypatch) -> None:
    """Masses are averaged over runs before their ratio is taken."""
    from llcbench.estimators import volume_scaling

    masses = np.array([[0.5, 0.1], [0.25, 0.2], [0.3, 0.1], [0.4, 0.15]])

    class Splitter:
        evaluations = 7

        def __init__(self, *args):
            pass

        def pilot(self, particles, goals):
            return [SplittingLevel(goal, 1.0, 0.5) for goal in goals]

        def masses(self, runs, particles, levels, goals):
            return torch.from_numpy(masses)

    monkeypatch.setattr(volume_scaling, "Splitting", Splitter)
    settings = Settings(nbeta=100.0, num_chains=4)
    found = VolumeScaling(None, settings).estimate(llcbench.problem("poly/x4"))

    def slope(rows: np.ndarray) -> float:
        high, low = rows.mean(0)
        return math.log(high / low) / math.log(64)

    pseudo = [4 * slope(masses) - 3 * slope(np.delete(masses, k, axis=0)) for k in range(4)]
    assert found.llc == pytest.approx(np.mean(pseudo))
    assert found.mcse == pytest.approx(np.std(pseudo, ddof=1) / 2)
    assert found.grad_evals == 7
