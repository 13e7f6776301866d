"""Factorisations of matrices and tensors, and determinantal varieties."""

from collections.abc import Sequence
from functools import partial, reduce
from itertools import combinations, product
from math import comb, factorial, prod

import numpy as np
from numpy.typing import NDArray

from llcbench.problems.polynomials.algebra.definition import (
    Definition,
    Maker,
    determinant,
    flat,
    matrix_names,
    minus,
)
from theory.coefficient import RLCT
from theory.combine import direct_sum, equivalent
from theory.combine import product as product_rule
from theory.families import (
    gram_determinant,
    identifiable_cp,
    minors,
    nmf_positive,
    phase_retrieval,
    quasi_homogeneous,
    rank_one_tensor,
    symmetric_factorisation,
)

_NODES = (1, -1, 0, 2, -2, 3, -3, 4)
_SAME = "every true parameter has this value"


def _symmetric(size: int, columns: int, rank: int) -> Definition:
    names = matrix_names("w", size, columns)
    truth = partial(symmetric_factorisation, size=size, columns=columns, rank=rank)
    generators = [
        "+".join(f"{a}*{b}" for a, b in zip(names[i], names[j], strict=True))
        + ("-1" if i == j < rank else "")
        for i, j in product(range(size), repeat=2)
    ]
    point = [int(i == k < rank) for i in range(size) for k in range(columns)]
    return Definition(
        flat(names), generators, point, truth, _SAME, truth,
        "Rotations of the columns leave the loss unchanged; the rest is felt in fourth order.",
    )  # fmt: skip


def _phase(dim: int, nonzero: int) -> Definition:
    """Return ``K = E[((w.x)^2 - (w*.x)^2)^2]``, x normal.

    With ``D = w w^T - w* w*^T`` this is ``tr(D)^2 + 2 |D|^2``.
    """
    if nonzero not in (0, 1):
        raise ValueError(
            f"the last number says whether the true w is nonzero: 0 or 1, not {nonzero}"
        )
    truth = partial(phase_retrieval, dim=dim, true_zero=not nonzero)
    names = [f"w{i}" for i in range(dim)]
    squares = [minus(f"{name}^2", nonzero * (i == 0)) for i, name in enumerate(names)]
    pairs = [f"2*{a}*{b}" for a, b in combinations(names, 2)]
    return Definition(
        names, ["+".join(squares), *squares, *squares, *pairs], [nonzero] + [0] * (dim - 1),
        truth, _SAME, truth,
        "Quartic at zero; elsewhere regular with a mirror image that a chain may visit.",
    )  # fmt: skip


def _nmf_positive(rows: int, columns: int, inner: int, rank: int) -> Definition:
    """Return ``|A B - C|^2`` at entrywise positive factors, both of the rank of C."""
    truth = partial(nmf_positive, rows=rows, columns=columns, inner=inner, rank=rank)
    a, b = matrix_names("a", rows, inner), matrix_names("b", inner, columns)
    # The last of the independent columns is repeated: splitting it is free.
    left = [[1 + (i == min(k, rank - 1)) for k in range(inner)] for i in range(rows)]
    right = [[1 + (j == min(k, rank - 1)) for j in range(columns)] for k in range(inner)]
    point = [value for row in (*left, *right) for value in row]
    target = np.array(left) @ np.array(right)
    generators = [
        minus("+".join(f"{a[i][k]}*{b[k][j]}" for k in range(inner)), int(target[i, j]))
        for i, j in product(range(rows), range(columns))
    ]
    return Definition(
        flat(a) + flat(b), generators, point, truth,
        "attained where both factors have the rank of the product, which this interior point has",
        truth, "A factorisation at positive factors: the constraint is not felt, redundancy is.",
    )  # fmt: skip


def _nmf_zero(rows: int, columns: int, inner: int) -> Definition:
    """Return ``|A B|^2`` with entries that are squares, so that no term can cancel."""

    def truth() -> RLCT:
        term = product_rule(quasi_homogeneous((1,) * rows, 4), quasi_homogeneous((1,) * columns, 4))
        return equivalent(
            direct_sum(*[term] * inner),
            "entries u^2 >= 0 cannot cancel: K ~ sum_k |x_k|^2 |y_k|^2 with |x_k|^2 = sum u_ik^4;"
            " a flat prior of u is the prior x^(-1/2) of an entry x, which halves the value that"
            " holds for a flat prior of x",
        )

    u, v = matrix_names("u", rows, inner), matrix_names("v", inner, columns)
    generators = [
        "+".join(f"{u[i][k]}^2*{v[k][j]}^2" for k in range(inner))
        for i, j in product(range(rows), range(columns))
    ]
    names = flat(u) + flat(v)
    return Definition(
        names, generators, [0] * len(names), truth, "attained where all factors vanish", truth,
        "Nonnegative factors by squares: flat of order eight, with one logarithm a term.",
    )  # fmt: skip


def _tensor(*dims: int) -> Definition:
    names = [[f"u{f}_{i}" for i in range(size)] for f, size in enumerate(dims)]
    truth = partial(rank_one_tensor, dims=dims)
    return Definition(
        flat(names), ["*".join(choice) for choice in product(*names)], [0] * sum(dims),
        truth, "attained where all factors vanish", truth,
        "A product of norms: flat wherever two factors vanish together.",
        blocks=((dims, (1,) * len(dims)),),
    )  # fmt: skip


