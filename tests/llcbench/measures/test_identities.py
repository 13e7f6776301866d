"""Statements about geometric complexity that tie it to weights, noise, training and depth."""

import math
import statistics
from itertools import pairwise

import pytest
import torch
from torch import nn

from llcbench.measures.geometric_complexity import geometric_complexity, squared_slopes

# Two-sided normal gate: one false alarm in 16,000.
Z = 4.0
TRIALS = 200


def generator(seed):
    return torch.Generator().manual_seed(seed)


def random_network(seed):
    """Draw depth, widths, activation and scale; return the network with one input."""
    rng = generator(seed)
    depth = int(torch.randint(1, 5, (), generator=rng))
    widths = torch.randint(1, 9, (depth + 1,), generator=rng).tolist()
    activation = (nn.ReLU, nn.Tanh)[seed % 2]
    layers = []
    for fan_in, fan_out in pairwise(widths):
        layer = nn.Linear(fan_in, fan_out).double()
        scale = 2 * float(torch.rand((), generator=rng)) / math.sqrt(fan_in)
        layer.weight.data = scale * torch.randn(fan_out, fan_in, generator=rng).double()
        layer.bias.data = 0.3 * torch.randn(fan_out, generator=rng).double()
        layers += [layer, activation()]
    x = torch.randn(1, widths[0], generator=rng).double()
    return nn.Sequential(*layers[:-1]), x


def operator_norm(matrix):
    return float(torch.linalg.matrix_norm(matrix.detach(), ord=2))


def jacobian(function, x):
    return torch.autograd.functional.jacobian(function, x[0])


def parameter_slope(net, x):
    """Return the squared norm of the derivative of all outputs by all parameters."""
    outputs = net(x)[0]
    parts = [torch.autograd.grad(f, list(net.parameters()), retain_graph=True) for f in outputs]
    return sum(float(g.square().sum()) for part in parts for g in part)


def transfer(net, x, power):
    """Return the sum of ``T_i^power`` over dense layers; None where a hidden layer is dead."""
    total = 0.0
    for i, layer in enumerate(net):
        if isinstance(layer, nn.Linear):
            hidden = net[:i](x)
            steepness = operator_norm(jacobian(net[:i], x)) if i else 1.0
            if steepness == 0:
                return None
            share = math.sqrt(1 + float(hidden.detach().square().sum()))
            total += (share / (operator_norm(layer.weight) * steepness)) ** power
    return total


def test_flat_in_the_parameters_is_flat_in_the_inputs():
    """Transfer inequality: input slope times sum of T_i^2 is at most the parameter slope."""
    ratios, deeper, fourth, dead = [], [], [], 0
    for seed in range(TRIALS):
        net, x = random_network(seed)
        factor = transfer(net, x, 2)
        if factor is None:
            dead += 1
            continue
        slope, by_parameters = float(squared_slopes(net, x)), parameter_slope(net, x)
        ratios.append(slope * factor / by_parameters)
        if len(net) > 1:
            deeper.append(ratios[-1])
        fourth.append(slope * transfer(net, x, 4) / by_parameters)
    print(
        f"transfer: {len(ratios)} networks, {dead} dead, largest ratio {max(ratios):.4f},"
        f" {max(deeper):.4f} of {len(deeper)} with more than one layer,"
        f" median {statistics.median(ratios):.3f}"
    )
    assert len(ratios) > 0.7 * TRIALS
    assert max(ratios) <= 1 + 1e-12
    # The power suffices: another exponent is violated.
    assert max(fourth) > 1


def test_transfer_is_an_equality_for_one_layer_of_rank_one():
    net, x = nn.Sequential(nn.Linear(3, 1).double()), torch.randn(1, 3, generator=generator(0))
    x = x.double()
    ratio = float(squared_slopes(net, x)) * transfer(net, x, 2) / parameter_slope(net, x)
    assert ratio == pytest.approx(1.0, rel=1e-12)


def test_product_of_the_operator_norms_bounds_the_slope():
    ratios, without_rank = [], []
    for seed in range(TRIALS):
        net, x = random_network(seed)
        weights = [layer.weight for layer in net if isinstance(layer, nn.Linear)]
        product = math.prod(operator_norm(weight) ** 2 for weight in weights)
        rank = min(weights[0].shape[1], weights[-1].shape[0])
        slope = float(squared_slopes(net, x))
        ratios.append(slope / (rank * product))
        without_rank.append(slope / product)
    print(f"product: {TRIALS} networks, largest ratio {max(ratios):.4f}")
    assert max(ratios) <= 1 + 1e-12
    # The number of directions is needed.
    assert max(without_rank) > 1


def noisy_loss(net, x, y, sigma):
    """Return the exact mean of the squared loss over noise, where it is quadratic in the noise.

    The points ``x +- sigma sqrt(d) e_j`` have the mean and the covariance of ``N(x, sigma^2 I)``.
    """
    dim = x.shape[1]
    shifts = sigma * math.sqrt(dim) * torch.eye(dim, dtype=x.dtype)
    points = torch.cat([shifts, -shifts])
    with torch.no_grad():
        values = [(net(x + shift) - y).square().sum(1).mean() for shift in points]
    return float(torch.stack(values).mean())


