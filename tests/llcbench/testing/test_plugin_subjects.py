"""What can be run and gated: names, objects, functions, estimators, and any number."""

import json
import math
import re

import pytest
from short_runs import FEW, SHORT

from llcbench import Exact, MeanEnergy
from llcbench.run.store import RunStore
from llcbench.testing.session import Session


def test_names_registered_in_a_test_file_are_run_anew(run_tests, tmp_path, monkeypatch):
    monkeypatch.setattr("llcbench.registry._LOCAL_SAMPLERS", {})
    source = f"""
    import torch
    import llcbench

    @llcbench.sampler("mine")
    def mine(theta, target, rng, *, step_size=2e-5):
        _, grad, loss = target.potential_and_grad(theta)
        noise = torch.empty_like(theta).normal_(generator=rng)
        return theta - 0.5 * step_size * grad + step_size**0.5 * noise, FACTOR * loss

    def test_it(llc_run, llc_gate):
        score = llc_run("poly/x2", "mine[step_size=1e-4]", {SHORT})
        print("mean", score.mean.value)
        llc_gate(score, z=1e6)
    """
    means = []
    for factor in ("1.0", "2.0"):
        text = source.replace("FACTOR", factor)
        result = run_tests(text, "-s", "--llc-store", str(tmp_path))
        result.assert_outcomes(passed=1)
        means += re.findall(r"mean ([0-9.e-]+)", result.stdout.str())
    assert float(means[1]) == pytest.approx(2 * float(means[0]))


def test_objects_and_functions_run_without_a_name(run_tests, tmp_path):
    source = f"""
    import torch, pytest
    import llcbench

    def mine(theta, target, rng, *, step_size=2e-5):
        _, grad, loss = target.potential_and_grad(theta)
        noise = torch.empty_like(theta).normal_(generator=rng)
        return theta - 0.5 * step_size * grad + step_size**0.5 * noise, loss

    def raises(theta, target, rng, *, step_size=2e-5):
        raise KeyError("oops")

    def test_object(llc_run, llc_gate):
        llc_gate(llc_run("poly/x2", llcbench.MALA(adapt=300), {SHORT}))

    def test_function(llc_run, llc_gate):
        llc_gate(llc_run("poly/x2", mine, {SHORT}), z=1e6)

    def test_error(llc_run, llc_gate):
        llc_gate(llc_run("poly/x2", raises, {SHORT}))

    def test_declined(llc_run, llc_gate):
        llc_gate(llc_run("poly/x2", "gibbs", {SHORT}))
    """
    result = run_tests(source, "--llc-store", str(tmp_path))
    result.assert_outcomes(passed=2, failed=2, warnings=1)
    result.stdout.fnmatch_lines(
        [
            "*2 of 2 runs failed (error: KeyError: 'oops' (*.py:*))",
            "*reproduce*pytest*::test_error --llc-seed 0 --llc-replicates 2",
            "*2 of 2 runs failed (skipped: gibbs needs a linear network*",
        ]
    )
    specs = [json.loads(p.read_text())["spec"] for p in (tmp_path / "runs").glob("*.json")]
    results = {spec["sampler"]: spec["parameters"] for spec in specs}
    assert results["object.mine"] == {"step_size": 2e-5}
    assert set(results) == {"object.mala", "object.mine", "object.raises", "gibbs"}


