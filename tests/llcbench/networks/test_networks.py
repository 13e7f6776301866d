"""Networks: sizes by formula, functions by a second route, initial weights by variance."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn.functional import log_softmax, scaled_dot_product_attention

from llcbench.networks import (
    MLP,
    DataSet,
    Transformer,
    class_losses,
    initialised,
    network,
    squared_losses,
    token_losses,
)
from llcbench.networks.losses import shares_wrong
from llcbench.networks.transformer import Attention
from llcbench.problems.modules.from_module import from_module


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=1):
    return torch.randn(shape, generator=rng(seed))


def size(module):
    return sum(part.numel() for part in module.parameters())


def made_up(inputs, targets, classes):
    return DataSet("made-up", (inputs, targets), (inputs, targets), "", "", classes)


@pytest.fixture
def images():
    return made_up(normal(12, 1, 8, 8), torch.arange(12) % 10, 10)


@pytest.fixture
def tokens():
    found = torch.randint(11, (6, 9), generator=rng(3))
    return made_up(found, found.roll(-1, 1), 11)


def test_the_size_of_a_perceptron(images):
    widths = (64, 30, 20, 10)
    formula = sum((below + 1) * above for below, above in pairwise(widths))
    assert size(network("mlp-30-20", images)) == formula
    assert size(MLP(784, (1024, 1024), 10)) == 1_863_690  # as published for MNIST


def test_the_size_of_transformers(tokens):
    v, c, d = 11, 9, 16
    outer = v * d + c * d + 2 * d + (d + 1) * v
    attention = 2 * d + (d + 1) * 3 * d + (d + 1) * d
    perceptron = 2 * d + (d + 1) * 4 * d + (4 * d + 1) * d
    assert size(network("attention-3-16", tokens)) == outer + 3 * attention
    assert size(network("gpt-3-16", tokens)) == outer + 3 * (attention + perceptron)
    assert size(Transformer(94, 64)) == 116_318


def test_outputs_have_the_shape_of_the_task(images, tokens):
    for name in ("mlp", "mlp-5", "resnet-8", "resnet-14-4"):
        assert network(name, images)(images.train[0]).shape == (12, 10)
    for name in ("attention-2-16", "gpt-1-8"):
        assert network(name, tokens)(tokens.train[0]).shape == (6, 9, 11)
    line = made_up(normal(10, 1), normal(10, 1), None)
    assert network("mlp-4", line)(line.train[0]).shape == (10, 1)


def test_a_perceptron_is_matrices_with_relu_between(images):
    net, x = network("mlp-7-6", images), images.train[0].reshape(12, 64)
    for layer in (net.layers[0], net.layers[2]):
        x = (x @ layer.weight.T + layer.bias).clamp(min=0)
    wanted = x @ net.layers[4].weight.T + net.layers[4].bias
    assert torch.allclose(net(images.train[0]), wanted, atol=1e-6)


def test_a_layer_adds_attention_and_perceptron(tokens):
    for name in ("attention-1-8", "gpt-1-8"):
        net, x = network(name, tokens), tokens.train[0]
        features = net.tokens.weight[x] + net.positions.weight[:9]
        layer = net.layers[0]
        features = features + layer.attention(layer.norm1(features))
        if name.startswith("gpt"):
            inner = layer.norm2(features) @ layer.up.weight.T + layer.up.bias
            inner = inner * torch.special.ndtr(inner)
            features = features + inner @ layer.down.weight.T + layer.down.bias
        assert torch.allclose(net(x), net.head(net.norm(features)), atol=1e-5)


def test_later_tokens_do_not_change_earlier_logits(tokens):
    x = tokens.train[0]
    changed = x.clone()
    changed[:, 5] = (changed[:, 5] + 1) % 11
    for name in ("attention-2-16", "gpt-2-16"):
        net = network(name, tokens)
        before, after = net(x), net(changed)
        assert torch.equal(before[:, :5], after[:, :5])
        for place in range(5, 9):
            assert not torch.allclose(before[:, place], after[:, place])


def test_attention_is_that_of_torch():
    net = initialised(lambda: Attention(12, 3), rng()).double()
    x = normal(2, 7, 12).double()
    split = (part.view(2, 7, 3, 4).transpose(1, 2) for part in net.qkv(x).split(12, -1))
    mixed = scaled_dot_product_attention(*split, is_causal=True)
    assert torch.allclose(net(x), net.out(mixed.transpose(1, 2).reshape(2, 7, 12)))


def test_losses_are_one_number_per_sample():
    logits, targets = normal(3, 5, 4), torch.randint(4, (3, 5), generator=rng())
    logs = log_softmax(logits, -1)
    wanted = [sum(-float(logs[i, t, targets[i, t]]) for t in range(5)) / 5 for i in range(3)]
    assert token_losses(logits, targets).tolist() == pytest.approx(wanted, rel=1e-5)
    wanted = [-float(logs[i, 0, targets[i, 0]]) for i in range(3)]
    assert class_losses(logits[:, 0], targets[:, 0]).tolist() == pytest.approx(wanted, rel=1e-5)
    x, y = normal(3, 2, seed=1), normal(3, 2, seed=2)
    wanted = [sum((float(x[i, k]) - float(y[i, k])) ** 2 for k in range(2)) for i in range(3)]
    assert squared_losses(x, y).tolist() == pytest.approx(wanted, rel=1e-5)
    with pytest.raises(ValueError, match="differ in shape"):
        squared_losses(x[:, :1], y[:, 0])
    hits = (logits.argmax(-1) == targets).double().mean(1)
    assert torch.equal(shares_wrong(logits, targets), 1 - hits)


# 4 standard errors of a variance of n numbers: false alarms below 1e-4 for each of 3 x 2 checks.
@pytest.mark.parametrize(
    ("scheme", "variance"),
    [
        ("default", lambda i, o: 1 / (3 * i)),
        ("he", lambda i, o: 2 / i),
        ("glorot", lambda i, o: 2 / (i + o)),
    ],
)
def test_initial_weights_follow_their_distribution(scheme, variance):
    for make, i, o in (
        (lambda: nn.Linear(120, 200), 120, 200),
        (lambda: nn.Conv2d(8, 60, 3), 72, 540),
    ):
        layer = initialised(make, rng(5), scheme)
        result = float(layer.weight.detach().double().square().mean())
        error = math.sqrt(2 / layer.weight.numel())
        assert abs(result / variance(i, o) - 1) < 4 * error
        assert abs(1.2 * result / variance(i, o) - 1) > 4 * error  # 20 % off is seen
        assert float(layer.weight.detach().abs().max()) <= 1 / math.sqrt(i) or scheme != "default"
        assert bool(layer.bias.any()) == (scheme == "default")
        double = initialised(make, rng(5), scheme, 2.0)
        assert torch.equal(double.weight, 2 * layer.weight)
        assert torch.equal(double.bias, layer.bias)


def test_initial_weights_depend_on_the_seed_and_leave_the_global_generator_alone(images, tokens):
    before = torch.get_rng_state()
    for name, data in (("mlp-5", images), ("resnet-8", images), ("gpt-1-8", tokens)):
        first, same, other = (network(name, data, seed=s).state_dict() for s in (1, 1, 2))
        assert all(torch.equal(first[key], same[key]) for key in first)
        assert not all(torch.equal(first[key], other[key]) for key in first)
    assert torch.equal(torch.get_rng_state(), before)
    norm = network("resnet-8", images, norm="batch").norm
    assert norm.running_mean.tolist() == norm.bias.tolist() == [0] * 8
    assert norm.running_var.tolist() == norm.weight.tolist() == [1] * 8


def test_every_network_is_a_problem(images, tokens):
    for name, data, loss in (
        ("mlp-5", images, class_losses),
        ("resnet-8-4", images, class_losses),
        ("attention-1-8", tokens, token_losses),
        ("gpt-1-8", tokens, token_losses),
    ):
        problem = from_module(network(name, data), loss, data.train)
        assert problem.dim == size(problem.module)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("vgg-11", {}, "network 'vgg-11' is unknown"),
        ("mlp-wide", {}, "as in mlp-64-64"),
        ("mlp-0", {}, "widths must be positive"),
        ("resnet-9", {}, "depth must be 8, 14, 20"),
        ("resnet-8-6", {}, "multiple of 4"),
        ("resnet-8-8-1", {}, "the sizes are depth, width"),
        ("resnet-8", {"norm": "layer"}, "group or batch"),
        ("resnet-8", {"heads": 2}, "unexpected keyword argument 'heads'"),
        ("gpt-2", {}, "holds no tokens"),
        ("mlp-4", {"scheme": "lecun"}, "default, he, glorot"),
        ("mlp-4", {"scale": 0.0}, "must be positive"),
    ],
)
def test_a_network_that_cannot_be(images, name, options, message):
    with pytest.raises(ValueError, match=message):
        network(name, images, **options)


def test_a_network_that_does_not_suit_the_data(tokens):
    with pytest.raises(ValueError, match="holds no images"):
        network("resnet-8", tokens)
    with pytest.raises(ValueError, match="take attention-2 or gpt-2"):
        network("mlp-4", tokens)
    with pytest.raises(ValueError, match="heads divide the width"):
        network("gpt-2-10", tokens)
    with pytest.raises(ValueError, match="no initial weights are known for Bilinear"):
        initialised(lambda: nn.Bilinear(2, 2, 2), rng())
