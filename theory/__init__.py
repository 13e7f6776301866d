"""Exact mathematics of singular learning: learning coefficients and finite-temperature targets.

The package never imports torch or the benchmark itself. The finite-temperature modules and
everything that needs SciPy or SymPy are loaded on first use, so ``import theory`` stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from theory import families as families
from theory.coefficient import RLCT as RLCT
from theory.coefficient import Step as Step
from theory.families import lookup as lookup

if TYPE_CHECKING:
    from theory.checker.verify import verify as verify
    from theory.solver.input.potentials import SumOfSquares as SumOfSquares
    from theory.solver.solve import rlct as rlct
    from theory.stratification import strata as strata

_LAZY = ("langevin", "linear_networks", "tempered")
_NAMES = {
    "SumOfSquares": "solver.input.potentials",
    "rlct": "solver.solve",
    "strata": "stratification",
    "verify": "checker.verify",
}

if not TYPE_CHECKING:  # a checker must see that a misspelt name is not there

    def __getattr__(name: str) -> Any:
        """Import a heavier part the first time that it is named.

        Raises:
            AttributeError: the package has no such name.
        """
        if name in _LAZY:
            return import_module(f"{__name__}.{name}")
        if name in _NAMES:
            return getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, the lazily imported ones included."""
    return sorted({"RLCT", "Step", "families", "lookup", *_LAZY, *_NAMES})
