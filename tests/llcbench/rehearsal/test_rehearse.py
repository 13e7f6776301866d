"""Rehearsals end to end: what they return, what they refuse, and settings that must look bad."""

import json
from pathlib import Path

import pytest
import torch
from command import here
from torch import nn
from torch.nn.functional import cross_entropy

import llcbench
from llcbench.cli.estimate import estimate as estimate_command
from llcbench.cli.rehearse import SHARED
from llcbench.cli.rehearse import rehearse as rehearse_command
from llcbench.problems.modules.problem import ModuleProblem
from llcbench.rehearsal.rehearse import ranks_within, read_ranks
from llcbench.report.rehearsal_table import closing, heading, verdicts
from theory.families.deep_linear import deep_linear_global

SCRIPT = """
import torch
from torch import nn
import llcbench

torch.manual_seed(0)
x = torch.randn(60, 6)
net = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
{change}
problem = llcbench.from_module(net, lambda f, y: (f - y).square().sum(1), (x, net(x).detach()))
other = 3
"""
# One layer, whose tempered value has a closed form.
SHORT = ("--only", "0.*", "--max-grads", "60", "--chains", "4", "--gamma", "30", "--no-progress")


@pytest.fixture(scope="module")
def problem() -> ModuleProblem:
    torch.manual_seed(0)
    inputs = torch.randn(600, 8)
    inputs[:, 7] = 0.0  # a direction that no input has
    labels = inputs[:, :3].argmax(1)
    module = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3))
    descent = torch.optim.Adam(module.parameters(), 0.02)
    for _ in range(200):
        descent.zero_grad()
        cross_entropy(module(inputs), labels).backward()  # type: ignore[no-untyped-call]
        descent.step()
    losses = lambda f, y: cross_entropy(f, y, reduction="none")  # noqa: E731
    return llcbench.from_module(module, losses, (inputs, labels), name="small")


def settings(batch_size: int | None = 32) -> llcbench.Settings:
    return llcbench.Settings(
        gamma=50.0, num_chains=16, num_draws=400, num_burnin=200, batch_size=batch_size,
        dtype="float32",
    )  # fmt: skip


def test_the_default_estimate_is_right_where_truths_are_known(problem: ModuleProblem) -> None:
    result = llcbench.rehearse(
        problem, gamma=50.0, max_grads=600, ranks=("full", 1, 3), progress=False
    )
    assert (result.widths, result.weights) == ([8, 6, 3], 8 * 6 + 6 * 3)
    assert (result.input_rank, result.num_data) == (7, 600)
    assert [network.rank for network in result.networks] == [3, 1]
    for network in result.networks:
        bias, gap = network.sampler_bias, network.setting_gap
        print(network.rank, bias, gap, network.warnings)
        assert bias is not None
        assert gap is not None
        assert abs(bias.z) < 5
        # Both are errors of the estimate, and add up to it.
        total = network.score.relative_error_local
        assert total == pytest.approx((1 + bias.value) * (1 + gap.value) - 1, abs=1e-9)
        assert not network.hidden_bias
        # The temperature is that of the network.
        assert network.estimate.nbeta == problem.nbeta
    # r (k + H_L - r) / 2 and the rest of aoyagi2024, with 7 directions of the inputs, not 8.
    exact = [network.score.local for network in result.networks]
    assert exact == [str(deep_linear_global((7, 6, 3), rank).value) for rank in (3, 1)]


def test_steps_that_are_too_long_look_bad(problem: ModuleProblem) -> None:
    good, bad = (
        llcbench.rehearse(problem, llcbench.SGLD(step), settings(), ranks=["full"], progress=False)
        for step in (5e-4, 1.5e-2)
    )
    ((fine,), (coarse,)) = good.networks, bad.networks
    print(fine.sampler_bias, fine.warnings, "|", coarse.sampler_bias, coarse.warnings)
    assert fine.sampler_bias is not None
    assert abs(fine.sampler_bias.value) < 0.1
    assert fine.estimate.converged
    assert coarse.sampler_bias is None or coarse.sampler_bias.value > 0.3
    assert coarse.warnings or coarse.estimate.status != "ok"
    assert "no guard on it warns" in verdicts(good)[0]
    assert "warn at rank 3" in verdicts(bad)[0]


def test_chains_that_do_not_run_long_enough_look_bad(problem: ModuleProblem) -> None:
    short = llcbench.Settings(gamma=1.0, num_chains=4, num_draws=30, num_burnin=0, dtype="float32")
    result = llcbench.rehearse(problem, llcbench.SGLD(1e-5), short, ranks=[1], progress=False)
    (network,) = result.networks
    assert network.sampler_bias is not None
    assert network.sampler_bias.value < -0.5
    assert not network.estimate.converged


