"""Shape aliases and protocols; imports nothing from the package.

Parameters of all chains are one contiguous tensor ``(chains, dim)``. Chains are an axis of every
array, never a Python loop.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar, final, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from llcbench.checks import check_count, check_non_negative
from theory.coefficient import RLCT
from theory.tempered import Tempered

Theta = Float[Tensor, "chains dim"]
Point = Float[Tensor, "dim"]
PerChain = Float[Tensor, "chains"]

StateT = TypeVar("StateT")
TargetT = TypeVar("TargetT", contravariant=True)


class Truth(NamedTuple):
    """The two exact coefficients of a problem at its reference point.

    Attributes:
        local: The local learning coefficient at ``w_star``.
        global_: The minimum over the whole true set.
    """

    local: RLCT
    global_: RLCT


class Data(NamedTuple):
    """A regression data set: inputs and the label noise that was added to the true outputs.

    Attributes:
        inputs: ``(num_data, in)``.
        noise: ``(num_data, out)``; targets are ``truth(inputs) + noise``.
    """

    inputs: Tensor
    noise: Tensor


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


class LayerGradient(NamedTuple):
    """The gradient in one layer as a product that has not been formed.

    Attributes:
        start: First of its columns among all parameters.
        stop: First column behind them.
        weight: Factor of the product.
        slopes: Slopes in what leaves the layer, ``(chains, H_k, batch)``.
        inputs: What enters it, ``(chains, batch, H_{k-1})``.
    """

    start: int
    stop: int
    weight: float
    slopes: Tensor
    inputs: Tensor

    def add_to(self, part: Tensor, factor: float) -> None:
        """Add a multiple to the weights of the layer, ``(chains, stop - start)``, in place."""
        shape = (len(part), self.slopes.shape[1], self.inputs.shape[2])
        part.view(shape).baddbmm_(self.slopes, self.inputs, alpha=factor * self.weight)


# Is handed the gradient of a layer and may move its weights.
Visit = Callable[[LayerGradient], None]


@runtime_checkable
class Problem(Protocol):
    """A loss with known learning coefficient at a reference point.

    All losses are batched over chains by construction.
    """

    @property
    def id(self) -> str:
        """Stable, parameter-complete name."""

    @property
    def version(self) -> int:
        """Raised when the density of the problem changes."""

    @property
    def dim(self) -> int:
        """Number of parameters."""

    @property
    def num_data(self) -> int | None:
        """Size of the data set, None for the population loss."""

    @property
    def truth(self) -> Truth:
        """Exact coefficients at ``w_star``."""

    @property
    def formula(self) -> str:
        """The loss in one line of text."""

    @property
    def why_hard(self) -> str:
        """What an estimator can get wrong here."""

    @property
    def keywords(self) -> frozenset[str]:
        """Tags for selection."""

    def w_star(self) -> Tensor:
        """Return the reference point, ``(dim,)``; a large one must not be written to."""

    def sample_data(self, rng: torch.Generator) -> Any:
        """Draw a data set of the kind that `bind` takes, None for the population loss."""

    def bind(self, data: Data | None, dtype: torch.dtype) -> "Loss":
        """Return the loss on a data set (or in population), ready to evaluate."""

    def tempered(self, nbeta: float, gamma: float, data: Data | None = None) -> Tempered | None:
        """Return what a perfect sampler estimates, None where it cannot be computed."""


class Loss(Protocol):
    """A loss bound to data; values are the excess over the loss at ``w_star`` on the same batch."""

    @property
    def autograd(self) -> bool:
        """Whether gradients come from automatic differentiation, which inference mode forbids."""

    def draw(self, num_chains: int, batch_size: int | None, rng: torch.Generator) -> Any:
        """Draw an independent minibatch for every chain, or the full batch if the size is None."""

    def excess(self, theta: Tensor, batch: Any) -> Tensor:
        """Return the excess loss, ``(chains,)``."""

    def excess_and_grad(self, theta: Tensor, batch: Any) -> tuple[Tensor, Tensor]:
        """Return the excess loss ``(chains,)`` and its gradient ``(chains, dim)``."""

    def baseline(self, batch: Any) -> Tensor:
        """Return the loss at ``w_star`` on the batch, broadcastable to ``(chains,)``."""


class Sampler(Protocol[StateT, TargetT]):
    """A transition kernel over all chains at once.

    A sampler is a frozen dataclass; its fields are its hyper-parameters. The state is donated to
    ``step``, which may update it in place. ``TargetT`` is `llcbench.Target`: this module imports
    nothing from the package, so the class that implements it is a parameter here.
    """

    def init(self, theta: Tensor, target: TargetT, rng: torch.Generator) -> StateT:
        """Return the state that starts all chains at ``theta``."""

    def step(self, state: StateT, target: TargetT, rng: torch.Generator) -> tuple[StateT, Draw]:
        """Advance all chains by one step."""


class BudgetExceeded(RuntimeError):
    """Raised by a target when a sampler has used up its gradients or its time."""


@final
@dataclass(frozen=True)
class Budget:
    """Limits that the target enforces.

    Attributes:
        grad_evals: Largest number of gradient evaluations, summed over chains; None for no limit.
        seconds: Wall-clock limit from the construction of the target; None for no limit.

    Raises:
        ValueError: If a limit is negative or no number.
    """

    grad_evals: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        hint = "None is no limit"
        if self.grad_evals is not None:
            count = check_count("Budget", "grad_evals", self.grad_evals, hint=hint)
            object.__setattr__(self, "grad_evals", count)
        if self.seconds is not None:
            seconds = check_non_negative("Budget", "seconds", self.seconds, hint=hint)
            object.__setattr__(self, "seconds", seconds)
