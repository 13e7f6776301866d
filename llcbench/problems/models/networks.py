"""Problems with small networks and factorisations seen through regression."""

from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from llcbench.problems.models.assemble import check_size, model_problem
from llcbench.problems.models.least_squares import Function, InputDesign, LeastSquares
from llcbench.problems.models.likelihood import Array, Likelihood
from llcbench.problems.polynomials.algebra import filters, matrices, networks
from llcbench.problems.polynomials.algebra.definition import Definition
from theory.combine import equivalent
from theory.families import one_hidden_unit, relu_identifiable


def _regression(
    identifier: str,
    definition: Definition,
    function: Function,
    design: InputDesign,
    formula: str,
    statement: str,
) -> Likelihood:
    """Return the regression whose population loss has the ideal of a polynomial problem."""
    star = np.array(definition.point, dtype=np.float64)
    return model_problem(
        identifier, LeastSquares(len(star), function, design, star),
        lambda: equivalent(definition.local(), statement), definition.deepest, formula,
        definition.why_hard,
        point=star, global_=definition.global_,
    )  # fmt: skip


def _phase(identifier: str, dim: int, nonzero: int) -> Likelihood:
    check_size(identifier, dim, 1, 5)
    return _regression(
        identifier, matrices.MAKERS["phase"].make(dim, nonzero),
        lambda theta, x: (x @ theta.unsqueeze(2)).square(), InputDesign("normal", dim, 3),
        f"y = (w . x)^2 + N(0, 1), x normal in R^{dim}, truth {'(x_1)^2' if nonzero else '0'}",
        "the quadratic form of normal inputs determines w w^T: K = |D|^2 + tr(D)^2 / 2",
    )  # fmt: skip


def _quadratic(identifier: str, units: int) -> Likelihood:
    check_size(identifier, units, 1, 20)

    def function(theta: Tensor, x: Tensor) -> Tensor:
        a, b = theta[:, None, :units], theta[:, None, units:]
        return (a * (x * b).square()).sum(2, keepdim=True)

    return _regression(
        identifier, networks.MAKERS["quadratic"].make(units), function, InputDesign("normal", 1, 3),
        f"y = sum_i a_i (b_i x)^2 + N(0, 1), {units} units, truth 0",
        "K = 3/2 (sum_i a_i b_i^2)^2 for a normal input",
    )  # fmt: skip


def _cp(identifier: str, rank: int, *dims: int) -> Likelihood:
    check_size(identifier, sum(dims), 1, 10)
    edges = np.cumsum([0, *dims])

    def function(theta: Tensor, x: Tensor) -> Tensor:
        rows = theta.reshape(-1, rank, sum(dims)).mT
        parts = [x[..., low:high] @ rows[:, low:high] for low, high in pairwise(edges)]
        return torch.stack(parts).prod(0).sum(2, keepdim=True)

    return _regression(
        identifier,
        matrices.MAKERS["cp"].make(rank, *dims),
        function,
        InputDesign("signs", sum(dims)),
        f"y = sum_r prod_f (u_rf . x_f) + N(0, 1), {rank} terms, signs x_f, dims"
        f" {'-'.join(map(str, dims))}",
        "products of independent signs are orthonormal: K = |T - T*|^2 / 2",
    )  # fmt: skip


def _conv(identifier: str, first: int, second: int, *, common: bool) -> Likelihood:
    check_size(identifier, first + second, 2, 9)
    if common:
        definition = filters.MAKERS["roots"].make(first, second, 1, 1)
    else:
        definition = filters.MAKERS["filters"].make(first, second)
    length = first + second - 1

    def function(theta: Tensor, x: Tensor) -> Tensor:
        outer = (theta[:, :first, None] * theta[:, None, first:]).flip(2)
        sums = [outer.diagonal(second - 1 - k, 1, 2).sum(1) for k in range(length)]
        kernel = torch.stack(sums, dim=1)[:, None, :, None]
        return (x.unfold(2, length, 1) @ kernel).squeeze(3)

    return _regression(
        identifier, definition, function, InputDesign("signs", length + 1),
        f"y = a * b * x + N(0, I), one channel, filters of lengths {first} and {second}, two"
        f" outputs, truth {'with a common root' if common else '0'}",
        "the outputs see the composed filter through independent inputs: K = |a * b - c|^2",
    )  # fmt: skip


