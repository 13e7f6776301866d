"""Rounding: a constant in a loss changes no estimate, or the guard says so."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import llcbench
from llcbench import SGLD, MeanEnergy, Settings
from llcbench.problems.models.densities import NormalPair
from llcbench.problems.models.likelihood import Likelihood
from llcbench.problems.modules.from_module import from_module
from llcbench.sampling.loss_abilities import Forwarding
from llcbench.sampling.rounding import LARGE, SHARE, in_double
from llcbench.sampling.target import Target

OFFSETS = [0.0, 1e3, 1e5, 1e6]


def estimated(problem, dtype="float32", nbeta=100.0, step_size=1e-3, **changes):
    """Return a short estimate with its guard on rounding.

    Where rounding has swallowed every move of every chain there is no estimate, and no guard.
    """
    lengths = {"num_chains": 4, "num_draws": 100, "num_burnin": 50} | changes
    settings = Settings(nbeta=nbeta, gamma=10.0, dtype=dtype, **lengths)
    estimate = MeanEnergy(SGLD(step_size), settings).estimate(problem)
    if estimate.status == "error":
        assert "never left one place" in estimate.message
        assert "constant" in estimate.message
        assert estimate.llc is None
        return estimate, None
    (guard,) = (guard for guard in estimate.guards if guard.name == "rounding")
    assert guard.passed == (guard.value <= SHARE)
    return estimate, guard


def network():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
    x = torch.randn(100, 3)
    return net, (x, net(x).detach())


def module_problem(offset):
    net, data = network()
    return from_module(net, lambda f, y: (f - y).square().sum(1) + offset, data)


SHORT = {"num_chains": 2, "num_draws": 25, "num_burnin": 5}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [None, 20])
def test_a_constant_in_the_loss_of_a_module_changes_nothing(dtype, batch_size):
    """In single precision 1e6 would swallow the excess, which is a thousandth here."""
    plain, _ = estimated(module_problem(0.0), dtype, batch_size=batch_size, **SHORT)
    for offset in OFFSETS:
        estimate, guard = estimated(module_problem(offset), dtype, batch_size=batch_size, **SHORT)
        assert estimate.llc == pytest.approx(plain.llc, rel=1e-5)
        assert estimate.loss_star == pytest.approx(plain.loss_star + offset)
        assert guard.passed
        assert guard.value < 1e-4


class Within(nn.Module):
    """A module that returns its loss: the constant is added in its own precision."""

    def __init__(self, offset, cast=False):
        super().__init__()
        self.net, _ = network()
        self.offset, self.cast = offset, cast

    def forward(self, both):
        both = both.float() if self.cast else both
        return (self.net(both[:, :3]) - both[:, 3:]).square().sum(1) + self.offset


def within(offset, cast):
    _, (x, y) = network()
    return from_module(Within(offset, cast), lambda f, _: f, (torch.cat([x, y], 1), y))


@pytest.mark.parametrize(
    ("offset", "passed"), zip(OFFSETS, [True, True, False, False], strict=True)
)
@pytest.mark.parametrize("cast", [False, True])
def test_a_constant_inside_of_a_module_is_seen(offset, passed, cast):
    """By comparison with double precision, or by the size of the loss without it."""
    estimate, guard = estimated(within(offset, cast), nbeta=1000.0, **SHORT)
    print(offset, cast, estimate.llc, guard)
    assert (guard is not None and guard.passed) == passed


@dataclass(frozen=True)
class MeanAfterwards(Forwarding):
    """A loss that is known as its mean only: the constant is rounded with it."""

    offset: float = 0.0

    def excess(self, theta, batch):
        return super().excess(theta, batch) + self.offset - self.offset

    def excess_and_grad(self, theta, batch):
        excess, grad = super().excess_and_grad(theta, batch)
        return excess + self.offset - self.offset, grad

    def excess_and_grad_into(self, theta, batch, out):
        return super().excess_and_grad_into(theta, batch, out) + self.offset - self.offset

    def baseline(self, batch):
        return super().baseline(batch) + self.offset


class OwnFunction:
    """A problem of the reader's with such a loss."""

    def __init__(self, offset, identifier="regular/d3"):
        self.base, self.offset = llcbench.problem(identifier), offset

    def __getattr__(self, name):
        return getattr(self.base, name)

    def bind(self, data, dtype):
        return MeanAfterwards(self.base.bind(data, dtype), offset=self.offset)


