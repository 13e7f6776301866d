"""Ways to make a new problem from known ones, with exact truth."""

import re

import torch
from torch import Tensor

from llcbench.checks import check_positive, check_size
from llcbench.problems.combinators.changed import Reparametrised, Rescaled
from llcbench.problems.combinators.sums import DirectSum
from llcbench.problems.family import MOST_ROTATED, MOST_SAMPLES
from llcbench.problems.linear_networks.points import frame, generator_of
from llcbench.problems.regular import build
from llcbench.types import Problem, TakesData

MODIFIERS = {
    "n<samples>": r"n([0-9]{1,18})",
    "scaled-<factor>": r"scaled-([0-9]+(?:\.[0-9]+)?)",
    "padded-<directions>": r"padded-([0-9]{1,18})",
    "rotated-<seed>": r"rotated-([0-9]{1,18})",
}


def split_modifiers(identifier: str) -> tuple[str, list[str]]:
    """Split trailing modifiers off an id: ``poly/x2/scaled-4/n100`` gives two."""
    parts = identifier.split("/")
    found: list[str] = []
    while len(parts) > 2 and any(re.fullmatch(p, parts[-1]) for p in MODIFIERS.values()):
        found.insert(0, parts.pop())
    return "/".join(parts), found


def modify(problem: Problem, modifiers: list[str], identifier: str) -> Problem:
    """Apply modifiers from left to right.

    Raises:
        ValueError: If a modifier does not apply to this problem.
    """
    for text in modifiers:
        kind, _, value = text.partition("-")
        if kind == "scaled":
            problem = rescaled(problem, float(value))
        elif kind == "padded":
            problem = padded(problem, int(value))
        elif kind == "rotated":
            problem = rotated(problem, int(value))
        elif isinstance(problem, TakesData):
            if int(kind[1:]) < 2:
                raise ValueError(f"{identifier!r}: {text!r} must name at least 2 samples")
            check_size(identifier, "samples", int(kind[1:]), MOST_SAMPLES)
            problem = problem.with_data(int(kind[1:]))
        else:
            raise ValueError(f"{identifier!r}: put {text!r} right after the base problem")
    return problem


def direct_sum(first: Problem, second: Problem, identifier: str | None = None) -> DirectSum:
    """Return ``L(u, v) = L_1(u) + L_2(v)``: coefficients add, tempered values too."""
    name = identifier or f"sum.{first.id.replace('/', '_')}.{second.id.replace('/', '_')}"
    return DirectSum(name, first, second)


def padded(problem: Problem, directions: int) -> DirectSum:
    """Return the problem with regular directions added: the coefficient grows by half of them.

    Raises:
        ValueError: If the number of directions is not positive.
    """
    if directions < 1:
        raise ValueError(f"padded-{directions}: the number of directions must be positive")
    extra = build(f"regular/d{directions}")
    if problem.num_data is not None:
        extra = extra.with_data(problem.num_data)
    return direct_sum(problem, extra, f"{problem.id}/padded-{directions}")


def rescaled(problem: Problem, factor: float) -> Rescaled:
    """Return ``factor * L``: the coefficient stays, the tempered value is that at another nbeta.

    Raises:
        ValueError: If the factor is not a finite positive number.
    """
    factor = check_positive("", f"the factor of scaled-{factor:g}", factor)
    return Rescaled(f"{problem.id}/scaled-{factor:g}", problem, factor)


def rotated(problem: Problem, seed: int) -> Reparametrised:
    """Return the problem in rotated coordinates: all three truths stay, the axes do not.

    Raises:
        ValueError: If it has so many parameters that the rotation does not fit.
    """
    check_size(f"{problem.id}/rotated", "parameters", problem.dim, MOST_ROTATED)
    rotation = frame(problem.dim, problem.dim, generator_of(f"rotation/{problem.dim}/{seed}"))
    matrix = torch.from_numpy(rotation)
    return Reparametrised(
        id=f"{problem.id}/rotated-{seed}",
        base=problem,
        forward=lambda theta: theta @ matrix.to(theta).T,
        pullback=lambda theta, grad: grad @ matrix.to(theta),
        point=matrix.T @ problem.w_star(),
        isometry=True,
        statement=f"rotation with seed {seed}, an isometry",
    )


def sheared(problem: Problem, strength: float = 1.0) -> Reparametrised:
    """Return the problem seen through ``w_1 -> w_1 + strength * w_2^2``, which bends its zero set.

    A polynomial diffeomorphism of the plane: both coefficients stay; the localisation is no longer
    centred in the same way, so the tempered value changes and is left to the caller.

    Raises:
        ValueError: If the problem has fewer than two parameters.
    """
    if problem.dim < 2:
        raise ValueError(f"{problem.id} has one parameter; a shear needs two")

    def forward(theta: Tensor) -> Tensor:
        moved = theta.clone()
        moved[:, 0] += strength * theta[:, 1].square()
        return moved

    def pullback(theta: Tensor, grad: Tensor) -> Tensor:
        moved = grad.clone()
        moved[:, 1] += 2 * strength * theta[:, 1] * grad[:, 0]
        return moved

    point = problem.w_star()
    point[0] -= strength * point[1] ** 2
    return Reparametrised(
        id=f"{problem.id}/sheared-{strength:g}",
        base=problem,
        forward=forward,
        pullback=pullback,
        point=point,
        isometry=False,
        statement=f"w_1 -> w_1 + {strength:g} w_2^2, a polynomial diffeomorphism",
    )
