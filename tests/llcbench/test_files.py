"""Files are whole or absent, whatever happens while they are written; keys never change."""

import errno
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import full_disk
import msgspec
import pytest

from llcbench.files import (
    OLD,
    content_key,
    leftovers,
    machine,
    move_aside,
    replacing,
    temporary_name,
    write,
)
from llcbench.foreign import reading
from llcbench.provenance import environment_id
from llcbench.records import RunRecord
from llcbench.run.execute import truth_key
from llcbench.run.tuning.resolve import tuning_key

RESULTS = Path(__file__).parents[2] / "results"


@pytest.mark.parametrize("content", ["text é\n", b"\x00\xff", ""])
@pytest.mark.parametrize("name", ["a.txt", "a.json.gz"])
def test_round_trip_leaves_nothing_beside_the_file(
    content: str | bytes, name: str, tmp_path: Path
) -> None:
    path = tmp_path / "new" / name
    write(path, content)
    assert reading.content(path) == (content.encode() if isinstance(content, str) else content)
    assert [each.name for each in path.parent.iterdir()] == [name]
    if path.suffix == ".gz":
        first = path.read_bytes()
        assert gzip.decompress(first) == reading.content(path)
        write(path, content)
        assert path.read_bytes() == first


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
def test_a_write_that_fails_leaves_the_old_file_alone(
    error: type[BaseException], tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    write(path, "old")

    def fails() -> None:
        with replacing(path) as temporary:
            assert temporary.parent == path.parent
            temporary.write_text("ne")
            raise error

    with pytest.raises(error):
        fails()
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"


def test_a_file_that_cannot_take_its_place_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.mkdir()
    with pytest.raises(OSError, match=r"a\.txt"):
        write(path, "new")
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


WRITER = """
import sys
from pathlib import Path
from llcbench.files import write
number = 0
while True:
    write(Path(sys.argv[1]), str(number) * 100_000)
    number = (number + 1) % 10
"""


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)])
    limit = time.monotonic() + 60
    while not path.exists() and time.monotonic() < limit:
        time.sleep(0.01)
    for _ in range(50):
        text = path.read_text()
        assert len(text) == 100_000
        assert len(set(text)) == 1
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert len(set(path.read_text())) == 1
    left = {each.name for each in tmp_path.iterdir()} - {"a.txt"}
    assert all(f"-{process.pid}-" in name for name in left)
    assert len(left) <= 1
    assert {path.name for path in leftovers(tmp_path)} == left
    # Whoever writes there next removes it.
    write(path, "new")
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


def test_temporary_files_of_the_living_are_left_alone(tmp_path: Path) -> None:
    """Only what a dead process of this machine left, or what is a day old, is a leftover."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        dead = temporary_name("a").replace(f"-{os.getpid()}-", f"-{process.pid}-")
        assert process.wait() == 0
    # The id of a living process, as of an earlier one that had it.
    again = re.sub(r"-\d+-(\d+)\.tmp$", r"-7-\1.tmp", temporary_name("a"))
    elsewhere = temporary_name("a").replace(machine(), "0" * 8)
    mine, unknown = temporary_name("a"), "a.123.tmp"
    for name in (dead, again, elsewhere, mine, unknown, "a.json"):
        (tmp_path / name).write_text("{")
    assert {path.name for path in leftovers(tmp_path)} == {dead, again}
    for name in (elsewhere, unknown, mine):
        os.utime(tmp_path / name, (0, time.time() - 2 * OLD))
    assert {path.name for path in leftovers(tmp_path)} == {dead, again, elsewhere, unknown}


def test_threads_never_share_a_temporary_file(tmp_path: Path) -> None:
    path, number = tmp_path / "a.txt", 16
    barrier = threading.Barrier(number)

    def put(content: str) -> None:
        with replacing(path) as temporary:
            temporary.write_text(content)
            barrier.wait(30)
            assert temporary.read_text() == content

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(put, [str(k) * 1000 for k in range(number)]))
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]
    assert len(set(path.read_text())) <= 2


def test_nothing_is_moved_onto_anything(tmp_path: Path) -> None:
    """Not even by 8 threads that move files of one name at the same time."""

    def moved(number: int) -> str:
        path = tmp_path / str(number) / "a.json"
        path.parent.mkdir()
        path.write_text(str(number))
        target = move_aside(path, tmp_path / "damaged")
        assert target is not None
        assert not path.exists()
        return target.read_text()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(moved, range(40))) == [str(number) for number in range(40)]
    names = {path.name for path in (tmp_path / "damaged").iterdir()}
    assert names == {"a.json", *(f"a-{number}.json" for number in range(2, 41))}
    assert move_aside(tmp_path / "gone.json", tmp_path / "damaged") is None
    (tmp_path / "full.json" / "inside").mkdir(parents=True)
    os.mkfifo(tmp_path / "pipe.json")
    for name in ("full.json", "pipe.json"):
        assert move_aside(tmp_path / name, tmp_path / "damaged") == tmp_path / "damaged" / name
    assert len(list((tmp_path / "damaged").iterdir())) == 42


@pytest.mark.parametrize("name", ["pipe", "device", "folder"])
def test_what_is_no_regular_file_is_not_replaced(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/null")
    (tmp_path / "folder").mkdir()
    before = os.lstat(tmp_path / name)
    with pytest.raises(OSError, match=f"{name} is no regular file"):
        write(tmp_path / name, "new")
    with pytest.raises(ValueError, match=f"{name} cannot be read: it is a"):
        reading.content(tmp_path / name)
    assert os.lstat(tmp_path / name).st_ino == before.st_ino
    assert len(list(tmp_path.iterdir())) == 3


def test_a_name_may_be_as_long_as_the_system_allows(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 255)
    write(path, "new")
    assert path.read_text() == "new"


FULL = (
    full_disk.SOURCE
    + """
