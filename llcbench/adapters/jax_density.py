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
from llcbench.sampling.loss_abilities import moment_form, squared_form
from llcbench.sampling.target import Target
from llcbench.types import DiagonalForm, GeneratorForm, LayerForm

Function = Callable[[Any], Any]


def unsupported(target: Target) -> str | None:
    """Return why the loss of a target is not written in jax."""
    form = squared_form(target.problem)
    if form is None or form.map is None:
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
    form, moments = squared_form(target.problem), moment_form(target.loss)
    assert form is not None
    assert form.map is not None
    assert moments is not None
    value = _value(form.map)
    reference = np.asarray(value(target.w_star.double().numpy()))
    second, cross = np.eye(form.inputs), np.zeros(reference.shape)
    if isinstance(moments.second, float):
        second = second * moments.second
    else:
        second = moments.second.double().numpy()
    if moments.cross is not None:
        cross = moments.cross.double().numpy()

    def function(theta: Any) -> Any:
        delta = value(theta) - reference
        return moments.scale * jnp.sum(delta * (delta @ second - 2 * cross))

    return function


def _value(map_: LayerForm | GeneratorForm | DiagonalForm) -> Function:
    """Return the parametrised matrix ``M(w)``, ``(out, in)``."""
    if isinstance(map_, LayerForm):
        return _network(map_.widths)
    if isinstance(map_, DiagonalForm):
        return lambda theta: (theta * np.array(map_.scales))[None]
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


def _polynomials(map_: GeneratorForm) -> Function:
    jnp = load("jax.numpy")
    terms = [
        [(float(c), [(i, e) for i, e in enumerate(powers) if e]) for powers, c in one.items()]
        for one in map_.generators
    ]

    def value(theta: Any) -> Any:
        # Powers are Python integers, whose derivative at zero is exact.
        return jnp.stack(
            [sum(c * math.prod(theta[i] ** e for i, e in m) for c, m in term) for term in terms]
        )[None]

    return value
