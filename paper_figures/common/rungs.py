"""Measurements of the ladder from volumes to minibatches: one coefficient, four ways to it."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from llcbench.report.figures.rows import Row
from paper_figures.common.data_sets import drawn, regression, sampled, target_on

VOLUME, POPULATION, DATA, LOCAL = (
    "1 volume", "2 population energy", "3 energy on data", "4 local minibatches",
)  # fmt: skip
EXACT_SETS, CHAINS, SETS, LOCAL_SETS = 200, 32, 60, 20
# Localisation of the prior N(0, 100^2).
WIDE = 1e-4
EDGES = np.geomspace(1e-5, 10, 31)


def volume(power: str) -> Iterator[Row]:
    """Yield slopes of the volume by multilevel splitting, 16 runs, for a power such as ``x4``."""
    import llcbench
    from llcbench.estimators.volume_scaling import VolumeScaling

    settings = llcbench.Settings(nbeta=1e3, gamma=0.01, num_chains=16)
    estimator = VolumeScaling(settings=settings, particles=400)
    problem = llcbench.problem(f"poly/{power}")
    exact: Any = estimator.tempered(problem, 1e3, 0.01, None)
    common: dict[str, Any] = {"rung": VOLUME, "power": power}
    yield {**common, "kind": "exact", "llc": exact.value}
    found = estimator.estimate(problem, llcbench.RunContext(llcbench.Seeds(problem=f"f16/{power}")))
    for llc in found.llc_per_chain:
        yield {**common, "kind": "run", "llc": llc}


def population(draws: int) -> Iterator[Row]:
    """Yield means and variances of energies by chain, and their histogram, in population."""
    import llcbench

    problem = llcbench.problem("poly/x4")
    exact: Any = problem.tempered(0.1, 0.01)
    yield {"rung": POPULATION, "kind": "exact", "llc": exact.value}
    target = llcbench.Target(problem, 0.1, 0.01, CHAINS)
    energies = 0.1 * _hmc(target, 0.3, draws)
    for chain in energies:
        yield {"rung": POPULATION, "kind": "run", "llc": float(chain.mean()),
               "variance": float(chain.var(ddof=1))}  # fmt: skip
    shares = np.histogram(energies, EDGES)[0] / energies.size
    for low, share in zip(EDGES, shares, strict=False):
        yield {"rung": POPULATION, "kind": "histogram", "edge": float(low), "share": float(share)}


def on_data(draws: int) -> Iterator[Row]:
    """Yield estimates by HMC on data sets, and what a perfect sampler returns on them."""
    problem, nbeta = _noisy(5000)
    sets = drawn(problem, problem.id, EXACT_SETS)
    yield from _perfect(problem, nbeta, sets, DATA)
    target = target_on(regression("poly/x4"), problem, sets[:SETS], nbeta, WIDE)
    for number, chain in enumerate(_hmc(target, 0.01, draws)):
        yield {"rung": DATA, "kind": "run", "set": number, "llc": nbeta * float(chain.mean())}


def local_minibatches() -> Iterator[Row]:
    """Yield estimates by SGLD on minibatches of data sets, and those of a perfect sampler."""
    import llcbench

    problem, nbeta = _noisy(1000)
    sets = drawn(problem, problem.id, EXACT_SETS)
    yield from _perfect(problem, nbeta, sets, LOCAL)
    settings = llcbench.Settings(
        nbeta=nbeta, gamma=0.0, num_chains=1, num_draws=5000, num_burnin=0, batch_size=100
    )
    estimator = llcbench.MeanEnergy(llcbench.SGLD(1e-3), settings)
    for number, data in enumerate(sets[:LOCAL_SETS]):
        seeds = llcbench.Seeds(problem="f16/local", replicate=number)
        found = estimator.estimate(problem, llcbench.RunContext(seeds, data=data))
        yield {"rung": LOCAL, "kind": "run", "set": number, "llc": found.llc}


def _noisy(size: int) -> tuple[Any, float]:
    """Return the regression on data of a size, and its ``nbeta``."""
    return regression("poly/x4").with_data(size), size / math.log(size)


def _perfect(problem: Any, nbeta: float, sets: Sequence[Any], rung: str) -> Iterator[Row]:
    for number, data in enumerate(sets):
        found = problem.tempered(nbeta, WIDE, data)
        yield {"rung": rung, "kind": "perfect", "set": number, "llc": found.value}


def _hmc(target: Any, step_size: float, draws: int) -> Any:
    import llcbench

    sampler = llcbench.make_sampler("hmc", {"step_size": step_size})
    name = f"f16/{target.nbeta:.6g}"
    return sampled(target, sampler, name, "hmc", draws=draws, burnin=500)
