"""The derivative by the inputs, by several independent routes; what must not be measured."""

import math
import statistics

import pytest
import torch
from torch import nn
from torch.func import functional_call, jacrev, vmap

from llcbench.measures.geometric_complexity import geometric_complexity, squared_slopes

# Two-sided normal gate: one false alarm in 16,000.
Z = 4.0


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def inputs(*shape, seed=1):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def network(*modules, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(*(make() for make in modules)).double()


def linear(*sizes):
    return lambda: nn.Linear(*sizes)


def normed():
    return network(
        lambda: nn.Conv2d(1, 4, 3, padding=1),
        lambda: nn.GroupNorm(2, 4),
        lambda: nn.ReLU(inplace=True),
        lambda: nn.Conv2d(4, 3, 3, stride=2),
        nn.Tanh,
        nn.Flatten,
        linear(12, 5),
    )


def test_affine_map_has_the_squared_norm_of_its_matrix_on_any_data():
    net = network(linear(6, 4))
    exact = float(net[0].weight.detach().square().sum())
    for scale in (1e-3, 1.0, 1e3):
        complexity = geometric_complexity(net, scale * inputs(7, 6))
        assert complexity.value == pytest.approx(exact, rel=1e-13)
        assert complexity.stderr == 0
    # One pass for the sum of the outputs would give the norm of the sum of the rows.
    wrong = float(net[0].weight.detach().sum(0).square().sum())
    assert wrong != pytest.approx(exact, rel=0.05)


def test_deep_linear_map_has_that_of_the_product():
    net = network(linear(6, 5), linear(5, 4), linear(4, 3))
    first, second, third = (layer.weight.detach() for layer in net)
    exact = float((third @ second @ first).square().sum())
    assert geometric_complexity(net, inputs(9, 6)).value == pytest.approx(exact, rel=1e-13)
    product = math.prod(float(w.square().sum()) for w in (first, second, third))
    assert product != pytest.approx(exact, rel=0.05)


def local_maps(net, x, bias=True):
    """Compose the matrices of the active units, sample by sample, without differentiation."""
    maps = []
    for row in x:
        value, matrix = row, torch.eye(len(row), dtype=row.dtype)
        for layer in net:
            if isinstance(layer, nn.Linear):
                value = layer.weight @ value + (layer.bias if bias else 0)
                matrix = layer.weight @ matrix
            else:
                active = value > 0
                value, matrix = value * active, matrix[active.nonzero().squeeze(1)]
                full = torch.zeros(len(active), matrix.shape[1], dtype=row.dtype)
                full[active] = matrix
                matrix = full
        maps.append(matrix.detach())
    return torch.stack(maps)


def test_relu_network_has_the_mean_over_its_linear_regions():
    net = network(linear(4, 9), nn.ReLU, linear(9, 8), nn.ReLU, linear(8, 3))
    x = inputs(40, 4)
    maps = local_maps(net, x)
    norms = maps.square().flatten(1).sum(1)
    assert torch.allclose(squared_slopes(net, x), norms, rtol=1e-12, atol=0)
    # The same, region by region: samples with one map belong together.
    regions, counts = torch.unique(maps.flatten(1), dim=0, return_counts=True)
    assert 1 < len(regions) < len(x)
    by_region = float((counts.double() / len(x) * regions.square().sum(1)).sum())
    assert geometric_complexity(net, x).value == pytest.approx(by_region, rel=1e-12)
    unbiased = local_maps(net, x, bias=False).square().flatten(1).sum(1)
    assert float(unbiased.mean()) != pytest.approx(by_region, rel=0.01)


def test_convolutions_and_normalisation_agree_with_forward_built_jacobians():
    net, x = normed(), inputs(300, 1, 6, 6)
    parameters = {name: value.detach() for name, value in net.named_parameters()}
    slopes = vmap(jacrev(lambda one: functional_call(net, parameters, (one.unsqueeze(0),))))
    exact = slopes(x[:20].clone()).square().flatten(1).sum(1)
    assert torch.allclose(squared_slopes(net, x)[:20], exact, rtol=1e-10, atol=0)
    # Chunks, and single samples, make no difference.
    assert squared_slopes(net, x[299:]).item() == pytest.approx(squared_slopes(net, x)[-1].item())


def test_finite_differences_agree():
    net, x, width = network(linear(1, 20), nn.Tanh, linear(20, 1)), inputs(30, 1), 1e-5
    with torch.no_grad():
        slope = (net(x + width) - net(x - width)) / (2 * width)
    exact = float(slope.square().mean())
    assert geometric_complexity(net, x).value == pytest.approx(exact, rel=1e-8)


def test_units_of_the_inputs_count():
    net, x, unit = network(linear(3, 8), nn.Tanh, linear(8, 2)), inputs(20, 3), 4.0
    raw = geometric_complexity(net, unit * x).value
    inner = nn.Linear(3, 3, bias=False).double()
    inner.weight.data = unit * torch.eye(3, dtype=torch.float64)
    assert geometric_complexity(nn.Sequential(inner, *net), x).value == pytest.approx(unit**2 * raw)


@pytest.mark.parametrize("probes", [1, 3])
def test_random_probes_are_unbiased_and_know_their_error(probes):
    net, x = normed(), inputs(24, 1, 6, 6)
    exact = geometric_complexity(net, x).value
    results = [geometric_complexity(net, x, probes=probes, rng=generator(s)) for s in range(120)]
    values = [reading.value for reading in results]
    spread = statistics.stdev(values)
    error = spread / math.sqrt(len(values))
    assert abs(statistics.fmean(values) - exact) < Z * error
    # The same gate sees five per cent.
    assert abs(statistics.fmean(values) - 1.05 * exact) > Z * error
    stated = math.sqrt(statistics.fmean(reading.stderr**2 for reading in results))
    if probes == 1:
        between = float(squared_slopes(net, x).var()) / len(x)
        assert stated == pytest.approx(math.sqrt(spread**2 + between), rel=0.3)
    else:
        # The relative error of a standard deviation of 120 numbers is 6.5 %.
        assert stated == pytest.approx(spread, rel=0.3)


def test_one_probe_of_an_orthonormal_map_is_exact():
    net = network(linear(4, 4))
    net[0].weight.data = torch.linalg.qr(inputs(4, 4))[0]
    found = geometric_complexity(net, inputs(5, 4), probes=1, rng=generator())
    assert found.value == pytest.approx(4.0)
    assert found.stderr == pytest.approx(0.0, abs=1e-12)


class Squares(nn.Module):
    def forward(self, x):
        return x**2


def test_several_probes_that_agree_have_no_error_however_much_samples_differ():
    """The derivative of squares is diagonal: all signs give ``4 |x|^2``, here 4, 16 and 36."""
    x = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])
    several, one = (geometric_complexity(Squares(), x, probes=p, rng=generator()) for p in (3, 1))
    assert several.value == one.value == pytest.approx(56 / 3)
    assert several.stderr == 0
    # One probe knows no better than the variance of the samples, 784 / 3, over their number.
    assert one.stderr == pytest.approx(28 / 3)


