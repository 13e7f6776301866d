"""Every statistic of a score against numbers worked out by hand."""

import itertools
import math

import pytest
from scipy import stats

from llcbench.records import (
    Estimate,
    ExactValue,
    Guard,
    RunRecord,
    Spec,
    TemperedTruth,
    Truths,
)
from llcbench.scoring import Proportion, Score, Uncertain, scores
from llcbench.settings import Settings

# Two-sided quantiles of Student's t with 15 degrees of freedom (16 chains), from printed tables.
T80, T90, T95 = 1.341, 1.753, 2.131


def guard(name: str, passed: bool) -> Guard:
    return Guard(name=name, value=1.2, limit="< 1.05", passed=passed, meaning="longer")


def run(
    replicate: int = 0,
    llc: float | None = 2.0,
    *,
    tempered: tuple[float, float] | None = (2.0, 0.0),
    certified: bool = True,
    local: str = "5/2",
    mcse: float = 0.1,
    chains: int = 16,
    spec: dict | None = None,
    estimate: dict | None = None,
) -> RunRecord:
    """Return a run whose every number is given."""
    values = {
        "problem": "poly/x2y2", "problem_version": 1, "estimator": "mean_energy",
        "sampler": "sgld", "parameters": {"step_size": 0.5},
        "settings": Settings(nbeta=50.0, gamma=3.0, num_chains=chains), "seed": 0,
    }  # fmt: skip
    truth = None if tempered is None else TemperedTruth(
        value=tempered[0], stderr=tempered[1], method="quadrature", certified=certified
    )  # fmt: skip
    outcome = {"status": "ok", "nbeta": 49.5, "gamma": 3.0} | (estimate or {})
    if outcome["status"] == "ok":
        outcome = {"llc": llc, "mcse": mcse} | outcome
    return RunRecord(
        key=str(replicate), spec=Spec(**(values | {"replicate": replicate} | (spec or {}))),
        estimate=Estimate(**outcome), environment="here",
        truths=Truths(
            local=ExactValue(value=local, multiplicity=2, source="a"),
            global_=ExactValue(value="3/4", multiplicity=1, source="b"), tempered=truth,
        ),
    )  # fmt: skip


def score(*records: RunRecord) -> Score:
    (only,) = scores(records)
    return only


def test_means_and_errors_by_hand() -> None:
    """Estimates 1, 2, 6: mean 3, variance 7; claimed errors 0.3, 0.4, 1.2 have the norm 1.3."""
    found = score(run(0, 1.0, mcse=0.3), run(1, 2.0, mcse=0.4), run(2, 6.0, mcse=1.2))
    assert found.mean.value == pytest.approx(3)
    assert found.sd == pytest.approx(math.sqrt(7))
    # The observed error sqrt(7/3) is larger than the claimed one 1.3/3.
    assert found.mean.stderr == pytest.approx(math.sqrt(7 / 3))
    assert found.bias == Uncertain(pytest.approx(1), pytest.approx(math.sqrt(7 / 3)))
    assert found.bias_local == Uncertain(pytest.approx(0.5), pytest.approx(math.sqrt(7 / 3)))
    # Distances to 2 are -1, 0, 4.
    assert found.rmse == pytest.approx(math.sqrt(17 / 3))
    assert found.relative_error == pytest.approx(1 / 2)
    assert found.relative_error_local == pytest.approx(0.5 / 2.5)
    assert found.gap == Uncertain(pytest.approx(-0.5), 0.0)


def test_the_larger_error_is_reported() -> None:
    """Two estimates at 0.1 on either side: observed error 0.1, claimed sqrt(0.09 + 0.16) / 2."""
    found = score(run(0, 1.9, mcse=0.3), run(1, 2.1, mcse=0.4))
    assert found.sd == pytest.approx(math.sqrt(0.02))
    assert found.mean.stderr == pytest.approx(0.25)
    small = score(run(0, 1.9, mcse=0.03), run(1, 2.1, mcse=0.04))
    assert small.mean.stderr == pytest.approx(0.1)


def test_one_replicate_has_its_claimed_error_and_no_spread() -> None:
    found = score(run(0, 2.5, mcse=0.3, tempered=(2.0, 0.4)))
    assert found.sd is None
    assert found.mean == Uncertain(2.5, 0.3)
    assert found.bias == Uncertain(0.5, pytest.approx(0.5))
    assert found.bias.z == pytest.approx(1.0)


