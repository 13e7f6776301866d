"""Limits of the measures, met from both sides, with values computed by hand."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from llcbench.measures.geometric_complexity import geometric_complexity
from llcbench.measures.hessian import _ends
from llcbench.measures.norms import norm_controlled, scale_free
from llcbench.problems.modules.from_module import from_module


def test_residuals_are_those_of_the_last_lanczos_vector():
    """A matrix of two rows, ``[[2, 1/2], [1/2, 0]]``: eigenvalues ``1 +- sqrt(5)/2``."""
    root = math.sqrt(5) / 2
    result = _ends([2.0, 0.0], [0.5], 0.1, 1e-9)
    assert (result.largest, result.smallest) == pytest.approx((1 + root, 1 - root))
    assert (result.products, result.converged) == (2, False)
    # Eigenvectors (1/2, value - 2), of length one; the residual is the rest times the last entry.
    for value, residual in (
        (1 + root, result.residual_largest), (1 - root, result.residual_smallest),
    ):  # fmt: skip
        assert residual == pytest.approx(0.1 * abs(value - 2) / math.hypot(0.5, value - 2))
    assert result.residual_largest < result.residual_smallest / 4
    # The greater residual against the greater eigenvalue in size.
    limit = result.residual_smallest / result.largest
    for share, converged in ((1.01, True), (0.99, False)):
        assert _ends([2.0, 0.0], [0.5], 0.1, share * limit).converged is converged
        # Likewise where the most negative one is the greater.
        assert _ends([-2.0, 0.0], [0.5], 0.1, share * limit).converged is converged


class NearlyCentred(nn.Module):
    def __init__(self, share):
        super().__init__()
        self.share = share

    def forward(self, x):
        return x - self.share * x.mean(0)


@pytest.mark.parametrize(("size", "refused"), [(0.9e-3, False), (1.1e-3, True)])
def test_samples_that_mix_by_a_thousandth_are_refused(size, refused):
    x = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    # Means of two samples against means of four, relative to the mean size of an output.
    halves = torch.cat([part.mean(0).expand(2, 3) for part in torch.split(x, 2)])
    change = float((halves - x.mean(0)).abs().max() / x.abs().mean())
    net = NearlyCentred(size / change)
    if refused:
        with pytest.raises(ValueError, match="must not mix"):
            geometric_complexity(net, x)
    else:
        # Three outputs with a slope of one each, less what mixing takes away.
        assert geometric_complexity(net, x).value == pytest.approx(3, rel=0.02)


@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_a_change_counts_against_the_spread_of_the_outputs(offset):
    """An output of 100 000 throughout hides no change of those parts that differ."""

    def squares(outputs, targets):
        return mse_loss(outputs, targets, reduction="none").flatten(1).sum(1)

    net = nn.Sequential(nn.Linear(2, 3, bias=False), nn.LayerNorm(3), nn.Linear(3, 2)).double()
    torch.nn.init.constant_(net[2].bias, offset)
    data = (torch.randn(30, 2, dtype=torch.float64), torch.randn(30, 2, dtype=torch.float64))
    problem = from_module(net, squares, data)
    assert scale_free(problem) == ("0.weight",)
    norm = float(net[0].weight.detach().norm())
    kept = norm_controlled(problem, {"0.weight": 3 * norm})
    weights = dict(kept.module.named_parameters())
    assert float(weights["0.weight"].detach().norm()) == pytest.approx(3 * norm)
    assert float(weights["2.weight"].detach().norm()) == pytest.approx(
        float(net[2].weight.detach().norm())
    )
    with pytest.raises(ValueError, match="the function changes by"):
        norm_controlled(problem, {"2.weight": 1.1 * float(net[2].weight.detach().norm())})
