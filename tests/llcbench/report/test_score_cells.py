"""A score with a distinct value in every field: every cell of every rendering shows its own."""

import re
from pathlib import Path

import msgspec
import pytest
from table_cells import texts, values

from llcbench.report.score_table import (
    estimated,
    failed_runs,
    flags_of,
    known,
    mark_of,
    sampler_table,
    score_table,
    short,
)
from llcbench.report.tables import (
    Cell,
    Column,
    Row,
    Table,
    to_latex,
    to_markdown,
    to_text,
    without_constants,
)
from llcbench.scoring import Proportion, Score, Uncertain
from llcbench.settings import Settings

SETTINGS = Settings(
    nbeta=61.5, gamma=7.25, num_chains=5, num_draws=60, num_burnin=70, batch_size=9, dtype="float32"
)
SCORE = Score(
    problem="poly/x2y2",
    sampler="sgld[step_size=0.5]",
    variant="tuned",
    estimator="mean_energy",
    settings=SETTINGS,
    nbeta=63.25,
    replicates=12,
    local="5/4",
    local_multiplicity=2,
    global_="3/4",
    tempered=Uncertain(1.5, 0.0011),
    tempered_method="quadrature",
    tempered_certified=True,
    mean=Uncertain(2.125, 0.031),
    sd=0.275,
    bias=Uncertain(-0.625, 0.042),
    gap=Uncertain(0.25, 0.0013),
    bias_local=Uncertain(0.875, 0.053),
    rmse=0.715,
    relative_error=-0.345,
    relative_error_local=0.445,
    coverage90=Proportion(6, 11),
    virial=Uncertain(0.068, 0.0075),
    discretisation=Uncertain(0.054, 0.0037),
    ess_per_grad=0.095,
    seconds=16.5,
    peak_bytes=1234567,
    failures=Proportion(4, 12),
    flagged=3,
    statuses={"ok": 8, "timeout": 3, "skipped": 1},
    failed_guards={"rhat": 2},
)
# What stands in every column: the text, and the values of the CSV.
CELLS = {
    "problem": ("poly/x2y2", {"problem": "poly/x2y2"}),
    "sampler": ("sgld[step_size=0.5]", {"sampler": "sgld[step_size=0.5]"}),
    "settings": (
        "batch_size=9",
        {
            "settings": "batch_size=9", "num_chains": "5", "num_draws": "60", "num_burnin": "70",
            "batch_size": "9", "start": "w_star", "gradient": "plain", "dtype": "float32",
            "matmul": "full", "device": "cpu",
        },
    ),
    "nbeta": ("63.25", {"nbeta": "63.25"}),
    "gamma": ("7.25", {"gamma": "7.25"}),
    "local": (
        "5/4 (m 2)", {"rlct_local": "1.25", "rlct_local_exact": "5/4", "multiplicity": "2"},
    ),
    "global": ("3/4", {"rlct_global": "0.75", "rlct_global_exact": "3/4"}),
    "tempered": (
        "1.5000(11)",
        {"tempered": "1.5", "tempered_se": "0.0011", "tempered_method": "quadrature"},
    ),
    "lambda_hat": ("2.125(31)", {"lambda_hat": "2.125", "lambda_hat_se": "0.031"}),
    "gap": ("+0.2500(13)", {"gap": "0.25", "gap_se": "0.0013"}),
    "bias": ("-0.625(42)", {"bias": "-0.625", "bias_se": "0.042"}),
    "z": ("-14.9", {"bias_z": repr(-0.625 / 0.042)}),
    "sd": ("0.28", {"sd": "0.275"}),
    "cov90": (
        "6/11", {"coverage90": repr(6 / 11), "coverage90_hits": "6", "coverage90_runs": "11"},
    ),
    "virial": ("+0.0680(75)", {"virial": "0.068", "virial_se": "0.0075"}),
    "D": ("0.0540(37)", {"discretisation": "0.054", "discretisation_se": "0.0037"}),
    "ess/grad": ("0.095", {"ess_per_grad": "0.095"}),
    "seconds": ("16", {"seconds": "16.5", "peak_bytes": "1234567"}),
    "runs": ("8/12", {"runs_ok": "8", "runs": "12"}),
    "flags": (
        "timeout 3/12, skipped 1/12, rhat 2/12", {"flags": "timeout 3/12, skipped 1/12, rhat 2/12"},
    ),
}  # fmt: skip
TEXTS = {name: text for name, (text, _) in CELLS.items()}


