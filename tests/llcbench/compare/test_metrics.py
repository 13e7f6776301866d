import math

import numpy as np
import pytest

from llcbench.compare.board import leaderboard
from llcbench.compare.metrics import METRICS
from llcbench.compare.runs import CAP
from llcbench.compare.statistics import case_agrees, case_bias, mean, median, variance

BIASES = (0.1, -0.2, 0.3)
SPREAD = 0.04


@pytest.fixture
def row(make_run):
    """Three problems with known biases, two replicates at a known distance on either side."""
    records = [
        make_run(
            f"poly/p{place}", replicate=r, error=bias + (-1) ** r * SPREAD,
            tempered=2.0 + place, local=f"{5 + 2 * place}/2", tuning=10 * place, grads=1000 + place,
        )
        for place, bias in enumerate(BIASES)
        for r in range(2)
    ]  # fmt: skip
    (standing,) = leaderboard(records, draws=100).standings
    return standing


def test_errors_are_those_that_were_put_in(row) -> None:
    value = {name: metric.value for name, metric in row.figures.items()}
    squares = np.mean([b**2 for b in BIASES])
    assert value["rmse"] == pytest.approx(math.sqrt(squares + SPREAD**2))
    # Two values at d on either side have the variance 2 d^2, and their mean half of it.
    assert value["sd"] == pytest.approx(math.sqrt(2) * SPREAD)
    assert value["bias"] == pytest.approx(math.sqrt(squares - SPREAD**2))
    single = [abs(b + s * SPREAD) for b in BIASES for s in (-1, 1)]
    assert value["error"] == pytest.approx(np.median(single))
    estimates = [(2.0 + i) * (1 + b + s * SPREAD) for i, b in enumerate(BIASES) for s in (-1, 1)]
    local = [abs(e / (2.5 + i // 2) - 1) for i, e in enumerate(estimates)]
    assert value["error_local"] == pytest.approx(np.median(local))


def test_costs_and_states_are_those_that_were_put_in(row) -> None:
    value = {name: metric.value for name, metric in row.figures.items()}
    assert value["ess_per_grad"] == pytest.approx(400 / 1001)
    assert value["tuning"] == pytest.approx(10)
    assert value["seconds"] == pytest.approx(1.5)
    assert value["memory"] == 2**20
    assert value["failed"] == 0
    # Biases of 10 % and more: no number of gradients helps.
    assert value["grads5"] == math.inf
    assert value["reach5"] == 0
    assert row.problems == row.asked == 3
    assert row.runs == 6


def test_gradients_to_five_percent(make_run) -> None:
    bias, spread = 0.03, 0.1
    records = [
        make_run(replicate=r, error=bias + (-1) ** r * spread, mcse=0.0, grads=1000)
        for r in range(2)
    ]
    (row,) = leaderboard(records, draws=100).standings
    own = 2 * spread**2
    # A third of the gradients is burn-in, which stays.
    expected = 1000 * (1 + 2 * own / (0.05**2 - max(0.0, bias**2 - own / 2))) / 3
    assert row.figures["grads5"].value == pytest.approx(expected)
    assert row.figures["reach5"].value == 1


def test_a_failed_run_is_wrong_by_the_cap_and_no_estimate_is_worse(make_runs) -> None:
    error = np.array([[0.2, np.nan], [np.nan, np.nan]])
    failed = np.isnan(error).astype(float)
    runs = make_runs(error, failed=failed, covered=1 - failed)
    assert METRICS["rmse"].statistic(runs) == pytest.approx((0.2**2 + 3 * CAP**2) / 4)
    assert case_bias(runs) == pytest.approx([(0.5 * CAP + 0.5 * 0.2) ** 2, CAP**2])
    assert METRICS["error"].statistic(runs) == CAP
    assert METRICS["coverage"].statistic(runs) == pytest.approx(0.25)
    assert METRICS["failed"].statistic(runs) == pytest.approx(0.75)


def test_an_absurd_estimate_counts_as_a_failure_does(make_run) -> None:
    absurd = leaderboard([make_run(error=1e6)], draws=100).standings[0]
    broken = leaderboard([make_run(status="diverged"), make_run("poly/p0", "mala")], draws=100)
    failed = next(s for s in broken.standings if s.entry == "sgld")
    assert absurd.figures["rmse"].value == failed.figures["rmse"].value == CAP


def test_failing_never_pays(make_run) -> None:
    """Replacing any run by a failure makes no error smaller."""
    rng = np.random.default_rng(3)
    errors = rng.normal(0.1, 0.6, 6)

    def values(lost: int | None) -> dict[str, float]:
        records = [
            make_run(replicate=r, error=e, status="crashed" if r == lost else "ok")
            for r, e in enumerate(errors)
        ]
        figures = leaderboard(records, draws=100).standings[0].figures
        return {name: figures[name].value for name in ("rmse", "error", "failed")}

    before = values(None)
    for lost in range(6):
        after = values(lost)
        assert all(after[name] >= before[name] for name in before)


def test_skipped_runs_are_no_failures(make_run) -> None:
    records = [make_run(), make_run("poly/p1", status="skipped"), make_run("poly/p1", "mala")]
    row = next(s for s in leaderboard(records, draws=100).standings if s.entry == "sgld")
    assert (row.problems, row.asked) == (1, 2)
    assert row.figures["failed"].value == 0


def test_noise_is_removed_without_bias(make_runs) -> None:
    """The squared bias averages to the truth; the square of the mean error does not.

    z below 4: false alarm 6e-5, and the uncorrected estimate is the negative control.
    """
    rng = np.random.default_rng(1)
    errors = 0.05 + 0.1 * rng.standard_normal((20_000, 3))
    runs = make_runs(errors)

    def z(squares: np.ndarray) -> float:
        return float((squares.mean() - 0.05**2) / (squares.std() / len(squares) ** 0.5))

    assert abs(z(case_bias(runs))) < 4
    assert z(case_bias(runs, noisy=True)) > 20


def test_the_error_of_a_shared_truth_is_removed_too(make_run) -> None:
    records = [make_run(replicate=r, error=0.1, truth_se=0.1) for r in range(2)]
    (row,) = leaderboard(records, draws=100).standings
    assert row.figures["bias"].value == pytest.approx(math.sqrt(0.1**2 - 0.05**2))


def test_order_counts_pairs_with_different_coefficients(make_run) -> None:
    results = {"poly/p0": ("1", 1.0), "poly/p1": ("2", 3.0), "poly/p2": ("3", 2.0)}
    results["poly/p3"] = ("3", 9.0)
    records = [
        make_run(name, tempered=2.0, error=value / 2 - 1, local=local)
        for name, (local, value) in results.items()
    ]
    (row,) = leaderboard(records, draws=100).standings
    # Of six pairs one has equal coefficients, and p1 and p2 are the wrong way round.
    assert row.figures["order"].value == pytest.approx(4 / 5)


def test_order_does_not_ask_for_what_a_perfect_sampler_reverses(make_run) -> None:
    results = {"poly/p0": ("1", 1.0), "poly/p1": ("2", 3.0), "poly/p2": ("3", 2.0)}
    records = [
        make_run(name, tempered=value, local=local) for name, (local, value) in results.items()
    ]
    (row,) = leaderboard(records, draws=100).standings
    assert row.figures["order"].value == 1.0
    # Control: the same estimates, two of them wrong.
    records = [
        make_run(name, tempered=float(local), error=value / float(local) - 1, local=local)
        for name, (local, value) in results.items()
    ]
    (row,) = leaderboard(records, draws=100).standings
    assert row.figures["order"].value == pytest.approx(2 / 3)


def test_no_error_is_reached_without_the_burn_in(make_run) -> None:
    records = [make_run(replicate=r, mcse=1e-6, grads=900) for r in range(3)]
    (row,) = leaderboard(records, draws=100).standings
    assert row.figures["grads5"].value == pytest.approx(300, rel=1e-3)


def test_averages_leave_out_what_is_unknown() -> None:
    values = np.array([[1.0, np.nan, 4.0, 2.0], [np.nan] * 4, [3.0, np.inf, np.inf, 5.0]])
    assert mean(values)[0] == pytest.approx(7 / 3)
    assert median(values)[[0, 2]] == pytest.approx([2.0, np.inf])
    assert np.isnan([mean(values)[1], median(values)[1], variance(values[:2])[1]]).all()
    assert variance(values[:2])[0] == pytest.approx(np.var([1, 4, 2], ddof=1))
    rng = np.random.default_rng(0)
    grid = rng.normal(size=(5, 6, 7))
    assert median(grid, (-2, -1)) == pytest.approx(np.median(grid, axis=(-2, -1)))


def test_agreement_counts_problems_within_three_standard_errors(make_runs) -> None:
    spread = np.array([-1.0, 1.0]) * 0.1
    # The standard error of two values at d on either side is d.
    error = np.array([bias + spread for bias in (0.0, 0.29, 0.31)] + [[0.0, np.nan]])
    runs = make_runs(error, failed=np.isnan(error).astype(float))
    assert case_agrees(runs) == pytest.approx([1, 1, 0, 0])
    assert METRICS["agreement"].statistic(runs) == pytest.approx(0.5)
