"""What the tests of adapters share: walks of many chains on a quadratic, and gates in errors.

Gates are at 5 standard errors, a false alarm of 6e-7 each (2e-4 where the error itself is estimated
from 16 chains); the seeds are fixed.
"""

import numpy as np
import pytest
import torch

import llcbench
from llcbench import MeanEnergy, Settings, Target

CURVATURES = np.array([0.25, 1.0, 4.0])


class Quadratics:
    """Quadratic ``regular/d3`` at nbeta 100 and gamma 100: curvatures 125, 200 and 500."""

    nbeta = gamma = 100.0
    stiffness = CURVATURES * 100.0 + 100.0

    def walk(self, sampler, times, chains=16384, seed=0):
        """Return the mean squares of all coordinates at some times, from ``w_star``."""
        target = Target(llcbench.problem("regular/d3"), self.nbeta, self.gamma, chains)
        noise = torch.Generator().manual_seed(seed)
        target.next_batch(noise)
        state = sampler.init(target.start(), target, noise)
        results = []
        for step in range(max(times)):
            state, draw = sampler.step(state, target, noise)
            if step + 1 in times:
                results.append(draw.theta.square().mean(0).numpy())
        return np.array(results)

    def errors(self, squares, variances, chains=16384):
        """Return the largest deviation in standard errors of squares of normal variables."""
        return float(np.abs(squares / variances - 1).max() / (2 / chains) ** 0.5)

    def mean_energy(self, sampler, problem="regular/d3", **settings):
        """Return an estimate; population at nbeta 100, data at ``n / log n``."""
        return MeanEnergy(sampler, self.settings(problem, **settings)).estimate(
            llcbench.problem(problem)
        )

    def settings(self, problem="regular/d3", **settings):
        """Return settings with nbeta and gamma of the quadratic."""
        nbeta = "n / log n" if "/n" in problem else self.nbeta
        return Settings(**{"nbeta": nbeta, "gamma": self.gamma, "num_chains": 16} | settings)


@pytest.fixture
def quadratics():
    return Quadratics()
