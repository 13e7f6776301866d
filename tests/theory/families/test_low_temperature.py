"""Exponents of Laplace integrals at t up to e^200: lambda and the power of the logarithm."""

import math
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from laplace_grid import log_laplace, powers
from scipy.special import logsumexp

from theory.families import lines_squared, minors, naive_bayes, one_factor, vandermonde

TIMES = (60.0, 110.0, 200.0)


def log_sigmoid(y: Any) -> Any:
    return -np.logaddexp(0.0, -y)


def moments_integral(outputs: int, units: int, q: int, log_t: float) -> float:
    """log of int db E_a exp(-t K) for the first `units` moments, a standard normal.

    The integral over a gives det(1 + 2t V^T V)^(-outputs/2), and by Cauchy and Binet the
    determinant is a sum of squared minors of V, all computed in logarithms.
    """
    # b_1 = e^-y > b_2 = c b_1 > b_3 = d c b_1 with c and d logistic, so that both ends are fine.
    reach = log_t / 2 + 12
    step = 0.75 if units == 3 else 0.5
    first = np.arange(step / 2, reach, step)
    others = [np.arange(-reach, reach, step)] * (units - 1)

    def integrand(y: float, *ys: Any) -> Any:
        logs, density = [-y], -y
        gaps = []
        for z in ys:
            ratio = log_sigmoid(z)
            gaps.append(ratio)
            density = density + logs[-1] + ratio + log_sigmoid(-z)
            logs.append(logs[-1] + ratio)

        def difference(i: int, k: int) -> Any:
            # log(1 - (b_k / b_i)^q); near 1 the logistic variable itself keeps the digits.
            total = sum(gaps[i:k])
            if k == i + 1:
                near = log_sigmoid(-ys[i])
                exact = np.log(-np.expm1(np.minimum(q * total, -1e-300)))
                return np.where(total > -1e-8, near + math.log(q), exact)
            return np.log(-np.expm1(np.minimum(q * total, -1e-300)))

        terms = [np.zeros(())]
        scale = log_t + math.log(2)
        indices = range(units)
        differences = {pair: difference(*pair) for pair in _subsets(indices, 2)}
        for size in range(1, units + 1):
            for columns in _subsets(indices, size):
                for rows in _subsets(indices, size):
                    terms.append(size * scale + 2 * _minor(logs, differences, rows, columns, q))
        return density - outputs / 2 * _log_of_sum(terms)

    return log_laplace(integrand, [first, *others])


def _log_of_sum(terms: list[Any]) -> Any:
    largest = reduce(np.maximum, terms)
    return largest + np.log(sum(np.exp(term - largest) for term in terms))


def _subsets(indices: Any, size: int) -> list[tuple[int, ...]]:
    from itertools import combinations

    return list(combinations(indices, size))


def _minor(logs: Any, differences: Any, rows: Any, columns: Any, q: int) -> Any:
    """log of a minor of b_i^(1+jq) up to bounded positive factors (b_i positive, decreasing).

    The minor is the Vandermonde determinant of x = b^q times a Schur polynomial with positive
    coefficients, which is of the size of its leading monomial.
    """
    size = len(rows)
    out = sum(logs[i] for i in columns)
    for i, k in _subsets(columns, 2):
        out = out + q * logs[i] + differences[i, k]
    # Partition of the Schur polynomial: rows minus the staircase, largest part to the largest b.
    parts = sorted((r - s for s, r in enumerate(rows)), reverse=True)
    for part, i in zip(parts, columns, strict=True):
        out = out + q * part * logs[i]
    assert size == len(columns)
    return out


@pytest.mark.parametrize(
    ("outputs", "units", "q"),
    [(1, 1, 2), (1, 2, 1), (1, 2, 2), (2, 2, 2), (3, 2, 1), (1, 3, 1), (1, 3, 2), (2, 3, 2)],
)
def test_vandermonde(outputs: int, units: int, q: int) -> None:
    expected = vandermonde(outputs, units, q)
    # Three units cost a three-dimensional grid.
    times = (40.0, 70.0, 120.0) if units == 3 else TIMES
    rate, order = powers(lambda u: moments_integral(outputs, units, q, u), times)
    assert rate == pytest.approx(float(expected.value), abs=0.02)
    assert order == pytest.approx((expected.multiplicity or 0) - 1, abs=0.35)


def singular_values(p: int, q: int, k: int, log_t: float) -> float:
    """log of the Laplace integral of e_k(s^2), the sum of the squared k-minors (p <= q)."""
    reach = log_t / 2 + 8
    axes = [np.arange(0.2, reach, 0.5)] + [np.arange(-9.0, reach, 0.5)] * (p - 1)

    def integrand(y: float, *ys: Any) -> Any:
        logs, density = [-y], -y
        for z in ys:
            ratio = log_sigmoid(-z)
            # ds_i = s_i (1 - c) dz with c the ratio to the value before.
            logs.append(logs[-1] + ratio)
            density = density + logs[-1] + log_sigmoid(z)
        for i in range(p):
            density = density + (q - p) * logs[i]
            for j in range(i + 1, p):
                gap = 2 * (logs[j] - logs[i])
                density = density + 2 * logs[i] + np.log(-np.expm1(np.minimum(gap, -1e-12)))
        parts = [sum(2 * logs[i] for i in chosen) for chosen in _subsets(range(p), k)]
        energy = parts[0]
        for part in parts[1:]:
            energy = np.logaddexp(energy, part)
        return density - np.exp(np.minimum(log_t + energy, 50.0))

    return log_laplace(integrand, axes)


