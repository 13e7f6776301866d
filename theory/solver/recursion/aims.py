"""What a run of the recursion is told, and what it is asked of a state."""

from fractions import Fraction
from typing import NamedTuple


class Style(NamedTuple):
    """One way to run the recursion.

    Attributes:
        centre: How blow-up centres are chosen, see `theory.solver.recursion.blowups.centres`.
        lazy: Whether charts have parameters that may be zero.
        polyhedra: Whether values and bounds are read off Newton polyhedra.
    """

    centre: int
    lazy: bool
    polyhedra: bool = True


class Aim(NamedTuple):
    """What is asked of a state.

    Attributes:
        depth: Number of moves that led here.
        best: A state whose lambda is larger cannot matter; None if it always does.
        occupied: Whether the region is known to have a point.
    """

    depth: int
    best: Fraction | None
    occupied: bool = False

    def excludes(self, lower: Fraction | None) -> bool:
        """Tell whether a state with this lower bound cannot matter; at a tie it can."""
        return self.best is not None and lower is not None and lower > self.best

    def below(self, upper: Fraction | None) -> "Aim":
        """Return the aim once an upper bound is known."""
        if self.best is None or upper is None:
            return self
        return self._replace(best=min(self.best, upper))
