"""The localised posterior of a linear network: its parameters, checked, and its weights."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.checks import require_positive
from theory.linear_networks import whitening

Array = NDArray[np.floating[Any]]
State = list[Array]


@dataclass(frozen=True, slots=True, eq=False)
class LinearDensity(ABC):
    """The localised posterior of a linear network at known weights.

    With ``P = W_L ... W_1``, ``P*`` the product at the reference weights and ``D = P - P*``,
    ``K(W) = scale * [tr(D S D^T) - 2 tr(D C^T)]``, and the density is proportional to
    ``exp(-nbeta K(W) - gamma/2 sum_k |W_k - W_k*|^2)``. A kernel that draws from it
    derives from this class.

    Attributes:
        weights: reference weights, first layer first, ``W_k`` of shape ``(H_k, H_{k-1})``; not
            copied where they have one floating dtype, which is that of the chains.
        nbeta: inverse temperature, positive.
        gamma: localisation, positive.
        scale: positive factor of the loss (one half for the usual Gaussian likelihood).
        second_moment: ``S``, input second moment, shape ``(H_0, H_0)``; None is the identity.
        cross_moment: ``C``, mean of ``eps x^T`` over the data, shape ``(H_L, H_0)``; None is zero.

    Raises:
        ValueError: if shapes do not match or a parameter is out of range.
    """

    weights: Sequence[Array]
    nbeta: float
    gamma: float
    scale: float = 0.5
    second_moment: ArrayLike | None = None
    cross_moment: ArrayLike | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", checked_layers(self.weights))
        for name in ("nbeta", "gamma", "scale"):
            require_positive(name, getattr(self, name))

    @property
    def dim(self) -> int:
        """Return the number of parameters."""
        return sum(weight.size for weight in self.weights)

    @abstractmethod
    def excess_loss(self, state: Sequence[Array]) -> Array:
        """Return ``K`` of every chain, shape ``(chains,)``."""

    @abstractmethod
    def sweep(self, state: State, rng: np.random.Generator) -> tuple[State, Array]:
        """Draw every layer once, first to last, given the others.

        Args:
            state: one array for each layer, shape ``(chains, H_k, H_{k-1})``.
            rng: source of the Gaussian noise.

        Returns:
            The state, and ``E[K | other layers]`` averaged over the layers of the sweep, shape
            ``(chains,)``: the same mean as ``K`` and a much smaller variance.
        """

    def fibre_move(self, state: State, rng: np.random.Generator) -> State:
        """Move along the fibre, where the loss does not change; a kernel may not move at all."""
        return state

    def whitened_moments(self) -> tuple[Array | None, Array | None, Array | None]:
        """Return `whitening.whitened` of the moments.

        Raises:
            ValueError: if a shape does not fit the layers, or as in `whitening.whitened`.
        """
        inputs, outputs = self.weights[0].shape[1], self.weights[-1].shape[0]
        moment = whitening.checked_matrix("second_moment", self.second_moment, (inputs, inputs))
        cross = whitening.checked_matrix("cross_moment", self.cross_moment, (outputs, inputs))
        return whitening.whitened(moment, cross)


def checked_layers(weights: Sequence[Array]) -> list[Array]:
    """Return the layers in one floating dtype, copied only where that changes it.

    Raises:
        ValueError: if there are none, one is no finite matrix, or two do not fit together.
    """
    if len(weights) == 0:
        raise ValueError("weights is empty: give one matrix for each layer")
    dtype = np.result_type(*weights)
    if not np.issubdtype(dtype, np.floating):
        dtype = np.dtype(np.float64)
    layers = [np.asarray(weight, dtype=dtype) for weight in weights]
    for k, layer in enumerate(layers):
        if layer.ndim != 2 or layer.size == 0 or not np.all(np.isfinite(layer)):
            raise ValueError(
                f"weights[{k}] of shape {layer.shape} is not allowed: give a finite matrix"
            )
        if k and layer.shape[1] != layers[k - 1].shape[0]:
            raise ValueError(
                f"weights[{k}] of shape {layer.shape} does not follow weights[{k - 1}] of shape "
                f"{layers[k - 1].shape}: it needs {layers[k - 1].shape[0]} columns"
            )
    return layers
