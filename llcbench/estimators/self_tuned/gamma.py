"""Chooses the localisation on the plateau, from short runs at a few values."""

import math
from typing import NamedTuple

from llcbench.estimators.self_tuned import constants
from llcbench.estimators.self_tuned.runs import Finished, TunedRuns
from llcbench.sampling.virial import measurement


class Chosen(NamedTuple):
    """A localisation, and why it was chosen.

    Attributes:
        gamma: Its value.
        words: The reason; empty where it was given.
    """

    gamma: float
    words: str = ""


class GammaPilot(NamedTuple):
    """What a short run says about one value of gamma.

    Attributes:
        gamma: The value.
        moves: Relative change of the estimate when gamma doubles.
        error: Its standard error.
        equilibrated: Whether the virial is near that of the target.
    """

    gamma: float
    moves: float
    error: float
    equilibrated: bool

    @property
    def flat(self) -> bool:
        """Whether the estimate hardly depends on gamma, as far as the run can tell."""
        return max(abs(self.moves), self.error) <= constants.PLATEAU


def chosen_gamma(runs: TunedRuns) -> Chosen:
    """Return the largest gamma at which the estimate hardly depends on it.

    The larger gamma, the sooner the chains equilibrate; the smaller, the less it holds them.
    Without such a plateau it is the smallest at which short runs equilibrate: their virial is
    precise where their slopes are not, so that other seeds choose the same.

    Args:
        runs: Where the pilots run; they spend up to a third of the budget.
    """
    grads = int(constants.PILOT_SHARE * runs.spending.limit)
    if grads < constants.PILOT_LEAST:
        return Chosen(constants.GAMMA, f"gamma {constants.GAMMA:g}: no budget to choose it")
    pilots = [
        pilot
        for number, gamma in enumerate(constants.GAMMAS)
        if (pilot := _pilot(runs.run(gamma, grads, number + 1), gamma)) is not None
    ]
    return choice(pilots)


def choice(pilots: list[GammaPilot]) -> Chosen:
    """Return the value that pilots speak for, with the reason."""
    sound = [pilot for pilot in pilots if pilot.equilibrated]
    if not sound:
        most = max(constants.GAMMAS)
        return Chosen(most, f"gamma {most:g}: short runs equilibrated at no value that was tried")
    flat = [pilot.gamma for pilot in sound if pilot.flat]
    if flat:
        return Chosen(max(flat), f"gamma {max(flat):g}, the largest on a plateau")
    least = min(pilot.gamma for pilot in sound)
    return Chosen(least, f"gamma {least:g}, the smallest at which short runs equilibrated")


def _pilot(done: Finished, gamma: float) -> GammaPilot | None:
    """Return what a run says; None for one that failed."""
    moments = measurement(done.trace, done.target, done.sampler)
    if not done.method or moments is None:
        return None
    excess, slope = moments.excess(), moments.by_gamma()
    llc = done.target.nbeta * float(done.trace.kept.mean())
    if excess is None or slope is None or slope.stderr is None or not llc > 0:
        return None
    reach = constants.ZMAX * (excess.stderr or 0.0)
    near = abs(excess.value) <= max(constants.EQUILIBRATED, reach)
    moves, error = (number * math.log(2) / llc for number in (slope.value, slope.stderr))
    return GammaPilot(gamma, moves, error, near)
