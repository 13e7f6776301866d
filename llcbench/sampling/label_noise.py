"""Derivatives of the means of a run in the label noise of its data set.

For ``y = M(w) x + noise`` the label noise enters the loss through its cross moment C alone, one for
each data set. The excess loss q is linear in it, ``dq/dC = u = -2 weight D`` with ``D = M(w) -
M(w*)``, so that at inverse temperature b every mean has

``d E_b[X] / d C_c = E[d X / d C_c] - b Cov(X, u_c)``.

Twice applied to ``X = f(q)`` for a function f, with K3 the third central moment, this is

``g_a  = E[f' u_a] - b Cov(f, u_a)``,
``H_ac = E[f'' u_a u_c] - b Cov(f' u_a, u_c) - b Cov(f' u_c, u_a) + b^2 K3(f, u_a, u_c)``,

with a and c entries of the same C or of two. Mean energies take ``f = q``, their variance ``q`` and
``q^2``, weighted means exponentials. Two halves of the chains give two independent g and H.
`llcbench.sampling.label_noise_error` makes an error of them.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, final

import torch
from torch import Tensor

from llcbench.sampling import sampler_abilities
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
# Products of all pairs of entries of every C are summed up to so many entries: at most one or two
# percent of a step of 64 chains, and 4 % from 64 entries on.
PAIRED = 36


class FeatureValues(NamedTuple):
    """Functions f of the excess loss, each array with a leading axis ``k`` for the functions.

    Attributes:
        values: ``f``.
        slopes: ``f'``; None where all are 1.
        curvatures: ``f''``; None where all are 0.
    """

    values: Tensor
    slopes: Tensor | None = None
    curvatures: Tensor | None = None

    def of_chains(self, chains: slice) -> "FeatureValues":
        """Return those of some chains, of arrays ``(k, states, chains)``."""
        values, slopes, curvatures = self
        return FeatureValues(
            values[:, :, chains],
            None if slopes is None else slopes[:, :, chains],
            None if curvatures is None else curvatures[:, :, chains],
        )


Features = Callable[[Tensor], FeatureValues]


def energy(excess: Tensor) -> FeatureValues:
    """Return the excess itself."""
    return FeatureValues(excess[None])


def energy_and_square(excess: Tensor) -> FeatureValues:
    """Return the excess and its square."""
    one = torch.ones_like(excess)
    return FeatureValues(
        values=torch.stack([excess, excess.square()]),
        slopes=torch.stack([one, 2 * excess]),
        curvatures=torch.stack([torch.zeros_like(excess), 2 * one]),
    )


class Sums(NamedTuple):
    """What one half of the chains has added up: means over chains, summed over states.

    Attributes:
        values: ``f``, ``(k,)``.
        deltas: ``D`` of every source, ``(out, in)``.
        with_deltas: ``f D`` of every source, ``(k, out, in)``.
        sloped: ``f' D`` likewise; empty where that is ``D``.
        pairs: ``d d^T`` and, for every function, ``(f'' - 2 b f' + b^2 f) d d^T``, with d all
            entries of every D, one ``(K, (1 + k) K)``; empty for more than `PAIRED` entries.
    """

    values: Tensor
    deltas: list[Tensor]
    with_deltas: list[Tensor]
    sloped: list[Tensor]
    pairs: list[Tensor]


class Derivatives(NamedTuple):
    """Derivatives of functions of C.

    Attributes:
        first: In every C, ``(k, out, in)``.
        second: In all pairs of entries of all of them, ``(k, K, K)``; None where it is not known.
    """

    first: list[Tensor]
    second: Tensor | None


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
        features = self._features(excess.double().view(states, chains))
        deltas = tuple(delta.view(states, chains, *delta.shape[1:]) for delta in deltas)
        if not self._sums:
            # Sums that are made in inference mode could not be added to outside of it.
            with torch.inference_mode(False):
                self._sums = [_zeros(features, deltas) for _ in range(2)]
        half = chains // 2
        for sums, rows in zip(self._sums, (slice(0, half), slice(half, None)), strict=True):
            self._add(sums, features.of_chains(rows), [delta[:, rows] for delta in deltas])
        self._count += states

    def _add(self, sums: Sums, features: FeatureValues, deltas: list[Tensor]) -> None:
        """Add means over the chains of a half, ``(k, states, chains)``, summed over states."""
        values, slopes, _ = features
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
        for total in sums.pairs:
            rows = torch.cat([delta.flatten(2) for delta in deltas], 2).flatten(0, 1).double()
            weights = self._weights(features).flatten(1)[:, :, None]
            columns = torch.cat([rows, *(weights * rows)], 1)
            total.addmm_(rows.mT, columns, alpha=each)

    def _weights(self, features: FeatureValues) -> Tensor:
        """Return ``f'' - 2 b f' + b^2 f``, the factors of products of entries of D."""
        values, slopes, curvatures = features
        b = self._nbeta
        weights = b**2 * values - 2 * b * (1 if slopes is None else slopes)
        return weights if curvatures is None else weights + curvatures

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

    def fits(self, state: dict[str, Any]) -> bool:
        """Return whether a state has the sums that `restore` goes on from."""
        return all(set(half) == set(Sums._fields) for half in state["sums"])

    def derivatives(self) -> list[Derivatives] | None:
        """Return the derivatives of the means of all features from each of two halves.

        Returns:
            None before the first state.
        """
        self._gather()
        if not self._count:
            return None
        return [self._derivatives(sums) for sums in self._sums]

    def _derivatives(self, sums: Sums) -> Derivatives:
        means = _mapped(lambda total: total / self._count, sums)
        b, values = self._nbeta, means.values[:, None, None]
        first, slopes = [], []
        for s, source in enumerate(self.sources):
            delta, product = means.deltas[s], means.with_deltas[s]
            slope = means.sloped[s] if means.sloped else delta.expand_as(product)
            first.append(2 * source.weight * (b * (product - values * delta) - slope))
            slopes.append(slope)
        if not means.pairs:
            return Derivatives(first, None)
        # As in the formula of the module, with the means of products and the products of means.
        (pairs,) = means.pairs
        plain, *weighted = pairs.view(len(pairs), -1, len(pairs)).unbind(1)
        mean = flat(means.deltas)
        pulled = b * flat(slopes) - b**2 * (flat(means.with_deltas) - values[:, 0] * mean)
        outer = pulled[:, :, None] * mean
        second = torch.stack(weighted) - b**2 * values * plain + outer + outer.mT
        weight = torch.cat(
            [delta.new_full((delta.numel(),), 2 * source.weight)
             for source, delta in zip(self.sources, means.deltas, strict=True)]
        )  # fmt: skip
        return Derivatives(first, weight[:, None] * second * weight)


def label_noise_of(
    target: Target, features: Features = energy, *, dense: bool = False
) -> LabelNoise | None:
    """Return what measures the effect of the label noise; None where it is none or not known."""
    sources = noise_sources(target.loss)
    if not sources or target.num_chains < 2:
        return None
    return LabelNoise(target, sources, features, dense=dense)


@final
class RecordingSampler:
    """A kernel whose states after burn-in are also added to the sums of `LabelNoise`."""

    def __init__(self, sampler: AnySampler, label_noise: LabelNoise, num_burnin: int) -> None:
        """Wrap a kernel for one run."""
        self._sampler = sampler_abilities.adapting_within(sampler, num_burnin)
        self._label_noise = label_noise
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


def _zeros(features: FeatureValues, deltas: tuple[Tensor, ...]) -> Sums:
    """Return sums of nothing, in double precision."""
    count = len(features.values)
    each = [torch.zeros(d.shape[2:], dtype=torch.float64, device=d.device) for d in deltas]
    many = [total.new_zeros(count, *total.shape) for total in each]
    sloped = [] if features.slopes is None else [torch.zeros_like(total) for total in many]
    entries = sum(total.numel() for total in each)
    pairs = [each[0].new_zeros(entries, (1 + count) * entries)] if entries <= PAIRED else []
    return Sums(each[0].new_zeros(count), each, many, sloped, pairs)


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


def flat(parts: Sequence[Tensor]) -> Tensor:
    """Return the matrices ``(..., out, in)`` of all sources as one row, ``(..., K)``."""
    return torch.cat([part.flatten(-2) for part in parts], -1)
