"""The effective dimension of linear networks that are too large for a Hessian."""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llcbench.provenance import peak_bytes
from llcbench.records import Estimate, Guard
from llcbench.sampling.loss_abilities import squared_form, streamed
from llcbench.types import LayerForm, Problem
from theory.tempered import Tempered
from theory.tempered.effective_dimension import gauss_newton_dimension

# Quantile of the normal distribution for a 90 % interval.
NORMAL90 = 1.6449


def is_network(problem: Problem) -> bool:
    """Return whether a problem is a linear network, whose Gauss-Newton matrix has factors."""
    form = squared_form(problem)
    return form is not None and isinstance(form.map, LayerForm)


def probed(problem: Problem, nbeta: float, gamma: float, data: Any) -> Tempered:
    """Return the effective dimension by stochastic Lanczos quadrature, without label noise.

    The problem is one of which `is_network` holds.
    """
    form = squared_form(problem)
    assert form is not None
    assert isinstance(form.map, LayerForm)
    layers = form.map.layers(problem.w_star().unsqueeze(0))
    second = _second_moment(data)
    scale = form.scale * (form.variance if second is None else 1.0)
    weights = [layer[0].numpy() for layer in layers]
    return gauss_newton_dimension(weights, nbeta, gamma, scale, second_moment=second)


def estimate_of(dimension: Tempered, nbeta: float, gamma: float, started: float) -> Estimate:
    """Return the record of an effective dimension with the error of its probes."""
    gap = dimension.details.get("bracket", 0.0)
    bounds = Guard(
        name="bounds",
        value=gap / max(dimension.value, np.finfo(float).tiny),
        limit="<= 0.001",
        passed=dimension.certified,
        meaning="half the relative distance of the Gauss bounds: the quadrature has not converged",
    )
    reach = NORMAL90 * dimension.stderr
    return Estimate(
        status="ok",
        llc=dimension.value,
        mcse=dimension.stderr,
        stderr=dimension.stderr,
        interval=(dimension.value - reach, dimension.value + reach),
        nbeta=nbeta,
        gamma=gamma,
        seconds_setup=time.perf_counter() - started,
        peak_bytes=peak_bytes(),
        guards=[bounds],
    )


def _second_moment(data: Any) -> NDArray[np.float64] | None:
    """Return the second moment of the inputs, None in population."""
    if data is None:
        return None
    moment: NDArray[np.float64]
    stream = streamed(data)
    if stream is not None:
        moment = stream.second_moment().numpy()
        return moment
    inputs = data.inputs.numpy()
    moment = inputs.T @ inputs / inputs.shape[0]
    return moment
