"""Expressions at many floating-point places at once, for pictures only."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from theory.polynomials.trees import Number, Power, Product, Sum, Symbol, Tree

Array = NDArray[np.float64]


def values(tree: Tree, grid: Mapping[str, Array]) -> Array:
    """Return the values of an expression at floating-point places."""
    match tree:
        case Number(number):
            return np.full_like(next(iter(grid.values())), float(number))
        case Symbol(name):
            return grid[name]
        case Power(base, exponent):
            return np.asarray(values(base, grid) ** exponent, dtype=np.float64)
        case Sum(parts):
            return np.asarray(sum(values(part, grid) for part in parts), dtype=np.float64)
        case Product(parts):
            total = np.ones_like(next(iter(grid.values())))
            for part in parts:
                total = total * values(part, grid)
            return total
