import numpy as np
import pytest

from llcbench.compare.board import leaderboard
from llcbench.compare.profile import FLOOR, profiles
from llcbench.compare.window import GOOD, LadderRung, ladders, widths
from llcbench.run.plan import expand
from llcbench.run.suite import load


def window(make_ladder, errors):
    (ladder,) = ladders(make_ladder(errors))
    return ladder.window


@pytest.mark.parametrize(
    ("errors", "decades", "open_"),
    [
        ([-0.5, 0.05, 0.02, 0.3, None], 1, False),
        ([0.05, 0.02, 0.3, 0.4], 1, True),
        ([-0.5, 0.05, 0.02, 0.01], 2, True),
        ([0.0, 0.0, 0.0], 2, True),
        ([0.5, 0.05, 0.5], 0, False),
        ([0.5, 0.5, 0.5], 0, False),
        ([None, None, None], 0, False),
        ([0.5, 0.01, 0.5, 0.01, 0.02, -0.01, 0.5], 2, False),
    ],
)
def test_windows_by_hand(make_ladder, errors, decades: int, open_: bool) -> None:
    found = window(make_ladder, errors)
    assert found.decades == pytest.approx(decades)
    assert found.open is open_


def test_one_failed_run_of_two_spoils_a_step(make_run, make_ladder) -> None:
    records = make_ladder([0.5, 0.0, 0.0, 0.5])
    steps = {"step_size": 10.0**-4}
    records = [r for r in records if (r.spec.parameters, r.spec.replicate) != (steps, 1)]
    records.append(make_run(replicate=1, status="diverged", parameters=steps))
    (ladder,) = ladders(records)
    assert [rung.good for rung in ladder.rungs] == [False, True, False, False]
    assert ladder.rungs[2].failed == 0.5


def test_widths_over_problems_and_bounds(make_ladder) -> None:
    records = [
        *make_ladder([0.5, 0.0, 0.0, 0.5], problem="poly/p0"),
        *make_ladder([0.5, 0.0, 0.0, 0.0], problem="poly/p1"),
        *make_ladder([0.5, 0.5, 0.0, 0.5], problem="poly/p2"),
        *make_ladder([0.0, 0.0], "mala"),
    ]
    result = widths(ladders(records))
    assert set(result) == {("sgld", "mean_energy")}
    width = result["sgld", "mean_energy"]
    assert (width.decades, width.bound, width.problems) == (pytest.approx(1), True, 3)


def test_tuned_runs_are_no_ladder(make_run) -> None:
    records = [
        make_run(replicate=r, variant="tuned", parameters={"step_size": 10.0**-r}) for r in range(4)
    ]
    assert ladders(records) == []


def test_a_ladder_beside_the_ranked_runs_gives_the_window_alone(make_run, make_ladder) -> None:
    ranked = [
        make_run(f"poly/p{p}", sampler, variant=variant)
        for p in range(3)
        for sampler in ("sgld", "mala")
        for variant in ("default", "tuned")
    ]
    plain = leaderboard(ranked, draws=100)
    board = leaderboard(ranked, ladder=make_ladder([0.5, 0.0, 0.0, 0.5]), draws=100)
    assert [s.entry for s in board.standings] == [s.entry for s in plain.standings]
    assert [s.figures for s in board.standings] == [s.figures for s in plain.standings]
    results = {s.entry: s.window for s in board.standings}
    assert results["sgld@default"].decades == pytest.approx(1)
    assert results["sgld@tuned"] == results["sgld@default"]
    assert results["mala@default"] is None
    assert all(s.window is None for s in plain.standings)


def test_a_suite_of_step_sizes_is_one_ladder_a_problem() -> None:
    """Chains of equal cost and without a variant differ in nothing but the step."""
    specs = expand(load("sensitivity"))
    groups: dict[tuple[str, str], set[str]] = {}
    steps: dict[str, set[float]] = {}
    for spec in specs:
        step = spec.parameters["step_size"]
        rest = {key: value for key, value in spec.parameters.items() if key != "step_size"}
        groups.setdefault((spec.sampler, spec.problem), set()).add(f"{rest} {spec.settings}")
        steps.setdefault(spec.sampler, set()).add(step)
        assert spec.variant == ""
    assert all(len(others) == 1 for others in groups.values())
    for values in steps.values():
        gaps = np.diff(np.log10(sorted(values)))
        assert np.allclose(gaps, 0.5, atol=0.006)
        assert gaps.sum() == pytest.approx(5)


def test_profiles_by_hand(make_runs) -> None:
    a = make_runs(np.array([[0.1], [0.1], [0.3], [0.5]]))
    b = make_runs(np.array([[0.2], [0.1], [0.1], [0.05]]))
    found = {p.entry: p for p in profiles(["a", "b"], [a, b])}
    assert [found["a"].at(t) for t in (0.9, 1, 2, 3, 9.9, 10)] == [0, 0.5, 0.5, 0.75, 0.75, 1]
    assert [found["b"].at(t) for t in (1, 1.9, 2, 100)] == [0.75, 0.75, 1, 1]


def test_failed_runs_are_never_within_a_factor(make_runs) -> None:
    error = np.array([[0.1, np.nan], [np.nan, np.nan]])
    failed = np.isnan(error).astype(float)
    a = make_runs(error, failed=failed)
    b = make_runs(np.full((2, 2), 0.2))
    results = {p.entry: p for p in profiles(["a", "b"], [a, b])}
    assert results["a"].at(1e9) == pytest.approx(0.25)
    assert [results["b"].at(t) for t in (1, 2)] == pytest.approx([0.5, 1])


def test_small_errors_are_equal_and_lonely_problems_do_not_count(make_runs) -> None:
    tried = np.array([[1.0], [np.nan]])
    a = make_runs(np.array([[FLOOR / 2], [np.nan]]), tried=tried, failed=tried - 1)
    b = make_runs(np.array([[FLOOR / 100], [0.3]]))
    found = profiles(["a", "b"], [a, b])
    assert [(p.problems, p.asked, p.at(1)) for p in found] == [(1, 1, 1.0), (1, 1, 1.0)]


@pytest.mark.parametrize("side", [-1, 1])
def test_a_step_is_good_below_ten_percent_on_either_side(side: int) -> None:
    assert GOOD == 0.1
    assert LadderRung(1e-3, side * 0.099, None, 0.0).good
    assert not LadderRung(1e-3, side * 0.101, None, 0.0).good
    # A tenth of the runs failed, which is 10 % already.
    assert not LadderRung(1e-3, 0.0, None, 0.1).good
    assert LadderRung(1e-3, side * 0.05, None, 0.05).good
    assert not LadderRung(1e-3, side * 0.06, None, 0.05).good
    assert not LadderRung(1e-3, None, None, 1.0).good


def test_rungs_have_the_mean_error_and_its_error(make_run) -> None:
    """Relative errors 0.1, 0.2, 0.6: mean 0.3, variance 0.07, over three replicates."""
    records = [
        make_run(replicate=r, error=error, parameters={"step_size": 10.0**step})
        for step in (-5, -4, -3)
        for r, error in enumerate((0.1, 0.2, 0.6))
    ]
    (ladder,) = ladders(records)
    for rung in ladder.rungs:
        assert rung.bias == pytest.approx(0.3)
        assert rung.stderr == pytest.approx((0.07 / 3) ** 0.5)
        assert rung.failed == 0
    assert [rung.step_size for rung in ladder.rungs] == [1e-5, 1e-4, 1e-3]
    alone = [r for r in records if r.spec.replicate == 1]
    assert [rung.stderr for rung in ladders(alone)[0].rungs] == [None] * 3
