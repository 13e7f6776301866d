"""Tables of costs, peers, heuristics and networks, and what pictures show: every value its own."""

import csv
import io
import re
from types import SimpleNamespace

import msgspec
import pytest
from table_cells import texts, values

from llcbench.compare.scaling import Growth, ProblemCost
from llcbench.compare.window import Ladder, LadderRung
from llcbench.heuristics.correlations import Correlation
from llcbench.heuristics.effects import Effect
from llcbench.peers.claim import Margin
from llcbench.peers.speed import Speed
from llcbench.records import Estimate, Guard
from llcbench.report import leaderboard_plots, plots
from llcbench.report.directions import _row as direction_row
from llcbench.report.heuristics_tables import correlation_table, effect_table, plain
from llcbench.report.module_table import module_table
from llcbench.report.peers_table import margin_table, speed_table
from llcbench.report.scaling import growth_table, scaling_table
from llcbench.report.site.overview import counts, guards
from llcbench.report.site.pictures import HIGH, WIDTH, strip
from llcbench.scoring import Proportion, Score, Uncertain
from llcbench.settings import Settings

COST = ProblemCost(
    entry="sgld", problem="dln/3", gamma=7.5, dim=1234, chains=4, step=0.25, effective=1.25,
    goal=35.5, memory=3 * 2**20, bias=-0.125, runs=6,
)  # fmt: skip


def test_cells_of_costs() -> None:
    assert texts(scaling_table([COST])) == {
        "entry": "sgld", "problem": "dln/3", "gamma": "7.5", "parameters": "1234", "runs": "6",
        "s/step": "0.25", "s/draw": "1.25", "s to 5 %": "35.5", "MiB": "3", "bias": "-12.5 %",
    }  # fmt: skip
    assert values(scaling_table([COST])) == {
        "entry": "sgld", "problem": "dln/3", "gamma": "7.5", "dim": "1234", "runs": "6",
        "chains": "4", "step": "0.25", "effective": "1.25", "goal": "35.5",
        "memory": str(3 * 2**20), "bias": "-0.125",
    }  # fmt: skip


def test_cells_of_exponents() -> None:
    fits = [
        Growth(entry="sgld", measure=name, exponent=power, stderr=power / 10, sizes=4)
        for name, power in (("step", 1.5), ("effective", 2.5), ("goal", 3.5), ("memory", 0.5))
    ]
    assert [cell.text for cell in growth_table(fits).rows[0].cells] == [
        "sgld", "1.50 ± 0.15", "2.50 ± 0.25", "3.50 ± 0.35", "0.50 ± 0.05",
    ]  # fmt: skip


# A stored name, which the rows keep.
P_VALUE = Speed.__struct_fields__[-1]
SPEED = Speed(
    case="small", peer="theirs", version="1.2", dim=10, chains=20, steps=30, rounds=4, rate=50.25,
    ratio=2.5, ratio_low=2.25, ratio_high=2.75, base="control", setup=6.5, first=7.5,
    peak_bytes=8_000_000, loss=0.125, loss_se=0.01, **{P_VALUE: 0.375},
)  # fmt: skip


def test_cells_of_speeds() -> None:
    assert texts(speed_table([SPEED])) == {
        "case": "small", "peer": "theirs 1.2", "steps/s": "50", "ratio": "2.5 [2.25, 2.75]",
        "setup s": "6.5", "first s": "7.5", "peak MB": "8", "loss": "0.125(0.01)",
        "loss p": "0.38",
    }  # fmt: skip
    found = values(speed_table([SPEED]))
    assert found | {"skipped": ""} == {
        "case": "small", "parameters": "10", "chains": "20", "steps": "30", "peer": "theirs",
        "version": "1.2", "skipped": "", "rate": "50.25", "rounds": "4", "ratio": "2.5",
        "ratio_low": "2.25", "ratio_high": "2.75", "base": "control", "setup_seconds": "6.5",
        "first_seconds": "7.5", "peak_bytes": "8000000", "loss": "0.125", "loss_se": "0.01",
        P_VALUE: "0.375",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "mark"),
    [({}, ""), ({P_VALUE: 1e-5}, "failed"), ({"skipped": "not installed"}, "skipped")],
)
def test_a_peer_with_another_distribution_is_marked(change: dict, mark: str) -> None:
    assert speed_table([msgspec.structs.replace(SPEED, **change)]).rows[0].mark == mark