def test_any_number_with_an_error_is_gated(run_tests):
    """On poly/x2 the local coefficient is 1/2; the tempered one is below it."""
    source = """
    import pytest

    @pytest.mark.parametrize("value", [0.5, 0.54, 0.46])
    def test_passes(llc_gate, value):
        llc_gate(value, 0.01, problem="poly/x2", against="local")

    @pytest.mark.parametrize("value", [0.55, 0.45])
    def test_fails(llc_gate, value):
        llc_gate(value, 0.01, problem="poly/x2", against="local")

    @pytest.mark.parametrize("value", [0.55, 0.45])
    def test_few_repetitions_allow_more(llc_gate, value):
        llc_gate(value, 0.01, problem="poly/x2", against="local", dof=7)

    def test_tempered(llc_gate):
        import llcbench
        truth = llcbench.problem("poly/x2").tempered(100.0, 50.0)
        llc_gate(truth.value + 0.04, 0.01, problem="poly/x2", nbeta=100.0, gamma=50.0)
        with pytest.raises(pytest.fail.Exception, match="off the tempered value"):
            llc_gate(truth.value + 0.06, 0.01, problem="poly/x2", nbeta=100.0, gamma=50.0)
        with pytest.raises(pytest.fail.Exception, match="off the tempered value"):
            llc_gate(truth.value, 0.001, problem="poly/x2", nbeta=100.0)

    def test_defaults_are_those_of_llc_run(llc_run, llc_gate):
        score = llc_run("poly/x2", "exact", num_draws=8, num_burnin=1, replicates=1)
        value = score.tempered.value
        llc_gate(value, 1e-9 + 10 * score.tempered.stderr, problem="poly/x2")

    def test_data(llc_gate):
        import llcbench
        problem = llcbench.problem("regular/d2/n50")
        data = problem.sample_data(llcbench.Seeds(5).generator("data"))
        truth = problem.tempered(20.0, 1.0, data)
        setting = {"problem": "regular/d2/n50", "nbeta": 20.0}
        llc_gate(truth.value, 0.001, data=data, **setting)
        with pytest.raises(ValueError, match="depends on its data set: give data="):
            llc_gate(truth.value, 0.001, **setting)
        llc_gate(1.0, 0.001, against="local", **setting)
    """
    result = run_tests(source)
    result.assert_outcomes(passed=8, failed=2)
    result.stdout.fnmatch_lines(
        [
            "0.55 on poly/x2: the estimate is off the local value",
            "*estimate*0.55 +- 0.01 (given)",
            "*local*1/2 (multiplicity 1)",
            "*global*1/2",
            "*bias*+0.05 +- 0.01, z = 5.00, limit 4.89, against the local value (false alarm 1e-06,"
            " normal error)",
            "*reproduce*pytest *test_fails*",
        ]
    )


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((math.nan, 0.1), {}, "value must be a finite number, got nan"),
        ((math.inf, 0.1), {}, "value must be a finite number, got inf"),
        ((None, 0.1), {}, "value must be a number, got None"),
        ((0.5, -0.1), {}, "stderr must be above 0, got -0.1"),
        ((0.5, 0.0), {}, "stderr must be above 0, got 0.0"),
        ((0.5, math.nan), {}, "stderr must be a finite number, got nan"),
        ((0.5, 0.1), {"problem": "poly/nothing"}, "poly/nothing"),
        ((0.5, 0.1), {"problem": "noly/x2"}, "unknown problem 'noly/x2'"),
        ((0.5, 0.1), {"dof": 0}, "dof must be above 0, got 0"),
        ((0.5, 0.1), {"nbeta": -1.0}, "nbeta must be above 0"),
        ((0.5, 0.1), {"gamma": -1.0}, "gamma must be at least 0"),
        ((0.5, 0.1), {"against": "global"}, "'tempered' or 'local'"),
        ((0.5, 0.1), {"z": -1.0}, "z must be a number of standard errors"),
        ((0.5,), {}, "missing 1 required positional argument: 'stderr'"),
    ],
)
def test_numbers_that_cannot_be_gated_are_refused(tmp_path, args, kwargs, message):
    session = Session(store=RunStore(tmp_path))
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        session.gate("test", *args, **{"problem": "poly/x2"} | kwargs)


def test_a_number_without_a_problem_is_refused(tmp_path):
    words = "llc_gate takes a score of llc_run, or a number with an error and a problem"
    with pytest.raises(TypeError, match=words):
        Session(store=RunStore(tmp_path)).gate("test", 0.5, 0.1)


