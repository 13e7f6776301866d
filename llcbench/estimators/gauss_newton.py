"""The effective dimension of linear networks that are too large for a Hessian."""

import time
from typing import Any, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray

from llcbench.problems.squared.linear_map import LinearNetwork
from llcbench.problems.squared.regression import Regression
from llcbench.problems.squared.streams import Stream, StreamMoments
from llcbench.provenance import peak_bytes
from llcbench.records import Estimate, Guard
from llcbench.types import Problem
from theory.tempered import Tempered
from theory.tempered.effective_dimension import gauss_newton_dimension

# Quantile of the normal distribution for a 90 % interval.
NORMAL90 = 1.6449


def is_network(problem: Problem) -> TypeGuard[Regression]:
    """Return whether a problem is a linear network, whose Gauss-Newton matrix has factors."""
    return isinstance(problem, Regression) and isinstance(problem.map, LinearNetwork)


def probed(problem: Regression, nbeta: float, gamma: float, data: Any) -> Tempered:
    """Return the effective dimension by stochastic Lanczos quadrature, without label noise."""
    assert isinstance(problem.map, LinearNetwork)
    layers = problem.map.layers(problem.w_star().unsqueeze(0))
    second = _second_moment(data)
    scale = problem.scale * (problem.inputs.second_moment if second is None else 1.0)
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
    if isinstance(data, Stream):
        second: NDArray[np.float64] = StreamMoments(data, torch.float64).second.numpy()
        return second
    inputs = data.inputs.numpy()
    moment: NDArray[np.float64] = inputs.T @ inputs / inputs.shape[0]
    return moment
