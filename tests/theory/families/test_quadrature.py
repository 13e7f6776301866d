"""Plane germs by quadrature: lambda(t) = lambda - (m-1)/(log t + c), without any localisation."""

import math
from typing import Any

import numpy as np
import pytest

from theory import lookup
from theory.tempered import quadrature

GERMS: list[tuple[str, dict[str, Any], Any]] = [
    # x^2 - y^2 in the coordinates x + y, x - y, so that the ridges lie along the axes.
    ("ade_squared", {"kind": "A", "k": 1, "dim": 2}, lambda x, y: (x * y) ** 2),
    (
        "ade_squared",
        {"kind": "A", "k": 1, "dim": 2, "definite": True},
        lambda x, y: (x**2 + y**2) ** 2,
    ),
    (
        "monomial_ideal",
        {"generators": ((3, 0), (1, 1), (0, 3))},
        lambda x, y: x**6 + (x * y) ** 2 + y**6,
    ),
    ("mixture_one_known", {"dim": 1}, lambda x, y: (x * y) ** 2 * (1 + y**2)),
    ("linear_convolution_zero", {"lengths": (1, 1)}, lambda x, y: (x * y) ** 2),
    ("diagonal_tied", {"nonzero": 0, "zero": 2, "depth": 3}, lambda x, y: x**6 + y**6),
    ("phase_retrieval", {"dim": 2, "true_zero": True}, lambda x, y: (x**2 + y**2) ** 2),
    ("vandermonde", {"outputs": 1, "units": 1, "q": 2}, lambda x, y: (x * y) ** 2 * (1 + y**4)),
    ("quadratic_network", {"units": 1}, lambda x, y: (x * y**2) ** 2),
]


@pytest.mark.parametrize(("family", "parameters", "potential"), GERMS)
def test_plane_germ(family: str, parameters: dict[str, Any], potential: Any) -> None:
    expected = lookup(family, **parameters)
    rate, order = float(expected.value), expected.multiplicity
    assert order is not None
    times = (1e6, 1e9)
    values = [
        quadrature(lambda w: potential(w[0], w[1]), [0.0, 0.0], t, 0.0, box=1.0, rtol=1e-5).value
        for t in times
    ]
    if order == 1:
        # Corrections are powers of t, the largest t^-(next pole - lambda).
        assert values[1] == pytest.approx(rate, abs=0.004)
        assert abs(values[1] - rate) < abs(values[0] - rate) + 1e-4
    else:
        step = np.diff([1 / (rate - value) for value in values])[0]
        assert step / math.log(times[1] / times[0]) == pytest.approx(1 / (order - 1), rel=0.02)
