"""Names that want to be paths, code or markup, through every writer."""

import csv
from pathlib import Path

import msgspec
import sandbox
from experiment import Experiment, Outcome
from good_inputs import changed, plain_record

from llcbench.records import RunRecord
from llcbench.run.exports import write
from llcbench.run.store import RunStore

NAMES = (
    "../../victim/index", "/tmp/victim/index", "index", "..", ".", "../../canary", "con", "a" * 300,
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "=HYPERLINK(\"http://x\")",
    "+1+1", "@SUM(1)",
    "-2+3", "{{7*7}}", "${x}$ \\frac{", "a|b\\|c", "[x](javascript:alert(1))", "Mala", "mala ",
    "m\u00e4la",
    "\\input{/etc/passwd}", "%(x)s", "$(touch x)",
)  # fmt: skip
FIELDS = ("spec__sampler", "spec__problem", "spec__estimator", "environment", "estimate__message")
BARE = ("<script>", "<img", "](javascript:")


def injected(index: int, folder: Path) -> list[Outcome]:
    """A name in every field of a record, as the name of a file, and through every writer."""
    home, name = sandbox.home_in(folder), NAMES[index % len(NAMES)]
    (home / "named").mkdir()
    records = {}
    for number, field in enumerate(FIELDS):
        plain = plain_record(number % 2)
        plain["estimate"]["dim"] = 10 * number + 2
        if field == "estimate__message":
            plain["estimate"] |= {"status": "error", "llc": None}
        record = msgspec.convert(changed(plain, **{field: name}), RunRecord)
        records[record.key] = record
    # Two of a kind: the comparison and the plots have something to show.
    for number in (0, 1):
        for field in ("spec__sampler", "spec__variant"):
            value = name if field == "spec__sampler" else "default"
            record = msgspec.convert(changed(plain_record(number), **{field: value}), RunRecord)
            records[record.key] = record
    file = home / "named" / f"{name.replace('/', '_')[:200]}.jsonl"
    write(records, file)
    store = RunStore(home / "store")
    for record in records.values():
        store.save(record)
    store.runs.save(name, next(iter(records.values())))
    store.truths.save(name, next(r.truths for r in records.values() if r.truths))
    store.checkpoint(name).parent.mkdir(exist_ok=True)
    store.checkpoint(name).write_bytes(b"")
    store.forget(name)
    given = str(file.relative_to(home))
    notes = []
    for arguments in (
        ["report", "--store", given, "--store", "store", "--out", "site"],
        ["leaderboard", "--store", given, "--plots", "plots", "--latex", "--draws", "100"],
        ["scaling", "--store", given, "--out", "scaling"],
        ["export", "--store", given, "--out", "out.jsonl"],
        ["score", "--store", given, "--markdown"],
        ["score", "--store", given, "--csv"],
    ):
        ended = sandbox.run(arguments, home)
        notes.append(sandbox.complaint(arguments, ended, folder) or _shown(arguments, ended))
        if not notes[-1] and ended.code:
            notes[-1] = f"{arguments[0]}: {ended.err[:200]}"
    notes += [_markup(path) for path in (home / "site").rglob("*.html")]
    notes += [_formula(path) for path in home.rglob("*.csv")]
    note = next((note for note in notes if note), "")
    return [Outcome("hostile name through every writer", bool(note), f"{name!r}: {note}")]


def _shown(arguments: list[str], ended: sandbox.Ended) -> str:
    """Return what Markdown shows that a page would run; plain text runs nothing."""
    bad = [text for text in BARE if text in ended.out and "--markdown" in arguments]
    return f"{arguments[0]} shows {bad[0]!r}" if bad else ""


def _markup(path: Path) -> str:
    text = path.read_text()
    bad = [
        word for word in ("<script>alert", "<img src=x", 'href="javascript', "49</") if word in text
    ]
    return f"{path.name} holds {bad[0]!r}" if bad else ""


def _formula(path: Path) -> str:
    with path.open(newline="") as handle:
        for row in csv.reader(handle):
            for cell in row:
                if cell[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(cell):
                    return f"{path.name} holds the formula {cell[:40]!r}"
    return ""


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


EXPERIMENTS = [Experiment("injections", "attack", 24, injected)]
