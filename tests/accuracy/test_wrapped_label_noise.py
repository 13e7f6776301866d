"""Error bars of problems made of others, against the spread of their estimates over data sets.

The gate is ``0.8 <= spread / mean stderr <= 1.25``. An estimate on data is nearly a quadratic form
in normal noise, whose tails are long (kurtosis 5 to 6 here): from 40 data sets the spread is known
to 16 or 18 %, and of a ratio of 1 the gate rejects 16 to 24 in 100, by resampling of 800 data sets.
From COUNT data sets it is known to 7 or 8 %, and the gate rejects 1 to 7 in 1000. Seeds are fixed.
"""

import numpy as np
import pytest

import llcbench
from llcbench import MALA, MeanEnergy, RunContext, Seeds, Settings
from llcbench.sampling import label_noise

pytestmark = pytest.mark.llc_accuracy

COUNT, FEW = 200, 40
SETTINGS = Settings(num_chains=64, num_draws=100, num_burnin=60)
BASE = "rrr/2-2-2/r1/n1000"
NAMES = [BASE, f"{BASE}/scaled-4", f"{BASE}/rotated-1", f"{BASE}/padded-2"]
LOW, HIGH = 0.8, 1.25


@pytest.mark.parametrize("name", NAMES)
def test_errors_count_the_label_noise_of_wrapped_problems(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, estimator = llcbench.problem(name), MeanEnergy(MALA(1e-3), SETTINGS)

    def estimates(count: int) -> list[llcbench.Estimate]:
        return [estimator.estimate(problem, RunContext(Seeds(17, name, r))) for r in range(count)]

    found = estimates(COUNT)
    assert all(e.status == "ok" and e.data_se is not None for e in found)
    values, claimed = np.array([e.llc for e in found]), np.array([e.stderr for e in found])
    spread = values.std(ddof=1)
    ratio, few = spread / claimed.mean(), values[:FEW].std(ddof=1) / claimed[:FEW].mean()
    alone = spread / np.mean([e.mcse for e in found])
    monkeypatch.setattr(label_noise, "PAIRED", 0)
    shorter = estimates(FEW)
    assert [e.llc for e in shorter] == [e.llc for e in found[:FEW]]
    first = np.mean([e.stderr for e in shorter])
    print(
        f"{name}: spread {spread:.3f}, mean stderr {claimed.mean():.3f}, ratio {ratio:.2f}"
        f" ({few:.2f} from {FEW}); to first order {spread / first:.2f}, Monte Carlo alone"
        f" {alone:.1f}"
    )
    assert LOW <= ratio <= HIGH
    # Controls: without the label noise the error is far too short, to first order in it too long.
    assert alone > 2 * HIGH
    assert first > 1.15 * claimed[:FEW].mean()
