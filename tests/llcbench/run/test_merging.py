"""A file of runs is checked as a store is, and several places are one, or contradict each other."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from command import here

from llcbench.records import RunRecord
from llcbench.run.exports import read, write
from llcbench.run.merging import StoredRuns, merged
from llcbench.run.store import RunStore, key_of

SMOKE = Path(__file__).parents[3] / "results" / "reference" / "v1" / "smoke.jsonl"
LINES = SMOKE.read_bytes().splitlines()
RECORDS = list(read(SMOKE).values())


def changed(record: RunRecord, **values: Any) -> RunRecord:
    """Return a record with another estimate."""
    estimate = msgspec.structs.replace(record.estimate, **values)
    return msgspec.structs.replace(record, estimate=estimate)


OTHER_KEY = b'{"key":"0000000000000000"' + LINES[2].partition(b",")[2].join([b",", b""])
FAULTS = {
    "torn": ([LINES[0], LINES[1][:500]], ":2 is no record"),
    "blank": ([LINES[0], b"", LINES[1]], ":2 is no record"),
    "schema": ([LINES[0], LINES[1].replace(b'"schema":1', b'"schema":2')], "schema must be 1"),
    "same twice": ([LINES[0], LINES[1], LINES[0]], ":3: .* is in line 1 too, the same record"),
    "twice": (
        [LINES[0], LINES[1], LINES[0].replace(b'"status":"ok"', b'"status":"error"')],
        ":3: .* is in line 1 too, with different values",
    ),
    "spec": (
        [LINES[0], LINES[1].replace(b'"replicate":', b'"replicate":7')],
        ":2: the key of the record, .* does not match its contents",
    ),
    "unknown field": ([LINES[0][:-1] + b',"x":1}'], ":1 is no record"),
    "empty": ([], "the file is empty"),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("command", ["score", "leaderboard"])
def test_a_fault_of_a_file_is_named_with_its_line(name: str, command: str, tmp_path: Path) -> None:
    lines, reason = FAULTS[name]
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    with pytest.raises(ValueError, match=reason):
        read(path)
    done = here(command, "--store", str(path))
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert str(path) in done.stderr


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"\n".join(LINES))
    assert read(path) == {record.key: record for record in RECORDS}
    assert here("score", "--store", str(path)).returncode == 0


def test_a_record_in_a_folder_is_checked_alike(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    for record in RECORDS[:3]:
        store.save(record)
    first = tmp_path / "runs" / f"{RECORDS[0].key}.json"
    first.write_bytes(first.read_bytes().replace(b'"schema": 1', b'"schema": 2'))
    second = tmp_path / "runs" / f"{RECORDS[1].key}.json"
    second.rename(second.with_name("0000000000000000.json"))
    contents = store.contents()
    assert list(contents.records) == [RECORDS[2].key]
    assert "schema must be 1" in contents.damaged[first]
    done = here("score", "--store", str(tmp_path))
    assert done.returncode == 0
    assert "does not match its contents" in done.stderr
    assert len(done.stderr.splitlines()) == 2


def split(tmp_path: Path) -> list[str]:
    """Write the runs to a store and a file, with two runs in both."""
    store = RunStore(tmp_path / "store")
    for record in RECORDS[:20]:
        store.save(record)
    write({record.key: record for record in RECORDS[18:]}, tmp_path / "rest.jsonl")
    return ["--store", str(tmp_path / "store"), "--store", str(tmp_path / "rest.jsonl")]


@pytest.mark.parametrize(
    "command",
    [["score", "--csv"], ["leaderboard", "--csv", "--draws", "100"],
     ["compare", "mala", "gibbs", "--json", "--draws", "100"]],
)  # fmt: skip
def test_several_stores_are_as_one(command: list[str], tmp_path: Path) -> None:
    """The same as of one file with all runs; one alone gives something else."""
    several = split(tmp_path)
    whole = here(*command, "--store", str(SMOKE))
    assert here(*command, *several).stdout == whole.stdout
    assert here(*command, *several[:2]).stdout != whole.stdout


def test_an_export_of_several_stores_holds_all_runs(tmp_path: Path) -> None:
    out = tmp_path / "all.jsonl"
    done = here("export", *split(tmp_path), "--out", str(out))
    assert done.stdout == f"{len(RECORDS)} runs written to {out}\n"
    assert out.read_bytes() == SMOKE.read_bytes()


def test_results_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    several = split(tmp_path)
    other = changed(RECORDS[18], llc=(RECORDS[18].estimate.llc or 0.0) + 1e-3)
    RunStore(tmp_path / "store").save(other)
    done = here("score", *several)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    for shown in (other.key, "store", "rest.jsonl", other.spec.problem, "give one of them"):
        assert shown in done.stderr
    assert here("score", *several[:2]).returncode == 0


def place(name: str, *records: RunRecord) -> StoredRuns:
    """Return a place that holds some runs."""
    return StoredRuns(name, {record.key: record for record in records}, {})


def test_a_run_that_was_stopped_gives_way() -> None:
    whole = RECORDS[0]
    for status in ("timeout", "crashed", "out_of_memory", "skipped"):
        stopped = changed(whole, status=status, llc=None)
        for places in ([stopped, whole], [whole, stopped]):
            held = merged([place(str(n), record) for n, record in enumerate(places)])
            assert held == {whole.key: whole}
    for status in ("diverged", "error"):
        with pytest.raises(ValueError, match=rf"is {status} in '0' and"):
            merged([place("0", changed(whole, status=status, llc=None)), place("1", whole)])


def test_time_and_rounding_are_no_contradiction() -> None:
    whole = RECORDS[0]
    other = changed(
        whole, seconds_sampling=99.0, peak_bytes=1, llc=float(f"{whole.estimate.llc:.6g}")
    )
    assert merged([place("a", whole), place("b", other)]) == {whole.key: whole}
    assert key_of(whole.spec) == whole.key