def test_a_seed_gives_the_same_result(problem: ModuleProblem) -> None:
    runs = [
        llcbench.rehearse(
            problem.restricted("0.*"), gamma=50.0, max_grads=60, ranks=[2], seed=seed,
            progress=False,
        ).networks[0].estimate.llc
        for seed in (1, 1, 2)
    ]  # fmt: skip
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_text_and_data_frame_say_the_same(problem: ModuleProblem) -> None:
    layer = problem.restricted("0.*")
    result = llcbench.rehearse(layer, gamma=50.0, max_grads=60, ranks=[2], progress=False)
    text = "\n".join([*heading(result), llcbench.to_text(result), *closing(result)])
    for word in ("rank 7 of 8", "8-6", "sampler bias", "setting gap", "shows:", "cannot show:"):
        assert word in text
    plain = result.plain()
    assert json.loads(json.dumps(plain)) == plain
    pandas = pytest.importorskip("pandas")
    frame = llcbench.to_frame(result)
    assert isinstance(frame, pandas.DataFrame)
    for name in ("tempered", "local", "sampler_bias", "setting_gap"):
        assert frame[name][0] == plain["networks"][0][name]


@pytest.mark.parametrize(
    ("ranks", "full", "expected"),
    [
        (("full", "half", 1), 10, [10, 5, 1]),
        (("full", "half", 1), 1, [1]),
        (["3", " half", 2.0], 7, [3, 2]),
        ("full", 4, [4]),
    ],
)
def test_ranks_are_words_or_numbers(ranks: list[str | int], full: int, expected: list[int]) -> None:
    assert ranks_within(read_ranks(ranks), full) == expected


@pytest.mark.parametrize("rank", ["most", 0, "0", -1, 2.5, "", None, True])
def test_other_ranks_are_refused(rank: object) -> None:
    with pytest.raises(ValueError, match="none of full, half, and the whole numbers from 1 on"):
        read_ranks([rank])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="a rank at least"):
        read_ranks([])
    with pytest.raises(ValueError, match="rank 8 is too large"):
        ranks_within(["full", 8], 7)


def test_what_is_no_network_is_refused(problem: ModuleProblem) -> None:
    with pytest.raises(TypeError, match="from_module"):
        llcbench.rehearse(llcbench.problem("dln/3-3-3/r1"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="from_module"):
        llcbench.rehearse(nn.Linear(2, 2))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="positive gamma"):
        llcbench.rehearse(problem, gamma=0.0)
    with pytest.raises(ValueError, match="max_dim"):
        llcbench.rehearse(problem, max_dim=0)
    with pytest.raises(ValueError, match="settings= is given"):
        llcbench.rehearse(problem, settings=settings(), gamma=3.0)


def script(folder: Path, change: str = "", name: str = "net") -> str:
    path = folder / f"{name}.py"
    path.write_text(SCRIPT.format(change=change))
    return str(path)


def test_the_command_prints_what_the_call_returns(tmp_path: Path) -> None:
    path = script(tmp_path)
    done = here("rehearse", path, *SHORT, "--ranks", "full,1")
    assert done.returncode == 0, done.stderr
    assert "rehearsal/6-5/r5/n60" in done.stdout
    assert "cannot show: " in done.stdout
    as_json = here("rehearse", path, *SHORT, "--ranks", "full,1", "--json")
    values = json.loads(as_json.stdout)
    assert [row["rank"] for row in values["networks"]] == [5, 1]
    assert values["networks"][0]["local_exact"] == "15"
    assert values["curvature"] > 0
    published = here("rehearse", path, "-s", "mala", "--set", "num_draws=30", "--set",
                     "num_burnin=9", "--ranks", "2", "--no-progress", "--only", "0.*")  # fmt: skip
    assert published.returncode == 0, published.stderr
    assert "rehearsal/6-5/r2/n60" in published.stdout


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    path = script(tmp_path)
    bare = "net = nn.Sequential(nn.LayerNorm(6), nn.Tanh())"
    for arguments, words in (
        (("dln/3-3-3/r1",), "is no network"),
        ((f"{path}:other",), "made by llcbench.from_module"),
        ((path, "--ranks", "full,most"), "rank 'most' is none of full, half"),
        ((path, "--ranks", "4"), "rank 4 is too large: the linear networks have ranks from 1 to 3"),
        ((path, "--gamma", "0"), "positive gamma"),
        ((path, "--max-dim", "1"), "max_dim=1 is too small"),
        ((script(tmp_path, bare, "bare"),), "no dense layer among LayerNorm"),
    ):
        done = here("rehearse", *arguments)
        assert done.returncode == 2, arguments
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_options_are_those_of_estimate() -> None:
    known = {tuple(p.opts) for p in estimate_command.params if p.name in SHARED}
    ours = {tuple(p.opts) for p in rehearse_command.params}
    assert len(known) == len(SHARED)
    assert known < ours
    assert ours - known == {("--ranks",), ("--max-dim",)}


def test_a_sampler_that_is_skipped_says_why_and_fails(tmp_path: Path) -> None:
    done = here("rehearse", script(tmp_path, "x = torch.randn(300, 6)"), "-s", "mala",
                "--only", "0.*", "--no-progress", "--ranks", "1")  # fmt: skip
    assert done.returncode == 1
    assert "rank 1: skipped" in done.stderr
    assert "--set batch_size=none" in done.stderr
