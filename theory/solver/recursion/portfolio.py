"""Germs in any number of variables: several runs of the recursion, and their proofs."""

from fractions import Fraction

from theory.certificate import Node
from theory.meter import deadline
from theory.polynomials.germ import Germ
from theory.solver.arrangements import solve_arrangement
from theory.solver.recursion.canonical import canonical
from theory.solver.recursion.engine import Engine, Style
from theory.solver.recursion.solved import certificate
from theory.solver.recursion.states import State, from_germ

STYLES = (Style(1, True), Style(1, False), Style(0, True), Style(0, False), Style(2, True))
# No lambda is as large.
INFINITE = Fraction(10**6)


def solve_germ(germ: Germ, work: int, moment: float | None = None) -> Node:
    """Return certified bounds of lambda, and the multiplicity if it is certified.

    Args:
        germ: The germ at the origin.
        work: Number of states that may be looked at, over all attempts together.
        moment: Time of `time.monotonic` at which to stop with the bounds that were found; None
            to let the work decide alone. It works in every thread.

    Raises:
        ValueError: If K is identically zero or does not vanish at the origin.
    """
    start = from_germ(germ)
    if any(not ideal.generators for ideal in start.ideals):
        raise ValueError("K is identically zero")
    first, order = canonical(start)
    renamed = [germ.variables[i] for i in order]
    attempts: list[Node] = []
    for style in STYLES:
        engine = Engine(max(work // len(STYLES), 1), style)
        with deadline(moment):
            entry = engine.solve(first, 0, INFINITE)
        if entry.lower is None:
            raise ValueError("K does not vanish at the origin")
        attempts.append(certificate(engine.entries, entry, start, renamed))
        if attempts[-1].exact:
            return attempts[-1]
        if engine.stopped:
            break
    known = solve_arrangement(germ)
    if known is not None:
        return known
    return _portfolio(start, attempts)


def _portfolio(start: State, attempts: list[Node]) -> Node:
    """Return the best bounds of all attempts, with the proofs of these two alone."""
    first = max(attempts, key=lambda node: node.lower)
    ends = [node for node in attempts if node.upper is not None]
    last = min(ends, key=lambda node: node.upper or 0, default=first)
    kept = (first,) if first.upper == last.upper else (first, last)
    data = {"germ": start.to_data()}
    return Node("portfolio", first.lower, last.upper, None, data, kept)
