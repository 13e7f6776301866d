"""Optional members of samplers besides ``init`` and ``step``, with their defaults.

The protocols are in `llcbench.types`; all other modules query them here.
"""

from dataclasses import fields, is_dataclass, replace
from typing import Any, cast

from llcbench.sampling.target import AnySampler, Target
from llcbench.types import (
    Adaptive,
    Declining,
    Discretisation,
    Discretised,
    GradientCost,
    Named,
    Parametrised,
    Preconditioned,
    Stepping,
)


def unsupported(sampler: AnySampler, target: Target) -> str | None:
    """Return why a sampler cannot sample a target, None if it can."""
    # A sampler of somebody else may return an empty text.
    return sampler.unsupported(target) or None if isinstance(sampler, Declining) else None


def grads_per_step(sampler: AnySampler) -> int:
    """Return the mean number of gradients that one step costs a chain."""
    return int(sampler.grads_per_step) if isinstance(sampler, GradientCost) else 1


def preconditioned(sampler: AnySampler) -> bool:
    """Return whether the step size alone does not say whether a step is stable."""
    return bool(sampler.preconditioned) if isinstance(sampler, Preconditioned) else False


def discretisation(sampler: AnySampler) -> Discretisation | None:
    """Return the bias of a sampler's steps at leading order; None where it is not known."""
    return sampler.discretisation if isinstance(sampler, Discretised) else None


def name(sampler: AnySampler) -> str:
    """Return the name of a sampler; by default that of its class in lower-case letters."""
    own = sampler.name if isinstance(sampler, Named) else ""
    return own or type(sampler).__name__.lower()


def hyperparameters(sampler: AnySampler) -> dict[str, Any]:
    """Return all hyper-parameters by name, defaults included; empty without fields."""
    if isinstance(sampler, Parametrised):
        return dict(sampler.parameters)
    made: Any = sampler
    if is_dataclass(made):
        return {option.name: getattr(made, option.name) for option in fields(made)}
    return {}


def has_fields(sampler: AnySampler) -> bool:
    """Return whether hyper-parameters are fields, not entries of a mapping as for a function."""
    return not isinstance(sampler, Parametrised)


def with_hyperparameters(sampler: AnySampler, **changes: Any) -> AnySampler:
    """Return the same sampler with other hyper-parameters.

    Raises:
        TypeError: If it is not a dataclass or lacks the hyper-parameter.
    """
    if isinstance(sampler, Parametrised):
        changes = {"parameters": {**sampler.parameters, **changes}}
    return cast(AnySampler, replace(cast(Any, sampler), **changes))


def adaptation(sampler: AnySampler) -> int:
    """Return in how many of its first steps a sampler adapts; 0 for one that does not."""
    declared = isinstance(sampler, Adaptive)
    steps: Any = (
        cast(Adaptive, sampler).adapt if declared else hyperparameters(sampler).get("adapt")
    )
    # A hyper-parameter of that name that is no count is another one.
    return steps if type(steps) is int else 0


def adapting_within(sampler: AnySampler, num_burnin: int) -> AnySampler:
    """Return the sampler with an adaptation that ends with the burn-in.

    Draws from a kernel that still changes have no stationary distribution.

    Raises:
        ValueError: If the adaptation is longer and no hyper-parameter of the sampler.
    """
    steps = adaptation(sampler)
    if steps <= num_burnin:
        return sampler
    try:
        return with_hyperparameters(sampler, adapt=num_burnin)
    except TypeError:
        raise ValueError(
            f"{name(sampler)} adapts in its first {steps} steps and num_burnin={num_burnin}; raise"
            " num_burnin or make adapt a field of the sampler"
        ) from None


def step_size(sampler: AnySampler) -> float | None:
    """Return the step size of a sampler, None if it has none."""
    if isinstance(sampler, Stepping):
        step_size: float | None = sampler.step_size
    else:
        step_size = hyperparameters(sampler).get("step_size")
    return None if step_size is None else float(step_size)
