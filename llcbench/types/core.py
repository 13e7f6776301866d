"""Shape aliases, protocols, and the data that modules exchange.

Parameters of all chains are one contiguous tensor ``(chains, dim)``. Chains are an axis of every
array, never a Python loop.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, TypeVar, final, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from llcbench.checks import check_count, check_non_negative, set_checked
from llcbench.records import Estimate
from llcbench.seeds import Seeds
from theory.coefficient import RLCT
from theory.tempered import Tempered

Theta = Float[Tensor, "chains dim"]
Point = Float[Tensor, "dim"]
PerChain = Float[Tensor, "chains"]

# Precision of the matrix products that make a gradient.
Matmul = Literal["full", "bfloat16"]
# Distribution of the entries of a regression input: standard normal, or uniform on [-10, 10).
InputDistribution = Literal["normal", "uniform10"]

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
        stop: First column after them.
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
        """Increased when the density of the problem changes."""

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
    ``step``, which may update it in place. ``TargetT`` is `llcbench.Target`, which depends on this
    module; here it is a type parameter.

    Optional members are declared by `Declining`, `GradientCost`, `Preconditioned`, `Parametrised`,
    `Named` and `Stepping`; `llcbench.sampling.sampler_abilities` queries them.
    """

    def init(self, theta: Tensor, target: TargetT, rng: torch.Generator) -> StateT:
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
class Stepping(Protocol):
    """A sampler with a step size: drift ``eps/2``, noise ``sqrt(eps)``. Default: it has none."""

    @property
    def step_size(self) -> float:
        """The step size ``eps``."""


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
        ValueError: If a limit is negative or not a number.
    """

    grad_evals: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        hint, grads, seconds = "None is no limit", self.grad_evals, self.seconds
        if grads is not None:
            set_checked(self, grad_evals=check_count("Budget", "grad_evals", grads, hint=hint))
        if seconds is not None:
            set_checked(self, seconds=check_non_negative("Budget", "seconds", seconds, hint=hint))


class CheckpointFile(Protocol):
    """The checkpoint of a long run; see `llcbench.sampling.checkpoint`."""

    @property
    def every(self) -> float:
        """Shortest interval between two checkpoints in seconds."""

    def due(self, predicted: float) -> float:
        """Return when the next one is due, for a run of a predicted length in seconds."""

    def read(self) -> dict[str, Any] | None:
        """Return the stored place; None if there is none or it cannot be used."""

    def write(self, place: dict[str, Any]) -> None:
        """Replace the file by a new place of the run."""

    def reject(self, reason: str) -> None:
        """Set the file aside; the run starts again."""

    def give_up(self, reason: str) -> None:
        """Continue without checkpoints."""


@final
@dataclass(frozen=True)
class RunContext:
    """The inputs of a run besides the problem; each has a default.

    Attributes:
        seeds: Source of all randomness; None for seed 0 of the problem.
        budget: Limits on gradients and seconds.
        data: Data set of the kind that `Problem.bind` takes; None to draw one.
        on_step: Called regularly with the number of new steps.
        checkpoint: File in which a long run stores its place and from which it continues; ignored
            by estimators that are not `Checkpointed`.

    Raises:
        TypeError: If seeds or budget have another type.
    """

    seeds: Seeds | None = None
    budget: Budget = Budget()
    data: Any = None
    on_step: Callable[[int], None] | None = None
    checkpoint: CheckpointFile | None = None

    def __post_init__(self) -> None:
        # Both are easily mixed up with the numbers that they are made of.
        if not isinstance(self.seeds, Seeds | None):
            raise TypeError(f"seeds must be llcbench.Seeds(seed, ...) or None, got {self.seeds!r}")
        if not isinstance(self.budget, Budget):
            raise TypeError(f"budget must be llcbench.Budget(grad_evals=...), got {self.budget!r}")

    def seeds_for(self, problem: Problem) -> Seeds:
        """Return the seeds of a run on a problem."""
        return self.seeds or Seeds(problem=problem.id)

    def data_for(self, problem: Problem) -> Any:
        """Return the data set of a run on a problem, drawn unless it is given."""
        if self.data is not None:
            return self.data
        return problem.sample_data(self.seeds_for(problem).generator("data"))


DEFAULT_CONTEXT = RunContext()


@runtime_checkable
class Estimator(Protocol):
    """Measures the coefficient of a problem at its reference point.

    An estimator is a frozen dataclass with the fields ``sampler`` and ``settings``; the others are
    its options. Optional members are declared by `TemperedEstimator` and `Checkpointed`.
    """

    def estimate(self, problem: Problem, context: RunContext = DEFAULT_CONTEXT) -> Estimate:
        """Return the estimate; a run that failed has a status and no value."""


@runtime_checkable
class TemperedEstimator(Protocol):
    """An estimator with a target of its own. Default: the mean energy, `Problem.tempered`."""

    def tempered(
        self, problem: Problem, nbeta: float, gamma: float, data: Data | None
    ) -> Tempered | None:
        """Return the estimate of a perfect sampler, without using the sampler."""


@runtime_checkable
class Checkpointed(Protocol):
    """An estimator that can checkpoint a long run. Default: it does not."""

    @property
    def keeps_checkpoint(self) -> bool:
        """Whether it writes `RunContext.checkpoint` and continues from it."""