@pytest.mark.parametrize(
    ("dtype", "offset", "passed"),
    [
        *(("float32", offset, offset < 1e4) for offset in OFFSETS),
        *(("float64", offset, True) for offset in OFFSETS),
        ("float64", 1e12, True),
        ("float64", 1e15, False),
    ],
)
@pytest.mark.parametrize("identifier", ["regular/d3", "regular/d3/n50"])
def test_a_mean_with_a_constant_is_seen(dtype, offset, passed, identifier):
    plain, _ = estimated(OwnFunction(0.0, identifier), dtype)
    estimate, guard = estimated(OwnFunction(offset, identifier), dtype)
    print(dtype, offset, plain.llc, estimate.llc, guard.value)
    assert guard.passed == passed
    if passed:
        assert estimate.llc == pytest.approx(plain.llc, rel=SHARE)


def test_the_guard_is_on_both_sides_of_its_limit():
    """The rounding of a constant grows with it in steps of two; the guard follows."""
    values = [estimated(OwnFunction(2.0**power))[1].value for power in range(8, 20)]
    steps = np.diff(np.log2(values))
    assert np.median(steps) == pytest.approx(1, abs=0.3)
    assert values[0] < SHARE / 5
    assert values[-1] > 5 * SHARE


def test_chains_whose_excess_is_swallowed_do_not_pass():
    estimate, guard = estimated(OwnFunction(1e9))
    assert guard is None
    assert estimate.status == "error"


class Shifted:
    """A density that is known up to a large factor."""

    def __init__(self, offset):
        self.base, self.offset = NormalPair(), offset

    def __getattr__(self, name):
        return getattr(self.base, name)

    def log_density(self, theta, x):
        return self.base.log_density(theta, x) + self.offset


@pytest.mark.parametrize("num_data", [None, 200])
def test_a_factor_of_a_density_changes_nothing(num_data):
    def problem(offset):
        made = Likelihood(
            "own", Shifted(offset), np.zeros(2), lambda: None, "", "", frozenset()  # type: ignore
        )  # fmt: skip
        return made if num_data is None else made.with_data(num_data)

    plain, _ = estimated(problem(0.0))
    for offset in OFFSETS:
        estimate, guard = estimated(problem(offset))
        assert estimate.llc == pytest.approx(plain.llc, rel=1e-5)
        assert guard.passed


@pytest.mark.parametrize(
    "identifier",
    [
        "poly/x2y4", "poly/circle", "poly/x2y4-at-0-1", "alg/minors-2-4-2", "rrr/6-5-4/r2",
        "dln/3-3-3/r3-1", "dln/1k/s1/n500", "regular/d5/n1000", "model/rbm-4-unbiased",
        "model/tanh-2/n500", "model/lda-2-2-2-1", "regular/d5/scaled-4/rotated-1",
    ],
)  # fmt: skip
def test_single_precision_suits_the_catalogue(identifier):
    problem = llcbench.problem(identifier)
    single, guard = estimated(problem, nbeta=1e4, step_size=1e-6)
    double, other = estimated(problem, "float64", nbeta=1e4, step_size=1e-6)
    print(single.llc, double.llc, guard.value, other.value)
    assert guard.value < SHARE / 5
    assert other.value < 1e-9
    # The noise of both precisions is another, so the estimates are compared in order of size only.
    assert 0.2 < single.llc / double.llc < 5


def test_what_is_too_large_or_does_not_run_in_double_has_a_bound():
    _, data = network()
    target: Any = Target(module_problem(0.0), 1.0, 1.0, 1, data, dtype=torch.float32)
    assert in_double(target) is not None
    target.dim = LARGE + 1
    assert in_double(target) is None
    assert in_double(Target(within(0.0, cast=True), 1.0, 1.0, 1, data, dtype=torch.float32)) is None
