"""One run of the self-tuning estimate beside the exact tempered value of its problem."""

import json
import time
from pathlib import Path
from typing import Any

import llcbench
from llcbench import Seeds
from llcbench.estimators.mean_energy import nbeta_of
from llcbench.files import write
from llcbench.one_call import self_tuned
from llcbench.types import RunContext

STORE = Path(__file__).resolve().parents[2] / "build" / "self_tuning"


def truth(problem: Any, options: dict[str, Any], seeds: Seeds) -> tuple[float, float] | None:
    """Return the exact tempered value on the data of a run, kept where it is the same for all."""
    nbeta = nbeta_of(llcbench.Settings(nbeta=options.get("nbeta", "n / log n")), problem.num_data)
    key = f"{problem.id}|{nbeta}|{options['gamma']}"
    if problem.num_data is not None:
        key += f"|{seeds.replicate}"
    path = STORE / "truths.json"
    known = json.loads(path.read_text()) if path.is_file() else {}
    if key not in known:
        data = problem.sample_data(seeds.generator("data"))
        value = problem.tempered(nbeta, options["gamma"], data)
        known[key] = None if value is None else (value.value, value.stderr)
        STORE.mkdir(parents=True, exist_ok=True)
        write(path, json.dumps(known))
    return None if known[key] is None else tuple(known[key])


def row(name: str, half: str, options: dict[str, Any], replicate: int) -> dict[str, Any]:
    """Make one run and return what is kept of it."""
    problem, seeds = llcbench.problem(name), Seeds(0, name, replicate, "self_tuned")
    exact = truth(problem, options, seeds)
    started = time.perf_counter()
    answer = self_tuned(problem, options).estimate(problem, RunContext(seeds))
    seconds = time.perf_counter() - started
    excess = None if answer.virial is None else answer.virial.excess
    return {
        "problem": name, "half": half, "replicate": replicate, "status": answer.status,
        "llc": answer.llc, "mcse": answer.mcse, "stderr": answer.stderr,
        "truth": exact[0] if exact else None, "truth_se": exact[1] if exact else None,
        "grads": answer.grad_evals // options["num_chains"],
        "virial": excess and excess.value,
        "virial_z": excess.value / excess.stderr if excess and excess.stderr else None,
        "warned": " ".join(g.name for g in answer.guards if not g.passed),
        "seconds": round(seconds, 2), "method": answer.method or answer.message,
    }  # fmt: skip
