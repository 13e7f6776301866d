"""The guard on the reference point of a network whose coefficient is unknown: is it a minimum?"""

import math
from typing import NamedTuple, final

import torch
from torch import Tensor

from llcbench.records import Guard
from llcbench.sampling.loss_abilities import trained
from llcbench.sampling.moment_guards import guard
from llcbench.sampling.target import Target

# Largest gain of energy downhill, as a share of the estimate, which is too small by up to twice it.
GAIN = 0.05
# Steps downhill, two gradients each; one above so many parameters, where vectors are large.
STEPS, LARGE = 6, 2**24
# Share of the samples of a run that the guard may look at.
COST = 0.05
# Fewest samples from which a direction is taken.
FEWEST = 32
# Errors by which an estimate is below 0, and not by chance.
SURE = 3.0
# First trial step in units of 1 / sqrt(gamma).
TRIAL = 0.05


@final
class Descent(NamedTuple):
    """What a few steps downhill from ``w_star`` say.

    Attributes:
        gain: Decrease of ``nbeta L + gamma/2 |r|^2``, at least 0.
        slope: ``|grad L|`` at ``w_star``.
        noise: Standard error of that gradient, from two halves of the samples.
        samples: Samples of the loss; the decrease was measured on others where they are not all.
    """

    gain: float
    slope: float
    noise: float
    samples: int


def minimum(target: Target, llc: float, rng: torch.Generator, error: float = 0.0) -> Guard | None:
    """Return the guard: what descending from ``w_star`` gains, as a share of the estimate.

    At a minimum it is 0. Elsewhere chains fall below the loss at ``w_star``, and a perfect sampler
    returns less by one to two times the gain: once in directions that ``nbeta L`` binds, twice in
    those that the localisation binds. An estimate below 0 by more than `SURE` errors is a gain too.

    None for problems of the catalogue, which are at the point that their coefficient belongs to;
    where there are no data; and where a look would cost more than `COST` of the run.

    Args:
        target: What was sampled.
        llc: The estimate.
        rng: Source of the samples, where not all are looked at.
        error: Standard error of the estimate.
    """
    if not trained(target.problem) or target.data is None or not target.problem.num_data:
        return None
    found = descent(target, int(COST * target.sample_grads), rng)
    if found is None:
        return None
    # Chains below the loss at w_star have gained that much, however short the way of the descent.
    gain = max(found.gain, -llc - SURE * error)
    share = gain / abs(llc) if llc else math.inf
    errors = found.slope / found.noise if found.noise > 0 else math.inf
    return guard(
        "minimum",
        share,
        f"<= {GAIN:g}",
        share <= GAIN,
        "share of the estimate that steps downhill from w_star gain: it is no minimum of this loss"
        f" (|grad L| = {found.slope:.2g}, {errors:.2g} of its standard errors), and the estimate is"
        " too small by one to two times as much; train further, or take problem.realised(...) or"
        " problem.restricted(...); longer chains change nothing",
    )


def descent(target: Target, samples: int, rng: torch.Generator) -> Descent | None:
    """Descend from ``w_star`` by conjugate gradients and return what it gains.

    Args:
        target: The loss, with nbeta and gamma.
        samples: How many may be evaluated in all.
        rng: Source of the samples.

    Returns:
        None if there are too few.
    """
    steps = STEPS if target.dim <= LARGE else 1
    number = target.problem.num_data or 0
    # A gradient and its noise, then two gradients a step. Fewer steps on all data say more than
    # more steps on some.
    affordable = samples // number // 2 - 1
    steps = min(steps, affordable) if affordable > 0 else steps
    size = min(number, samples // (2 * steps + 2))
    if size < min(number, 2 * FEWEST):
        return None
    mode = torch.no_grad() if target.loss.autograd else torch.inference_mode()
    with mode:
        if size == number:
            batch = tested = target.loss.draw(1, None, rng)
        else:
            batch, tested = (target.loss.draw(1, size // 2, rng) for _ in range(2))
        star = target.w_star.unsqueeze(0)
        noise = _noise(target, star, size, rng)
        slope, gain = _descended(target, star, batch, tested, steps)
    return Descent(gain, slope, noise, size)


def _noise(target: Target, star: Tensor, size: int, rng: torch.Generator) -> float:
    """Return the standard error of the gradient on all data, from two batches."""
    half = max(min(size, 2 * FEWEST) // 2, 1)
    one, two = (
        target.loss.excess_and_grad(star, target.loss.draw(1, half, rng))[1] for _ in range(2)
    )
    # The variance on a batch is half of the mean square difference.
    square = float((one - two).square().sum()) / 2
    return math.sqrt(square * half / (target.problem.num_data or 1))


def _descended(
    target: Target, star: Tensor, batch: object, tested: object, steps: int
) -> tuple[float, float]:
    """Return ``|grad L|`` at the start, and the largest decrease of the potential on the way."""
    nbeta, gamma = target.nbeta, target.gamma

    def slope_at(offset: Tensor) -> Tensor:
        grad = target.loss.excess_and_grad(star + offset, batch)[1]
        return nbeta * grad + gamma * offset

    def potential(offset: Tensor) -> float:
        value = float(target.loss.excess(star + offset, tested))
        return nbeta * value + 0.5 * gamma * float(offset.square().sum())

    place = torch.zeros_like(star)
    slope = slope_at(place)
    start = float(slope.norm()) / nbeta
    gain, ahead = 0.0, -slope
    for _ in range(steps):
        length = float(ahead.norm())
        if not 0 < length < math.inf:
            break
        trial = TRIAL / (math.sqrt(max(gamma, 1.0)) * length)
        down = float((slope * ahead).sum())
        curved = float(((slope_at(place + trial * ahead) - slope) * ahead).sum()) / trial
        # Without curvature the localisation is what ends the way.
        step = -down / max(curved, gamma * length**2, 1e-12)
        if not step > 0:
            break
        place = place + step * ahead
        value = potential(place)
        if not math.isfinite(value):
            break
        gain = max(gain, -value)
        old, slope = slope, slope_at(place)
        # Polak and Ribiere, restarted where it points uphill.
        weight = float((slope * (slope - old)).sum()) / float(old.square().sum())
        ahead = max(weight, 0.0) * ahead - slope
        if float((slope * ahead).sum()) >= 0:
            ahead = -slope
    return start, gain
