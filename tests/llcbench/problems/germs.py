"""Statistical models in coordinates that are zero at the reference point, with their ideals.

A germ is a chart ``u -> w`` and generators in u; ``K(w(u))`` must lie between positive multiples of
the sum of their squares, and the solver gives the coefficient of the generators.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from llcbench.problems.models.tree_paths import paths

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Germ:
    names: str
    generators: tuple[str, ...]
    chart: Callable[[Array], Array]
    # Largest coordinate, small enough for probabilities to stay positive.
    reach: float = 0.2


def rows(*columns: Array) -> Array:
    return np.stack(columns, axis=1)


def logit(p: Array) -> Array:
    return np.log(p) - np.log1p(-p)


def merge_pair(u: Array, dim: int) -> Array:
    """(e, mean, distance) of two components in R^dim with weights near 2/3 and 1/3."""
    e, mean, gap = u[:, 0] - np.log(2), u[:, 1 : 1 + dim], u[:, 1 + dim :]
    share = (1 / (1 + np.exp(-e)))[:, None]
    return np.concatenate([e[:, None], mean - share * gap, mean + (1 - share) * gap], axis=1)


def spare_pair(u: Array, dim: int) -> Array:
    """(t, mean, distance) with the redundant weight t^2/(1+t^2)."""
    t, mean, gap = u[:, :1], u[:, 1 : 1 + dim], u[:, 1 + dim :]
    first = mean - t**2 / (1 + t**2) * gap
    return np.concatenate([t, first, first + gap], axis=1)


def variance_pair(u: Array) -> Array:
    """(e, mean, v, distance): two components with total variance exp(2 v)."""
    w = merge_pair(u[:, [0, 1, 3]], 1)
    share = 1 / (1 + np.exp(-w[:, 0]))
    scale = 0.5 * np.log(np.exp(2 * u[:, 2]) - share * (1 - share) * u[:, 3] ** 2)
    return np.concatenate([w, scale[:, None]], axis=1)


def merge_three(u: Array, gap_at: float = 3.0) -> Array:
    """(e, s, m1, m2, distance): components 1 and 3 merge, component 2 stands alone."""
    e, s, first, second, gap = u.T
    c3 = e - 2 * np.log(2)
    c2 = s - np.log(2) + np.log1p(np.exp(c3)) - np.log1p(0.25)
    share = np.exp(c3) / (1 + np.exp(c3))
    low = first - share * gap
    return rows(c2, c3, low, gap_at + second, low + gap)


def spare_three(u: Array) -> Array:
    """(t, s, m1, m2, distance): as ``merge_three`` with the weight t^2 of the third."""
    t, s, first, second, gap = u.T
    low = first - t**2 / (1 + t**2) * gap
    c2 = s - np.log(2) + np.log1p(t**2)
    return rows(c2, t, low, 3.0 + second, low + gap)


def variance_three(u: Array) -> Array:
    return np.concatenate([merge_three(u[:, :5]), u[:, 5:]], axis=1)


def binomial_pair(u: Array) -> Array:
    """(e, mean, distance) of the probabilities about sigmoid(-1)."""
    w = merge_pair(u, 1)
    return rows(w[:, 0], logit(w[:, 1] + 1 / (1 + np.e)), logit(w[:, 2] + 1 / (1 + np.e)))


def binomial_three(u: Array) -> Array:
    w = merge_three(u, 0.0)
    low, high = 1 / (1 + np.e), np.e / (1 + np.e)
    return rows(w[:, 0], w[:, 1], logit(low + w[:, 2]), logit(high + w[:, 3]), logit(low + w[:, 4]))


def topics(words: int, documents: int, count: int) -> Callable[[Array], Array]:
    """Deviations of the free entries of both stochastic factors from uniform ones."""

    def chart(u: Array) -> Array:
        cut = count * (words - 1)
        left = 1 / words + u[:, :cut].reshape(-1, words - 1, count)
        right = 1 / count + u[:, cut:].reshape(-1, count - 1, documents)
        logs = [np.log(part) - np.log(1 - part.sum(1, keepdims=True)) for part in (left, right)]
        return np.concatenate([part.reshape(len(u), -1) for part in logs], axis=1)

    return chart


def topic_ideal(words: int, documents: int, count: int) -> Germ:
    a = [[f"a{i}{k}" for k in range(count)] for i in range(words - 1)]
    b = [[f"b{k}{j}" for j in range(documents)] for k in range(count - 1)]
    out = []
    for row in a:
        for j in range(documents):
            last = "-".join(["1", *(f"(1/{count}+{b[k][j]})" for k in range(count - 1))])
            terms = [f"(1/{words}+{row[k]})*(1/{count}+{b[k][j]})" for k in range(count - 1)]
            out.append("+".join([*terms, f"(1/{words}+{row[-1]})*({last})"]) + f"-1/{words}")
    names = " ".join([n for row in (*a, *b) for n in row])
    return Germ(names, tuple(out), topics(words, documents, count), 0.1)


def counts(rows_: int, columns: int, inner: int) -> Germ:
    """Deviations of the entries of positive factors ``1 + [i = 0]``, all of rank one."""
    a = [[f"a{i}{k}" for k in range(inner)] for i in range(rows_)]
    b = [[f"b{k}{j}" for j in range(columns)] for k in range(inner)]
    base = np.array([2.0] + [1.0] * (rows_ - 1)), np.array([2.0] + [1.0] * (columns - 1))
    centre = np.concatenate([np.repeat(base[0], inner), np.tile(base[1], inner)])
    out = []
    for i in range(rows_):
        for j in range(columns):
            x, y = int(base[0][i]), int(base[1][j])
            terms = [f"({x}+{a[i][k]})*({y}+{b[k][j]})" for k in range(inner)]
            out.append("+".join(terms) + f"-{inner * x * y}")
    names = " ".join([n for row in (*a, *b) for n in row])
    return Germ(names, tuple(out), lambda u: np.log(centre + u))


def bayes(features: int, dependent: int) -> Germ:
    """(e, means, relative effects); central moments, divided by those of an effect of one."""
    full = 1 / (1 + np.exp(-1.0)) - 0.5

    def chart(u: Array) -> Array:
        share = 1 / 3 + u[:, :1]
        # At the reference point the effects are ``full``; independent features keep that scale.
        effect = full * ((np.arange(features) < dependent) + u[:, 1 + features :])
        mean = 0.5 + full / 3 * (np.arange(features) < dependent) + u[:, 1 : 1 + features]
        low, high = mean - share * effect, mean + (1 - share) * effect
        return np.concatenate([logit(share), logit(low), logit(high) - logit(low)], axis=1)

    x = [f"({int(i < dependent)}+x{i})" for i in range(features)]
    spread = "(1/3+e)*(2/3-e)"
    out = [f"m{i}" for i in range(features)]
    for size, weight, value in ((2, spread, "2/9"), (3, f"{spread}*(1/3-2*e)", "2/27")):
        for chosen in combinations(range(features), size):
            constant = f"-{value}" if max(chosen) < dependent else ""
            moment = "*".join([weight, *(x[i] for i in chosen)]) + constant
            out.append(f"1/{10 * (size - 1)}*({moment})")
    names = ["e", *(f"m{i}" for i in range(features)), *(f"x{i}" for i in range(features))]
    return Germ(" ".join(names), tuple(out), chart)


def boltzmann(visible: int, *, biased: bool) -> Germ:
    t = [f"t{i}" for i in range(visible)]
    b = [f"b{i}" for i in range(visible)] if biased else []
    out = [*b, *(f"{x}*{y}" for x, y in combinations(t, 2))]
    return Germ(" ".join(t + b), tuple(out), lambda u: u)


def tree(leaves: int, inner: int) -> Germ:
    """Normal trees and trees of bits share means or scales c and products d along paths."""
    c = [f"c{i}" for i in range(leaves)]
    d = [f"d{i}" for i in range(leaves + inner)]
    out = [*c, *("*".join(d[e] for e in path) for path in paths(leaves, inner))]
    return Germ(" ".join(c + d), tuple(out), lambda u: u)


def softmax(widths: tuple[int, int, int]) -> Germ:
    """Differences of the rows of the product to its last row."""
    n, h, classes = widths
    low = [[f"a{k}{i}" for i in range(n)] for k in range(h)]
    high = [[f"b{c}{k}" for k in range(h)] for c in range(classes)]
    out = [
        "+".join(f"({high[c][k]}-{high[-1][k]})*{low[k][i]}" for k in range(h))
        for c in range(classes - 1)
        for i in range(n)
    ]
    names = " ".join([name for row in (*low, *high) for name in row])
    return Germ(names, tuple(out), lambda u: u)


GERMS = {
    "mixture-1-2": Germ("e m d", ("m", "1/6*d^2"), lambda u: merge_pair(u, 1)),
    "mixture-2-3": Germ("e s m n d", ("s", "m", "n", "1/7*d^2"), merge_three),
    "mixture-1-2x2": Germ(
        "e m n c d",
        ("m", "n", "1/6*c^2", "1/4*c*d", "1/6*d^2"),
        lambda u: merge_pair(u, 2),
    ),
    "spare-1-2": Germ("t m d", ("m", "t^2*d^2"), lambda u: spare_pair(u, 1)),
    "spare-1-2x2": Germ(
        "t m n c d", ("m", "n", "t^2*c^2", "t^2*c*d", "t^2*d^2"), lambda u: spare_pair(u, 2)
    ),
    "spare-2-3": Germ("t s m n d", ("s", "m", "n", "t^2*d^2"), spare_three),
    "variance-1-2": Germ("e m v d", ("m", "v", "1/50*d^3"), variance_pair),
    "variance-2-3": Germ("e s m n d v", ("s", "m", "n", "1/9*d^2", "v"), variance_three),
    "known-1": Germ("t b", ("t*b",), lambda u: u),
    "known-2": Germ("t b c", ("t*b", "t*c"), lambda u: u),
    "binomial-4-1-2": Germ("e m d", ("m", "d^2"), binomial_pair, 0.07),
    "binomial-6-2-3": Germ("e s m n d", ("1/8*s", "m", "n", "d^2"), binomial_three, 0.07),
    "lda-2-2-2-1": topic_ideal(2, 2, 2),
    "lda-3-3-2-1": topic_ideal(3, 3, 2),
    "nmf-2-2-1-1": counts(2, 2, 1),
    "nmf-2-2-2-1": counts(2, 2, 2),
    "bayes-3-0": bayes(3, 0),
    "bayes-3-2": bayes(3, 2),
    "bayes-3-3": bayes(3, 3),
    "rbm-1": boltzmann(1, biased=True),
    "rbm-2": boltzmann(2, biased=True),
    "rbm-3": boltzmann(3, biased=True),
    "rbm-2-unbiased": boltzmann(2, biased=False),
    "rbm-3-unbiased": boltzmann(3, biased=False),
    "rbm-4-unbiased": boltzmann(4, biased=False),
    "tree-2-0": tree(2, 0),
    "tree-3-0": tree(3, 0),
    "tree-4-1": tree(4, 1),
    "tree-5-2": tree(5, 2),
    "bits-3-0": tree(3, 0),
    "bits-4-1": tree(4, 1),
    "bits-5-2": tree(5, 2),
    "unit-1-1": Germ("a b", ("a*b",), lambda u: u),
    "unit-2-1": Germ("a b c", ("a*b", "a*c"), lambda u: u),
    "unit-2-2": Germ("a b c d", ("a*c", "a*d", "b*c", "b*d"), lambda u: u),
    "softmax-2-1-3-r0": softmax((2, 1, 3)),
    "softmax-2-2-2-r0": softmax((2, 2, 2)),
}
