"""Helpers of the makers of statistical problems."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from llcbench.problems.models.likelihood import Array, Likelihood, Model
from llcbench.types import Truth
from theory.coefficient import RLCT
from theory.combine import at_deepest


def model_problem(
    identifier: str,
    model: Model,
    local: Callable[[], RLCT],
    deepest: str,
    formula: str,
    why_hard: str,
    *,
    point: Array | None = None,
    global_: Callable[[], RLCT] | None = None,
) -> Likelihood:
    """Return a statistical problem.

    Args:
        identifier: Stable name.
        model: The density.
        local: Computes the coefficient at the point; called at once, so that inadmissible sizes
            are refused before anything is built.
        deepest: Where the global minimum is attained, in words.
        formula: The model in one line.
        why_hard: What an estimator can get wrong here.
        point: Reference point; None is the origin.
        global_: Computes the global coefficient; None if the point attains it.
    """
    local()
    return Likelihood(
        id=identifier,
        model=model,
        point=np.zeros(model.dim) if point is None else point,
        truth_function=lambda: Truth(at_point(local()), at_deepest((global_ or local)(), deepest)),
        formula=formula,
        why_hard=why_hard,
        keywords=frozenset({"statistical-model"}),
    )


def at_point(coefficient: RLCT) -> RLCT:
    """Return a coefficient as a local one: the point is the family's own deepest one."""
    return replace(coefficient, scope="local")


def check_size(identifier: str, size: int, smallest: int, largest: int) -> None:
    """Refuse a size that is out of range.

    Raises:
        ValueError: If it is.
    """
    if not smallest <= size <= largest:
        raise ValueError(
            f"{identifier!r}: the size must be between {smallest} and {largest}, got {size}"
        )
