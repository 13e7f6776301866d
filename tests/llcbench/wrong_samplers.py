"""Deliberately wrong samplers: what the gates and the conformance kit must reject."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from llcbench.problems.squared.batches import Samples
from llcbench.samplers.exact import Exact
from llcbench.samplers.metropolis import Place, accepts, selected
from llcbench.sampling.target import Target
from llcbench.types import BudgetExceeded, Draw


def move(
    theta: Tensor,
    target: Target,
    rng: torch.Generator,
    step_size: float,
    *,
    noise: float = 1.0,
    nbeta: float = 1.0,
    gamma: float = 1.0,
    drift: float = 1.0,
) -> tuple[Tensor, Draw]:
    """One Langevin step with a factor at every place where one can go wrong."""
    loss, grad = target.loss_and_grad(theta)
    force = nbeta * target.nbeta * grad + gamma * target.gamma * (theta - target.w_star)
    xi = torch.empty_like(theta).normal_(generator=rng)
    new = theta - 0.5 * step_size * drift * force + noise * step_size**0.5 * xi
    return new, Draw(new, loss)


@dataclass(frozen=True)
class Wrong:
    step_size: float = 1e-3

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> Any:
        return theta


@dataclass(frozen=True)
class Sound(Wrong):
    """Nothing wrong: the control of the controls."""

    def step(self, state, target, rng):
        return move(state, target, rng, self.step_size)


@dataclass(frozen=True)
class NoiseTooLarge(Wrong):
    def step(self, state, target, rng):
        return move(state, target, rng, self.step_size, noise=1.3)


@dataclass(frozen=True)
class GammaDropped(Wrong):
    def step(self, state, target, rng):
        return move(state, target, rng, self.step_size, gamma=0.0)


@dataclass(frozen=True)
class NbetaDoubled(Wrong):
    def step(self, state, target, rng):
        return move(state, target, rng, self.step_size, nbeta=2.0)


@dataclass(frozen=True)
class DriftDoubled(Wrong):
    """The other convention, ``w - eps grad U + sqrt(eps) xi``: half the temperature."""

    def step(self, state, target, rng):
        return move(state, target, rng, self.step_size, drift=2.0)


@dataclass(frozen=True)
class NbetaInLoss(Wrong):
    """Records ``nbeta L`` for L."""

    def step(self, state, target, rng):
        state, draw = move(state, target, rng, self.step_size)
        return state, draw._replace(loss=draw.loss * target.nbeta)


@dataclass(frozen=True)
class BiasThatStays(Wrong):
    """Right drift and noise, with a loss that is a quarter too large at any step size."""

    def step(self, state, target, rng):
        state, draw = move(state, target, rng, self.step_size)
        return state, draw._replace(loss=1.25 * draw.loss)


@dataclass(frozen=True)
class StartsFarAway(Sound):
    """Right steps from a start that only a burn-in forgives."""

    def init(self, theta, target, rng):
        return theta + 1.0


@dataclass(frozen=True)
class SharedNoise(Wrong):
    def step(self, state, target, rng):
        loss, grad = target.loss_and_grad(state)
        force = target.nbeta * grad + target.gamma * (state - target.w_star)
        xi = torch.empty_like(state[:1]).normal_(generator=rng)
        new = state - 0.5 * self.step_size * force + self.step_size**0.5 * xi
        return new, Draw(new, loss)


@dataclass(frozen=True)
class PooledDrift(Wrong):
    """Normalises by a statistic of all chains."""

    def step(self, state, target, rng):
        loss, grad = target.loss_and_grad(state)
        force = target.nbeta * grad + target.gamma * (state - target.w_star)
        force = force / (1 + 1e-3 * force.norm())
        xi = torch.empty_like(state).normal_(generator=rng)
        new = state - 0.5 * self.step_size * force + self.step_size**0.5 * xi
        return new, Draw(new, loss)


@dataclass(frozen=True)
class GlobalNoise(Wrong):
    def step(self, state, target, rng):
        loss, grad = target.loss_and_grad(state)
        force = target.nbeta * grad + target.gamma * (state - target.w_star)
        new = state - 0.5 * self.step_size * force + self.step_size**0.5 * torch.randn_like(state)
        return new, Draw(new, loss)


@dataclass(frozen=True)
class SeedsGlobally(Wrong):
    def init(self, theta, target, rng):
        torch.manual_seed(0)
        return theta

    def step(self, state, target, rng):
        return move(state, target, rng, self.step_size)


@dataclass(frozen=True)
class FixedSeed(Wrong):
    """The same noise whatever generator is given."""

    def init(self, theta, target, rng):
        return theta, torch.Generator().manual_seed(0)

    def step(self, state, target, rng):
        theta, own = state
        theta, draw = move(theta, target, own, self.step_size)
        return (theta, own), draw


@dataclass(frozen=True)
class MovesReference(Wrong):
    """Steps in place on the reference point."""

    def init(self, theta, target, rng):
        return theta, target.w_star

    def step(self, state, target, rng):
        theta, point = state
        theta, draw = move(theta, target, rng, self.step_size)
        point.add_(0.01 * (theta[0] - point))
        return (theta, point), draw


@dataclass(frozen=True)
class SharedBatch(Wrong):
    """Gives all chains the minibatch of chain 0, and puts the right one back."""

    def step(self, state, target, rng):
        kept = target.batch
        if isinstance(kept, Samples):
            target.batch = Samples(*(None if t is None else t[:1].expand_as(t) for t in kept))
        state, draw = move(state, target, rng, self.step_size)
        target.batch = kept
        return state, draw


@dataclass(frozen=True)
class KeepsFirstBatch(Wrong):
    def init(self, theta, target, rng):
        return theta, Samples(*target.batch) if isinstance(target.batch, Samples) else target.batch

    def step(self, state, target, rng):
        theta, target.batch = state
        theta, draw = move(theta, target, rng, self.step_size)
        return (theta, target.batch), draw


@dataclass(frozen=True)
class ScalesBatchInPlace(Wrong):
    def step(self, state, target, rng):
        if isinstance(target.batch, Samples):
            target.batch.inputs.mul_(0.5)
        return move(state, target, rng, self.step_size)


@dataclass(frozen=True)
class HidesGradients(Wrong):
    """Evaluates behind the back of the target."""

    def step(self, state, target, rng):
        target.loss.excess_and_grad(state, target.batch)
        return move(state, target, rng, self.step_size)


@dataclass(frozen=True)
class HidesLayers(Wrong):
    """Takes layerwise gradients, where there are any, behind the back of the target."""

    def step(self, state, target, rng):
        if not target.num_parts:
            return move(state, target, rng, self.step_size)
        drift = -0.5 * self.step_size * target.nbeta

        def visit(gradient):
            part = state[:, gradient.start : gradient.stop]
            part.add_(torch.randn(part.shape, generator=rng, dtype=part.dtype), alpha=1e-3)
            gradient.add_to(part, drift)

        batch, target.batch = target.batch, target.loss.spent(target.batch)
        return state, Draw(state, target.loss.excess_and_visit(state, batch, visit))


@dataclass(frozen=True)
class CountsLayersOnce(Wrong):
    """Charges the first layerwise gradient of two."""

    def step(self, state, target, rng):
        if target.num_parts:
            batch = target.loss.spent(target.batch)
            target.loss.excess_and_visit(state, batch, lambda gradient: None)
        return move(state, target, rng, self.step_size)


@dataclass(frozen=True)
class HidesBuffer(Wrong):
    """Lets the loss write a second gradient into memory of its own."""

    def step(self, state, target, rng):
        target.loss.excess_and_grad_into(state, target.batch, torch.empty_like(state))
        return move(state, target, rng, self.step_size)


@dataclass(frozen=True)
class IgnoresBudget(Wrong):
    def step(self, state, target, rng):
        try:
            return move(state, target, rng, self.step_size)
        except BudgetExceeded:
            return state, Draw(state, target.energy(state)[1])


@dataclass(frozen=True)
class HidesNaN(Wrong):
    def step(self, state, target, rng):
        state, draw = move(state, target, rng, self.step_size)
        state = state.nan_to_num()
        return state, Draw(state, draw.loss.nan_to_num())


@dataclass(frozen=True)
class RaisesOnNaN(Wrong):
    def step(self, state, target, rng):
        state, draw = move(state, target, rng, self.step_size)
        if not bool(draw.loss.isfinite().all()):
            raise FloatingPointError("loss is not finite")
        return state, draw


@dataclass(frozen=True)
class StaysPut(Wrong):
    def step(self, state, target, rng):
        _, draw = move(state, target, rng, self.step_size)
        return state, draw._replace(theta=state)


@dataclass(frozen=True)
class MeanLoss(Wrong):
    """One loss for all chains."""

    def step(self, state, target, rng):
        state, draw = move(state, target, rng, self.step_size)
        return state, draw._replace(loss=draw.loss.mean())


@dataclass(frozen=True)
class AlwaysDouble(Wrong):
    def step(self, state, target, rng):
        new, draw = move(state, target, rng, self.step_size)
        return new, draw._replace(theta=new.double())


@dataclass
class NotFrozen:
    step_size: float = 1e-3

    def init(self, theta, target, rng):
        return theta

    def step(self, state, target, rng):
        return move(state, target, rng, self.step_size)


class NoDataclass:
    def __init__(self, step_size: float = 1e-3) -> None:
        self.step_size = step_size

    def init(self, theta, target, rng):
        return theta

    def step(self, state, target, rng):
        return move(state, target, rng, self.step_size)


@dataclass(frozen=True)
class HoldsLambda(Wrong):
    schedule: Any = field(default_factory=lambda: lambda step: 1.0)

    def step(self, state, target, rng):
        return move(state, target, rng, self.step_size)


@dataclass(frozen=True)
class AcceptsAll:
    """MALA that reports a Metropolis test and makes none."""

    step_size: float = 1e-3

    def init(self, theta, target, rng):
        return theta

    def step(self, state, target, rng):
        state, draw = move(state, target, rng, self.step_size)
        return state, draw._replace(accepted=torch.ones(len(state), dtype=torch.bool))


@dataclass(frozen=True)
class ForgetsProposalDensity:
    """MALA with the ratio of densities alone: a random walk's test on a Langevin proposal."""

    step_size: float = 1e-3

    def init(self, theta, target, rng):
        return Place.at(theta, target)

    def step(self, state, target, rng):
        eps = self.step_size
        noise = torch.empty_like(state.theta).normal_(generator=rng)
        new = Place.at(state.theta - 0.5 * eps * state.grad + math.sqrt(eps) * noise, target)
        accepted = accepts(state.potential - new.potential, rng)
        state = Place(*(selected(accepted, a, b) for a, b in zip(new, state, strict=True)))
        return state, Draw(state.theta, state.loss, accepted)


@dataclass(frozen=True)
class ProposalOnly:
    """The proposal of Exact without its test, on coarse cells."""

    resolution: float = 1.0

    def unsupported(self, target):
        return Exact().unsupported(target)

    def init(self, theta, target, rng):
        return Exact(self.resolution).init(theta, target, rng)

    def step(self, state, target, rng):
        theta, _ = state.proposal.draw(len(state.theta), rng)
        draw = Draw(theta, target.energy(theta)[1], torch.ones(len(theta), dtype=torch.bool))
        return state._replace(theta=theta), draw


@dataclass(frozen=True)
class DeclinesAll(Wrong):
    def unsupported(self, target):
        return "no"

    def step(self, state, target, rng):
        return move(state, target, rng, self.step_size)
