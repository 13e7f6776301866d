"""Peak memory of a large chain in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "large_chain.py"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak from /proc")
@pytest.mark.parametrize(("sampler", "buffers"), [("sgld", 0), ("leimkuhler_matthews", 1)])
def test_a_chain_takes_its_parameters_three_times(sampler, buffers):
    """Parameters and point are two; the rest is activations, blocks and buffers of the sampler."""
    command = [sys.executable, str(SCRIPT), "1100", "5", "100", sampler]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    output = json.loads(done.stdout)
    print(f"\npeak bytes / parameter bytes: {output}")
    assert output["finite"]
    assert output["shared"]
    assert 2 <= output["lean"] - buffers <= 3.2
    assert output["with two copies"] - buffers > 4.2


PARENT = """
import subprocess, sys
held = bytearray(600_000_000)
held[::4096] = b"1" * len(held[::4096])
del held
child = "from llcbench.provenance import peak_bytes; print(peak_bytes())"
print(subprocess.run([sys.executable, "-c", child], capture_output=True, text=True).stdout)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="elsewhere it is not known")
def test_the_peak_of_a_process_is_not_that_of_the_one_which_started_it():
    done = subprocess.run([sys.executable, "-c", PARENT], capture_output=True, text=True)
    assert 1e7 < int(done.stdout) < 4e8
