"""Problems ``model/*``: statistical models with a likelihood, at their most singular point."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from llcbench.problems.densities import NaiveBayes, NormalPair, OneFactor, Tanh
from llcbench.problems.family import Family, nearest
from llcbench.problems.likelihood import Likelihood, Model
from llcbench.types import Truth
from theory.coefficient import RLCT
from theory.combine import at_deepest, direct_sum, equivalent
from theory.families import monomial_ideal, quasi_homogeneous, regular, vandermonde

NAMED = (
    "model/tanh-1",
    "model/tanh-2",
    "model/tanh-5",
    "model/tanh-3x2",
    "model/normal-pair",
    "model/naive-bayes-2",
    "model/naive-bayes-4",
    "model/one-factor-3",
    "model/one-factor-4",
)
PATTERN = "model/tanh-<units>[x<outputs>], model/normal-pair, model/naive-bayes-<features>, ..."


def build(identifier: str) -> Likelihood:
    """Return the model of an id such as ``model/tanh-2`` or ``model/naive-bayes-4``.

    Raises:
        ValueError: If there is no such model or its size is not admissible.
    """
    name = identifier.removeprefix("model/")
    for pattern, make in _MAKERS.items():
        match = re.fullmatch(pattern, name)
        if match is not None:
            return make(identifier, *(int(text or 1) for text in match.groups()))
    known = [entry.removeprefix("model/") for entry in NAMED]
    raise ValueError(f"unknown model {identifier!r}{nearest(name, known)}; write {PATTERN}")


def _tanh(identifier: str, units: int, outputs: int) -> Likelihood:
    def local() -> RLCT:
        found = vandermonde(outputs=outputs, units=units, q=2)
        return equivalent(
            _at_point(found), "tanh is odd with all odd coefficients: the ideal of its Taylor sums"
        )

    return _problem(
        identifier,
        Tanh(units, outputs),
        local,
        "attained at the origin: scaling (a, b) carries every true parameter towards it",
        f"y = sum_k b_k tanh(a_k x) + N(0, I), {units} units, {outputs} outputs, truth 0",
        "Redundant units: the loss is flat of high order and bounded, so steps must not be large.",
    )


def _normal_pair(identifier: str) -> Likelihood:
    return _problem(
        identifier,
        NormalPair(),
        lambda: equivalent(
            _at_point(quasi_homogeneous(weights=(2, 1), degree=4)),
            "the moments give the ideal (u + v, u v): K ~ (u + v)^2 + (u - v)^4",
        ),
        "the origin is the only true parameter",
        "p(x) = N(x; u, 1)/2 + N(x; v, 1)/2, truth N(0, 1)",
        "Two equal components: their mean is seen at once, their distance only in fourth order.",
    )


def _pairs(size: int, statement: str) -> RLCT:
    """Return the coefficient of ``sum_i c_i^2 + sum_(i<j) d_i^2 d_j^2``."""
    vectors = [
        tuple(int(k in (i, j)) for k in range(size)) for i in range(size) for j in range(i)
    ]
    means = _at_point(regular(dim=size))
    products = _at_point(monomial_ideal(generators=vectors))
    return equivalent(direct_sum(means, products), statement)


def _naive_bayes(identifier: str, features: int) -> Likelihood:
    _check_size(identifier, features, 12)
    return _problem(
        identifier,
        NaiveBayes(features),
        lambda: _pairs(
            features, "means and pair covariances of a fair coin: the ideal (c_i, d_i d_j)"
        ),
        "attained where all effects vanish; one nonzero effect leaves n - 1/2 or more",
        f"{features} bits given a hidden fair coin, truth: independent fair bits",
        "Effects are felt in pairs only: the true set is a union of axes.",
    )


def _one_factor(identifier: str, variables: int) -> Likelihood:
    _check_size(identifier, variables, 12)
    return _problem(
        identifier,
        OneFactor(variables),
        lambda: _pairs(
            variables, "entries of the covariance: variances are coordinates, the rest is l_i l_j"
        ),
        "attained where all loadings vanish",
        f"x ~ N(0, diag(exp s) + l l^T), {variables} variables, truth N(0, I)",
        "Loadings are felt in pairs only: the true set is a union of axes.",
    )


_MAKERS: dict[str, Callable[..., Likelihood]] = {
    r"tanh-(\d+)(?:x(\d+))?": _tanh,
    r"normal-pair": _normal_pair,
    r"naive-bayes-(\d+)": _naive_bayes,
    r"one-factor-(\d+)": _one_factor,
}


def _problem(
    identifier: str,
    model: Model,
    local: Callable[[], RLCT],
    deepest: str,
    formula: str,
    why_hard: str,
) -> Likelihood:
    return Likelihood(
        id=identifier,
        model=model,
        point=np.zeros(model.dim),
        truth_function=lambda: Truth(local(), at_deepest(local(), deepest)),
        formula=formula,
        why_hard=why_hard,
        keywords=frozenset({"statistical-model"}),
    )


def _at_point(found: RLCT) -> RLCT:
    """Return a coefficient as a local one: the point is the family's own deepest one."""
    return replace(found, scope="local")


def _check_size(identifier: str, size: int, largest: int) -> None:
    if not 2 <= size <= largest:
        raise ValueError(f"{identifier!r}: the size must be between 2 and {largest}, got {size}")


family = Family("model", NAMED, build, PATTERN)