@pytest.mark.parametrize("sigma", [0.1, 1.0, 10.0])
def test_input_noise_adds_sigma_squared_times_gc_to_the_squared_loss(sigma):
    """Bishop 1995; for a linear map exactly, at any noise and any residuals."""
    net, rng = nn.Linear(5, 3).double(), generator(3)
    x, y = (torch.randn(20, k, generator=rng).double() for k in (5, 3))
    clean = float((net(x) - y).square().sum(1).mean().detach())
    added = noisy_loss(net, x, y, sigma) - clean
    penalty = sigma**2 * geometric_complexity(net, x).value
    assert added == pytest.approx(penalty, rel=1e-10)
    # A loss that is averaged over the outputs has a third of it.
    assert added / 3 != pytest.approx(penalty, rel=0.1)


def test_the_cubature_of_the_noise_is_that_of_random_noise():
    net, rng = nn.Linear(5, 3).double(), generator(4)
    x, y = (torch.randn(1, k, generator=rng).double() for k in (5, 3))
    noise = torch.randn(20_000, 5, generator=rng).double()
    with torch.no_grad():
        losses = (net(x + 0.7 * noise) - y).square().sum(1)
    error = float(losses.std()) / math.sqrt(len(losses))
    assert abs(float(losses.mean()) - noisy_loss(net, x, y, 0.7)) < Z * error
    assert abs(float(losses.mean()) - noisy_loss(net, x, y, 0.8)) > Z * error


def test_noise_of_a_curved_network_adds_gc_only_without_residuals():
    torch.manual_seed(5)
    net = nn.Sequential(nn.Linear(4, 12), nn.Tanh(), nn.Linear(12, 2)).double()
    x, sigma = torch.randn(30, 4, generator=generator(5)).double(), 1e-3
    net[0].weight.data.mul_(3)
    penalty = sigma**2 * geometric_complexity(net, x).value
    fitted = net(x).detach()
    assert noisy_loss(net, x, fitted, sigma) == pytest.approx(penalty, rel=1e-4)
    # With residuals r there is a second term of the same order, r times the Laplacian.
    away = fitted - 3
    clean = float((fitted - away).square().sum(1).mean())
    added = noisy_loss(net, x, away, sigma) - clean
    hidden = torch.tanh(net[0](x)).detach()
    bend = -2 * hidden * (1 - hidden**2) * net[0].weight.detach().square().sum(1)
    laplacian = bend @ net[2].weight.detach().T
    assert added == pytest.approx(
        penalty + sigma**2 * float((3 * laplacian).sum(1).mean()), rel=1e-3
    )
    assert added != pytest.approx(penalty, rel=0.05)


DIM, WIDTH, OUTPUTS, DRAWS = 10, 32, 3, 150


def at_initialisation(scheme, depth, seed):
    """Return GC at one input over many initialisations with zero bias, ``(draws,)``."""
    torch.manual_seed(seed)
    widths = [DIM] + [WIDTH] * (depth - 1) + [OUTPUTS]
    results = []
    for _ in range(DRAWS):
        layers = []
        for fan_in, fan_out in pairwise(widths):
            layer = nn.Linear(fan_in, fan_out)
            scheme(layer.weight)
            nn.init.zeros_(layer.bias)
            layers += [layer, nn.ReLU()]
        x = torch.ones(1, DIM)
        results.append(float(squared_slopes(nn.Sequential(*layers[:-1]), x)))
    return torch.tensor(results, dtype=torch.float64)


def he(weight):
    return nn.init.kaiming_normal_(weight, nonlinearity="relu")


def expected_complexity(scheme, depth):
    """Return ``d k prod sigma_l^2 prod (n_l / 2)``, hidden widths in the second product."""
    widths = [DIM] + [WIDTH] * (depth - 1) + [OUTPUTS]
    value = float(DIM * OUTPUTS) * (WIDTH / 2) ** (depth - 1)
    for fan_in, fan_out in pairwise(widths):
        value *= 2 / fan_in if scheme is he else 2 / (fan_in + fan_out)
    return value


@pytest.mark.parametrize("scheme", [he, nn.init.xavier_normal_])
@pytest.mark.parametrize("depth", [1, 2, 8])
def test_mean_at_initialisation_follows_the_formula_in_depth(scheme, depth):
    values = at_initialisation(scheme, depth, seed=depth)
    mean, error = float(values.mean()), float(values.std()) / math.sqrt(DRAWS)
    expected = expected_complexity(scheme, depth)
    print(f"{scheme.__name__} depth {depth}: {mean:.4g} +- {error:.2g}, expected {expected:.4g}")
    assert abs(mean - expected) < Z * error
    other = nn.init.xavier_normal_ if scheme is he else he
    assert abs(mean - expected_complexity(other, depth)) > Z * error


def test_glorot_halves_with_every_hidden_layer_and_he_does_not():
    halves = [
        expected_complexity(nn.init.xavier_normal_, d + 1)
        / expected_complexity(nn.init.xavier_normal_, d)
        for d in (2, 5)
    ]
    assert halves == pytest.approx([0.5, 0.5])
    assert expected_complexity(he, 9) / expected_complexity(he, 2) == pytest.approx(1.0)
