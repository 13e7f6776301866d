"""The Hessian at ``w*``, and estimates that need nothing else."""

import time
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from llcbench.provenance import peak_bytes
from llcbench.records import Estimate, Guard
from llcbench.sampling.loss_abilities import streamed
from llcbench.types import Data, Problem
from theory.tempered import Tempered

Array = NDArray[np.float64]
MAX_DIM = 2000
# Rows of the Hessian at a time: each is a chain of the batched loss.
ROWS = 256
# Of the largest eigenvalue: rounding in double precision leaves 1e-16 times the dimension.
NEGATIVE = 1e-9


class Spectrum(NamedTuple):
    """Eigenvalues of the Hessian of the loss at ``w*``.

    Attributes:
        values: In ascending order, ``(dim,)``; negative ones are set to 0.
        lowest: The lowest eigenvalue before that.
        grad_evals: Gradient evaluations that it cost.
    """

    values: Array
    lowest: float
    grad_evals: int


def too_large(problem: Problem, name: str) -> str | None:
    """Return why a problem has no Hessian here, None if it has one."""
    if problem.dim <= MAX_DIM:
        return None
    return (
        f"{name} diagonalises the Hessian of at most {MAX_DIM} parameters, {problem.id} has"
        f" {problem.dim}; use half_dimension or mean_energy"
    )


def spectrum(problem: Problem, data: Data | None) -> Spectrum:
    """Return the spectrum of the Hessian at ``w*`` on the data, or in population.

    Uses automatic differentiation twice, so that vanishing curvatures are exactly 0. The label
    noise of a regression is removed, which leaves the Gauss-Newton matrix, which has no negative
    eigenvalue. A likelihood on data keeps its own Hessian.
    """
    loss = problem.bind(noise_free(data), torch.float64)
    batch = loss.draw(1, None, torch.Generator())
    star, rows = problem.w_star(), []
    for start in range(0, problem.dim, ROWS):
        index = torch.arange(start, min(start + ROWS, problem.dim))
        with torch.enable_grad():
            theta = star.repeat(len(index), 1).requires_grad_(True)
            total = loss.excess(theta, batch).sum()
            (grad,) = torch.autograd.grad(total, theta, create_graph=True)
            picked = grad[torch.arange(len(index)), index].sum()
            (row,) = torch.autograd.grad(picked, theta)
        rows.append(row.detach())
    matrix = torch.cat(rows).numpy()
    values = np.linalg.eigvalsh(0.5 * (matrix + matrix.T))
    return Spectrum(np.maximum(values, 0.0), float(values[0]), 2 * problem.dim)


def noise_free(data: Any) -> Any:
    """Return a data set without its label noise, part by part for a sum of problems."""
    if data is None:
        return None
    if isinstance(data, Data):
        return Data(data.inputs, torch.zeros_like(data.noise))
    stream = streamed(data)
    if stream is not None:
        return stream.noise_free()
    return tuple(noise_free(part) for part in data)


def deterministic(
    value: float,
    nbeta: float,
    gamma: float,
    *,
    started: float,
    hessian: Spectrum | None = None,
) -> Estimate:
    """Return an estimate without sampling: its Monte Carlo error is 0.

    Args:
        value: The estimate.
        nbeta: Inverse temperature.
        gamma: Localisation.
        started: Time of the start, as of ``time.perf_counter``.
        hessian: The spectrum that it used.
    """
    guards = []
    if hessian is not None:
        share = hessian.lowest / max(float(hessian.values[-1]), np.finfo(float).tiny)
        guards.append(
            Guard(
                name="negative_curvature",
                value=max(share, -1e300),
                limit=f">= {-NEGATIVE}",
                passed=share >= -NEGATIVE or hessian.lowest > -1e-12,
                meaning="lowest over largest eigenvalue: w_star is no minimum for this data;"
                " negative ones are taken as 0",
            )
        )
    return Estimate(
        status="ok",
        llc=value,
        mcse=0.0,
        stderr=0.0,
        interval=(value, value),
        nbeta=nbeta,
        gamma=gamma,
        grad_evals=0 if hessian is None else hessian.grad_evals,
        sample_grads=0 if hessian is None else hessian.grad_evals,
        seconds_setup=time.perf_counter() - started,
        peak_bytes=peak_bytes(),
        guards=guards,
    )


def constant(value: float, method: str) -> Tempered:
    """Return the target of an estimator without sampling: the estimate itself."""
    return Tempered(value=value, stderr=0.0, method=method, certified=True)
