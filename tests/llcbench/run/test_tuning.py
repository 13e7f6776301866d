"""Tuning looks at diagnostics only, counts its gradients, and makes the same choice twice."""

import json

import msgspec
import pytest
from command import here

import llcbench
from llcbench import Settings
from llcbench.records import Spec
from llcbench.registry import parameters_of
from llcbench.run.executors.executor import Serial
from llcbench.run.plan import costs_of, expand, with_grads
from llcbench.run.store import RunStore
from llcbench.run.suite import Group, Suite
from llcbench.run.tuning.resolve import resolve
from llcbench.run.tuning.search import tune

SETTINGS = Settings(nbeta=1e3, gamma=10.0, num_chains=8)


@pytest.fixture(scope="module")
def tuned():
    return tune("regular/d5", "sgld", {}, SETTINGS)


def test_plateau_is_where_the_bias_is_small(tuned):
    """The truth is asked for here only: the largest curvature times the step decides the bias."""
    step = tuned.parameters["step_size"]
    assert 1e-5 < step * 4 * 1e3 / 4 < 0.3
    chosen = next(p for p in tuned.pilots if p.value == step)
    assert chosen.criterion == min(p.criterion for p in tuned.pilots if p.criterion is not None)


def test_the_truth_is_never_asked_for(monkeypatch):
    problem = type(llcbench.problem("regular/d5"))

    def refuse(*_, **__):
        raise AssertionError("tuning has looked at the truth")

    monkeypatch.setattr(problem, "tempered", refuse)
    monkeypatch.setattr(problem, "truth", property(refuse))
    assert tune("regular/d5", "baoab", {}, SETTINGS).varied == "step_size"
    assert tune("regular/d5", "hmc", {}, SETTINGS).varied == "spread"


def test_it_is_deterministic_and_counts_gradients(tuned):
    again = tune("regular/d5", "sgld", {}, SETTINGS)
    assert msgspec.to_builtins(again) == msgspec.to_builtins(tuned)
    # 17 probes and 6 pilots of 8 chains, less the steps that failed early.
    assert 8 * 6 * 400 <= tuned.grad_evals <= 8 * (17 * 60 + 6 * 400)


def test_steps_that_run_away_are_out(tuned):
    failed = [p.value for p in tuned.pilots if p.status != "ok"]
    assert max(failed) == 10.0
    assert min(failed) > tuned.parameters["step_size"]


def test_nothing_to_tune_is_said():
    assert (
        "full batch"
        in tune(
            "regular/d5/n100", "mala", {}, msgspec.structs.replace(SETTINGS, batch_size=10)
        ).reason
    )
    assert "neither" in tune("rrr/2-2-2/r1", "gibbs", {}, SETTINGS).reason


def test_lengths_cost_the_same():
    for name, cost in (("sgld", 1), ("hmc", 8), ("adjusted_mclmc", 8)):
        parameters = parameters_of(llcbench.make_sampler(name, {}))
        assert costs_of(SETTINGS, name, parameters) == cost
        settings, fitted = with_grads(SETTINGS, name, parameters, 2000)
        assert (settings.num_burnin + settings.num_draws) * cost == 2000
        assert fitted.get("adapt", 0) <= settings.num_burnin
    reduced = msgspec.structs.replace(SETTINGS, gradient="control_variate")
    assert costs_of(reduced, "sgld", {}) == 2
    with pytest.raises(ValueError, match="at least 8"):
        with_grads(SETTINGS, "hmc", {}, 80)


def test_suites_are_filled_in_once_and_kept(tmp_path):
    group = Group(problems=["poly/x2y2"], samplers=["sgld"], grads=300, variant="tuned")
    suite = Suite(
        title="t", version=1, replicates=2, group=[group], settings={"nbeta": 1e3, "gamma": 10.0}
    )
    specs = expand(suite)
    store = RunStore(tmp_path)
    tuned, warnings = resolve(specs, store, Serial(), progress=False)
    assert not warnings
    assert len(RunStore(tmp_path).tunings.contents().records) == 1
    assert {s.parameters["step_size"] for s in tuned} != {1e-5}
    assert all(s.tuning_grads > 0 and s.variant == "tuned" for s in tuned)
    kept = next(iter((tmp_path / "tunings").iterdir())).stat().st_mtime_ns
    again, _ = resolve(specs, store, Serial(), progress=False)
    assert again == tuned
    assert next(iter((tmp_path / "tunings").iterdir())).stat().st_mtime_ns == kept


def test_a_sampler_that_cannot_be_tuned_is_named_and_left_out(tmp_path):
    spec = Spec(
        problem="regular/d2", problem_version=1, estimator="mean_energy", sampler="sgld",
        parameters={"step_size": -1.0}, settings=SETTINGS, seed=0, replicate=0, variant="tuned",
    )  # fmt: skip
    left, warnings = resolve([spec], RunStore(tmp_path), Serial(), progress=False)
    assert not left
    assert "sgld on regular/d2 is not tuned" in warnings[0]


def test_command_prints_pilots_choice_and_the_next_command():
    command = ["tune", "sgld", "poly/x2", "--set", "nbeta=1e3", "--set", "num_chains=4"]
    done = here(*command)
    assert done.returncode == 0, done.stderr
    assert "<- chosen" in done.stdout
    assert "run:  llcbench run smoke -p poly/x2 -s 'sgld[step_size=" in done.stdout
    plain = here(*command, "--json")
    assert json.loads(plain.stdout)["varied"] == "step_size"
    wrong = here("tune", "sgdl", "poly/x2")
    assert wrong.returncode == 2
    assert "did you mean 'sgld'" in wrong.stderr
