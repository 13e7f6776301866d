"""Corrects what somebody else's SGLD loop has recorded."""

from dataclasses import dataclass, fields
from typing import Any, final

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from llcbench.checks import check_count, check_non_negative, check_positive
from llcbench.estimators.corrected import replaced
from llcbench.estimators.mean_energy import LEVEL, finite_or_none
from llcbench.intervals import student_quantile
from llcbench.records import Estimate, Guard, RunStatistic
from llcbench.sampling.correction import corrected
from llcbench.sampling.diagnostics import convergence, defect, mean_error
from llcbench.sampling.moment_guards import moment_guards
from llcbench.sampling.recorder import Recorded
from llcbench.sampling.trace_guards import moving, proper, trace_guards, unsaid_rejections
from llcbench.sampling.virial import RunMoments, fields_of
from llcbench.types import Discretisation

Array = NDArray[np.float64]
OWNER = "correct"


@final
@dataclass(frozen=True)
class SGLDTrace:
    """What a loop of ``w' = w - eps/2 (nbeta g + gamma r) + sqrt(eps) xi`` records at each step.

    ``g`` is the gradient of the loss on the batch of the step (without localisation, without
    nbeta), ``r = w - w_star``, both at the weights that enter the step. Arrays or nested sequences,
    ``(chains, draws)`` each; every k-th step will do, if it is the same for all four.

    Attributes:
        losses: Loss above the loss at ``w_star`` on the same batch.
        pulls: ``r . g``.
        distances: ``|r|^2``.
        slopes: ``|g|^2``.
    """

    losses: ArrayLike
    pulls: ArrayLike
    distances: ArrayLike
    slopes: ArrayLike

    def __post_init__(self) -> None:
        shape: tuple[int, ...] | None = None
        for entry in fields(self):
            rows = _rows(entry.name, getattr(self, entry.name))
            shape = shape or rows.shape
            if rows.shape != shape:
                raise ValueError(
                    f"{OWNER}: {entry.name} has shape {rows.shape} and losses {shape}; record all"
                    " four at the same steps"
                )
            object.__setattr__(self, entry.name, rows)
        for name in ("distances", "slopes"):
            least = float(np.min(getattr(self, name)))
            if least < 0:
                raise ValueError(f"{OWNER}: {name} are squares, got {least:.6g}; give |.|^2")

    @property
    def arrays(self) -> tuple[Array, Array, Array, Array]:
        """Losses, pulls, distances and slopes in double precision."""
        rows = (self.losses, self.pulls, self.distances, self.slopes)
        losses, pulls, distances, slopes = (np.asarray(row, dtype=np.float64) for row in rows)
        return losses, pulls, distances, slopes


def correct(
    trace: SGLDTrace,
    *,
    step_size: float,
    nbeta: float,
    gamma: float,
    dim: int,
    num_burnin: int = 0,
    minibatch: bool = True,
    record_every: int = 1,
) -> Estimate:
    """Return the corrected coefficient of an SGLD run of another package, with its error.

    ``llc = nbeta mean(losses) (1 - D)``, with the virial, D and the sensitivity to gamma beside it,
    and with the guards that four traces allow: ``rhat``, ``ess_bulk``, ``split_half``,
    ``negative``, ``virial``, ``identity``, ``discretisation``, ``plateau``, and where one is not
    met ``moving``, ``stuck`` and ``proper``. Rounding, the minimum and the noise of minibatches
    need the loss itself.

    Args:
        trace: What the run recorded.
        step_size: ``eps``: drift ``eps/2``, noise ``sqrt(eps)``.
        nbeta: Inverse temperature that multiplies the gradient of the loss.
        gamma: Localisation; a penalty ``gamma/2 |r|^2``.
        dim: Number of parameters that move.
        num_burnin: Leading records that do not count.
        minibatch: Whether gradients are those of minibatches; the sensitivity to nbeta then cannot
            be told.
        record_every: Steps from one record to the next.

    Returns:
        The estimate; where there are too few draws or no error its status is ``error`` and its
        message the reason.

    Raises:
        ValueError: If an argument is out of range or burn-in takes all draws.
    """
    eps = check_positive(OWNER, "step_size", step_size)
    nbeta = check_positive(OWNER, "nbeta", nbeta)
    gamma = check_non_negative(OWNER, "gamma", gamma)
    dim = check_count(OWNER, "dim", dim, least=1)
    start = check_count(OWNER, "num_burnin", num_burnin)
    every = check_count(OWNER, "record_every", record_every, least=1)
    losses, pulls, distances, slopes = (rows[:, start:] for rows in trace.arrays)
    if not losses.shape[1]:
        raise ValueError(f"{OWNER}: num_burnin={start} leaves no draws; reduce it")
    wrong = defect(losses)
    common: dict[str, Any] = {"nbeta": nbeta, "gamma": gamma, "dim": dim}
    if wrong is not None:
        return Estimate(status=wrong[0], message=wrong[1], **common)
    steps = every * np.arange(losses.shape[1], dtype=np.int64)
    recorded = Recorded(steps, losses, pulls, distances, slopes, None, None)
    scheme = Discretisation(eps)
    moments = RunMoments(recorded, nbeta, gamma, dim, scheme, minibatch, exact=False)
    plain = Estimate(**_plain(nbeta * losses), **fields_of(moments), **common)
    found = corrected(nbeta * losses, moments)
    if isinstance(found, str):
        return Estimate(status="error", message=found, **fields_of(moments), **common)
    checks = _guards(losses, moments, found.remaining)
    return msgspec.structs.replace(replaced(plain, found), guards=checks)


def _guards(losses: Array, moments: RunMoments, remaining: RunStatistic | None) -> list[Guard]:
    """Return the guards that a trace allows, as an estimator of ours returns them."""
    rare = [moving(losses), *unsaid_rejections(losses)]
    if moments.gamma == 0:
        rare.append(proper(False))
    energy = moments.nbeta * losses
    llc, error = float(energy.mean()), mean_error(energy).stderr
    return [
        *trace_guards(losses, convergence(losses)),
        *(each for each in rare if not each.passed),
        *moment_guards(moments, llc, error, remaining),
    ]


def _plain(energy: Array) -> dict[str, Any]:
    """Return the fields of the mean energy of ``(chains, draws)``."""
    llc, error, diagnostics = float(energy.mean()), mean_error(energy), convergence(energy)
    reach = student_quantile(LEVEL, error.freedom) * error.stderr
    return {
        "status": "ok",
        "llc": llc,
        "mcse": error.stderr,
        "stderr": error.stderr,
        "interval": (llc - reach, llc + reach),
        "llc_per_chain": [float(value) for value in energy.mean(1)],
        "ess_bulk": finite_or_none(diagnostics.ess_bulk),
        "ess_tail": finite_or_none(diagnostics.ess_tail),
        "rhat": finite_or_none(diagnostics.rhat),
    }


def _rows(name: str, given: ArrayLike) -> Array:
    """Return an array ``(chains, draws)`` of finite numbers.

    Raises:
        ValueError: If it is anything else.
    """
    try:
        rows = np.array(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"{OWNER}: {name} is no array of numbers; give one of shape (chains, draws)"
        ) from None
    if rows.ndim != 2 or not rows.size:
        raise ValueError(
            f"{OWNER}: {name} has shape {rows.shape}; give (chains, draws), also for one chain"
        )
    lost = int((~np.isfinite(rows)).sum())
    if lost:
        raise ValueError(
            f"{OWNER}: {lost} of {rows.size} {name} are not finite; leave chains that were lost out"
        )
    return rows
