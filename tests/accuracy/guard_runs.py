"""Makes the runs on which the guards are calibrated, and keeps their traces.

What is read off a run, guards with their limits among it, can then be changed without sampling
again. ``build/guards`` holds one file per run; those that are there are not made again.
"""

import json
import math
import time
from pathlib import Path
from typing import NamedTuple

import guard_files
import torch
from guard_settings import Setting

import llcbench
from llcbench import files
from llcbench.estimators.mean_energy import target_of
from llcbench.sampling import sampler_abilities
from llcbench.sampling.chains import Trace
from llcbench.sampling.loop import sample
from llcbench.sampling.target import AnySampler, Target
from llcbench.seeds import Seeds
from llcbench.types import Data

# Numbers that are kept beside the traces; the tempered value may be None.
NUMBERS = ("stderr", "curvature", "seconds")


class Kept(NamedTuple):
    """A run with the value that a perfect sampler finds.

    Attributes:
        trace: Its traces and moments.
        tempered: The value on the data of the run; None if unknown.
        stderr: Its error.
        curvature: Largest eigenvalue of the Hessian at ``w*``, which guards once used.
        seconds: Time of the steps.
    """

    trace: Trace
    tempered: float | None
    stderr: float
    curvature: float
    seconds: float


def target(setting: Setting) -> tuple[Target, AnySampler]:
    """Return what is sampled, and by what."""
    problem = llcbench.problem(setting.problem)
    made = target_of(setting.settings(), problem, _data(setting))
    return made, sampler_abilities.adapting_within(setting.sampler(), setting.burnin)


def kept(setting: Setting, folder: Path) -> Kept | None:
    """Return a run that has been made, None if it has not."""
    path = _path(setting, folder)
    if not path.exists():
        return None
    trace, facts = guard_files.load(path)
    tempered, (stderr, curvature, seconds) = (
        facts["tempered"],
        (facts[name] or 0.0 for name in NUMBERS),
    )
    return Kept(trace, tempered, stderr, curvature, seconds)


def make(setting: Setting, folder: Path) -> Kept:
    """Make a run and keep it."""
    sampled, sampler = target(setting)
    seeds = _seeds(setting)
    started = time.perf_counter()
    trace = sample(
        sampled,
        sampler,
        num_draws=setting.draws,
        num_burnin=setting.burnin,
        noise=seeds.generator("noise"),
        batches=seeds.generator("batch"),
    )
    seconds = time.perf_counter() - started
    truth = _truth(setting, folder)
    run = Kept(trace, *truth, _curvature(sampled), seconds)
    folder.mkdir(parents=True, exist_ok=True)
    numbers = {name: getattr(run, name) for name in NUMBERS}
    guard_files.save(_path(setting, folder), trace, tempered=run.tempered, **numbers)
    return run


def _path(setting: Setting, folder: Path) -> Path:
    return folder / f"{setting.name}.npz"


def _seeds(setting: Setting) -> Seeds:
    # Runs with the same truth share their data.
    return Seeds(problem=setting.problem, sampler=f"{setting.kind} {setting.number}")


def _data(setting: Setting) -> Data | None:
    data: Data | None = llcbench.problem(setting.problem).sample_data(
        Seeds(problem=setting.problem).generator("data")
    )
    return data


def _truth(setting: Setting, folder: Path) -> tuple[float | None, float]:
    """Return the tempered value with its error; one file holds those that have been computed."""
    path, key = folder / "truths.json", f"{setting.problem}|{setting.nbeta!r}|{setting.gamma!r}"
    known: dict[str, tuple[float | None, float]] = {}
    if path.exists():
        known = {
            name: (value, error) for name, (value, error) in json.loads(path.read_text()).items()
        }
    if key not in known:
        problem = llcbench.problem(setting.problem)
        value = problem.tempered(setting.nbeta, setting.gamma, _data(setting))
        known[key] = (None, 0.0) if value is None else (float(value.value), float(value.stderr))
        folder.mkdir(parents=True, exist_ok=True)
        files.write(path, json.dumps(known))
    return known[key]


def _curvature(sampled: Target, iterations: int = 30) -> float:
    """Return the largest curvature by power iteration on differences of the gradient."""
    rng, width, value = torch.Generator().manual_seed(0), 1e-4, 0.0
    loss, start = sampled.loss, sampled.w_star.unsqueeze(0)
    batch = loss.draw(1, None, rng)
    direction = torch.randn(start.shape, generator=rng, dtype=torch.float64)
    for _ in range(iterations):
        direction = direction / direction.norm()
        ahead = loss.excess_and_grad(start + width * direction, batch)[1]
        behind = loss.excess_and_grad(start - width * direction, batch)[1]
        direction = (ahead - behind) / (2 * width)
        value = float(direction.norm())
        if not (value > 0 and math.isfinite(value)):
            return 0.0
    return value
