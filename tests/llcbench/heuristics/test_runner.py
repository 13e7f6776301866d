"""Runs and stores of trials: nothing is done twice, nothing is lost."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
import pytest
from synthetic import design, experiment, record, records

from llcbench.heuristics.design import Arm, Design, Experiment
from llcbench.heuristics.runner import run_trials
from llcbench.heuristics.store import TrialStore, contents_of, read, write
from llcbench.heuristics.trial import Measuring, Trial, TrialRecord
from llcbench.run.executors.executor import Serial
from llcbench.run.failure import Failure
from llcbench.training.config import Training

MEASURING = Measuring(num_burnin=1, num_draws=8, batch_size=8, gc_samples=2, hessian_samples=0)


def small() -> Design:
    arms = tuple(
        Arm(name=f"{lr:g}", level=lr, trial=Trial(
            data="digits", samples=20, network="mlp",
            training=Training(lr=lr, steps=3, batch_size=5), measuring=MEASURING,
        ))
        for lr in (0.1, 0.2)
    )  # fmt: skip
    return design(Experiment(name="lr", factor="learning rate", arms=arms), seeds=2)


class Counting:
    """The serial executor, which counts; some trials kill their process."""

    here = True

    def __init__(self, deaths: int = 0) -> None:
        self.made, self.deaths = 0, deaths

    def map(
        self, function: Callable[[Trial], TrialRecord], tasks: Iterable[Trial]
    ) -> Iterator[tuple[Trial, TrialRecord | Failure]]:
        for task, result in Serial().map(function, tasks):
            self.made += 1
            yield task, Failure("gone") if self.made <= self.deaths else result


def test_a_second_call_repeats_nothing(tmp_path: Path) -> None:
    store, counting = TrialStore(tmp_path), Counting()
    first = run_trials(small(), store, counting, progress=False)
    assert (first.wanted, first.reused, len(first.finished), counting.made) == (4, 0, 4, 4)
    assert {made.status for made in first.finished} == {"ok"}
    again = run_trials(small(), store, counting, progress=False)
    assert (again.wanted, again.reused, len(again.finished), counting.made) == (4, 4, 0, 4)
    more = run_trials(small(), store, counting, seeds=3, progress=False)
    assert (more.reused, len(more.finished), counting.made) == (4, 2, 6)
    assert len(store.contents().records) == 6
    assert list((tmp_path / "environments").glob("*.json"))
    assert not list(tmp_path.glob("*/*.tmp"))


def test_trials_whose_process_died_are_tried_again(tmp_path: Path) -> None:
    store = TrialStore(tmp_path)
    run_trials(small(), store, Counting(deaths=1), seeds=1, progress=False)
    statuses = sorted(result.status for result in store.contents().records.values())
    assert statuses == ["crashed", "ok"]
    again = run_trials(small(), store, Counting(), seeds=1, progress=False)
    assert (again.reused, len(again.finished)) == (1, 1)
    assert {result.status for result in store.contents().records.values()} == {"ok"}


def test_time_budget_leaves_the_rest(tmp_path: Path) -> None:
    outcome = run_trials(small(), TrialStore(tmp_path), Counting(), seconds=1e-9, progress=False)
    assert (outcome.unstarted, outcome.finished) == (4, [])


def test_export_holds_everything_in_a_fixed_order(tmp_path: Path) -> None:
    import numpy as np

    chosen = experiment()
    made = records(chosen, 3, lambda s, level, rng: rng.standard_normal(), np.random.default_rng(1))
    one, two = TrialStore(tmp_path / "one"), TrialStore(tmp_path / "two")
    for store, order in ((one, made.values()), (two, reversed(made.values()))):
        for result in order:
            store.save(result)
        store.designs.save("d", design(chosen))
        write(store.contents(), store.root / "all.jsonl.gz")
    contents = read(tmp_path / "one" / "all.jsonl.gz")
    assert contents.records == made
    assert contents.designs == {"d": design(chosen)}
    same = [(store.root / "all.jsonl.gz").read_bytes() for store in (one, two)]
    assert same[0] == same[1]
    with pytest.raises(ValueError, match="must end in"):
        write(contents, tmp_path / "all.csv")


def test_damaged_files_are_told_apart(tmp_path: Path) -> None:
    store = TrialStore(tmp_path)
    trial = experiment().arms[0].trial
    store.save(record(trial, 1.0))
    (tmp_path / "trials" / "cut.json").write_text('{"type": "tri')
    alien = msgspec.structs.replace(record(trial.at_seed(1), 1.0), key="0")
    store.save(alien)
    contents = store.contents()
    assert set(contents.records) == {trial.key}
    assert {path.name for path in contents.damaged} == {"cut.json", "0.json"}
    with pytest.raises(ValueError, match="no trials in"):
        contents_of(str(tmp_path / "nowhere"))
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{}\n")
    with pytest.raises(ValueError, match=r"bad\.jsonl:1"):
        contents_of(str(bad))
