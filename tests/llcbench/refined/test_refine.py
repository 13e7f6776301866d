"""Coefficients over checkpoints, parts and slices: the table, failures, resumption, the command."""

import csv
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from command import here
from safetensors.torch import save_file
from torch import Tensor, nn

import llcbench
from llcbench.problems.modules.checkpoints import read_state
from llcbench.problems.modules.problem import ModuleProblem
from llcbench.refined.axes import LAYERS
from llcbench.refined.study import lasting

SETTINGS = llcbench.Settings(
    gamma=10.0, num_chains=2, num_draws=30, num_burnin=5, batch_size=None, dtype="float64"
)
ROWS = torch.arange(40)


def squared(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).square().sum(1)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1)).double()


def linear() -> ModuleProblem:
    net = network()
    x = torch.randn(40, 3, dtype=torch.float64)
    return llcbench.from_module(net, squared, (x, net(x).detach()), name="net")


def other(problem: ModuleProblem, scale: float = 1.1) -> dict[str, Tensor]:
    return {name: scale * w for name, w in problem.module.state_dict().items()}


def refined(problem: ModuleProblem, *axes: Any, **options: Any) -> llcbench.Refined:
    return llcbench.refine(problem, *axes, **{"settings": SETTINGS, "progress": False} | options)


def test_a_table_over_three_axes_with_an_error_in_every_row(tmp_path: Path) -> None:
    problem = linear()
    result = refined(
        problem,
        {0: other(problem), "end": problem.module.state_dict()},
        {"all": None, "row": {"0.weight": 0}, "both": ["1.*", {"0.bias": 1}]},
        {"all": None, "even": ROWS % 2 == 0, "new": (problem.data[0] + 1, problem.data[1])},
    )
    assert [(row.checkpoint, row.part, row.slice) for row in result.rows] == [
        (c, p, s) for c in ("0", "end") for p in ("all", "row", "both")
        for s in ("all", "even", "new")
    ]  # fmt: skip
    assert {row.part: row.dim for row in result.rows} == {"all": 11, "row": 3, "both": 4}
    assert [row.num_data for row in result.rows[:3]] == [40, 20, 40]
    assert all(row.estimate.stderr for row in result.rows)
    assert len({row.problem for row in result.rows}) == 18
    # A row is the estimate of the problem that it names.
    row = result.row("0", "row", "even")
    alone = (
        problem.at(other(problem)).on(ROWS % 2 == 0).restricted({"0.weight": 0}, name=row.problem)
    )
    assert row.estimate.llc == llcbench.estimate(alone, settings=SETTINGS, progress=False).llc
    table = list(csv.DictReader(io.StringIO(result.to_csv(tmp_path / "table.csv"))))
    assert [float(line["llc"]) for line in table] == [row.estimate.llc for row in result.rows]
    frame = result.to_frame()
    assert len(frame) == 18
    assert list(frame.columns) == list(table[0])
    assert "net@0[row] on even" in result.to_text()
    for panels in ("part", "slice"):
        figure = result.plot(tmp_path / f"{panels}.svg", panels=panels)  # type: ignore[arg-type]
        assert [axes.get_title("left") for axes in figure.axes] == {
            "part": ["all, d = 11", "row, d = 3", "both, d = 4"], "slice": ["all", "even", "new"],
        }[panels]  # fmt: skip
    assert (tmp_path / "part.svg").read_text() == (
        result.plot(tmp_path / "again.svg") and (tmp_path / "again.svg").read_text()
    )


def test_one_checkpoint_is_one_panel_and_no_axes_are_one_row() -> None:
    problem = linear()
    (row,) = refined(problem).rows
    assert row.problem == "net"
    assert row.estimate.llc == llcbench.estimate(problem, settings=SETTINGS, progress=False).llc
    result = refined(problem, None, LAYERS)
    assert [row.part for row in result.rows] == ["0", "1"]
    (axes,) = result.plot().axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0", "1"]


