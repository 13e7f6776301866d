"""Samplers, what one step of them yields, and what they may have on top."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor

from llcbench.types.problems import Theta

StateT = TypeVar("StateT")
TargetT = TypeVar("TargetT", contravariant=True)


class VirialMoments(NamedTuple):
    """What is recorded at one place of every chain, to form its virial.

    Attributes:
        loss: Excess loss, ``(chains,)``.
        gram: Products of ``r = w - w_star`` and the gradient g: ``|r|^2, r.g; r.g, |g|^2``,
            ``(chains, 2, 2)``.
        potential: Whether g is the gradient of the potential, ``nbeta grad L + gamma r``, and not
            that of the loss.
    """

    loss: Tensor
    gram: Tensor
    potential: bool = False


class Draw(NamedTuple):
    """What one step of a sampler yields.

    Attributes:
        theta: Parameters after the step, ``(chains, dim)``.
        loss: Loss above the loss at ``w_star`` on the same batch, ``(chains,)``, of the state that
            entered the step (minibatch samplers) or left it (Metropolis samplers).
        accepted: Which chains accepted a proposal; None for samplers that never reject.
        last: Whether the sampler has spent its gradients, so that no step follows.
        grad: Gradient of the potential at ``theta``, ``(chains, dim)``, from samplers whose loss is
            that of the state that leaves the step and who know it.
        kinetic: Mean square of the momentum over its stationary value, ``(chains,)``, from
            `Target.kinetic`; None without momentum.
    """

    theta: Tensor
    loss: Tensor
    accepted: Tensor | None = None
    last: bool = False
    grad: Tensor | None = None
    kinetic: Tensor | None = None


@runtime_checkable
class Sampler(Protocol[StateT, TargetT]):
    """A transition kernel over all chains at once.

    A sampler is a frozen dataclass; its fields are its hyper-parameters. The state is donated to
    ``step``, which may update it in place. ``TargetT`` is `llcbench.Target`, which depends on this
    module; here it is a type parameter.

    Optional members are declared by `Declining`, `GradientCost`, `Preconditioned`, `Parametrised`,
    `Named`, `Stepping`, `Adaptive` and `Discretised`; `llcbench.sampling.sampler_abilities` queries
    them.
    """

    def init(self, theta: Theta, target: TargetT, rng: torch.Generator) -> StateT:
        """Return the state that starts all chains at ``theta``."""

    def step(self, state: StateT, target: TargetT, rng: torch.Generator) -> tuple[StateT, Draw]:
        """Advance all chains by one step."""


@runtime_checkable
class Declining(Protocol[TargetT]):
    """A sampler that cannot sample every target. Default: it can."""

    def unsupported(self, target: TargetT) -> str | None:
        """Return why a target cannot be sampled, None if it can."""


@runtime_checkable
class GradientCost(Protocol):
    """A sampler whose step takes several gradients. Default: one."""

    @property
    def grads_per_step(self) -> int:
        """Mean number of gradients that one step costs a chain."""


@runtime_checkable
class Preconditioned(Protocol):
    """A sampler whose step size is not in units of the parameters. Default: it is."""

    @property
    def preconditioned(self) -> bool:
        """Whether the step size alone does not say whether a step is stable."""


@runtime_checkable
class Parametrised(Protocol):
    """A sampler that holds its hyper-parameters in a mapping. Default: they are its fields."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Hyper-parameters by name."""


@runtime_checkable
class Named(Protocol):
    """A sampler with a name of its own. Default: that of its class."""

    @property
    def name(self) -> str:
        """The name."""


@runtime_checkable
class Adaptive(Protocol):
    """A sampler that tunes itself in its first steps. Default: it does not.

    From then on its kernel is the same in every step. A run has the adaptation end with its
    burn-in, and changes this hyper-parameter where it would not.
    """

    @property
    def adapt(self) -> int:
        """Number of steps with adaptation."""


@runtime_checkable
class Stepping(Protocol):
    """A sampler with a step size: drift ``eps/2``, noise ``sqrt(eps)``. Default: it has none."""

    @property
    def step_size(self) -> float:
        """The step size ``eps``."""


class Discretisation(NamedTuple):
    """How the steps of a sampler distort the energy of a stationary chain, at leading order.

    With full gradients the energy in a direction of curvature h of the potential is too large by
    ``curvature step_size h / 4``; a gradient whose noise has variance ``s^2`` in that direction
    adds ``noise step_size s^2 / 4``. The mean square distance moves by ``step_size d`` times the
    defect of the virial in every step, over ``relaxation``.

    Attributes:
        step_size: ``eps``.
        curvature: Factor of the part that full gradients have: 1 for Euler steps, 0 at second
            order.
        noise: Factor of the part of minibatches.
        relaxation: Speed at which distances change, relative to Euler steps.
    """

    step_size: float
    curvature: float = 1.0
    noise: float = 1.0
    relaxation: float = 1.0


@runtime_checkable
class Discretised(Protocol):
    """A sampler without a Metropolis test that knows its own bias. Default: it does not."""

    @property
    def discretisation(self) -> Discretisation:
        """The bias of its steps at leading order."""