def test_a_truth_that_replicates_share_has_its_own_error() -> None:
    shared = score(*(run(r, 2.0, tempered=(2.0, 0.4)) for r in range(4)))
    assert shared.tempered == Uncertain(2.0, 0.4)
    assert shared.gap == Uncertain(-0.5, 0.4)
    # Truths of separate data sets have independent errors: norm (0.3, 0.4) over 2.
    own = score(run(0, 2.0, tempered=(1.9, 0.3)), run(1, 2.0, tempered=(2.1, 0.4)))
    assert own.tempered == Uncertain(pytest.approx(2.0), pytest.approx(0.25))


def test_each_run_is_compared_with_the_truth_of_its_own_data() -> None:
    found = score(run(0, 1.5, tempered=(1.0, 0.0)), run(1, 3.5, tempered=(3.0, 0.0)))
    assert found.bias.value == pytest.approx(0.5)
    # The estimates differ by 2, their distances to the truth not at all: only the claimed error.
    assert found.bias.stderr == pytest.approx(math.hypot(0.1, 0.1) / 2)
    assert found.rmse == pytest.approx(0.5)
    assert found.sd == pytest.approx(math.sqrt(2))


def test_without_a_tempered_truth_there_is_a_mean_and_nothing_else() -> None:
    found = score(run(0, 1.0, tempered=None))
    assert found.mean == Uncertain(1.0, 0.1)
    assert found.bias_local == Uncertain(-1.5, 0.1)
    for name in ("tempered", "tempered_method", "bias", "gap", "rmse", "relative_error"):
        assert getattr(found, name) is None
    assert found.coverage90 is None


def test_bounds_are_no_value_to_compare_with() -> None:
    found = score(run(0, 1.0, local="[1, 3/2]"))
    assert found.local == "[1, 3/2]"
    assert found.gap is found.bias_local is found.relative_error_local is None
    assert found.bias.value == -1.0


@pytest.mark.parametrize("side", [-1, 1])
def test_coverage_counts_intervals_of_90_percent_on_both_sides(side: int) -> None:
    """Distances in units of the error, around the quantiles of 80, 90 and 95 %."""
    around = [(T80 + T90) / 2, T90 - 0.01, T90 + 0.01, (T90 + T95) / 2, 20.0]
    records = [run(r, 2.0 + side * t * 0.1, mcse=0.1) for r, t in enumerate(around)]
    assert score(*records).coverage90 == Proportion(2, 5)


def test_coverage_has_the_quantile_of_few_chains() -> None:
    """Four chains have 3 degrees of freedom, 2.353; two have a normal error, 1.645."""
    for chains, quantile in ((4, 2.3534), (2, 1.6449), (64, 1.6694)):
        inside, outside = (
            run(r, 2.0 + 0.1 * quantile * factor, chains=chains)
            for r, factor in enumerate((0.999, 1.001))
        )
        assert score(inside, outside).coverage90 == Proportion(1, 2)


def test_the_error_of_the_truth_widens_the_interval() -> None:
    """Errors 0.3 and 0.4 make 0.5."""
    records = [run(r, 2.0 + d, mcse=0.3, tempered=(2.0, 0.4)) for r, d in enumerate((0.87, 0.88))]
    assert score(*records).coverage90 == Proportion(1, 2)


def test_failed_and_skipped_runs_are_counted_and_have_no_estimate() -> None:
    records = [
        run(0, 3.0, estimate={"guards": [guard("rhat", False), guard("ess", False)]}),
        run(1, 5.0, estimate={"guards": [guard("rhat", False), guard("ess", True)]}),
        run(2, 4.0, estimate={"guards": [guard("rhat", True)]}),
        run(3, estimate={"status": "diverged"}),
        run(4, estimate={"status": "diverged"}),
        run(5, estimate={"status": "skipped"}),
        run(6, estimate={"status": "timeout"}),
    ]
    found = score(*records)
    assert found.replicates == 7
    assert found.failures == Proportion(4, 7)
    assert found.mean.value == pytest.approx(4)
    assert found.coverage90.trials == 3
    assert found.flagged == 2
    assert found.statuses == {"diverged": 2, "ok": 3, "skipped": 1, "timeout": 1}
    assert found.failed_guards == {"ess": 1, "rhat": 2}


