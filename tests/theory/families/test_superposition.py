"""The k-gons of the toy model of superposition: rank of the Hessian and the kink at k = 4."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq, minimize

from theory.families import tms_kgon


def square(a: Any, b: Any) -> Any:
    """Return the integral of relu(a x + b)^2 over [0, 1]."""
    safe = np.where(np.abs(a) < 1e-9, 1.0, a)
    bent = (np.maximum(a + b, 0) ** 3 - np.maximum(b, 0) ** 3) / (3 * safe)
    # For small slopes with b away from zero the difference of cubes loses digits: expand.
    flat = np.where(b > 0, a * a / 3 + a * b + b * b, 0.0)
    small = np.abs(a) < np.abs(b)
    return np.where(small, flat, np.where(np.abs(a) < 1e-9, 0.0, bent))


def moment(a: Any, b: Any) -> Any:
    """Return the integral of x relu(a x + b) over [0, 1]."""
    safe = np.where(np.abs(a) < 1e-12, 1.0, a)
    root = np.clip(np.where(np.abs(a) < 1e-12, 0.0, -b / safe), 0, 1)
    rising = a * (1 - root**3) / 3 + b * (1 - root**2) / 2
    whole = np.where(b > 0, a / 3 + b / 2, 0.0)
    return np.where(np.abs(a) < np.abs(b), whole, rising)


def loss(w: Any, columns: int) -> float:
    """Return the loss times the number of features."""
    matrix, bias = w[: 2 * columns].reshape(2, columns), w[2 * columns :]
    gram = matrix.T @ matrix
    outputs = square(gram, bias[None, :].repeat(columns, 0))
    own = moment(np.diag(gram), bias)
    return float(outputs.sum() + columns / 3 - 2 * own.sum())


def polygon(k: int, columns: int, dead: str | None) -> np.ndarray:
    """Return the critical k-gon, its length and bias found by Newton's method."""
    cosines = np.cos(2 * np.pi * np.arange(k) / k)

    def radial(p: Any) -> float:
        gram = p[0] * cosines
        return float(square(gram, np.full(k, p[1])).sum() + 1 / 3 - 2 * moment(p[0], p[1]))

    length, bias = 1.0, 0.0
    if k > 4:
        start = minimize(
            radial,
            [1.4 + 0.25 * (k - 5), -0.3 * (k - 4)],
            method="Nelder-Mead",
            options={"xatol": 1e-9, "fatol": 1e-15},
        ).x
        for _ in range(6):
            start = start - np.linalg.solve(hessian(radial, start, 1e-4), slope(radial, start))
        length, bias = math.sqrt(start[0]), start[1]
    angles = 2 * np.pi * np.arange(k) / k
    matrix = np.zeros((2, columns))
    matrix[:, :k] = length * np.stack([np.cos(angles), np.sin(angles)])
    rest = -0.5 if dead == "negative" else 1 / (2 * columns)
    return np.concatenate([matrix.ravel(), np.full(k, bias), np.full(columns - k, rest)])


def slope(function: Any, point: np.ndarray, h: float = 1e-5) -> np.ndarray:
    steps = h * np.eye(len(point))
    return np.array([(function(point + s) - function(point - s)) / (2 * h) for s in steps])


def hessian(function: Any, point: np.ndarray, h: float = 1e-3) -> np.ndarray:
    steps = h * np.eye(len(point))
    size = len(point)
    out = np.empty((size, size))
    for i in range(size):
        for j in range(i, size):
            plus = function(point + steps[i] + steps[j]) + function(point - steps[i] - steps[j])
            minus = function(point + steps[i] - steps[j]) + function(point - steps[i] + steps[j])
            out[i, j] = out[j, i] = (plus - minus) / (4 * h * h)
    return out


