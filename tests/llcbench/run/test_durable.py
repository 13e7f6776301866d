"""Records reach the disk whole before they have their name: contents, flush, one rename."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from llcbench import files
from llcbench.records import Estimate, RunRecord, Spec, Truths
from llcbench.run import exports
from llcbench.run.store import RunStore, environments, key_of
from llcbench.run.tuning.pilots import Tuning
from llcbench.settings import Settings

Event = tuple[str, Any, int]


def record() -> RunRecord:
    spec = Spec(
        problem="poly/x2", problem_version=1, estimator="mean_energy", sampler="sgld",
        parameters={}, settings=Settings(nbeta=100.0), seed=0, replicate=0,
    )  # fmt: skip
    estimate = msgspec.convert({"status": "ok", "nbeta": 100.0, "gamma": 1.0}, Estimate)
    return RunRecord(key=key_of(spec), spec=spec, truths=None, estimate=estimate, environment="e")


def truths() -> Truths:
    exact = {"value": "1/2", "multiplicity": 1, "source": ""}
    return msgspec.convert({"local": exact, "global_": exact, "tempered": None}, Truths)


def tuning() -> Tuning:
    return Tuning(
        problem="poly/x2", sampler="sgld", varied="", parameters={}, pilots=[], grad_evals=0,
        draws=None, reason="",
    )  # fmt: skip


WRITERS: dict[str, Callable[[Path], object]] = {
    "run": lambda root: RunStore(root).save(record()),
    "truths": lambda root: RunStore(root).truths.save("a" * 16, truths()),
    "tuning": lambda root: RunStore(root).tunings.save("b" * 16, tuning()),
    "environment": lambda root: environments(root).save("c" * 12, {"torch": "2"}),
    "export": lambda root: exports.write({record().key: record()}, root / "runs.jsonl"),
    "zipped export": lambda root: exports.write({record().key: record()}, root / "runs.jsonl.gz"),
    "text": lambda root: files.write(root / "page.txt", "text"),
}


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """Flushes and renames in their order, with the file and its size at that time."""
    events: list[Event] = []
    flush, rename = os.fsync, os.replace

    def fsync(handle: int) -> None:
        state = os.fstat(handle)
        events.append(("flush", state.st_ino, state.st_size))
        flush(handle)

    def replace(source: Any, target: Any, **options: Any) -> None:
        state = os.stat(source)
        events.append(("rename", (state.st_ino, Path(target)), state.st_size))
        rename(source, target, **options)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    return events


@pytest.mark.parametrize("name", WRITERS)
def test_the_whole_content_is_flushed_and_then_gets_its_name(name, watched, tmp_path):
    WRITERS[name](tmp_path)
    (path,) = (p for p in tmp_path.rglob("*") if p.is_file())
    state = path.stat()
    assert state.st_size > 0
    assert watched == [
        ("flush", state.st_ino, state.st_size),
        ("rename", (state.st_ino, path), state.st_size),
    ]


@pytest.mark.parametrize("name", WRITERS)
def test_a_second_write_is_a_new_file_under_the_old_name(name, watched, tmp_path):
    """Written over in place, a reader could see half of it."""
    WRITERS[name](tmp_path)
    (path,) = (p for p in tmp_path.rglob("*") if p.is_file())
    before, held = path.read_bytes(), path.open("rb")
    WRITERS[name](tmp_path)
    assert [event for event, *_ in watched] == ["flush", "rename"] * 2
    assert path.read_bytes() == held.read() == before
    assert os.fstat(held.fileno()).st_ino != path.stat().st_ino
    held.close()


@pytest.mark.parametrize("fails", ["fsync", "replace"])
@pytest.mark.parametrize("name", WRITERS)
def test_a_disk_that_refuses_leaves_the_old_file_and_nothing_else(
    name, fails, tmp_path, monkeypatch
):
    WRITERS[name](tmp_path)
    (path,) = (p for p in tmp_path.rglob("*") if p.is_file())
    before = path.read_bytes()

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, fails, refuse)
    with pytest.raises(OSError, match="No space left"):
        WRITERS[name](tmp_path)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]
    assert path.read_bytes() == before


def test_what_can_be_made_again_may_go_without_the_flush(watched, tmp_path):
    """Control: the watch sees that there is none."""
    files.write(tmp_path / "page.html", "text", durable=False)
    assert [event for event, *_ in watched] == ["rename"]