@pytest.mark.parametrize(
    ("p", "q", "k"),
    [(1, 3, 1), (2, 2, 1), (2, 2, 2), (2, 3, 2), (2, 4, 2), (3, 3, 2), (3, 3, 3), (3, 4, 2)],
)
def test_minors(p: int, q: int, k: int) -> None:
    expected = minors(p, q, k)
    rate, order = powers(lambda u: singular_values(p, q, k, u), (40.0, 70.0, 120.0))
    assert rate == pytest.approx(float(expected.value), abs=0.02)
    assert order == pytest.approx((expected.multiplicity or 0) - 1, abs=0.35)


def test_sum_of_squared_minors_is_symmetric_in_the_singular_values() -> None:
    rng = np.random.default_rng(0)
    for p, q, k in ((2, 3, 2), (3, 4, 2), (3, 3, 3)):
        a = rng.standard_normal((p, q))
        s = np.linalg.svd(a, compute_uv=False)
        left = sum(
            np.linalg.det(a[np.ix_(i, j)]) ** 2
            for i in _subsets(range(p), k)
            for j in _subsets(range(q), k)
        )
        right = sum(np.prod(s[list(i)] ** 2) for i in _subsets(range(p), k))
        assert left == pytest.approx(right)


def lines_integral(multiplicities: tuple[int, ...], log_t: float) -> float:
    """log of int exp(-t prod l_i^(2 m_i)) in polar coordinates, lines at equal angles."""
    count = len(multiplicities)
    degree = 2 * sum(multiplicities)
    radius = np.arange(0.2, log_t / 2 + 10, 0.4)
    out = []
    for i in range(count):
        # Angle between line i and the next one: both ends on a logistic scale.
        y = np.arange(-log_t / 2 - 10, log_t / 2 + 10, 0.4)
        left, right = log_sigmoid(y), log_sigmoid(-y)
        # The sine of the angle to a line is of the size of the distance to its zero.
        angular = 2 * multiplicities[i] * left + 2 * multiplicities[(i + 1) % count] * right
        out.append(
            log_laplace(
                lambda u, a, measure=left + right, form=angular: (
                    measure - 2 * u - np.exp(np.minimum(log_t - degree * u + form, 50.0)) + 0 * a
                ),
                [radius, y],
            )
        )
    return float(logsumexp(out))


@pytest.mark.parametrize("multiplicities", [(1, 1), (1, 1, 1), (2, 1, 1), (3, 1, 1), (1, 2, 3)])
def test_lines(multiplicities: tuple[int, ...]) -> None:
    expected = lines_squared(multiplicities)
    # High degrees see only a fraction of log t.
    rate, order = powers(lambda u: lines_integral(multiplicities, u), (150.0, 300.0, 600.0))
    assert rate == pytest.approx(float(expected.value), abs=0.02)
    assert order == pytest.approx((expected.multiplicity or 0) - 1, abs=0.35)


def products_integral(n: int, variance: bool, log_t: float) -> float:
    """log of int exp(-t s^2 sum (u_i u_j)^2), with or without the variable s, for n = 2, 3."""
    axes = [np.arange(0.3, log_t / 2 + 8, 0.6)] * (n + variance)

    def integrand(*y: Any) -> Any:
        effects = y[variance:]
        pairs = [-2 * effects[i] - 2 * effects[j] for i, j in _subsets(range(n), 2)]
        energy = pairs[0]
        for pair in pairs[1:]:
            energy = np.logaddexp(energy, pair)
        if variance:
            energy = energy - 2 * y[0]
        return -sum(y) - np.exp(np.minimum(log_t + energy, 50.0))

    return log_laplace(integrand, axes)


def test_independent_features_and_variables() -> None:
    for n, variance, family in (
        (2, True, naive_bayes(2, "independent")),
        (2, False, one_factor(2, 0)),
        (3, False, one_factor(3, 0)),
    ):
        rate, order = powers(lambda u, n=n, v=variance: products_integral(n, v, u), TIMES)
        assert rate + n / 2 == pytest.approx(float(family.value), abs=0.02)
        assert order == pytest.approx((family.multiplicity or 0) - 1, abs=0.35)


def test_the_fit_tells_multiplicities_apart() -> None:
    for order in (1, 2, 3):
        # Z of a product of `order` scalars: incomplete Gamma distributions of u + log sums.
        def log_z(u: float, order: int = order) -> float:
            y = np.arange(0.05, u + 20, 0.05)
            volume = (order - 1) * np.log(y) - y - np.exp(np.minimum(u - 2 * y, 50.0))
            return float(logsumexp(volume))

        rate, power = powers(log_z, TIMES)
        assert rate == pytest.approx(0.5, abs=0.02)
        assert power == pytest.approx(order - 1, abs=0.35)
    assert [b - a for a, b in pairwise(TIMES)] == [50.0, 90.0]
