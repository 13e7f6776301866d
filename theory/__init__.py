"""Exact mathematics of singular learning: learning coefficients and finite-temperature targets.

The package never imports torch or the benchmark itself. The finite-temperature modules and
everything that needs SciPy or SymPy are loaded on first use, so ``import theory`` stays light.
"""

from importlib import import_module
from types import ModuleType

from theory import families as families
from theory.coefficient import RLCT as RLCT
from theory.coefficient import Step as Step
from theory.families import lookup as lookup

_LAZY = ("gibbs", "oracle", "tempered")


def __getattr__(name: str) -> ModuleType:
    """Import a finite-temperature module the first time that it is named.

    Raises:
        AttributeError: the package has no such module.
    """
    if name in _LAZY:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, the lazily imported modules included."""
    return sorted({"RLCT", "Step", "families", "lookup", *_LAZY})
