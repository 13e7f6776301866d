"""Runs on an older version of a problem are named wherever runs are shown."""

import msgspec
import pytest
from command import here

from llcbench.compare import leaderboard
from llcbench.compare.outdated import is_outdated, outdated_note
from llcbench.report.classes import class_table
from llcbench.report.pages import CLASSES, classes_blocks
from llcbench.report.score_table import flags_of, score_table
from llcbench.report.site.build import write_site
from llcbench.report.site.sources import read_sources
from llcbench.report.tables import RENDERERS
from llcbench.run import exports
from llcbench.run.store import key_of
from llcbench.scoring import scores

OLD, NEW, OTHER = "dln/1k/s3", "dln/10k/s4/n1000", "poly/x2"


@pytest.fixture
def records(make_run):
    """Return runs of the first version, of the second one, and of a problem with one version."""

    def at(record, version):
        spec = msgspec.structs.replace(record.spec, problem_version=version)
        return msgspec.structs.replace(record, key=key_of(spec), spec=spec)

    return [
        at(make_run(OLD), 1),
        at(make_run(OLD, error=0.5), 2),
        at(make_run(NEW), 2),
        make_run(OTHER),
    ]


NOTE = (
    "1 of 4 runs are outdated: the density of dln/1k/s3 has changed since (version 1, now 2),"
    " see results/CORRECTIONS.md"
)


def test_only_an_older_version_is_outdated() -> None:
    assert [is_outdated(OLD, version) for version in (1, 2, 3)] == [True, False, False]
    assert not is_outdated(OTHER, 1)


def test_the_note_counts_runs_and_problems(records) -> None:
    assert outdated_note(records) == NOTE
    assert outdated_note(records[1:]) is None
    spec = msgspec.structs.replace(records[2].spec, problem_version=1)
    two = outdated_note([*records, msgspec.structs.replace(records[2], spec=spec)])
    assert two is not None
    assert two.startswith("2 of 5 runs are outdated: the density of dln/10k/s4/n1000 and 1 other ")


def test_scores_of_two_versions_stay_apart_and_one_is_flagged(records) -> None:
    scored = [score for score in scores(records) if score.problem == OLD]
    assert [score.version for score in scored] == [1, 2]
    assert scored[0].mean != scored[1].mean
    assert [flags_of(score).startswith("outdated") for score in scored] == [True, False]
    for render in RENDERERS.values():
        assert render(score_table(scores(records))).count("outdated") == 1


def test_a_flag_keeps_the_others(make_run) -> None:
    (score,) = scores([make_run(OLD)])
    failed = msgspec.structs.replace(score, statuses={"diverged": 1}, failed_guards={"rhat": 1})
    flags = flags_of(msgspec.structs.replace(failed, replicates=2))
    assert flags == "outdated, diverged 1/2, rhat 1/2"


def test_classes_show_versions_in_rows_of_their_own(records) -> None:
    names = [row.cells[0].text for row in class_table(records).rows]
    assert names == ["1k", "1k (outdated)", "10k"]
    page = classes_blocks(records)[CLASSES]
    assert page.count("(outdated)") == 1
    assert page.rstrip().endswith(f"{NOTE}.")
    assert "outdated" not in classes_blocks(records[1:])[CLASSES]


def test_the_leaderboard_says_so(records) -> None:
    assert NOTE in leaderboard(records, draws=50).notes
    assert leaderboard(records[1:], draws=50).notes == ()


def test_commands_and_the_site_say_so(records, tmp_path) -> None:
    path = tmp_path / "old.jsonl"
    exports.write({record.key: record for record in records}, path)
    for command in (["score"], ["leaderboard", "--draws", "100"], ["scaling", "--classes"]):
        done = here(*command, "--store", str(path))
        assert f"llcbench: {NOTE}" in done.stderr, done.stderr
    first = write_site(read_sources([path]), tmp_path / "site")
    assert NOTE in first.read_text()
    exports.write({record.key: record for record in records[1:]}, path)
    assert here("score", "--store", str(path)).stderr == ""
