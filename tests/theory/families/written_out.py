"""Families written out as polynomial ideals: K ~ |eta(w) - eta*|^2 for the smallest sizes."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import combinations, product
from typing import Any, NamedTuple

import sympy as sp


class Germ(NamedTuple):
    family: str
    parameters: dict[str, Any]
    equations: tuple[Any, ...]
    at: dict[str, Any]
    prior: dict[str, int] | None = None

    @property
    def generators(self) -> list[str]:
        """Written only when they are asked for: every process of a test run makes all germs."""
        return text(self.equations)


def text(expressions: Iterable[Any]) -> list[str]:
    """Return distinct nonzero polynomials in the grammar of the solver."""
    found = [sp.expand(e) for e in expressions]
    return [str(e).replace("**", "^") for e in dict.fromkeys(found) if e != 0]


def germ(
    family: str,
    parameters: dict[str, Any],
    generators: Iterable[Any],
    at: dict[Any, Any] | None = None,
    prior: dict[Any, int] | None = None,
) -> Germ:
    point = {str(key): str(value) for key, value in (at or {}).items()}
    density = None if prior is None else {str(key): value for key, value in prior.items()}
    return Germ(family, parameters, tuple(generators), point, density)


def matrix(name: str, rows: int, columns: int) -> sp.Matrix:
    return sp.Matrix(rows, columns, lambda i, j: sp.Symbol(f"{name}{i}{j}"))


def at_matrix(symbols: sp.Matrix, values: Sequence[Sequence[int]]) -> dict[Any, int]:
    return {s: v for s, v in zip(symbols, sp.Matrix(values), strict=True) if v != 0}


def adjugate_minors(a: sp.Matrix, k: int) -> list[Any]:
    return [
        a.extract(list(i), list(j)).det()
        for i in combinations(range(a.rows), k)
        for j in combinations(range(a.cols), k)
    ]


def monic(name: str, degree: int) -> list[Any]:
    return [sp.Integer(1), *(sp.Symbol(f"{name}{k}") for k in range(1, degree + 1))]


def times(a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
    out = [sp.Integer(0)] * (len(a) + len(b) - 1)
    for (i, x), (j, y) in product(enumerate(a), enumerate(b)):
        out[i + j] += x * y
    return out


def filters(p: Sequence[int], q: Sequence[int]) -> tuple[list[Any], dict[Any, int]]:
    """Return the equations a * b = p * q and the point a = p, b = q."""
    a = [sp.Symbol(f"a{k}") for k in range(len(p))]
    b = [sp.Symbol(f"b{k}") for k in range(len(q))]
    c = times([sp.Integer(x) for x in p], [sp.Integer(x) for x in q])
    point = {**dict(zip(a, p, strict=True)), **dict(zip(b, q, strict=True))}
    return [x - y for x, y in zip(times(a, b), c, strict=True)], point


def vandermonde(outputs: int, units: int, q: int) -> list[Any]:
    b = [sp.Symbol(f"b{i}") for i in range(units)]
    a = matrix("a", outputs, units)
    # Newton's identities: the moments from j = units on lie in the ideal of the first ones.
    return [
        sum(a[m, i] * b[i] ** (1 + j * q) for i in range(units))
        for m in range(outputs)
        for j in range(units)
    ]


def bayes(features: int) -> list[Any]:
    """Central moments of a naive Bayes model up to order n, class weight t."""
    t = sp.Symbol("t")
    u = [sp.Symbol(f"u{i}") for i in range(features)]
    out = []
    for size in range(2, features + 1):
        weight = t * (1 - t) ** size + (1 - t) * (-t) ** size
        out += [weight * sp.prod(s) for s in combinations(u, size)]
    return out


def mixture_moments(weights: Sequence[Any], means: Sequence[Any], order: int) -> list[Any]:
    return [sum(a * b**k for a, b in zip(weights, means, strict=True)) for k in range(1, order + 1)]


def common_variance(weights: Sequence[Any], means: Sequence[Any], s: Any, order: int) -> list[Any]:
    """Hermite moments of a normal mixture with variance 1 + s, against N(0, 1)."""
    z = sp.Symbol("z")
    raw = [sum(weights), *mixture_moments(weights, means, order)]
    series = sum(m * z**k / sp.factorial(k) for k, m in enumerate(raw))
    heat = sum((s * z**2 / 2) ** k / sp.factorial(k) for k in range(order // 2 + 1))
    poly = sp.Poly(sp.expand(series * heat), z)
    return [poly.coeff_monomial(z**k) * sp.factorial(k) for k in range(1, order + 1)]


def two_clusters(split: Any, second: Sequence[Any], s: Any, order: int = 4) -> list[Any]:
    """Return the equations of a mixture near two true components, each of weight 1/2.

    The densities of two distinct components and their derivatives are independent, so each cluster
    has moments of its own; the weights move from one cluster to the other by e.
    """
    b, c, d, f, e = sp.symbols("b c d f e")
    half = sp.Rational(1, 2)
    first = [split, half - split + e]
    means = [d, f][: len(second)]
    out = [sum(first) - half, sum(second) - half]
    out += common_variance(first, [b, c], s, order)
    return out + common_variance(second, means, s, order)


def boltzmann(n: int, bias: bool) -> list[Any]:
    """Probabilities up to a factor, less those of the uniform distribution, in tanh coordinates."""
    t = [sp.Symbol(f"t{i}") for i in range(n)]
    s = [sp.Symbol(f"s{i}") if bias else sp.Integer(0) for i in range(n)]
    out = []
    for x in product((-1, 1), repeat=n):
        tilt = sp.prod(1 + si * xi for si, xi in zip(s, x, strict=True))
        even = sp.prod(1 + ti * xi for ti, xi in zip(t, x, strict=True)) + sp.prod(
            1 - ti * xi for ti, xi in zip(t, x, strict=True)
        )
        out.append(sp.expand(tilt * even / 2))
    # Differences to one cell: the normalisation drops out, since all cells are equal at the truth.
    return [p - out[0] for p in out[1:]]


def stochastic(m: int, n: int, h: int) -> tuple[list[Any], sp.Matrix, sp.Matrix]:
    """Return the upper rows of a product of stochastic matrices and its free entries."""
    a, b = matrix("a", m - 1, h), matrix("b", h - 1, n)
    full = b.col_join(sp.ones(1, n) - sp.ones(1, h - 1) * b)
    return list(a * full), a, b


def all_germs() -> list[Germ]:
    x, y, z, w = sp.symbols("x y z w")
    out: list[Germ] = []
    add = out.append
    for gens in (
        ((2, 0), (0, 1)),
        ((3, 0), (1, 1), (0, 3)),
        ((2, 0, 0), (1, 1, 0), (0, 2, 1)),
        ((1, 1, 0), (0, 0, 2)),
        ((1, 1, 0), (1, 0, 1), (0, 1, 1)),
    ):
        v = (x, y, z)[: len(gens[0])]
        mono = [sp.prod(s**e for s, e in zip(v, g, strict=True)) for g in gens]
        add(germ("monomial_ideal", {"generators": gens}, mono))
        prior = tuple(range(len(v)))
        add(
            germ(
                "monomial_ideal",
                {"generators": gens, "prior": prior},
                mono,
                prior=dict(zip(v, prior, strict=True)),
            )
        )
    for kind, k, form, definite in (
        ("A", 1, x**2 + y**2, True),
        ("A", 1, x**2 - y**2, False),
        ("A", 2, x**3 + y**2, False),
        ("A", 3, x**4 + y**2, True),
        ("A", 3, x**4 - y**2, False),
        ("A", 4, x**5 + y**2, False),
        ("D", 4, x**2 * y + y**3, False),
        ("D", 4, x**2 * y - y**3, False),
        ("D", 5, x**2 * y + y**4, False),
        ("D", 6, x**2 * y - y**5, False),
        ("E", 6, x**3 + y**4, False),
        ("E", 7, x**3 + x * y**3, False),
        ("E", 8, x**3 + y**5, False),
    ):
        parameters = {"kind": kind, "k": k, "definite": definite}
        add(germ("ade_squared", {**parameters, "dim": 2}, [form]))
        add(germ("ade_squared", {**parameters, "dim": 3}, [form + z**2]))
        if not definite:
            add(germ("ade_squared", {**parameters, "dim": 3}, [form - z**2]))
    add(germ("ade_squared", {"kind": "A", "k": 4, "dim": 1}, [x**5]))
    add(germ("ade_squared", {"kind": "A", "k": 1, "dim": 4}, [x * y + z * w]))
    for blocks in ((2,), (2, 1), (3,), (2, 2), (4,), (3, 1), (3, 2)):
        v = sp.symbols(f"w0:{sum(blocks)}")
        values = [i for i, size in enumerate(blocks) for _ in range(size)]
        f = sp.prod(a - b for a, b in combinations(v, 2))
        near = sp.prod(
            v[i] - v[j] for i, j in combinations(range(len(v)), 2) if values[i] == values[j]
        )
        if sum(blocks) <= 4:
            add(germ("braid_squared", {"blocks": blocks}, [f], dict(zip(v, values, strict=True))))
        inside = {a: i for a, i in zip(v, values, strict=True) if near.has(a)}
        add(germ("braid_squared", {"blocks": blocks}, [near], inside))
    lines = (x, y, x - y, x + 2 * y)
    for mult in ((1,), (3,), (1, 1), (2, 1), (1, 1, 1), (2, 1, 1), (3, 1, 1), (1, 2, 3), (1,) * 4):
        f = sp.prod(line**m for line, m in zip(lines, mult, strict=False))
        add(germ("lines_squared", {"multiplicities": mult}, [f]))
    for p, q in ((1, 1), (1, 3), (2, 2), (2, 3), (2, 4)):
        a = matrix("a", p, q)
        add(germ("gram_determinant", {"p": p, "q": q}, adjugate_minors(a, p)))
    for p, q, k in ((2, 2, 1), (2, 2, 2), (2, 3, 2), (2, 4, 2), (3, 3, 3), (3, 3, 2)):
        a = matrix("a", p, q)
        add(germ("minors", {"p": p, "q": q, "k": k}, adjugate_minors(a, k)))
    for d, depth in ((1, 1), (1, 3), (2, 2)):
        v = matrix("v", d, depth)
        f = [sp.prod(v.row(i)) for i in range(d)]
        add(germ("diagonal_linear", {"nonzero": 0, "zero": d, "depth": depth}, f))
        u = sp.symbols(f"u1:{depth + 1}")
        g = [*f, sp.prod(u) - 6]
        point = {s: 6 if i == 0 else 1 for i, s in enumerate(u)}
        add(germ("diagonal_linear", {"nonzero": 1, "zero": d, "depth": depth}, g, point))
        tied = [s**depth for s in (x, y)[:d]]
        add(germ("diagonal_tied", {"nonzero": 0, "zero": d, "depth": depth}, tied))
        g = [*tied, z**depth - 1]
        add(germ("diagonal_tied", {"nonzero": 1, "zero": d, "depth": depth}, g, {z: 1}))
    for n, h, points in (
        (2, 1, ((0, 0), (1, 0))),
        (2, 2, ((0, 0, 0, 0), (1, 0, 0, 0), (1, 0, 0, 1))),
        (3, 2, ((0,) * 6, (1, 0, 0, 0, 0, 0))),
        (3, 3, ((1, *(0,) * 8),)),
    ):
        for rank, point in enumerate(points, start=1 if n == h == 3 else 0):
            v = matrix("v", n, h)
            values = sp.Matrix(n, h, point)
            s = v * v.T - values * values.T
            add(
                germ(
                    "symmetric_factorisation",
                    {"size": n, "columns": h, "rank": rank},
                    list(s),
                    {k: c for k, c in zip(v, point, strict=True) if c},
                )
            )
    for dim in (1, 2, 3):
        v = sp.Matrix(sp.symbols(f"v0:{dim}"))
        add(germ("phase_retrieval", {"dim": dim, "true_zero": True}, list(v * v.T)))
        e = sp.Matrix([1] + [0] * (dim - 1))
        add(
            germ(
                "phase_retrieval",
                {"dim": dim, "true_zero": False},
                list(v * v.T - e * e.T),
                {v[0]: 1},
            )
        )
    for widths, rank, values in (((2, 1, 2), 0, None), ((2, 2, 3), 0, None), ((2, 1, 3), 1, 1)):
        a, b = matrix("a", widths[1], widths[0]), matrix("b", widths[2], widths[1])
        centre = sp.eye(widths[2]) - sp.ones(widths[2], widths[2]) / widths[2]
        eta = centre * b * a
        point: dict[Any, int] = {}
        if values:
            point = {a[0, 0]: 1, b[0, 0]: 1}
            eta -= eta.subs({s: point.get(s, 0) for s in eta.free_symbols})
        add(germ("softmax_linear", {"widths": widths, "rank": rank}, list(eta), point))
    for n, depth in ((1, 2), (2, 2), (3, 2)):
        v = matrix("v", depth, n)
        conv = [
            sum(v[0, j] * v[1, (i - j) % n] for j in range(n)) if depth == 2 else 0
            for i in range(n)
        ]
        add(germ("circular_convolution", {"length": n, "depth": depth}, conv))
    for p, q in ((1, 1), (2, 1), (2, 2), (3, 2)):
        a, b = sp.symbols(f"a0:{p}"), sp.symbols(f"b0:{q}")
        add(germ("linear_convolution_zero", {"lengths": (p, q)}, times(a, b)))
    for p, q, real, paired in (
        ([1, 0], [1, 1], [], []),
        ([1, 0], [1, 0], [(1, 1)], []),
        ([1, 1, 0], [1, 0], [(1, 1)], []),
        ([1, 0, 0], [1, 0], [(2, 1)], []),
        ([1, 0, 0, 0], [1, 0], [(3, 1)], []),
        ([1, 0, 0], [1, 0, 0], [(2, 2)], []),
        ([1, 0, 0, 0], [1, 0, 0], [(3, 2)], []),
    ):
        eqs, point = filters(p, q)
        add(
            germ(
                "linear_convolution_common_roots",
                {"lengths": (len(p), len(q)), "real_common": real, "complex_common": paired},
                eqs,
                point,
            )
        )
    # Two simple common roots: monic filters, with one regular coordinate for the scale.
    for middle, real, paired in ((-1, [(1, 1), (1, 1)], []), (1, [], [(1, 1)])):
        a, b = monic("a", 2), monic("b", 2)
        target = times([1, 0, middle], [1, 0, middle])
        eqs = [u - v for u, v in zip(times(a, b), target, strict=True)]
        add(
            germ(
                "linear_convolution_common_roots",
                {"lengths": (3, 3), "real_common": real, "complex_common": paired},
                [z, *eqs],
                {a[2]: middle, b[2]: middle},
            )
        )
    for dims in ((2,), (1, 1), (2, 1), (2, 2), (2, 2, 2), (1, 2, 2), (2, 2, 3)):
        v = [sp.symbols(f"u{i}_0:{d}") for i, d in enumerate(dims)]
        add(germ("rank_one_tensor", {"dims": dims}, [sp.prod(c) for c in product(*v)]))
    for outputs, units, q in (
        (1, 1, 2),
        (2, 1, 2),
        (1, 2, 1),
        (1, 2, 2),
        (2, 2, 2),
        (1, 2, 3),
        (3, 2, 1),
    ):
        gens = vandermonde(outputs, units, q)
        add(germ("vandermonde", {"outputs": outputs, "units": units, "q": q}, gens))
    for n, m in ((1, 1), (2, 1), (1, 2), (2, 2), (3, 2)):
        v = [sp.Symbol(f"a{i}") * sp.Symbol(f"b{j}") for i in range(m) for j in range(n)]
        add(germ("one_hidden_unit", {"inputs": n, "outputs": m}, v))
    for h in (1, 2, 3, 4):
        f = sum(sp.Symbol(f"a{i}") * sp.Symbol(f"b{i}") ** 2 for i in range(h))
        add(germ("quadratic_network", {"units": h}, [f]))
    # Two components at one true one, with interior weights; then with a weight alpha^2 >= 0.
    a, b, c, s = sp.symbols("a b c s")
    add(
        germ(
            "simplex_mixture",
            {"true_components": 1, "components": 2, "component_dim": 1},
            mixture_moments([sp.Rational(1, 2) + a, sp.Rational(1, 2) - a], [b, c], 4),
        )
    )
    for phi in (1, Fraction(1, 2)):
        add(
            germ(
                "simplex_mixture",
                {"true_components": 1, "components": 2, "component_dim": 1, "dirichlet": phi},
                mixture_moments([1 - a**2, a**2], [b, c], 4),
                prior={a: int(2 * phi - 1)},
            )
        )
    vec = [[sp.Symbol(f"{n}{i}") for i in range(2)] for n in "bc"]
    moments2 = [
        sum(wt * sp.prod(m[i] for i in idx) for wt, m in zip([1 - a**2, a**2], vec, strict=True))
        for size in (1, 2, 3)
        for idx in combinations((0, 0, 0, 1, 1, 1), size)
    ]
    add(
        germ(
            "simplex_mixture",
            {"true_components": 1, "components": 2, "component_dim": 2},
            moments2,
            prior={a: 1},
        )
    )
    add(
        germ(
            "mixture_common_variance",
            {"components": 2, "true_components": 1},
            common_variance([sp.Rational(1, 3) + a, sp.Rational(2, 3) - a], [b, c], s, 6),
        )
    )
    add(
        germ(
            "mixture_common_variance",
            {"components": 1, "true_components": 1},
            common_variance([1], [b], s, 4),
        )
    )
    # Three components at two true ones, at interior weights and where a weight vanishes.
    e = sp.Symbol("e")
    for split, density in ((sp.Rational(1, 6) + a, None), (a**2, {a: 1})):
        parameters = {"components": 3, "true_components": 2}
        eqs = two_clusters(split, [sp.Rational(1, 2) - e], s)
        add(germ("mixture_common_variance", parameters, eqs, prior=density))
        eqs = two_clusters(split, [sp.Rational(1, 2) - e], sp.Integer(0))
        add(
            germ(
                "simplex_mixture",
                {**parameters, "component_dim": 1},
                eqs,
                prior=density,
            )
        )
    add(germ("mixture_one_known", {"dim": 1}, [a * b, a * b**2, a * b**3]))
    add(germ("mixture_one_known", {"dim": 2}, [a * b, a * c, a * b * c, a * b**2, a * c**2]))
    for n in (1, 2, 3, 4):
        means = list(sp.symbols(f"m0:{n}"))
        parameters = {"features": n, "stratum": "independent"}
        add(germ("naive_bayes", parameters, [*means, *bayes(n)]))
    for n, stratum, dependent in (
        (2, "one_dependent_pair", 2),
        (3, "one_dependent_pair", 2),
        (4, "one_dependent_pair", 2),
        (3, "regular", 3),
    ):
        means = list(sp.symbols(f"m0:{n}"))
        point = {sp.Symbol("t"): sp.Rational(1, 3)} | {
            sp.Symbol(f"u{i}"): 1 for i in range(dependent)
        }
        full = {sp.Symbol(f"u{i}"): 0 for i in range(n)} | point
        eqs = [e - e.subs(full) for e in bayes(n)]
        add(germ("naive_bayes", {"features": n, "stratum": stratum}, [*means, *eqs], point))
    for p, count in ((1, 0), (2, 0), (3, 0), (4, 0), (2, 2), (3, 2), (4, 2), (3, 3), (4, 3)):
        load = sp.Matrix(sp.symbols(f"l0:{p}"))
        psi = sp.symbols(f"psi0:{p}")
        cov = sp.diag(*psi) + load * load.T
        point = {load[i]: i + 1 for i in range(count)} | dict.fromkeys(psi, 1)
        eqs = [
            cov[i, j] - cov.subs({**dict.fromkeys(load, 0), **point})[i, j]
            for i in range(p)
            for j in range(i, p)
        ]
        parameters = {"variables": p, "nonzero_loadings": count}
        add(germ("one_factor", parameters, eqs, point))
    for n, bias in ((1, True), (2, True), (3, True), (2, False), (3, False), (4, False)):
        add(germ("rbm_one_hidden", {"visible": n, "visible_bias": bias}, boltzmann(n, bias)))
    for m, n, h, r in ((2, 2, 2, 1), (3, 2, 2, 1), (3, 3, 2, 1), (2, 2, 2, 2), (3, 2, 2, 2)):
        eqs, a_, b_ = stochastic(m, n, h)
        point = dict.fromkeys(a_, sp.Rational(1, 4)) | dict.fromkeys(b_, sp.Rational(1, 2))
        if r == 2:
            point |= {a_[0, 0]: sp.Rational(1, 2), b_[0, 0]: sp.Rational(1, 3)}
        eqs = [e - e.subs(point) for e in eqs]
        parameters = {"words": m, "documents": n, "topics": h, "rank": r}
        add(germ("lda", parameters, eqs, point))
    for m, n, h in ((1, 1, 1), (2, 2, 1), (2, 3, 1), (1, 1, 2), (2, 1, 2), (2, 2, 2)):
        # Entries squared, so that they are nonnegative; the density of the square is |x|.
        u, v = matrix("u", m, h), matrix("v", h, n)
        eqs = list(u.applyfunc(lambda t: t**2) * v.applyfunc(lambda t: t**2))
        prior = dict.fromkeys([*u, *v], 1)
        add(germ("nmf_zero", {"rows": m, "columns": n, "inner": h}, eqs, prior=prior))
    for m, n, h, r in ((1, 1, 1, 1), (2, 2, 1, 1), (2, 2, 2, 1), (3, 2, 2, 1), (2, 2, 2, 2)):
        u, v = matrix("u", m, h), matrix("v", h, n)
        point = dict.fromkeys([*u, *v], sp.Integer(1))
        if r == 2:
            point |= {u[0, 0]: sp.Integer(2), v[0, 0]: sp.Integer(2)}
        eqs = [e - e.subs(point) for e in u * v]
        parameters = {"rows": m, "columns": n, "inner": h, "rank": r}
        add(germ("nmf_positive", parameters, eqs, point))
    return out
