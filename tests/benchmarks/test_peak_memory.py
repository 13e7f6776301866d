"""Peak memory of an SGLD chain of 6 and 100 million weights, in bytes of its parameters.

``pytest tests/benchmarks/test_peak_memory.py --benchmark-only`` prints the peak of two steps in a
process of its own, without what imports take, and as a control that of the same process after two
more copies of the parameters. The time is that of the whole process.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "llcbench" / "large_chain.py"
# Width, layers, batch.
CASES = {"6M": (1100, 5, 100), "100M": (1700, 35, 500)}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak from /proc")
@pytest.mark.parametrize("name", CASES)
def test_peak_memory(benchmark: Any, capsys: Any, name: str) -> None:
    command = [sys.executable, str(SCRIPT), *map(str, CASES[name])]

    def run() -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    output = json.loads(benchmark.pedantic(run, rounds=1, iterations=1))
    benchmark.extra_info["peak"] = output
    with capsys.disabled():
        print(
            f"\n{name:5s} dim {output['dim']:>11,d}: peak {output['lean']:.2f} times the bytes of"
            f" the parameters, {output['with two copies']:.2f} with two more copies",
            end="",
        )