def _cp(rank: int, *dims: int) -> Definition:
    """Return ``|sum_r u_r x v_r x ... - T|^2`` at Vandermonde vectors ``(1, t, t^2, ...)``.

    Any ``min(d, R)`` such vectors with different nodes are independent, so Kruskal's condition
    holds at this very point; the rank of the Jacobian is computed.
    """
    if not 1 <= rank <= len(_NODES):
        raise ValueError(f"the number of terms must be between 1 and {len(_NODES)}, got {rank}")
    theorem = partial(identifiable_cp, dims=dims, rank=rank)
    theorem()
    vectors = [[[_NODES[r] ** i for i in range(size)] for size in dims] for r in range(rank)]
    seen = _jacobian_rank(vectors)
    if seen != 2 * theorem().value:
        raise ValueError(
            f"the Jacobian at the reference point has rank {seen}, not the generic one"
        )
    names = [
        [[f"u{r}_{f}_{i}" for i in range(size)] for f, size in enumerate(dims)] for r in range(rank)
    ]
    generators = []
    for index in product(*map(range, dims)):
        terms = ["*".join(row[f][i] for f, i in enumerate(index)) for row in names]
        value = sum(int(np.prod([row[f][i] for f, i in enumerate(index)])) for row in vectors)
        generators.append(minus("+".join(terms), value))
    return Definition(
        [name for row in names for name in flat(row)], generators,
        [value for row in vectors for part in row for value in part], theorem,
        "true parameters differ by order and scales, and the value is the same at all", theorem,
        "Scales of the factors are free: long curved flat directions through a regular problem.",
    )  # fmt: skip


def _jacobian_rank(vectors: Sequence[Sequence[Sequence[int]]]) -> int:
    """Return the rank of the derivative of ``sum_r u_r x v_r x ...`` by all entries."""
    columns: list[NDArray[np.int64]] = []
    for row in vectors:
        for f, part in enumerate(row):
            for unit in np.eye(len(part), dtype=np.int64):
                parts = [unit if g == f else np.array(v) for g, v in enumerate(row)]
                columns.append(reduce(np.multiply.outer, parts).ravel())
    return int(np.linalg.matrix_rank(np.array(columns, dtype=np.float64)))


def _minors(rows: int, columns: int, size: int) -> Definition:
    names = matrix_names("a", rows, columns)
    truth = partial(minors, p=rows, q=columns, k=size)
    generators = [
        determinant([[names[i][j] for j in right] for i in left])
        for left in combinations(range(rows), size)
        for right in combinations(range(columns), size)
    ]
    return Definition(
        flat(names), generators, [0] * (rows * columns), truth, "attained at A = 0", truth,
        "The true set is all matrices of low rank, singular at every matrix of lower rank.",
    )  # fmt: skip


def _minor_terms(rows: int, columns: int, size: int) -> int:
    size = min(size, rows, columns)
    return comb(rows, size) * comb(columns, size) * factorial(size) * size


def _gram(rows: int, columns: int) -> Definition:
    truth = partial(gram_determinant, p=rows, q=columns)
    # Cauchy and Binet: det(A A^T) is the sum of the squared maximal minors.
    return _minors(rows, columns, rows)._replace(
        local=truth, global_=truth, deepest="every zero has this value"
    )


MAKERS = {
    "symmetric": Maker(
        _symmetric, "<size>-<columns>-<rank>", lambda n, c, _: n * c, lambda n, c, _: 2 * n * n * c
    ),
    "phase": Maker(_phase, "<dim>-<0 or 1>", lambda n, _: n, lambda n, _: n * (n + 3)),
    "nmfpositive": Maker(
        _nmf_positive,
        "<rows>-<columns>-<inner>-<rank>",
        lambda p, q, k, _: k * (p + q),
        lambda p, q, k, _: 2 * p * q * k,
    ),
    "nmfzero": Maker(
        _nmf_zero,
        "<rows>-<columns>-<inner>",
        lambda p, q, k: k * (p + q),
        lambda p, q, k: 2 * p * q * k,
    ),
    "tensor": Maker(_tensor, "<dims>", lambda *n: sum(n), lambda *n: len(n) * prod(n)),
    "cp": Maker(
        _cp, "<terms>-<dims>", lambda r, *n: r * sum(n), lambda r, *n: r * len(n) * prod(n)
    ),
    "minors": Maker(_minors, "<rows>-<columns>-<size>", lambda p, q, _: p * q, _minor_terms),
    "gram": Maker(
        _gram, "<rows>-<columns>", lambda p, q: p * q, lambda p, q: _minor_terms(p, q, p)
    ),
}
NAMED = (
    "symmetric-2-2-1",
    "symmetric-3-3-1",
    "phase-2-0",
    "phase-2-1",
    "phase-5-0",
    "nmfpositive-2-2-2-1",
    "nmfpositive-3-3-2-1",
    "nmfpositive-3-3-3-2",
    "nmfzero-1-1-2",
    "nmfzero-2-2-2",
    "nmfzero-3-2-2",
    "tensor-2-2-2",
    "tensor-2-3-4",
    "cp-1-2-2",
    "cp-2-2-2-2",
    "cp-2-2-3-3",
    "cp-3-3-3-3",
    "minors-2-4-2",
    "minors-3-3-2",
    "gram-2-3",
)
