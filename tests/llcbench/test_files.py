"""Files are whole or absent, whatever happens while they are written; keys never change."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from llcbench.files import content_key, read, replacing, write
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
    assert read(path) == (content.encode() if isinstance(content, str) else content)
    assert [each.name for each in path.parent.iterdir()] == [name]
    if path.suffix == ".gz":
        first = path.read_bytes()
        assert gzip.decompress(first) == read(path)
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
    assert left <= {f"a.txt.{process.pid}.tmp"}


def test_a_missing_or_torn_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "torn.gz").write_bytes(gzip.compress(b"x" * 100)[:20])
    for name in ("torn.gz", "none.txt"):
        with pytest.raises(ValueError, match=f"{name} cannot be read"):
            read(tmp_path / name)


def test_keys_stay_what_they_were() -> None:
    assert content_key({"b": [1e-5, None], "a": "é"}) == content_key({"a": "é", "b": [1e-5, None]})
    assert content_key({"a": 1}) != content_key({"a": 2}) != content_key({"a": 1}, spaced=True)
    lines = (RESULTS / "reference/v1/smoke.jsonl").read_bytes().splitlines()
    decode = msgspec.json.Decoder(RunRecord).decode
    specs = {r.spec.problem: r.spec for r in map(decode, reversed(lines))}
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
