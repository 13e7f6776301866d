"""A run that is interrupted anywhere ends with the numbers of one that was not."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from llcbench.records import Spec
from llcbench.run.execute import compute_truths, execute, truth_key
from llcbench.run.executors.executor import Serial
from llcbench.run.plan import expand
from llcbench.run.runs import run_specs
from llcbench.run.store import RunStore, key_of
from llcbench.run.suite import Group, Suite
from llcbench.sampling import checkpoint as module
from llcbench.sampling.checkpoint import Checkpoint

LLCBENCH = str(Path(sys.executable).with_name("llcbench"))
FULL = {"nbeta": 100.0, "num_chains": 4, "num_draws": 60, "num_burnin": 30}
# The first has minibatches that are drawn a block of steps at a time, the second step by step.
CASES = [
    ("rrr/2-2-2/r1/n100", "sgld", {"batch_size": 40}),
    ("dln/10-8-6-10/r3/n100", "sgld", {"batch_size": 5, "gradient": "control_variate"}),
    ("dln/10-8-6-10/r3/n100", "rmsprop_sgld", {"batch_size": 5, "dtype": "float32"}),
    ("rrr/2-2-2/r1/n100", "adam_sgld", {"batch_size": 40, "dtype": "float32"}),
    ("rrr/2-2-2/r1/n100", "leimkuhler_matthews", {"batch_size": 40}),
    ("rrr/2-2-2/r1/n100", "sghmc", {"batch_size": 40}),
    ("rrr/2-2-2/r1/n100", "sgnht", {"batch_size": 40}),
    ("rrr/2-2-2/r1/n100", "baoab", {"start": "prior"}),
    ("rrr/2-2-2/r1/n100", "mclmc", {}),
    ("rrr/2-2-2/r1/n100", "mala[adapt=40,spread=1]", {}),
    ("rrr/2-2-2/r1/n100", "hmc[adapt=40]", {}),
    ("rrr/2-2-2/r1/n100", "ghmc[adapt=40]", {}),
    ("rrr/2-2-2/r1/n100", "adjusted_mclmc[adapt=40]", {}),
    ("rrr/2-2-2/r1/n100", "gibbs", {}),
    ("dln/3-3-3/r3-1", "kfac_sgld[adapt=40]", {}),
    ("poly/x2y2", "exact", {}),
    ("model/tanh-2/n50", "sgld", {"batch_size": 10}),
]


class Stopped(BaseException):
    """Stands for the death of a process: nothing catches it."""


def spec_of(problem: str, sampler: str, settings: dict[str, Any]) -> Spec:
    group = Group(problems=[problem], samplers=[sampler])
    suite = Suite(title="t", version=1, replicates=1, settings=FULL | settings, group=[group])
    (spec,) = expand(suite)
    return spec


def numbers(spec: Spec, place: Checkpoint | None = None, **options: Any) -> dict[str, Any]:
    estimate = execute(spec, None, checkpoint=place, **options).estimate
    assert estimate.status == "ok", estimate.message
    found: dict[str, Any] = msgspec.to_builtins(estimate)
    return {k: v for k, v in found.items() if "seconds" not in k and k != "peak_bytes"}


def stopped(spec: Spec, path: Path, after: int) -> int:
    """Run until so many steps are made, with a checkpoint after almost every one; return where."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = 0

    def count(steps: int) -> None:
        nonlocal made
        made += steps
        if made >= after:
            raise Stopped

    with pytest.raises(Stopped):
        execute(spec, None, on_step=count, checkpoint=Checkpoint(path, 1e-9))
    return int(torch.load(path, weights_only=True)["place"]["chains"]["done"])


@pytest.fixture(autouse=True)
def _as_often_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RARELY", 0)
    monkeypatch.setattr(module, "LOSS", 0)


@pytest.mark.parametrize(("problem", "sampler", "settings"), CASES)
def test_an_interrupted_run_ends_with_the_same_numbers(
    problem: str, sampler: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    spec = spec_of(problem, sampler, settings)
    path = RunStore(tmp_path).checkpoint(key_of(spec))
    whole = numbers(spec)
    # Once in the burn-in and while it adapts, once after it.
    assert 0 < stopped(spec, path, 21) < 30
    assert 30 < stopped(spec, path, 70) < 90
    reports: list[int] = []
    again = Checkpoint(path)
    assert numbers(spec, again, on_step=reports.append) == whole
    assert again.lines == []
    assert sum(reports) == 90


def test_a_wrong_place_gives_other_numbers(tmp_path: Path) -> None:
    """The comparison above would see one parameter that is off in its last digits."""
    spec = spec_of(*CASES[4])
    path = RunStore(tmp_path).checkpoint(key_of(spec))
    whole = numbers(spec)
    stopped(spec, path, 50)
    stored = torch.load(path, weights_only=True)
    stored["place"]["chains"]["leaves"][0][0, 0] *= 1 + 1e-12
    torch.save(stored, path)
    again = Checkpoint(path)
    assert numbers(spec, again)["llc"] != whole["llc"]
    assert again.lines == []


def test_a_finished_step_is_not_made_again(tmp_path: Path) -> None:
    spec = spec_of(*CASES[0])
    path = RunStore(tmp_path).checkpoint(key_of(spec))
    done = stopped(spec, path, 60)
    reports: list[int] = []
    numbers(spec, Checkpoint(path, 1e-9), on_step=reports.append)
    assert reports[0] == done + 1


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda data: data[: len(data) // 2], "BadZipFile"),
        (lambda data: b"not at all", "BadZipFile"),
        (lambda data: data[:900] + bytes([data[900] ^ 1]) + data[901:], "checksum"),
    ],
)
def test_a_damaged_file_is_set_aside_and_the_run_starts_anew(
    damage: Any, word: str, tmp_path: Path
) -> None:
    spec = spec_of(*CASES[4])
    path = RunStore(tmp_path).checkpoint(key_of(spec))
    stopped(spec, path, 50)
    broken = damage(path.read_bytes())
    path.write_bytes(broken)
    again = Checkpoint(path)
    assert numbers(spec, again) == numbers(spec)
    (line,) = again.lines
    assert path.name in line
    assert word in line
    assert "\n" not in line
    assert (tmp_path / "damaged" / path.name).read_bytes() == broken


