"""Exact learning coefficients of polynomial germs, with proofs that can be checked."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from theory.solver.input.potentials import SumOfSquares as SumOfSquares
    from theory.solver.solve import rlct as rlct

# Result types name certificates, so this package must load without the solver itself.
_HOME = {"SumOfSquares": "input.potentials", "rlct": "solve"}


def __getattr__(name: str) -> Any:
    """Import the solver the first time that one of its names is used.

    Raises:
        AttributeError: the package has no such name.
    """
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
