"""Samplers, what one step of them yields, and what they may have on top."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor

from llcbench.types.problems import Theta

StateT = TypeVar("StateT")
TargetT = TypeVar("TargetT", contravariant=True)


class Draw(NamedTuple):
    """What one step of a sampler yields.

    Attributes:
        theta: Parameters after the step, ``(chains, dim)``.
        loss: Loss above the loss at ``w_star`` on the same batch, ``(chains,)``, of the state that
            entered the step (minibatch samplers) or left it (Metropolis samplers).
        accepted: Which chains accepted a proposal; None for samplers that never reject.
        last: Whether the sampler has spent its gradients, so that no step follows.
    """

    theta: Tensor
    loss: Tensor
    accepted: Tensor | None = None
    last: bool = False


@runtime_checkable
class Sampler(Protocol[StateT, TargetT]):
    """A transition kernel over all chains at once.

    A sampler is a frozen dataclass; its fields are its hyper-parameters. The state is donated to
    ``step``, which may update it in place. ``TargetT`` is `llcbench.Target`, which depends on this
    module; here it is a type parameter.

    Optional members are declared by `Declining`, `GradientCost`, `Preconditioned`, `Parametrised`,
    `Named`, `Stepping` and `Adaptive`; `llcbench.sampling.sampler_abilities` queries them.
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