def test_the_file_of_another_run_or_version_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, other = spec_of(*CASES[4]), spec_of(*CASES[5])
    path = RunStore(tmp_path).checkpoint(key_of(spec))
    foreign = RunStore(tmp_path).checkpoint(key_of(other))
    stopped(spec, path, 50)
    path.rename(foreign)
    again = Checkpoint(foreign)
    assert numbers(other, again) == numbers(other)
    assert "another version or for another run" in again.lines[0]
    stopped(spec, path, 50)
    monkeypatch.setattr(module, "version", lambda _: "9.9")
    again = Checkpoint(path)
    numbers(spec, again)
    assert "another version" in again.lines[0]


def test_a_file_that_runs_code_when_it_is_read_is_refused(tmp_path: Path) -> None:
    spec = spec_of(*CASES[4])
    path = RunStore(tmp_path).checkpoint(key_of(spec))
    path.parent.mkdir()
    torch.save({"written_by": Path(".")}, path)
    again = Checkpoint(path)
    assert numbers(spec, again) == numbers(spec)
    assert "set aside" in again.lines[0]


def test_a_folder_that_is_not_there_or_cannot_be_written_costs_only_the_checkpoint(
    tmp_path: Path,
) -> None:
    spec = spec_of(*CASES[4])
    absent = Checkpoint(tmp_path / "elsewhere" / "checkpoints" / "x.pt", 1e-9)
    assert numbers(spec, absent) == numbers(spec)
    assert not (tmp_path / "elsewhere").exists()
    (tmp_path / "checkpoints").write_text("a file where the folder should be")
    blocked = Checkpoint(RunStore(tmp_path).checkpoint("x"), 1e-9)
    assert numbers(spec, blocked) == numbers(spec)
    (line,) = blocked.lines
    assert "cannot be written" in line


def test_writing_takes_a_small_part_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RARELY", 50)
    monkeypatch.setattr(module, "LOSS", 0.01)
    (tmp_path / "checkpoints").mkdir()
    place = Checkpoint(RunStore(tmp_path).checkpoint("x"), every=60.0)
    start = place.due(0.0) - 60.0
    assert place.due(3000.0) - start == pytest.approx(60.0)
    assert place.due(36_000.0) - start == pytest.approx(360.0)
    before = time.perf_counter()
    place.write({"theta": torch.zeros(3_000_000)})
    cost = time.perf_counter() - before
    fast = Checkpoint(place.path, every=1e-9)
    fast.write({"theta": torch.zeros(3_000_000)})
    written = time.perf_counter()
    assert fast.due(0.0) - written > 10 * cost


def test_a_run_that_is_out_of_time_goes_on_in_the_next_call(tmp_path: Path) -> None:
    spec = spec_of("regular/d5/n100", "sghmc", {"batch_size": 40, "num_draws": 2000})
    store = RunStore(tmp_path)
    store.truths.save(truth_key(spec), compute_truths(spec))
    cut = run_specs([spec], store, Serial(), seconds=0.2, progress=False, checkpoint_every=1e-9)
    (first,) = cut.finished
    assert first.estimate.status == "timeout"
    assert "2030 steps" in first.estimate.message
    path = RunStore(tmp_path).checkpoint(first.key)
    done = torch.load(path, weights_only=True)["place"]["chains"]["done"]
    assert f"after {done} of" in first.estimate.message
    second = run_specs([spec], store, Serial(), progress=False).finished[0]
    assert second.estimate.llc == numbers(spec)["llc"]
    assert second.estimate.seconds_sampling > first.estimate.seconds_sampling
    assert not path.exists()


def test_kill_in_mid_run(tmp_path: Path) -> None:
    settings = {"batch_size": 40, "num_draws": 5000}
    spec = spec_of("regular/d5/n100", "sghmc", settings)
    suite = tmp_path / "long.toml"
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in (FULL | settings).items())
    suite.write_text(
        f'title = "t"\nversion = 1\nreplicates = 1\n[settings]\n{lines}\n[[group]]\n'
        'problems = ["regular/d5/n100"]\nsamplers = ["sghmc"]\n'
    )
    store = tmp_path / "store"
    command = [LLCBENCH, "run", str(suite), "--store", str(store), "--no-progress",
               "--checkpoint-every", "0.05s"]  # fmt: skip
    process = subprocess.Popen(command, start_new_session=True)
    path, limit = RunStore(store).checkpoint(key_of(spec)), time.time() + 60
    while not path.exists() and process.poll() is None and time.time() < limit:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not list((store / "runs").glob("*"))
    done = torch.load(path, weights_only=True)["place"]["chains"]["done"]
    assert 0 < done < 5030
    made = run_specs([spec], RunStore(store), Serial(), progress=False)
    (record,) = made.finished
    whole, again = numbers(spec), msgspec.to_builtins(record.estimate)
    assert {k: again[k] for k in whole} == whole
    assert made.warnings == []
    assert not path.exists()
