"""Steps from one state to others."""

from typing import Any, NamedTuple

from theory.algebra.ring import names_of
from theory.solver.recursion.canonical import canonical
from theory.solver.recursion.states import State

SUBSTITUTION_TERMS = 600


class Move(NamedTuple):
    """A state that another one leads to, with what a checker needs to repeat the step."""

    state: State
    data: dict[str, Any]


def finish(state: State, data: dict[str, Any]) -> Move:
    """Return a move to the state with standard names; the data tell how it was renamed."""
    result, old = canonical(state)
    names = list(names_of(state.ring))
    return Move(result, {**data, "renamed": [names[i] for i in old]})
