"""Plane germs: the worked examples, the traps, and volumes of sublevel sets by slicing."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from theory import SumOfSquares, rlct, verify
from theory.polynomials.expression import parse
from theory.polynomials.germ import read_germ
from theory.solver.bounds.elementary import elementary
from theory.solver.plane.field import NumberField, bracket, sign
from theory.solver.plane.roots import nonzero_real_roots, shifted, squarefree_parts
from theory.solver.plane.towers import adjoin

# K, lambda, m, arguments.
EXAMPLES: list[tuple[Any, str, int, dict[str, Any]]] = [
    ("x^2*y^6", "1/6", 1, {}),
    ("x^2 + y^6", "2/3", 1, {}),
    ("(y - x^3)^2", "1/2", 1, {}),
    ("(y - x^3)^2 + x^8", "5/8", 1, {}),
    ("(y^2 - x^5)^2", "7/20", 1, {}),
    ("(x^2 + y^2)^2", "1/2", 1, {}),
    ("(x^2 - 3*y^2)^2", "1/2", 2, {}),
    ("(x*y*(x - y))^2", "1/3", 1, {}),
    (SumOfSquares(["x - y", "x^3"]), "2/3", 1, {}),
    ("(x^2 + y^2 - 25)^2", "1/2", 1, {"at": {"x": 3, "y": 4}}),
    ("x^3 - y^2", "5/6", 1, {"absolute": True}),
    ("(x - y^2)^2*(x + y^2)^2", "3/8", 1, {}),
    ("(x - y)^4 + (x + y)^6", "5/12", 1, {}),
    ("(y^3 - x^4)^2 + x^6*y^2", "7/24", 1, {}),
    ("x^2 - y^2", "1", 2, {"absolute": True}),
    # Elementary germs.
    ("x^2 + y^2", "1", 1, {}),
    ("x^2*y^4", "1/4", 1, {}),
    ("x^2*y^4", "1/2", 1, {"at": {"y": 1}}),
    ("x^4*y^4", "1/4", 2, {}),
    ("x^4*y^2", "1/2", 2, {"prior": {"x": 1}}),
    (SumOfSquares(["x^2", "y"]), "3/4", 1, {}),
    (SumOfSquares(["x^3", "x*y", "y^3"]), "1/2", 2, {}),
    ("(x^3 + y^2)^2", "5/12", 1, {}),
    ("(x^2 - y^2)^2", "1/2", 2, {}),
    ("(y^2 - x^4)^2", "3/8", 1, {}),
    ("((x - 1)*(x^2 + y^2)^2)^2", "1/4", 1, {}),
    ("((x - 1)*(x^2 + y^2)^2)^2", "1/2", 1, {"at": {"x": 1}}),
    ("((x - 1)^3*(x^2 + y^2)^2)^2", "1/6", 1, {"at": {"x": 1, "y": "7/3"}}),
    # Traps: equal irreducible parts in two factors, non-isolated zeros, priors on one axis.
    ("(x - y)^2*((x - y)*(x + y))^2", "1/4", 1, {}),
    ("(x - y)^2*(2*x - 2*y)^2", "1/4", 1, {}),
    (SumOfSquares(["(y - x^2)*x", "(y - x^2)*y"]), "1/2", 2, {}),
    ("x^2*(y - x)^2", "1/2", 2, {}),
    ("(y - x)^2", "1/2", 1, {"prior": {"x": 3}}),
    ("(y - x)^4", "1/4", 1, {"prior": {"x": 3}}),
    ("x^6 + y^6", "1", 1, {"prior": {"x": 2, "y": "2"}}),
    ("x^2*y^2", "1", 2, {"prior": {"x": 1, "y": 1}}),
    # Half-integer prior exponents.
    ("x^2 + y^2", "5/4", 1, {"prior": {"x": "1/2"}}),
]


@pytest.mark.parametrize(("K", "value", "m", "options"), EXAMPLES)
def test_worked_example(K: Any, value: str, m: int, options: dict[str, Any]) -> None:
    found = rlct(K, **options)
    assert (str(found.value), found.multiplicity) == (value, m)
    assert verify(found)


def test_real_and_complex_branches_are_told_apart() -> None:
    # Over the complex numbers both would have m = 2.
    assert rlct("(x^2 + y^2)^2").multiplicity == 1
    assert rlct("(x^2 - y^2)^2").multiplicity == 2
    assert rlct("x^2*((y - x^2)^2 + x^6)^2", absolute=True).exact


def test_multiplicity_needs_a_common_real_point() -> None:
    # Three branches of one value through separate points of the first divisor never give m = 3.
    assert rlct("(x*y*(x - y)*(x + y))^2").multiplicity == 1
    assert rlct("(x*y)^2*(x^2 - y^2)^2*(x^2 + y^2)^2").multiplicity == 1


@pytest.mark.parametrize(
    "K", ["x^9999 + y^2", "(x - y)^5000", "(x^40 - y^41)^200", "x^5000*y^5000"]
)
def test_huge_exponents_end_soon(K: str) -> None:
    found = rlct(K, absolute=True, timeout=5)
    assert found.lower <= found.upper


def test_no_work_ends_in_bounds() -> None:
    K = "((x^3 - 2*y^3)^2 - 3*x^7)^2 + x^14*y"
    exact = rlct(K, absolute=True)
    for timeout in (1e-5, 1e-4, 1e-3, 3e-3):
        coefficient = rlct(K, absolute=True, timeout=timeout)
        assert coefficient.lower <= exact.value <= coefficient.upper
        assert verify(coefficient)
    assert not rlct(K, absolute=True, timeout=1e-5).exact


def test_order_bounds_hold_at_every_level_of_work() -> None:
    for K in ("(y^2 - 2*x^2)^4 + x^9", "((y - x)^2 - 2*x^4)^3*(y^3 - 2*x^3)^2"):
        exact = rlct(K, absolute=True)
        for work in range(1, 400, 23):
            coefficient = rlct(K, absolute=True, timeout=work / 100_000)
            assert coefficient.lower <= exact.value <= coefficient.upper
            if coefficient.exact:
                assert coefficient.multiplicity == exact.multiplicity


def test_elementary_bounds_contain_the_value() -> None:
    for K, value, _, options in EXAMPLES:
        certificate = rlct(K, **options).certificate
        assert certificate is not None
        germ = read_germ(certificate.children[0].data["germ"])
        if any((0, 0) in g.terms for f in germ.factors for g in f.generators):
            continue
        bounds = elementary(germ)
        assert bounds.upper is not None
        assert bounds.lower <= Fraction(value) <= bounds.upper
        assert verify(bounds)


# Fields.


def test_a_tower_is_one_field() -> None:
    (_, root) = nonzero_real_roots([-2, 0, 1])
    first = adjoin(None, [-2, 0, 1], root)
    poly = [-first.root, 0, 1]
    for result in nonzero_real_roots(poly):
        second = adjoin(first.field, poly, result)
        assert isinstance(second.field, NumberField)
        assert second.field.degree == 4
        assert second.root * second.root - second.alpha == 0
        assert second.alpha * second.alpha == 2
        assert sign(second.alpha) == 1
        assert sign(second.root) == (1 if result.hi > 0 else -1)
        low, high = bracket(second.alpha)
        assert low < high


def test_real_roots_match_floating_point() -> None:
    rng = np.random.default_rng(3)
    for _ in range(60):
        coefficients = [int(c) for c in rng.integers(-9, 10, size=rng.integers(2, 9))]
        coefficients[0] = coefficients[0] or 1
        coefficients[-1] = coefficients[-1] or 1
        for part, _ in squarefree_parts(list(coefficients)):
            exact = nonzero_real_roots(part)
            float_roots = np.roots([float(Fraction(c)) for c in reversed(part)])  # type: ignore[arg-type]
            real = sorted(r.real for r in float_roots if abs(r.imag) < 1e-9)
            assert len(real) == len(exact)
            for value, interval in zip(real, exact, strict=True):
                assert float(interval.lo) - 1e-6 <= value <= float(interval.hi) + 1e-6
    assert shifted([1, 2, 3], 1) == [6, 8, 3]


def test_a_root_at_a_power_of_two_is_found() -> None:
    for roots in ([1, 3], [-1, 5], [2, -4], [-1, 1], [4, 8, -16]):
        poly: list[Any] = [1]
        for root in roots:
            poly = [a - root * b for a, b in zip([0, *poly], [*poly, 0], strict=True)]
        intervals = nonzero_real_roots(poly)
        assert len(intervals) == len(roots)
        for value, interval in zip(sorted(roots), intervals, strict=True):
            assert interval.lo <= value <= interval.hi


# Volumes of {|K| < t}: no resolution, no polygon.

VOLUMES = [
    ("x^2 + y^6", {}), ("(y - x^3)^2 + x^8", {}), ("(y^2 - x^5)^2", {}), ("(x^2 + y^2)^2", {}),
    ("(x^2 - 3*y^2)^2", {}), ("(x*y*(x - y))^2", {}), ("x^3 - y^2", {}),
    ("(x - y^2)^2*(x + y^2)^2", {}), ("(x - y)^4 + (x + y)^6", {}),
    ("(y^2 - x^3)^2", {}), ("x^2 - y^2", {}), ("x^4*y^4", {}), ("x^2*y^4", {}),
    ("x^6 + x^2*y^2 + y^6", {}), ("x^4 + x^2*y^2 + y^6", {}), ("(y - x^2)^2*(y + x)^2", {}),
    ("((y - x^2)^2 + x^6)^2", {}), ("((y - x^2)^2 - x^5)^2", {}), ("x^2*(y - x)^2", {}),
    ("x^2*(y^2 + x^2)^2", {}), ("(y^2 - x^4)^2", {}), ("(x^3 - y^2)*(y - x)", {}),
    ("x^2*y^2*(x - y)^2 + x^6 + y^6", {}), ("(x - y)^2*(x + y)^4", {}),
    ("(x^2 - 2*y^2)^2 - 3*x^5*y", {}), ("(x^3 - 2*y^3)^2*(x - y)^2", {}),
    ("x^4*y^2", {"x": 1}), ("(y - x)^2*x^2", {"x": 1}), ("y^2 - x^2 + x^3", {}),
    ("((y - x)^2 - 2*x^4)^2", {}),
]  # fmt: skip


@pytest.mark.parametrize(("K", "prior"), VOLUMES)
def test_volume_of_sublevel_sets(K: str, prior: dict[str, int]) -> None:
    coefficient = rlct(K, prior=prior, absolute=True)
    value, m = float(coefficient.value), coefficient.multiplicity or 0
    levels = [1e-8, 1e-10, 1e-12]
    scaled = [volume(K, t, prior.get("x", 0)) / t**value for t in levels]
    first, second = scaled[1] - scaled[0], scaled[2] - scaled[1]
    # V / t^lambda tends to a constant if m = 1: its changes shrink like a power of t. It grows by
    # the same amount per decade if m = 2; with a wrong lambda its changes grow like a power of t.
    if m == 1:
        assert abs(second) < max(0.75 * abs(first), 0.01 * scaled[2]), (scaled, str(coefficient))
    else:
        assert m == 2
        assert second > 0.03 * scaled[2], (scaled, str(coefficient))
        assert second == pytest.approx(first, rel=0.12), (scaled, str(coefficient))


def volume(K: str, t: float, h: int) -> float:
    """Return the integral of ``|x|^h`` over ``|K| < t`` in a small square, slice by slice."""
    size = 0.25
    # Slices at geometric midpoints on both sides of zero; the middle interval is negligible.
    edges = np.geomspace(1e-8, size, 500)
    middle, width = np.sqrt(edges[1:] * edges[:-1]), np.diff(edges)
    x = np.concatenate([middle, -middle])
    terms = parse(K, ("x", "y")).terms
    degree = max(j for _, j in terms)
    rows = np.zeros((len(x), degree + 1))
    for (i, j), c in terms.items():
        rows[:, j] += float(c) * x**i
    cuts = [np.full((len(x), 1), -size), np.full((len(x), 1), size)]
    for level in (-t, t):
        shifted_rows = rows.copy()
        shifted_rows[:, 0] += level
        roots = _roots(shifted_rows)
        # A complex root is no cut; one at the edge of the square changes nothing.
        real = np.abs(roots.imag) <= 1e-9 * np.maximum(np.abs(roots), 1e-30)
        cuts.append(np.where(real, roots.real, size))
    points = np.sort(np.clip(np.concatenate(cuts, axis=1), -size, size), axis=1)
    centre = (points[:, 1:] + points[:, :-1]) / 2
    values = np.zeros_like(centre)
    for j in range(degree, -1, -1):
        values = values * centre + rows[:, j : j + 1]
    lengths = np.sum(np.diff(points, axis=1) * (np.abs(values) < t), axis=1)
    return float(np.sum(lengths * np.concatenate([width, width]) * np.abs(x) ** h))


def _roots(rows: np.ndarray) -> np.ndarray:
    """Return the roots of many polynomials, the constant coefficient first."""
    size = rows.shape[1] - 1
    companion = np.zeros((len(rows), size, size))
    companion[:, np.arange(1, size), np.arange(size - 1)] = 1
    companion[:, :, -1] = -rows[:, :-1] / rows[:, -1:]
    return np.asarray(np.linalg.eigvals(companion), dtype=complex)


def test_the_volume_route_rejects_wrong_claims() -> None:
    # The naive polygon says 2/3 for the curved valley and m = 1 for the double cross.
    scaled = [volume("(y - x^3)^2 + x^8", t, 0) / t ** (2 / 3) for t in (1e-10, 1e-12)]
    assert abs(scaled[1] - scaled[0]) > 0.15 * scaled[1]
    scaled = [volume("(x^2 - 3*y^2)^2", t, 0) / math.sqrt(t) for t in (1e-10, 1e-12)]
    assert abs(scaled[1] - scaled[0]) > 0.05 * scaled[1]
