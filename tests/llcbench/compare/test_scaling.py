"""Exponents are those of the costs that the runs were given."""

import msgspec
import numpy as np
import pytest

from llcbench.compare.scaling import GOAL, SIZES, ProblemCost, growth, problem_costs
from llcbench.report.scaling import growth_table, scaling_figure, scaling_table, write_scaling


@pytest.fixture
def runs(make_run):
    """Return runs whose seconds are ``1e-9 dim^1.5`` a step of a chain, and memory ``8 dim``."""
    results = []
    for dim in (1_000, 10_000, 100_000, 1_000_000):
        for replicate in range(2):
            record = make_run(f"dln/{dim}", replicate=replicate, error=0.1)
            settings = record.spec.settings
            steps = settings.num_draws + settings.num_burnin
            seconds = 1e-9 * dim**1.5 * steps * settings.num_chains
            estimate = msgspec.structs.replace(
                record.estimate, dim=dim, seconds_sampling=seconds, peak_bytes=8 * dim
            )
            results.append(msgspec.structs.replace(record, estimate=estimate))
    return results


def test_costs_and_exponents(runs) -> None:
    costs = problem_costs(runs)
    assert [point.dim for point in costs] == [1_000, 10_000, 100_000, 1_000_000]
    assert all(point.runs == 2 for point in costs)
    first = runs[0].estimate
    assert costs[0].step == pytest.approx(1e-9 * 1000**1.5)
    assert costs[0].effective == pytest.approx(first.seconds_sampling / first.ess_bulk)
    relative = first.mcse / first.llc
    assert costs[0].goal == pytest.approx(first.seconds_sampling * (relative / GOAL) ** 2)
    assert costs[0].bias == pytest.approx(0.1)
    fits = {fit.measure: fit for fit in growth(costs)}
    assert fits["step"].exponent == pytest.approx(1.5)
    assert fits["memory"].exponent == pytest.approx(1.0)
    assert fits["memory"].stderr == pytest.approx(0.0, abs=1e-6)


def test_small_problems_and_two_sizes_give_no_exponent(runs) -> None:
    assert growth(problem_costs(runs), above=50_000) == []
    assert {fit.sizes for fit in growth(problem_costs(runs), above=5_000)} == {3}


def test_runs_without_a_size_or_an_estimate_are_left_out(make_run) -> None:
    assert problem_costs([make_run(), make_run("dln/2", status="diverged")]) == []


def test_tables_and_files(runs, tmp_path) -> None:
    costs = problem_costs(runs)
    fits = growth(costs)
    assert "1.50 ± 0.00" in growth_table(fits).rows[0].cells[1].text
    assert scaling_table(costs).rows[0].cells[-1].text == "+10.0 %"
    names = [path.name for path in write_scaling(costs, fits, tmp_path)]
    assert names == ["scaling.svg", "scaling.csv", "exponents.csv"]
    with pytest.raises(ValueError, match="no run"):
        scaling_figure([])


def test_localisations_are_not_averaged(runs) -> None:
    first = runs[0]
    settings = msgspec.structs.replace(first.spec.settings, gamma=50.0)
    spec = msgspec.structs.replace(first.spec, settings=settings)
    estimate = msgspec.structs.replace(first.estimate, llc=2 * first.estimate.llc)
    other = msgspec.structs.replace(first, spec=spec, estimate=estimate)
    assert [point.bias for point in problem_costs([first, other])] == pytest.approx([0.1, 1.2])


def test_an_exponent_has_the_error_of_a_line() -> None:
    """Against scipy's regression on points that lie on no line."""
    from scipy.stats import linregress

    dims, seconds = (10, 100, 1000, 10_000), (1.0, 12.0, 70.0, 1500.0)
    costs = [
        ProblemCost(
            entry="a", problem=f"dln/{dim}", gamma=1.0, dim=dim, chains=1, step=step,
            effective=None, goal=None, memory=0, bias=None, runs=1,
        )
        for dim, step in zip(dims, seconds, strict=True)
    ]  # fmt: skip
    (fit,) = growth(costs)
    line = linregress(np.log(dims), np.log(seconds))
    assert (fit.measure, fit.sizes) == ("step", 4)
    assert fit.exponent == pytest.approx(line.slope)
    assert fit.stderr == pytest.approx(line.stderr)
    assert SIZES == 3
    assert len(growth(costs[:3])) == 1
    assert growth(costs[:2]) == []


def test_costs_are_medians_and_the_largest_memory(make_run) -> None:
    times, peaks = (3.0, 1.0, 8.0), (5, 9, 2)
    runs = []
    for replicate, (seconds, peak) in enumerate(zip(times, peaks, strict=True)):
        record = make_run(replicate=replicate, error=0.1 * replicate, seconds=seconds)
        estimate = msgspec.structs.replace(record.estimate, dim=7, peak_bytes=peak)
        runs.append(msgspec.structs.replace(record, estimate=estimate))
    (cost,) = problem_costs(runs)
    settings = runs[0].spec.settings
    steps = settings.num_burnin + settings.num_draws
    assert settings.num_burnin > 0
    assert cost.step == pytest.approx(3.0 / steps / settings.num_chains)
    assert cost.effective == pytest.approx(3.0 / 400)
    assert cost.memory == 9
    assert cost.bias == pytest.approx(0.1)
    goals = [s * (0.02 / (2 * (1 + 0.1 * r)) / GOAL) ** 2 for r, s in enumerate(times)]
    assert cost.goal == pytest.approx(sorted(goals)[1])
