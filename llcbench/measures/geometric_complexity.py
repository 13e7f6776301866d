"""Geometric complexity: how steep the network is as a function of its inputs."""

import copy
import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from llcbench.measures.measured_value import MeasuredValue

# Samples whose gradients are taken together.
CHUNK = 256
# Samples on which the network is tried out, and how far they may depend on each other.
TRIED = 4
TOLERANCE = 1e-3


def geometric_complexity(
    module: nn.Module,
    inputs: Tensor,
    *,
    probes: int | None = None,
    rng: torch.Generator | None = None,
) -> MeasuredValue:
    """Return the mean squared norm of the derivative of the outputs by the inputs.

    ``GC = 1/n sum_i |d f(x_i) / d x_i|_F^2`` with ``f`` the outputs as they are: logits, if the
    module returns logits. It is measured in squared units of the output over those of the input:
    inputs that were divided by ``s`` have ``s^2`` times the value. The module is copied and put
    into evaluation mode.

    Args:
        module: The network; it takes one tensor of inputs and treats samples separately.
        inputs: Real numbers, samples along the first axis.
        probes: None for the exact value, one backward pass per output; otherwise the number of
            random signs ``v`` per sample in ``|v . df/dx|^2``, whose mean is the same.
        rng: Source of the probes.

    Returns:
        The value with the standard error of the probes: from their spread within every sample, or
        with one probe from the spread between samples, which is too large by that of the samples.

    Raises:
        ValueError: If the inputs are integers, the module or its outputs are not finite, samples
            mix, outputs do not depend on inputs, or the probes are not admissible.

    Source: Dherin, Munn, Rosca and Barrett 2022.
    """
    if probes is None:
        return MeasuredValue(float(squared_slopes(module, inputs).mean()), 0.0)
    if probes < 1 or probes * len(inputs) < 2:
        raise ValueError(
            f"probes={probes} for {len(inputs)} samples: at least two draws are needed in all"
        )
    if rng is None:
        raise ValueError(f"probes={probes} are random: give a torch.Generator as rng")
    frozen = _examined(module, inputs)
    parts = [
        torch.stack([_pull(outputs, x, _signs(outputs, rng)) for _ in range(probes)])
        for outputs, x in _chunks(frozen, inputs)
    ]
    draws = _finite(torch.cat(parts, dim=1))
    if probes == 1:
        variance = draws.var() / draws.numel()
    else:
        variance = draws.var(dim=0).mean() / draws.numel()
    return MeasuredValue(float(draws.mean()), math.sqrt(float(variance)))


def squared_slopes(module: nn.Module, inputs: Tensor) -> Tensor:
    """Return ``|d f(x) / d x|_F^2`` of every sample, ``(n,)`` in double precision, exactly.

    Raises:
        ValueError: As `geometric_complexity` does.
    """
    frozen = _examined(module, inputs)
    parts = [
        sum(
            (_pull(outputs, x, _unit(outputs, k)) for k in range(outputs.shape[1])),
            torch.zeros(len(x), dtype=torch.float64),
        )
        for outputs, x in _chunks(frozen, inputs)
    ]
    return _finite(torch.cat(parts))


def _chunks(module: nn.Module, inputs: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Return outputs ``(m, k)`` with the inputs that they are functions of."""
    for part in torch.split(inputs, CHUNK):
        x = part.detach().clone().requires_grad_()
        with torch.enable_grad():
            # The copy allows for layers that change their inputs in place.
            outputs = module(x.clone()).reshape(len(x), -1)
        if not outputs.requires_grad:
            raise ValueError("no derivative: the outputs do not depend on the inputs")
        if not bool(outputs.isfinite().all()):
            raise ValueError("an output of the module is not finite: the training has diverged")
        yield outputs, x


def _pull(outputs: Tensor, inputs: Tensor, weights: Tensor) -> Tensor:
    """Return ``|weights . df/dx|^2`` of every sample: they do not mix, so one pass is enough."""
    (slope,) = torch.autograd.grad(outputs, inputs, weights, retain_graph=True)
    return slope.double().square().flatten(1).sum(1)


def _unit(outputs: Tensor, k: int) -> Tensor:
    unit = torch.zeros_like(outputs)
    unit[:, k] = 1.0
    return unit


def _signs(outputs: Tensor, rng: torch.Generator) -> Tensor:
    bits = torch.randint(2, outputs.shape, generator=rng)
    return (2 * bits - 1).to(outputs.dtype)


def _finite(values: Tensor) -> Tensor:
    if not bool(values.isfinite().all()):
        raise ValueError("a derivative of the module is not finite: the training has diverged")
    return values


def _examined(module: nn.Module, inputs: Tensor) -> nn.Module:
    """Return the copy that is differentiated, after a look at it and at the inputs."""
    if not inputs.is_floating_point():
        raise ValueError(
            f"inputs of type {inputs.dtype} have no derivative: give real numbers, such as the"
            " embeddings of tokens to the rest of the network"
        )
    if inputs.dim() < 2 or len(inputs) == 0:
        raise ValueError(f"inputs have the shape {tuple(inputs.shape)}: give (samples, ...)")
    # NaN behind dead units has a zero derivative, which would read as a flat network.
    for name, value in module.state_dict().items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise ValueError(f"{name} of the module is not finite: the training has diverged")
    frozen = copy.deepcopy(module).eval().requires_grad_(False)
    few = inputs[:TRIED]
    with torch.no_grad():
        outputs = frozen(few.clone())
        if not isinstance(outputs, Tensor) or outputs.shape[:1] != few.shape[:1]:
            raise ValueError("the module must return one tensor with samples along the first axis")
        again = frozen(few.clone())
        halves = torch.split(few, max(1, len(few) // 2))
        apart = torch.cat([frozen(half.clone()) for half in halves])
    if not torch.equal(outputs, again) and bool(outputs.isfinite().all()):
        raise ValueError("the outputs are not the same twice: the module is random even in eval()")
    change = float((outputs - apart).abs().max() / outputs.abs().mean().clamp_min(1e-30))
    if change > TOLERANCE:
        raise ValueError(
            f"the outputs of a sample change by {change:.2g} with the other samples in its batch:"
            " samples must not mix"
        )
    return frozen
