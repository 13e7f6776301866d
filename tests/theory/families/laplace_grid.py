"""Laplace integrals at very low temperatures, in logarithmic coordinates."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import logsumexp

# Points of the grid at a time; more do not fit into the caches.
CHUNK = 20_000


def log_laplace(log_integrand: Callable[..., np.ndarray], axes: Sequence[np.ndarray]) -> float:
    """Return the log of a sum over a grid; the first axis is split to bound the memory."""
    first, *others = axes
    rest = np.meshgrid(*others, indexing="ij", sparse=True)
    many = max(1, CHUNK // math.prod(map(len, others)))
    columns = first.reshape(-1, *(1 for _ in others))
    parts = [
        logsumexp(log_integrand(columns[start : start + many], *rest))
        for start in range(0, len(first), many)
    ]
    return float(logsumexp(parts))


def powers(
    log_z: Callable[[float], float], log_t: tuple[float, float, float]
) -> tuple[float, float]:
    """Return lambda and m - 1 from three equally spaced values of log t.

    log Z = c - lambda log t + (m - 1) log log t, up to terms that vanish with 1/log t.
    """
    rows = np.array([[1.0, -u, math.log(u)] for u in log_t])
    _, rate, order = np.linalg.solve(rows, [log_z(u) for u in log_t])
    return float(rate), float(order)