from pathlib import Path
import numpy as np
from llcbench import files
from llcbench.files import replacing
full_disk(5000)
path = Path(sys.argv[1])
data = np.random.default_rng(0).random(1000)
try:
    if path.suffix == ".npz":
        with replacing(path) as temporary, temporary.open("wb") as handle:
            np.savez(handle, a=data)
    else:
        files.write(path, data.tobytes())
except OSError as error:
    print(error)
"""
)


@pytest.mark.parametrize("name", ["a.txt", "a.json.gz", "a.npz"])
def test_a_disk_that_fills_up_leaves_the_old_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write(path, "old")
    before = path.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == f"[Errno {errno.EFBIG}] File too large: '{path}'\n", done.stderr
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_missing_or_torn_file_is_named(tmp_path: Path) -> None:
    whole = gzip.compress(b"x" * 100)
    (tmp_path / "torn.gz").write_bytes(whole[:20])
    (tmp_path / "odd.gz").write_bytes(whole[:12] + b"\xff" * 8 + whole[20:])
    (tmp_path / "text.gz").write_text("text")
    for name in ("torn.gz", "odd.gz", "text.gz", "none.txt"):
        with pytest.raises(ValueError, match=f"{name} cannot be read"):
            reading.content(tmp_path / name)


def test_keys_stay_what_they_were() -> None:
    assert content_key({"b": [1e-5, None], "a": "é"}) == content_key({"a": "é", "b": [1e-5, None]})
    assert content_key({"a": 1}) != content_key({"a": 2}) != content_key({"a": 1}, spaced=True)
    lines = (RESULTS / "reference/v1/smoke.jsonl").read_bytes().splitlines()
    decode = msgspec.json.Decoder(RunRecord).decode
    runs = [r for r in map(decode, reversed(lines)) if r.spec.estimator == "mean_energy"]
    specs = {r.spec.problem: r.spec for r in runs}
    kept = {
        "poly/x4": ("43db179233098001", "1763006ae5837698"),
        "regular/d5": ("a5eb4733c4606abb", "035281a9da3833b2"),
        "rrr/2-2-2/r1/n1000": ("54e3c4110b6b3fad", "94d160347fd988cd"),
    }
    assert {
        name: (truth_key(specs[name]), tuning_key(specs[name])) for name in kept
    } == kept  # fmt: skip
    assert environment_id({"b": "é", "a": "1"}) == "c2b658980f23"
    for path in (RESULTS / "environments").glob("*.json"):
        assert environment_id(json.loads(path.read_text())) == path.stem


def test_a_zipped_file_carries_no_time(tmp_path: Path) -> None:
    """Bytes 4 to 7 of the format hold it."""
    write(tmp_path / "runs.gz", "the same")
    assert (tmp_path / "runs.gz").read_bytes()[4:8] == bytes(4)
