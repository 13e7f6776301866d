"""The harness on a short case: who runs, who is skipped, whether all sample alike."""

import json
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from click.testing import CliRunner

from llcbench.adapters.packages import missing
from llcbench.cli.commands import cli
from llcbench.peers import bench, workers
from llcbench.peers.bench import chosen, measure, shortened
from llcbench.peers.kernels import control
from llcbench.peers.network_cases import NETWORK_WORKLOADS
from llcbench.peers.speed import ALARM, summarise
from llcbench.peers.work import WORKLOADS, Workload, make, read
from llcbench.peers.worker_process import Answer
from llcbench.report import tables
from llcbench.report.peers_table import legend, speed_table, write_speed

TINY = Workload("tiny", (4, 3, 4), 2, 500, 128, 12, 40, 80, 4e-3, gamma=10.0)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    path = tmp_path_factory.mktemp("work") / "work.npz"
    make(TINY, path)
    return read(path)


def test_the_numbers_are_those_of_the_problem(work):
    """Layers of exactly the rank that makes the point the most singular one of its fibre."""
    assert work.case == TINY
    assert [layer.shape for layer in work.layers] == [(3, 4), (4, 3)]
    assert [np.linalg.matrix_rank(layer.astype(float), 1e-5) for layer in work.layers] == [2, 2]
    product = work.layers[1].astype(float) @ work.layers[0].astype(float)
    assert np.allclose(work.targets - work.noise, work.inputs @ product.T, atol=1e-5)
    assert TINY.nbeta == pytest.approx(500 / np.log(500))


@pytest.fixture(scope="module")
def controls(work):
    """Return the control, and the same pulled to the true point thirty times as hard."""
    tight = work._replace(case=replace(TINY, gamma=300.0))
    return [answer(control.prepare(w)(6), w) for w in (work, tight)]


@pytest.mark.parametrize("name", ["posteriors", "blackjax", "devinterp", "ours"])
def test_peers_sample_the_distribution_of_the_control_and_of_no_other(work, controls, name):
    """Means over 12 chains, gate at a false-alarm rate of 1e-4, which refuses the other one."""
    package = workers.PACKAGES[name]
    if package and missing(package) is not None:
        pytest.skip(str(missing(package)))
    kernel = import_module(f"llcbench.peers.kernels.{name}")
    result = answer(kernel.prepare(work)(5), work)
    same, other = (
        speeds({"control": right, name: result})[name].same_distribution for right in controls
    )
    assert same
    assert not other


def answer(losses, work):
    assert losses.shape in {(12, 120), (12, 80)}
    return Answer(1.0, [float(x) for x in losses[:, -work.case.draws :].mean(1)], 1)


def speeds(answers):
    """Return rows of one run that counts for each peer."""
    doubled = {peer: [Answer(1.0, [], 1), found] for peer, found in answers.items()}
    rows = summarise(TINY, dict.fromkeys(answers, 0.0), doubled, dict.fromkeys(answers))
    return {row.peer: row for row in rows}


def test_ratios_are_taken_round_by_round():
    """A busy second round slows both and leaves the ratio alone; the first run does not count."""
    losses = [1.0, 1.1, 0.9]
    answers = {
        "control": [Answer(t, losses, 10) for t in (50.0, 2.0, 20.0, 2.0)],
        "ours": [Answer(t, losses, 20) for t in (9.0, 1.0, 10.0, 0.5)],
    }
    reasons = {"devinterp": "not there", "control": None, "ours": None}
    skipped, base, row = summarise(TINY, {"control": 3.0, "ours": 4.0}, answers, reasons)
    assert (row.ratio, row.ratio_low, row.ratio_high, row.base) == (2.0, 2.0, 4.0, "control")
    assert row.rate == pytest.approx(12 * 120 / 1.0)
    assert (row.rounds, row.setup, row.first, row.peak_bytes) == (3, 4.0, 8.0, 20)
    assert (base.ratio, base.law_p) == (1.0, None)
    assert (skipped.rate, skipped.skipped) == (None, "not there")
    text = tables.to_csv(speed_table([skipped, base, row]))
    assert len(text.splitlines()) == 4
    assert legend([skipped, base, row]) == ["tiny, devinterp: skipped, not there"]


