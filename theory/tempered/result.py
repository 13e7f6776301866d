"""The result type of every finite-temperature computation, and its argument checks."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Tempered:
    """A finite-temperature target with its error.

    ``value = nbeta * E[K(w)]`` under ``exp(-nbeta K(w) - gamma/2 |w - w*|^2)``.

    Attributes:
        value: the target.
        stderr: a bound on the numerical error for deterministic methods, a standard error for
            Monte Carlo.
        method: how the value was obtained, e.g. ``"block Gibbs"``.
        certified: whether the method's own convergence checks passed.
        details: values behind the certificate (``rhat``, ``ess``, ``draws``, ``cells``, ...).
    """

    value: float
    stderr: float
    method: str
    certified: bool
    details: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return e.g. ``3.842(12) by block Gibbs``."""
        doubt = "" if self.certified else " (not certified)"
        return f"{with_error(self.value, self.stderr)} by {self.method}{doubt}"


def with_error(value: float, stderr: float) -> str:
    """Write a value with its error in the last two digits, e.g. ``3.842(12)``.

    At most twelve decimals are shown; an error below them is left out.
    """
    if not (math.isfinite(value) and math.isfinite(stderr)):
        return f"{value:.6g}({stderr:.2g})"
    if stderr <= 0.0:
        return f"{value:.12g}"
    # Rounding first makes 0.00996 two digits of 0.010, not three of 0.00996.
    exponent = int(f"{stderr:.1e}".split("e")[1])
    decimals = 1 - exponent
    if decimals > 12:
        return f"{value:.12g}"
    if decimals <= 0:
        return f"{value:.0f}({stderr:.0f})"
    if exponent >= 0:
        return f"{value:.{decimals}f}({stderr:.{decimals}f})"
    return f"{value:.{decimals}f}({round(stderr * 10.0**decimals)})"
