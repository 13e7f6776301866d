"""The table of classes shows ratios to both truths, and counts what failed."""

import msgspec
import pytest

from llcbench.records import Estimate, ExactValue, RunRecord, Spec, TemperedTruth, Truths
from llcbench.report.classes import class_table
from llcbench.run.store import key_of
from llcbench.settings import Settings


def record(
    problem: str,
    llc: float | None,
    sampler: str = "sgld",
    gamma: float = 1.0,
    truth: float | None = 8.0,
    certified: bool = True,
    version: int = 2,
) -> RunRecord:
    spec = Spec(
        problem=problem, problem_version=version, estimator="mean_energy", sampler=sampler,
        parameters={}, settings=Settings(gamma=gamma, num_draws=8, num_burnin=2), seed=0,
        replicate=0,
    )  # fmt: skip
    estimate = Estimate(
        status="ok" if llc is not None else "diverged", llc=llc, nbeta=1.0, gamma=gamma, dim=100,
        ess_bulk=5.0, seconds_sampling=1.0, peak_bytes=2**21,
    )  # fmt: skip
    exact = ExactValue(value="10", multiplicity=1, source="")
    tempered = None
    if truth is not None:
        tempered = TemperedTruth(value=truth, stderr=0.1, method="", certified=certified)
    truths = Truths(local=exact, global_=exact, tempered=tempered)
    return RunRecord(key=key_of(spec), spec=spec, truths=truths, estimate=estimate, environment="")


def test_rows_are_classes_in_the_order_of_size() -> None:
    runs = [
        record("dln/10k/s0", 8.0),
        record("dln/1k/s0/n1000", 4.0),
        record("dln/1k/s1/n1000", 6.0),
        record("dln/1k/s2/n1000", None),
        record("dln/1k/s0", 8.0, "gibbs", gamma=300.0),
        record("dln/3-3-3/r1", 4.0),
        record("poly/x2", 0.5),
    ]
    rows = [[cell.text for cell in row.cells] for row in class_table(runs).rows]
    assert [[row[0], *row[2:5]] for row in rows] == [
        ["1k", "1", "sgld", "2/3"],
        ["1k", "300", "gibbs", "1/1"],
        ["10k", "1", "sgld", "1/1"],
        ["3-3-3", "1", "sgld", "1/1"],
    ]
    assert rows[0][6] == "0.5 [0.4, 0.6]"
    assert rows[0][7] == "0.625 [0.5, 0.75]"
    assert rows[0][8:12] == ["37.5%", "-", "0.1", "2"]
    assert class_table(runs).rows[0].mark == "failed"


def texts(runs: list[RunRecord], *columns: int) -> list[list[str]]:
    return [[row.cells[k].text for k in columns] for row in class_table(runs).rows]


def test_block_gibbs_takes_the_place_of_a_truth_that_nobody_can_afford() -> None:
    runs = [
        record("dln/100m/s0/n1000", 9.0, truth=None),
        record("dln/100m/s0/n1000", 9.0, truth=None, gamma=300.0),
        record("dln/100m/s0", 10.0, "gibbs", truth=None),
        record("dln/100m/s1/n1000", 9.0, truth=None),
    ]
    result = texts(runs, 3, 7)
    assert result == [["gibbs", "-"], ["sgld", "0.9"], ["sgld", "-"]]


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, "0.9"),
        ({"rhat": 1.049}, "0.9"),
        ({"rhat": 1.051}, "-"),
        ({"status": "timeout"}, "-"),
        ({"llc": None}, "-"),
    ],
)
def test_block_gibbs_that_failed_or_did_not_mix_takes_no_place(changes, shown) -> None:
    run = record("dln/100m/s0", 10.0, "gibbs", truth=None)
    run = msgspec.structs.replace(run, estimate=msgspec.structs.replace(run.estimate, **changes))
    assert texts([record("dln/100m/s0/n1000", 9.0, truth=None), run], 3, 7)[1] == ["sgld", shown]


def test_a_truth_that_is_not_certified_is_none() -> None:
    assert texts([record("dln/1k/s0", 9.0, certified=False)], 7, 8) == [["-", "-"]]


def test_order_is_that_of_the_truths() -> None:
    pairs = [(1.0, 1.1), (2.0, 2.2), (4.0, 3.0), (3.0, 4.0)]
    runs = [record(f"dln/1k/s{k}", llc, truth=t) for k, (llc, t) in enumerate(pairs)]
    assert texts(runs, 9) == [["0.833"]]
