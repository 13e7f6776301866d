"""Problems and losses, and what they are made of.

Parameters of all chains are one contiguous tensor ``(chains, dim)``. Chains are an axis of every
array, never a Python loop.
"""

from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from theory.coefficient import RLCT
from theory.tempered import Tempered

Theta = Float[Tensor, "chains dim"]
Point = Float[Tensor, "dim"]
PerChain = Float[Tensor, "chains"]

# Distribution of the entries of a regression input: standard normal, or uniform on [-10, 10).
InputDistribution = Literal["normal", "uniform10"]


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

    def w_star(self) -> Point:
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

    def excess(self, theta: Theta, batch: Any) -> PerChain:
        """Return the excess loss, ``(chains,)``."""

    def excess_and_grad(self, theta: Theta, batch: Any) -> tuple[PerChain, Theta]:
        """Return the excess loss ``(chains,)`` and its gradient ``(chains, dim)``."""

    def baseline(self, batch: Any) -> Tensor:
        """Return the loss at ``w_star`` on the batch, broadcastable to ``(chains,)``."""
