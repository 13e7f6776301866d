"""Statistics with errors, by hand: jackknife, least squares, slopes, worst of several runs."""

import math

import numpy as np
import pytest
from scipy import stats

from llcbench.estimators.derivative import log_slope
from llcbench.estimators.least_squares import FEWEST, fitted, fixed_weights
from llcbench.estimators.temperature_runs import _worst
from llcbench.records import Guard
from llcbench.sampling.jackknife import jackknife, split
from theory.tempered import Tempered

RNG = np.random.default_rng(0)


def test_the_jackknife_of_a_linear_function_is_its_mean() -> None:
    features = np.array([[1.0, 10.0], [2.0, 30.0], [6.0, 20.0]])
    found = jackknife(features, lambda x: 2 * x[..., 0] - x[..., 1])
    values = np.array([-8.0, -26.0, -8.0])
    assert found.value == pytest.approx(values.mean())
    assert found.mcse == pytest.approx(values.std(ddof=1) / math.sqrt(3))
    assert found.unit_values == pytest.approx(values)
    assert found.units == 3


def test_the_jackknife_of_a_square_removes_its_bias() -> None:
    """Of units 1, 2, 6: the mean squared is 9, its bias the variance 7 of a unit over 3."""
    found = jackknife(np.array([[1.0], [2.0], [6.0]]), lambda x: x[..., 0] ** 2)
    assert found.value == pytest.approx(9 - 7 / 3)
    # Pseudovalues 27 - 2 ((9 - x) / 2)^2, that is -5, 2.5 and 22.5.
    pseudo = np.array([-5.0, 2.5, 22.5])
    assert found.unit_values == pytest.approx(pseudo)
    assert found.mcse == pytest.approx(pseudo.std(ddof=1) / math.sqrt(3))


def test_an_unbiased_variance_comes_out() -> None:
    units = RNG.normal(size=(9, 1))
    moments = np.concatenate([units, units**2], axis=1)
    found = jackknife(moments, lambda x: x[..., 1] - x[..., 0] ** 2)
    assert found.value == pytest.approx(units.var(ddof=1))


@pytest.mark.parametrize(
    ("chains", "draws", "shape"),
    [(4, 500, (4, 500)), (3, 500, (384, 3)), (1, 256, (128, 2)), (2, 8, (8, 2)), (1, 7, (3, 2))],
)
def test_fewer_than_four_chains_are_cut_into_blocks(chains, draws, shape) -> None:
    kept = np.arange(chains * draws, dtype=float).reshape(chains, draws)
    units = split(kept)
    assert units.shape == shape
    # Blocks are consecutive.
    assert (np.diff(units, axis=1) == 1).all()


def test_fixed_weights_are_those_of_weighted_least_squares() -> None:
    """Against the normal equations, and by hand for one regressor: inverse variances."""
    variances = np.array([1.0, 4.0, 0.25])
    one = fixed_weights(np.ones((3, 1)), variances)
    assert one == pytest.approx(np.array([1, 0.25, 4]) / 5.25)
    design = np.stack([[1.0, 2.0, 5.0], np.ones(3)], axis=1)
    weight = np.diag(1 / variances)
    wanted = np.linalg.solve(design.T @ weight @ design, design.T @ weight)[0]
    assert fixed_weights(design, variances) == pytest.approx(wanted)


def regression(units: np.ndarray) -> tuple[float, float, float]:
    """Return level, error and freedom of two rungs: a regression of one on their difference.

    Generalised least squares of a common level is the intercept of that regression.
    """
    first, gap = units[:, 0], units[:, 1] - units[:, 0]
    line = stats.linregress(gap, first)
    return line.intercept, line.intercept_stderr, len(units) - 2


@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_observed_weights_have_the_error_of_a_regression(offset: float) -> None:
    """With an offset the model does not fit, and its error is the larger for it."""
    units = RNG.multivariate_normal([1.0, 1.0 + offset], [[1.0, 0.6], [0.6, 2.0]], 12)
    found, weights = fitted(units, np.ones((2, 1)))
    value, error, freedom = regression(units)
    assert found.value == pytest.approx(value)
    assert found.mcse == pytest.approx(error)
    assert found.units - 1 == freedom
    assert weights.sum() == pytest.approx(1)
    assert found.unit_values == pytest.approx(units @ weights)


