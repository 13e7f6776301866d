"""Stays, tails and lost chains: what diagnostics say, worked out by hand."""

import math
from importlib import import_module

import numpy as np
import pytest

from llcbench.sampling.diagnostics import (
    DRAWS_LOST,
    convergence,
    defect,
    longest_stay,
    mean_error,
)


@pytest.mark.parametrize(
    ("rows", "stay"),
    [
        ([[1, 2, 3, 4]], 0),
        ([[1, 1, 2, 3]], 1),
        ([[1, 2, 2, 2, 3]], 2),
        # Two stays of one rejection each are not one of two.
        ([[1, 1, 2, 2, 3]], 1),
        ([[1, 1, 2, 2, 2]], 2),
        # The chain that stays longest, wherever it stands.
        ([[1, 2, 3, 4], [5, 5, 5, 6], [7, 7, 8, 9]], 2),
        ([[5, 5, 5, 5], [1, 2, 3, 4]], 3),
        # Places that come again are no stay.
        ([[1, 2, 1, 2, 1]], 0),
    ],
)
def test_the_longest_stay_is_that_of_consecutive_rejections(rows, stay: int) -> None:
    assert longest_stay(np.array(rows, dtype=float)) == stay


def test_tail_draws_are_those_of_the_5_and_95_percent_quantiles() -> None:
    """The smaller of those of two indicators, which quartiles do not share."""
    rng = np.random.default_rng(0)
    slow = np.cumsum(rng.standard_normal((4, 400)), axis=1) * 0.1 + rng.standard_normal((4, 400))
    stats = import_module("arviz_stats.base").array_stats
    own = convergence(slow).ess_tail
    assert own == float(stats.ess(slow, method="tail", prob=(0.05, 0.95)))
    assert own != pytest.approx(float(stats.ess(slow, method="tail", prob=(0.25, 0.75))), rel=0.01)
    parts = [float(stats.ess(slow, method="quantile", prob=p)) for p in (0.05, 0.95)]
    assert own == pytest.approx(min(parts), rel=1e-6)


@pytest.mark.parametrize("draws", [20, 60, 400])
def test_what_the_autocorrelation_costs_widens_the_error_of_few_chains(draws: int) -> None:
    """``s / sqrt(T) sqrt(T / (T - 3))`` with T effective draws: 8 % at 20, nothing at 400."""
    traces = np.random.default_rng(draws).standard_normal((2, draws // 2))
    stats = import_module("arviz_stats.base").array_stats
    effective = float(stats.ess(traces, method="mean"))
    wanted = float(traces.std(ddof=1)) / math.sqrt(effective - DRAWS_LOST)
    assert mean_error(traces).stderr == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("lost", [1, 2, 4])
def test_every_lost_chain_is_counted(lost: int) -> None:
    traces = np.random.default_rng(0).standard_normal((4, 20))
    traces[:lost, 7] = np.nan
    status, message = defect(traces)
    assert status == "not_finite"
    assert message == f"{lost} of 4 chains recorded losses that are not finite"
