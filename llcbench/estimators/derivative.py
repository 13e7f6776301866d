"""The derivative of an exact mean energy in the logarithm of the temperature."""

import math
from collections.abc import Callable

import numpy as np

from theory.tempered import Tempered

# Central differences of order eight on offsets 1 to 4.
_ORDER_EIGHT = np.array([4 / 5, -1 / 5, 4 / 105, -1 / 280])
_ORDER_SIX = np.array([3 / 4, -3 / 20, 1 / 60])
# lambda(b) varies on the scale of a factor e in b; quadrature is good to 1e-6.
_STEP = 0.2


def log_slope(
    function: Callable[[float], Tempered | None], nbeta: float
) -> tuple[float, float, bool]:
    """Return ``d lambda / d log b`` at ``nbeta`` with a bound on its error and the certificate.

    The error is the difference between rules of order eight and six (that of the lower order, hence
    too large) plus what the errors of the values add.

    Raises:
        ValueError: If a value is unknown although that at ``nbeta`` is known.
    """
    gaps, errors, certified = [], [], True
    for offset in range(1, len(_ORDER_EIGHT) + 1):
        pair = [function(nbeta * math.exp(sign * offset * _STEP)) for sign in (1, -1)]
        ahead, behind = pair
        if ahead is None or behind is None:
            raise ValueError(f"the tempered value near nbeta = {nbeta:g} is unknown")
        gaps.append(ahead.value - behind.value)
        errors.append(ahead.stderr + behind.stderr)
        certified = certified and ahead.certified and behind.certified
    eight = float(_ORDER_EIGHT @ gaps) / _STEP
    six = float(_ORDER_SIX @ gaps[:3]) / _STEP
    noise = float(np.abs(_ORDER_EIGHT) @ errors) / _STEP
    return eight, abs(eight - six) + noise, certified
