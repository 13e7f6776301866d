import csv
import io
import subprocess
import sys

import pytest

from llcbench.report.labels import name_of, short_labels
from llcbench.report.score_table import estimated, known, sampler_table, score_table
from llcbench.report.tables import (
    Cell,
    Column,
    Row,
    Table,
    to_csv,
    to_latex,
    to_markdown,
    to_text,
    without_constants,
)
from llcbench.scoring import Score, Uncertain

AWKWARD = r"a_b & 50% of {x} #1 $ ^ ~ \ | <i>"


def table_of(text: str, number: str = "1.5") -> Table:
    columns = (Column("name", "a name", ("name",), numeric=False), Column("n", "n", ("n",)))
    cells = [(text, number), ("b", "-12.25")]
    rows = tuple(Row((Cell(t, (t,)), Cell(n, (float(n),)))) for t, n in cells)
    return Table("A title", columns, rows)


def test_numbers_are_right_aligned_and_texts_left() -> None:
    lines = to_text(table_of("long name")).splitlines()
    assert lines[2:] == [
        "name            n",
        "---------  ------",
        "long name     1.5",
        "b          -12.25",
    ]


def test_every_group_has_its_row(scored: list[Score]) -> None:
    table = score_table(scored)
    assert len(table.rows) == len(scored) == 10
    lines = to_text(table).splitlines()
    failed = next(line for line in lines if line.startswith("poly/x2y2 ") and "exact" in line)
    assert failed.split()[-2:] == ["0/1", "timeout"]
    skipped = next(line for line in lines if line.startswith("rrr") and "exact" in line)
    assert skipped.split()[-2:] == ["0/1", "skipped"]
    assert {row.mark for row in table.rows} == {"", "flagged", "skipped", "failed"}


def test_the_three_truths_stand_beside_the_estimate(scored: list[Score]) -> None:
    row = next(r for r in score_table(scored).rows if r.cells[0].text == "poly/x2y2" and not r.mark)
    texts = [cell.text for cell in row.cells]
    assert texts[4:7] == ["1/2 (m 2)", "1/2", "0.4123"]
    score = next(s for s in scored if s.problem == "poly/x2y2" and s.sampler.startswith("mala"))
    assert score.mean is not None
    assert texts[7] == estimated(score.mean) == "0.4100(58)"


def test_a_terminal_is_not_overrun_and_says_what_is_left_out(scored: list[Score]) -> None:
    text = to_text(score_table(scored), 110)
    assert max(len(line) for line in text.splitlines()[:-2]) <= 110
    assert "Omitted (terminal too narrow): " in text
    assert "gamma 1" in text
    assert "lambda_hat" in text.splitlines()[2]


def test_constant_columns_become_a_sentence(scored: list[Score]) -> None:
    table, sentence = without_constants(score_table(scored))
    assert sentence == "In all rows: nbeta 10000, gamma 1, seconds 1.5."
    assert {"nbeta", "gamma"}.isdisjoint(column.name for column in table.columns)


def test_csv_has_full_precision_and_errors_of_their_own(scored: list[Score]) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(score_table(scored)))))
    assert len(rows) == len(scored)
    for row, score in zip(rows, scored, strict=True):
        assert row["problem"] == score.problem
        assert row["sampler"] == score.sampler
        if score.mean is None:
            assert row["lambda_hat"] == ""
        else:
            assert float(row["lambda_hat"]) == score.mean.value
            assert float(row["lambda_hat_se"]) == score.mean.stderr


def test_latex_is_escaped() -> None:
    text = to_latex(table_of(AWKWARD))
    assert (
        r"a\_b \& 50\% of \{x\} \#1 \$ \textasciicircum{} \textasciitilde{} \textbackslash{}"
        r" \textbar{} \textless{}i\textgreater{} & 1.5 \\"
    ) in text
    assert "$-$12.25" in text
    assert r"\toprule" in text


def test_markdown_keeps_its_columns() -> None:
    lines = to_markdown(table_of(AWKWARD)).splitlines()
    assert lines[1] == "| --- | ---: |"
    assert all(line.replace("\\|", "").count("|") == 3 for line in lines)
    assert "<i>" not in lines[2]


def test_labels_keep_what_tells_them_apart() -> None:
    labels = ["mala[adapt=500,step_size=0.001]", "sgld[noise=1,step_size=1e-05]"]
    labels += ["sgld[noise=2,step_size=1e-05]", "exact"]
    assert sorted(short_labels(labels).values()) == [
        "exact",
        "mala[step_size=0.001]",
        "sgld[noise=1,step_size=1e-05]",
        "sgld[noise=2,step_size=1e-05]",
    ]


def test_an_estimator_that_chooses_its_sampler_has_its_own_name() -> None:
    tuned = "ghmc[adapt=300,estimator=self_tuned,step_size=1e-05]"
    goal = "ghmc[adapt=300,estimator=self_tuned,self_tuned.target_stderr=0.1,step_size=1e-05]"
    assert short_labels([tuned, "ghmc[adapt=300,step_size=1e-05]"]) == {
        tuned: "self_tuned", "ghmc[adapt=300,step_size=1e-05]": "ghmc[step_size=1e-05]",
    }  # fmt: skip
    assert short_labels([tuned, goal])[goal] == "self_tuned[self_tuned.target_stderr=0.1]"
    # Two that differ in the sampler they ignore keep the whole label: no two rows look the same.
    other = tuned.replace("300", "200")
    assert short_labels([tuned, other]) == {tuned: tuned, other: other}
    names = [tuned, "self_tuned", "ghmc@default:self_tuned", "ghmc:self_tuned[max_grads=50]"]
    assert [name_of(each) for each in names] == ["self_tuned"] * 4
    controls = ["ghmc@default:mean_energy", "ghmc[estimator=corrected,step_size=1e-05]"]
    assert [name_of(each) for each in controls] == ["ghmc"] * 2


@pytest.mark.parametrize(
    ("value", "stderr", "text"),
    [
        (0.412345, 1e-9, "0.4123"),
        (0.412345, 1e-3, "0.4123(10)"),
        (57.2345, 0.0, "57.23"),
        (1234567.0, 0.0, "1234567"),
    ],
)
def test_truths_are_plain_if_they_are_exact(value: float, stderr: float, text: str) -> None:
    assert known(Uncertain(value, stderr)) == text


def test_a_vanishing_gap_has_no_sign() -> None:
    assert known(Uncertain(-1e-9, 0.0), "+") == "0.0000"
    assert known(None) == "-"


def test_the_summary_counts_all_runs(scored: list[Score]) -> None:
    table = sampler_table(scored)
    assert sum(int(row.cells[-1].text) for row in table.rows) == sum(s.replicates for s in scored)
    exact = next(row for row in table.rows if row.cells[0].text == "exact")
    names = [column.name for column in table.columns]
    assert exact.cells[names.index("failed")].text == "1"
    assert exact.cells[names.index("skipped")].text == "1"


def test_rows_must_fit_their_columns() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Table("t", (Column("a", "a", ("a",)),), (Row(()),))


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(ValueError, match="no column 'x'; the table has name, n"):
        table_of("a").select(("x",))


def test_an_empty_table_is_a_heading() -> None:
    assert "lambda_hat" in to_text(score_table([]), 120)


def test_tables_do_not_wait_for_torch() -> None:
    code = "import llcbench.report.tables, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