def test_another_distribution_is_named():
    rng = np.random.default_rng(0)
    answers = {
        name: [Answer(1.0, list(level + 0.1 * rng.standard_normal(20)), 1)] * 2
        for name, level in (("control", 1.0), ("ours", 2.0))
    }
    rows = summarise(TINY, dict.fromkeys(answers, 0.0), answers, dict.fromkeys(answers))
    assert rows[1].law_p < ALARM
    assert legend(rows) == ["stationary distribution differs from that of the control: tiny, ours"]


def test_cases_that_were_not_measured_stay_in_the_file(tmp_path):
    path = tmp_path / "speed.csv"
    for name, reason in (("1m", "first"), ("small", "other"), ("1m", "second")):
        write_speed(summarise(WORKLOADS[name], {}, {}, {"devinterp": reason}), path)
    lines = path.read_text().splitlines()[1:]
    assert [(line.split(",")[0], line.split(",")[6]) for line in lines] == [
        ("small", "other"),
        ("1m", "second"),
    ]
    path.write_text("something else\n")
    with pytest.raises(ValueError, match="holds something else"):
        write_speed(summarise(WORKLOADS["1m"], {}, {}, {"devinterp": "x"}), path)


def test_two_peers_take_turns_in_processes_of_their_own(monkeypatch):
    """One process cannot start: its peer is skipped, the others go on."""
    monkeypatch.setitem(workers.PACKAGES, "nobody", None)
    said = []
    short = shortened(TINY, 40)
    rows = measure(short, ["control", "nobody", "ours"], 2, say=said.append)
    assert [row.peer for row in rows] == ["control", "nobody", "ours"]
    assert "No module named 'llcbench.peers.kernels.nobody'" in rows[1].skipped
    assert [rows[0].skipped, rows[2].skipped] == ["", ""]
    assert [row.rounds for row in rows] == [2, 0, 2]
    assert rows[2].setup > 0
    assert rows[2].peak_bytes > 1e7
    assert said[-1] == "round 2 of 2"


def test_a_missing_package_is_a_skipped_peer(monkeypatch):
    monkeypatch.setattr(workers, "missing", lambda name: f"{name} is not installed")
    rows = measure(TINY, ["devinterp", "blackjax"], 1)
    assert [row.skipped for row in rows] == [
        "devinterp is not installed",
        "blackjax is not installed",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--case", "smal"], "did you mean 'small'"),
        (["--peer", "our", "--case", "small"], "did you mean 'ours'"),
        (["--rounds", "0", "--case", "small"], "rounds must be at least 1, got 0"),
        (["--steps", "1", "--case", "small"], "--steps must be at least 2, got 1"),
    ],
)
def test_bad_input_is_one_line(options, message):
    found = CliRunner().invoke(cli, ["peers", "bench", *options])
    assert isinstance(found.exception, ValueError)
    assert message in str(found.exception)


def test_the_command_prints_json_and_writes_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "missing", lambda name: f"{name} is not installed")
    monkeypatch.setitem(bench.CASES, "small", TINY)
    out = tmp_path / "folder" / "speed.csv"
    options = ["--case", "small", "--peer", "devinterp", "--json", "--out", str(out)]
    outcome = CliRunner().invoke(cli, ["peers", "bench", *options], catch_exceptions=False)
    assert json.loads(outcome.stdout)[0]["skipped"] == "devinterp is not installed"
    assert out.read_text().splitlines()[1].startswith("tiny,24,12,120,devinterp,,devinterp is not")


def test_cases_are_those_of_the_published_comparison():
    cases = chosen([])
    linear = [case for case in cases if case.name in WORKLOADS]
    assert [case.dim for case in linear] == [188, 188, 262_144, 1_048_576, 262_144, 1_048_576]
    assert [case.threads for case in linear] == [1, 1, 1, 1, 2, 2]
    assert [case.name for case in cases if case not in linear] == list(NETWORK_WORKLOADS)
    many = replace(TINY, name="tiny-999t", threads=999)
    with pytest.raises(ValueError, match="tiny-999t takes 999 cores"):
        measure(many, ["control"], 1)
