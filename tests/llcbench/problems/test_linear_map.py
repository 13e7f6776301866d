"""Both ways to the gradient of a linear network against automatic and finite differences."""

from itertools import pairwise

import pytest
import torch

from llcbench.problems.squared.batches import ChainMoments, Moments, Population, Samples
from llcbench.problems.squared.linear_map import LinearNetwork
from llcbench.problems.squared.loss import SquaredLoss

CHAINS, BATCH = 3, 5
NARROW, WIDE, SINGLE = (2, 3, 2, 2), (9, 12, 11, 8), (4, 3)


def rng():
    return torch.Generator().manual_seed(7)


def normal(*shape):
    return torch.randn(*shape, generator=rng(), dtype=torch.float64)


def loss_of(widths):
    network = LinearNetwork(widths)
    star = torch.randn(1, network.dim, generator=rng(), dtype=torch.float64)
    moments = Moments(
        torch.eye(widths[0], dtype=torch.float64) + 0.1, 0.3 * normal(widths[-1], widths[0]),
        torch.tensor(2.0, dtype=torch.float64),
    )  # fmt: skip
    loss = SquaredLoss(network, 0.7, network.value(star), moments, None)
    theta = star + 0.3 * normal(CHAINS, network.dim)
    return loss, theta


def batch_of(kind, widths, loss):
    x, noise = normal(CHAINS, BATCH, widths[0]), 0.5 * normal(CHAINS, BATCH, widths[-1])
    if kind == "samples":
        return Samples(x, noise)
    if kind == "silent":
        return Samples(x, None)
    if kind == "population":
        return Population(3.0)
    if kind == "full":
        return loss.moments
    return reduced(Samples(x, noise), loss)


def reduced(samples, loss):
    x, noise = samples.inputs, samples.noise
    size = x.shape[1]
    star = loss.scale * noise.square().sum((1, 2)) / size
    weight = loss.scale / size
    return ChainMoments(weight * x.mT @ x, weight * noise.mT @ x, star)


def plain(loss, theta, batch):
    """The definition, sample by sample, by matrices multiplied one after the other."""
    product = torch.eye(loss.map.inputs, dtype=torch.float64)
    for layer in loss.map.layers(theta):
        product = layer @ product
    delta = product - loss.reference
    if isinstance(batch, Population):
        return loss.scale * batch.second * delta.square().sum((1, 2))
    if isinstance(batch, Samples):
        noise = torch.zeros(()) if batch.noise is None else batch.noise
        error = batch.inputs @ delta.mT
        return loss.scale * ((error - noise).square() - noise**2).sum(2).mean(1)
    second = (delta @ batch.second * delta).sum((1, 2))
    scale = 1 if isinstance(batch, ChainMoments) else loss.scale
    return scale * (second - 2 * (delta * batch.cross).sum((1, 2)))


def close(a, b, rtol=1e-11):
    return bool(torch.allclose(a, b, rtol=rtol, atol=rtol * float(b.abs().max())))


@pytest.mark.parametrize("widths", [NARROW, WIDE, SINGLE])
@pytest.mark.parametrize("kind", ["samples", "silent", "moments", "population", "full"])
def test_loss_and_gradient_are_those_of_the_definition(widths, kind):
    loss, theta = loss_of(widths)
    batch = batch_of(kind, widths, loss)
    value, grad = loss.excess_and_grad(theta, batch)
    leaf = theta.clone().requires_grad_(True)
    expected = plain(loss, leaf, batch)
    (slope,) = torch.autograd.grad(expected.sum(), leaf)
    assert close(value, expected.detach())
    assert close(loss.excess(theta, batch), expected.detach())
    assert close(grad, slope)
    assert not close(1.0001 * grad, slope)


@pytest.mark.parametrize("widths", [NARROW, WIDE])
def test_gradient_is_that_of_finite_differences(widths):
    loss, theta = loss_of(widths)
    batch = batch_of("samples", widths, loss)
    direction = normal(CHAINS, loss.map.dim)
    slope = (loss.excess_and_grad(theta, batch)[1] * direction).sum(1)
    ahead, behind = (loss.excess(theta + h * direction, batch) for h in (1e-6, -1e-6))
    assert close((ahead - behind) / 2e-6, slope, rtol=1e-7)


