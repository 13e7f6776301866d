"""Newton polyhedra of monomials: double description against linear programming and enumeration."""

from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from theory.families import monomial_ideal, norm_product, normal_crossing
from theory.families.dual_cone import extreme_rays, rank

EXAMPLES = [
    (((2, 0), (0, 1)), "3/4", 1),
    (((3, 0), (1, 1), (0, 3)), "1/2", 2),
    (((1, 1, 0), (0, 0, 2)), "3/4", 2),
    (((2, 0, 0), (1, 1, 0), (0, 2, 1)), "1/2", 1),
]


@pytest.mark.parametrize(("generators", "value", "order"), EXAMPLES[:3])
def test_worked_examples(generators: Any, value: str, order: int) -> None:
    result = monomial_ideal(generators)
    assert (result.value, result.multiplicity) == (Fraction(value), order)
    assert result.scope == "local"


def solve(rows: list[tuple[Fraction, ...]], right: list[Fraction]) -> tuple[Fraction, ...] | None:
    """Solve a square system by elimination, or return None."""
    size = len(rows)
    work = [[*row, b] for row, b in zip(rows, right, strict=True)]
    for c in range(size):
        pivot = next((i for i in range(c, size) if work[i][c]), None)
        if pivot is None:
            return None
        work[c], work[pivot] = work[pivot], work[c]
        work[c] = [x / work[c][c] for x in work[c]]
        for i in range(size):
            if i != c and work[i][c]:
                work[i] = [x - work[i][c] * y for x, y in zip(work[i], work[c], strict=True)]
    return tuple(row[-1] for row in work)


def enumerate_vertices(
    generators: list[tuple[int, ...]], density: list[Fraction]
) -> tuple[Fraction, int]:
    """Return lambda and m from all vertices of {u >= 0, a.u >= 1}: every n tight inequalities."""
    dim = len(density)
    unit = [tuple(Fraction(int(i == j)) for j in range(dim)) for i in range(dim)]
    rows = [tuple(map(Fraction, g)) for g in generators] + unit
    right = [Fraction(1)] * len(generators) + [Fraction(0)] * dim
    vertices = set()
    for chosen in combinations(range(len(rows)), dim):
        u = solve([rows[i] for i in chosen], [right[i] for i in chosen])
        if u is None or any(
            sum(x * y for x, y in zip(row, u, strict=True)) < b
            for row, b in zip(rows, right, strict=True)
        ):
            continue
        vertices.add(u)
    cost = {u: sum(h * x for h, x in zip(density, u, strict=True)) for u in vertices}
    least = min(cost.values())
    ties = [u for u in vertices if cost[u] == least]
    # The affine dimension of the optimal face plus one.
    lifted = [[*u, Fraction(1)] for u in ties]
    scaled = [[int(x * 360360 * 17 * 19) for x in row] for row in lifted]
    assert all(x * 360360 * 17 * 19 == int(x * 360360 * 17 * 19) for row in lifted for x in row)
    return least / 2, rank(scaled)


vectors = st.integers(1, 3).flatmap(
    lambda n: st.tuples(
        st.lists(
            st.tuples(*[st.integers(0, 3)] * n).filter(any), min_size=1, max_size=4, unique=True
        ),
        st.lists(st.sampled_from([0, 1, 2]), min_size=n, max_size=n),
    )
)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(vectors)
def test_random_ideals_agree_with_programming_and_enumeration(case: Any) -> None:
    generators, prior = case
    result = monomial_ideal(generators, prior)
    density = [Fraction(h + 1) for h in prior]
    program = linprog(
        [float(h) for h in density],
        A_ub=[[-x for x in g] for g in generators],
        b_ub=[-1.0] * len(generators),
    )
    assert program.fun / 2 == pytest.approx(float(result.value), abs=1e-9)
    try:
        expected = enumerate_vertices(generators, density)
    except AssertionError:
        return  # a denominator outside the common one of the enumeration
    assert (result.value, result.multiplicity) == expected


def test_one_generator_is_a_normal_crossing() -> None:
    for exponents in ((1,), (1, 2), (2, 2), (1, 2, 2), (3, 1, 0)):
        for prior in ((0,) * len(exponents), tuple(range(len(exponents)))):
            ideal = monomial_ideal([exponents], prior)
            crossing = normal_crossing([2 * k for k in exponents], prior)
            assert (ideal.value, ideal.multiplicity) == (crossing.value, crossing.multiplicity)


def test_products_of_norms() -> None:
    for dims in ((1, 1), (2, 1), (2, 2), (3, 2), (2, 2, 2), (1, 2, 2)):
        blocks, start = [], 0
        for d in dims:
            blocks.append(range(start, start + d))
            start += d
        generators = [()]
        for block in blocks:
            generators = [(*g, i) for g in generators for i in block]
        expected = norm_product(dims, [1] * len(dims))
        result = monomial_ideal([[int(i in g) for i in range(start)] for g in generators])
        assert (result.value, result.multiplicity) == (expected.value, expected.multiplicity)


def test_facets_of_a_known_polyhedron() -> None:
    rays = extreme_rays([(3, 0), (1, 1), (0, 3)])
    assert {r for r in rays if r[-1] > 0} == {(1, 2, 3), (2, 1, 3)}
