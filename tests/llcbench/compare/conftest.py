"""Synthetic runs whose every metric is known."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from llcbench.compare.runs import Runs
from llcbench.records import (
    Estimate,
    ExactValue,
    RunRecord,
    Spec,
    Status,
    TemperedTruth,
    Truths,
)
from llcbench.run.store import key_of
from llcbench.settings import Settings


def run(
    problem: str = "poly/p0",
    sampler: str = "sgld",
    replicate: int = 0,
    *,
    error: float = 0.0,
    tempered: float | None = 2.0,
    local: str = "5/2",
    mcse: float = 0.02,
    status: Status = "ok",
    variant: str = "",
    estimator: str = "mean_energy",
    parameters: dict[str, Any] | None = None,
    settings: Settings | None = None,
    truth_se: float = 0.0,
    grads: int = 1000,
    tuning: int = 0,
    seconds: float = 1.5,
) -> RunRecord:
    """Return a run that is off the tempered truth by a relative error."""
    settings = settings or Settings(nbeta=1e3, num_chains=64)
    spec = Spec(
        problem=problem, problem_version=1, estimator=estimator, sampler=sampler,
        parameters=parameters or {"step_size": 1e-3}, settings=settings, seed=0,
        replicate=replicate, variant=variant, tuning_grads=tuning,
    )  # fmt: skip
    done = status == "ok"
    estimate = Estimate(
        status=status, llc=(tempered or 1.0) * (1 + error) if done else None,
        mcse=mcse if done else None, ess_bulk=400.0 if done else None, nbeta=1e3, gamma=1.0,
        grad_evals=grads, seconds_sampling=seconds, peak_bytes=2**20,
    )  # fmt: skip
    truth = None if tempered is None else TemperedTruth(
        value=tempered, stderr=truth_se, method="quadrature", certified=True
    )  # fmt: skip
    exact = ExactValue(value=local, multiplicity=1, source="Watanabe 2009")
    return RunRecord(
        key=key_of(spec), spec=spec, environment="abc", estimate=estimate,
        truths=Truths(local=exact, global_=exact, tempered=truth),
    )  # fmt: skip


def arrays(error: np.ndarray, **others: Any) -> Runs:
    """Return runs with given relative errors ``(cases, replicates)``."""
    shape = error.shape
    values = {name: np.zeros(shape) for name in Runs._fields}
    values |= {"tried": np.ones(shape), "error": error, "error_local": error}
    values |= {"estimate": 1 + error, "grads": np.full(shape, 1000.0)}
    return Runs(**(values | {name: np.broadcast_to(v, shape) for name, v in others.items()}))


def ladder(errors: Sequence[float | None], sampler: str = "sgld", problem: str = "poly/p0"):
    """Return a ladder of step sizes, ten times apart from 1e-6 on; None has failed."""
    return [
        run(
            problem,
            sampler,
            replicate,
            error=error or 0.0,
            parameters={"step_size": 10.0**place},
            status="ok" if error is not None else "diverged",
        )
        for place, error in enumerate(errors, start=-6)
        for replicate in range(2)
    ]


@pytest.fixture
def make_run() -> Callable[..., RunRecord]:
    return run


@pytest.fixture
def make_runs() -> Callable[..., Runs]:
    return arrays


@pytest.fixture
def make_ladder() -> Callable[..., list[RunRecord]]:
    return ladder
