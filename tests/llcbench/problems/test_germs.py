"""Statistical models against the ideals of their proofs: size of the loss, and the solver."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from germs import GERMS, Array, Germ

import theory
from llcbench.problems.models.likelihood import Likelihood
from llcbench.registry import problem
from theory.polynomials.expression import parse

# The solver leaves this one open within seconds; the ranks of its factors are compared instead.
UNSOLVED = ("lda-3-3-2-1",)
# Largest ratio of the two constants; generators carry numbers that bring it down.
SPREAD = 20
# Sizes of the neighbourhoods, as parts of the reach of a chart.
PARTS = (1.0, 0.3, 0.1)


def ideal(germ: Germ, u: Array) -> Array:
    """Return the sum of squares of the generators at points (N, k)."""
    total = np.zeros(len(u))
    for text in germ.generators:
        value = np.zeros(len(u))
        for exponents, coefficient in parse(text, germ.names.split()).terms.items():
            value += float(coefficient) * np.prod(u ** np.array(exponents), axis=1)
        total += value**2
    return total


def ratios(name: str, germ: Germ, size: float, seed: int = 0) -> Array:
    """Return K over the ideal at points whose coordinates have independent orders of magnitude."""
    one = problem(f"model/{name}")
    assert isinstance(one, Likelihood)
    rng = np.random.default_rng(seed)
    shape = (1000, len(germ.names.split()))
    u = size * rng.choice([-1, 1], shape) * 10 ** -rng.uniform(0, 1.5, shape)
    # Some coordinates vanish: the neighbourhoods of coordinate planes.
    u *= rng.random(shape) > 0.25
    loss = one.bind(None, torch.float64)
    k = loss.excess(torch.from_numpy(germ.chart(u)), loss.full).numpy()
    squares = ideal(germ, u)
    # Below this both are rounding errors of the loss.
    seen = squares > 1e-10
    assert np.abs(k[~seen]).max(initial=0.0) < 1e-8
    return k[seen] / squares[seen]


@pytest.mark.parametrize("name", GERMS)
def test_chart_starts_at_the_reference_point(name: str) -> None:
    germ = GERMS[name]
    origin = germ.chart(np.zeros((1, len(germ.names.split()))))[0]
    np.testing.assert_allclose(origin, problem(f"model/{name}").w_star().numpy(), atol=1e-12)


@pytest.mark.parametrize("name", GERMS)
def test_loss_is_of_the_size_of_the_ideal(name: str) -> None:
    germ = GERMS[name]
    found = np.concatenate([ratios(name, germ, germ.reach * part) for part in PARTS])
    assert found.min() > 0
    assert found.max() / found.min() < SPREAD


@pytest.mark.parametrize(
    ("name", "generators"),
    [
        ("mixture-1-2", ("m", "d")),
        ("variance-1-2", ("m", "v", "d^4")),
        ("spare-1-2", ("m", "t*d^2")),
        ("bits-4-1", ("c0", "c1", "c2", "c3", "d0*d1")),
    ],
)
def test_a_wrong_ideal_is_noticed(name: str, generators: tuple[str, ...]) -> None:
    wrong = replace(GERMS[name], generators=generators)
    found = np.concatenate([ratios_of_any(name, wrong, wrong.reach * part) for part in PARTS])
    assert found.max() / max(found.min(), 1e-300) > SPREAD


def ratios_of_any(name: str, germ: Germ, size: float) -> Array:
    try:
        return ratios(name, germ, size)
    except AssertionError:  # the wrong ideal vanishes where the loss does not
        return np.array([0.0, 1.0])


@pytest.mark.parametrize("name", [n for n in GERMS if n not in UNSOLVED])
def test_solver_gives_the_coefficient_of_the_ideal(name: str) -> None:
    claimed = problem(f"model/{name}").truth.local
    found = theory.rlct(theory.SumOfSquares(GERMS[name].generators), timeout=10)
    assert found.exact
    assert (found.value, found.multiplicity) == (claimed.value, claimed.multiplicity)
