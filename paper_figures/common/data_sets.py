"""Regressions on many data sets at once: one chain for each, along an axis of the moments.

A model that is linear in its inputs meets its data in three moments only, so that chains on a
hundred data sets cost what a hundred chains on one of them do.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # torch takes seconds to import, and drawing needs none
    import numpy as np
    from numpy.typing import NDArray

    from llcbench.sampling.target import AnySampler, Target

NOISE_SD = 0.5


def regression(name: str, noise_sd: float = NOISE_SD) -> Any:
    """Return a built-in polynomial as a regression ``y = f(w) x + noise``, without data yet."""
    import llcbench

    problem: Any = llcbench.problem(name)
    return replace(problem, noise_sd=noise_sd)


def drawn(noisy: Any, name: str, count: int) -> list[Any]:
    """Draw data sets, one for each of the replicates of a name.

    Args:
        noisy: Problem with a number of samples.
        name: Of the seeds; equal names give equal data.
        count: How many.
    """
    import llcbench

    seeds = [llcbench.Seeds(problem=name, replicate=number) for number in range(count)]
    return [noisy.sample_data(each.generator("data")) for each in seeds]


def target_on(
    base: Any, noisy: Any, sets: Sequence[Any], nbeta: float, gamma: float
) -> "Target":  # fmt: skip
    """Return the target of as many chains as there are data sets, one set for each.

    Args:
        base: Problem without data.
        noisy: The same with a number of samples.
        sets: What `drawn` returned for it.
        nbeta: Samples times inverse temperature.
        gamma: Localisation.
    """
    import torch

    import llcbench
    from llcbench.problems.squared.batches import Moments

    moments = [noisy.bind(data, torch.float64).moments for data in sets]
    second, cross, noise = (torch.stack(part) for part in zip(*moments, strict=True))
    target: Target = llcbench.Target(base, nbeta, gamma, len(sets))
    loss: Any = target.loss
    target.loss = replace(loss, moments=Moments(second, cross, noise.mean()))
    return target


def sampled(
    target: "Target", sampler: "AnySampler", name: str, way: str, *, draws: int, burnin: int = 0
) -> "NDArray[np.float64]":
    """Sample and return the excess losses that count, ``(chains, draws)``.

    Args:
        target: Of all chains.
        sampler: What moves them.
        name: First half of the seeds.
        way: Second half, the sampler and its options.
        draws: Steps that count.
        burnin: Steps before.

    Raises:
        ValueError: If a chain fails.
    """
    import llcbench
    from llcbench.sampling.loop import sample

    seeds = llcbench.Seeds(problem=name, sampler=way)
    trace = sample(
        target, sampler, num_draws=draws, num_burnin=burnin, noise=seeds.generator("noise"),
        batches=seeds.generator("batch"),
    )  # fmt: skip
    if trace.status != "ok":
        raise ValueError(f"{name}, {way}: {trace.status}, {trace.message}")
    return trace.kept


def rounded(values: Iterable[float]) -> list[float]:
    """Return values to six decimals, which keeps a CSV of many estimates small."""
    return [round(float(value), 6) for value in values]