def test_wide_networks_send_samples_and_narrow_ones_form_the_product():
    loss, theta = loss_of(WIDE)
    batch = batch_of("samples", WIDE, loss)
    assert loss.map.through_layers(BATCH)
    assert not LinearNetwork(NARROW).through_layers(BATCH)
    assert LinearNetwork((1700,) * 36).through_layers(500)
    assert not LinearNetwork((100,) * 5).through_layers(500)
    sent = loss.excess_and_grad(theta, batch)
    formed = loss.excess_and_grad(theta, reduced(batch, loss))
    assert all(close(a, b) for a, b in zip(sent, formed, strict=True))


@pytest.mark.parametrize(("widths", "batch_size"), [(WIDE, 5), (NARROW, 5), (WIDE, 50)])
def test_the_cheaper_way_is_taken_by_operations(widths, batch_size):
    """Counts every product of the two ways by its shape."""
    pairs = list(pairwise(widths))
    ends = widths[0] * widths[-1]
    sent = batch_size * (sum(3 * a * b for a, b in pairs) - widths[0] * widths[1])
    formed = sum(3 * a * b * widths[0] for a, b in pairs[1:]) + 2 * batch_size * ends
    assert LinearNetwork(widths).through_layers(batch_size) == (sent <= formed)


@pytest.mark.parametrize("widths", [NARROW, WIDE, SINGLE])
@pytest.mark.parametrize("chains", [1, CHAINS])
def test_a_gradient_that_is_brought_is_written_again_and_again(widths, chains):
    loss, theta = loss_of(widths)
    theta = theta[:chains].clone()
    samples = batch_of("samples", widths, loss)
    batch = Samples(samples.inputs[:chains], samples.noise[:chains])
    out = torch.full_like(theta, torch.nan)
    for _ in range(3):
        fresh = loss.excess_and_grad(theta, batch)
        result = loss.excess_and_grad(theta, batch, out)
        assert result[1] is out
        assert all(torch.equal(a, b) for a, b in zip(result, fresh, strict=True))
        assert torch.equal(batch.inputs, samples.inputs[:chains])
        theta.add_(out, alpha=-0.01)
    other = theta.clone() + 1
    assert torch.equal(loss.excess_and_grad(other, batch, out)[1],
                       loss.excess_and_grad(other, batch)[1])  # fmt: skip


@pytest.mark.parametrize("widths", [WIDE, (9, 12, 8), (9, 8)])
def test_gradients_handed_out_by_layer_are_those_of_the_whole_and_layers_may_be_lost(widths):
    loss, theta = loss_of(widths)
    batch = batch_of("samples", widths, loss)
    assert loss.num_parts(batch) == len(widths) - 1
    assert loss.num_parts(loss.moments) == 0
    value, whole = loss.excess_and_grad(theta, batch)
    for _ in range(2):
        moved, order = theta.clone(), []

        def visit(gradient, moved=moved, order=order):
            part = moved[:, gradient.start : gradient.stop]
            # Whoever reads the layer after this finds the multiple of its gradient alone.
            part.zero_()
            gradient.add_to(part, -2.5)
            order.append((gradient.start, gradient.stop))

        assert close(loss.excess_and_visit(moved, batch, visit), value)
        assert close(moved, -2.5 * whole)
        assert order == list(pairwise(loss.map.offsets))[::-1]


@pytest.mark.parametrize("widths", [NARROW, WIDE])
def test_chains_do_not_see_each_other(widths):
    loss, theta = loss_of(widths)
    batch = batch_of("samples", widths, loss)
    before = loss.excess_and_grad(theta, batch)
    theta[0] += 1
    batch.inputs[0] *= 2
    after = loss.excess_and_grad(theta, batch)
    for a, b in zip(before, after, strict=True):
        assert torch.equal(a[1:], b[1:])
        assert not torch.equal(a[0], b[0])


def test_buffers_serve_in_and_out_of_inference_mode():
    loss, theta = loss_of(WIDE)
    batch, out = batch_of("samples", WIDE, loss), torch.empty_like(theta)
    with torch.inference_mode():
        inside = loss.excess_and_grad(theta, batch, out)[1].clone()
    assert torch.equal(loss.excess_and_grad(theta, batch, out)[1], inside)
