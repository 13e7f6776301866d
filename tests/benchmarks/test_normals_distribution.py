"""How far the noise of large states is from the normal distribution, over evenly chosen words.

``pytest tests/benchmarks/test_normals_distribution.py --benchmark-only`` puts one in sixteen of
all 2^32 words through the transformation and prints the largest distance of the distribution
function from the normal one, for the multiplier in use and for two that fill the square less
evenly.
"""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from llcbench.samplers import normals

TURNS = {"in use": normals._TURN, "513": 513, "33": 33}
LOW, ROWS = 2**23, 2**12


class Words:
    """Hands out given words where a generator of bits is expected."""

    def __init__(self) -> None:
        self.words = np.empty(0, dtype=np.uint32)

    def random_raw(self, size: int) -> Any:
        return self.words.view(np.uint64).copy()


def distance(every: int) -> float:
    """The largest distance, over all words whose low part is in the middle of ``every``."""
    edges = np.unique(np.concatenate([np.linspace(-5, 5, 401), np.linspace(-0.05, 0.05, 401)]))
    edges = edges.astype(np.float32)
    low = np.arange(every // 2, LOW, every, dtype=np.uint32)
    high = np.arange(512, dtype=np.uint32)[:, None] * np.uint32(LOW)
    stream, words = normals.Normals(2 * 512 * ROWS), Words()
    stream._bits = words
    counts = np.zeros(len(edges) + 1)
    for part in np.split(low, len(low) // ROWS):
        words.words = (high + part).ravel()
        places = torch.bucketize(stream.next(2 * words.words.size), torch.from_numpy(edges))
        counts += np.bincount(places.numpy(), minlength=len(counts))
    below = counts.cumsum()[:-1] / counts.sum()
    return float(np.abs(below - stats.norm.cdf(edges.astype(float))).max())


@pytest.mark.parametrize("name", TURNS)
def test_distance(benchmark: Any, capsys: Any, monkeypatch: Any, name: str) -> None:
    monkeypatch.setattr(normals, "_TURN", TURNS[name])
    result = benchmark.pedantic(distance, args=(16,), rounds=1, iterations=1)
    benchmark.extra_info["distance"] = result
    with capsys.disabled():
        print(
            f"\nmultiplier {name:7s} largest distance from the normal distribution {result:.1e}",
            end="",
        )
