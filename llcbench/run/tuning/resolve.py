"""Fills tuned hyper-parameters into the runs of a suite, each tuning made once and kept."""

from typing import Any

import msgspec
from tqdm import tqdm

from llcbench.files import content_key
from llcbench.records import Spec
from llcbench.run.executors.executor import Executor
from llcbench.run.failure import Failure, failure_of
from llcbench.run.store import RunStore, canonical
from llcbench.run.tuning.pilots import Tuning
from llcbench.run.tuning.search import tune


def tuning_key(spec: Spec) -> str:
    """Return the name of the tuning that a run shares with its replicates."""
    same = {"num_draws": 0, "num_burnin": 0}
    settings = canonical(spec.settings) | same
    axes = [
        spec.problem, spec.problem_version, spec.sampler, spec.parameters, settings, spec.seed,
        spec.code,
    ]  # fmt: skip
    return content_key(axes)


def resolve(
    specs: list[Spec], store: RunStore, executor: Executor, *, progress: bool = True
) -> tuple[list[Spec], list[str]]:
    """Return the specs with their tuned hyper-parameters, and lines on what could not be tuned.

    Args:
        specs: Runs of a suite; those with ``variant="tuned"`` are filled in.
        store: Where tunings are kept, under ``<root>/tunings``.
        executor: Where missing ones are made.
        progress: Whether to show a bar.
    """
    wanted = {tuning_key(s): s for s in specs if s.variant == "tuned"}
    known = store.tunings.contents().records if wanted else {}
    missing = [(key, spec) for key, spec in wanted.items() if key not in known]
    warnings: list[str] = []
    quiet = None if progress else True
    with tqdm(total=len(missing), unit="tuning", disable=quiet or not missing or None) as bar:
        for (key, spec), result in executor.map(_tuned, missing):
            bar.update()
            if isinstance(result, Tuning):
                store.tunings.save(key, result)
                known[key] = result
            else:
                text = f"{spec.sampler} on {spec.problem} is not tuned: {result.message}"
                warnings.append(text)
    # A run that could not be tuned is not made: its defaults must not stand under "tuned".
    fit = [s for s in specs if s.variant != "tuned" or tuning_key(s) in known]
    return [_filled(spec, known) for spec in fit], warnings


def _tuned(task: tuple[str, Spec]) -> Tuning | Failure:
    import torch

    torch.set_num_threads(1)
    _, spec = task
    try:
        return tune(spec.problem, spec.sampler, spec.parameters, spec.settings, spec.seed)
    except Exception as error:  # one sampler that cannot be tuned must not stop the others
        return failure_of(error)


def _filled(spec: Spec, known: dict[str, Tuning]) -> Spec:
    """Return a run with the tuned parameters, if it asks for them."""
    if spec.variant != "tuned":
        return spec
    tuning = known[tuning_key(spec)]
    return msgspec.structs.replace(
        spec, parameters=tuning.parameters | _fitted(spec, tuning), tuning_grads=tuning.grad_evals
    )


def _fitted(spec: Spec, tuning: Tuning) -> dict[str, Any]:
    """Return the length of the adaptation as the run has it."""
    kept = {"adapt": spec.parameters["adapt"]} if "adapt" in spec.parameters else {}
    return {name: value for name, value in kept.items() if name in tuning.parameters}
