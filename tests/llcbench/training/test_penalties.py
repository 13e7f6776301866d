"""Penalties: values and gradients by a second route, and refusals."""

import math

import pytest
import torch
from quadratic_task import Point, around, quadratic, walk
from torch import nn

from llcbench.networks import MLP, DataSet, ResNet, class_losses, initialised, squared_losses
from llcbench.training.batches import Batches
from llcbench.training.config import Penalties, Training
from llcbench.training.noise import generator
from llcbench.training.penalties import Spectral, gradient_norm, jacobian
from llcbench.training.train import train

H = torch.tensor([1.0, 3.0], dtype=torch.float64)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def perceptron(seed=0):
    return initialised(lambda: MLP(3, (5,), 2), rng(seed)).double()


@pytest.fixture
def data():
    x = torch.randn(8, 3, dtype=torch.float64, generator=rng(1))
    part = x, torch.randn(8, 2, dtype=torch.float64, generator=rng(2))
    return DataSet("made-up", part, part, "", "", None)


def test_the_gradient_norm_of_a_quadratic():
    w = torch.tensor([0.7, -0.4], dtype=torch.float64, requires_grad=True)
    value = gradient_norm((H * w.square()).sum() / 2, [w])
    assert float(value.detach()) == pytest.approx(float((H * w).detach().square().sum()))
    (grad,) = torch.autograd.grad(value, w)
    assert torch.allclose(grad, 2 * H**2 * w)


def test_training_with_a_gradient_norm_by_hand():
    start, centres = torch.ones(2, dtype=torch.float64), torch.zeros(2, 2, dtype=torch.float64)
    penalties = Penalties(gradient_norm=0.3)
    end = walk(start, H, centres, lr=0.05, penalties=penalties, steps=3)[-1]
    assert torch.allclose(end, (1 - 0.05 * (H + 0.3 * 2 * H**2)) ** 3)


def test_the_spectral_penalty_is_half_the_squared_largest_singular_values():
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(6, 5)).double()
    exact = sum(
        torch.linalg.matrix_norm(w.flatten(1), 2).square() / 2
        for w in (net[0].weight, net[2].weight)
    )
    penalty = Spectral(net, 0)
    for _ in range(300):
        result = penalty()
    assert float(result.detach()) == pytest.approx(float(exact.detach()), rel=1e-9)
    weights = [net[0].weight, net[2].weight]
    for one, two in zip(
        torch.autograd.grad(result, weights), torch.autograd.grad(exact, weights), strict=True
    ):
        assert torch.allclose(one, two, atol=1e-6)


def test_the_spectral_penalty_follows_the_weights():
    net = nn.Sequential(nn.Linear(6, 5)).double()
    penalty = Spectral(net, 0)
    for step in range(200):
        with torch.no_grad():
            noise = torch.randn(5, 6, dtype=torch.float64, generator=rng(step))
            net[0].weight.add_(0.002 * noise)
        result = float(penalty().detach())
    exact = float(torch.linalg.matrix_norm(net[0].weight.detach(), 2)) ** 2 / 2
    assert 0.98 * exact < result <= exact * (1 + 1e-9)


# 4 standard errors over 4000 probes: false alarms below 1e-4.
def test_probes_of_the_jacobian_average_to_the_geometric_complexity(data):
    net = perceptron()
    inputs = data.train[0]
    jacobians = torch.func.vmap(torch.func.jacrev(lambda x: net(x[None])[0]))(inputs)
    exact = float(jacobians.detach().square().sum((1, 2)).mean())
    many = inputs.repeat(500, 1).requires_grad_()
    outputs, source = net(many), rng(3)
    result = torch.tensor([float(jacobian(outputs, many, source).detach()) for _ in range(8)])
    error = float(result.std()) / math.sqrt(8)
    assert abs(float(result.mean()) - exact) < 4 * max(error, 1e-3 * exact)
    assert abs(2 * float(result.mean()) - exact) > 4 * max(error, 1e-3 * exact)


def test_one_output_needs_no_luck():
    line = nn.Linear(4, 1, bias=False).double()
    inputs = torch.randn(6, 4, dtype=torch.float64, generator=rng()).requires_grad_()
    found = jacobian(line(inputs), inputs, rng(5))
    assert float(found.detach()) == pytest.approx(float(line.weight.detach().square().sum()))


@pytest.mark.parametrize(
    "penalties",
    [Penalties(), Penalties(gradient_norm=0.1), Penalties(spectral=0.2), Penalties(jacobian=0.3)],
)
def test_the_gradient_of_the_penalised_loss_is_that_of_its_values(data, penalties):
    """Central differences of loss + penalty along a random direction; probes start alike."""
    net = perceptron()

    def total():
        inputs, targets = data.train[0].clone().requires_grad_(), data.train[1]
        outputs = net(inputs)
        loss = squared_losses(outputs, targets).mean()
        value = loss + penalties.gradient_norm * gradient_norm(loss, list(net.parameters()))
        for weight in (net.layers[0].weight, net.layers[2].weight):
            value = value + penalties.spectral * torch.linalg.matrix_norm(weight, 2).square() / 2
        return float(value.detach()) + penalties.jacobian * probe(outputs, inputs)

    def probe(outputs, inputs):
        return float(jacobian(outputs, inputs, generator(0, "probes")).detach())

    config = Training(batch_size=None, penalties=penalties)
    batches = Batches(net, data.train, squared_losses, config, 0)
    for _ in range(200 if penalties.spectral else 1):  # singular vectors settle
        loss = batches.fill()
    assert loss == pytest.approx(
        float(squared_losses(net(data.train[0]), data.train[1]).mean().detach())
    )
    weights = list(net.parameters())
    grads = [w.grad.clone() for w in weights]
    way = [torch.randn(w.shape, dtype=w.dtype, generator=rng(9)) for w in weights]
    values = []
    for shift in (1e-5, -2e-5):
        with torch.no_grad():
            for w, d in zip(weights, way, strict=True):
                w.add_(shift * d)
        values.append(total())
    slope = (values[0] - values[1]) / 2e-5
    wanted = sum(float((g * d).sum()) for g, d in zip(grads, way, strict=True))
    assert slope == pytest.approx(wanted, rel=1e-5)


def test_what_a_penalty_cannot_be_computed_for():
    tokens = torch.zeros(4, 3, dtype=torch.int64)
    part = tokens, tokens
    words = DataSet("words", part, part, "", "", 2)
    images = torch.zeros(4, 1, 8, 8), torch.zeros(4, dtype=torch.int64)
    pictures = DataSet("pictures", images, images, "", "", 2)
    explicit = Training(penalties=Penalties(jacobian=0.1), batch_size=4)
    mixing = initialised(lambda: ResNet(1, 2, norm="batch"), rng())
    with pytest.raises(ValueError, match="do not mix"):
        train(mixing, pictures, class_losses, explicit, 0)
    with pytest.raises(ValueError, match="not tokens"):
        train(nn.Linear(3, 2), words, class_losses, explicit, 0)
    spectral = Training(penalties=Penalties(spectral=0.1), batch_size=2)
    start, centres = torch.ones(2), torch.zeros(2, 2)
    with pytest.raises(ValueError, match="there are none"):
        train(Point(start), around(centres), quadratic(torch.ones(2)), spectral, 0)
