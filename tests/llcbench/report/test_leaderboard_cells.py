"""Standings and pairs with a distinct value in every field: every cell shows its own."""

import math

import msgspec
import pytest
from table_cells import texts, values

from llcbench.compare.board import Board, Standing
from llcbench.compare.bootstrap import MetricValue
from llcbench.compare.metrics import METRICS
from llcbench.compare.pairwise import Difference
from llcbench.compare.window import Width
from llcbench.report.leaderboard_table import leaderboard_table, legend, pairwise_table, printed
from llcbench.report.site.leaders import BETTER, WORSE, _matrix
from llcbench.report.tables import RENDERERS

# One value a metric, each with ends of its own.
VALUES = {name: (place + 1) / 40 for place, name in enumerate(METRICS)}
COUNTS = {"grads5": 12345.0, "tuning": 678.0, "seconds": 2.5, "memory": 5.0 * 2**20}
COUNTS |= {"ess_per_grad": 0.0625}
FIGURES = {
    name: MetricValue(value, value * 0.875, value * 1.25)
    for name, value in (VALUES | COUNTS).items()
}
STANDING = Standing(
    rank=3, shared=True, entry="sgld@tuned", sampler="sgld", variant="tuned",
    estimator="mean_energy", problems=11, asked=13, runs=37, beats=4, loses=2, figures=FIGURES,
    window=Width(1.75, True, 6),
)  # fmt: skip
PAIR = Difference(
    metric="rmse", first="sgld", second="mala", problems=9, scope="problems",
    value=-0.6931471805599453, low=-1.0986122886681098, high=-0.4054651081081644, ratio=True,
    p=0.0123, adjusted=0.0456,
)  # fmt: skip


def board(*standings: Standing) -> Board:
    return Board(by="bias", standings=standings, pairs=(PAIR,), profiles=(), ladders=(), notes=())


def percent(name: str) -> str:
    return f"{100 * VALUES[name]:.1f} %"


def with_ends(name: str) -> str:
    value = 100 * VALUES[name]
    return f"{value:.1f} % [{value * 0.875:.1f}, {value * 1.25:.1f}]"


def test_every_cell_of_a_standing_shows_its_own_field() -> None:
    assert texts(leaderboard_table(board(STANDING))) == {
        "rank": "3=",
        "entry": "sgld@tuned",
        "problems": "11/13",
        "bias": with_ends("bias"),
        "rmse": with_ends("rmse"),
        "sd": percent("sd"),
        "|err|/tempered": percent("error"),
        "|err|/local": percent("error_local"),
        "cov90": percent("coverage"),
        "3 s.e.": percent("agreement"),
        "order": percent("order"),
        "ess/grad": "0.062",
        "grads to 5 %": "1.2e4",
        "reach 5 %": percent("reach5"),
        "seconds": "2.5",
        "MiB": "5",
        "failed": percent("failed"),
        "flagged": percent("flagged"),
        "tuning": "678",
        "window": ">= 1.8",
        "beats": "4/2",
    }


def test_no_two_cells_of_the_standing_agree() -> None:
    shown = list(texts(leaderboard_table(board(STANDING))).values())
    assert len(set(shown)) == len(shown)


def test_every_value_of_the_csv_is_its_own_field() -> None:
    wanted = {
        "rank": "3", "shared": "1", "entry": "sgld@tuned", "sampler": "sgld", "variant": "tuned",
        "estimator": "mean_energy", "problems": "11", "asked": "13", "runs": "37",
        "window": "1.75", "window_bound": "1", "window_problems": "6", "beats": "4", "loses": "2",
    }  # fmt: skip
    for name, figure in FIGURES.items():
        wanted |= {name: repr(figure.value), f"{name}_low": repr(figure.low)}
        wanted |= {f"{name}_high": repr(figure.high)}
    assert values(leaderboard_table(board(STANDING))) == wanted


@pytest.mark.parametrize("form", ["markdown", "latex", "text"])
def test_every_rendering_has_the_cells(form: str) -> None:
    text = RENDERERS[form](printed(board(STANDING)))
    for cell in ("3=", "11/13", "1.2e4", "678", "4.4", "2.2", "3.1"):
        assert cell in text


