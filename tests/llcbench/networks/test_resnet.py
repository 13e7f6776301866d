"""Residual networks: sizes and functions by a second route, what norms do and do not do."""

import pytest
import torch
from torch.nn.functional import conv2d

from llcbench.networks import DataSet, ResNet, initialised, network


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=1):
    return torch.randn(shape, generator=rng(seed))


def size(module):
    return sum(part.numel() for part in module.parameters())


@pytest.fixture
def images():
    part = normal(12, 1, 8, 8), torch.arange(12) % 10
    return DataSet("made-up", part, part, "", "", 10)


def resnet_size(channels, classes, depth, k):
    """Kernels, two numbers a channel for every norm, and the head."""
    blocks = (depth - 2) // 6
    kernels = 9 * channels * k + 9 * k * k * (2 * blocks) * (1 + 4 + 16)
    kernels -= 9 * (2 * k * k + 8 * k * k)  # the first kernel of two stages has half the inputs
    shortcuts = 2 * k * k + 8 * k * k
    norms = 2 * (k + 2 * blocks * (k + 2 * k + 4 * k))
    return kernels + shortcuts + norms + (4 * k + 1) * classes


@pytest.mark.parametrize(("depth", "width"), [(8, 8), (8, 16), (14, 4)])
def test_the_size_of_a_residual_network(depth, width):
    assert size(ResNet(3, 10, depth, width)) == resnet_size(3, 10, depth, width)
    assert size(ResNet(1, 10)) == resnet_size(1, 10, 8, 8) == 19_714


def test_the_size_of_a_residual_network_with_norms_first():
    # The norms before a change of shape are narrower, the one at the end is wider.
    change = 2 * (-(2 - 1) - (4 - 2) + (4 - 1)) * 8
    assert size(ResNet(1, 10, pre=True)) == resnet_size(1, 10, 8, 8) + change


def normalised(x, weight, bias):
    """Four groups of channels, each shifted and scaled separately in every sample."""
    parts = x.unflatten(1, (4, -1))
    spread = (parts.var((2, 3, 4), correction=0, keepdim=True) + 1e-5).sqrt()
    parts = (parts - parts.mean((2, 3, 4), keepdim=True)) / spread
    return parts.flatten(1, 2) * weight[:, None, None] + bias[:, None, None]


@pytest.mark.parametrize("pre", [False, True])
def test_a_residual_network_is_its_formula(images, pre):
    net = initialised(lambda: ResNet(1, 10, 14, 4, pre=pre), rng()).double()
    with torch.no_grad():
        for name, part in net.named_parameters():
            if "norm" in name:
                part.copy_(normal(*part.shape, seed=len(name)))
    w = {name: part.detach() for name, part in net.named_parameters()}

    def norm(name, x):
        return normalised(x, w[f"{name}.weight"], w[f"{name}.bias"])

    x = conv2d(images.train[0].double(), w["stem.weight"], padding=1)
    x = x if pre else norm("norm", x).clamp(min=0)
    for k in range(6):
        name, stride = f"stages.{k}", 2 if k in (2, 4) else 1
        one, two = w[f"{name}.conv1.weight"], w[f"{name}.conv2.weight"]
        beside = conv2d(x, w[f"{name}.shortcut.weight"], stride=2) if stride == 2 else x
        if pre:
            x = conv2d(norm(f"{name}.norm1", x).clamp(min=0), one, stride=stride, padding=1)
            x = beside + conv2d(norm(f"{name}.norm2", x).clamp(min=0), two, padding=1)
        else:
            x = norm(f"{name}.norm1", conv2d(x, one, stride=stride, padding=1)).clamp(min=0)
            x = (beside + norm(f"{name}.norm2", conv2d(x, two, padding=1))).clamp(min=0)
    x = norm("norm", x).clamp(min=0) if pre else x
    wanted = x.mean((2, 3)) @ w["head.weight"].T + w["head.bias"]
    assert torch.allclose(net(images.train[0].double()), wanted)


@pytest.mark.parametrize("pre", [False, True])
def test_a_block_without_its_last_kernel_is_its_shortcut(pre):
    net = initialised(lambda: ResNet(1, 10, pre=pre), rng())
    for block, below, edge in zip(net.stages, (8, 8, 16), (8, 4, 4), strict=True):
        with torch.no_grad():
            block.conv2.weight.zero_()
        x = normal(2, below, 8, 8)
        kept = block.shortcut(x)
        assert kept.shape[-1] == edge
        assert torch.equal(block(x), kept if pre else kept.clamp(min=0))


@pytest.mark.parametrize("pre", [False, True])
def test_weights_before_a_norm_have_no_scale(images, pre):
    net = initialised(lambda: ResNet(1, 10, pre=pre), rng()).double()
    x = images.train[0].double()
    before = net(x).detach()
    named = dict(net.named_parameters())
    free = net.scale_free()
    assert len(free) == (3 if pre else 7)
    with torch.no_grad():
        for name, factor in zip(free, (0.5, 2, 3, 2, 0.5, 2, 4), strict=False):
            named[name].mul_(factor)
        assert float((net(x) - before).abs().max() / before.abs().max()) < 1e-3
        named["head.weight" if pre else "stages.1.shortcut.weight"].mul_(2)
        assert float((net(x) - before).abs().max() / before.abs().max()) > 1e-2


def test_group_norm_keeps_samples_apart_and_batch_norm_does_not(images):
    x = images.train[0]
    for norm, apart in (("group", True), ("batch", False)):
        net = network("resnet-8", images, norm=norm).train()
        alone = torch.cat([net(x[:6]), net(x[6:])])
        assert torch.allclose(net(x), alone, atol=1e-5) == apart
