"""How much an estimate would change with other label noise, from runs on one data set.

For ``y = M(w) x + noise`` the label noise of a data set enters the loss through its cross moment
``C`` alone. With ``q`` the excess loss, ``D = M(w) - M(w*)`` and ``f`` a function, at inverse
temperature b

``d E_b[f(q)] / d C = 2 weight (b Cov(f, D) - E[f'(q) D])``,  ``Cov(C_ij, C_ik) = sd^2 S_jk / n``.

An estimate is a smooth function of such means, so its derivative is the combination of theirs and
its variance over label noise the quadratic form with that of ``C``, to first order in the noise
(the delta method; twice too large where the estimate is a quadratic form in ``C``, as it nearly is
on a regular model). A sum of losses has a ``C`` for each of its data sets; they are independent, so
the variances add. Mean energies take ``f = q``, their variance ``q`` and ``q^2``, weighted means
exponentials.

Two halves of the chains give two independent derivatives; their product has no bias from Monte
Carlo noise. Where that noise makes the variance negative, the form of the mean derivative is used
instead, which is never negative and too large on average.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from llcbench.sampling.loss_abilities import excess_and_deltas, noise_sources
from llcbench.sampling.target import AnySampler, Target
from llcbench.types import Draw, NoiseSource

# Every tenth state is looked at; of large networks, where that takes half a step, every fortieth:
# one or two percent of the time.
EVERY, EVERY_LARGE = 10, 40
# States whose sums are formed at once, as far as they are small.
TOGETHER = 16
SMALL = 2**16
# Where every state counts: up to so many numbers in the states of all chains, and the numbers that
# are reduced together.
EACH = 2**14
BLOCK = 2**16


# From the excess loss to functions of it and their derivatives, each with a leading axis ``k``;
# None for derivatives that are all 1.
Features = Callable[[Tensor], tuple[Tensor, Tensor | None]]


def energy(excess: Tensor) -> tuple[Tensor, Tensor | None]:
    """Return the excess itself."""
    return excess[None], None


def energy_and_square(excess: Tensor) -> tuple[Tensor, Tensor | None]:
    """Return the excess and its square."""
    values = torch.stack([excess, excess.square()])
    return values, torch.stack([torch.ones_like(excess), 2 * excess])


class Sums(NamedTuple):
    """What one half of the chains has added up: means over chains, summed over states.

    Attributes:
        values: ``f``, ``(k,)``.
        deltas: ``D`` of every source, ``(out, in)``.
        with_deltas: ``f D`` of every source, ``(k, out, in)``.
        sloped: ``f' D`` likewise; empty where that is ``D``.
    """

    values: Tensor
    deltas: list[Tensor]
    with_deltas: list[Tensor]
    sloped: list[Tensor]


@final
class LabelNoise:
    """Running sums for two halves of the chains, from which derivatives in ``C`` follow.

    Attributes:
        every: Of so many states one is to be added.
    """

    def __init__(
        self,
        target: Target,
        sources: tuple[NoiseSource, ...],
        features: Features = energy,
        *,
        dense: bool = False,
    ) -> None:
        """Prepare for a target; see `label_noise_of`.

        Args:
            target: What is sampled, by at least 2 chains.
            sources: Its independent label noise.
            features: Functions of the excess loss whose means an estimate is made of.
            dense: Take all states of small chains. Monte Carlo noise of the derivative counts as
                label noise, which estimates that differ from a mean have little room for.
        """
        self._loss, self._nbeta, self.sources = target.loss, target.nbeta, sources
        self._features = features
        numbers = target.num_chains * target.dim
        self._small = numbers <= SMALL
        self._together = max(1, -(-BLOCK // numbers)) if dense else TOGETHER
        self.every = EVERY if self._small or dense else EVERY_LARGE
        if dense and numbers <= EACH:
            self.every = 1
        self._sums: list[Sums] = []
        self._count = 0
        self._waiting: list[Tensor] = []

    def add(self, theta: Tensor) -> None:
        """Add the current states of all chains."""
        self._waiting.append(theta.clone() if self._small else theta)
        if not self._small or len(self._waiting) == self._together:
            self._gather()

    def _gather(self) -> None:
        """Add the states that wait to the sums."""
        if not self._waiting:
            return
        states, chains = len(self._waiting), self._waiting[0].shape[0]
        theta = torch.cat(self._waiting) if states > 1 else self._waiting[0]
        self._waiting = []
        excess, deltas = excess_and_deltas(self._loss, theta)
        values, slopes = self._features(excess.double().view(states, chains))
        deltas = tuple(delta.view(states, chains, *delta.shape[1:]) for delta in deltas)
        if not self._sums:
            # Sums that are made in inference mode could not be added to outside of it.
            with torch.inference_mode(False):
                self._sums = [_zeros(values, slopes, deltas) for _ in range(2)]
        half = chains // 2
        for sums, rows in zip(self._sums, (slice(0, half), slice(half, None)), strict=True):
            own = None if slopes is None else slopes[:, :, rows]
            self._add(sums, values[:, :, rows], own, [delta[:, rows] for delta in deltas])
        self._count += states

    def _add(self, sums: Sums, values: Tensor, slopes: Tensor | None, deltas: list[Tensor]) -> None:
        """Add means over the chains of a half, ``(k, states, chains)``, summed over states."""
        each = 1 / values.shape[2]
        for total, value in zip(sums.values, values, strict=True):
            total.add_(each * value.sum())
        product = _product if self._small else _product_of_large
        for s, delta in enumerate(deltas):
            wide = delta.double() if self._small else delta
            product(sums.deltas[s], each, None, wide)
            for total, value in zip(sums.with_deltas[s], values, strict=True):
                product(total, each, value, wide)
            if slopes is not None:
                for total, slope in zip(sums.sloped[s], slopes, strict=True):
                    product(total, each, slope, wide)

    def state(self) -> dict[str, Any]:
        """Return the sums so far, to be restored in another process."""
        # States that wait go along: sums in another order would not be the same to the bit.
        return {
            "sums": [_mapped(torch.clone, half)._asdict() for half in self._sums],
            "count": self._count,
            "waiting": list(self._waiting),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from the sums of another process."""
        self._sums = [_mapped(torch.clone, Sums(**half)) for half in state["sums"]]
        self._count = state["count"]
        self._waiting = [theta.clone() for theta in state["waiting"]]

    def derivatives(self, gradient: Sequence[float]) -> list[list[Tensor]] | None:
        """Return the derivative in every C of a combination of the means of the features.

        Args:
            gradient: Weights of the features, ``(k,)``.

        Returns:
            ``(out, in)`` for each of two halves and every source; None before the first state.
        """
        self._gather()
        if not self._count:
            return None
        return [self._derivative(sums, gradient) for sums in self._sums]

    def _derivative(self, sums: Sums, gradient: Sequence[float]) -> list[Tensor]:
        values, deltas, with_deltas, sloped = _mapped(lambda total: total / self._count, sums)
        derivatives = []
        for s, source in enumerate(self.sources):
            slopes = sloped[s] if sloped else deltas[s].expand_as(with_deltas[s])
            parts = [
                2 * source.weight * share * (self._nbeta * (product - value * deltas[s]) - slope)
                for share, value, product, slope in zip(
                    gradient, values, with_deltas[s], slopes, strict=True
                )
            ]
            derivatives.append(sum(parts[1:], start=parts[0]))
        return derivatives


