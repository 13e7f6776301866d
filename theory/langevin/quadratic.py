"""Exact stationary distributions of linear samplers on quadratics, with noise of minibatches.

A step of SGLD, SGHMC, BAOAB or Leimkuhler-Matthews on a quadratic loss is
``z' = A_B z + b_B + noise`` with z the parameters (and velocities, or the last noise) about ``w*``
and A, b random through the minibatch B alone, which is independent of z. Mean and second moment of
z then solve linear equations.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Matrix = NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuadraticData:
    """Gradients of a quadratic loss on single samples, ``g_i(w) = S_i (w - w*) - c_i``.

    Attributes:
        curvatures: ``S_i``, shape ``(n, d, d)``.
        offsets: ``c_i``, shape ``(n, d)``.
    """

    curvatures: Matrix
    offsets: Matrix

    @classmethod
    def regression(cls, inputs: ArrayLike, noise: ArrayLike, scale: float = 0.5) -> "QuadraticData":
        """Return the data of ``scale * mean (y_i - w.x_i)^2``, ``y_i = w*.x_i + noise_i``.

        Args:
            inputs: ``x_i``, shape ``(n, d)``.
            noise: ``(n,)``.
            scale: Factor of the squared error.
        """
        x, e = np.asarray(inputs, dtype=float), np.asarray(noise, dtype=float)
        return cls(
            curvatures=2 * scale * x[:, :, None] * x[:, None, :],
            offsets=2 * scale * x * e[:, None],
        )

    @property
    def dim(self) -> int:
        """Return the number of parameters."""
        return int(self.curvatures.shape[1])

    def without_noise_at_the_reference(self) -> "QuadraticData":
        """Return the gradients with the control variate at ``w*``: every offset is the mean one."""
        mean = np.broadcast_to(self.offsets.mean(0), self.offsets.shape)
        return QuadraticData(curvatures=self.curvatures, offsets=mean.copy())


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AffineStep:
    """One step ``z' = drift z + force (nbeta g_B + gamma (w - w*)) + noise``; z starts with w - w*.

    Attributes:
        drift: ``(k, k)``.
        force: ``(k, d)``.
        noise: Covariance of the injected noise, ``(k, k)``.
    """

    drift: Matrix
    force: Matrix
    noise: Matrix


def sgld(dim: int, step_size: float) -> AffineStep:
    """Return ``w' = w - eps/2 G + sqrt(eps) xi``."""
    eye = np.eye(dim)
    return AffineStep(drift=eye, force=-0.5 * step_size * eye, noise=step_size * eye)


def leimkuhler_matthews(dim: int, step_size: float) -> AffineStep:
    """Return ``w' = w - eps/2 G + sqrt(eps) (xi + xi') / 2``; z is w with the last noise ``xi``."""
    eye, zero = np.eye(dim), np.zeros((dim, dim))
    share = 0.5 * step_size**0.5
    return AffineStep(
        drift=np.block([[eye, share * eye], [zero, zero]]),
        force=np.vstack([-0.5 * step_size * eye, zero]),
        noise=np.block([[share * share * eye, share * eye], [share * eye, eye]]),
    )


def sghmc(dim: int, step_size: float, friction: float) -> AffineStep:
    """Return ``v' = (1 - f) v - eps/2 G + sqrt(f eps) xi``, ``w' = w + v'`` as one step."""
    eye, zero = np.eye(dim), np.zeros((dim, dim))
    keep = (1 - friction) * eye
    push = -0.5 * step_size * eye
    heat = friction * step_size * eye
    return AffineStep(
        drift=np.block([[eye, keep], [zero, keep]]),
        force=np.vstack([push, push]),
        noise=np.block([[heat, heat], [heat, heat]]),
    )


def baoab(dim: int, step_size: float, friction: float) -> AffineStep:
    """Return a step of BAOAB, both half kicks at the same place and on the same minibatch."""
    eye, zero = np.eye(dim), np.zeros((dim, dim))
    h, keep = step_size**0.5, float(np.exp(-friction))
    # After kick, drift, friction, drift: w + h/2 (1 + c) p and c p, with p = p_0 - h G.
    move = 0.5 * h * (1 + keep)
    heat = 1 - keep * keep
    return AffineStep(
        drift=np.block([[eye, move * eye], [zero, keep * eye]]),
        force=np.vstack([-h * move * eye, -h * keep * eye]),
        noise=heat * np.block([[0.25 * h * h * eye, 0.5 * h * eye], [0.5 * h * eye, eye]]),
    )


def estimate(
    kernel: AffineStep,
    data: QuadraticData,
    nbeta: float,
    gamma: float,
    batch_size: int | None = None,
) -> float:
    """Return the stationary ``nbeta E[L_n(w) - L_n(w*)]`` of a sampler on a quadratic.

    With ``A_B`` the mean of b single-sample matrices drawn with replacement,
    ``E[A_B M A_B^T] = (1 - 1/b) A M A^T + (1/b) mean_i A_i M A_i^T``, and the same for offsets;
    the second moment solves a linear system of the squared size of z.

    Args:
        kernel: The step.
        data: Gradients of single samples.
        nbeta: Inverse temperature.
        gamma: Localisation.
        batch_size: Samples in a minibatch, drawn with replacement; None for full gradients.

    Returns:
        The estimate; infinite where the second moment has no stationary value.

    Source: Moments of a random linear recursion (as in Vervaat 1979), three lines.
    """
    size, d = kernel.drift.shape[0], data.dim
    pick = np.eye(d, size)
    force = kernel.force
    steps = kernel.drift + force @ (
        nbeta * data.curvatures @ pick + gamma * np.broadcast_to(pick, (len(data.offsets), d, size))
    )
    pushes = -nbeta * data.offsets @ force.T
    # The first entry of the augmented state is 1, so that offsets are part of the matrix.
    whole = np.zeros((len(steps), size + 1, size + 1))
    whole[:, 0, 0] = 1.0
    whole[:, 1:, 1:], whole[:, 1:, 0] = steps, pushes
    mean = whole.mean(0)
    operator = np.kron(mean, mean)
    if batch_size is not None:
        single = np.einsum("nij,nkl->ikjl", whole, whole).reshape(operator.shape) / len(whole)
        operator = operator + (single - operator) / batch_size
    inner = np.setdiff1d(np.arange((size + 1) ** 2), [0])
    core = operator[np.ix_(inner, inner)]
    if np.abs(np.linalg.eigvals(core)).max() >= 1.0:
        return float("inf")
    heat = np.zeros((size + 1, size + 1))
    heat[1:, 1:] = kernel.noise
    source = heat.ravel()[inner] + operator[inner, 0]
    moments = np.concatenate([[1.0], np.linalg.solve(np.eye(len(inner)) - core, source)])
    table = moments.reshape(size + 1, size + 1)
    first, second = table[1 : d + 1, 0], table[1 : d + 1, 1 : d + 1]
    curvature, offset = data.curvatures.mean(0), data.offsets.mean(0)
    return float(nbeta * (0.5 * np.trace(curvature @ second) - offset @ first))
