"""Memory is known beforehand, and what cannot fit is not started."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from llcbench import registry
from llcbench.cli.commands import cli
from llcbench.records import Spec
from llcbench.run.executors.processes import Processes
from llcbench.run.memory import needs as memory
from llcbench.run.memory import replica
from llcbench.run.plan import expand
from llcbench.run.suite import Group, Suite

LARGE = "dln/100-5000-2000-200/r5"


def spec_of(problem: str, sampler: str, replicates: int = 1, **settings: object) -> list[Spec]:
    options = {"nbeta": 100.0, "num_chains": 1, "num_draws": 9, "num_burnin": 0} | settings
    group = Group(problems=[problem], samplers=[sampler])
    return expand(
        Suite(title="t", version=1, replicates=replicates, settings=options, group=[group])  # type: ignore[arg-type]
    )


def test_a_replica_has_the_shape_and_a_fraction_of_the_size() -> None:
    (spec,) = spec_of(f"{LARGE}/n5000", "sgld", dtype="float32", batch_size=200)
    small, ratio = replica.replica_of(spec)
    assert small.network is not None
    problem = registry.problem(spec.problem)
    widths = problem.map.widths  # type: ignore[attr-defined]
    factor = ratio**-0.5
    assert len(small.network.widths) == len(widths)
    assert all(abs(a - factor * b) < 2 for a, b in zip(small.network.widths, widths, strict=True))
    assert abs((small.spec.settings.batch_size or 0) - factor * 200) < 2
    assert abs((small.network.num_data or 0) - factor * 5000) < 5
    assert not small.network.single
    assert not small.network.streamed
    (huge,) = spec_of(f"{LARGE}/n1000000", "sgld", dtype="float32", batch_size=200)
    streamed, _ = replica.replica_of(huge)
    assert streamed.network is not None
    assert streamed.network.streamed
    assert replica.replica_of(spec_of("poly/x2", "mala")[0]) == (
        replica.Replica(
            replica.with_settings(
                spec_of("poly/x2", "mala")[0], {"nbeta": 1e-3, "num_draws": 9, "num_burnin": 0}
            ),
            None,
        ),
        1.0,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="peaks of other systems count otherwise")
def test_the_prediction_is_near_what_the_run_takes() -> None:
    (spec,) = spec_of(LARGE, "rmsprop_sgld", dtype="float32")
    need = memory.predict(spec)
    whole = replica.Replica(replica.with_settings(spec, {"nbeta": 1e-3}), None)
    ((_, result),) = Processes(1).map(replica.measure, [whole])
    floor, peak = result  # type: ignore[misc]
    print(
        f"predicted {need.above / 1e6:.0f} MB, measured {(peak - floor) / 1e6:.0f} MB above imports"
    )
    assert 0.75 < need.above / (peak - floor) < 1.35
    # Neither the parameters alone nor the bound would do.
    assert need.above > 3 * memory.parameter_bytes(spec)
    assert memory.bound(spec) - memory.FLOOR > 2 * need.above


@pytest.mark.parametrize(("batch_size", "kinds"), [(None, 1), (10, 2)])
def test_the_bound_has_room_for_the_losses_of_all_steps(batch_size: int | None, kinds: int) -> None:
    """Eight bytes for every chain: two of every step and kind of loss, six of every kept one."""
    short, draws, burnin = (
        memory.bound(spec)
        for lengths in ({}, {"num_draws": 1009}, {"num_burnin": 1000})
        for spec in spec_of(
            "regular/d2/n20", "sgld", num_chains=3, batch_size=batch_size, **lengths
        )
    )
    assert burnin - short == 8 * 3 * 2 * kinds * 1000
    assert draws - short == 8 * 3 * (2 * kinds + 6) * 1000


def test_available_memory_is_that_of_this_machine() -> None:
    left = memory.available()
    assert 10**8 < left < 10**14


def test_kinds_are_runs_that_differ_in_their_seeds() -> None:
    specs = spec_of("poly/x2", "mala", 3) + spec_of("poly/x2", "sgld", 2)
    assert [len(kind) for kind in memory.kinds(specs)] == [3, 2]


SUITE = """
title = "t"
version = 1
replicates = 2
[settings]
nbeta = 100.0
num_chains = 4
num_draws = 20
num_burnin = 0
[[group]]
problems = ["poly/x2", "poly/x4"]
samplers = ["sgld"]
"""


def pretend(monkeypatch: pytest.MonkeyPatch, needed: dict[str, int]) -> None:
    """Let problems need so much of 10 GB."""

    def predict(spec: Spec, plugins: object = ()) -> memory.Need:
        return memory.Need(300_000_000, needed[spec.problem])

    monkeypatch.setattr(memory, "available", lambda: 10 * 10**9)
    monkeypatch.setattr(memory, "bound", lambda spec: needed[spec.problem])
    monkeypatch.setattr(memory, "predict", predict)


def test_what_does_not_fit_is_left_out_and_the_others_are_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s.toml").write_text(SUITE)
    command = ["run", str(tmp_path / "s.toml"), "--store", str(tmp_path / "store"), "--json"]
    pretend(monkeypatch, {"poly/x2": 12 * 10**9, "poly/x4": 10**8})
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert (facts["runs"], facts["finished"], facts["unfit"], facts["reused"]) == (4, 2, 2, 0)
    (line,) = done.stderr.strip().splitlines()
    assert "poly/x2 sgld" in line
    assert "12.3 GB predicted" in line
    assert "10 GB available" in line
    assert "num_chains=1" in line
    assert "dtype=float32" in line


def test_nothing_that_fits_is_exit_code_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s.toml").write_text(SUITE)
    command = ["run", str(tmp_path / "s.toml"), "--store", str(tmp_path / "store"),
               "--executor", "processes", "--workers", "2"]  # fmt: skip
    pretend(monkeypatch, {"poly/x2": 6 * 10**9, "poly/x4": 6 * 10**9})
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 2
    assert all("2 times 6.3 GB" in line and "--workers 1" in line for line in lines)
    assert not (tmp_path / "store" / "runs").exists()


def test_plan_says_what_every_kind_takes(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(SUITE)
    command = ["plan", str(tmp_path / "s.toml"), "--store", str(tmp_path / "store")]
    facts = json.loads(CliRunner().invoke(cli, [*command, "--json"]).stdout)
    assert facts["missing"] == 4
    for kind in facts["kinds"]:
        assert kind["parameters"] == 1
        assert kind["parameter_bytes"] == 4 * 8
        assert kind["runs"] == 2
        assert kind["fits"]
        assert kind["seconds_per_step"] > 0
        assert 10**8 < kind["peak_bytes"] < 10**9
    text = CliRunner().invoke(cli, command).stdout
    assert "poly/x4 sgld" in text
    assert "s a step" in text


def test_device_and_matmul_are_settings(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(SUITE.replace("poly/x4", "rrr/2-2-2/r1"))
    base = ["plan", str(tmp_path / "s.toml"), "--store", str(tmp_path / "store"), "--json"]
    run = ["run", *base[1:], "-p", "regular/d2"]
    done = CliRunner().invoke(cli, [*run, "--matmul", "bfloat16", "--device", "cpu"])
    assert done.exit_code == 0, done.output
    again = CliRunner().invoke(cli, [*base, "-p", "regular/d2", "--set", "matmul=bfloat16"])
    assert json.loads(again.stdout)["held"] == 2
    other = CliRunner().invoke(cli, [*base, "-p", "regular/d2"])
    assert json.loads(other.stdout)["held"] == 0
