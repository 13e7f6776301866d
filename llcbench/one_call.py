"""One call from a problem to an estimate, with a progress bar."""

from typing import Any, NamedTuple

import msgspec
from tqdm import tqdm

from llcbench.estimators.mean_energy import MeanEnergy
from llcbench.estimators.self_tuned.choices import (
    precision_of,
    sizes_of,
)
from llcbench.estimators.self_tuned.estimator import SelfTuned
from llcbench.records import Estimate
from llcbench.samplers.sgld import SGLD
from llcbench.sampling.loss_abilities import own_precision
from llcbench.sampling.surroundings import neutral
from llcbench.sampling.target import AnySampler
from llcbench.seeds import Seeds
from llcbench.settings import AUTOMATIC, Settings
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
    nbeta: float | None = None,
    gamma: float | None = None,
    num_chains: int | None = None,
    batch_size: int | None = None,
    max_grads: int | None = None,
    target_stderr: float | None = None,
    seed: int = 0,
    device: str | None = None,
    progress: bool = True,
) -> Estimate:
    """Estimate the local learning coefficient of a problem at its reference point.

    Without sampler and settings the estimate tunes itself: what is not given is chosen by
    measurement inside the budget, see `llcbench.SelfTuned`. It is the tempered value at
    the nbeta and gamma in use, which the result names; its guard ``plateau`` says how far these
    still move it, and its ``method`` how it was made.

    With a sampler or settings it is the published mean energy of that sampler.

    Args:
        problem: For example what `llcbench.from_module` returns.
        sampler: A kernel, run as published; SGLD with a step of 1e-4 where settings are given
            alone.
        settings: All settings of such a run; where a sampler is given alone gamma 100, 4 chains of
            500 steps after 500 of burn-in, minibatches of 256, the precision of the problem.
        nbeta: Number of samples times inverse temperature; None for ``n / log n``.
        gamma: Localisation strength; None to choose it on the plateau.
        num_chains: Chains; None for 16, or 4 of many parameters and of networks whose gradients
            take long: for these batch and ``max_grads`` are less, too, where they are not given.
        batch_size: Samples of a minibatch, in which ``max_grads`` is counted; where the data are
            at most 10 times as many, full batches are used at as many gradients of samples. None
            to choose.
        max_grads: Gradients a chain, everything counted: burn-in, adaptation, pilots. None for
            2000, or at most 20 000 with ``target_stderr``.
        target_stderr: Monte Carlo standard error at which the run ends before the budget does.
        seed: Seed of noise and minibatches.
        device: Device of parameters and data, by its name in torch.
        progress: Whether to show a bar for runs of more than two seconds.

    Inference mode, autocast, and a default precision or device of the caller change nothing.

    Returns:
        The estimate. One that could not be made has a status other than ``ok`` and says why in its
        ``message``: a sampler that needs the full batch, for example, is ``skipped`` on data of
        more than 256 samples unless the settings have ``batch_size=None``.

    Raises:
        TypeError: If the problem is none, such as a module.
        ValueError: If arguments contradict each other or do not fit the problem, or its module or
            loss fails.
    """
    if not isinstance(problem, Problem):
        raise TypeError(
            f"a problem is needed, got {type(problem).__name__}; llcbench.from_module(module,"
            " per_sample_loss, data) makes one of a module, llcbench.problem(id) one by its id"
        )
    given = those_given(
        nbeta=nbeta, gamma=gamma, num_chains=num_chains, batch_size=batch_size,
        max_grads=max_grads, target_stderr=target_stderr, device=device,
    )  # fmt: skip
    return run_planned(planned(problem, sampler, settings, given), problem, seed, progress)


def those_given(**single: Any) -> dict[str, Any]:
    """Return the single choices of `estimate` that are given, by their names."""
    return {name: value for name, value in single.items() if value is not None}


class Planned(NamedTuple):
    """An estimator with everything chosen that sizes alone decide.

    Attributes:
        estimator: What runs.
        steps: Of the progress bar.
    """

    estimator: MeanEnergy | SelfTuned
    steps: int


def planned(
    problem: Problem,
    sampler: AnySampler | None,
    settings: Settings | None,
    given: dict[str, Any],
) -> Planned:
    """Return what `estimate` runs on a problem.

    Args:
        problem: What is measured.
        sampler: As in `estimate`.
        settings: As in `estimate`.
        given: The single choices of `estimate` that are not None.

    Raises:
        ValueError: If they contradict each other or do not fit the problem.
    """
    if sampler is not None or settings is not None:
        _refuse_both(given, "settings" if sampler is None else "sampler")
        chosen = settings or fitting(problem)
        steps = chosen.num_burnin + chosen.num_draws
        return Planned(MeanEnergy(sampler or SGLD(STEP_SIZE), chosen), steps)
    tuned = self_tuned(problem, given)
    return Planned(tuned, tuned.max_grads or 0)


def run_planned(plan: Planned, problem: Problem, seed: int, progress: bool) -> Estimate:
    """Return the estimate of a plan on a problem, be it that of the plan or another one."""
    bar = tqdm(total=plan.steps, desc=problem.id, unit="step", delay=DELAY, disable=not progress)
    with bar, neutral():
        context = RunContext(Seeds(seed, problem.id), on_step=lambda new: bar.update(new))
        return plan.estimator.estimate(problem, context)


def self_tuned(problem: Problem, given: dict[str, Any]) -> SelfTuned:
    """Return the estimator that chooses what is not given.

    Args:
        problem: What is measured.
        given: Any of ``nbeta``, ``gamma``, ``num_chains``, ``batch_size``, ``max_grads``,
            ``target_stderr``, ``device``.

    Raises:
        ValueError: If a value is not allowed, or there are no minibatches to be had.
    """
    if "batch_size" in given and problem.num_data is None:
        raise ValueError(
            f"batch_size={given['batch_size']} given, but {problem.id} uses the population loss and"
            " has no minibatches; drop batch_size"
        )
    goal = given.get("target_stderr")
    sized = ("num_chains", "batch_size", "max_grads", "target_stderr")
    sizes = sizes_of(problem, **{name: given[name] for name in sized if name in given})
    settings = Settings(
        nbeta=given.get("nbeta", AUTOMATIC),
        gamma=given.get("gamma", 1.0),
        num_chains=sizes.num_chains,
        batch_size=sizes.batch_size,
        dtype=precision_of(problem),
        device=given.get("device", "cpu"),
    )
    return SelfTuned(
        settings=settings,
        max_grads=sizes.max_grads,
        target_stderr=goal,
        choose_gamma="gamma" not in given,
    )


def _refuse_both(given: dict[str, Any], what: str) -> None:
    """Refuse single choices beside a sampler or settings, which make all of them.

    Raises:
        ValueError: If there are any.
    """
    if given:
        first = next(iter(given))
        raise ValueError(
            f"estimate: {first}={given[first]!r} is for the estimate that tunes itself, and {what}="
            f" is given; drop {first} and write it into llcbench.Settings, or drop {what}="
        )


def fitting(problem: Problem) -> Settings:
    """Return the settings of a published run that fit a problem.

    Without minibatches where there are no more data than in one; in double precision where the
    problem is.
    """
    small = problem.num_data is None or problem.num_data <= (TRAINED.batch_size or 0)
    return msgspec.structs.replace(
        TRAINED,
        batch_size=None if small else TRAINED.batch_size,
        dtype=own_precision(problem) or TRAINED.dtype,
    )
