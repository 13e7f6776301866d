"""One call from a problem to an estimate, with a progress bar."""

import msgspec
from tqdm import tqdm

from llcbench.estimators.mean_energy import MeanEnergy
from llcbench.records import Estimate
from llcbench.samplers.sgld import SGLD
from llcbench.sampling.surroundings import neutral
from llcbench.sampling.target import AnySampler
from llcbench.seeds import Seeds
from llcbench.settings import Settings
from llcbench.types import Precise, Problem, RunContext

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
            of 256, the precision of the problem: single, or double for a module whose weights are
            in double. Look at the guards of the estimate: they say what to change.
        seed: Seed of noise and minibatches.
        progress: Whether to show a bar for runs of more than two seconds.

    Inference mode, autocast, and a default precision or device of the caller change nothing.

    Returns:
        The estimate. One that could not be made has a status other than ``ok`` and says why in its
        ``message``: a sampler that needs the full batch, for example, is ``skipped`` on data of
        more than 256 samples unless the settings have ``batch_size=None``.

    Raises:
        TypeError: If the problem is none, such as a module.
        ValueError: If the settings do not fit the problem, or its module or loss fails.
    """
    if not isinstance(problem, Problem):
        raise TypeError(
            f"a problem is needed, got {type(problem).__name__}; llcbench.from_module(module,"
            " per_sample_loss, data) makes one of a module, llcbench.problem(id) one by its id"
        )
    chosen = settings or fitting(problem)
    steps = chosen.num_burnin + chosen.num_draws
    estimator = MeanEnergy(sampler or SGLD(STEP_SIZE), chosen)
    bar = tqdm(total=steps, desc=problem.id, unit="step", delay=DELAY, disable=not progress)
    with bar, neutral():
        seeds = Seeds(seed, problem.id)
        return estimator.estimate(problem, RunContext(seeds, on_step=lambda new: bar.update(new)))


def fitting(problem: Problem) -> Settings:
    """Return the default settings for a problem.

    Without minibatches where there are no more data than in one; in double precision where the
    problem is.
    """
    small = problem.num_data is None or problem.num_data <= (TRAINED.batch_size or 0)
    return msgspec.structs.replace(
        TRAINED,
        batch_size=None if small else TRAINED.batch_size,
        dtype=problem.precision if isinstance(problem, Precise) else TRAINED.dtype,
    )
