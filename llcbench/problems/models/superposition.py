"""The toy model of superposition at its polygons."""

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import torch
from torch import Tensor

from llcbench.problems.models.assemble import check_size, model_problem
from llcbench.problems.models.likelihood import Array, Likelihood
from theory.families import tms_kgon

_Dead = Literal["negative", "one_over_2c"] | None


@final
@dataclass(frozen=True)
class Superposition:
    """Loss ``|x - relu(W^T W x + b)|^2`` of inputs with one active feature, uniform on [0, 1].

    W is 2 x c; parameters W row by row, then b. The reference point is a local minimum of positive
    loss, so that the loss above it is what counts.

    An observation is an input. In population it is a feature, marked by an additional last entry,
    over whose amplitude the loss is integrated in closed form.

    Attributes:
        corners: Corners k of the polygon.
        columns: Features c.
        dead: Kind of the features beyond the corners, which have no weight.
    """

    corners: int
    columns: int
    dead: _Dead = None

    @property
    def dim(self) -> int:
        """``3 c``."""
        return 3 * self.columns

    def point(self) -> Array:
        """Return the regular polygon with the critical length and bias."""
        square, bias = _critical(self.corners)
        angles = 2 * np.pi * np.arange(self.corners) / self.corners
        weights = np.zeros((2, self.columns))
        weights[:, : self.corners] = square**0.5 * np.stack([np.cos(angles), np.sin(angles)])
        rest = -0.5 if self.dead == "negative" else 1 / (2 * self.columns)
        spare = np.full(self.columns - self.corners, rest)
        return np.concatenate([weights.ravel(), np.full(self.corners, bias), spare])

    def log_density(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return minus the squared error, of an input or on average over a feature's amplitude."""
        weights = theta[:, : 2 * self.columns].reshape(-1, 2, self.columns)
        bias = theta[:, None, 2 * self.columns :]
        inputs = x[..., : self.columns]
        slopes = (inputs @ weights.mT) @ weights
        if x.shape[-1] == self.columns:
            return -(inputs - torch.relu(slopes + bias)).square().sum(2)
        squares, moments = amplitude_means(slopes, bias)
        return 2 * (moments * inputs).sum(2) - squares.sum(2) - 1 / 3

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Return every feature, marked."""
        rows = torch.cat([torch.eye(self.columns), torch.ones(self.columns, 1)], dim=1).double()
        return rows, rows.new_full((self.columns,), 1 / self.columns)

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw a feature and its amplitude."""
        active = torch.randint(self.columns, (count,), generator=rng)
        size = torch.rand(count, 1, generator=rng, dtype=torch.float64)
        return torch.eye(self.columns, dtype=torch.float64)[active] * size


def amplitude_means(slope: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return the integrals of ``relu(g u + b)^2`` and ``u relu(g u + b)`` over u in [0, 1].

    With the values p, q >= 0 of the relu at both ends and s the part of [0, 1] where it is active:
    ``s (p^2 + p q + q^2)/3`` and ``s q (1/2 - s/6) + s^2 p/6``; nothing is divided by the slope.
    """
    start, end = bias.expand_as(slope), slope + bias
    p, q = torch.relu(start), torch.relu(end)
    mixed = start * end < 0
    length = torch.where(mixed, start.abs() + end.abs(), torch.ones_like(start))
    s = torch.where(mixed, (p + q) / length, torch.ones_like(start))
    return s * (p * p + p * q + q * q) / 3, s * q * (0.5 - s / 6) + s * s * p / 6


def _critical(corners: int) -> tuple[float, float]:
    """Return squared length G and bias b that minimise the loss over regular polygons."""
    if corners == 4:
        # Neighbours are orthogonal and opposite corners inactive: the loss is zero.
        return 1.0, 0.0
    angles = 2 * np.pi * np.arange(corners) / corners
    cosines = torch.from_numpy(np.cos(angles))

    def loss(w: Tensor) -> Tensor:
        squares, moments = amplitude_means(w[0] * cosines, w[1])
        return squares.sum() - 2 * moments[0]

    def gradient(at: Array) -> Array:
        w = torch.from_numpy(at).requires_grad_(True)
        return np.asarray(torch.autograd.grad(loss(w), w)[0])

    lengths = np.array([1.4 + 0.25 * (corners - 5), -0.3 * (corners - 4)])
    for _ in range(100):
        slope = gradient(lengths)
        if np.abs(slope).max() < 1e-15:
            break
        # Differences will do: the Hessian only says where to go, and its own gradient would import
        # the compiler of torch, which takes seconds.
        rows = [(gradient(lengths + h) - gradient(lengths - h)) / 2e-5 for h in 1e-5 * np.eye(2)]
        sizes, axes = np.linalg.eigh(np.stack(rows))
        # Newton's step downhill; far from the minimum it is cut, near it the curvature is positive.
        step = axes @ ((axes.T @ slope) / np.abs(sizes))
        lengths = lengths - step * min(1.0, 0.1 / float(np.linalg.norm(step)))
    return float(lengths[0]), float(lengths[1])


def _kgon(identifier: str, corners: int, columns: int, kind: str = "") -> Likelihood:
    dead: _Dead = None
    if columns > corners:
        dead = "one_over_2c" if kind == "positive" else "negative"
    elif kind:
        raise ValueError(f"{identifier!r}: without dead features {kind!r} has no meaning")
    check_size(identifier, columns, corners, 12)
    tms_kgon(corners, columns, dead)
    model = Superposition(corners, columns, dead)
    return model_problem(
        identifier, model, lambda: tms_kgon(corners, columns, dead),
        "over the minima near this polygon, which differ by a rotation and by dead features; other"
        " critical points have other losses and are no zeros of the loss above this one",
        f"L = E|x - relu(W^T W x + b)|^2, one of {columns} features active, {corners}-gon in R^2",
        "A local minimum of positive loss: rotation is flat, dead features may be, kinks are near.",
        point=model.point(),
    )  # fmt: skip


MAKERS = {r"tms-(\d+)-(\d+)(?:-(positive|negative))?": _kgon}
NAMED = ("tms-4-4", "tms-5-5", "tms-5-6", "tms-5-6-positive", "tms-6-6")
