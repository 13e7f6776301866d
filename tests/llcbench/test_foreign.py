"""What others wrote is read in one place, and names become files in one place."""

import csv
import gzip
import io
import os
import string
import threading
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from random import Random

import msgspec
import pytest

from llcbench.checks import check_size, printable, shown
from llcbench.foreign import reading
from llcbench.foreign.cells import quoted, read_csv, to_csv, unquoted
from llcbench.foreign.names import LONGEST, inside, safe_name

HOSTILE = (
    "", ".", "..", "../../victim/index", "/etc/passwd", "a/../b", "a//b", "a/", "/a", "a--b",
    "a/-b", "a-/b",
    "A", "a.", ".a", "-rf", "~", "con", "nul.txt", "com1", "x" * 300, "x" * 299 + "y", "<script>",
    "a\0b",
    "a\nb", "\u202ea", "\u00e9", "e\u0301", "\ud800", "$(id)", "a b", "a\\b",
    "index~0123456789ab", "%2e%2e",
)  # fmt: skip
KEPT = (
    "mala",
    "adam_sgld",
    "poly/x2y2",
    "rrr/5-3-5/r2/n1000",
    "dln/1k/s0/trained",
    "0123456789abcdef",
)


@pytest.mark.parametrize("name", KEPT)
def test_ids_and_names_of_samplers_stay(name: str) -> None:
    assert safe_name(name) == name.replace("/", "--")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_a_file_of_its_folder(name: str, tmp_path: Path) -> None:
    safe = safe_name(name)
    assert set(safe) <= set(string.ascii_lowercase + string.digits + "._-~")
    assert 0 < len(safe) <= LONGEST
    assert safe[0] not in ".-~"
    assert safe[-1] not in ".-~"
    (tmp_path / safe).write_text("")
    assert [path.name for path in tmp_path.iterdir()] == [safe]


def test_two_texts_are_never_one_file() -> None:
    rng = Random(3)
    texts = {"".join(rng.choices("aA.-_/~1", k=rng.randint(0, 6))) for _ in range(8_000)}
    texts |= {*HOSTILE, *KEPT}
    names = {safe_name(text).casefold() for text in texts}
    assert len(names) == len(texts)
    # A text that is written like the name of another gets a third one.
    assert len({safe_name(name) for name in names} | names) == len({*names, *map(safe_name, names)})
    assert all(safe_name(name) != name for name in names if "~" in name)


def test_a_name_that_the_folder_needs_is_changed() -> None:
    assert safe_name("index") == "index"
    assert safe_name("index", taken=["index"]).startswith("index~")


