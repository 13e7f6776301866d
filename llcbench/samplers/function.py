"""A sampler written as one function."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from llcbench.checks import nearest
from llcbench.sampling.target import Target
from llcbench.types import Draw

Step = Callable[..., tuple[Tensor, Tensor]]


@final
@dataclass(frozen=True)
class FunctionSampler:
    """Wraps ``f(theta, target, rng, *, step_size=...) -> (theta, loss)``.

    The keyword-only arguments of the function are the hyper-parameters, recorded with every run.

    Attributes:
        name: Registered name.
        function: The step.
        parameters: Values of all hyper-parameters.
    """

    name: str
    function: Step
    parameters: dict[str, Any]

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> Tensor:
        """Return the parameters: the function has no other state."""
        return theta

    def step(self, state: Tensor, target: Target, rng: torch.Generator) -> tuple[Tensor, Draw]:
        """Call the function."""
        theta, loss = self.function(state, target, rng, **self.parameters)
        return theta, Draw(theta, loss)


def factory(name: str, function: Step) -> Callable[..., FunctionSampler]:
    """Return a callable that builds the sampler from its hyper-parameters.

    Raises:
        TypeError: If the function does not take ``(theta, target, rng, *, ...)`` with defaults.
    """
    signature = inspect.signature(function).parameters.values()
    options = [p for p in signature if p.kind is p.KEYWORD_ONLY]
    if len(signature) - len(options) != 3 or any(p.default is p.empty for p in options):
        raise TypeError(
            f"sampler {name!r} must take (theta, target, rng) and then keyword-only"
            " hyper-parameters with defaults: def f(theta, target, rng, *, step_size=1e-5)"
        )
    defaults = {p.name: p.default for p in options}

    def make(**parameters: Any) -> FunctionSampler:
        for key in parameters:
            if key not in defaults:
                hint = nearest(key, list(defaults))
                raise ValueError(f"{name} has no option {key!r}{hint}; it has {sorted(defaults)}")
        return FunctionSampler(name, function, defaults | parameters)

    return make
