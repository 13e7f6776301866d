"""One call from a problem to an estimate, with a progress bar."""

import msgspec
from tqdm import tqdm

from llcbench.estimators.mean_energy import MeanEnergy
from llcbench.records import Estimate
from llcbench.samplers.sgld import SGLD
from llcbench.sampling.target import AnySampler
from llcbench.seeds import Seeds
from llcbench.settings import Settings
from llcbench.types import Problem, RunContext

# Trained networks: a localisation that chains of this length and this step feel five times over.
STEP_SIZE = 1e-4
TRAINED = Settings(
    gamma=100.0, num_chains=4, num_draws=500, num_burnin=500, batch_size=256, dtype="float32"
)
# A bar that comes and goes at once only distracts.
DELAY = 2.0


def estimate(
    problem: Problem,
    sampler: AnySampler | None = None,
    settings: Settings | None = None,
    *,
    seed: int = 0,
    progress: bool = True,
) -> Estimate:
    """Estimate the local learning coefficient of a problem at its reference point.

    Args:
        problem: For example what `llcbench.from_module` returns.
        sampler: The kernel; the default is SGLD with a step of 1e-4.
        settings: Temperature, localisation, lengths; the default suits networks of up to some
            million parameters: gamma 100, 4 chains of 500 steps after 500 of burn-in, minibatches
            of 256, single precision. Look at the guards of the estimate: they say what to change.
        seed: Seed of noise and minibatches.
        progress: Whether to show a bar for runs of more than two seconds.

    Raises:
        ValueError: If the settings do not fit the problem.
    """
    chosen = settings or fitting(problem)
    steps = chosen.num_burnin + chosen.num_draws
    estimator = MeanEnergy(sampler or SGLD(STEP_SIZE), chosen)
    with tqdm(total=steps, desc=problem.id, unit="step", delay=DELAY, disable=not progress) as bar:
        seeds = Seeds(seed, problem.id)
        return estimator.estimate(problem, RunContext(seeds, on_step=lambda new: bar.update(new)))


def fitting(problem: Problem) -> Settings:
    """Return the default settings, without minibatches where there are no data."""
    small = problem.num_data is None or problem.num_data <= (TRAINED.batch_size or 0)
    return msgspec.structs.replace(TRAINED, batch_size=None) if small else TRAINED
