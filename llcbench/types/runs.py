"""Estimators, and what a run of one is given: seeds, limits, data, a place for checkpoints."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, final, runtime_checkable

from llcbench.checks import check_count, check_non_negative, set_checked
from llcbench.records import Estimate
from llcbench.seeds import Seeds
from llcbench.types.problems import Data, Problem
from theory.tempered import Tempered


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