def _unit(identifier: str, inputs: int, outputs: int) -> Likelihood:
    check_size(identifier, inputs, 1, 3)
    check_size(identifier, outputs, 1, 10)

    def function(theta: Tensor, x: Tensor) -> Tensor:
        hidden = torch.tanh(x @ theta[:, outputs:].unsqueeze(2))
        return hidden * theta[:, None, :outputs]

    star = np.zeros(inputs + outputs)
    model = LeastSquares(len(star), function, InputDesign("normal", inputs, 16), star)
    return model_problem(
        identifier, model, lambda: one_hidden_unit(inputs, outputs),
        "attained where both layers vanish",
        f"y = a tanh(b . x) + N(0, I), {inputs} inputs, {outputs} outputs, truth 0",
        "One unit: either layer can vanish; the loss is bounded along the first one.",
    )  # fmt: skip


def _relu(identifier: str, units: int, inputs: int, *, bias: bool) -> Likelihood:
    check_size(identifier, inputs, 1, 2)
    check_size(identifier, units, 1, 6)
    relu_identifiable(units, inputs, bias)
    star = _teacher(units, inputs, bias=bias)

    def function(theta: Tensor, x: Tensor) -> Tensor:
        a, rest = theta[:, None, :units], theta[:, units:]
        slopes = rest[:, : units * inputs].reshape(-1, units, inputs)
        shift = rest[:, None, units * inputs :] if bias else theta.new_zeros(1, 1, 1)
        return (a * torch.relu(x @ slopes.mT + shift)).sum(2, keepdim=True)

    model = LeastSquares(len(star), function, InputDesign("uniform", inputs, 48 // inputs), star)
    return model_problem(
        identifier, model, lambda: relu_identifiable(units, inputs, bias),
        "true parameters differ by the order of the units and by their scales",
        f"y = sum_i a_i relu(b_i . x{' + c_i' if bias else ''}) + N(0, 1), {units} units,"
        f" {inputs} inputs uniform on [-2, 2], teacher = student",
        "Scales of the units are free; kinks move through the data.",
        point=star,
    )  # fmt: skip


def _teacher(units: int, inputs: int, *, bias: bool) -> Array:
    """Return generic active units: output weights, directions on the circle, biases."""
    index = np.arange(units)
    outputs = (1.0 + 0.3 * index) * np.where(index % 3 == 2, -1.0, 1.0)
    # Multiples of the golden angle never coincide; on the line the units take both signs.
    angles = 0.3 + 2 * np.pi * 0.381966 * index
    slopes = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    if inputs == 1:
        slopes = np.where(index % 2, -1.0, 1.0)[:, None]
    shifts = 0.5 * (index - (units - 1) / 2) * np.where(index % 2, -1.0, 1.0) + 0.1
    return np.concatenate([outputs, slopes.ravel(), shifts if bias else []])


MAKERS = {
    r"phase-(\d+)-(\d+)": _phase,
    r"quadratic-(\d+)": _quadratic,
    r"cp-(\d+)-(\d+)-(\d+)": _cp,
    r"cp-(\d+)-(\d+)-(\d+)-(\d+)": _cp,
    r"conv-(\d+)-(\d+)": partial(_conv, common=False),
    r"conv-(\d+)-(\d+)-common": partial(_conv, common=True),
    r"unit-(\d+)-(\d+)": _unit,
    r"relu-(\d+)-(\d+)": partial(_relu, bias=False),
    r"relu-(\d+)-(\d+)-bias": partial(_relu, bias=True),
}
NAMED = (
    "phase-2-0",
    "phase-2-1",
    "phase-3-0",
    "quadratic-1",
    "quadratic-2",
    "quadratic-3",
    "cp-1-2-2",
    "cp-2-2-2-2",
    "cp-2-2-2-3",
    "conv-2-2",
    "conv-3-2",
    "conv-3-2-common",
    "unit-1-1",
    "unit-2-1",
    "unit-2-2",
    "relu-1-1",
    "relu-2-1-bias",
    "relu-3-2",
    "relu-2-2-bias",
)