MARGIN = Margin(
    scope="all", metric="bias", problems=12, replicates=3, ours="good", peer="theirs",
    ours_value=0.055, peer_value=0.235, ratio=0.26, low=0.21, high=0.36, share=0.97, factor=0.5,
)  # fmt: skip


def test_cells_of_margins() -> None:
    assert [cell.text for cell in margin_table([MARGIN]).rows[0].cells] == [
        "all (12)", "bias", "good 5.5 %", "theirs 23.5 %", "0.26 [0.21, 0.36]",
        "at most 0.5: holds",
    ]  # fmt: skip
    found = values(margin_table([MARGIN]))
    assert (found["ours_value"], found["peer_value"]) == ("0.055", "0.235")
    assert (found["ratio"], found["low"], found["high"]) == ("0.26", "0.21", "0.36")


@pytest.mark.parametrize(
    ("low", "high", "problems", "verdict"),
    [
        (0.2, 0.5, 12, "holds"),
        (0.2, 0.51, 12, "not decided"),
        (0.51, 0.9, 12, "does not hold"),
        (0.1, 0.2, 2, "not decided: too few problems"),
    ],
)
def test_a_claim_is_decided_by_the_whole_interval(low, high, problems, verdict) -> None:
    margin = msgspec.structs.replace(MARGIN, low=low, high=high, problems=problems)
    assert margin.verdict == verdict


EFFECT = Effect(
    design="gc", experiment="lr", factor="rate", measure="llc", unit="per doubling", matched=True,
    levels=(1.0, 2.0), seeds=5, value=-0.5, low=-0.75, high=-0.25, size=-2.5, change=-0.35,
    claimed="down", verdict="seen", source="Lau et al. 2025, figure 1", found=31, missed=4,
    failed=2, lost=1, excluded=("huge",), figures=20, flagged=7,
    warnings={"rhat": 3, "ess_bulk": 6},
)  # fmt: skip


def test_cells_of_effects() -> None:
    assert texts(effect_table([EFFECT])) == {
        "experiment": "lr", "factor": "rate", "measure": "llc", "effect": "-0.5 [-0.75, -0.25]",
        "unit": "per doubling", "change": "-35%", "size": "-2.50", "claim": "down",
        "verdict": "seen", "seeds": "5", "trials": "31/4/2", "excluded": "huge",
        "flagged": "7/20", "guards": "rhat 3, ess_bulk 6",
    }  # fmt: skip
    (row,) = plain(effect_table([EFFECT]))
    names = ("design", "experiment", "factor", "measure", "low", "high", "unit", "change", "size")
    names += ("source", "verdict", "seeds", "lost", "found", "missed", "failed", "flagged")
    for name in names:
        assert row[name] == getattr(EFFECT, name), name
    assert (row["effect"], row["claim"], row["figures"]) == (-0.5, "down", 20)


def test_cells_of_published_directions() -> None:
    assert [cell.text for cell in direction_row(EFFECT, 0.125).cells] == [
        "gc", "rate", "llc", "down (Lau et al. 2025)", "seen",
        "-0.5 [-0.75, -0.25] per doubling", "5", "0.125", "35%",
    ]  # fmt: skip


def test_cells_of_correlations() -> None:
    pair = Correlation(
        design="gc", experiment="lr", first="llc", second="gc", value=0.5, low=0.25, high=0.75,
        runs=40, seeds=5,
    )  # fmt: skip
    assert [cell.text for cell in correlation_table([pair]).rows[0].cells] == [
        "lr", "llc", "gc", "+0.50 [+0.25, +0.75]", "40", "5",
    ]  # fmt: skip


