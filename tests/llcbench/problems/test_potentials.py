"""Every polynomial truth by a second route: the tempered energy at low temperature.

With Z(t) ~ C t^-lambda (log t)^(m-1), the tempered value is lambda(t) = lambda - (m-1)/(log t + c)
up to powers of 1/t. Products of norms reach any t by their line integral, the others by quadrature
in a small box around the point, which no proof in the catalogue uses.
"""

import math
from fractions import Fraction

import numpy as np
import pytest

from llcbench.problems.polynomials.potentials import POTENTIALS, Potential
from llcbench.problems.squared.polynomial_map import PolynomialMap
from theory import tempered
from theory.polynomials.expression import parse

NAMES = [entry.name for entry in POTENTIALS]
BY_NAME = {entry.name: entry for entry in POTENTIALS}


def inverse_slope(low: float, high: float, value: float, lowest: float, highest: float) -> float:
    """Return m - 1 from 1/(lambda - lambda(t)) = (log t + c)/(m - 1) at two temperatures."""
    rise = 1 / (value - high) - 1 / (value - low)
    return (math.log(highest) - math.log(lowest)) / rise


@pytest.mark.parametrize("name", [n for n in NAMES if BY_NAME[n].blocks])
def test_sums_of_products_by_the_line_integral(name: str) -> None:
    entry = BY_NAME[name]
    result = entry.local()
    t1, t2 = 1e80, 1e160

    def at(t: float) -> float:
        parts = [tempered.norm_product(dims, powers, t, 1.0) for dims, powers in entry.blocks]
        return sum(part.value for part in parts)

    gap = float(result.value) - at(t2)
    if result.multiplicity == 1:
        assert abs(gap) < 2e-4
    else:
        # Sums have one logarithm per block with m > 1; the catalogue has at most one such block.
        slope = inverse_slope(at(t1), at(t2), float(result.value), t1, t2)
        assert slope == pytest.approx((result.multiplicity or 0) - 1, rel=0.02)


@pytest.mark.parametrize("name", [n for n in NAMES if not BY_NAME[n].blocks])
def test_others_by_quadrature_in_a_box(name: str) -> None:
    entry = BY_NAME[name]
    result = entry.local()
    low, high = (_in_box(entry, t) for t in (1e4, 1e6))
    value = float(result.value)
    if result.multiplicity == 1:
        assert abs(high - value) < 0.02
        assert abs(high - value) <= abs(low - value) + 1e-6
    else:
        assert inverse_slope(low, high, value, 1e4, 1e6) == pytest.approx(
            (result.multiplicity or 0) - 1, rel=0.15
        )


def test_the_box_route_rejects_a_wrong_value() -> None:
    # The naive Newton polygon gives 2/3 for the curved valley; the truth is 5/8.
    value = _in_box(BY_NAME["cubic-valley"], 1e6)
    assert abs(value - 5 / 8) < 0.02
    assert abs(value - 2 / 3) > 0.02


@pytest.mark.parametrize("name", NAMES)
def test_entry_is_consistent(name: str) -> None:
    entry = BY_NAME[name]
    variables = entry.variables.split()
    point = [Fraction(value) for value in entry.point or (0,) * len(variables)]
    generators = [parse(text, variables) for text in entry.generators]
    assert all(generator(point) == 0 for generator in generators)
    assert entry.local().exact
    assert entry.local().scope == "local"
    assert entry.global_value().scope == "global"
    assert entry.global_value().value <= entry.local().value


@pytest.mark.parametrize("name", [n for n in NAMES if BY_NAME[n].blocks])
def test_blocks_are_the_potential(name: str) -> None:
    entry = BY_NAME[name]
    rng = np.random.default_rng(0)
    variables = entry.variables.split()
    centre = np.array([float(v) for v in entry.point or (0,) * len(variables)])
    offset = rng.normal(size=len(variables))
    map_ = PolynomialMap(tuple(parse(text, variables) for text in entry.generators))
    import torch

    values = map_.value(torch.from_numpy(centre + offset).unsqueeze(0))
    used, total = 0, 0.0
    for dims, powers in entry.blocks:
        product = 1.0
        for size, power in zip(dims, powers, strict=True):
            product *= float(np.sum(offset[used : used + size] ** 2)) ** power
            used += size
        total += product
    assert float(values.square().sum()) == pytest.approx(total, rel=1e-9)


def test_there_are_enough_of_every_kind() -> None:
    assert len(POTENTIALS) >= 25
    kinds = {entry.keyword for entry in POTENTIALS}
    assert kinds >= {
        "regular",
        "minimally-singular",
        "normal-crossing",
        "quasi-homogeneous",
        "two-component",
        "off-origin",
    }
    assert {entry.local().multiplicity for entry in POTENTIALS} >= {1, 2, 3}


def _in_box(entry: Potential, t: float) -> float:
    variables = entry.variables.split()
    generators = [parse(text, variables) for text in entry.generators]
    centre = [float(value) for value in entry.point or (0,) * len(variables)]

    def potential(points: np.ndarray) -> np.ndarray:
        total = np.zeros(points.shape[1])
        for generator in generators:
            value = np.zeros(points.shape[1])
            for exponents, coefficient in generator.terms.items():
                powers = np.asarray(exponents)[:, None]
                value += float(coefficient) * np.prod(points**powers, axis=0)
            total += value**2
        return total

    return tempered.quadrature(potential, centre, t, 0.0, box=0.25, rtol=1e-4).value
