"""The same function at other weights: plain SGLD sees another posterior, matched SGLD the same."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from llcbench.measures.rescaling import MatchedSGLD, along, factors, rescaled
from llcbench.problems.modules.from_module import from_module
from llcbench.samplers.sgld import SGLD
from llcbench.sampling.loop import sample
from llcbench.sampling.target import Target
from llcbench.types import Draw


def squares(outputs, targets):
    return mse_loss(outputs, targets, reduction="none").sum(1)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)
    ).double()


@pytest.fixture
def data(network):
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(50, 3, generator=rng, dtype=torch.float64)
    with torch.no_grad():
        y = network(x)
    return x, y + 0.1 * torch.randn(50, 2, generator=rng, dtype=torch.float64)


def traced(network, data, sampler, steps=150, gamma=20.0):
    problem = from_module(network, squares, data)
    target = Target(problem, 50.0, gamma, 2, data=problem.data, batch_size=16, dtype=torch.float64)
    noise, batches = (torch.Generator().manual_seed(seed) for seed in (2, 3))
    trace = sample(target, sampler, num_draws=steps, num_burnin=0, noise=noise, batches=batches)
    assert trace.status == "ok"
    return torch.as_tensor(trace.excess)


def matched(network, layer, factor, step_size=1e-3):
    return MatchedSGLD(step_size, along(network, factors(network, layer, factor)))


@pytest.mark.parametrize("layer", [0, 1])
def test_the_function_is_the_same(network, data, layer):
    other = rescaled(network, layer, 7.0)
    with torch.no_grad():
        assert torch.allclose(other(data[0]), network(data[0]), rtol=1e-12)
    before, after = (dict(net.named_parameters()) for net in (network, other))
    own, following = str(2 * layer), str(2 * layer + 2)
    assert torch.equal(after[f"{own}.bias"], 7 * before[f"{own}.bias"])
    assert torch.equal(after[f"{own}.weight"], 7 * before[f"{own}.weight"])
    assert torch.allclose(after[f"{following}.weight"], before[f"{following}.weight"] / 7)
    assert torch.equal(after[f"{following}.bias"], before[f"{following}.bias"])


def test_without_the_bias_the_function_changes(network, data):
    other = rescaled(network, 0, 7.0)
    other[0].bias.data /= 7
    with torch.no_grad():
        assert not torch.allclose(other(data[0]), network(data[0]), rtol=0.05)


def test_tanh_is_no_relu(data):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 2)).double()
    with pytest.raises(ValueError, match="Tanh follows on Linear"):
        rescaled(net, 0, 2.0)


def test_units_of_one_are_plain_sgld(network, data):
    plain = traced(network, data, SGLD(1e-3))
    units = traced(network, data, MatchedSGLD(1e-3, along(network, factors(network, 0, 1.0))))
    assert torch.allclose(units, plain, rtol=1e-9)


@pytest.mark.parametrize(("layer", "factor"), [(0, 0.1), (0, 3.0), (1, 10.0), (1, 1e-3)])
def test_matched_sgld_has_the_same_trace_to_round_off(network, data, layer, factor):
    trace = traced(network, data, SGLD(1e-3))
    other = rescaled(network, layer, factor)
    same = traced(other, data, matched(network, layer, factor))
    apart = float((same - trace).abs().max() / trace.abs().max())
    print(f"layer {layer} x {factor:g}: traces differ by {apart:.1e}")
    assert apart < 1e-10
    assert float(trace.std()) > 0


def test_a_power_of_two_changes_no_bit(network, data):
    unit = MatchedSGLD(1e-3, along(network, factors(network, 0, 1.0)))
    trace = traced(network, data, unit)
    same = traced(rescaled(network, 1, 4.0), data, matched(network, 1, 4.0))
    assert torch.equal(same, trace)


@pytest.mark.parametrize("factor", [0.1, 4.0])
def test_plain_sgld_is_not_invariant(network, data, factor):
    trace = traced(network, data, SGLD(1e-3), steps=300)
    other = traced(rescaled(network, 0, factor), data, SGLD(1e-3), steps=300)
    means = [float(run[:, 100:].mean()) for run in (trace, other)]
    print(f"plain, factor {factor}: mean excess {means[0]:.4f} and {means[1]:.4f}")
    assert abs(means[0] - means[1]) > 0.25 * means[0]


def test_a_localisation_that_is_not_divided_breaks_the_match(network, data):
    factor, scale = 3.0, along(network, factors(network, 0, 3.0))
    trace = traced(network, data, SGLD(1e-3))

    # The step alone follows: a localisation of gamma c^2 undoes the division.
    class Undivided:
        step_size = 1e-3

        def init(self, theta, target, rng):
            return theta

        def step(self, state, target, rng):
            loss, grad = target.loss_and_grad(state)
            force = target.nbeta * grad + target.gamma * (state - target.w_star)
            noise = torch.empty_like(state).normal_(generator=rng)
            state = state - 0.5e-3 * scale**2 * force + math.sqrt(1e-3) * scale * noise
            return state, Draw(state, loss)

    other = traced(rescaled(network, 0, factor), data, Undivided())
    assert float((other - trace).abs().max() / trace.abs().max()) > 1e-3


def test_bad_input_is_refused(network, data):
    for layer in (-1, 2):
        with pytest.raises(ValueError, match=f"layer={layer}: give 0 to 1"):
            rescaled(network, layer, 2.0)
    for factor in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="finite positive"):
            rescaled(network, 0, factor)
    with pytest.raises(ValueError, match="step_size"):
        MatchedSGLD(0.0, torch.ones(3))
    with pytest.raises(ValueError, match="scale must hold"):
        MatchedSGLD(1e-3, torch.tensor([1.0, 0.0]))
    with pytest.raises(ValueError, match="3 numbers for"):
        traced(network, data, MatchedSGLD(1e-3, torch.ones(3)))
