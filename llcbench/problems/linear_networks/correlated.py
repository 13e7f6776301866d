"""Deep linear networks whose inputs have a second moment of any rank, matched exactly by the data.

They are made in Python, for a covariance is no part of an id: `llcbench.rehearse` puts them in the
place of somebody's network.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh

from llcbench.problems.linear_networks.linear_model import linear_problem, tempered_of
from llcbench.problems.linear_networks.points import balanced, generator_of
from llcbench.problems.squared.regression import Regression
from llcbench.types import Data, Truth
from theory.coefficient import RLCT, Step
from theory.families.deep_linear import deep_linear_generic, deep_linear_global
from theory.tempered import Tempered

Array = NDArray[np.float64]
# Matrices of so many entries have their eigenvalues computed all at once.
SMALL = 64
# Relative distance of the second moment of data from the one that a problem has.
SAME = 1e-6


@final
@dataclass(frozen=True, eq=False)
class SecondMoment:
    """``S = Q diag(values) Q^T``, the mean of ``x x^T``, by the directions that it has.

    Its rank is the number of directions: nothing is rounded to zero later on.

    Attributes:
        directions: ``Q``, ``(inputs, rank)``, with orthonormal columns.
        values: Second moments along them, ``(rank,)``, positive.

    Raises:
        ValueError: If a column is not orthonormal to the others or a value is not positive.
    """

    directions: Array
    values: Array

    def __post_init__(self) -> None:
        inputs, rank = self.directions.shape
        if not 1 <= rank <= inputs or self.values.shape != (rank,):
            raise ValueError(
                f"{rank} directions of {inputs} inputs with {len(self.values)} values are no second"
                " moment: give one value per direction, and at most as many as inputs"
            )
        if not bool(np.all(np.isfinite(self.values) & (self.values > 0))):
            raise ValueError("a second moment along a direction must be positive: drop the others")
        gram = self.directions.T @ self.directions
        if not np.allclose(gram, np.eye(rank), rtol=0.0, atol=1e-9):
            raise ValueError("directions must have orthonormal columns: those of an eigenbasis")

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return len(self.directions)

    @property
    def rank(self) -> int:
        """Number of directions that inputs have."""
        return len(self.values)

    @property
    def root(self) -> Array:
        """``B`` with ``S = B B^T``, ``(inputs, rank)``."""
        return self.directions * np.sqrt(self.values)

    @property
    def matrix(self) -> Array:
        """``S``, ``(inputs, inputs)``."""
        return self.root @ self.root.T


def correlated_network(
    identifier: str,
    widths: Sequence[int],
    rank: int,
    moment: SecondMoment,
    *,
    curvature: float,
    gradient_variance: float,
    num_data: int,
) -> Regression:
    """Return ``L(w) = scale * mean |W_L ... W_1 x - y|^2`` at the most singular point of a rank.

    Scale and label noise are such that the Hessian at the point has a given largest eigenvalue, and
    the gradient of a sample a given variance.

    ``W_1 = W_1' Q^T`` with ``W_1'`` the first layer of a balanced point of the network of widths
    ``(k, H_1, ..., H_L)``, k the rank of S. With ``D = W_L ... W_1 - W_L* ... W_1*`` the excess is
    ``scale * tr(D S D^T)``, which depends on ``W_1`` through ``W_1 Q`` alone. Hence the
    coefficients are those of that network: scaling its inputs by ``sqrt(values)`` is an invertible
    change of ``W_1'``, and what is orthogonal to Q is free.

    Data have S as their exact second moment, up to rounding, and label noise whose mean is exactly
    orthogonal to the inputs, as residuals are after training: all three truths are those of the
    very loss that is sampled, whatever the seed.

    Args:
        identifier: Name, which fixes the point.
        widths: ``(H_0, ..., H_L)``, inputs first.
        rank: Of the true map, from 1 to the least of k and the widths.
        moment: S.
        curvature: Largest eigenvalue of the Hessian, positive.
        gradient_variance: Mean square of the gradient of a sample; 0 for no label noise.
        num_data: Number of samples, at least k.

    Raises:
        ValueError: If sizes do not fit together.
    """
    if moment.inputs != widths[0]:
        raise ValueError(f"{identifier}: {moment.inputs} inputs in S, {widths[0]} in the network")
    if num_data < moment.rank:
        raise ValueError(
            f"{identifier}: {num_data} samples have no second moment of rank {moment.rank};"
            " give more samples, or S of a lower rank"
        )
    reduced = (moment.rank, *widths[1:])
    if not 1 <= rank <= min(reduced):
        raise ValueError(f"{identifier}: rank {rank} is not within 1 and {min(reduced)}")
    first, *rest = balanced(reduced, rank, generator_of(identifier))
    weights = [first @ moment.directions.T, *rest]
    scale = curvature / (2 * largest_curvature(weights, moment.root))
    square = gradient_square(weights, moment.root)
    noise_sd = math.sqrt(gradient_variance / square) / (2 * scale)
    made = linear_problem(
        identifier,
        weights,
        partial(_truth, tuple(widths), moment.rank, rank),
        "Balanced: the most singular point of its fibre, with correlated inputs.",
        frozenset({"linear-network", "deep-linear", "correlated"}),
        scale=scale,
        # Nothing of the label noise is left in the loss on all data, nor in its standard error.
        noise_sd=0.0,
    )
    return replace(
        made.with_data(num_data),
        id=identifier,
        tempered_function=partial(_tempered, weights, scale, moment.matrix),
        data_function=partial(matched_data, moment.root, widths[-1], noise_sd),
    )


def matched_data(
    root: Array, outputs: int, noise_sd: float, num_data: int, rng: torch.Generator
) -> Data:
    """Draw data whose second moment is ``B B^T`` and whose noise is orthogonal to the inputs.

    ``x = B z``: z is normal, made orthonormal over the samples. The noise is normal, projected off
    z and scaled to its root mean square; zero where there are as many directions as samples.

    Args:
        root: ``B``, ``(inputs, rank)``.
        outputs: Width of the labels.
        noise_sd: Root mean square of the noise.
        num_data: Number of samples, at least the rank.
        rng: Source of randomness.
    """
    rank = root.shape[1]
    drawn = torch.randn((num_data, rank), generator=rng, dtype=torch.float64)
    basis = torch.linalg.qr(drawn).Q
    inputs = num_data**0.5 * (basis @ torch.from_numpy(root.T.copy()))
    if not noise_sd or num_data == rank:
        return Data(inputs, inputs.new_zeros(()).expand(num_data, outputs))
    noise = torch.randn((num_data, outputs), generator=rng, dtype=torch.float64)
    for _ in range(2):  # the second pass removes what round-off left
        noise -= basis @ (basis.mT @ noise)
    return Data(inputs, noise.mul_(noise_sd / float(noise.square().mean().sqrt())))


def slopes(weights: Sequence[Array], root: Array) -> list[tuple[Array, Array]]:
    """Return ``(U_k, Y_k)`` of every layer: a change X of it changes ``M B`` by ``U_k X Y_k``.

    ``U_k`` is the product of the layers above it, ``Y_k`` that of the layers below it times B.
    """
    below = [root]
    for weight in weights[:-1]:
        below.append(weight @ below[-1])
    above = [np.eye(len(weights[-1]))]
    for weight in weights[:0:-1]:
        above.append(above[-1] @ weight)
    return list(zip(above[::-1], below, strict=True))


def largest_curvature(weights: Sequence[Array], root: Array) -> float:
    """Return the largest eigenvalue of the Hessian of ``mean |M x - y|^2 / 2`` at the weights.

    It is that of ``X -> sum_k U_k U_k^T X Y_k^T Y_k`` on matrices ``(H_L, rank of S)``, since the
    noise is orthogonal to the inputs. Products with them are exact; the eigenvalue is that of a
    dense matrix, or by the Lanczos iteration.
    """
    pairs = [(up @ up.T, down.T @ down) for up, down in slopes(weights, root)]
    outputs, rank = len(weights[-1]), root.shape[1]

    def product(flat: Array) -> Array:
        matrix = flat.reshape(outputs, rank)
        image: Array = np.sum([left @ matrix @ right for left, right in pairs], axis=0)
        return image.ravel()

    size = outputs * rank
    if size <= SMALL:
        return float(np.linalg.eigvalsh(np.stack([product(row) for row in np.eye(size)]))[-1])
    operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
    # A start of its own: the default is drawn from a global generator.
    start = np.random.default_rng(0).standard_normal(size)
    values = eigsh(operator, k=1, which="LA", v0=start, tol=1e-8, return_eigenvectors=False)
    return float(values[0])


def gradient_square(weights: Sequence[Array], root: Array) -> float:
    """Return ``E |g|^2`` of the gradient of ``|M x - y|^2 / 2`` of a sample, for unit noise.

    ``sum_k |U_k|^2 |Y_k|^2``, Frobenius norms: noise and input of a sample are independent.
    """
    pairs = slopes(weights, root)
    return sum(float(np.sum(up**2) * np.sum(down**2)) for up, down in pairs)


def _truth(widths: tuple[int, ...], directions: int, rank: int) -> Truth:
    """Return the coefficients of the network whose inputs are the directions of S."""
    reduced = (directions, *widths[1:])
    local = deep_linear_generic(reduced, (rank,) * (len(widths) - 1))
    global_ = deep_linear_global(reduced, rank)
    return Truth(*(_lifted(each, widths, directions) for each in (local, global_)))


def _lifted(rlct: RLCT, widths: tuple[int, ...], directions: int) -> RLCT:
    """Return a coefficient with the step from the reduced network to the whole one."""
    free = (widths[0] - directions) * widths[1]
    step = Step(
        "reduction",
        f"inputs span {directions} of {widths[0]} directions: the loss does not depend on {free}"
        f" coordinates of the first layer, and on the others as with inputs of {directions}",
    )
    conditions = f"inputs whose second moment has rank {directions} of {widths[0]}; reduced to the "
    return replace(rlct, conditions=conditions + rlct.conditions, proof=(step, *rlct.proof))


def _tempered(
    weights: Sequence[Array],
    scale: float,
    matrix: Array,
    nbeta: float,
    gamma: float,
    second: Array | None,
    cross: Array | None,
) -> Tempered | None:
    """Return the tempered truth of the exact moments.

    Raises:
        ValueError: If the data are others.
    """
    size = float(np.max(np.abs(matrix)))
    if second is None or not np.allclose(second, matrix, rtol=0.0, atol=SAME * size):
        raise ValueError("the data have another second moment: give those that sample_data returns")
    if cross is not None and float(np.max(np.abs(cross))) > SAME * size:
        raise ValueError("the label noise is not orthogonal to the inputs: give those that"
                         " sample_data returns")  # fmt: skip
    return tempered_of(weights, scale, nbeta, gamma, matrix, None)
