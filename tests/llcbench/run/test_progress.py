"""Steps of runs in other processes are seen before the runs end; threads are recorded."""

import io
from pathlib import Path

import pytest
import torch

from llcbench.provenance import environment, environment_id
from llcbench.run.execute import execute
from llcbench.run.executors.executor import Serial
from llcbench.run.plan import expand
from llcbench.run.progress import Meter, Progress
from llcbench.run.runs import lengths_of, run_specs
from llcbench.run.store import RunStore, key_of
from llcbench.run.suite import Group, Suite

SETTINGS = {"nbeta": 100.0, "num_chains": 2, "num_draws": 400, "num_burnin": 100}
SPECS = expand(
    Suite(
        title="t",
        version=1,
        replicates=2,
        settings=SETTINGS,
        group=[Group(problems=["poly/x2"], samplers=["sgld"])],
    )
)


def shown(bar: Progress) -> int:
    return int(bar._bar.n)


def test_reports_of_another_process_move_the_bar(tmp_path: Path) -> None:
    with Progress(lengths_of(SPECS), tmp_path, shared=False, file=io.StringIO()) as bar:
        reporter = bar.reporter()
        assert reporter is not None
        report = reporter(key_of(SPECS[0]))
        report(120)
        bar.read()
        assert shown(bar) == 120
        # A report that comes too early is counted with the next one.
        report(30)
        bar.read()
        assert shown(bar) == 120
        bar.ended(key_of(SPECS[0]))
        assert shown(bar) == lengths_of(SPECS)[key_of(SPECS[0])] == 500
        # A run that is made again does not move it back.
        bar.read()
        assert shown(bar) == 500
        bar.ended(key_of(SPECS[1]))
        assert shown(bar) == 1000
    assert not (tmp_path / "progress").exists()


def test_runs_in_this_process_report_directly(tmp_path: Path) -> None:
    with Progress(lengths_of(SPECS), tmp_path, shared=True, file=io.StringIO()) as bar:
        reporter = bar.reporter()
        assert reporter is not None
        execute(SPECS[0], None, on_step=reporter(key_of(SPECS[0])))
        assert shown(bar) == 500
    assert list(tmp_path.iterdir()) == []


def test_nobody_looks_nothing_is_written(tmp_path: Path) -> None:
    with Progress(lengths_of(SPECS), tmp_path, shared=False, show=False) as bar:
        assert bar.reporter() is None
    Meter(tmp_path / "absent" / "key")(10)
    assert list(tmp_path.iterdir()) == []


def test_a_report_is_made_within_the_checked_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    from llcbench.sampling import loop as sampling

    monkeypatch.setattr(sampling, "REPORT_SECONDS", 0.0)
    reports: list[int] = []
    execute(SPECS[0], None, on_step=reports.append)
    assert reports == [1] * 500


def test_chains_that_are_lost_are_found_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """With steps of seconds, 200 of them are too many to wait for the next check."""
    from llcbench.sampling import loop as sampling

    monkeypatch.setattr(sampling, "REPORT_SECONDS", 0.0)
    (spec, *_) = expand(
        Suite(
            title="t",
            version=1,
            replicates=1,
            settings=SETTINGS,
            group=[Group(problems=["poly/x8"], samplers=["sgld[step_size=10.0]"])],
        )
    )
    late = execute(spec, None).estimate
    monkeypatch.setattr(sampling, "CHECK_SECONDS", 0.0)
    early = execute(spec, None).estimate
    assert late.status == "not_finite"
    assert early.status in ("diverged", "not_finite")
    assert early.grad_evals < late.grad_evals == 2 * 200


def test_threads_are_set_and_recorded(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        store = RunStore(tmp_path)
        (record,) = run_specs(SPECS[:1], store, Serial(), progress=False, threads=2).finished
        assert torch.get_num_threads() == 2
        assert record.environment == environment_id(environment(2)) != environment_id(environment())
        path = tmp_path / "environments" / f"{record.environment}.json"
        assert '"threads_of_a_run": "2"' in path.read_text()
        assert execute(SPECS[0], None).environment == environment_id(environment())
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
