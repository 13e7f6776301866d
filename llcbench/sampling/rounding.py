"""The guard on rounding: what the precision of a run does to its excess losses."""

import math

import torch
from torch import Tensor

from llcbench.records import Guard
from llcbench.sampling.chains import Trace
from llcbench.sampling.devices import generator_beside, whole_number
from llcbench.sampling.loss_abilities import placed, streamed
from llcbench.sampling.target import Target
from llcbench.types import Loss

# Largest share of the estimate that rounding may be.
SHARE = 0.05
# Points at which both precisions are compared, each on a batch of its own.
POINTS = 4
# No coefficient of interest is smaller: chains whose excess rounding has swallowed have none.
LEAST = 0.05
# Above so many parameters nothing is evaluated in double precision; above so many parameters times
# samples, a network is evaluated on a batch of this size.
LARGE, SLOW, BATCH = 2**22, 2**27, 256


def rounding(target: Target, trace: Trace, rng: torch.Generator) -> Guard:
    """Return the guard: rounding of ``nbeta (L(w) - L(w_star))`` as a share of the estimate.

    Or of ``LEAST`` where the estimate is smaller.

    In single precision it is measured, ``nbeta`` times the root mean square over points about
    ``w_star`` whose excess is that of the chain,

    ``excess in single precision - excess in double precision``, on the same batch.

    In double precision, and where double precision cannot be had (above ``LARGE`` parameters, for
    a module that does not run in it), it is ``eps |L(w_star)| nbeta`` with the spacing
    eps of the numbers at 1: a bound for a loss whose differences are formed after its mean.
    """
    kept = trace.kept
    size = max(abs(float(kept.mean())), LEAST / target.nbeta)
    exact = None if target.dtype == torch.float64 else in_double(target)
    if exact is None:
        error = torch.finfo(target.dtype).eps * abs(trace.loss_star)
    else:
        error = _measured(target, exact, size, rng)
    share = error / size
    return Guard(
        name="rounding",
        value=share if math.isfinite(share) else torch.finfo(torch.float64).max,
        limit=f"<= {SHARE:g}",
        passed=share <= SHARE,
        meaning="share of the estimate that rounding of nbeta * loss is: set dtype='float64', or"
        " take a large constant out of the loss",
    )


def in_double(target: Target) -> Loss | None:
    """Return the loss in double precision, None where it cannot be evaluated in it."""
    if target.dim > LARGE or streamed(target.data) is not None:
        return None
    try:
        loss = placed(target.problem.bind(target.data, torch.float64), target.device, "full")
        count = None if target.data is None else 2
        loss.excess(
            target.w_star.double()[None], loss.draw(1, count, torch.Generator(target.device))
        )
    except ValueError:  # a module or a loss of the caller's with constants in single precision
        return None
    return loss


def _measured(target: Target, exact: Loss, level: float, rng: torch.Generator) -> float:
    """Return the root mean square of the rounding of an excess."""
    star = target.w_star.double()
    samples = target.problem.num_data or 1 if target.loss.autograd else 1
    count = target.batch_size
    if count is None and target.data is not None and target.dim * samples > SLOW:
        count = BATCH
    squares = []
    for number in range(POINTS):
        seed = whole_number(0, 2**62, rng, number)
        # The same numbers give the same batch in both precisions.
        batch, same = (
            loss.draw(1, count, generator_beside(rng, seed)) for loss in (target.loss, exact)
        )
        direction = torch.empty_like(star).normal_(generator=rng)
        point = _at_level(exact, same, star, direction, level).to(target.dtype)[None]
        error = target.loss.excess(point, batch).double() - exact.excess(point.double(), same)
        squares.append(float(error.square()))
    return math.sqrt(sum(squares) / len(squares))


def _at_level(loss: Loss, batch: object, star: Tensor, direction: Tensor, level: float) -> Tensor:
    """Return a point on a ray from ``w_star`` at which the excess is near a level."""
    reach = 1e-2
    for _ in range(12):
        value = float(loss.excess((star + reach * direction)[None], batch))
        if not math.isfinite(value):
            reach /= 8
            continue
        factor = math.sqrt(level / value) if value > 0 else 8.0
        if 0.7 < factor < 1.5:
            break
        reach *= min(max(factor, 1 / 8), 8.0)
    return star + reach * direction
