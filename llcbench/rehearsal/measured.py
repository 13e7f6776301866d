"""What is read off somebody's network, so that a linear one can be given the same."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from llcbench.measures.hessian import Hessian, extreme_eigenvalues
from llcbench.problems.linear_networks.correlated import Array, SecondMoment
from llcbench.problems.modules.host_numbers import SampleNumbers
from llcbench.problems.modules.loss import ModuleLoss
from llcbench.problems.modules.problem import ModuleProblem
from llcbench.rehearsal.layers import DenseLayer, dense_layers, first_inputs
from llcbench.sampling.surroundings import neutral
from llcbench.seeds import Seeds

# Most and fewest samples of the curvature, and of the gradients of single samples; between them
# as many as times the parameters make so many numbers.
CURVED, SINGLE, WORK = (64, 1024), (32, 128), 2**30
# Inputs, curvature and gradients.
MEASUREMENTS = 3
# Relative accuracy of the curvature, and its products: their vectors are all kept.
TOLERANCE, PRODUCTS, KEPT = 0.01, 60, 2**28
# Directions of the inputs with less than this share of the largest second moment are dropped:
# below it single precision does not resolve them.
CUT = 1e-6


@final
@dataclass(frozen=True)
class NetworkScales:
    """Shapes of a network and scales of its loss at the reference point.

    Attributes:
        layers: The dense layers, in the order in which they run.
        inputs: Rows of inputs of the first one, ``(rows, columns)``.
        curvature: Largest eigenvalue of the Hessian of the loss.
        gradient_variance: Trace of the covariance of the gradient of a sample.
    """

    layers: list[DenseLayer]
    inputs: Array
    curvature: float
    gradient_variance: float


def measured(
    problem: ModuleProblem, seed: int, progress: Callable[[], object] = lambda: None
) -> NetworkScales:
    """Measure a network.

    Args:
        problem: The network with its data.
        seed: Of the first direction and of the samples.
        progress: Called after each of the `MEASUREMENTS`.

    Raises:
        ValueError: If it has no dense layer, or its loss is not curved upwards anywhere.
    """
    own = torch.float64 if problem.precision == "float64" else torch.float32
    with neutral():
        loss = problem.bind(None, own)
        layers = dense_layers(problem, loss)
        inputs = first_inputs(loss, layers[0]).numpy()
        progress()
        point = problem.w_star()
        curvature = _curvature(problem, loss, point, _generator(seed, problem, "curvature"))
        progress()
        variance = _gradient_variance(loss, point, _generator(seed, problem, "gradients"))
        progress()
        return NetworkScales(layers, inputs, curvature, variance)


def moment_of(rows: Array, most: int | None = None) -> SecondMoment:
    """Return the mean of ``x x^T`` over rows, by its eigenbasis.

    Args:
        rows: Inputs, ``(rows, inputs)``.
        most: Directions to keep; None for all above the cut.

    Raises:
        ValueError: If the rows are not finite or all zero.
    """
    if not np.all(np.isfinite(rows)):
        raise ValueError("inputs of the first dense layer are not finite: the network overflows")
    wide = rows.shape[1] > len(rows)
    values, vectors = np.linalg.eigh((rows @ rows.T if wide else rows.T @ rows) / len(rows))
    values, vectors = values[::-1], vectors[:, ::-1]
    if not values[0] > 0:
        raise ValueError("inputs of the first dense layer are all zero: it computes nothing")
    kept = int(np.sum(values > CUT * values[0]))
    kept = kept if most is None else min(kept, most)
    directions = rows.T @ vectors[:, :kept] if wide else vectors[:, :kept]
    return SecondMoment(np.linalg.qr(directions).Q, values[:kept].copy())


def _generator(seed: int, problem: ModuleProblem, purpose: str) -> torch.Generator:
    return Seeds(seed, f"{problem.id} {purpose}").generator("guard")


def _samples(loss: ModuleLoss, point: Tensor, limits: tuple[int, int]) -> int:
    fewest, most = limits
    return min(loss.num_data, most, max(fewest, WORK // len(point)))


def _curvature(
    problem: ModuleProblem, loss: ModuleLoss, point: Tensor, rng: torch.Generator
) -> float:
    """Return the largest eigenvalue of the Hessian on some samples.

    Raises:
        ValueError: If it cannot be computed or is not positive.
    """
    count = _samples(loss, point, CURVED)
    numbers = torch.arange(count) * loss.num_data // count
    products = max(2, min(PRODUCTS, KEPT // len(point)))
    try:
        ends = extreme_eigenvalues(
            Hessian(loss, point, numbers), rng, tolerance=TOLERANCE, products=products
        )
    except RuntimeError as error:  # an operation without a second derivative
        reason = str(error).splitlines()[0]
        raise ValueError(f"{problem.id}: its largest curvature is not known: {reason}") from error
    if not ends.largest > 0 or not math.isfinite(ends.largest):
        raise ValueError(
            f"{problem.id}: the largest curvature is {ends.largest:.3g}, and a minimum has a"
            " positive one: train the network first"
        )
    return ends.largest


def _gradient_variance(loss: ModuleLoss, point: Tensor, rng: torch.Generator) -> float:
    """Return the trace of the covariance of the gradient of a sample."""
    count = _samples(loss, point, SINGLE)
    numbers = torch.randperm(loss.num_data, generator=rng)[:count]
    total, squares = torch.zeros(len(point), dtype=torch.float64), 0.0
    for number in numbers:
        batch = SampleNumbers(number.view(1, 1))
        grad = loss.excess_and_grad(point.unsqueeze(0), batch)[1][0].double()
        total += grad
        squares += float(grad.square().sum())
    return max(0.0, squares - float(total.square().sum()) / count) / max(1, count - 1)
