"""Training of a deep linear network from saddle to saddle: estimates, truths and plateaus.

The network is trained on ``10 diag(1..5)`` from a small start, so that the singular values of its
product are learned one after the other, the largest first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from llcbench.report.figures.rows import Cells, picked
from theory import tempered
from theory.langevin.euler import euler_langevin

if TYPE_CHECKING:  # torch takes seconds to import, and drawing needs none
    import torch

    from llcbench.seeds import Seeds

Array = NDArray[np.float64]
SIZE, SAMPLES, BATCH, RATE = 5, 10_000, 128, 1e-4
STEP_SIZE, DRAWS, CHAINS = 1e-6, 100, 4
TEACHER = 10.0 * np.arange(SIZE, 0, -1)
# A singular value counts as absent or learned within this share of the teacher's.
NEAR = 0.05
NBETA = SAMPLES / np.log(SAMPLES)
# A plateau of fewer stops has no standard error to speak of.
FEWEST = 3


class Level(NamedTuple):
    """Mean estimate at the stops of one rank, and its standard error."""

    mean: float
    stderr: float


Levels = dict[int, Level]


def trained(
    width: int, steps: int, every: int, rng: "torch.Generator"
) -> tuple["torch.Tensor", Iterator[tuple[int, float, list[Array]]]]:  # fmt: skip
    """Train five layers of a width from normal weights of variance ``width^-1.5``.

    Args:
        width: Of the hidden layers.
        steps: Updates.
        every: Updates from one stop to the next.
        rng: Of weights and inputs; minibatches have the width as their seed.

    Returns:
        The inputs, and update, training loss and weights at every stop, the first layer first.
    """
    import torch
    from torch import nn

    from llcbench.networks.data import DataSet
    from llcbench.training.config import Training
    from llcbench.training.train import train

    widths = (SIZE, width, width, width, width, SIZE)
    network = nn.Sequential(*(nn.Linear(a, b, bias=False) for a, b in pairwise(widths)))
    with torch.no_grad():
        for weight in network.parameters():
            weight.normal_(std=width**-0.75, generator=rng)
    inputs = torch.randn(SAMPLES, SIZE, generator=rng)
    targets = inputs * torch.tensor(TEACHER[::-1].copy(), dtype=inputs.dtype)
    data = DataSet("diagonal", (inputs, targets), (inputs[:1], targets[:1]), "", "", None)
    stops = tuple(range(0, steps + 1, every))
    config = Training(lr=RATE, batch_size=BATCH, steps=steps, checkpoint_steps=stops)
    found = train(network, data, lambda f, y: (f - y).square().mean(1), config, seed=width)
    return inputs, (
        (stop.step, stop.train_loss, [each.double().numpy() for each in stop.state.values()])
        for stop in found.checkpoints
    )


def rank_of(values: Array) -> int | None:
    """Return how many directions are learned, None while one of them is on its way.

    Args:
        values: Singular values of the product, falling.
    """
    learned, absent = values > (1 - NEAR) * TEACHER, values < NEAR * TEACHER
    return int(learned.sum()) if bool((learned | absent).all()) else None


def estimate(layers: list[Array], inputs: "torch.Tensor", seeds: "Seeds") -> float | None:
    """Return the published estimate: 100 minibatch steps on targets that the weights realise.

    Args:
        layers: Weights, the first layer first.
        inputs: Of the training, ``(samples, size)``.
        seeds: Of noise and minibatches.
    """
    from llcbench.estimators.mean_energy import MeanEnergy
    from llcbench.problems.linear_networks.linear_model import linear_problem
    from llcbench.samplers.sgld import SGLD
    from llcbench.settings import Settings
    from llcbench.types import Data, RunContext

    problem = linear_problem(
        seeds.problem, layers, _unknown, "", frozenset(), scale=1 / SIZE, noise_sd=0.0
    )
    drawn = inputs.double()
    data = Data(drawn, drawn.new_zeros(()).expand(SAMPLES, SIZE))
    settings = Settings(num_chains=CHAINS, num_draws=DRAWS, num_burnin=0, batch_size=BATCH)
    estimator = MeanEnergy(SGLD(STEP_SIZE), settings)
    return estimator.estimate(replace(problem, num_data=SAMPLES), RunContext(seeds, data=data)).llc


def _unknown() -> NoReturn:
    raise ValueError("the coefficient at a stop of a training is not known in advance")


def perfect(layers: list[Array], inputs: Array) -> Cells:
    """Return what a perfect sampler gives at the temperature and localisation of the estimate."""
    found = tempered.linear_network(
        layers, NBETA, 1.0, 1 / SIZE,
        second_moment=inputs.T @ inputs / SAMPLES, rtol=0.02, max_sweeps=1000,
    )  # fmt: skip
    return {"tempered": found.value, "tempered_se": found.stderr}


def on_quadratic(rank: int) -> float:
    """Return the mean of the steps on the quadratic part, at balanced layers of a rank.

    Entry ``(i, j)`` of the product moves with ``sum_l p_i^(4-l) p_j^l``, ``p = s^(2/5)``.
    """
    power = np.where(np.arange(SIZE) < rank, TEACHER, 0.0) ** (2 / 5)
    sums = sum(np.multiply.outer(power ** (SIZE - 1 - k), power**k) for k in range(SIZE))
    law = euler_langevin(np.ravel(2 / SIZE * sums), NBETA, 1.0, STEP_SIZE)
    return float(np.mean([law.llc_after(step) for step in range(DRAWS)]))


def plateaus(rows: Sequence[Cells]) -> Levels:
    """Return the plateaus of a training by rank, those with fewer than three stops left out."""
    found = {}
    for rank in range(SIZE + 1):
        at = [row["llc"] for row in picked(rows, rank=rank)]
        values = np.array([value for value in at if value is not None], dtype=float)
        if len(values) >= FEWEST:
            found[rank] = Level(float(values.mean()), float(stats.sem(values)))
    return found