def test_estimators_run_by_name_and_as_objects(run_tests, tmp_path):
    source = f"""
    from dataclasses import dataclass, field
    import pytest
    import llcbench
    from llcbench import Exact, RunContext, Settings

    SHORT = Settings(nbeta=1e3, num_chains=16, num_draws=100, num_burnin=1)

    def test_name(llc_run, llc_gate):
        score = llc_run("poly/x2", "exact", estimator="two_temperatures", {FEW})
        assert score.estimator == "two_temperatures"
        llc_gate(score)

    def test_sampler_object(llc_run, llc_gate):
        score = llc_run("poly/x2", Exact(), estimator="two_temperatures[ratio=1.5]", {FEW})
        assert score.estimator == "two_temperatures[ratio=1.5]"
        llc_gate(score)

    def test_object(llc_run, llc_gate):
        score = llc_run("poly/x2", estimator=llcbench.TwoTemperatures(Exact(), SHORT))
        assert (score.estimator, score.replicates) == ("object.twotemperatures", 3)
        assert score.tempered_method == "slope of Mellin-Barnes"
        llc_gate(score)

    @dataclass(frozen=True)
    class Mine:
        factor: float = 1.0
        sampler: Exact = Exact()
        settings: Settings = SHORT
        def estimate(self, problem, context=RunContext()):
            import msgspec
            made = llcbench.MeanEnergy(self.sampler, self.settings).estimate(problem, context)
            chains = [self.factor * value for value in made.llc_per_chain]
            llc = self.factor * made.llc
            return msgspec.structs.replace(made, llc=llc, llc_per_chain=chains)

    def test_own(llc_run, llc_gate):
        score = llc_run("poly/x2", estimator=Mine(), replicates=2)
        assert (score.estimator, score.sampler) == (
            "object.mine", "object.exact[estimator=object.mine,resolution=0.001]")
        llc_gate(score)

    def test_own_wrong(llc_run, llc_gate):
        llc_gate(llc_run("poly/x2", estimator=Mine(1.4), replicates=2))

    class Bare:
        def estimate(self, problem, context=RunContext()):
            return llcbench.MeanEnergy(Exact(), SHORT).estimate(problem, context)

    def test_bare(llc_run, llc_gate):
        score = llc_run("poly/x2", estimator=Bare(), {FEW})
        assert score.sampler == "none[estimator=object.bare]"
        llc_gate(score)

    class Raises:
        def estimate(self, problem, context=RunContext()):
            raise KeyError("oops")

    def test_raises(llc_run, llc_gate):
        llc_gate(llc_run("poly/x2", estimator=Raises(), replicates=1))
    """
    result = run_tests(source, "--llc-store", str(tmp_path))
    result.assert_outcomes(passed=5, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*object.mine* on poly/x2: the estimate is off the tempered value",
            "*reproduce*pytest *::test_own_wrong --llc-seed 0 --llc-replicates 2",
            "*1 of 1 runs failed (error: KeyError: 'oops'*",
        ]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sampler": "mala", "estimator": "nothing"}, "unknown estimator 'nothing'"),
        ({"sampler": "mala", "estimator": "regression[rings=3]"}, "no option 'rings'"),
        ({"estimator": "regression"}, "estimator 'regression' needs a sampler"),
        ({"sampler": "mala", "estimator": 3}, "3 is no estimator"),
        ({"estimator": MeanEnergy}, "is no estimator: give a name such as 'regression[rungs=6]'"),
        ({"estimator": MeanEnergy(Exact()), "sampler": "mala"}, "holds its sampler: give no other"),
        ({"estimator": MeanEnergy(Exact()), "gamma": 3.0}, "settings of its own: give gamma to"),
        ({"sampler": "mala", "num_chain": 3}, "llc_run has no setting 'num_chain'"),
        ({}, "estimator 'mean_energy' needs a sampler"),
    ],
)
def test_estimators_that_cannot_be_run_are_refused(tmp_path, arguments, message):
    session = Session(store=RunStore(tmp_path))
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        session.run("poly/x2", **arguments)
