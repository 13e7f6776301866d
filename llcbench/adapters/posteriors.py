"""Samplers of the package posteriors: its update functions, for all chains at once.

Chains are independent, so that all of them are one point of the product of their densities, and an
update that treats every coordinate alike is the update of every chain. Only the thermostat, which
averages over the coordinates of a chain, is mapped over chains by torch.func.

With ``log p = -U`` and temperature 1 its step is ``w' = w + lr grad log p + sqrt(2 lr) xi`` for
SGLD, so our ``step_size`` eps is ``lr = eps / 2``. The samplers with momentum have unit mass and
time step ``lr = h``: ``h^2 = eps / 2`` where ours are SGHMC and SGNHT, ``h^2 = eps`` where ours is
BAOAB. The gradient is the target's own, so that both sides do the same work.

Source: posteriors 0.1.3, ``posteriors.sgmcmc``.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from llcbench.adapters.packages import global_noise, load, missing
from llcbench.samplers.checks import check_fraction, check_positive
from llcbench.sampling.target import Target
from llcbench.types import Draw

# Parameters, momenta and thermostat of all chains, as far as a sampler has them.
State = tuple[Tensor, ...]
_NAMES = ("params", "momenta", "xi")


def _tangent(theta: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    """Return the tangent of the log density, of one chain or of the product of all.

    Updates use its gradient alone, and that is the target's; its value has no meaning.
    """
    value = -(theta * slope).sum()
    return value, value.detach()


def _moved(
    kind: str, state: State, target: Target, rng: torch.Generator, **options: float
) -> tuple[State, Draw]:
    """Move all chains by the package's update; the loss is that of the state before the move."""
    module = load(f"posteriors.sgmcmc.{kind.lower()}")
    names = _NAMES[: len(state)]

    def update(slope: Tensor, *chain: Tensor) -> State:
        old = getattr(module, f"{kind}State")(**dict(zip(names, chain, strict=True)))
        new, _ = module.update(old, slope, _tangent, **options)
        return tuple(getattr(new, name) for name in names)

    if "xi" in names:
        update = torch.vmap(update, randomness="different")
    with global_noise(rng):
        _, slope, loss = target.potential_and_grad(state[0])
        state = update(slope, *state)
    return state, Draw(state[0], loss)


def _started(theta: Tensor, rng: torch.Generator | None = None, xi: float | None = None) -> State:
    """Return copies outside inference mode: parameters, normal momenta, thermostats."""
    with torch.inference_mode(False):
        momenta = () if rng is None else (torch.empty_like(theta).normal_(generator=rng),)
        thermostat = () if xi is None else (theta.new_full(theta.shape[:1], xi),)
        return (theta.clone(), *momenta, *thermostat)


@final
@dataclass(frozen=True)
class SGLD:
    """The package's SGLD, with the step of ours.

    Attributes:
        step_size: ``eps = 2 lr``.
    """

    step_size: float = 1e-5

    def __post_init__(self) -> None:
        check_positive("posteriors_sgld", "step_size", self.step_size)

    def unsupported(self, target: Target) -> str | None:
        """Say why a target cannot be sampled."""
        return missing("posteriors")

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> State:
        """Return the parameters."""
        return _started(theta)

    def step(self, state: State, target: Target, rng: torch.Generator) -> tuple[State, Draw]:
        """Move all chains."""
        return _moved("SGLD", state, target, rng, lr=self.step_size / 2)


@final
@dataclass(frozen=True)
class SGHMC:
    """The package's SGHMC: explicit Euler, the position moved by the old momentum.

    Ours moves it by the new one. The difference is of first order in the step on the density, and
    decides stability: on a quadratic of curvature h this one needs ``friction > eps h / 2``.

    Attributes:
        step_size: ``eps = 2 lr^2``.
        friction: Share of the momentum lost in a step, ``alpha lr``, in (0, 1].
    """

    step_size: float = 1e-5
    friction: float = 0.1

    def __post_init__(self) -> None:
        check_positive("posteriors_sghmc", "step_size", self.step_size)
        check_fraction("posteriors_sghmc", "friction", self.friction)

    def unsupported(self, target: Target) -> str | None:
        """Say why a target cannot be sampled."""
        return missing("posteriors")

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> State:
        """Draw momenta from their stationary law."""
        return _started(theta, rng)

    def step(self, state: State, target: Target, rng: torch.Generator) -> tuple[State, Draw]:
        """Move all chains."""
        lr = (self.step_size / 2) ** 0.5
        return _moved("SGHMC", state, target, rng, lr=lr, alpha=self.friction / lr)


@final
@dataclass(frozen=True)
class SGNHT:
    """The package's Nose-Hoover thermostat, one for every chain; explicit Euler as its SGHMC.

    Attributes:
        step_size: ``eps = 2 lr^2``.
        noise: Injected noise as a friction, and the friction at the start, ``alpha lr``.
    """

    step_size: float = 1e-5
    noise: float = 0.1

    def __post_init__(self) -> None:
        check_positive("posteriors_sgnht", "step_size", self.step_size)
        check_fraction("posteriors_sgnht", "noise", self.noise)

    def unsupported(self, target: Target) -> str | None:
        """Say why a target cannot be sampled."""
        return missing("posteriors")

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> State:
        """Draw momenta from their stationary law; the friction balances the noise."""
        return _started(theta, rng, self.noise / (self.step_size / 2) ** 0.5)

    def step(self, state: State, target: Target, rng: torch.Generator) -> tuple[State, Draw]:
        """Move all chains."""
        lr = (self.step_size / 2) ** 0.5
        return _moved("SGNHT", state, target, rng, lr=lr, alpha=self.noise / lr)


@final
@dataclass(frozen=True)
class BAOA:
    """The package's BAOA, whose positions have the law of BAOAB.

    Attributes:
        step_size: ``eps = lr^2``.
        friction: Friction times time step, ``alpha lr``.
    """

    step_size: float = 1e-5
    friction: float = 0.3

    def __post_init__(self) -> None:
        check_positive("posteriors_baoa", "step_size", self.step_size)
        check_positive("posteriors_baoa", "friction", self.friction)

    def unsupported(self, target: Target) -> str | None:
        """Say why a target cannot be sampled."""
        return missing("posteriors")

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> State:
        """Draw momenta from their stationary law."""
        return _started(theta, rng)

    def step(self, state: State, target: Target, rng: torch.Generator) -> tuple[State, Draw]:
        """Move all chains."""
        lr = self.step_size**0.5
        return _moved("BAOA", state, target, rng, lr=lr, alpha=self.friction / lr)