def test_too_few_units_are_refused() -> None:
    rungs = 3
    least = FEWEST + rungs
    units = RNG.normal(size=(least, rungs))
    assert fitted(units, np.ones((rungs, 1)))[0].units == FEWEST + 1
    with pytest.raises(ValueError, match=f"at least {least} chains"):
        fitted(units[1:], np.ones((rungs, 1)))


def known(value: float, stderr: float = 0.0, certified: bool = True) -> Tempered:
    return Tempered(value=value, stderr=stderr, method="", certified=certified)


def test_slopes_in_the_logarithm_of_the_temperature() -> None:
    """Polynomials in ``log b`` up to degree 6 have no error, one of degree 8 a bounded one."""
    for power in (1, 2, 6):
        slope, error, certified = log_slope(lambda b, p=power: known(math.log(b) ** p), math.e)
        assert slope == pytest.approx(power)
        assert error < 1e-9
        assert certified
    slope, error, _ = log_slope(lambda b: known(math.log(b) ** 8), math.e)
    assert 0 < abs(slope - 8) <= error or slope == pytest.approx(8)


def test_errors_of_the_values_add_up_in_a_slope() -> None:
    """Eight values with error e: ``2 e (4/5 + 1/5 + 4/105 + 1/280) / 0.2``."""
    _, error, _ = log_slope(lambda b: known(math.log(b), 1e-3), math.e)
    assert error == pytest.approx(2e-3 * (0.8 + 0.2 + 4 / 105 + 1 / 280) / 0.2, rel=1e-6)


@pytest.mark.parametrize("side", [0.9, 1.1])
def test_one_value_that_is_not_certified_is_enough(side: float) -> None:
    def function(b: float) -> Tempered:
        return known(math.log(b), certified=(b < 2.9) if side > 1 else (b > 2.5))

    assert not log_slope(function, math.e)[2]
    with pytest.raises(ValueError, match="unknown"):
        log_slope(lambda b: None, 5.0)


def guard(name: str, value: float, passed: bool) -> Guard:
    return Guard(name=name, value=value, limit="", passed=passed, meaning="")


def test_a_guard_that_failed_in_any_run_is_shown() -> None:
    groups = [
        [guard("rhat", 1.0, True), guard("ess", 200.0, True)],
        [guard("rhat", 1.2, False), guard("ess", 300.0, True)],
        [guard("rhat", 1.1, True), guard("ess", 100.0, True)],
    ]
    assert [(g.name, g.value, g.passed) for g in _worst(groups)] == [
        ("rhat", 1.2, False), ("ess", 200.0, True),
    ]  # fmt: skip


def test_several_runs_show_their_worst_diagnostics(monkeypatch: pytest.MonkeyPatch) -> None:
    import llcbench
    from llcbench import SGLD, Settings
    from llcbench.estimators import temperature_runs
    from llcbench.estimators.two_temperatures import TwoTemperatures
    from llcbench.sampling.diagnostics import Convergence

    results = iter([Convergence(70.0, 40.0, 1.02), Convergence(50.0, 60.0, 1.3)])
    monkeypatch.setattr(temperature_runs, "convergence", lambda kept: next(results))
    settings = Settings(nbeta=100.0, num_chains=4, num_draws=20, num_burnin=5)
    found = TwoTemperatures(SGLD(1e-3), settings).estimate(llcbench.problem("poly/x2"))
    assert (found.ess_bulk, found.ess_tail, found.rhat) == (50.0, 40.0, 1.3)
    # Four chains: Student's t with three degrees of freedom.
    assert found.interval[1] - found.llc == pytest.approx(2.3534 * found.stderr, rel=1e-4)
    assert found.grad_evals == 2 * 4 * 25