def test_places_and_bounds_are_marked_only_where_they_are() -> None:
    alone = msgspec.structs.replace(STANDING, shared=False, window=Width(1.75, False, 6))
    shown = texts(leaderboard_table(board(alone)))
    assert (shown["rank"], shown["window"]) == ("3", "1.8")
    nowhere = msgspec.structs.replace(STANDING, rank=None, shared=False, window=None)
    shown = texts(leaderboard_table(board(nowhere)))
    assert (shown["rank"], shown["window"]) == ("-", "-")


@pytest.mark.parametrize(
    ("failed", "flagged", "mark"),
    [(0.0, 0.0, ""), (0.0, 0.1, "flagged"), (0.1, 0.0, "failed"), (0.1, 0.1, "failed")],
)
def test_failures_and_warnings_mark_a_row(failed: float, flagged: float, mark: str) -> None:
    figures = FIGURES | {"failed": MetricValue(failed), "flagged": MetricValue(flagged)}
    standing = msgspec.structs.replace(STANDING, figures=figures)
    assert leaderboard_table(board(standing)).rows[0].mark == mark


def test_the_legend_names_level_cap_and_pairs() -> None:
    text = " ".join(legend(board(STANDING)))
    for part in ("correction for 1 pairs, level 10 %", "wrong by 100 %", "90 % intervals"):
        assert part in text
    assert "1 of 1 entries do not support all problems" in text
    whole = msgspec.structs.replace(STANDING, problems=13)
    assert "do not support" not in " ".join(legend(board(whole)))


def test_every_cell_of_a_pair_shows_its_own_field() -> None:
    table = pairwise_table([PAIR])
    assert texts(table) == {
        "metric": "rmse",
        "A": "sgld",
        "B": "mala",
        "problems": "9",
        "A : B": "0.5 [0.333, 0.667]",
        "p": "0.012",
        "p (Holm)": "0.046",
        "better": "sgld",
    }
    assert values(table) == {
        "metric": "rmse", "first": "sgld", "second": "mala", "problems": "9", "scope": "problems",
        "difference": repr(PAIR.value), "difference_low": repr(PAIR.low),
        "difference_high": repr(PAIR.high), "is_log_ratio": "1", "p": "0.0123",
        "p_holm": "0.0456", "better": "sgld",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "p", "adjusted", "better"),
    [
        (-0.5, 0.01, 0.09, "sgld"),
        (0.5, 0.01, 0.09, "mala"),
        (-0.5, 0.01, 0.11, "-"),
        (0.5, 0.01, 0.11, "-"),
        (None, 1.0, 1.0, "-"),
    ],
)
def test_the_winner_is_named_and_only_if_told_apart(value, p, adjusted, better) -> None:
    """The smaller loss wins; the corrected p-value decides at 10 %."""
    pair = msgspec.structs.replace(PAIR, value=value, p=p, adjusted=adjusted)
    shown = texts(pairwise_table([pair]))
    assert shown["better"] == better
    assert values(pairwise_table([pair]))["better"] == better.strip("-")
    # The page shows the same with signs, from both sides.
    sign = {"sgld": (BETTER, WORSE), "mala": (WORSE, BETTER)}.get(better, ("·", "·"))
    matrix = _matrix(("sgld", "mala"), [pair])
    assert (matrix[0][1][0], matrix[1][0][0]) == sign
    assert f"p {adjusted:.2g}" in matrix[0][1][1]


def test_differences_have_signs_and_ratios_have_none() -> None:
    pair = msgspec.structs.replace(PAIR, value=0.25, low=-0.125, high=0.5, ratio=False)
    assert texts(pairwise_table([pair]))["A : B"] == "+0.25 [-0.125, +0.5]"
    ratio = msgspec.structs.replace(PAIR, value=math.log(2), low=0.0, high=math.log(4))
    assert texts(pairwise_table([ratio]))["A : B"] == "2 [1, 4]"


def test_a_statement_about_replicates_has_a_star() -> None:
    pair = msgspec.structs.replace(PAIR, problems=2, scope="replicates")
    assert texts(pairwise_table([pair]))["problems"] == "2*"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.1234, "percent", "12.3 %"),
        (9999.0, "count", "9999"),
        (10000.0, "count", "1.0e4"),
        (1.5 * 2**20, "bytes", "2"),
        (0.01234, "number", "0.012"),
        (123.4, "seconds", "123"),
        (math.inf, "percent", "never"),
    ],
)
def test_values_are_written_in_their_unit(value: float, unit: str, text: str) -> None:
    from llcbench.report.leaderboard_table import written

    assert written(MetricValue(value), unit) == text