def test_the_module_is_measured_in_eval_mode_and_left_alone():
    net = network(linear(3, 6), lambda: nn.BatchNorm1d(6), lambda: nn.Dropout(0.5), linear(6, 2))
    x = inputs(32, 3)
    net(3 * x)
    complexity = geometric_complexity(net, x).value
    assert net.training
    assert all(value.requires_grad and value.grad is None for value in net.parameters())
    gain = net[1].weight / (net[1].running_var + net[1].eps).sqrt()
    exact = float((net[3].weight @ (gain.unsqueeze(1) * net[0].weight)).detach().square().sum())
    assert complexity == pytest.approx(exact, rel=1e-12)
    # In training mode samples mix, and the sum over the batch is another number.
    still = x.clone().requires_grad_()
    net[2].p = 0.0
    outputs = net(still)
    parts = [torch.autograd.grad(outputs[:, k].sum(), still, retain_graph=True) for k in range(2)]
    mixed = sum(float(part[0].square().sum()) for part in parts) / len(x)
    assert mixed < 1e-3 * exact


class Centred(nn.Module):
    def forward(self, x):
        return x - x.mean(0)


class Noisy(nn.Module):
    def forward(self, x):
        return x + torch.rand(x.shape)


class Pair(nn.Module):
    def forward(self, x):
        return x, x


class Constant(nn.Module):
    def forward(self, x):
        return torch.ones(len(x), 2)


@pytest.mark.parametrize(
    ("module", "x", "message"),
    [
        (nn.Embedding(5, 2), torch.tensor([[1, 2], [3, 4]]), "no derivative: give real"),
        (nn.Linear(3, 2), torch.randn(3), "shape"),
        (nn.Linear(3, 2), torch.randn(0, 3), "shape"),
        (Centred(), torch.randn(6, 3), "must not mix"),
        (nn.BatchNorm1d(3, track_running_stats=False), torch.randn(6, 3), "must not mix"),
        (Noisy(), torch.randn(6, 3), "not the same twice"),
        (Pair(), torch.randn(6, 3), "one tensor"),
        (Constant(), torch.randn(6, 3), "do not depend"),
    ],
)
def test_what_has_no_geometric_complexity_is_refused_in_one_line(module, x, message):
    with pytest.raises(ValueError, match=message) as caught:
        geometric_complexity(module, x)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("probes", "rng"), [(0, generator()), (1, None), (-2, generator())])
def test_inadmissible_probes_are_refused(probes, rng):
    with pytest.raises(ValueError, match=f"probes={probes}"):
        geometric_complexity(nn.Linear(3, 2), torch.randn(4, 3), probes=probes, rng=rng)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_network_that_is_not_finite_is_refused(place, value):
    net = network(linear(3, 8), nn.ReLU, linear(8, 2))
    list(net.parameters())[place].data.view(-1)[0] = value
    with pytest.raises(ValueError, match="not finite"):
        geometric_complexity(net, inputs(5, 3))


def test_nan_behind_dead_units_reads_as_a_flat_network_without_the_check():
    net, x = network(linear(3, 8), nn.ReLU, linear(8, 2)), inputs(5, 3).requires_grad_()
    net[0].bias.data.fill_(-100.0)
    net[2].weight.data.fill_(math.nan)
    outputs = net(x)
    (slope,) = torch.autograd.grad(outputs.sum(), x)
    assert bool(outputs.isnan().all())
    assert float(slope.square().sum()) == 0.0
    with pytest.raises(ValueError, match=r"2\.weight of the module is not finite"):
        geometric_complexity(net, x)


def test_overflow_inside_of_finite_weights_is_refused():
    net = network(linear(3, 8), nn.ReLU, linear(8, 2))
    net[0].weight.data.mul_(1e200)
    net[2].weight.data.mul_(1e200)
    with pytest.raises(ValueError, match="not finite"):
        geometric_complexity(net, inputs(5, 3))
