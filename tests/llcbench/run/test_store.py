"""Records are whole or absent, keys do not depend on order, damage is reported."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from llcbench import files
from llcbench.records import Estimate, RunRecord, Spec
from llcbench.run.plan import missing
from llcbench.run.store import RunStore, key_of, set_aside
from llcbench.settings import Settings


def spec(**changes: object) -> Spec:
    base = Spec(
        problem="poly/x2",
        problem_version=1,
        estimator="mean_energy",
        sampler="sgld",
        parameters={"a": 1, "b": 2.5},
        settings=Settings(nbeta=100.0),
        seed=0,
        replicate=0,
    )
    return msgspec.structs.replace(base, **changes)


def record(status: str = "ok", **changes: object) -> RunRecord:
    one = spec(**changes)
    estimate = msgspec.convert({"status": status, "nbeta": 100.0, "gamma": 1.0}, Estimate)
    return RunRecord(key=key_of(one), spec=one, truths=None, estimate=estimate, environment="e")


def write_unfinished(folder: Path) -> Path:
    """Leave a temporary file as a killed process does."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        name = files.temporary_name("aaaa.json").replace(f"-{os.getpid()}-", f"-{process.pid}-")
    path = folder / name
    path.write_text('{"key": "01')
    return path


def test_the_key_ignores_the_order_of_options() -> None:
    assert key_of(spec(parameters={"b": 2.5, "a": 1})) == key_of(spec())


@pytest.mark.parametrize(
    "changes",
    [{"seed": 1}, {"replicate": 1}, {"parameters": {"a": 1}}, {"settings": Settings(nbeta=101.0)}],
)
def test_the_key_depends_on_everything_else(changes: dict[str, object]) -> None:
    assert key_of(spec(**changes)) != key_of(spec())


def test_round_trip(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    store.save(record())
    assert store.contents().records == {record().key: record()}
    assert not store.contents().damaged


def test_damage_is_told_apart_and_kept(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    store.save(record())
    good = tmp_path / "runs" / f"{record().key}.json"
    half = tmp_path / "runs" / "0123456789abcdef.json"
    half.write_bytes(good.read_bytes()[:100])
    swapped = tmp_path / "runs" / "fedcba9876543210.json"
    swapped.write_bytes(good.read_bytes().replace(b'"replicate": 0', b'"replicate": 7'))
    write_unfinished(tmp_path / "runs")
    (tmp_path / "runs" / "aaaa.123.tmp").write_text("another process may be writing it")
    contents = store.contents()
    assert set(contents.records) == {record().key}
    assert set(contents.damaged) == {half, swapped}
    lines = set_aside(tmp_path, contents.damaged, contents.leftovers)
    assert len(lines) == 3
    assert len(list((tmp_path / "damaged").iterdir())) == 3
    assert not store.contents().damaged
    assert set(store.contents().records) == {record().key}
    assert (tmp_path / "runs" / "aaaa.123.tmp").exists()


def test_a_second_damaged_file_of_a_name_is_kept_beside_the_first(tmp_path: Path) -> None:
    store, path = RunStore(tmp_path), tmp_path / "runs" / "0123456789abcdef.json"
    for text in ("first", "second"):
        files.write(path, text)
        contents = store.contents()
        (line,) = set_aside(tmp_path, contents.damaged, contents.leftovers)
    assert line.endswith("it is kept as damaged/0123456789abcdef-2.json")
    kept = {p.name: p.read_text() for p in (tmp_path / "damaged").iterdir()}
    assert kept == {"0123456789abcdef.json": "first", "0123456789abcdef-2.json": "second"}


def test_what_another_driver_has_set_aside_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    RunStore(tmp_path).save(record())
    gone = tmp_path / "runs" / "gone.json"
    kept = [*(tmp_path / "runs").iterdir()]
    monkeypatch.setattr(Path, "glob", lambda self, pattern: [*kept, gone])
    held = RunStore(tmp_path).runs.contents()
    assert (len(held.records), held.damaged) == (1, {})
    monkeypatch.undo()
    assert set_aside(tmp_path, {tmp_path / "runs" / "gone.json": "damaged"}, []) == []
    assert list((tmp_path / "damaged").iterdir()) == []


def test_a_run_that_has_ended_takes_no_living_temporary_file_along(tmp_path: Path) -> None:
    """Another driver may be writing a checkpoint of the same run."""
    store = RunStore(tmp_path)
    path = store.checkpoint("0123456789abcdef")
    with files.replacing(path) as temporary:
        temporary.write_text("place")
        store.forget("0123456789abcdef")
    assert path.read_text() == "place"
    killed = write_unfinished(path.parent)
    store.forget("0123456789abcdef")
    assert not path.exists()
    assert not killed.exists()


@pytest.mark.parametrize(
    ("status", "held"),
    [("ok", True), ("skipped", True), ("diverged", False), ("crashed", False), ("timeout", False)],
)
def test_a_failure_is_never_a_cache_hit(status: str, held: bool) -> None:
    one = record(status)
    assert (missing([one.spec], {one.key: one}) == []) is held
    assert missing([one.spec], {one.key: one}, keep_failed=True) == []
