"""Polynomials for parameters that no other test uses, set up anew from the models themselves."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, product
from typing import Any

import sympy as sp
from written_out import Germ, germ, matrix, times

x, y, z, w = sp.symbols("x y z w")
HALF, THIRD = sp.Rational(1, 2), sp.Rational(1, 3)
ZERO, ONE, FIRST, LAST = ([[0, 0]] * 2, [[1, 0], [0, 1]], [[1, 0], [0, 0]], [[0, 0], [0, 1]])


def row(name: str, count: int) -> tuple[Any, ...]:
    return sp.symbols(f"{name}0:{count}")


def at_point(model: Iterable[Any], point: dict[Any, Any]) -> list[Any]:
    """Return the model minus its value at the point; symbols that are not named are 0 there."""
    entries = list(model)
    free = set().union(*(sp.sympify(e).free_symbols for e in entries))
    full = {**dict.fromkeys(free, 0), **point}
    return [e - sp.sympify(e).subs(full) for e in entries]


def layers(*weights: Sequence[Sequence[int]]) -> tuple[list[Any], dict[Any, int]]:
    """Return ``W_L ... W_1`` minus its value at the given weights, and the point."""
    values = [sp.Matrix(value) for value in weights]
    symbols = [matrix("pqrs"[k], v.rows, v.cols) for k, v in enumerate(values)]
    model = symbols[0]
    for layer in symbols[1:]:
        model = layer * model
    point = {s: v for a, b in zip(symbols, values, strict=True) for s, v in zip(a, b, strict=True)}
    return at_point(model, point), {s: v for s, v in point.items() if v}


def minors(p: int, q: int, k: int) -> list[Any]:
    a = matrix("a", p, q)
    rows, columns = combinations(range(p), k), list(combinations(range(q), k))
    return [a.extract(list(i), list(j)).det() for i in rows for j in columns]


def circular(a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
    n = len(a)
    return [sum(a[j] * b[(i - j) % n] for j in range(n)) for i in range(n)]


def simple() -> Iterator[Germ]:
    for k, dim, f, definite in (
        (5, 2, x**6 - y**2, False),
        (5, 2, x**6 + y**2, True),
        (6, 1, x**7, False),
        (7, 3, x**8 + y**2 + z**2, True),
        (8, 2, x**9 - y**2, False),
    ):
        parameters = {"kind": "A", "k": k, "dim": dim, "definite": definite}
        yield germ("ade_squared", parameters, [f])
    yield germ("ade_squared", {"kind": "D", "k": 7, "dim": 2}, [x**2 * y - y**6])
    yield germ("ade_squared", {"kind": "D", "k": 8, "dim": 2}, [x**2 * y - y**7])
    saddle = x**3 - x * y**3 + z**2 - w**2
    yield germ("ade_squared", {"kind": "E", "k": 7, "dim": 4}, [saddle])
    for blocks in ((2, 2, 2), (3, 3), (3, 2, 2)):
        groups = [row(name, size) for name, size in zip("abc", blocks, strict=False)]
        f = sp.prod(u - v for group in groups for u, v in combinations(group, 2))
        yield germ("braid_squared", {"blocks": blocks}, [f])
    for powers, f in (
        ((2, 2), x**2 * y**2),
        ((4, 1, 1, 1), x**4 * y * (x - y) * (x + 3 * y)),
        ((2, 2, 2), x**2 * y**2 * (x - 5 * y) ** 2),
        ((3, 2, 1), (x - y) ** 3 * (x + y) ** 2 * x),
    ):
        yield germ("lines_squared", {"multiplicities": powers}, [f])
    for gens in (
        ((4, 0), (1, 2), (0, 5)),
        ((1, 2, 0), (0, 1, 2), (2, 0, 1)),
        ((2, 1, 1), (0, 3, 0)),
    ):
        variables = (x, y, z)[: len(gens[0])]
        terms = [sp.prod(s**e for s, e in zip(variables, g, strict=True)) for g in gens]
        yield germ("monomial_ideal", {"generators": gens}, terms)
        prior = (2,) + (0,) * (len(variables) - 1)
        yield germ("monomial_ideal", {"generators": gens, "prior": prior}, terms, prior={x: 2})
    yield germ("gram_determinant", {"p": 1, "q": 2}, minors(1, 2, 1))
    yield germ("gram_determinant", {"p": 2, "q": 5}, minors(2, 5, 2))
    # The same value where the rank is one, not only at the zero matrix.
    yield germ("gram_determinant", {"p": 2, "q": 3}, minors(2, 3, 2), {"a00": 1})
    for p, q, k in ((3, 2, 2), (3, 1, 1)):
        yield germ("minors", {"p": p, "q": q, "k": k}, minors(p, q, k))


def linear() -> Iterator[Germ]:
    zeros = [[[0] * a for _ in range(b)] for a, b in ((3, 2), (2, 1), (2, 3))]
    swap = [[0, 1], [1, 0]]
    for factors in ((FIRST, LAST), (FIRST, swap, FIRST)):
        yield germ("deep_linear_at", {"weights": factors}, *layers(*factors))
    for widths, ranks, factors in (
        ((2, 2, 2), (2, 1), (ONE, FIRST)),
        ((2, 2, 2, 2), (1, 2, 1), (FIRST, ONE, FIRST)),
    ):
        parameters = {"widths": widths, "layer_ranks": ranks}
        yield germ("deep_linear_generic", parameters, *layers(*factors))
    for widths, rank, factors in (
        ((3, 2, 1), 0, zeros[:2]),
        ((2, 2, 2), 1, (FIRST, FIRST)),
        ((2, 2, 2, 2), 1, (FIRST, FIRST, FIRST)),
        ((1, 1, 1, 1, 1), 0, [[[0]]] * 4),
    ):
        yield germ("deep_linear_global", {"widths": widths, "rank": rank}, *layers(*factors))
    # Three layers that no published theorem on the multiplicity covers.
    for ranks, factors in (
        ((1, 1, 1, 1, 0, 0), (FIRST, FIRST, LAST)),
        ((1, 1, 1, 0, 1, 0), (FIRST, [[0, 0], [0, 1]], LAST)),
        ((0, 1, 1, 0, 1, 0), (ZERO, FIRST, FIRST)),
        ((1, 1, 0, 1, 0, 0), (FIRST, FIRST, ZERO)),
        # Here the value lies above the least one over the fibre.
        ((1, 1, 1, 0, 1, 0), ([[1, 0, 0], [0, 0, 0]], LAST, LAST)),
        ((1, 1, 1, 1, 0, 0), (FIRST, FIRST, [[0, 0], [0, 1], [0, 0]])),
    ):
        pairs = ((0, 1), (1, 2), (2, 3), (0, 2), (1, 3), (0, 3))
        widths = (len(factors[0][0]), *map(len, factors))
        parameters = {"widths": widths, "ranks": dict(zip(pairs, ranks, strict=True))}
        yield germ("deep_linear_local", parameters, *layers(*factors))
    rrr = {"inputs": 3, "hidden": 2, "outputs": 1}
    yield germ("reduced_rank_global", {**rrr, "rank": 0}, *layers(*zeros[:2]))
    rrr = {"inputs": 2, "hidden": 3, "outputs": 2}
    narrow = ([[1, 0], [0, 0], [0, 0]], [[1, 0, 0], [0, 0, 0]])
    yield germ("reduced_rank_global", {**rrr, "rank": 1}, *layers(*narrow))
    full = ([[1, 0], [0, 0], [0, 1]], [[1, 0, 0], [0, 1, 0]])
    local = {**rrr, "rank": 1, "rank_first": 2, "rank_second": 2}
    yield germ("reduced_rank_local", local, *layers(*full))
    local = {"inputs": 3, "hidden": 2, "outputs": 3, "rank": 0, "rank_first": 2, "rank_second": 0}
    yield germ("reduced_rank_local", local, *layers([[1, 0, 0], [0, 1, 0]], zeros[2]))
    for widths, rank in (((3, 1, 3), 0), ((1, 2, 3), 0), ((2, 2, 3), 1), ((1, 1, 2), 0)):
        a, b = matrix("a", widths[1], widths[0]), matrix("b", widths[2], widths[1])
        # Logits against the last class instead of the centred ones.
        against = sp.eye(widths[2] - 1).row_join(-sp.ones(widths[2] - 1, 1))
        point = {a[0, 0]: 1, b[0, 0]: 1} if rank else {}
        parameters = {"widths": widths, "rank": rank}
        yield germ("softmax_linear", parameters, at_point(against * b * a, point), point)
    for n, h, values in ((3, 1, (0, 0, 0)), (4, 1, (1, 0, 2, 0)), (2, 3, (1, 0, 0, 0, 0, 0))):
        v, value = matrix("v", n, h), sp.Matrix(n, h, values)
        point = dict(zip(v, values, strict=True))
        parameters = {"size": n, "columns": h, "rank": value.rank()}
        yield germ("symmetric_factorisation", parameters, at_point(v * v.T, point), point)
    v = sp.Matrix(row("v", 4))
    for zero in (True, False):
        point = {} if zero else dict.fromkeys(v, 1)
        yield germ(
            "phase_retrieval", {"dim": 4, "true_zero": zero}, at_point(v * v.T, point), point
        )


def products() -> Iterator[Germ]:
    a, b, c = row("a", 2), row("b", 2), row("c", 2)
    yield germ("diagonal_linear", {"nonzero": 0, "zero": 1, "depth": 5}, [sp.prod(row("a", 5))])
    point = {x: 1, y: 2, a[0]: 3, a[1]: 1}
    gens = at_point([x * y, a[0] * a[1], z * w], point)
    yield germ("diagonal_linear", {"nonzero": 2, "zero": 1, "depth": 2}, gens, point)
    gens = [x**4 - 1, y**4 - 16, z**4]
    yield germ("diagonal_tied", {"nonzero": 2, "zero": 1, "depth": 4}, gens, {x: 1, y: -2})
    yield germ("diagonal_tied", {"nonzero": 0, "zero": 3, "depth": 2}, [x**2, y**2, z**2])
    # One frequency of the true filter vanishes, the others are off zero.
    u, v = row("a", 3), row("b", 3)
    point = dict(zip((*u, *v), (1, -1, 0, 2 * THIRD, -THIRD, -THIRD), strict=True))
    parameters = {"length": 3, "depth": 2, "vanishing": (1, 0)}
    yield germ("circular_convolution", parameters, at_point(circular(u, v), point), point)
    point = {a[0]: 1, a[1]: -1, b[0]: HALF, b[1]: -HALF}
    parameters = {"length": 2, "depth": 2, "vanishing": (1, 0)}
    yield germ("circular_convolution", parameters, at_point(circular(a, b), point), point)
    for lengths, gens in (
        ((2, 2, 2), times(times(a, b), c)),
        ((1, 3), times([x], u)),
        ((3, 3), times(u, v)),
        ((1, 1, 2), times(times([x], [y]), a)),
    ):
        yield germ("linear_convolution_zero", {"lengths": lengths}, gens)
    for p, q, real in (
        ([1, 0, 0, 0, 0], [1, 0], [(4, 1)]),
        ([1, 0, 0, 0, 0], [1, 0, 0], [(4, 2)]),
        ([1, -2, 1], [1, -1], [(2, 1)]),
        ([0, 1], [0, 1], [(1, 1)]),
    ):
        f, g = row("a", len(p)), row("b", len(q))
        point = dict(zip((*f, *g), (*p, *q), strict=True))
        parameters = {"lengths": (len(p), len(q)), "real_common": real}
        gens = at_point(times(f, g), point)
        yield germ("linear_convolution_common_roots", parameters, gens, point)
    for dims in ((3, 2), (1, 1, 1, 1), (2, 2, 2, 1)):
        gens = [sp.prod(e) for e in product(*(row(f"u{i}_", d) for i, d in enumerate(dims)))]
        yield germ("rank_one_tensor", {"dims": dims}, gens)
    for dims, values in (((3, 2), (1, 2, 0, 1, -1)), ((2, 1, 2), (1, 2, 3, 1, -1))):
        factors = [row(f"u{i}_", d) for i, d in enumerate(dims)]
        point = dict(zip((s for f in factors for s in f), values, strict=True))
        gens = at_point([sp.prod(e) for e in product(*factors)], point)
        yield germ("identifiable_cp", {"dims": dims, "rank": 1}, gens, point)
    for outputs, units, q in ((4, 1, 2), (1, 2, 4), (2, 2, 3), (3, 2, 2)):
        out, inner = matrix("a", outputs, units), row("b", units)
        gens = [
            sum(out[m, i] * inner[i] ** (1 + j * q) for i in range(units))
            for m, j in product(range(outputs), range(units + 1))
        ]
        yield germ("vandermonde", {"outputs": outputs, "units": units, "q": q}, gens)
    gens = [s * (x - x**3 / 3) for s in a]
    yield germ("one_hidden_unit", {"inputs": 1, "outputs": 2}, gens)
    gens = [s * e for s in u for e in v]
    yield germ("one_hidden_unit", {"inputs": 3, "outputs": 3}, gens)
    for h in (5, 6):
        f = sum(s * e**2 for s, e in zip(row("a", h), row("b", h), strict=True))
        yield germ("quadratic_network", {"units": h}, [f])


def other_germs() -> list[Germ]:
    return [*simple(), *linear(), *products()]
