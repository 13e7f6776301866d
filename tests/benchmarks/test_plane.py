"""Time of the exact solver on plane germs of degree at most 12.

Run with ``pytest tests/benchmarks/test_plane.py --benchmark-only -s``; the quantiles of one round
are printed and held against generous limits, because machines differ.
"""

import random
import statistics
import time
from typing import Any

from theory import rlct

BRANCHES = (
    "y",
    "x",
    "y - x^2",
    "y + x - x^3",
    "y^2 - x^3",
    "(y - x)^2 + x^4",
    "y^2 - 2*x^2",
    "(y^2 - x^3)^2 - x^5*y",
    "y^3 - 2*x^4",
    "(y - x^2)^2 - 2*x^5",
    "x^2 + y^2",
    "(x + y)^3 - 2*x^4",
)


def germs() -> list[str]:
    """Return products with structure, and dense polynomials without any."""
    rng = random.Random(0)
    results = []
    for _ in range(60):
        chosen = rng.sample(BRANCHES, 2)
        results.append("*".join(f"({text})^{rng.choice((1, 2))}" for text in chosen))
        degree = rng.randint(6, 12)
        terms = [
            f"({rng.randint(-3, 3)})*x^{i}*y^{j}"
            for i in range(degree + 1)
            for j in range(degree + 1 - i)
            if i + j > 1
        ]
        results.append(" + ".join(terms))
    return results


def test_plane_germs(benchmark: Any) -> None:
    cases = germs()
    times: list[float] = []

    def work() -> None:
        times.clear()
        for K in cases:
            start = time.perf_counter()
            rlct(K, absolute=True)
            times.append(time.perf_counter() - start)

    benchmark.pedantic(work, rounds=3)
    median, tail = statistics.median(times), statistics.quantiles(times, n=20)[-1]
    print(f"\nplane germs: median {median * 1e3:.1f} ms, 95 % {tail * 1e3:.1f} ms")
    assert median < 0.02
    assert tail < 0.3
