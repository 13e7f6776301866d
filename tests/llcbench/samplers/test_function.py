"""A sampler from a script of one's own, through the command line."""

import json

import pytest
from command import here, process

import llcbench
from llcbench.samplers.function import factory

SCRIPT = """
import torch
import llcbench

@llcbench.sampler("mine")
def mine(theta, target, rng, *, step_size=1e-5):
    _, grad, loss = target.potential_and_grad(theta)
    noise = torch.empty_like(theta).normal_(generator=rng)
    return theta - 0.5 * step_size * grad + step_size**0.5 * noise, loss
"""


def run(call, store, script, *options, sampler="mine[step_size=1e-4]"):
    return call(
        "run", "smoke", "--load", str(script), "-s", sampler, "-p", "poly/x2",
        "--replicates", "1", "--set", "num_draws=200", "--set", "num_burnin=50",
        "--store", str(store), *options,
    )  # fmt: skip


def score(store):
    (found,) = json.loads(here("score", "--store", str(store), "--json").stdout)
    return found


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def test_runs_from_a_script_in_both_executors(tmp_path, script):
    results = {}
    for executor, call in (("serial", here), ("processes", process)):
        store = tmp_path / executor
        done = run(call, store, script, "--executor", executor, "--workers", "1")
        assert done.returncode == 0, done.stderr
        results[executor] = score(store)
        for name in ("seconds", "peak_bytes"):
            del results[executor][name]
    assert results["serial"] == results["processes"]
    result = results["serial"]
    assert result["sampler"] == "mine[step_size=0.0001]"
    assert result["statuses"] == {"ok": 1}
    # The step is stable (4 / curvature is 1e-3): the estimate is of the order of 1/2.
    assert 0.2 < result["mean"]["value"] < 1.5


def test_function_gives_the_numbers_of_the_class_with_the_same_step(tmp_path, script):
    mine = llcbench.MeanEnergy(_from(script)(step_size=1e-4), _settings()).estimate(_problem())
    ours = llcbench.MeanEnergy(llcbench.SGLD(1e-4), _settings()).estimate(_problem())
    assert mine.llc == pytest.approx(ours.llc, rel=1e-12)
    # A function does not say which steps it makes, so that their bias is not known.
    unknown = {"identity", "discretisation", "batch_noise"}
    names = [guard.name for guard in ours.guards if guard.name not in unknown]
    assert [guard.name for guard in mine.guards] == names


def test_an_unknown_option_is_named(tmp_path, script):
    done = run(here, tmp_path / "store", script, sampler="mine[stepsize=1]")
    assert done.returncode == 2
    assert "mine has no option 'stepsize'; did you mean 'step_size'?" in done.stderr


def test_a_script_that_fails_is_named(tmp_path, script):
    script.write_text("import llcbench\n1 / 0\n")
    done = run(here, tmp_path / "store", script)
    assert done.returncode == 2
    assert "script.py" in done.stderr
    assert "ZeroDivisionError" in done.stderr


def test_a_function_of_the_wrong_form_is_refused():
    def no_default(theta, target, rng, *, step_size):
        return theta, theta

    with pytest.raises(TypeError, match="keyword-only"):
        llcbench.sampler("no-default")(no_default)
    with pytest.raises(TypeError, match="keyword-only"):
        factory("short", lambda theta: theta)
    with pytest.raises(ValueError, match="lower-case"):
        llcbench.sampler("No Name")


def _from(script):
    space = {}
    exec(script.read_text().replace('@llcbench.sampler("mine")', ""), space)
    return factory("mine", space["mine"])


def _settings():
    return llcbench.Settings(nbeta=1e3, num_chains=8, num_draws=200, num_burnin=50)


def _problem():
    return llcbench.problem("poly/x2")
