"""What the README shows runs, and its numbers are those of the committed results."""

import gzip
import re
import subprocess
import sys
from pathlib import Path

import pytest

from llcbench.report.readme import (
    BEGIN,
    BEGIN_AGREEMENT,
    BEGIN_CLASSES,
    BEGIN_LEADERBOARD,
    BEGIN_PEERS,
    BEGIN_SPEED,
    generated,
    generated_agreement,
    generated_classes,
    generated_leaderboard,
    generated_peers,
    generated_speed,
    shown,
)
from llcbench.run.reference import read, write

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
SMOKE = ROOT / "results" / "reference" / "v1" / "smoke.jsonl"
ACCURACY = SMOKE.with_name("accuracy.jsonl.gz")
EXACT = SMOKE.with_name("exact.jsonl.gz")
SENSITIVITY = SMOKE.with_name("sensitivity.jsonl.gz")
PEERS = SMOKE.with_name("peers.jsonl.gz")
SCALE = SMOKE.with_name("dln-scale.jsonl.gz")


@pytest.mark.parametrize("block", [b for b in BLOCKS if "def test_" not in b])
def test_python_block_runs(block: str, tmp_path: Path) -> None:
    script = tmp_path / "block.py"
    script.write_text(block, encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_pytest_block_passes(tmp_path: Path) -> None:
    (block,) = [b for b in BLOCKS if "def test_" in b]
    script = tmp_path / "test_block.py"
    script.write_text(block, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_every_command_named_exists() -> None:
    from llcbench.cli import cli

    shell = "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, flags=re.DOTALL))
    named = {
        *re.findall(r"`llcbench ([a-z]+)", TEXT),
        *re.findall(r"^llcbench ([a-z]+)", shell, flags=re.MULTILINE),
    }
    assert named
    assert named <= set(cli.commands)


def test_the_table_is_that_of_the_committed_runs() -> None:
    assert shown(TEXT, BEGIN) == generated(read(SMOKE).values()).strip()


def test_the_leaderboard_is_that_of_the_committed_runs() -> None:
    ladder = read(SENSITIVITY).values()
    wanted = generated_leaderboard(read(ACCURACY).values(), ladder).strip()
    assert shown(TEXT, BEGIN_LEADERBOARD) == wanted


def test_the_agreement_is_that_of_the_committed_runs() -> None:
    assert shown(TEXT, BEGIN_AGREEMENT) == generated_agreement(read(EXACT).values()).strip()


def test_the_peers_are_those_of_the_committed_runs() -> None:
    wanted = generated_peers(read(ACCURACY).values(), read(PEERS).values()).strip()
    assert shown(TEXT, BEGIN_PEERS) == wanted
    assert shown(TEXT, BEGIN_SPEED) == generated_speed(SMOKE.with_name("peers_speed.csv")).strip()


def test_the_classes_are_those_of_the_committed_runs() -> None:
    assert shown(TEXT, BEGIN_CLASSES) == generated_classes(read(SCALE).values()).strip()


def plain(path: Path) -> bytes:
    """Return the lines; how they are packed depends on the library that does it."""
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


COMMITTED = (SMOKE, ACCURACY, EXACT, SENSITIVITY, PEERS, SCALE)


@pytest.mark.parametrize("committed", COMMITTED, ids=lambda path: path.name)
def test_committed_runs_are_whole_and_stable(committed: Path, tmp_path: Path) -> None:
    records = read(committed)
    again = tmp_path / committed.name
    write(records, again)
    # Thousands of lines: a difference is not worth an explanation that takes minutes.
    same = plain(again) == plain(committed)
    assert same
    environments = {path.stem for path in (ROOT / "results" / "environments").glob("*.json")}
    assert {record.environment for record in records.values()} <= environments