def changed(**fields) -> Score:
    return msgspec.structs.replace(SCORE, **fields)


def test_no_two_fields_have_one_value() -> None:
    """The control of this file: a cell that shows another field would be seen."""
    shown = list(TEXTS.values())
    assert len(set(shown)) == len(shown)
    numbers = [v for _, fields in CELLS.values() for k, v in fields.items()]
    numeric = [v for v in numbers if re.fullmatch(r"-?[\d.]+", v)]
    assert len(numeric) == len(set(numeric))


def test_every_cell_shows_its_own_field() -> None:
    assert texts(score_table([SCORE])) == TEXTS


def test_every_value_of_the_csv_is_its_own_field() -> None:
    assert values(score_table([SCORE])) == {
        k: v for _, fields in CELLS.values() for k, v in fields.items()
    }


def test_headings_of_the_csv_stand_over_their_values() -> None:
    """Columns in another order are the same columns."""
    names = tuple(reversed(CELLS))
    assert values(score_table([SCORE]).select(names)) == {
        k: v for _, fields in CELLS.values() for k, v in fields.items()
    }
    assert texts(score_table([SCORE]).select(names)) == TEXTS


def test_markdown_has_every_cell_under_its_heading() -> None:
    head, _, row = to_markdown(score_table([SCORE])).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in (head, row)]
    assert dict(zip(*cells, strict=True)) == TEXTS


def test_plain_text_has_every_cell_under_its_heading() -> None:
    lines = to_text(score_table([SCORE])).splitlines()
    spans = [match.span() for match in re.finditer(r"-+", lines[3])]
    cells = [[line[a:b].strip() for a, b in spans] for line in (lines[2], lines[4])]
    assert dict(zip(*cells, strict=True)) == TEXTS


def test_latex_has_every_cell_under_its_heading() -> None:
    lines = [line for line in to_latex(score_table([SCORE])).splitlines() if line.endswith(r"\\")]
    cells = [[cell.strip() for cell in line.removesuffix(r"\\").split("&")] for line in lines]
    plain = [
        [re.sub(r"\\(.)", r"\1", cell.replace("$-$", "-").replace("$+$", "+")) for cell in row]
        for row in cells
    ]
    assert dict(zip(*plain, strict=True)) == TEXTS


def test_a_page_has_every_cell_under_its_heading(tmp_path: Path) -> None:
    """The macro that all pages make their tables with."""
    from llcbench.report.site.layout import Site

    site = Site(tmp_path, frozenset(), frozenset(), frozenset())
    site.write(
        "scores.html", "scores.html.j2",
        table=score_table([SCORE]), constants="", choices=[],
    )  # fmt: skip
    page = (tmp_path / "scores.html").read_text(encoding="utf-8")
    rows = re.findall(r"<tr.*?</tr>", page, flags=re.DOTALL)
    body = next(row for row in rows if "poly/x2y2" in row)
    cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", body, flags=re.DOTALL)
    shown = [re.sub(r"\s+", " ", re.sub("<[^>]*>", "", cell)).strip() for cell in cells]
    # Pages have a true minus sign.
    shown = [cell.replace("−", "-") for cell in shown]
    for (name, text), cell in zip(TEXTS.items(), shown, strict=True):
        assert text in cell, name


@pytest.mark.parametrize(
    ("value", "stderr", "sign", "text"),
    [
        (0.41234, 0.00004, "", "0.4123"),
        (0.41234, 0.00006, "", "0.412340(60)"),
        (-0.41234, 0.0, "+", "-0.4123"),
        (0.41234, 0.0, "+", "+0.4123"),
        (41.234, 0.004, "", "41.23"),
        (41.234, 0.006, "", "41.2340(60)"),
    ],
)
def test_a_truth_is_plain_only_below_the_digits_shown(value, stderr, sign, text) -> None:
    assert known(Uncertain(value, stderr), sign) == text


def test_signs_of_estimates() -> None:
    assert estimated(Uncertain(0.5, 0.1), "+") == "+0.50(10)"
    assert estimated(Uncertain(-0.5, 0.1), "+") == "-0.50(10)"
    assert estimated(Uncertain(0.5, 0.1)) == "0.50(10)"
    assert (short(0.01234), short(123.4), short(None)) == ("0.012", "123", "-")


@pytest.mark.parametrize(("order", "text"), [(None, "5/4"), (1, "5/4"), (2, "5/4 (m 2)")])
def test_a_multiplicity_above_one_is_shown(order, text) -> None:
    assert texts(score_table([changed(local_multiplicity=order)]))["local"] == text