def test_a_group_of_failures_still_says_what_was_asked() -> None:
    found = score(*(run(r, estimate={"status": "crashed"}) for r in range(2)))
    assert found.mean is found.sd is found.bias is found.rmse is found.coverage90 is None
    assert found.tempered == Uncertain(2.0, 0.0)
    assert found.gap.value == pytest.approx(-0.5)
    assert found.ess_per_grad is None


def test_costs_by_hand() -> None:
    times = [(1.0, 2.0, 300), (3.0, 4.0, 200), (0.5, 0.5, 100)]
    costs = [{"ess_bulk": 10.0, "grad_evals": 100}, {"ess_bulk": 90.0, "grad_evals": 300}, {}]
    records = [
        run(r, estimate={"seconds_setup": a, "seconds_sampling": b, "peak_bytes": c} | cost)
        for r, ((a, b, c), cost) in enumerate(zip(times, costs, strict=True))
    ]
    found = score(*records)
    assert found.seconds == pytest.approx(11 / 3)
    assert found.peak_bytes == 300
    # The mean of 0.1 and 0.3; the third run counted nothing.
    assert found.ess_per_grad == pytest.approx(0.2)


def test_a_score_names_what_was_run() -> None:
    found = score(run(0), run(1))
    assert found.sampler == "sgld[step_size=0.5]"
    assert (found.problem, found.variant, found.estimator) == ("poly/x2y2", "", "mean_energy")
    assert found.nbeta == 49.5
    assert found.settings.nbeta == 50.0
    assert (found.local, found.local_multiplicity, found.global_) == ("5/2", 2, "3/4")
    assert (found.tempered_method, found.tempered_certified) == ("quadrature", True)


def test_one_truth_that_is_not_certified_is_enough() -> None:
    assert not score(run(0), run(1, certified=False)).tempered_certified


OTHERS = {
    "problem": {"problem": "poly/x2y4"},
    "version": {"problem_version": 2},
    "sampler": {"sampler": "mala"},
    "hyper-parameters": {"parameters": {"step_size": 0.25}},
    "estimator": {"estimator": "regression[rungs=6]"},
    "temperature": {"settings": Settings(nbeta=60.0, gamma=3.0)},
    "localisation": {"settings": Settings(nbeta=50.0, gamma=2.0)},
    "chains": {"settings": Settings(nbeta=50.0, gamma=3.0, num_chains=8)},
    "batch": {"settings": Settings(nbeta=50.0, gamma=3.0, batch_size=8)},
    "seed": {"seed": 1},
    "variant": {"variant": "tuned"},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_runs_that_differ_are_never_merged(other: dict) -> None:
    """Whatever differs but the replicate: two scores, each with its own runs."""
    records = [run(0, 1.0), run(1, 3.0), run(0, 5.0, spec=other), run(1, 9.0, spec=other)]
    for order in itertools.islice(itertools.permutations(records), 0, 24, 5):
        found = scores(order)
        assert sorted(s.mean.value for s in found) == [2.0, 7.0]
        assert [s.replicates for s in found] == [2, 2]


def test_what_does_not_decide_numbers_does_not_split_a_score() -> None:
    """The control: replicates, and what the tuning cost, make no other score."""
    records = [run(0), run(1), run(2, spec={"tuning_grads": 7})]
    assert len(scores(records)) == 1


def test_z_is_the_value_in_units_of_its_error() -> None:
    assert Uncertain(-0.3, 0.1).z == pytest.approx(-3)
    assert Uncertain(0.3, 0.0).z == math.inf
    assert Uncertain(0.0, 0.0).z == 0.0


def test_proportions_have_their_wilson_interval() -> None:
    half = Proportion(3, 8)
    assert half.value == 0.375
    wanted = stats.binomtest(3, 8).proportion_ci(0.9, "wilson")
    assert half.interval == pytest.approx(tuple(wanted), abs=1e-6)
    assert math.isnan(Proportion(0, 0).value)
    assert Proportion(0, 0).interval == (0.0, 1.0)
