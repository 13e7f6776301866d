"""What a training adds to its loss, differentiable in the weights."""

from collections.abc import Iterator, Sequence
from typing import final

import torch
from torch import Tensor, nn

from llcbench.training.config import Penalties
from llcbench.training.noise import generator

# Power iterations for the first estimate of singular vectors, and for each one after it.
FIRST, NEXT = 30, 1
MIXING = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def gradient_norm(loss: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """Return ``|grad_w loss|^2`` as a function of the weights.

    Source: Barrett and Dherin 2021, the explicit form of implicit gradient regularisation.
    """
    grads = torch.autograd.grad(
        loss, parameters, create_graph=True, allow_unused=True, materialize_grads=True
    )
    return torch.stack([grad.square().sum() for grad in grads]).sum()


def jacobian(outputs: Tensor, inputs: Tensor, rng: torch.Generator) -> Tensor:
    """Return an unbiased estimate of the geometric complexity of a minibatch.

    ``mean_i |grad_x (v_i . f(x_i))|^2`` with random signs ``v_i``, of expectation
    ``mean_i |grad_x f(x_i)|_F^2``. Samples must not mix inside the network.

    Args:
        outputs: ``f(x)`` before any softmax, ``(batch, ...)``.
        inputs: ``x``, which require gradients.
        rng: Source of the signs.

    Source: Dherin et al. 2022; the probe is Hutchinson's.
    """
    signs = torch.randint(0, 2, outputs.shape, generator=rng).to(outputs.dtype) * 2 - 1
    (grad,) = torch.autograd.grad((outputs * signs).sum(), inputs, create_graph=True)
    return grad.square().sum() / len(inputs)


@final
class Spectral:
    """``sum_l s_max(W_l)^2 / 2`` by power iteration, with singular vectors kept between calls.

    The value approaches the truth from below; its gradient is ``s u v^T``.

    Source: Yoshida and Miyato 2017.
    """

    def __init__(self, module: nn.Module, seed: int) -> None:
        """Draw singular vectors and improve them."""
        rng = generator(seed, "spectral")
        self._weights = list(_matrices(module))
        self._left = [torch.randn(len(w), generator=rng, dtype=w.dtype) for w in self._weights]
        self._iterate(FIRST)

    def __call__(self) -> Tensor:
        """Return the penalty at the present weights."""
        self._iterate(NEXT)
        total = []
        for weight, left in zip(self._weights, self._left, strict=True):
            matrix = weight.flatten(1)
            right = _unit(matrix.detach().T @ left)
            total.append((left @ matrix @ right).square() / 2)
        return torch.stack(total).sum()

    def _iterate(self, count: int) -> None:
        for k, weight in enumerate(self._weights):
            matrix = weight.detach().flatten(1)
            for _ in range(count):
                self._left[k] = _unit(matrix @ _unit(matrix.T @ self._left[k]))


def check_penalties(penalties: Penalties, module: nn.Module, inputs: Tensor) -> None:
    """Refuse penalties that would be nonsense for a network or its inputs.

    Raises:
        ValueError: If a Jacobian is asked for but samples mix or inputs are tokens, or if there
            are no matrices for a spectral penalty.
    """
    if penalties.jacobian and any(isinstance(part, MIXING) for part in module.modules()):
        raise ValueError(
            "the jacobian penalty needs samples that do not mix: take a network without batch norm"
        )
    if penalties.jacobian and not inputs.is_floating_point():
        raise ValueError("the jacobian penalty needs inputs that are real numbers, not tokens")
    if penalties.spectral and next(_matrices(module), None) is None:
        raise ValueError("the spectral penalty needs dense or convolutional layers, there are none")


def _matrices(module: nn.Module) -> Iterator[Tensor]:
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d):
            yield part.weight


def _unit(vector: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(vector).clamp_min(torch.finfo(vector.dtype).tiny)
    return vector / length