def guard(name: str, passed: bool) -> Guard:
    return Guard(name=name, value=1.2, limit="< 1.05", passed=passed, meaning="")


def test_cells_of_networks() -> None:
    estimate = Estimate(
        status="ok", llc=12.5, mcse=0.25, data_se=0.7, stderr=0.75, rhat=1.0125, nbeta=63.5,
        gamma=7.5, loss_star=0.375,
        guards=[guard("rhat", False), guard("ess_bulk", True), guard("split_half", False)],
    )  # fmt: skip
    problem = SimpleNamespace(id="net", dim=1234)
    table = module_table([(problem, estimate)])
    assert texts(table) == {
        "network": "net", "parameters": "1234", "loss": "0.375", "nbeta": "63.5", "gamma": "7.5",
        "lambda_hat": "12.5 +- 0.75", "R-hat": "1.012", "guards": "rhat, split_half",
    }  # fmt: skip
    assert table.rows[0].mark == "flagged"
    clean = msgspec.structs.replace(estimate, guards=[guard("rhat", True)])
    table = module_table([(problem, clean)])
    assert (texts(table)["guards"], table.rows[0].mark) == ("-", "")
    failed = Estimate(status="diverged", nbeta=63.5, gamma=7.5)
    table = module_table([(problem, failed)])
    assert (texts(table)["guards"], table.rows[0].mark) == ("diverged", "failed")


def ladder() -> Ladder:
    """Good at 1e-4 and 1e-3 alone, which is a closed window of one decade."""
    biases = (0.5, 0.05, -0.05, -0.6)
    rungs = tuple(
        LadderRung(10.0**-5 * 10**k, bias, 0.01 * (k + 1), 0.0) for k, bias in enumerate(biases)
    )
    return Ladder(
        sampler="sgld", estimator="mean_energy", problem="poly/x2y2", nbeta="1e4", rungs=rungs
    )


def test_cells_of_ladders() -> None:
    rows = list(csv.DictReader(io.StringIO(leaderboard_plots.sensitivity_csv([ladder()]))))
    assert [row["good"] for row in rows] == ["0", "1", "1", "0"]
    assert [float(row["bias"]) for row in rows] == [0.5, 0.05, -0.05, -0.6]
    assert [float(row["bias_se"]) for row in rows] == pytest.approx([0.01, 0.02, 0.03, 0.04])
    assert {row["window_open"] for row in rows} == {"0"}
    assert [float(row["window_decades"]) for row in rows] == pytest.approx([1.0] * 4)
    open_ended = msgspec.structs.replace(ladder(), rungs=ladder().rungs[:3])
    rows = list(csv.DictReader(io.StringIO(leaderboard_plots.sensitivity_csv([open_ended]))))
    assert {row["window_open"] for row in rows} == {"1"}


def test_bars_of_ladders_are_those_of_95_percent() -> None:
    figure = leaderboard_plots.sensitivity_figure([ladder()])
    (container,) = figure.axes[0].containers
    (bars,) = container[2]
    half = [(segment[1][1] - segment[0][1]) / 2 for segment in bars.get_segments()]
    assert half == pytest.approx([1.96 * 0.01 * (k + 1) for k in range(4)])


SCORE = Score(
    problem="poly/x2y2", sampler="sgld", variant="", estimator="mean_energy", settings=Settings(),
    nbeta=50.0, replicates=5, local="2", local_multiplicity=1, global_="1",
    tempered=Uncertain(1.5, 0.0), tempered_method="quadrature", tempered_certified=True,
    mean=Uncertain(2.5, 0.1), sd=0.4, bias=Uncertain(1.0, 0.02), gap=Uncertain(-0.5, 0.0),
    bias_local=Uncertain(0.5, 0.1), rmse=1.1, relative_error=0.66, relative_error_local=0.25,
    coverage90=Proportion(3, 5), ess_per_grad=0.1, seconds=2.0, peak_bytes=1,
    failures=Proportion(0, 5), flagged=0, statuses={"ok": 5}, failed_guards={},
)  # fmt: skip


