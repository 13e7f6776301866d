"""Packages that are not there, or in a version that the adapters do not run."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest

from llcbench import registry
from llcbench.adapters import packages
from llcbench.records import Spec
from llcbench.registry import sampler_names
from llcbench.run.execute import execute
from llcbench.settings import Settings

RUNS = [
    ("devinterp", "devinterp", "devinterp_sgld"),
    ("devinterp", "devinterp[baseline=exact]", "devinterp_sgnht"),
    ("devinterp", "mean_energy", "devinterp_rmsprop"),
    ("posteriors", "mean_energy", "posteriors_baoa"),
    ("blackjax", "mean_energy", "nuts"),
]


def record(estimator, sampler):
    parameters = registry.parameters_of(registry.make_sampler(sampler, {}))
    spec = Spec(
        problem="regular/d2",
        problem_version=1,
        estimator=estimator,
        sampler=sampler,
        parameters=parameters,
        settings=Settings(nbeta=100.0, num_chains=2, num_draws=20, num_burnin=0),
        seed=0,
        replicate=0,
    )
    return execute(spec, None).estimate


@pytest.mark.parametrize(("package", "estimator", "sampler"), RUNS)
def test_a_missing_package_is_a_skipped_run(monkeypatch, package, estimator, sampler):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packages, "version", absent)
    made = record(estimator, sampler)
    extra = packages.PEERS[package].extra
    assert made.status == "skipped"
    assert made.message == f"{package} is not installed: pip install 'llcbench[{extra}]'"


def test_the_second_version_of_devinterp_is_a_skipped_run(monkeypatch):
    monkeypatch.setattr(packages, "version", lambda name: "2.0.1")
    found = record("devinterp", "devinterp_sgld")
    assert found.status == "skipped"
    assert found.message.startswith("devinterp 2.0.1 measures language models only")


def test_canonical_interp_is_a_skipped_run():
    found = record("mean_energy", "canonical_sgld")
    assert found.status == "skipped"
    assert "needs Python 3.12" in found.message


def test_no_package_is_imported_before_it_runs():
    names = [name for name in sampler_names() if "_" in name or name == "nuts"]
    code = f"""
import sys
from llcbench import registry
for name in {names}:
    registry.make_sampler(name, {{}})
registry.make_estimator("devinterp", {{}})
print(sorted({{"jax", "blackjax", "devinterp", "posteriors", "pandas"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
