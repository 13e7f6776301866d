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

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from llcbench.adapters.packages import global_noise, load, unable
from llcbench.checks import check_fraction, check_positive
from llcbench.samplers.hyperparameters import check_hyperparameters
from llcbench.sampling.target import Target
from llcbench.types import Discretisation, Draw

# Parameters, momenta and thermostats of all chains, as far as a sampler has them.
PosteriorsState = tuple[Tensor, ...]


class PosteriorsKernel(ABC):
    """A sampler that is an update of the package: a subclass names it, its state and its options.

    Attributes:
        kind: Name of the update; not annotated in subclasses, where it would be a field.
        names: What its state holds: ``params``, then ``momenta``, then ``xi``, the thermostat.
    """

    kind: ClassVar[str]
    names: ClassVar[tuple[str, ...]] = ("params", "momenta")

    @abstractmethod
    def options(self) -> dict[str, float]:
        """Return what the update takes as ``lr`` and ``alpha``."""

    def unsupported(self, target: Target) -> str | None:
        """Return why a target cannot be sampled, None if it can."""
        return unable("posteriors", target.device)

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> PosteriorsState:
        """Draw momenta from their stationary distribution; a thermostat balances the noise.

        All tensors are copies made outside inference mode.
        """
        with torch.inference_mode(False):
            state = [theta.clone()]
            if "momenta" in self.names:
                state.append(torch.empty_like(theta).normal_(generator=rng))
            if "xi" in self.names:
                state.append(theta.new_full(theta.shape[:1], self.options()["alpha"]))
        return tuple(state)

    def step(
        self, state: PosteriorsState, target: Target, rng: torch.Generator
    ) -> tuple[PosteriorsState, Draw]:
        """Move all chains; the recorded loss is that of the state before the move."""
        module = load(f"posteriors.sgmcmc.{self.kind.lower()}")
        options = self.options()

        def update(slope: Tensor, *chain: Tensor) -> PosteriorsState:
            named = dict(zip(self.names, chain, strict=True))
            old = getattr(module, f"{self.kind}State")(**named)
            new, _ = module.update(old, slope, _tangent, **options)
            return tuple(getattr(new, name) for name in self.names)

        if "xi" in self.names:
            update = torch.vmap(update, randomness="different")
        with global_noise(rng):
            _, slope, loss = target.potential_and_grad(state[0])
            state = update(slope, *state)
        return state, Draw(state[0], loss)


def _tangent(theta: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    """Return the tangent of the log density, of one chain or of the product of all.

    Updates use its gradient alone, and that is the target's; its value has no meaning.
    """
    value = -(theta * slope).sum()
    return value, value.detach()


@final
@dataclass(frozen=True)
class PosteriorsSGLD(PosteriorsKernel):
    """The package's SGLD, with the step of ours.

    Attributes:
        step_size: ``eps = 2 lr``.
    """

    step_size: float = 1e-5

    kind = "SGLD"
    names = ("params",)

    def __post_init__(self) -> None:
        check_hyperparameters(self, "posteriors_sgld", step_size=check_positive)

    @property
    def discretisation(self) -> Discretisation:
        """That of Euler steps."""
        return Discretisation(self.step_size)

    def options(self) -> dict[str, float]:
        """Return the options of the update."""
        return {"lr": self.step_size / 2}


@final
@dataclass(frozen=True)
class PosteriorsSGHMC(PosteriorsKernel):
    """The package's SGHMC: explicit Euler, the position moved by the old momentum.

    Ours moves it by the new one. The difference is of first order in the step on the density, and
    decides stability: on a quadratic of curvature h this one needs ``friction > eps h / 2``.

    Attributes:
        step_size: ``eps = 2 lr^2``.
        friction: Share of the momentum lost in a step, ``alpha lr``, in (0, 1].
    """

    step_size: float = 1e-5
    friction: float = 0.1

    kind = "SGHMC"

    def __post_init__(self) -> None:
        check_hyperparameters(
            self, "posteriors_sghmc", step_size=check_positive, friction=check_fraction
        )

    @property
    def discretisation(self) -> Discretisation:
        """Of first order in ``eps`` over the friction; its heat of minibatches is that of ours."""
        slow = self.friction
        curvature = (4 - slow) / (slow * (2 - slow))
        return Discretisation(self.step_size, curvature, 1 / slow, relaxation=slow)

    def options(self) -> dict[str, float]:
        """Return the options of the update."""
        lr = (self.step_size / 2) ** 0.5
        return {"lr": lr, "alpha": self.friction / lr}


@final
@dataclass(frozen=True)
class PosteriorsSGNHT(PosteriorsKernel):
    """The package's Nose-Hoover thermostat, one for every chain; explicit Euler as its SGHMC.

    It declares no discretisation: the thermostat takes up an unknown part of the heat of steps and
    minibatches, and what is left depends on how much the curvatures of the directions differ.

    Attributes:
        step_size: ``eps = 2 lr^2``.
        noise: Injected noise as a friction, and the friction at the start, ``alpha lr``.
    """

    step_size: float = 1e-5
    noise: float = 0.1

    kind = "SGNHT"
    names = ("params", "momenta", "xi")

    def __post_init__(self) -> None:
        check_hyperparameters(
            self, "posteriors_sgnht", step_size=check_positive, noise=check_fraction
        )

    def options(self) -> dict[str, float]:
        """Return the options of the update; ``alpha`` is the thermostat at the start, too."""
        lr = (self.step_size / 2) ** 0.5
        return {"lr": lr, "alpha": self.noise / lr}


@final
@dataclass(frozen=True)
class PosteriorsBAOA(PosteriorsKernel):
    """The package's BAOA, whose positions have the stationary distribution of BAOAB.

    Attributes:
        step_size: ``eps = lr^2``.
        friction: Friction times time step, ``alpha lr``.
    """

    step_size: float = 1e-5
    friction: float = 0.3

    kind = "BAOA"

    def __post_init__(self) -> None:
        check_hyperparameters(
            self, "posteriors_baoa", step_size=check_positive, friction=check_positive
        )

    @property
    def discretisation(self) -> Discretisation:
        """Of second order in ``eps``, as BAOAB; friction removes the heat of minibatches slowly."""
        slow = math.tanh(0.5 * self.friction)
        return Discretisation(self.step_size, curvature=0.0, noise=1 / slow, relaxation=slow)

    def options(self) -> dict[str, float]:
        """Return the options of the update."""
        lr = self.step_size**0.5
        return {"lr": lr, "alpha": self.friction / lr}
