"""The numbers of the README and of the pages beside it are those of the committed results."""

import gzip
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from llcbench.heuristics.store import contents_of
from llcbench.records import RunRecord
from llcbench.report import pages
from llcbench.report.pages import BLOCKS, PageBlock
from llcbench.run import exports as reference

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "results").glob("*.md"))]
# Pages that a script writes whole.
WHOLE = ("guards.md", "corrected.md", "self_tuning.md")
# Bytes.
LONGEST = 16_000
SMOKE = ROOT / "results" / "reference" / "v1" / "smoke.jsonl"
ACCURACY = SMOKE.with_name("accuracy.jsonl.gz")
EXACT = SMOKE.with_name("exact.jsonl.gz")
SENSITIVITY = SMOKE.with_name("sensitivity.jsonl.gz")
PEERS = SMOKE.with_name("peers.jsonl.gz")
SCALE = SMOKE.with_name("dln-scale.jsonl.gz")


@cache
def read(path: Path) -> Mapping[str, RunRecord]:
    return reference.read(path)


@cache
def generated() -> Mapping[PageBlock, str]:
    """Return what all blocks should hold by the committed results."""
    ladder = read(SENSITIVITY).values()
    trials = map(contents_of, sorted(map(str, SMOKE.parent.glob("heuristics-*.jsonl.gz"))))
    return {
        **pages.smoke_blocks(read(SMOKE).values()),
        **pages.leaderboard_blocks(read(ACCURACY).values(), ladder),
        **pages.agreement_blocks(read(EXACT).values()),
        **pages.peers_blocks(read(ACCURACY).values(), read(PEERS).values()),
        **pages.speed_blocks(SMOKE.with_name("peers_speed.csv")),
        **pages.classes_blocks(read(SCALE).values()),
        **pages.heuristics_blocks(trials),
        **pages.figures_blocks(ROOT / "results" / "figures" / "v1", README),
    }


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_a_block_is_that_of_the_committed_results(block: PageBlock) -> None:
    text = block.path(README).read_text(encoding="utf-8")
    assert block.shown(text) == generated()[block].strip()


def test_every_generated_part_of_a_page_is_a_block_that_is_checked() -> None:
    held = [line for page in PAGES for line in page.read_text(encoding="utf-8").splitlines()
            if line.startswith("<!-- generated") and page.name not in WHOLE]  # fmt: skip
    assert sorted(held) == sorted(block.begin for block in BLOCKS)
    ours = [page for page in PAGES if page.name not in WHOLE]
    ends = sum(page.read_text(encoding="utf-8").count(pages.END) for page in ours)
    assert ends == len(BLOCKS)


def test_the_readme_shows_a_part_of_its_pages() -> None:
    truths = generated()[pages.TRUTHS].strip().splitlines()
    best = [line for line in generated()[pages.BEST].splitlines() if line.startswith("|")]
    assert (len(truths), len(best)) == (2 + 9, 2 + 8)
    whole = generated()[pages.LEADERBOARD].splitlines()
    entries = [line.split("|")[2] for line in whole if line.startswith("|")]
    assert [line.split("|")[2] for line in best] == entries[: len(best)]


def test_the_readme_is_short_and_leads_to_every_page() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(text.encode()) <= LONGEST
    links = set(re.findall(r"\]\(([^)#]+)", text))
    wanted = [*PAGES[1:], *sorted((ROOT / "docs").glob("*.md"))]
    assert {str(page.relative_to(ROOT)) for page in wanted} <= links


def plain(path: Path) -> bytes:
    """Return the lines; how they are packed depends on the library that does it."""
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


COMMITTED = (SMOKE, ACCURACY, EXACT, SENSITIVITY, PEERS, SCALE)


@pytest.mark.parametrize("committed", COMMITTED, ids=lambda path: path.name)
def test_committed_runs_are_whole_and_stable(committed: Path, tmp_path: Path) -> None:
    records = read(committed)
    again = tmp_path / committed.name
    reference.write(records, again)
    # Thousands of lines: a difference is not worth an explanation that takes minutes.
    same = plain(again) == plain(committed)
    assert same
    environments = {path.stem for path in (ROOT / "results" / "environments").glob("*.json")}
    assert {record.environment for record in records.values()} <= environments