def drawn(monkeypatch: pytest.MonkeyPatch, draw, score: Score) -> list:
    """Return the panels of a figure before it becomes text."""
    kept = []

    def keep(figure) -> str:
        kept.append(figure)
        return ""

    monkeypatch.setattr(plots, "to_svg", keep)
    draw([score])
    return kept[0].axes


def lines(axes) -> list[tuple[list[float], str, bool]]:
    """Return abscissae, marker and whether it is open, of every line."""
    return [
        (
            [round(float(x), 6) for x in line.get_xdata()], line.get_marker(),
            line.get_markerfacecolor() == plots.PALE,
        )
        for line in axes.lines
    ]  # fmt: skip


@pytest.mark.parametrize("flagged", [0, 2])
def test_the_overview_shows_every_value_over_the_local_coefficient(monkeypatch, flagged) -> None:
    score = msgspec.structs.replace(SCORE, flagged=flagged)
    (axes,) = drawn(monkeypatch, plots.overview, score)
    found = lines(axes)
    assert [1.0, 1.0] in [x for x, _, _ in found]
    assert [0.75, 0.75] in [x for x, _, _ in found]  # tempered
    assert ([0.5], "^", False) in found  # global
    assert [1.25 - 1.96 * 0.05, 1.25 + 1.96 * 0.05] in [x for x, _, _ in found]
    assert [(marker, is_open) for x, marker, is_open in found if x == [1.25]] == [
        ("o", bool(flagged))
    ]


def test_the_decomposition_shows_gap_bias_and_noise(monkeypatch) -> None:
    gap, bias, noise = drawn(monkeypatch, plots.decomposition, SCORE)
    assert [-0.25] in [x for x, _, _ in lines(gap)]
    assert [0.5] in [x for x, _, _ in lines(bias)]
    reach = 1.96 * 0.01
    assert [round(0.5 - reach, 6), round(0.5 + reach, 6)] in [x for x, _, _ in lines(bias)]
    assert [0.2] in [x for x, _, _ in lines(noise)]


def test_the_small_picture_shows_the_same() -> None:
    """Places run from 0 to twice the local coefficient."""
    inside = WIDTH - 14

    def place(value: float) -> str:
        return f"{7 + inside * value / HIGH:.1f}"

    picture = str(strip(SCORE))
    numbers = re.findall(r"[\d.]+", picture)
    for value in (1.0, 0.75, 0.5, 1.25, 1.25 - 1.96 * 0.05, 1.25 + 1.96 * 0.05):
        assert place(value) in numbers, value
    assert 'class="dot"' in picture
    assert 'class="open"' in str(strip(msgspec.structs.replace(SCORE, flagged=1)))


def test_counts_of_the_first_page() -> None:
    other = msgspec.structs.replace(
        SCORE, problem="poly/x4", sampler="mala[adapt=5]", replicates=11, flagged=4,
        statuses={"ok": 5, "error": 2, "skipped": 4}, failures=Proportion(6, 11),
    )  # fmt: skip
    third = msgspec.structs.replace(SCORE, sampler="sgld[step_size=1]")
    assert counts([SCORE, other, third]) == {
        "problems": 2, "samplers": 2, "runs": 21, "failed": 2, "skipped": 4, "flagged": 4,
    }  # fmt: skip


def test_guards_of_the_page_of_samplers() -> None:
    def record(*found: Guard) -> SimpleNamespace:
        return SimpleNamespace(estimate=SimpleNamespace(guards=found))

    records = [
        record(guard("rhat", True), guard("ess_bulk", False)),
        record(guard("rhat", False)),
        record(guard("rhat", True)),
    ]
    assert [(held.name, bad, all_) for held, bad, all_ in guards(records)] == [
        ("ess_bulk", 1, 1), ("rhat", 1, 3),
    ]  # fmt: skip
