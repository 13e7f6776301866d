"""Losses of regression problems in jax, written from the structure of their map.

The second implementation of the same loss: products of layers, and polynomials term by term, with
gradients by jax.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from llcbench.adapters.packages import load
from llcbench.problems.regular import Scaled
from llcbench.problems.squared.batches import Population
from llcbench.problems.squared.linear_map import LinearNetwork
from llcbench.problems.squared.polynomial_map import PolynomialMap
from llcbench.problems.squared.regression import Regression
from llcbench.sampling.target import Target

Function = Callable[[Any], Any]


def unsupported(target: Target) -> str | None:
    """Return why the loss of a target is not written in jax."""
    if not (
        isinstance(target.problem, Regression)
        and isinstance(target.problem.map, LinearNetwork | PolynomialMap | Scaled)
    ):
        return f"the loss of {target.problem.id} is not written in jax"
    return None if target.batch_size is None else "nuts needs the full batch; drop batch_size"


def log_density(target: Target) -> Function:
    """Return ``w -> -nbeta L(w) - gamma/2 |w - w_star|^2`` of one chain, L the excess loss."""
    jnp = load("jax.numpy")
    star = target.w_star.double().numpy()
    loss = excess(target)

    def function(theta: Any) -> Any:
        return -target.nbeta * loss(theta) - 0.5 * target.gamma * jnp.sum((theta - star) ** 2)

    return function


def excess(target: Target) -> Function:
    """Return the excess loss of one chain on the full data or in population.

    ``scale * tr(D S D^T - 2 D C^T)`` with ``D = M(w) - M(w_star)`` and the moments S and C.
    """
    jnp = load("jax.numpy")
    problem, batch = target.problem, target.batch
    assert isinstance(problem, Regression)
    value = _value(problem.map)
    reference = np.asarray(value(target.w_star.double().numpy()))
    if not isinstance(batch, Population):
        second, cross = batch.second.double().numpy(), batch.cross.double().numpy()
    else:
        second = np.eye(problem.map.inputs) * batch.second
        cross = np.zeros(reference.shape)

    def function(theta: Any) -> Any:
        delta = value(theta) - reference
        return problem.scale * jnp.sum(delta * (delta @ second - 2 * cross))

    return function


def _value(map_: Any) -> Function:
    """Return the parametrised matrix ``M(w)``, ``(out, in)``."""
    if isinstance(map_, LinearNetwork):
        return _network(map_.widths)
    if isinstance(map_, Scaled):
        return lambda theta: (theta * np.array(map_.scales))[None]
    assert isinstance(map_, PolynomialMap)
    return _polynomials(map_)


def _network(widths: tuple[int, ...]) -> Function:
    def value(theta: Any) -> Any:
        product, start = None, 0
        for columns, rows in pairwise(widths):
            layer = theta[start : start + rows * columns].reshape(rows, columns)
            product = layer if product is None else layer @ product
            start += rows * columns
        return product

    return value


def _polynomials(map_: PolynomialMap) -> Function:
    jnp = load("jax.numpy")
    terms = [
        [(float(c), [(i, e) for i, e in enumerate(powers) if e]) for powers, c in g.terms.items()]
        for g in map_.generators
    ]

    def value(theta: Any) -> Any:
        # Powers are Python integers, whose derivative at zero is exact.
        return jnp.stack(
            [sum(c * math.prod(theta[i] ** e for i, e in m) for c, m in term) for term in terms]
        )[None]

    return value
