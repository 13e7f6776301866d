"""Norms by other routes; the scale of weights ahead of a normalisation does nothing."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, cross_entropy, mse_loss

from llcbench.measures.norms import (
    frobenius_norms,
    norm_controlled,
    scale_free,
    spectral_norms,
    total_norm,
)
from llcbench.problems.modules.from_module import from_module


def entropies(outputs, targets):
    return cross_entropy(outputs, targets, reduction="none")


def squares(outputs, targets):
    return mse_loss(outputs, targets, reduction="none").flatten(1).sum(1)


def convolutional(norm):
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False),
        norm(),
        nn.ReLU(),
        nn.Conv2d(4, 6, 3),
        nn.Flatten(),
        nn.Linear(24, 3),
    )
    data = (torch.randn(40, 1, 6, 6), torch.randint(3, (40,)))
    net(data[0])
    return from_module(net, entropies, data)


@pytest.fixture
def problem():
    return convolutional(lambda: nn.GroupNorm(2, 4))


def test_norms_are_those_of_the_matrices(problem):
    by_tensor, spectral = frobenius_norms(problem), spectral_norms(problem)
    assert list(by_tensor) == list(problem.shapes)
    assert total_norm(problem) == pytest.approx(math.hypot(*by_tensor.values()), rel=1e-6)
    assert set(spectral) == {"0.weight", "3.weight", "5.weight"}
    for name, norm in spectral.items():
        matrix = dict(problem.module.named_parameters())[name].detach().double().flatten(1)
        gram = torch.linalg.eigvalsh(matrix @ matrix.T)
        assert by_tensor[name] == pytest.approx(math.sqrt(float(gram.sum())), rel=1e-6)
        assert norm == pytest.approx(math.sqrt(float(gram[-1])), rel=1e-6)
        assert norm < by_tensor[name]


def test_norms_are_those_of_the_parameters_that_move(problem):
    part = problem.restricted("5.*")
    assert set(frobenius_norms(part)) == {"5.weight", "5.bias"}
    assert set(spectral_norms(part)) == {"5.weight"}
    assert total_norm(part) < total_norm(problem)


def test_norm_of_a_kernel_bounds_that_of_the_convolution(problem):
    kernel = problem.module[3].weight.detach().double()
    unit = torch.eye(4 * 49, dtype=torch.float64).view(-1, 4, 7, 7)
    whole = conv2d(unit, kernel, padding=1).flatten(1)
    as_map = float(torch.linalg.matrix_norm(whole, ord=2))
    flat = spectral_norms(problem)["3.weight"]
    assert flat * 1.01 < as_map < 3 * flat


def test_only_weights_ahead_of_a_normalisation_are_scale_free(problem):
    assert scale_free(problem) == ("0.weight",)
    assert scale_free(problem.restricted("3.*", "5.*")) == ()


def test_layer_norm_counts_and_frozen_batch_statistics_do_not():
    assert scale_free(convolutional(lambda: nn.LayerNorm([4, 4, 4]))) == ("0.weight",)
    assert scale_free(convolutional(lambda: nn.BatchNorm2d(4))) == ()


def test_tensors_that_do_nothing_are_not_listed():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5), nn.ReLU(), nn.Linear(5, 2))
    nn.init.zeros_(net[0].bias)
    nn.init.zeros_(net[3].bias)
    data = (torch.randn(20, 3), torch.randn(20, 2))
    assert scale_free(from_module(net, squares, data)) == ("0.weight",)
    # Ahead of a layer of zeros everything can be doubled, and replaced as well.
    nn.init.zeros_(net[3].weight)
    nn.init.ones_(net[3].bias)
    assert scale_free(from_module(net, squares, data)) == ()


def test_a_bias_beside_the_weights_takes_their_freedom_away():
    torch.manual_seed(2)
    net = nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5), nn.ReLU(), nn.Linear(5, 2))
    nn.init.constant_(net[0].bias[:2], 2.0)
    data = (torch.randn(20, 3), torch.randn(20, 2))
    assert scale_free(from_module(net, squares, data)) == ()


def test_norms_are_put_back_and_the_function_stays(problem):
    before = frobenius_norms(problem)
    moved = norm_controlled(problem, {"0.weight": 3.5})
    after = frobenius_norms(moved)
    assert moved.id == "module/normed"
    assert after.pop("0.weight") == pytest.approx(3.5, rel=1e-6)
    assert before.pop("0.weight") != pytest.approx(3.5, rel=0.1)
    assert after == before
    x = problem.data[0]
    with torch.no_grad():
        assert torch.allclose(moved.module(x), problem.module(x), atol=2e-4)
    ratio = (moved.w_star()[:36] / problem.w_star()[:36]).double()
    assert torch.allclose(ratio, ratio[:1], rtol=1e-5)
    # The gradient goes down as the weights go up: the loss is the same at another scale.
    slopes = []
    for at in (problem, moved):
        loss = at.bind(None, torch.float64)
        full = loss.draw(1, None, torch.Generator())
        slopes.append(loss.excess_and_grad(at.w_star().double().unsqueeze(0), full)[1][0, :36])
    assert torch.allclose(slopes[0], slopes[1] * ratio[0], rtol=1e-2, atol=1e-5)


def test_a_change_of_the_function_is_refused(problem):
    with pytest.raises(ValueError, match="the function changes by"):
        norm_controlled(problem, {"5.weight": 3.5})
    # So small that the constant in the normalisation is felt.
    with pytest.raises(ValueError, match="the function changes by"):
        norm_controlled(problem, {"0.weight": 1e-3})
    with pytest.raises(ValueError, match=r"no parameter 9\.weight moves"):
        norm_controlled(problem, {"9.weight": 1.0})
    for norm in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="cannot be put"):
            norm_controlled(problem, {"0.weight": norm})


def test_tied_weights_stay_tied():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(4, 4, bias=False)
            self.norm = nn.LayerNorm(4)
            self.second = nn.Linear(4, 4, bias=False)
            self.second.weight = self.first.weight
            self.last = nn.LayerNorm(4)

        def forward(self, x):
            return self.last(self.second(torch.relu(self.norm(self.first(x)))))

    torch.manual_seed(3)
    problem = from_module(Tied(), squares, (torch.randn(20, 4), torch.randn(20, 4)))
    moved = norm_controlled(problem, {"first.weight": 5.0})
    assert moved.module.second.weight is moved.module.first.weight
    assert frobenius_norms(moved)["first.weight"] == pytest.approx(5.0)