def test_a_regular_block_keeps_its_coefficient_whatever_is_beside_it() -> None:
    """Two blocks that do not mix: each has its own value, with the other fixed or not there."""

    class Blocks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = (nn.Linear(k, 1, bias=False).double() for k in (2, 3))

        def forward(self, inputs: Tensor) -> Tensor:
            return torch.cat([self.first(inputs[:, :2]), self.second(inputs[:, 2:])], 1)

    torch.manual_seed(0)
    net, x = Blocks(), torch.randn(100, 5, dtype=torch.float64)
    problem = llcbench.from_module(net, squared, (x, net(x).detach()))
    nbeta, gamma = 100.0, 5.0
    result = llcbench.refine(
        problem, None, ["first.*", "second.*"], {"all": None, "half": range(50)},
        sampler=llcbench.MALA(step_size=0.02), progress=False,
        settings=llcbench.Settings(
            nbeta=nbeta, gamma=gamma, num_chains=8, num_draws=100, num_burnin=30, batch_size=None,
            dtype="float64",
        ),
    )  # fmt: skip

    def tempered(columns: slice, count: int) -> float:
        inputs = x[:count, columns]
        curvature = torch.linalg.eigvalsh(2 * inputs.T @ inputs / count)
        return float((curvature / (curvature + gamma / nbeta)).sum() / 2)

    for part, columns in (("first.*", slice(2)), ("second.*", slice(2, 5))):
        for name, count in (("all", 100), ("half", 50)):
            estimate = result.row("", part, name).estimate
            assert estimate.llc is not None
            assert estimate.stderr is not None
            assert abs(estimate.llc - tempered(columns, count)) < 5 * estimate.stderr
            assert abs(estimate.llc - tempered(slice(5), count)) > 5 * estimate.stderr  # control


def test_failed_cells_are_rows_with_a_status(tmp_path: Path) -> None:
    problem = linear()
    (tmp_path / "torn.pt").write_bytes(b"no state")
    broken = {name: w * torch.nan for name, w in other(problem).items()}
    result = refined(
        problem,
        {"good": other(problem), "nan": broken, "torn": tmp_path / "torn.pt",
         "missing": tmp_path / "missing.safetensors", "small": {"0.bias": torch.ones(2)}},
        None,
        {"all": None, "odd": (torch.zeros(5, 7), torch.zeros(5, 1))},
    )  # fmt: skip
    assert len(result.rows) == 10
    assert len(result.failed) == 9
    assert result.row("good", "", "all").estimate.status == "ok"
    assert {row.estimate.status for row in result.failed} == {"error"}
    words = {"nan": "finite", "torn": "no state dictionary", "missing": "No such file",
             "small": "the state lacks", "good": "module on inputs"}  # fmt: skip
    for row in result.failed:
        assert words[row.checkpoint] in row.estimate.message
        assert row.estimate.message in result.to_csv() or '"' in row.estimate.message
    assert "error" in result.to_text()
    result.plot(tmp_path / "failed.png")


