"""canonical-interp, which is named in results and declined: it does not run on this Python."""

from dataclasses import dataclass
from typing import NoReturn, final

import torch
from torch import Tensor

from llcbench.adapters.packages import no_canonical
from llcbench.checks import check_positive
from llcbench.samplers.hyperparameters import check_hyperparameters
from llcbench.sampling.target import Target


@final
@dataclass(frozen=True)
class CanonicalSGLD:
    """The sampler of canonical-interp; a run of it is a record with status ``skipped``.

    It declares no discretisation: a step that is never made cannot be checked against one.

    Attributes:
        step_size: ``eps``, its ``learning_rate``.

    Source: canonical-interp 0.2.7, which imports ``itertools.batched`` of Python 3.12.
    """

    step_size: float = 1e-5

    def __post_init__(self) -> None:
        check_hyperparameters(self, "canonical_sgld", step_size=check_positive)

    def unsupported(self, target: Target) -> str | None:
        """Return why no target can be sampled."""
        return no_canonical()

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> NoReturn:
        """Refuse, with the reason."""
        raise RuntimeError(no_canonical())

    def step(self, state: object, target: Target, rng: torch.Generator) -> NoReturn:
        """Refuse, with the reason."""
        raise RuntimeError(no_canonical())
