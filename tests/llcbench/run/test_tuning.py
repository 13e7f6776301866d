"""Tuning looks at diagnostics only, counts its gradients, and makes the same choice twice."""

import json
import shlex
from pathlib import Path

import msgspec
import pytest
from command import here

import llcbench
from llcbench import Settings
from llcbench.cli.options import pairs_of
from llcbench.records import Spec
from llcbench.registry import parameters_of
from llcbench.run.executors.executor import Serial
from llcbench.run.plan import costs_of, expand, with_grads
from llcbench.run.store import RunStore
from llcbench.run.suite import Group, Suite, load, settings_of
from llcbench.run.tuning import search
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
    assert "run:  llcbench run smoke -p poly/x2" in done.stdout
    plain = here(*command, "--json")
    assert json.loads(plain.stdout)["varied"] == "step_size"


OWN = """
import torch, llcbench
torch.manual_seed(0)
x = torch.randn(40, 3)
net = torch.nn.Linear(3, 1)
other = 3
problem = llcbench.from_module(net, lambda f, y: (f - y).square().sum(1), (x, net(x)))
"""
PLUGIN = """
import torch, llcbench

@llcbench.sampler("other-euler")
def euler(theta, target, rng, *, step_size=1e-4, scale=1.0):
    _, grad, loss = target.potential_and_grad(theta)
    noise = torch.randn(theta.shape, generator=rng, dtype=theta.dtype)
    return theta - step_size / 2 * grad + scale * step_size**0.5 * noise, loss
"""
SHORT = ("--set", "num_draws=100", "--set", "num_burnin=50", "--no-progress")


@pytest.fixture
def own(tmp_path: Path) -> str:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return str(path)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pilots of a few steps, and few of them: a network takes a millisecond a step."""
    monkeypatch.setattr(search, "STEPS", (1e-3, 1e-2, 1e-1))
    monkeypatch.setattr(search, "PROBE_GRADS", 20)
    monkeypatch.setattr(search, "PILOT_GRADS", 100)


def next_command(text: str) -> list[str]:
    """Return the words of the command that tuning prints."""
    return shlex.split(text.splitlines()[-1].removeprefix("run:  llcbench "))


def value_of(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


@pytest.mark.usefixtures("short")
def test_a_network_is_tuned_at_the_settings_of_its_run(own: str) -> None:
    """The printed command is one, with the temperature of the pilots and the chosen step."""
    asked = ("tune", "sgld", own, "--set", "nbeta=20", "--set", "gamma=5")
    done = here(*asked)
    assert done.returncode == 0, done.stderr
    words = next_command(done.stdout)
    assert words[:2] == ["estimate", own]
    step = float(value_of(words, "-s").removeprefix("sgld[step_size=").removesuffix("]"))
    assert step in search.STEPS
    row = json.loads(here(*words, *SHORT, "--json").stdout)[0]
    assert (row["status"], row["nbeta"], row["gamma"]) == ("ok", 20.0, 5.0)
    assert len(row["llc_per_chain"]) == 4
    pilots = json.loads(here(*asked, "--json").stdout)["pilots"]
    chosen = next(pilot for pilot in pilots if pilot["value"] == step)
    assert abs(row["llc"] - chosen["llc"]) < 5 * (row["mcse"] ** 2 + chosen["mcse"] ** 2) ** 0.5


def test_an_object_is_tuned_as_its_id_is(tuned) -> None:
    again = tune(llcbench.problem("regular/d5"), "sgld", {}, SETTINGS)
    assert msgspec.to_builtins(again) == msgspec.to_builtins(tuned)


@pytest.mark.parametrize(
    ("sampler", "problem", "sets"),
    [
        ("mala[adapt=40]", "rrr/2-2-2/r1/n1000", ()),
        ("mala", "poly/x2y2", ("gamma=3",)),
        ("mala", "rrr/2-2-2/r1/n1000", ("dtype=float32", "num_chains=8")),
    ],
)
def test_the_printed_run_has_the_settings_of_the_pilots(
    sampler: str, problem: str, sets: tuple[str, ...]
) -> None:
    options = [word for text in sets for word in ("--set", text)]
    done = here("tune", sampler, problem, *options)
    assert done.returncode == 0, done.stderr
    words = next_command(done.stdout)
    assert words[:4] == ["run", "smoke", "-p", problem]
    given = [words[place + 1] for place, word in enumerate(words) if word == "--set"]
    overrides = pairs_of(tuple(given))
    (spec,) = expand(load("smoke"), samplers=[value_of(words, "-s")], problems=[problem],
                     replicates=1, overrides=overrides)  # fmt: skip
    same = {"num_draws": 1, "num_burnin": 1}
    wanted = settings_of(pairs_of(sets), same)
    assert settings_of(msgspec.structs.asdict(spec.settings), same) == wanted
    assert "spread" in spec.parameters
    if "adapt" in sampler:
        assert spec.parameters["adapt"] == 40


@pytest.mark.usefixtures("short")
def test_the_printed_run_brings_the_script_of_its_sampler(own: str, tmp_path: Path) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text(PLUGIN)
    done = here("tune", "other-euler[scale=1.0]", own, "--load", str(plugin))
    assert done.returncode == 0, done.stderr
    words = next_command(done.stdout)
    assert value_of(words, "--load") == str(plugin)
    assert value_of(words, "-s").startswith("other-euler[scale=1.0,step_size=")
    assert here(*words, *SHORT).returncode == 0


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ("none.py", "no Python file 'none.py'; write FILE.py, FILE.py:NAME, or the id"),
        ("poli/x2", "did you mean 'poly/x2'?"),
        ("OWN:absent", "has no 'absent' made by llcbench.from_module"),
        ("OWN:other", "has no 'other' made by llcbench.from_module"),
    ],
)
def test_what_is_no_problem_is_one_line(own: str, problem: str, words: str) -> None:
    done = here("tune", "sgld", problem.replace("OWN", own))
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_script_without_a_problem_and_an_unknown_sampler_are_one_line(
    own: str, tmp_path: Path
) -> None:
    (tmp_path / "empty.py").write_text("x = 1\n")
    for arguments, words in (
        (("sgld", str(tmp_path / "empty.py")), "has no 'problem' made by llcbench.from_module"),
        (("sgdl", "poly/x2"), "did you mean 'sgld'"),
        (("sgld", own, "--set", "gama=1"), "'gama'"),
    ):
        wrong = here("tune", *arguments)
        assert wrong.returncode == 2
        assert words in wrong.stderr
        assert len(wrong.stderr.strip().splitlines()) == 1


def test_a_way_out_of_the_full_batch_is_named(own: str) -> None:
    Path(own).write_text(OWN.replace("40", "300"))
    done = here("tune", "mala", own)
    assert (done.returncode, "nothing to tune" in done.stdout) == (0, True)
    assert "--set batch_size=none" in done.stdout