@pytest.mark.parametrize(
    ("axes", "options", "words"),
    [
        (({},), {}, "checkpoints are empty"),
        ((None, {"p": "9.*"}), {}, r"part p: no parameter matches 9\.\*"),
        ((None, {"p": {"0.bias": 5}}), {}, r"part p: a number along axis 0 of 0\.bias"),
        ((None, "all"), {}, "parts are a mapping"),
        ((None, ["0.*", "0.*"]), {}, r"parts: 0\.\* is there twice"),
        ((None, None, {"s": range(30, 50)}), {}, "slice s: numbers of samples lie in 0 ... 39"),
        ((None, None, {"a\nb": None}), {}, "no name of at most"),
        ((), {"settings": None, "nbeta": -1.0}, "nbeta"),
        ((), {"gamma": 1.0}, "drop gamma"),
    ],
)
def test_axes_that_do_not_fit_are_refused_before_anything_runs(
    axes: tuple[Any, ...], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        refined(linear(), *axes, **options)


def test_what_is_no_network_or_no_axis_is_refused() -> None:
    with pytest.raises(TypeError, match="a network is needed, got Sequential"):
        refined(network())  # type: ignore[arg-type]
    for axes in (("end.pt",), (None, None, [1, 2])):
        with pytest.raises(TypeError):
            refined(linear(), *axes)


def test_checkpoints_may_have_common_noise(tmp_path: Path) -> None:
    problem = linear()
    same = {"a": problem.module.state_dict(), "b": problem.module.state_dict()}
    apart, common = (refined(problem, same, common=value).rows for value in (False, True))
    assert apart[0].estimate.llc != apart[1].estimate.llc
    assert common[0].estimate.llc == common[1].estimate.llc
    # Two checkpoints with the same weights and the same noise are one cell.
    kept = refined(problem, same, common=True, folder=tmp_path)
    assert [row.checkpoint for row in kept.rows] == ["a", "b"]
    assert len(list((tmp_path / "cells").iterdir())) == 1


def test_a_second_call_takes_what_is_the_same_and_nothing_else(tmp_path: Path) -> None:
    problem = linear()
    axes = ({"0": other(problem)}, {"p": "0.*"}, {"s": range(20)})

    def count(*given: Any, **options: Any) -> int:
        """Return how many cells a call made."""
        cells = tmp_path / "cells"
        before = len(list(cells.iterdir())) if cells.exists() else 0
        result = refined(problem, *given, folder=tmp_path, **options)
        assert not result.failed
        return len(list(cells.iterdir())) - before

    assert count(*axes) == 1
    assert count(*axes) == 0
    assert count({"0": other(problem, 1.2)}, *axes[1:]) == 1
    assert count(axes[0], {"p": {"0.weight": 0}}, axes[2]) == 1
    assert count(*axes[:2], {"s": range(20, 40)}) == 1
    assert count(*axes, seed=1) == 1
    assert count(*axes, sampler=llcbench.SGLD(1e-3)) == 1
    assert count({"1": axes[0]["0"]}, *axes[1:]) == 1
    # A damaged file is made again, with the same numbers.
    first = refined(problem, *axes, folder=tmp_path)
    (tmp_path / "cells" / f"{first.rows[0].key}.json").write_text('{"checkpoint": 1')
    again = refined(problem, *axes, folder=tmp_path)
    assert again.rows[0].estimate.llc == first.rows[0].estimate.llc


def test_a_sampler_of_a_function_is_known_again_in_the_next_process() -> None:
    def made() -> object:
        def step() -> None: ...

        return {"function": step, "step_size": 1e-3}

    assert repr(first := made()) != repr(second := made())
    assert lasting(first) == lasting(second)
    assert lasting(llcbench.SGLD(1e-3)) != lasting(llcbench.SGLD(1e-4))


def test_failed_cells_are_tried_again(tmp_path: Path) -> None:
    problem = linear()
    path = tmp_path / "late.safetensors"
    assert refined(problem, [path], folder=tmp_path).failed
    save_file(other(problem), path)
    assert not refined(problem, [path], folder=tmp_path).failed


def test_files_of_states_are_read_without_running_code(tmp_path: Path) -> None:
    state = other(linear())
    save_file(state, tmp_path / "a.safetensors")
    torch.save({"epoch": 1, "state_dict": state}, tmp_path / "b.ckpt")
    for name in ("a.safetensors", "b.ckpt"):
        assert all(torch.equal(read_state(tmp_path / name)[k], w) for k, w in state.items())
    torch.save(network(), tmp_path / "module.pt")  # a pickle of classes
    (tmp_path / "c.safetensors").write_bytes(b"none")
    for name in ("module.pt", "c.safetensors"):
        with pytest.raises(ValueError, match=name):
            read_state(tmp_path / name)


SCRIPT = """
import os, signal, torch
from torch import nn
import llcbench

torch.manual_seed(0)
x = torch.randn(40, 3)
net = nn.Linear(3, 1)

def loss(f, y):
    if stop and part(stop):
        os.kill(os.getpid(), signal.SIGKILL)
    return (f - y).square().sum(1)

def part(folder):
    return os.path.isdir(folder) and len(os.listdir(folder)) >= 2

stop = ""
problem = llcbench.from_module(net, loss, (x, net(x).detach()), name="net")
checkpoints = {"0": {k: 2 * w for k, w in net.state_dict().items()}, "1": net.state_dict()}
parts = {"weight": "weight", "first": {"weight": (0, 0)}}
slices = {"half": range(20)}
stop = os.environ.get("LLCBENCH_TEST_STOP", "")
"""
SHORT = ("--set", "num_draws=10", "--set", "num_burnin=5", "--set", "num_chains=2", "--no-progress")


def test_the_command_goes_on_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script, out, fresh = tmp_path / "net.py", tmp_path / "out", tmp_path / "fresh"
    script.write_text(SCRIPT)
    code = "from llcbench.cli.main import main; main()"
    killed = subprocess.run(
        [sys.executable, "-c", code, "refine", str(script), "--out", str(out), *SHORT],
        env={**os.environ, "LLCBENCH_TEST_STOP": str(out / "cells")},
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    kept = {path.name: path.stat().st_mtime_ns for path in (out / "cells").glob("*.json")}
    assert len(kept) == 2
    assert not (out / "table.csv").exists()
    done = here("refine", str(script), "--out", str(out), *SHORT)
    assert done.returncode == 0, done.stderr
    cells = list((out / "cells").glob("*.json"))
    assert len(cells) == 4
    assert all((out / "cells" / name).stat().st_mtime_ns == at for name, at in kept.items())
    assert "net@0[first] on half" in done.stdout
    assert (out / "picture.svg").read_text().startswith("<?xml")
    # What was interrupted has the numbers of what was not.
    assert here("refine", str(script), "--out", str(fresh), *SHORT).returncode == 0
    values = [
        [line["llc"] for line in csv.DictReader((folder / "table.csv").open())]
        for folder in (out, fresh)
    ]
    assert values[0] == values[1]
    assert len(values[0]) == 4


def test_the_command_takes_checkpoints_and_parts_and_fails_with_a_cell(tmp_path: Path) -> None:
    script = tmp_path / "net.py"
    script.write_text(SCRIPT)
    torch.save({"weight": torch.ones(1, 3), "bias": torch.zeros(1)}, tmp_path / "good.pt")
    torch.save({"weight": torch.ones(1, 2), "bias": torch.zeros(1)}, tmp_path / "bad.pt")
    states = [
        text for name in ("good", "bad") for text in ("--state", str(tmp_path / f"{name}.pt"))
    ]
    done = here(
        "refine", str(script), "--out", str(tmp_path / "out"), "--only", "bias", *states, *SHORT
    )
    assert done.returncode == 1
    assert "net@good[bias] on half" in done.stdout
    assert done.stderr.count("llcbench: net@bad[bias]") == 1
    assert "the state has the shape (1, 2) for weight" in done.stderr
    for extra, words in (
        (("--only", "bias", "--layers"), "give one"), (("--only", "nothing"), "no parameter"),
    ):  # fmt: skip
        done = here("refine", str(script), "--out", str(tmp_path / "out"), *extra, *SHORT)
        assert done.returncode == 2
        assert words in done.stderr
    assert here("refine", "regular/d2", "--out", str(tmp_path / "x")).returncode == 2


TUTORIAL = Path(__file__).parents[3] / "tutorials" / "refined.py"
RESULTS = Path(__file__).parents[3] / "results" / "refined" / "v1" / "table.csv"


def test_the_tutorial_runs_and_its_committed_table_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLCBENCH_QUICK", "1")
    done = here("refine", str(TUTORIAL), "--out", str(tmp_path), "--only", "head.*", *SHORT)
    assert done.returncode == 0, done.stderr
    assert "transformer@10[head.*] on repeats" in done.stdout
    with RESULTS.open() as table:
        rows = list(csv.DictReader(table))
    assert {row["status"] for row in rows} == {"ok"}
    axes = [
        list(dict.fromkeys(row[axis] for row in rows)) for axis in ("checkpoint", "part", "slice")
    ]
    assert [len(names) for names in axes] == [5, 5, 2]
    assert len(rows) == 50
    assert {row["dim"] for row in rows if "head" in row["part"]} == {"536"}
