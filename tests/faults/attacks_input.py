"""Damaged and foreign files: records, stores, suites, certificates and checkpoints."""

import gzip
import io
import json
import os
import pickle
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sandbox
from damages import DEEP, RECORDS, REFUSED, mutated, shuffled
from experiment import Experiment, Outcome
from good_inputs import SMOKE, SUITE, plain_record

from llcbench.foreign.names import safe_name

READERS = (
    ["score", "--store"],
    ["leaderboard", "--store"],
    ["report", "--out", "site", "--store"],
    ["export", "--out", "out.jsonl", "--store"],
    ["scaling", "--out", "plots", "--store"],
    ["compare", "--store"],
)


def damaged_record(index: int, folder: Path) -> list[Outcome]:
    rng, home = random.Random(index), sandbox.home_in(folder)
    name = list(RECORDS)[index % len(RECORDS)]
    content = RECORDS[name](plain_record(rng.randrange(40)), rng)
    try:
        stem = json.loads(content)["key"]
    except (ValueError, TypeError, KeyError, RecursionError):
        stem = "0123456789abcdef"
    form = ("store", "jsonl", "gz")[index // len(RECORDS) % 3]
    if form == "store":
        (home / "runs").mkdir()
        (home / "runs" / f"{safe_name(str(stem))}.json").write_bytes(content)
        store = "."
    else:
        store = "x.jsonl" if form == "jsonl" else "x.jsonl.gz"
        (home / store).write_bytes(gzip.compress(content) if form == "gz" else content)
    outcomes = []
    for reader in rng.sample(READERS, 3):
        arguments = [*reader, store]
        ended = sandbox.run(arguments, home)
        note = sandbox.complaint(arguments, ended, folder)
        if not note and name in REFUSED and ended.code == 0:
            note = f"{reader[0]} takes a record with {name}"
        outcomes.append(Outcome("damaged or foreign record", bool(note), f"{name}, {form}: {note}"))
    return outcomes


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _bomb(path: Path) -> None:
    with gzip.open(path, "wb") as handle:
        for _ in range(1200):
            handle.write(bytes(2**20))


def _lines_bomb(path: Path) -> None:
    path.write_bytes(gzip.compress(SMOKE.read_bytes() * 300))


ODD_FILES: dict[str, Callable[[Path], object]] = {
    "pipe": _fifo,
    "folder": Path.mkdir,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "loop": lambda path: path.symlink_to(path.name),
    "torn": lambda path: path.write_bytes(gzip.compress(SMOKE.read_bytes())[:5000]),
    "wrong sum": lambda path: path.write_bytes(gzip.compress(SMOKE.read_bytes())[:-8] + bytes(8)),
    "wrong stream": lambda path: path.write_bytes(gzip.compress(b"x" * 99)[:11] + b"\xff" * 99),
    "no gzip": lambda path: path.write_bytes(SMOKE.read_bytes()),
    "empty": lambda path: path.write_bytes(b""),
    "one long line": _bomb,
    "repeated lines": _lines_bomb,
    "random": lambda path: path.write_bytes(random.Random(1).randbytes(5000)),
}


def odd_file(index: int, folder: Path) -> list[Outcome]:
    rng, home = random.Random(index), sandbox.home_in(folder)
    name = list(ODD_FILES)[index % len(ODD_FILES)]
    ODD_FILES[name](home / "x.jsonl.gz")
    outcomes = []
    for reader in rng.sample(READERS, 2):
        arguments = [*reader, "x.jsonl.gz"]
        ended = sandbox.run(arguments, home)
        note = sandbox.complaint(arguments, ended, folder)
        if not note and ended.code == 0:
            note = f"{reader[0]} reads it"
        outcomes.append(
            Outcome("odd file under the name of a store", bool(note), f"{name}: {note}")
        )
    # The same under the name of a record.
    (home / "runs").mkdir()
    (home / "runs" / "0123456789abcdef.json").symlink_to("../x.jsonl.gz")
    if name in ("pipe", "folder", "device", "loop", "dangling link"):
        arguments = ["score", "--store", "."]
        ended = sandbox.run(arguments, home)
        note = sandbox.complaint(arguments, ended, folder)
        note = note or ("it is taken for a run" if ended.code == 0 else "")
        outcomes.append(
            Outcome("odd file under the name of a record", bool(note), f"{name}: {note}")
        )
    return outcomes


SUITES = (
    b"x = " + DEEP, b"x = " + b"{a=" * 30_000, b"\xff\xfe", b"", b"a" * 10**6, SUITE[:60].encode(),
    SUITE.replace("replicates = 1", "replicates = 1000000000").encode(),
    SUITE.replace("replicates = 1", "replicates = " + "9" * 5000).encode(),
    SUITE.replace("replicates = 1", "replicates = -1").encode(),
    SUITE.replace("replicates = 1", "replicates = 1\nreplicates = 2").encode(),
    SUITE.replace("poly/x2", "../../../etc/passwd").encode(),
    SUITE.replace("poly/x2", "dln/100000-100000/r1").encode(),
    SUITE.replace("num_draws = 20", "num_draws = 1000000000000000").encode(),
    SUITE.replace("num_chains = 2", "num_chains = 1000000000000").encode(),
    SUITE.replace("num_draws = 20", "num_draws = nan").encode(),
    SUITE.replace('samplers = ["sgld"]',
    'samplers = ["sgld"]\ngrads = 1000000000000000000').encode(),
    SUITE.replace("sgld", "sgld[step_size=1e308]").encode(),
    SUITE.replace("[[group]]", "[group]").encode(),
)  # fmt: skip


def damaged_suite(index: int, folder: Path) -> list[Outcome]:
    home = sandbox.home_in(folder)
    (home / "s.toml").write_bytes(SUITES[index % len(SUITES)])
    outcomes = []
    for arguments in (["plan", "s.toml"], ["run", "s.toml", "--store", "store"],
                      ["heuristics", "run", "s.toml"]):  # fmt: skip
        ended = sandbox.run(arguments, home)
        note = sandbox.complaint(arguments, ended, folder)
        if not note and index % len(SUITES) != 16 and ended.code == 0:
            note = f"{arguments[0]} takes it"
        outcomes.append(
            Outcome("damaged suite", bool(note), f"suite {index % len(SUITES)}: {note}")
        )
    return outcomes


def damaged_certificate(index: int, folder: Path) -> list[Outcome]:
    """No change of a certificate crashes the checker; one that keeps the meaning may pass."""
    rng, home = random.Random(index), sandbox.home_in(folder)
    expression = ["x^2*y^4", "(y^2-x^3)^2", "x^4+y^4*x^2", "x^2*y^2+z^2"][index % 4]
    kind = ["rlct", "strata"][index // 4 % 2]
    made = sandbox.run(["theory", kind, expression, "--json", "--timeout", "5"], home)
    plain = json.loads(made.out)
    choices: list[bytes] = [
        b"[" * 100_000, b"[]", b"3", b'{"strata": 3}', b'{"strata": [{}]}',
        b'{"rule": 1, "data": 2}', made.out.replace('"1/', '"1e999999999/').encode(),
        made.out.replace("1", "9" * 5000).encode(),
        made.out.replace('"lower": "', '"lower": "1e999999999", "x": "').encode(),
        *(mutated(plain, rng) for _ in range(3)), *(shuffled(plain, rng) for _ in range(4)),
    ]  # fmt: skip
    outcomes = []
    for number, content in enumerate(rng.sample(choices, 4)):
        (home / f"{number}.json").write_bytes(content)
        arguments = ["theory", "verify", f"{number}.json"]
        note = sandbox.complaint(arguments, sandbox.run(arguments, home), folder)
        outcomes.append(Outcome("damaged certificate", bool(note), note))
    return outcomes


class _Code:
    def __reduce__(self) -> Any:
        return os.system, ("touch ../../escaped",)


def damaged_checkpoint(index: int, folder: Path) -> list[Outcome]:
    """A run goes on as if a damaged checkpoint were not there, and runs nothing that is in it."""
    rng, home = random.Random(index), sandbox.home_in(folder)
    (home / "s.toml").write_text(SUITE)
    run = ["run", "s.toml", "--no-progress", "--checkpoint-every", "1s", "--store"]
    sandbox.run([*run, "one"], home)
    (path,) = (home / "one" / "runs").glob("*.json")
    torn = io.BytesIO()
    with zipfile.ZipFile(torn, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(_Code()))
        archive.writestr("archive/version", "3\n")
    contents = [
        b"",
        rng.randbytes(3000),
        pickle.dumps(_Code()),
        torn.getvalue(),
        torn.getvalue()[:90],
    ]
    kept = home / "two" / "checkpoints" / f"{path.stem}.pt"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(contents[index % len(contents)])
    arguments = [*run, "two"]
    ended = sandbox.run(arguments, home)
    note = sandbox.complaint(arguments, ended, folder)
    other = home / "two" / "runs" / path.name
    if not note and not other.exists():
        note = "the run is not made"
    elif not note:
        values = [json.loads(each.read_bytes())["estimate"]["llc"] for each in (path, other)]
        note = "" if values[0] == values[1] else f"other values: {values}"
    return [Outcome("damaged checkpoint", bool(note), f"kind {index % len(contents)}: {note}")]


FILES = (damaged_record, damaged_record, odd_file, damaged_suite, damaged_certificate,
         damaged_checkpoint)  # fmt: skip


def damaged_input(index: int, folder: Path) -> list[Outcome]:
    return FILES[index % len(FILES)](index // len(FILES) * 2 + index % 2, folder)


EXPERIMENTS = [Experiment("damaged-inputs", "attack", 90, damaged_input, quick=1)]
