"""Runs of a test session: their seed."""

from pathlib import Path

from llcbench.run.store import RunStore
from llcbench.testing.session import Session

FEW = {"num_chains": 4, "num_draws": 20, "num_burnin": 1, "nbeta": 100.0}


def test_the_seed_of_a_session_is_that_of_its_runs(tmp_path: Path) -> None:
    means = set()
    for seed in (7, 8):
        session = Session(store=RunStore(tmp_path / str(seed)), seed=seed)
        score = session.run("poly/x2", "exact", replicates=2, **FEW)
        records = session.store.contents().records.values()
        assert {(record.spec.seed, record.spec.replicate) for record in records} == {
            (seed, 0),
            (seed, 1),
        }
        means.add(score.mean.value)
    assert len(means) == 2
