"""Error bars of problems made of others, against the spread of their estimates over data sets.

Seeds are fixed. A right estimator would fail a gate below with the probability FALSE_ALARM.
"""

import math

import numpy as np
import pytest
from scipy.stats import chi2

import llcbench
from llcbench import MALA, MeanEnergy, RunContext, Seeds, Settings

pytestmark = pytest.mark.llc_accuracy

FALSE_ALARM = 1e-4
COUNT = 40
SETTINGS = Settings(num_chains=64, num_draws=200, num_burnin=200)
BASE = "rrr/2-2-2/r1/n1000"
NAMES = [BASE, f"{BASE}/scaled-4", f"{BASE}/rotated-1", f"{BASE}/padded-2"]


@pytest.mark.parametrize("name", NAMES)
def test_errors_count_the_label_noise_of_wrapped_problems(name: str) -> None:
    problem, estimator = llcbench.problem(name), MeanEnergy(MALA(1e-3), SETTINGS)
    found = [estimator.estimate(problem, RunContext(Seeds(17, name, r))) for r in range(COUNT)]
    assert all(e.status == "ok" and e.data_se is not None for e in found)
    observed = np.var([e.llc for e in found], ddof=1)
    claimed = np.mean([e.stderr**2 for e in found])
    alone = np.mean([e.mcse**2 for e in found])
    ratio = math.sqrt(observed) / np.mean([e.stderr for e in found])
    print(
        f"{name}: spread {observed**0.5:.3f}, mean stderr {np.mean([e.stderr for e in found]):.3f}"
        f" (ratio {ratio:.2f}), Monte Carlo alone {alone**0.5:.3f}"
        f" (ratio {math.sqrt(observed / alone):.2f})"
    )
    low, high = chi2.ppf([FALSE_ALARM / 2, 1 - FALSE_ALARM / 2], COUNT - 1) / (COUNT - 1)
    # Nearly a quadratic form in C, whose derivative vanishes without noise: to first order in the
    # noise its variance is twice what it is.
    assert low / 2 <= observed / claimed <= high
    # Control: without the label noise the same gate rejects the error.
    assert not observed / alone <= high