def label_noise_of(
    target: Target, features: Features = energy, *, dense: bool = False
) -> LabelNoise | None:
    """Return what measures the effect of the label noise; None where it is none or not known."""
    sources = noise_sources(target.loss)
    if not sources or target.num_chains < 2:
        return None
    return LabelNoise(target, sources, features, dense=dense)


def standard_error(
    responses: Sequence[LabelNoise | None], gradient: NDArray[np.float64]
) -> float | None:
    """Return the standard error of an estimate from the label noise of its data set.

    Args:
        responses: One per run on the same data set.
        gradient: Derivative of the estimate in the means of the features, ``(runs, k)``.

    Returns:
        The error; None without label noise, or where its effect is not known.
    """
    halves: list[list[Tensor]] = []
    sources: tuple[NoiseSource, ...] = ()
    for response, row in zip(responses, gradient.tolist(), strict=True):
        derivatives = response.derivatives(row) if response is not None else None
        if response is None or derivatives is None:
            return None
        sources = response.sources
        halves = [
            [total + part for total, part in zip(*pair, strict=True)]
            for pair in zip(halves, derivatives, strict=True)
        ] if halves else derivatives  # fmt: skip
    variance = _variance(sources, *halves)
    if variance <= 0:
        pooled = [(first + second) / 2 for first, second in zip(*halves, strict=True)]
        variance = _variance(sources, pooled, pooled)
    return math.sqrt(variance) if math.isfinite(variance) else None


def _variance(sources: tuple[NoiseSource, ...], first: list[Tensor], second: list[Tensor]) -> float:
    """Return the quadratic form of two derivatives with the covariance of every ``C``."""
    total = 0.0
    for source, one, two in zip(sources, first, second, strict=True):
        form = float((one @ source.second.double() * two).sum())
        total += form * source.sd**2 / source.num_data
    return total


@final
class RecordingSampler:
    """A kernel whose states after burn-in are also added to the sums of `LabelNoise`."""

    def __init__(self, sampler: AnySampler, label_noise: LabelNoise, num_burnin: int) -> None:
        """Wrap a kernel for one run."""
        self._sampler, self._label_noise = sampler, label_noise
        self._step = -num_burnin

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> Any:
        """Start the kernel."""
        return self._sampler.init(theta, target, rng)

    def step(self, state: Any, target: Target, rng: torch.Generator) -> tuple[Any, Draw]:
        """Move the kernel and record."""
        state, draw = self._sampler.step(state, target, rng)
        if self._step >= 0 and self._step % self._label_noise.every == 0:
            self._label_noise.add(draw.theta)
        self._step += 1
        return state, draw


def _zeros(values: Tensor, slopes: Tensor | None, deltas: tuple[Tensor, ...]) -> Sums:
    """Return sums of nothing, in double precision."""
    count = len(values)
    each = [torch.zeros(d.shape[2:], dtype=torch.float64, device=d.device) for d in deltas]
    many = [total.new_zeros(count, *total.shape) for total in each]
    sloped = [] if slopes is None else [torch.zeros_like(total) for total in many]
    return Sums(each[0].new_zeros(count), each, many, sloped)


def _product(total: Tensor, each: float, factors: Tensor | None, delta: Tensor) -> None:
    """Add ``each`` times the sum of some factors times D, ``(states, chains, out, in)``."""
    product = delta if factors is None else factors[:, :, None, None] * delta
    total.add_(each * product.sum((0, 1)))


def _product_of_large(total: Tensor, each: float, factors: Tensor | None, delta: Tensor) -> None:
    """Do the same in one pass each, without copies of the size of a large map."""
    count = delta.shape[0] * delta.shape[1]
    weights = [1.0] * count if factors is None else factors.flatten().tolist()
    for weight, one in zip(weights, delta.flatten(0, 1), strict=True):
        total.add_(one, alpha=each * weight)


def _mapped(function: Callable[[Tensor], Tensor], sums: Sums) -> Sums:
    values, *rows = sums
    return Sums(function(values), *([function(part) for part in row] for row in rows))
