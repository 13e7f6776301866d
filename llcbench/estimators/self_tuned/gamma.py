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
        equilibrated: Whether the virial is near that of the target.
    """

    gamma: float
    moves: float
    equilibrated: bool


def chosen_gamma(runs: TunedRuns) -> Chosen:
    """Return the largest gamma at which the estimate hardly depends on it.

    The larger gamma, the sooner the chains equilibrate; the smaller, the less it holds them.

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
    sound = [pilot for pilot in pilots if pilot.equilibrated]
    flat = [pilot for pilot in sound if abs(pilot.moves) <= constants.PLATEAU]
    if flat:
        best = max(flat)
        words = f"gamma {best.gamma:g} on the plateau: {best.moves:+.1%} when it doubles"
        return Chosen(best.gamma, words)
    if not sound:
        most = max(constants.GAMMAS)
        return Chosen(most, f"gamma {most:g}: chains equilibrated at no value that was tried")
    best = min(sound, key=lambda pilot: abs(pilot.moves))
    words = f"gamma {best.gamma:g}, no plateau: {best.moves:+.1%} when it doubles"
    return Chosen(best.gamma, f"{words}, the number depends on it")


def _pilot(done: Finished, gamma: float) -> GammaPilot | None:
    """Return what a run says; None for one that failed."""
    moments = measurement(done.trace, done.target, done.sampler)
    if not done.method or moments is None:
        return None
    excess, slope = moments.excess(), moments.by_gamma()
    llc = done.target.nbeta * float(done.trace.kept.mean())
    if excess is None or slope is None or not llc > 0:
        return None
    near = abs(excess.value) <= constants.EQUILIBRATED
    return GammaPilot(gamma, slope.value * math.log(2) / llc, near)
