"""Samplers of the package devinterp, version 1: optimisers that step all chains at once.

Its step is ``w' = w - lr/2 (nbeta g + localization (w - w*)) + sqrt(lr) noise_level xi``: ours with
``lr = eps``, ``localization = gamma`` and ``noise_level = 1``. Run by the estimator ``mean_energy``
these kernels get our loop, minibatches and baseline; by the estimator ``devinterp`` its own.

Source: devinterp 1.3.2, ``devinterp.optim``.
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, final

import torch
from torch import Tensor

from llcbench.adapters.packages import global_noise, load, unable
from llcbench.checks import check_decay, check_fraction, check_positive
from llcbench.samplers.hyperparameters import check_hyperparameters
from llcbench.sampling.target import Target
from llcbench.types import Discretisation, Draw


class DevinterpState(NamedTuple):
    """Parameters of all chains, and the optimisers that own them.

    Attributes:
        theta: ``(chains, dim)``.
        optimisers: One, or one a chain if it keeps a statistic over all parameters.
    """

    theta: Tensor
    optimisers: list[Any]


class DevinterpKernel(ABC):
    """A sampler that is an optimiser of the package: a subclass names it and its options.

    Attributes:
        localised: Whether the optimiser has a localisation of its own; else the gradient brings it.
    """

    localised: ClassVar[bool] = True

    @abstractmethod
    def method(self) -> Callable[..., Any]:
        """Return what devinterp takes as ``sampling_method``."""

    @abstractmethod
    def options(self, nbeta: float, gamma: float) -> dict[str, float]:
        """Return what devinterp takes as ``optimizer_kwargs``."""

    def unsupported(self, target: Target) -> str | None:
        """Return why a target cannot be sampled, None if it can."""
        return unable("devinterp", target.device)

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> DevinterpState:
        """Build the optimiser of all chains."""
        return self._started(theta, target)

    def step(
        self, state: DevinterpState, target: Target, rng: torch.Generator
    ) -> tuple[DevinterpState, Draw]:
        """Give the optimisers their gradients; the recorded loss is that of the state before."""
        with global_noise(rng):
            loss, grad = target.loss_and_grad(state.theta)
            if not self.localised:
                grad = grad + (target.gamma / target.nbeta) * (state.theta - target.w_star)
            for optimiser, rows in zip(
                state.optimisers, grad.tensor_split(len(state.optimisers)), strict=True
            ):
                (parameter,) = optimiser.param_groups[0]["params"]
                parameter.grad = rows.reshape(parameter.shape)
                optimiser.step()
        return state, Draw(state.theta, loss)

    def _started(self, theta: Tensor, target: Target, *, split: bool = False) -> DevinterpState:
        """Build the optimisers at the reference point, which they localise at, then move.

        Args:
            theta: Where the chains start.
            target: What is sampled.
            split: Whether every chain has an optimiser of its own.
        """
        options = self.options(target.nbeta, target.gamma)
        with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            own = target.w_star.clone().expand(theta.shape).clone()
            parts = list(own) if split else [own]
            optimisers = [self.method()([part], **options) for part in parts]
            own.copy_(theta)
        return DevinterpState(own, optimisers)


@final
@dataclass(frozen=True)
class DevinterpSGLD(DevinterpKernel):
    """The package's ``SGMCMC.sgld``.

    Attributes:
        step_size: ``eps = lr``.
    """

    step_size: float = 1e-5

    def __post_init__(self) -> None:
        check_hyperparameters(self, "devinterp_sgld", step_size=check_positive)

    @property
    def discretisation(self) -> Discretisation:
        """That of Euler steps."""
        return Discretisation(self.step_size)

    def method(self) -> Callable[..., Any]:
        """Return the optimiser."""
        return _sgmcmc("sgld")

    def options(self, nbeta: float, gamma: float) -> dict[str, float]:
        """Return the options of the optimiser."""
        return {"lr": self.step_size, "nbeta": nbeta, "localization": gamma}


@final
@dataclass(frozen=True)
class DevinterpRMSpropSGLD(DevinterpKernel):
    """The package's ``SGMCMC.rmsprop_sgld``; ours starts the mean squares at 1, this one at 0.

    Attributes:
        step_size: ``eps = lr``, before division by root mean square and damping.
        decay: Memory of the mean square, ``alpha``.
        damping: Added to the root mean square, ``eps`` of the package.
    """

    step_size: float = 1e-5
    decay: float = 0.99
    damping: float = 0.1

    def __post_init__(self) -> None:
        check_hyperparameters(
            self, "devinterp_rmsprop", step_size=check_positive, decay=check_decay,
            damping=check_positive,
        )  # fmt: skip

    @property
    def preconditioned(self) -> bool:
        """The step size alone does not say whether the sampler is stable."""
        return True

    def method(self) -> Callable[..., Any]:
        """Return the optimiser."""
        return _sgmcmc("rmsprop_sgld")

    def options(self, nbeta: float, gamma: float) -> dict[str, float]:
        """Return the options of the optimiser."""
        own = {"lr": self.step_size, "alpha": self.decay, "eps": self.damping}
        return {**own, "nbeta": nbeta, "localization": gamma}


@final
@dataclass(frozen=True)
class DevinterpSGNHT(DevinterpKernel):
    """The package's Nose-Hoover thermostat; neither has a localisation, so the gradient brings it.

    ``SGMCMC.sgnht`` never moves its momentum: what it samples is Langevin dynamics with noise of
    variance ``2 noise``, at temperature ``2 noise`` instead of 1. The deprecated class is SGNHT but
    for the order of its step: friction ``f`` acts on the momentum after the gradient has entered,
    so the gradient counts ``1 - f`` times and the temperature is near ``1 / (1 - noise)``.
    Neither declares a discretisation: it would be that of a density which is not the target.

    Attributes:
        step_size: ``eps = 2 lr``, as for our SGNHT.
        noise: ``diffusion_factor``, also the friction at the start.
        deprecated: Use the class ``SGNHT``, which the package asks not to use.
    """

    step_size: float = 1e-5
    noise: float = 0.01
    deprecated: bool = False

    # Not annotated, hence no field: fields are hyper-parameters.
    localised = False

    def __post_init__(self) -> None:
        check_hyperparameters(
            self, "devinterp_sgnht", step_size=check_positive, noise=check_fraction
        )

    def method(self) -> Callable[..., Any]:
        """Return the optimiser."""
        if not self.deprecated:
            return _sgmcmc("sgnht")
        optimiser: Callable[..., Any] = load("devinterp.optim.sgnht").SGNHT
        return optimiser

    def options(self, nbeta: float, gamma: float) -> dict[str, float]:
        """Return the options of the optimiser."""
        return {"lr": self.step_size / 2, "diffusion_factor": self.noise, "nbeta": nbeta}

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> DevinterpState:
        """Build the optimiser; a thermostat that acts is one number, so every chain has its own."""
        with global_noise(rng):
            return self._started(theta, target, split=self.deprecated)


def _sgmcmc(name: str) -> Callable[..., Any]:
    method: Callable[..., Any] = getattr(load("devinterp.optim.sgmcmc").SGMCMC, name)
    return method
