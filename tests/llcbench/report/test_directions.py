"""Published directions as a page shows them, from the committed trials."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from command import here
from scipy import stats

from llcbench.heuristics.store import TrialResults, contents_of, joined, write
from llcbench.report.directions import direction_table
from llcbench.report.pages import END, HEURISTICS, heuristics_blocks

COMMITTED = "results/reference/v1/heuristics-gc.jsonl.gz"
PLACE = str(Path(__file__).parents[3] / COMMITTED)


@pytest.fixture(scope="module")
def contents() -> TrialResults:
    return contents_of(PLACE)


def halves(contents: TrialResults) -> list[TrialResults]:
    """Return the same trials in two parts that share some."""
    keys = sorted(contents.records)
    parts = keys[: len(keys) // 2 + 2], keys[len(keys) // 2 :]
    return [
        TrialResults(contents.designs, {k: contents.records[k] for k in part}, {}) for part in parts
    ]


def test_a_row_is_the_slope_over_doublings(contents: TrialResults) -> None:
    (row,) = [
        row
        for row in direction_table([contents]).rows
        if row.cells[1].text == "learning rate" and row.cells[2].text == "llc"
    ]
    values: dict[int, dict[float, float]] = {}
    flagged = 0
    for record in contents.records.values():
        trial, end = record.trial, record.measured[-1].llc
        arms = contents.designs["gc"].experiments[0].arms
        if trial.at_seed(0).key in {arm.trial.key for arm in arms} and end and end.value:
            values.setdefault(trial.seed, {})[trial.training.lr] = end.value
            flagged += bool(end.warnings)
    slopes = [np.polyfit(np.log2(list(v)), list(v.values()), 1)[0] for v in values.values()]
    effect, low, high, unit = row.cells[5].values
    ends = stats.t.interval(0.9, len(slopes) - 1, np.mean(slopes), stats.sem(slopes))
    assert effect == pytest.approx(np.mean(slopes))
    assert (low, high) == pytest.approx(ends)
    assert unit == "per doubling"
    assert [cell.text for cell in row.cells[3:5]] == ["down (Lau et al. 2025)", "seen"]
    assert row.cells[6].values == (len(slopes),)
    assert row.cells[7].values == (0.05,)
    assert row.cells[8].values == (flagged, 3 * len(slopes))


def test_stores_are_joined_in_any_order(contents: TrialResults) -> None:
    parts = halves(contents)
    whole = heuristics_blocks([contents])
    assert heuristics_blocks(parts) == heuristics_blocks(reversed(parts)) == whole
    assert heuristics_blocks(parts[:1]) != whole


def test_a_suite_with_two_meanings_is_refused(contents: TrialResults) -> None:
    other = msgspec.structs.replace(contents.designs["gc"], version=99)
    with pytest.raises(ValueError, match="'gc' is there twice"):
        joined([contents, TrialResults({"gc": other}, {}, {})])


def test_the_command_renews_a_page(contents: TrialResults, tmp_path: Path) -> None:
    stores = []
    for number, part in enumerate(halves(contents)):
        stores += ["--store", str(tmp_path / f"{number}.jsonl")]
        write(part, Path(stores[-1]))
    readme = tmp_path / "README.md"
    page = HEURISTICS.path(readme)
    page.parent.mkdir()
    page.write_text(f"before\n{HEURISTICS.begin}\nold\n{END}\nafter\n", encoding="utf-8")
    done = here("heuristics", "effects", *stores, "--claims", "--csv", "--readme", str(readme))
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout == here("heuristics", "effects", "--store", PLACE, "--claims", "--csv").stdout
    )
    text = page.read_text(encoding="utf-8")
    assert HEURISTICS.shown(text) == heuristics_blocks([contents])[HEURISTICS].strip()
    assert text.startswith("before\n")
    assert text.endswith(f"{END}\nafter\n")


def test_a_missing_page_is_refused_in_a_line(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("nothing\n", encoding="utf-8")
    done = here("heuristics", "effects", "--store", PLACE, "--readme", str(readme))
    assert done.returncode == 2
    assert "make heuristics" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
