"""Synthetic runs: three samplers on four problems, with a failure and a skip among them."""

from pathlib import Path

import pytest

from llcbench.records import (
    Estimate,
    Exact,
    Guard,
    RunRecord,
    Settings,
    Spec,
    Status,
    TemperedTruth,
    Truths,
)
from llcbench.run.store import Store, key_of
from llcbench.scoring import Score, scores

# Problem: local, multiplicity, global, tempered.
PROBLEMS: dict[str, tuple[str, int, str, float | None]] = {
    "poly/x2y2": ("1/2", 2, "1/2", 0.4123),
    "poly/x2y4-at-0-1": ("1/2", 1, "1/4", 0.2434),
    "rrr/3-3-3/r1": ("4", 1, "4", 3.9751),
    "gone/<b>&1": ("3/2", 1, "3/2", None),
}
SAMPLERS: dict[str, dict[str, float | int]] = {
    "sgld": {"step_size": 1e-4},
    "mala": {"step_size": 1e-3, "adapt": 500},
    "exact": {},
}


def make_record(
    problem: str,
    sampler: str,
    replicate: int = 0,
    *,
    status: Status = "ok",
    llc: float = 0.4,
    parameters: dict[str, float | int] | None = None,
    settings: Settings | None = None,
    guard_passed: bool = True,
    message: str = "",
) -> RunRecord:
    local, order, deepest, tempered = PROBLEMS[problem]
    settings = settings or Settings(nbeta=1e4)
    spec = Spec(
        problem=problem,
        problem_version=1,
        estimator="mean_energy",
        sampler=sampler,
        parameters=dict(SAMPLERS[sampler] if parameters is None else parameters),
        settings=settings,
        seed=0,
        replicate=replicate,
    )
    done = status == "ok"
    estimate = Estimate(
        status=status,
        message=message,
        llc=llc if done else None,
        mcse=0.01 if done else None,
        ess_bulk=400.0 if done else None,
        nbeta=settings.nbeta or 1.0,
        gamma=settings.gamma,
        grad_evals=20000,
        seconds_sampling=1.5,
        guards=[
            Guard(name="rhat", value=1.2, limit="< 1.05", passed=guard_passed, meaning="longer")
        ]
        if done
        else [],
    )
    truth = None if tempered is None else TemperedTruth(
        value=tempered, stderr=1e-9, method="quadrature", certified=True
    )
    return RunRecord(
        key=key_of(spec),
        spec=spec,
        truths=Truths(
            local=Exact(value=local, multiplicity=order, source="Watanabe 2009"),
            global_=Exact(value=deepest, multiplicity=order, source="Watanabe 2009"),
            tempered=truth,
        ),
        estimate=estimate,
        environment="abc",
    )


def make_records() -> list[RunRecord]:
    found = []
    for number, problem in enumerate(PROBLEMS):
        for replicate in range(3):
            shift = 0.01 * replicate + 0.1 * number
            found += [
                make_record(problem, "sgld", replicate, llc=0.5 + shift, guard_passed=False),
                make_record(problem, "mala", replicate, llc=0.4 + shift),
            ]
    found += [
        make_record("poly/x2y2", "exact", 0, status="timeout", message="stopped after 60 s"),
        make_record("rrr/3-3-3/r1", "exact", 0, status="skipped", message="too many <parameters>"),
    ]
    return found


@pytest.fixture
def records() -> list[RunRecord]:
    return make_records()


@pytest.fixture
def found(records: list[RunRecord]) -> list[Score]:
    return scores(records)


@pytest.fixture
def store(records: list[RunRecord], tmp_path: Path) -> Store:
    filled = Store(tmp_path / "store")
    for record in records:
        filled.save(record)
    filled.save_environment("abc", {"python": "3.12", "torch": "2.13.0"})
    return filled
