"""Norms of the weights, and the scale that normalisation layers make arbitrary."""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from llcbench.problems.modules.problem import ModuleProblem

# How far the outputs may move, relative to how much they differ between samples. The constant
# that a normalisation layer adds to its variance makes it a little more than round-off.
TOLERANCE = 1e-3
CHUNK = 1024
# Samples on which a tensor is tried out.
TRIED = 64


def frobenius_norms(problem: ModuleProblem) -> dict[str, float]:
    """Return the Euclidean norm of every tensor that moves, by name."""
    return {name: float(value.double().norm()) for name, value in _moving(problem).items()}


def total_norm(problem: ModuleProblem) -> float:
    """Return the Euclidean norm of all parameters that move."""
    return float(problem.w_star().double().norm())


def spectral_norms(problem: ModuleProblem) -> dict[str, float]:
    """Return the largest singular value of every tensor of two axes or more, by name.

    A matrix is a linear map. A kernel ``(out, in, height, width)`` counts as the matrix ``(out, in
    height width)``, which maps one patch to one pixel. The norm of the convolution as a map of
    whole images is another number: at stride 1 it is between this one, if the image holds a
    whole patch, and ``sqrt(height width)`` times it.
    """
    return {
        name: float(torch.linalg.matrix_norm(value.double().flatten(1), ord=2))
        for name, value in _moving(problem).items()
        if value.dim() > 1
    }


def scale_free(problem: ModuleProblem, tolerance: float = TOLERANCE) -> tuple[str, ...]:
    """Return the tensors whose scale does nothing: doubled, they leave the function as it was.

    The test is the definition; the layers are not looked at. Weights ahead of GroupNorm and
    LayerNorm pass. Those ahead of BatchNorm do not, since its statistics are frozen in evaluation
    mode. Tensors that do nothing at all, such as those of zeros, are not listed: what passes is
    doubled without an effect, but not replaced by noise of its own size.

    Args:
        problem: Network and inputs; the first ``TRIED`` of them are used.
        tolerance: Largest change of an output, relative to how much outputs differ between samples.
    """
    inputs = problem.data[0][:TRIED]
    module, inputs = _in_double(problem.module, inputs)
    before = _outputs(module, inputs)
    rng = torch.Generator().manual_seed(0)
    named = dict(module.named_parameters())
    free = []
    for name in problem.shapes:
        value, kept = named[name], named[name].clone()
        value.mul_(2)
        doubled = _distance(before, _outputs(module, inputs))
        noise = torch.randn(kept.shape, generator=rng, dtype=kept.dtype)
        value.copy_(noise * (kept.norm() / noise.norm()))
        replaced = _distance(before, _outputs(module, inputs))
        value.copy_(kept)
        if doubled <= tolerance < replaced:
            free.append(name)
    return tuple(free)


def norm_controlled(
    problem: ModuleProblem, norms: Mapping[str, float], tolerance: float = TOLERANCE
) -> ModuleProblem:
    """Return the same function with scale-free tensors put back to given norms.

    Training lets such tensors grow, which makes noise of a fixed size in the parameters disturb
    the function less; with their norms at initialisation, networks are compared on one scale.
    Tensors whose scale matters, and gains and biases of the normalisation, stay as they are.

    Args:
        problem: The network.
        norms: Wanted Euclidean norms by name of the tensor, positive; those of `scale_free`.
        tolerance: Largest change of an output, relative to how much outputs differ between samples.

    Raises:
        ValueError: If a name is unknown, a norm is not positive, or the function changes.
    """
    module = copy.deepcopy(problem.module).requires_grad_(False)
    named = dict(module.named_parameters())
    for name, norm in norms.items():
        if name not in problem.shapes:
            raise ValueError(f"no parameter {name} moves; there are {', '.join(problem.shapes)}")
        now = float(named[name].norm())
        if not (0 < norm < float("inf") and 0 < now < float("inf")):
            raise ValueError(f"{name} of norm {now:g} cannot be put to the norm {norm:g}")
        named[name].mul_(norm / now)
    before, inputs = _in_double(problem.module, problem.data[0])
    change = _distance(_outputs(before, inputs), _outputs(_in_double(module, inputs)[0], inputs))
    if not change <= tolerance:
        raise ValueError(
            f"the function changes by {change:.2g} with the norms of {', '.join(norms)}: put back"
            " only tensors that scale_free lists, and to norms that are not tiny"
        )
    return problem.at(module.state_dict(), f"{problem.id}/normed")


def _moving(problem: ModuleProblem) -> dict[str, Tensor]:
    named = dict(problem.module.named_parameters())
    return {name: named[name].detach() for name in problem.shapes}


def _in_double(module: nn.Module, inputs: Tensor) -> tuple[nn.Module, Tensor]:
    """Return copies in double precision: the change is that of the function, not round-off."""
    copied = copy.deepcopy(module).double().requires_grad_(False)
    return copied, inputs.double() if inputs.is_floating_point() else inputs


def _outputs(module: nn.Module, inputs: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([module(part) for part in torch.split(inputs, CHUNK)])


def _distance(before: Tensor, after: Tensor) -> float:
    """Return the largest change of an output, relative to its spread between samples."""
    spread = (before - before.mean(0)).abs().max()
    return float((after - before).abs().max() / spread.clamp_min(1e-300))
