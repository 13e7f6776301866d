"""Estimators by name and options: in suites, specs, labels, truths and costs."""

import math
from collections import Counter
from importlib.metadata import entry_points
from pathlib import Path

import msgspec
import pytest

import llcbench
from llcbench import MALA, SGLD, Budget, Exact, Settings
from llcbench.estimators.extrapolated import Extrapolated
from llcbench.estimators.heat_capacity import HeatCapacity
from llcbench.estimators.regression import TemperatureRegression
from llcbench.estimators.reweighting import Reweighting
from llcbench.estimators.thermodynamic_integration import ThermodynamicIntegration
from llcbench.estimators.two_temperatures import TwoTemperatures
from llcbench.estimators.volume_scaling import VolumeScaling
from llcbench.run import exports as reference
from llcbench.run.execute import compute_truths, execute, truth_key
from llcbench.run.plan import expand
from llcbench.run.store import key_of
from llcbench.run.suite import Group, Suite, canonical_estimator, load
from llcbench.scoring import scores

OURS = "llcbench.estimators."
SMALL = {"nbeta": 100.0, "num_chains": 4, "num_draws": 50, "num_burnin": 10}


def suite(estimator, sampler="mala"):
    group = Group(problems=["poly/x2"], samplers=[sampler], estimator=estimator)
    return Suite(title="t", version=1, replicates=1, settings=SMALL, group=[group])


def test_one_estimator_has_one_text():
    assert (
        canonical_estimator("regression")
        == canonical_estimator("regression[rungs=5]")
        == "regression"
    )
    written = canonical_estimator("regression[ratio=4,intercept=star]")
    assert written == canonical_estimator("regression[intercept=star,ratio=4.0]")
    assert written == "regression[intercept=star,ratio=4.0]"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("regresion", "did you mean 'regression'"),
        ("regression[rung=3]", "did you mean 'rungs'"),
        ("regression[rungs=1]", "rungs must be a whole number of at least 3, got 1"),
        ("regression[intercept=zero]", "'free', 'star'"),
        ("two_temperatures[ratio=1]", "above 1"),
        ("reweighting[ratio=4]", "below 4"),
        ("hessian_rank[tolerance=0]", "above 0 and below 1"),
        ("laplace[a=1]", "it has none"),
        ("volume_scaling[particles=1.5]", "whole number"),
    ],
)
def test_bad_options_are_named_before_anything_runs(text, words):
    with pytest.raises(ValueError, match=words):
        expand(suite(text))


def test_the_label_is_what_the_command_line_reads():
    (spec,) = expand(suite("regression[rungs=3]"))
    assert "estimator=regression,regression.rungs=3" in spec.label
    (again,) = expand(suite("mean_energy"), samplers=[spec.label])
    assert again == spec
    assert key_of(again) == key_of(spec)
    (plain,) = expand(suite("mean_energy"))
    assert "estimator" not in plain.label
    assert plain.label != spec.label


def test_an_estimator_is_measured_against_its_own_target():
    (mean,), (heat,), (half,) = (
        expand(suite(name)) for name in ("mean_energy", "heat_capacity", "extrapolated")
    )
    assert truth_key(mean) == truth_key(half) != truth_key(heat)
    share = 200 / 201
    assert compute_truths(mean).tempered.value == pytest.approx(share / 2)
    assert compute_truths(heat).tempered.value == pytest.approx(share**2 / 2, abs=1e-6)
    assert compute_truths(heat).local == compute_truths(mean).local


def test_every_estimator_runs_by_name():
    own = [e.name for e in entry_points(group="llcbench.estimators") if OURS in e.value]
    assert len(own) == 14
    for name in own:
        (spec,) = expand(suite(name, "sgld[step_size=1e-3]"))
        record = execute(spec, compute_truths(spec))
        estimate = record.estimate
        assert estimate.status == "ok", (name, estimate.message)
        assert estimate.interval[0] <= estimate.llc <= estimate.interval[1]
        assert math.isfinite(estimate.stderr)
        assert record.truths.tempered is not None
        msgspec.json.decode(msgspec.json.encode(record), type=type(record))