@pytest.mark.parametrize(
    ("statuses", "failures", "flagged", "mark"),
    [
        ({"ok": 12}, 0, 0, ""),
        ({"ok": 12}, 0, 1, "flagged"),
        ({"ok": 11, "timeout": 1}, 1, 0, "failed"),
        ({"ok": 11, "timeout": 1}, 1, 3, "failed"),
        ({"ok": 11, "skipped": 1}, 1, 3, "skipped"),
        ({"ok": 10, "skipped": 1, "error": 1}, 2, 0, "failed"),
    ],
)
def test_the_worst_that_happened_marks_a_row(statuses, failures, flagged, mark) -> None:
    score = changed(statuses=statuses, failures=Proportion(failures, 12), flagged=flagged)
    assert mark_of(score) == score_table([score]).rows[0].mark == mark
    assert failed_runs(score) == failures - statuses.get("skipped", 0)


def test_flags_have_counts_unless_all_runs_have_them() -> None:
    score = changed(statuses={"ok": 2, "error": 10}, failed_guards={"rhat": 12, "ess": 1})
    assert flags_of(score) == "error 10/12, rhat, ess 1/12"


GROUP = (
    SCORE,
    changed(
        problem="poly/x2y4", relative_error=0.1, relative_error_local=-0.2, ess_per_grad=0.5,
        coverage90=Proportion(1, 6), statuses={"ok": 12}, failures=Proportion(0, 12), flagged=2,
    ),
    changed(
        problem="poly/x4y4", relative_error=0.2, relative_error_local=0.9, ess_per_grad=0.2,
        coverage90=None, statuses={"ok": 10, "error": 2}, failures=Proportion(2, 12), flagged=0,
        replicates=20,
    ),
    changed(
        problem="poly/x6y6", relative_error=None, relative_error_local=None, ess_per_grad=None,
        coverage90=None, mean=None, statuses={"skipped": 5}, failures=Proportion(5, 5), flagged=0,
        replicates=5,
    ),
)  # fmt: skip


def test_every_cell_of_the_summary_by_hand() -> None:
    """Relative biases -0.345, 0.1, 0.2; distances 0.445, -0.2, 0.9; costs 0.095, 0.5, 0.2."""
    table = sampler_table(GROUP)
    assert texts(table) == {
        "sampler": "sgld[step_size=0.5]",
        "problems": "3/4",
        "|bias|/tempered": "20 %",
        "|error|/local": "44 %",
        "worst": "34 %",
        "cov90": "7/17",
        "ess/grad": "0.2",
        "failed": "5",
        "skipped": "6",
        "flagged": "5",
        "runs": "49",
    }
    assert values(table) == {
        "sampler": "sgld[step_size=0.5]", "scored": "3", "groups": "4",
        "median_relative_bias": "0.2", "median_relative_error": "0.445",
        "worst_relative_bias": "0.345", "coverage90": repr(7 / 17), "coverage90_hits": "7",
        "coverage90_runs": "17", "ess_per_grad": "0.2", "failed": "5", "skipped": "6",
        "flagged": "5", "runs": "49",
    }  # fmt: skip


def test_a_column_with_two_values_is_no_sentence() -> None:
    other = changed(settings=msgspec.structs.replace(SETTINGS, gamma=8.0), nbeta=64.0)
    table, sentence = without_constants(score_table([SCORE, other]))
    assert {"nbeta", "gamma"} <= {column.name for column in table.columns}
    assert "nbeta" not in sentence
    assert "seconds 16" in sentence


def test_numbers_are_never_cut_on_a_narrow_terminal() -> None:
    long = changed(problem="poly/" + "x" * 60, statuses={"ok": 12}, failed_guards={})
    text = to_text(score_table([long]), 60)
    for name in ("local", "tempered", "lambda_hat"):
        assert TEXTS[name] in text
    assert "poly/" + "x" * 24 + "…" in text
    # A number that is longer than any text may be.
    digits = "1234567890" * 4
    table = Table("", (Column("n", "n", ("n",)),), (Row((Cell(digits, (int(digits),)),)),))
    assert digits in to_text(table, 60)


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-cmd", "@x", "\tx", "'=1+1"])
def test_a_text_that_a_spreadsheet_would_run_is_quoted_in_csv(text: str) -> None:
    row = values(score_table([changed(problem=text)]))
    assert row["problem"] == f"'{text}"
    # Numbers below zero stay numbers.
    assert row["bias"] == "-0.625"