@pytest.mark.parametrize("file", ["../x", "a/../../x", "/x", "", ".", "a\0b"])
def test_a_file_out_of_its_folder_is_refused(file: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no file below"):
        inside(tmp_path, file)
    assert inside(tmp_path, "a/b..html") == tmp_path / "a" / "b..html"


def _refusal(read: Callable[[], object], seconds: float = 10.0) -> str:
    """Return the line with which a reader refuses; fail if it waits."""
    lines: list[str] = []

    def reads() -> None:
        try:
            lines.append(f"read: {read()!r}"[:50])
        except ValueError as error:
            lines.append(str(error))

    thread = threading.Thread(target=reads, daemon=True)
    thread.start()
    thread.join(seconds)
    assert lines, "it waits for ever"
    return lines[0]


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "pipe": (os.mkfifo, "it is a pipe"),
    "folder": (Path.mkdir, "it is a folder"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "it is a device"),
    "loop": (lambda path: path.symlink_to(path), "symbolic links"),
    "missing": (lambda path: None, "No such file"),
    "torn": (lambda path: path.write_bytes(gzip.compress(b"x" * 999)[:-9]), "ended before"),
    "sum": (lambda path: path.write_bytes(gzip.compress(b"x")[:-8] + bytes(8)), "CRC check"),
    "stream": (lambda path: path.write_bytes(gzip.compress(b"x")[:10] + b"\xff" * 30), "Error -3"),
    "text": (lambda path: path.write_bytes(b"text"), "Not a gzipped file"),
    "bomb": (lambda path: path.write_bytes(gzip.compress(bytes(2**20 + 1))), "has more than"),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("reader", ["content", "lines"])
def test_an_odd_file_is_refused_in_a_line(
    name: str, reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_LINE", 2**20)
    path = tmp_path / "x.gz"
    make, reason = ODD[name]
    make(path)
    read = {
        "content": lambda: reading.content(path, most=2**20),
        "lines": lambda: list(reading.lines(path)),
    }[reader]
    line = _refusal(read)
    assert line.startswith(f"{path} cannot be read: ")
    assert reason in line
    assert "\n" not in line


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    for name in ("x", "x.gz"):
        data = b"a\r\nb\n\nc"
        (tmp_path / name).write_bytes(gzip.compress(data) if name == "x.gz" else data)
        assert reading.content(tmp_path / name) == data
        assert list(reading.lines(tmp_path / name)) == [b"a", b"b", b"", b"c"]
    with pytest.raises(ValueError, match="is no name of a file"):
        reading.content(Path("a\0b"))


class Sample(msgspec.Struct):
    """What the files of these tests hold."""

    a: float
    b: dict[str, int] = {}


JSON = {
    "deep": (b'{"a": 1, "c": ' + b"[" * 100_000, "nested too deeply"),
    "deep object": (b'{"a":' * 100_000, "nested too deeply|Expected"),
    "twice": (b'{"a": 1, "a": 2}', "the key 'a' is there twice"),
    "twice below": (b'{"a": 1, "b": {"x": 1, "x": 1}}', "the key 'x' is there twice"),
    "utf-8": (b'{"a": 1, "c": "\xff"}', "utf-8|UTF-8"),
    "nan": (b'{"a": NaN}', "malformed|invalid"),
    "large": (b'{"a": 1e999}', "out of range"),
    "digits": (b'{"a": 1, "c": ' + b"9" * 5000 + b"}", "integer string|out of range|digits"),
    "torn": (b'{"a": 1', "truncated"),
    "empty": (b"", "truncated"),
}


@pytest.mark.parametrize("name", JSON)
def test_json_of_others_is_refused_in_a_line(name: str, tmp_path: Path) -> None:
    text, reason = JSON[name]
    with pytest.raises(ValueError, match=reason) as refused:
        reading.json_as(Sample)(text)
    assert "\n" not in str(refused.value)
    (tmp_path / "x.json").write_bytes(text)
    if name not in ("nan", "large"):  # the standard library reads them
        with pytest.raises(ValueError, match="is not JSON"):
            reading.json_of(tmp_path / "x.json")
    assert reading.json_as(Sample)(b'{"a": 1, "b": {"x": 2}}') == Sample(1.0, {"x": 2})


@pytest.mark.parametrize(
    "text",
    [b"a = " + b"[" * 100_000, b"a = " + b"{b=" * 50_000, b"\xff", b"a = 1\na = 2", b"a = 'x'", b"",
     b"a = " + b"9" * 5000],
    ids=["deep", "deep table", "utf-8", "twice", "type", "empty", "digits"],
)  # fmt: skip
def test_toml_of_others_is_refused_in_a_line(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(text)
    with pytest.raises(ValueError, match=r".") as refused:
        reading.toml_as(path, Sample)
    assert "\n" not in str(refused.value)
    path.write_text("a = 2")
    assert reading.toml_as(path, Sample) == Sample(2.0)


FORMULAS = (
    "=1+1",
    '=HYPERLINK("http://x")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "-",
    "+",
    "=",
)
NO_FORMULAS = (
    "-1.5",
    "+3",
    "-1e-05",
    "-inf",
    "1/2",
    "sgld[step_size=1e-05]",
    "",
    "a=1",
    "'quoted'",
    "-.5",
)


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_run_is_quoted(text: str) -> None:
    assert quoted(text) == f"'{text}"
    assert next(csv.reader(io.StringIO(to_csv([[text]]), newline="")))[0][0] == "'"


def test_numbers_and_plain_texts_stay() -> None:
    assert [quoted(text) for text in NO_FORMULAS] == list(NO_FORMULAS)
    assert to_csv([[-1.5, -2, None, "-1.5", 1e-05, True]]) == "-1.5,-2,,-1.5,1e-05,True\n"


def test_cells_come_back_as_they_were(tmp_path: Path) -> None:
    texts = [*FORMULAS, *NO_FORMULAS, "'=1", "''=1", "'", "a,b", 'say "x"', "two\nlines", "\u00e9"]
    assert [unquoted(quoted(text)) for text in texts] == texts
    path = tmp_path / "x.csv"
    path.write_bytes(to_csv([["=head", "b"], *([text, "x"] for text in texts)]).encode())
    assert [row["=head"] for row in read_csv(path)] == texts
    path.write_text("a,b\n1,2,3\n")
    with pytest.raises(ValueError, match="row 2 has 3 cells, not 2"):
        read_csv(path)
    path.write_bytes(b"a\n\xff\n")
    with pytest.raises(ValueError, match="is no table"):
        read_csv(path)


def test_one_line_that_a_terminal_does_not_obey() -> None:
    assert printable("a\n b\t\x1b[31m\u202e\x00") == r"a b \x1b[31m\u202e\x00"
    assert printable("caf\u00e9 \u2212 x") == "caf\u00e9 \u2212 x"
    assert shown(10**5000) == "a huge int"


def test_a_size_is_compared_before_anything_is_made() -> None:
    assert check_size("x", "runs", 5, 5) == 5
    with pytest.raises(ValueError, match=r"^x: 6 runs are too many, at most 5; give fewer$"):
        check_size("x", "runs", 6, 5, hint="give fewer")
    with pytest.raises(ValueError, match=r"more than 2\^63 runs are too many"):
        check_size("x", "runs", 10**5000, 5)


def test_the_hostile_names_differ_in_what_they_try() -> None:
    assert all(a != b for a, b in combinations(HOSTILE, 2))
