"""Hostile commands: one line or the right result, whatever is asked."""

import gzip
import os
import random
from pathlib import Path

import msgspec
import sandbox
from damages import DEEP
from experiment import Experiment, Outcome
from good_inputs import SMOKE, SUITE, plain_record
from hostile_words import COMMANDS, written

from llcbench.records import RunRecord
from llcbench.run.exports import write
from llcbench.run.store import RunStore


def hostile_command(index: int, folder: Path) -> list[Outcome]:
    rng, home = random.Random(index), sandbox.home_in(folder)
    (home / "s.toml").write_text(SUITE)
    (home / "deep.toml").write_bytes(b"x = " + DEEP)
    (home / "deep.json").write_bytes(DEEP)
    for name in ("pipe", "pipe.jsonl", "pipe.toml"):
        os.mkfifo(home / name)
    (home / "folder.jsonl").mkdir()
    records = [msgspec.convert(plain_record(k), RunRecord) for k in range(6)]
    write({record.key: record for record in records}, home / "good.jsonl")
    (home / "torn.jsonl.gz").write_bytes(gzip.compress(SMOKE.read_bytes())[:4000])
    store = RunStore(home / "store")
    for record in records:
        store.save(record)
    arguments = written(rng, COMMANDS[index % len(COMMANDS)])
    note = sandbox.complaint(arguments, sandbox.run(arguments, home), folder)
    return [Outcome("hostile command", bool(note), note)]


EXPERIMENTS = [Experiment("hostile-commands", "attack", 324, hostile_command, quick=3)]