CASES = [(k, k, None) for k in (5, 6, 7, 8)]
CASES += [(k, k + extra, "negative") for k in (5, 6, 8) for extra in (1, 2)]
CASES += [(k, k + extra, "one_over_2c") for k in (5, 6, 7, 8) for extra in (1, 2)]


@pytest.mark.parametrize(("k", "columns", "dead"), CASES)
def test_rank_of_the_hessian(k: int, columns: int, dead: str | None) -> None:
    point = polygon(k, columns, dead)

    def potential(w: np.ndarray) -> float:
        return loss(w, columns)

    assert np.abs(slope(potential, point)).max() < 1e-6
    sizes = np.linalg.eigvalsh(hessian(potential, point))
    # Flat directions: eigenvalues at the error of the differences; the others well above it.
    assert sizes.min() > -2e-3
    flat = int((sizes < 2e-3).sum())
    assert (sizes[flat:] > 0.015).all()
    result = tms_kgon(k, columns, dead)
    assert columns * 3 - flat == 2 * result.value
    assert result.multiplicity == 1
    assert result.scope == "local"


@pytest.mark.parametrize("extra", [0, 1, 2])
def test_flat_directions_are_flat_manifolds(extra: int) -> None:
    k, columns = 5, 5 + extra
    point = polygon(k, columns, "negative")
    rng = np.random.default_rng(0)
    base = loss(point, columns)
    for _ in range(20):
        angle = rng.uniform(-3, 3)
        matrix = point[: 2 * columns].reshape(2, columns).copy()
        matrix[:, k:] = rng.uniform(-0.05, 0.05, (2, extra))
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        bias = point[2 * columns :].copy()
        bias[k:] += rng.uniform(-0.2, 0.2, extra)
        moved = np.concatenate([(turn @ matrix).ravel(), bias])
        assert loss(moved, columns) == pytest.approx(base, abs=1e-12)


@pytest.mark.parametrize(("columns", "dead"), [(4, None), (5, "negative"), (6, "negative")])
def test_square_has_a_positive_leading_part_of_degree_two(columns: int, dead: str | None) -> None:
    point = polygon(4, columns, dead)
    base = loss(point, columns)
    extra = columns - 4
    # Across the flat directions: rotation and the biases of dead columns.
    rotation = np.zeros(3 * columns)
    rotation[:columns], rotation[columns : 2 * columns] = (
        -point[columns : 2 * columns],
        point[:columns],
    )
    keep = np.ones(3 * columns, dtype=bool)
    keep[3 * columns - extra :] = False
    basis = np.eye(3 * columns)[:, keep]
    basis -= np.outer(rotation, rotation @ basis) / (rotation @ rotation)
    left, sizes, _ = np.linalg.svd(basis, full_matrices=False)
    frame = left[:, sizes > 1e-9]
    result = tms_kgon(4, columns, dead)
    assert frame.shape[1] == 2 * result.value

    def leading(v: np.ndarray, size: float = 1e-4) -> float:
        unit = frame @ v / np.linalg.norm(v)
        return (loss(point + size * unit, columns) - base) / size**2

    rng = np.random.default_rng(1)
    least = np.inf
    for _ in range(12):
        minimum = minimize(leading, rng.standard_normal(frame.shape[1]), method="BFGS")
        least = min(least, minimum.fun)
    assert least > 0.01
    v = rng.standard_normal(frame.shape[1])
    assert leading(v, 1e-4) == pytest.approx(leading(v, 3e-4), rel=0.02)


def test_length_and_bias_of_the_pentagon() -> None:
    # The interference of two neighbours sets in at x = root; both equations are cubic there.
    point = polygon(5, 5, None)
    length = math.hypot(point[0], point[5])
    assert length == pytest.approx(1.17046, abs=1e-4)
    assert point[10] == pytest.approx(-0.28230, abs=1e-4)
    root = brentq(lambda x: length**2 * math.cos(2 * math.pi / 5) * x + point[10], 0, 1)
    assert 0 < root < 1
