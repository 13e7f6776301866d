"""Networks as identical work: their sizes, who runs, whether all sample alike."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import torch

from llcbench.adapters.packages import missing
from llcbench.peers import network_work, workers
from llcbench.peers.bench import measure
from llcbench.peers.network_cases import NETWORK_WORKLOADS, NetworkWorkload
from llcbench.peers.network_kernels import control
from llcbench.peers.speed import ALARM, _same

TINY = NetworkWorkload("tiny", "mlp", 4810, 300, 32, 12, 60, 60, step_size=1e-3)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    path = tmp_path_factory.mktemp("work") / "work.npz"
    network_work.make(TINY, path)
    return network_work.read(path)


@pytest.mark.parametrize("name", NETWORK_WORKLOADS)
def test_sizes_are_those_of_the_networks(name):
    case = NETWORK_WORKLOADS[name]
    with torch.device("meta"):
        module = network_work.built(case.network)
    assert sum(weight.numel() for weight in module.parameters()) == case.dim


def means(run, case, seed):
    return list(run(seed)[:, -case.draws :].mean(1))


@pytest.fixture(scope="module")
def controls(work):
    """Return losses of the control, and of one that is pulled three times as hard."""
    tight = work._replace(case=replace(TINY, gamma=3 * TINY.gamma))
    return [means(control.prepare(w), TINY, 6) for w in (work, tight)]


@pytest.mark.parametrize("name", ["devinterp", "vmap", "ours"])
def test_peers_sample_the_distribution_of_the_control_and_of_no_other(work, controls, name):
    """Means over 12 chains, gate at a false-alarm rate of 1e-4, which refuses the other one."""
    package = workers.PACKAGES[name]
    if package and missing(package) is not None:
        pytest.skip(str(missing(package)))
    kernel = import_module(f"llcbench.peers.network_kernels.{name}")
    losses = means(kernel.prepare(work), TINY, 5)
    assert np.isfinite(losses).all()
    assert _same(losses, controls[0]) > ALARM
    assert _same(losses, controls[1]) < ALARM


def test_processes_take_turns_and_others_are_skipped_with_the_reason():
    short = replace(TINY, chains=2, burnin=5, draws=5)
    rows = {row.peer: row for row in measure(short, ["control", "ours", "blackjax"], 1)}
    assert rows["blackjax"].skipped == "has no kernel for tiny"
    assert rows["ours"].base == "control"
    assert rows["ours"].rate > 0
