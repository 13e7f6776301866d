"""How far temperature and localisation still move an estimate."""

import math

from llcbench.estimators.self_tuned.constants import MOVES
from llcbench.records import Estimate, Guard, MeasuredValue


def doubled(slope: MeasuredValue | None, llc: float) -> float:
    """Return the relative change when what the slope is in the logarithm of doubles."""
    if slope is None or not abs(llc) > 0:
        return 0.0
    return slope.value * math.log(2) / abs(llc)


def plateau(estimate: Estimate) -> Guard | None:
    """Return the guard that says whether the number is one of the problem or of its settings."""
    if estimate.llc is None or estimate.dllc_dlog_gamma is None:
        return None
    moves = {
        "gamma": doubled(estimate.dllc_dlog_gamma, estimate.llc),
        "nbeta": doubled(estimate.dllc_dlog_nbeta, estimate.llc),
    }
    name, largest = max(moves.items(), key=lambda item: abs(item[1]))
    return Guard(
        name="plateau",
        value=abs(largest),
        limit=f"<= {MOVES}",
        passed=abs(largest) <= MOVES,
        meaning=f"relative change when {name} doubles: the number depends on {name}; state it with"
        f" the number, or change {name} until it no longer matters",
    )
