"""Runs of SGLD and of MALA on one perceptron after the other, with their time."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from llcbench.report.figures.rows import Row

INPUTS, HIDDEN, OUTPUTS = 10, (20, 20), 10
STEP_SIZE, DRAWS, BATCH = 1e-5, 10_000, 32
# Draws that all runs share at the small scale.
WINDOW = 1_000
# Draws that only their time is taken of.
TIMED = 60


def runs(size: int, repeat: int, draws: Callable[[str], int]) -> Iterator[Row]:
    """Sample a fresh network on data that it realises with both samplers.

    Args:
        size: Samples.
        repeat: Number of the network, its data and the noise.
        draws: How many for ``sgld`` and ``mala``; means are taken of whole runs and of their first
            draws, and of runs of `TIMED` draws only the time of a gradient.
    """
    import torch

    from llcbench.estimators.mean_energy import MeanEnergy
    from llcbench.networks.mlp import MLP
    from llcbench.samplers.mala import MALA
    from llcbench.samplers.sgld import SGLD
    from llcbench.sampling.loop import sample
    from llcbench.seeds import Seeds
    from llcbench.settings import Settings
    from paper_figures.common.relu_networks import initialise, on_its_own_data

    seeds = Seeds(0, f"f07-{size}", repeat)
    rng = seeds.generator("data")
    network = MLP(INPUTS, HIDDEN, OUTPUTS)
    initialise(network.layers, rng)
    inputs = 20 * torch.rand(size, INPUTS, generator=rng) - 10
    problem = on_its_own_data(network, inputs, f"f07-{size}")
    kernels = (("sgld", SGLD(STEP_SIZE), BATCH), ("mala", MALA(STEP_SIZE, adapt=0), None))
    for name, sampler, batch in kernels:
        settings = Settings(num_chains=1, batch_size=batch, dtype="float32")
        data: Any = problem.data
        target = MeanEnergy(sampler, settings).target(problem, data)
        noise = Seeds(0, f"f07-{size}", repeat, name).generator("noise")
        started = time.process_time()
        trace = sample(
            target, sampler, num_draws=draws(name), num_burnin=0, noise=noise,
            batches=seeds.generator("batch"),
        )  # fmt: skip
        spent = time.process_time() - started
        losses, count = trace.excess[0], trace.excess.size
        yield {
            "n": size, "repeat": repeat, "sampler": name, "status": trace.status, "draws": count,
            "llc": target.nbeta * float(losses.mean()) if count == DRAWS else None,
            "llc_window": target.nbeta * float(losses[:WINDOW].mean()) if count > TIMED else None,
            "acceptance": trace.acceptance,
            "cpu_ms_per_gradient": 1e3 * spent / target.grad_evals if count == TIMED else None,
        }  # fmt: skip
