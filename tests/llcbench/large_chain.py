"""Two steps of a large chain, and what its process takes at most.

Arguments: widths, layers, batch and the sampler, ``sgld`` by default.

Prints one line of JSON; peaks are in bytes of the parameters, without what imports take.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

from llcbench.problems.squared.linear_map import LinearNetwork
from llcbench.problems.squared.regression import Inputs, Regression
from llcbench.samplers.leimkuhler_matthews import LeimkuhlerMatthews
from llcbench.samplers.sgld import SGLD
from llcbench.sampling.target import Target


def memory(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024


SAMPLERS = {"sgld": SGLD, "leimkuhler_matthews": LeimkuhlerMatthews}


def main(width: int, layers: int, batch: int, name: str) -> None:
    # What libraries allocate on their first use belongs to the imports.
    torch.ones(64, 64) @ torch.ones(64, 64)
    before = memory("VmRSS")
    network = LinearNetwork((width,) * (layers + 1))
    point = np.full(network.dim, 1e-3, dtype=np.float32)
    problem = Regression(
        "large", network, lambda: point, None, None, "", "", scale=1e-3,
        inputs=Inputs("uniform10"), noise_sd=0.0, num_data=1_000_000,
    )  # fmt: skip
    rng = torch.Generator().manual_seed(0)

    def ratio() -> float:
        return (memory("VmHWM") - before) / (4 * network.dim)

    with torch.inference_mode():
        target = Target(problem, 1e4, 10.0, 1, problem.sample_data(rng), batch, torch.float32)
        target.next_batch(rng)
        sampler = SAMPLERS[name](1e-8)
        state = sampler.init(target.start(), target, rng)
        for _ in range(2):
            target.next_batch(rng)
            target.recording = True
            state, draw = sampler.step(state, target, rng)
        result = {"dim": network.dim, "lean": ratio()}
        copies = [draw.theta.clone() for _ in range(2)]
        result |= {"with two copies": ratio(), "copies": len(copies)}
    result["finite"] = bool(draw.loss.isfinite().all())
    result["shared"] = target.w_star.data_ptr() == point.ctypes.data
    print(json.dumps(result))


if __name__ == "__main__":
    sizes = [int(argument) for argument in sys.argv[1:4]]
    main(*sizes, sys.argv[4] if len(sys.argv) > 4 else "sgld")
