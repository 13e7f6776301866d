"""Peak memory of a large chain in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json
from pathlib import Path
import numpy as np, torch
from llcbench.problems.linear_map import LinearNetwork
from llcbench.problems.regression import Inputs, Regression
from llcbench.samplers.sgld import SGLD
from llcbench.target import Target

def memory(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024

# What libraries allocate on their first use belongs to the imports.
torch.ones(64, 64) @ torch.ones(64, 64)
before = memory("VmRSS")
network = LinearNetwork((1100,) * 6)
point = np.full(network.dim, 1e-3, dtype=np.float32)
problem = Regression("large", network, lambda: point, None, None, "", "", scale=1e-3,
                     inputs=Inputs("uniform10"), noise_sd=0.0, num_data=1_000_000)
rng = torch.Generator().manual_seed(0)

def ratio():
    return (memory("VmHWM") - before) / (4 * network.dim)

with torch.inference_mode():
    target = Target(problem, 1e4, 10.0, 1, problem.sample_data(rng), 100, torch.float32)
    target.next_batch(rng)
    theta = target.start()
    for _ in range(2):
        target.next_batch(rng)
        theta, draw = SGLD(1e-8).step(theta, target, rng)
    lean = ratio()
    copies = [theta.clone() for _ in range(2)]
print(json.dumps({"lean": lean, "with two copies": ratio(), "dim": network.dim,
                  "finite": bool(draw.loss.isfinite().all()),
                  "shared": target.w_star.data_ptr() == point.ctypes.data}))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak from /proc")
def test_a_chain_takes_its_parameters_three_times():
    """Parameters and point are two; the rest is activations and blocks."""
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    print(f"\npeak bytes / parameter bytes: {found}")
    assert found["finite"]
    assert found["shared"]
    assert 2 <= found["lean"] <= 3.2
    assert found["with two copies"] > 4.2