def test_committed_records_are_readable():
    path = Path(__file__).parents[3] / "results" / "reference" / "v1" / "smoke.jsonl"
    records = reference.read(path)
    assert len(records) > 40
    kinds = Counter(record.spec.estimator for record in records.values())
    # The rows of the first suite, and one with two replicates for each of its problems.
    assert kinds == {"mean_energy": 48, "self_tuned": 2 * 8}
    tuned = [r for r in records.values() if r.spec.estimator == "self_tuned"]
    assert all(r.estimate.status == "ok" and r.estimate.method for r in tuned)
    by_problem = [score for score in scores(tuned) if score.bias is not None]
    assert len(by_problem) == 8
    assert all(abs(score.bias.z) < 3 for score in by_problem)


def test_every_gradient_is_counted():
    problem = llcbench.problem("poly/x2")
    settings = msgspec.convert(SMALL, Settings)
    one = 4 * 60
    for estimator, runs in [
        (HeatCapacity(SGLD(1e-3), settings), 1),
        (Reweighting(SGLD(1e-3), settings), 1),
        (TwoTemperatures(SGLD(1e-3), settings), 2),
        (Extrapolated(SGLD(1e-3), settings), 1),
        (TemperatureRegression(SGLD(1e-3), settings, rungs=3), 3),
        (ThermodynamicIntegration(SGLD(1e-3), settings), 4),
    ]:
        assert estimator.estimate(problem).grad_evals == runs * one


def test_the_budget_is_that_of_all_runs_together():
    problem, settings = llcbench.problem("poly/x2"), msgspec.convert(SMALL, Settings)
    estimate = TwoTemperatures(SGLD(1e-3), settings).estimate(
        problem, llcbench.RunContext(budget=Budget(grad_evals=300))
    )
    assert (estimate.status, estimate.llc) == ("timeout", None)
    assert estimate.grad_evals == 300
    estimate = TwoTemperatures(MALA(), settings).estimate(
        problem, llcbench.RunContext(budget=Budget(grad_evals=245))
    )
    assert estimate.status == "timeout"


def test_what_an_estimator_cannot_measure_is_skipped():
    data = llcbench.problem("poly/x2/n100")
    settings = msgspec.convert(SMALL | {"batch_size": 10}, Settings)
    cases = [
        (HeatCapacity(SGLD(), settings), data, "full batch"),
        (Reweighting(SGLD(), settings), data, "full batch"),
        (VolumeScaling(None, settings), data, "population loss"),
        (VolumeScaling(), llcbench.problem("regular/d10"), "at most 6"),
        (VolumeScaling(None, Settings(num_chains=2)), llcbench.problem("poly/x2"), "num_chains"),
        (Extrapolated(Exact()), llcbench.problem("poly/x2"), "step_size"),
        (
            Extrapolated(MALA(), Settings(nbeta=100.0, num_draws=50, num_burnin=0)),
            llcbench.problem("poly/x2"),
            "Metropolis",
        ),
        (TwoTemperatures(Exact()), llcbench.problem("regular/d10"), "at most 3"),
    ]
    for estimator, problem, words in cases:
        estimate = estimator.estimate(problem)
        assert estimate.status == "skipped"
        assert words in estimate.message


def test_diverged_chains_have_a_status_and_no_value():
    settings = Settings(nbeta=1e4, num_chains=4, num_draws=300, num_burnin=0)
    found = TwoTemperatures(SGLD(1.0), settings).estimate(llcbench.problem("poly/x2"))
    assert found.status in ("not_finite", "diverged")
    assert found.llc is None
    assert "run 1 of 2" in found.message


def test_few_chains_cannot_give_a_covariance():
    estimator = TemperatureRegression(
        Exact(), msgspec.convert(SMALL, Settings), weights="covariance"
    )
    with pytest.raises(ValueError, match="needs at least 7 chains for 5 rungs, got 4"):
        estimator.estimate(llcbench.problem("poly/x2"))
    with pytest.raises(ValueError, match="above 1, got"):
        TemperatureRegression(None, log_term=True).nbetas(1.0)


def test_the_ladder_suite_is_complete():
    specs = expand(load("ladder"), replicates=1)
    assert {spec.estimator.partition("[")[0] for spec in specs} == {"volume_scaling", "mean_energy"}
    assert len(specs) == 5
