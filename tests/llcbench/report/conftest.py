"""Synthetic runs: three samplers on four problems, with a failure and a skip among them."""

import json
from pathlib import Path

import pytest

from llcbench.records import (
    Estimate,
    ExactValue,
    Guard,
    RunRecord,
    Spec,
    Status,
    TemperedTruth,
    Truths,
)
from llcbench.report.site import Source, source_of, write_site
from llcbench.run.store import RunStore, environments, key_of
from llcbench.scoring import Score, scores
from llcbench.settings import Settings

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
    truth = (
        None
        if tempered is None
        else TemperedTruth(value=tempered, stderr=1e-9, method="quadrature", certified=True)
    )
    return RunRecord(
        key=key_of(spec),
        spec=spec,
        truths=Truths(
            local=ExactValue(value=local, multiplicity=order, source="Watanabe 2009"),
            global_=ExactValue(value=deepest, multiplicity=order, source="Watanabe 2009"),
            tempered=truth,
        ),
        estimate=estimate,
        environment="abc",
    )


def make_records() -> list[RunRecord]:
    results = []
    for number, problem in enumerate(PROBLEMS):
        for replicate in range(3):
            shift = 0.01 * replicate + 0.1 * number
            results += [
                make_record(problem, "sgld", replicate, llc=0.5 + shift, guard_passed=False),
                make_record(problem, "mala", replicate, llc=0.4 + shift),
            ]
    results += [
        make_record("poly/x2y2", "exact", 0, status="timeout", message="stopped after 60 s"),
        make_record("rrr/3-3-3/r1", "exact", 0, status="skipped", message="too many <parameters>"),
    ]
    return results


@pytest.fixture
def records() -> list[RunRecord]:
    return make_records()


@pytest.fixture
def scored(records: list[RunRecord]) -> list[Score]:
    return scores(records)


@pytest.fixture
def store(records: list[RunRecord], tmp_path: Path) -> RunStore:
    return filled(tmp_path / "store", records)


def filled(root: Path, records: list[RunRecord]) -> RunStore:
    store = RunStore(root)
    for record in records:
        store.save(record)
    environments(root).save("abc", {"python": "3.12", "torch": "2.13.0"})
    return store


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return source_of(filled(tmp_path_factory.mktemp("runs") / "store", make_records()))


@pytest.fixture(scope="session")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two figures with a claim each; the picture of the second is missing."""
    folder = tmp_path_factory.mktemp("figures")
    (folder / "f01_fall.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="360pt" height="180pt"'
        ' viewBox="0 0 360 180"><path d="M0 0L360 180" stroke="#000"/></svg>'
    )
    entries = [
        {
            "id": identifier, "stem": stem, "title": "A fall", "paper": "A paper, figure 1",
            "caption": "What is seen.", "alt": "A line that falls.", "needs": "",
            "claims": [{
                "text": "It falls.", "source": "A paper", "verdict": verdict, "found": "it does",
                "difference": "",
            }],
        }
        for identifier, stem, verdict in (
            ("f01", "f01_fall", "reproduced"), ("f02", "f02_rise", "not reproduced"),
        )
    ]  # fmt: skip
    (folder / "claims.json").write_text(json.dumps(entries))
    return folder


@pytest.fixture(scope="session")
def site(source: Source, figures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_site([source], tmp_path_factory.mktemp("site") / "out", figures).parent
