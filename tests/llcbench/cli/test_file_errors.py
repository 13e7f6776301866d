"""Files that cannot be read or written are a line: what it is, the plain reason, the way out."""

import errno
import gzip
import os
import subprocess
from itertools import islice
from pathlib import Path

import click
import pytest
from command import LLCBENCH, here

from llcbench.cli.file_errors import file_error_line
from llcbench.cli.options import OnceCommand, store_option
from theory import files

REFERENCE = Path(__file__).parents[3] / "results" / "reference" / "v1" / "exact.jsonl.gz"
ONE = ["run", "smoke", "-p", "poly/x2", "--replicates", "1"]
NO_STORE = "'junk.pt' is a file, not a store of {0}: give the folder of a store, or a file of {0}"
CASES = {
    "store in a file": (
        [*ONE, "--store", "afile/store"],
        "'afile/store/environments' cannot be written: 'afile' is a file, not a folder;"
        " choose another --store",
    ),
    "store where nothing can be": (
        [*ONE, "--store", "/proc/x"],
        "'/proc/x' cannot be written: nothing can be made in '/proc'; choose another --store",
    ),
    "site in a file": (
        ["report", "--store", "runs.jsonl", "--out", "afile"],
        "'afile' cannot be written: it is a file, not a folder; choose another --out",
    ),
    "folder in a file": (
        ["theory", "catalogue", "--out", "afile"],
        "'afile' cannot be written: it is a file, not a folder; choose another --out",
    ),
    "folder under a link": (
        ["theory", "catalogue", "--out", "link"],
        "'link' cannot be written: 'link' is a link to what is not there; choose another --out",
    ),
    "table beside a file": (
        ["export", "--store", "runs.jsonl", "--out", "afile/x.jsonl"],
        "'afile' cannot be written: it is a file, not a folder; choose another --out",
    ),
    "name too long": (
        ["export", "--store", "runs.jsonl", "--out", "n" * 300 + ".jsonl"],
        "a name in it is too long; choose another --out",
    ),
    "file as store": (["score", "--store", "junk.pt"], NO_STORE.format("runs")),
    "file as store of a site": (["report", "--store", "junk.pt"], NO_STORE.format("runs")),
    "file as store of trials": (
        ["heuristics", "effects", "--store", "junk.pt"], NO_STORE.format("trials"),
    ),
    "no store": (
        ["score", "--store", "none"],
        "no runs in 'none'; 'llcbench run smoke --store none' makes some",
    ),
    "no proof": (
        ["theory", "verify", "empty.json"],
        "'empty.json': malformed certificate: 'proof' is missing",
    ),
    "no variables": (
        ["theory", "verify", "strata.json"], "'strata.json': malformed strata: 'value' is missing",
    ),
    "no certificate": (
        ["theory", "verify", "none.json"], "none.json cannot be read: No such file or directory",
    ),
}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files of the wrong kinds."""
    monkeypatch.chdir(tmp_path)
    for name in ("afile", "junk.pt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "empty.json").write_text("{}")
    (tmp_path / "strata.json").write_text('{"strata": [{}]}')
    with gzip.open(REFERENCE, "rt") as lines:
        (tmp_path / "runs.jsonl").write_text("".join(islice(lines, 2)))
    return tmp_path


@pytest.mark.parametrize("case", CASES)
def test_an_error_of_a_file_says_what_why_and_the_way_out(case: str, place: Path) -> None:
    arguments, line = CASES[case]
    if "/proc" in line and not Path("/proc").is_dir():
        pytest.skip("no folder in which nothing can be made")
    done = here(*arguments)
    assert done.returncode == 2
    (last,) = done.stderr.splitlines()
    assert last.startswith("llcbench: ")
    assert line in last
    assert "Errno" not in last


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_an_output_that_does_not_fit_is_a_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [LLCBENCH, "list", "suites"],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "llcbench: the output cannot be written: no room is left on the disk; send it to another"
        " place"
    )


@pytest.mark.parametrize(
    ("number", "name", "line"),
    [
        (errno.EACCES, "out/a.csv", "'out/a.csv' cannot be written: it is not allowed;"
         " choose another --out"),
        (errno.EROFS, "out/b/a.csv", "'out/b/a.csv' cannot be written: the disk is read-only;"
         " choose another --out"),
        (errno.ENOSPC, "elsewhere/a", "'elsewhere/a' cannot be written: no room is left on the"
         " disk"),
        (errno.EISDIR, "out", "'out' cannot be written: it is a folder; choose another --out"),
        (errno.EACCES, "runs/a.json", "'runs/a.json' cannot be read: it is not allowed;"
         " choose another --store"),
        (errno.EACCES, "weights.pt", "'weights.pt' cannot be read: it is not allowed;"
         " choose another --state"),
        (errno.ENOENT, "weights.pt", "'weights.pt' cannot be read: it is not there;"
         " choose another --state"),
        (errno.EACCES, "elsewhere/a", "'elsewhere/a' cannot be opened: it is not allowed"),
        (errno.EIO, None, "the output cannot be written: the disk fails; send it to another"
         " place"),
        (errno.EAGAIN, None, f"the system refuses: {os.strerror(errno.EAGAIN)}"),
    ],
)  # fmt: skip
def test_the_option_of_a_file_is_the_nearest(
    number: int, name: str | None, line: str, place: Path
) -> None:
    @click.command(cls=OnceCommand)
    @store_option
    @click.option("--out")
    @click.option("--state")
    @click.option("--count", type=int)
    def command(**_: object) -> None:
        raise OSError(number, os.strerror(number), name)

    arguments = ["--store", "runs", "--out", "out", "--state", "weights.pt", "--count", "3"]
    with pytest.raises(click.ClickException) as caught:
        command.main(arguments, standalone_mode=False)
    assert caught.value.message == line


@pytest.mark.parametrize("error", [BrokenPipeError(errno.EPIPE, "gone"), OSError("a message")])
def test_a_pipe_without_a_reader_and_messages_of_our_own_are_left_alone(error: OSError) -> None:
    @click.command(cls=OnceCommand)
    def command() -> None:
        raise error

    with (
        command.make_context("command", []) as context,
        pytest.raises(OSError, match=r"gone|a message") as caught,
    ):
        command.invoke(context)
    assert caught.value is error
    assert file_error_line(OSError("a message")) == "a message"


def test_a_full_disk_names_the_file_and_not_the_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match=r"a\.md") as caught:
        files.write(tmp_path / "a.md", "text")
    assert file_error_line(caught.value).startswith(f"{str(tmp_path / 'a.md')!r} cannot be written")
    assert not list(tmp_path.iterdir())
