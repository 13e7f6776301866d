"""How much an estimate from one or several runs would change with other label noise.

For ``y = M(w) x + noise`` the label noise enters the loss through its cross moment ``C`` alone.
With ``q`` the excess loss, ``D = M(w) - M(w*)`` and ``f`` a function, at inverse temperature b

``d E_b[f(q)] / d C = 2 scale (b Cov(f, D) - E[f'(q) D])``,  ``Cov(C_ij, C_ik) = sd^2 S_jk / n``.

An estimate is a smooth function of such means, so its derivative is the combination of theirs and
its variance over label noise the quadratic form with that of ``C``, to first order in the noise
(the delta method; twice too large where the estimate is a quadratic form in ``C``, as it nearly is
on a regular model). Mean energies take ``f = q``, their variance ``q`` and ``q^2``, weighted means
exponentials.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from llcbench.problems.squared.regression import Regression, SquaredLoss
from llcbench.problems.squared.response import EVERY, Response
from llcbench.sampling.target import Target
from llcbench.types import Draw

# States of all chains up to this many numbers are all kept; others, every tenth.
SMALL = 2**14
# Numbers in the states that are reduced together.
BLOCK = 2**16
# From the excess loss ``(chains,)`` to functions of it and their derivatives, ``(k, chains)`` each.
Features = Callable[[Tensor], tuple[Tensor, Tensor]]


def energy(excess: Tensor) -> tuple[Tensor, Tensor]:
    """Return the excess itself."""
    return excess[None], torch.ones_like(excess)[None]


def energy_and_square(excess: Tensor) -> tuple[Tensor, Tensor]:
    """Return the excess and its square."""
    values = torch.stack([excess, excess.square()])
    return values, torch.stack([torch.ones_like(excess), 2 * excess])


@final
class LabelNoise:
    """Running means for two halves of the chains, from which derivatives in ``C`` follow.

    The two derivatives have independent Monte Carlo noise.
    """

    def __init__(self, target: Target, features: Features) -> None:
        """Prepare for a target to which `Response` applies."""
        assert isinstance(target.problem, Regression)
        assert isinstance(target.loss, SquaredLoss)
        self._problem, self._loss, self._nbeta = target.problem, target.loss, target.nbeta
        self._features = features
        self._sums: list[list[Tensor]] = []
        self._waiting: list[Tensor] = []
        self._count = 0

    def add(self, theta: Tensor) -> None:
        """Add the current states of all chains."""
        self._waiting.append(theta.clone())
        if len(self._waiting) * theta.numel() >= BLOCK:
            self._reduce()

    def _reduce(self) -> None:
        """Add the states that wait to the sums: many small ones at the price of one."""
        if not self._waiting:
            return
        theta = torch.stack(self._waiting, dim=1)
        half = theta.shape[0] // 2
        new = [self._totals(rows.flatten(0, 1)) for rows in (theta[:half], theta[half:])]
        kept = self._sums or [[torch.zeros_like(part) for part in parts] for parts in new]
        self._sums = [
            [total + part for total, part in zip(*pair, strict=True)]
            for pair in zip(kept, new, strict=True)
        ]
        self._count += len(self._waiting)
        self._waiting = []

    def _totals(self, theta: Tensor) -> list[Tensor]:
        """Return the means of ``f``, ``D``, ``f D`` and ``f' D`` over rows, times their steps."""
        delta = (self._loss.map.value(theta) - self._loss.reference).double()
        excess = self._loss.excess(theta, self._loss.moments).double()
        values, slopes = self._features(excess)
        weight = len(self._waiting) / len(theta)
        with_delta = torch.einsum("kc,cij->kij", values, delta)
        sloped = torch.einsum("kc,cij->kij", slopes, delta)
        return [weight * total for total in (values.sum(1), delta.sum(0), with_delta, sloped)]

    def derivatives(self) -> list[Tensor] | None:
        """Return ``d E[f_k] / d C`` of both halves, ``(k, out, in)``; None without a state."""
        self._reduce()
        if not self._count:
            return None
        found = []
        for sums in self._sums:
            values, delta, with_delta, sloped = (total / self._count for total in sums)
            covariance = with_delta - values[:, None, None] * delta
            found.append(2 * self._problem.scale * (self._nbeta * covariance - sloped))
        return found

    def variance(self, first: Tensor, second: Tensor) -> float:
        """Return the quadratic form of two derivatives with the covariance of ``C``."""
        moments: Any = self._loss.moments
        form = float((first @ moments.second.double() * second).sum())
        return form * self._problem.noise_sd**2 / (self._problem.num_data or 1)


@final
class Heard:
    """A kernel whose states after burn-in are also added to a response.

    All of small ones: Monte Carlo noise of the derivative counts as label noise, so there should
    be little of it. Every tenth of large ones.
    """

    def __init__(self, sampler: Any, response: LabelNoise, num_burnin: int) -> None:
        """Wrap a kernel for one run."""
        self._sampler, self._response = sampler, response
        self._step = -num_burnin

    def __getattr__(self, name: str) -> Any:
        """Return what the kernel itself has."""
        return getattr(self._sampler, name)

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> Any:
        """Start the kernel."""
        return self._sampler.init(theta, target, rng)

    def step(self, state: Any, target: Target, rng: torch.Generator) -> tuple[Any, Draw]:
        """Move the kernel and listen."""
        state, draw = self._sampler.step(state, target, rng)
        every = 1 if draw.theta.numel() <= SMALL else EVERY
        if self._step >= 0 and self._step % every == 0:
            self._response.add(draw.theta)
        self._step += 1
        return state, draw


def response_of(target: Target, features: Features) -> LabelNoise | None:
    """Return the response of a target with label noise, None for others."""
    return LabelNoise(target, features) if Response.applies(target) else None


def standard_error(
    responses: Sequence[LabelNoise | None], gradient: NDArray[np.float64]
) -> float | None:
    """Return the standard error of an estimate from the label noise of its data set.

    The product of the halves' derivatives has no bias from Monte Carlo noise. Where that noise
    makes it negative, the form of the mean derivative is used, which is too large on average.

    Args:
        responses: One per run.
        gradient: Derivative of the estimate in the means of the features, ``(runs, k)``.

    Returns:
        The error; None without label noise, or where its effect is not known.
    """
    halves: list[Any] = [0.0, 0.0]
    for response, row in zip(responses, gradient, strict=True):
        found = response.derivatives() if response is not None else None
        if response is None or found is None:
            return None
        weights = torch.from_numpy(row)
        halves = [
            total + torch.einsum("k,kij->ij", weights, part)
            for total, part in zip(halves, found, strict=True)
        ]
    any_response = responses[0]
    assert any_response is not None
    variance = any_response.variance(*halves)
    if variance <= 0:
        pooled = (halves[0] + halves[1]) / 2
        variance = any_response.variance(pooled, pooled)
    return math.sqrt(variance) if math.isfinite(variance) else None
