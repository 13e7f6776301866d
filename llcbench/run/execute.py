"""One run, start to finish, in whatever process it lands."""

import hashlib
import json
import math
import time
import traceback
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING

from llcbench import registry
from llcbench.provenance import environment, environment_id, reset_peak
from llcbench.records import Estimate, Exact, RunRecord, Spec, TemperedTruth, Truths
from llcbench.run import estimators
from llcbench.run.store import key_of
from llcbench.seeds import Seeds
from theory.coefficient import RLCT

if TYPE_CHECKING:  # it imports torch, which planning does not need
    from llcbench.sampling.checkpoint import Checkpoint


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
    if estimators.has_target(spec.estimator):
        axes.append(spec.estimator)
    return hashlib.sha256(json.dumps(axes).encode()).hexdigest()[:16]


def compute_truths(spec: Spec) -> Truths:
    """Return the three truths of a run, the tempered one on the data of the run.

    An estimator with a method ``tempered(problem, nbeta, gamma, data)``, which must not need its
    sampler, is measured against what it returns itself with a perfect one, all others against the
    mean energy.
    """
    from llcbench.estimators.mean_energy import nbeta_of

    problem = registry.problem(spec.problem)
    data = problem.sample_data(seeds_of(spec).generator("data"))
    nbeta = nbeta_of(spec.settings, problem.num_data)
    estimator = estimators.with_target(spec.estimator, spec.settings)
    if estimator is not None:
        found = estimator.tempered(problem, nbeta, spec.settings.gamma, data)
    else:
        found = problem.tempered(nbeta, spec.settings.gamma, data)
    tempered = None
    if found is not None and math.isfinite(found.value):
        tempered = TemperedTruth(
            value=found.value, stderr=found.stderr, method=found.method, certified=found.certified
        )
    local, global_ = problem.truth
    return Truths(local=_stored(local), global_=_stored(global_), tempered=tempered)


def execute(
    spec: Spec,
    truths: Truths | None,
    deadline: float | None = None,
    on_step: Callable[[int], None] | None = None,
    *,
    threads: int = 1,
    checkpoint: "Checkpoint | None" = None,
) -> RunRecord:
    """Run a spec and return its record; whatever goes wrong becomes a status.

    Args:
        spec: What is run.
        truths: What the answer should be.
        deadline: Time (as of ``time.time``) at which the run must stop.
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
    seconds = None if deadline is None else max(deadline - time.time(), 0.0)
    try:
        sampler = registry.make_sampler(spec.sampler, dict(spec.parameters))
        estimator = estimators.build(spec.estimator, sampler, spec.settings)
        kept = isinstance(estimator, Checkpointed) and estimator.keeps_checkpoint
        context = RunContext(
            seeds_of(spec),
            Budget(seconds=seconds),
            on_step=on_step,
            checkpoint=checkpoint if kept else None,
        )
        estimate = estimator.estimate(problem, context)
    except Exception as error:  # a user's sampler may raise anything; the sweep goes on
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        if _is_memory(error):
            text = str(error).splitlines()[0] if str(error) else "memory is used up"
            estimate = _failed(spec, "out_of_memory", f"{text} ({where})")
        else:
            estimate = _failed(spec, "error", f"{type(error).__name__}: {error} ({where})")
    return record_of(spec, truths, estimate, threads)


def crashed(
    spec: Spec, truths: Truths | None, message: str, status: str = "crashed", threads: int = 1
) -> RunRecord:
    """Return the record of a run whose process died, or was killed."""
    return record_of(spec, truths, _failed(spec, status, message), threads)


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
        found = util.spec_from_file_location(f"llcbench_plugin_{path.stem}", path)
        if found is None or found.loader is None:
            raise ValueError(f"--load {text!r}: not a Python file")
        try:
            found.loader.exec_module(util.module_from_spec(found))
        except Exception as error:
            raise ValueError(f"--load {text!r}: {type(error).__name__}: {error}") from error


def _is_memory(error: Exception) -> bool:
    """Tell whether memory has run out, which torch says in the words of a RuntimeError."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )


def _failed(spec: Spec, status: str, message: str) -> Estimate:
    from llcbench.estimators.mean_energy import nbeta_of

    nbeta = nbeta_of(spec.settings, registry.problem(spec.problem).num_data)
    fields = {"status": status, "message": message}
    import msgspec

    return msgspec.convert(fields | {"nbeta": nbeta, "gamma": spec.settings.gamma}, Estimate)


def _stored(rlct: RLCT) -> Exact:
    value = str(rlct.lower) if rlct.lower == rlct.upper else f"[{rlct.lower}, {rlct.upper}]"
    return Exact(value=value, multiplicity=rlct.multiplicity, source=rlct.source)
