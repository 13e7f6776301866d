"""One run, start to finish, in whatever process it lands."""

import math
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING

from llcbench import registry
from llcbench.files import content_key
from llcbench.provenance import environment, environment_id, reset_peak
from llcbench.records import Estimate, ExactValue, RunRecord, Spec, TemperedTruth, Truths
from llcbench.run.deadline import Deadline
from llcbench.run.failure import Failure, failure_of
from llcbench.run.store import key_of
from llcbench.run.suite import build_estimator, estimator_with_target, has_target, targeted
from llcbench.seeds import Seeds
from theory.coefficient import RLCT

if TYPE_CHECKING:  # it imports torch, which planning does not need
    from llcbench.sampling.checkpoint import Checkpoint
    from llcbench.types import Estimator
    from theory.tempered import Tempered


def seeds_of(spec: Spec) -> Seeds:
    """Return the randomness of a run."""
    return Seeds(spec.seed, spec.problem, spec.replicate, spec.label)


def truth_key(spec: Spec) -> str:
    """Return the name of the truths that a run shares with others.

    They depend on problem, temperature and localisation, with data on the data set, and on an
    estimator that does not aim at the mean energy.
    """
    problem = registry.problem(spec.problem)
    axes = [spec.problem, spec.problem_version, spec.settings.nbeta, spec.settings.gamma]
    if problem.num_data is not None:
        axes += [spec.seed, spec.replicate]
    if has_target(spec.estimator):
        axes.append(spec.estimator)
    return content_key(axes, spaced=True)


def compute_truths(spec: Spec, own: "Estimator | None" = None) -> Truths:
    """Return the three truths of a run, the tempered one on the data of the run.

    An estimator with a method ``tempered(problem, nbeta, gamma, data)``, which must not need its
    sampler, is measured against what it returns itself with a perfect one, all others against the
    mean energy.

    Args:
        spec: The run.
        own: The estimator, if it is none that the spec can name.
    """
    from llcbench.estimators.mean_energy import nbeta_of

    problem = registry.problem(spec.problem)
    data = problem.sample_data(seeds_of(spec).generator("data"))
    nbeta = nbeta_of(spec.settings, problem.num_data)
    if own is None:
        estimator = estimator_with_target(spec.estimator, spec.settings)
    else:
        estimator = targeted(own)
    if estimator is not None:
        truth = estimator.tempered(problem, nbeta, spec.settings.gamma, data)
    else:
        truth = problem.tempered(nbeta, spec.settings.gamma, data)
    local, global_ = problem.truth
    return Truths(local=stored(local), global_=stored(global_), tempered=stored_tempered(truth))


def execute(
    spec: Spec,
    truths: Truths | None,
    deadline: Deadline | None = None,
    on_step: Callable[[int], None] | None = None,
    *,
    threads: int = 1,
    checkpoint: "Checkpoint | None" = None,
) -> RunRecord:
    """Run a spec and return its record; whatever goes wrong becomes a status.

    Args:
        spec: What is run.
        truths: What the answer should be.
        deadline: When the run must stop.
        on_step: Called with the number of new steps now and then.
        threads: Threads of torch, the same in every process wherever the run lands: sums in
            another order differ in their last digits.
        checkpoint: Where a long run keeps its place; estimators of several runs go without.
    """
    import torch

    from llcbench.types import Budget, Checkpointed, RunContext

    torch.set_num_threads(threads)
    # The peak belongs to this run, whatever the process has done before it.
    reset_peak()
    problem = registry.problem(spec.problem)
    seconds = None if deadline is None else deadline.left()
    try:
        sampler = registry.make_sampler(spec.sampler, dict(spec.parameters))
        estimator = build_estimator(spec.estimator, sampler, spec.settings)
        kept = isinstance(estimator, Checkpointed) and estimator.keeps_checkpoint
        context = RunContext(
            seeds_of(spec),
            Budget(seconds=seconds),
            on_step=on_step,
            checkpoint=checkpoint if kept else None,
        )
        estimate = estimator.estimate(problem, context)
    except Exception as error:  # a user's sampler may raise anything; the sweep goes on
        estimate = estimate_of(spec, failure_of(error))
    return record_of(spec, truths, estimate, threads)


def failed(spec: Spec, failure: Failure, threads: int = 1) -> RunRecord:
    """Return the record of a run that ended without an estimate."""
    return record_of(spec, None, estimate_of(spec, failure), threads)


def estimate_of(spec: Spec, failure: Failure) -> Estimate:
    """Return what stands for the estimate of a run that failed."""
    from llcbench.estimators.mean_energy import nbeta_of

    return Estimate(
        status=failure.status,
        message=failure.message,
        nbeta=nbeta_of(spec.settings, registry.problem(spec.problem).num_data),
        gamma=spec.settings.gamma,
    )


def record_of(spec: Spec, truths: Truths | None, estimate: Estimate, threads: int = 1) -> RunRecord:
    """Return the record of a run, made in this environment."""
    return RunRecord(
        key=key_of(spec),
        spec=spec,
        truths=truths,
        estimate=estimate,
        environment=environment_id(environment(threads)),
    )


def load_plugins(paths: list[str]) -> None:
    """Import scripts that register samplers of their own.

    Raises:
        ValueError: If a file does not exist or cannot be imported.
    """
    for text in paths:
        path = Path(text)
        if not path.is_file():
            raise ValueError(f"--load {text!r}: there is no such file")
        described = util.spec_from_file_location(f"llcbench_plugin_{path.stem}", path)
        if described is None or described.loader is None:
            raise ValueError(f"--load {text!r}: not a Python file")
        try:
            described.loader.exec_module(util.module_from_spec(described))
        except Exception as error:
            raise ValueError(f"--load {text!r}: {type(error).__name__}: {error}") from error


def stored_tempered(truth: "Tempered | None") -> TemperedTruth | None:
    """Return a tempered value as it is stored; None where there is none or it is not finite."""
    if truth is None or not math.isfinite(truth.value):
        return None
    return TemperedTruth(
        value=truth.value, stderr=truth.stderr, method=truth.method, certified=truth.certified
    )


def stored(rlct: RLCT) -> ExactValue:
    """Return an exact coefficient as it is stored; bounds are ``[lower, upper]``."""
    value = str(rlct.lower) if rlct.lower == rlct.upper else f"[{rlct.lower}, {rlct.upper}]"
    return ExactValue(value=value, multiplicity=rlct.multiplicity, source=rlct.source)
