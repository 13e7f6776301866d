"""Solved states: claims with what they rest on, how they combine, and the proof that they make."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, final

from theory.algebra.newton import Newton
from theory.certificate import Node
from theory.meter import WorkLimit
from theory.solver.newton.leaves import newton_leaf
from theory.solver.recursion.states import State


@final
@dataclass
class SolvedState:
    """A solved state: the claim, the rule that gave it and the entries that it rests on.

    Attributes:
        index: Place in the proof.
        state: What the claim is about: the least lambda over the region and its multiplicity.
        rule: Name of the rule.
        lower: Lower bound; None if there is no pole at all (or no point).
        upper: Upper bound, None if none is certified.
        multiplicity: Order, None if it is not certified.
        data: Witnesses.
        parts: Entries below with the moves that lead there.
        pruned: Whether a part was left out because it could not matter for some bound.
    """

    index: int
    state: State
    rule: str
    lower: Fraction | None
    upper: Fraction | None
    multiplicity: int | None
    data: dict[str, Any] = field(default_factory=dict)
    parts: list["SolvedPart"] = field(default_factory=list)
    pruned: bool = False

    @property
    def exact(self) -> bool:
        """Return whether the claim is a value with its multiplicity, or that there is no pole."""
        return self.lower is None or (self.lower == self.upper and self.multiplicity is not None)


SolvedPart = tuple[SolvedState, dict[str, Any]]
"""An entry that another one rests on, with the move that leads there."""


def least(entries: Sequence[SolvedState]) -> tuple[Fraction | None, Fraction | None, int | None]:
    """Return the bounds of the minimum over alternatives and its multiplicity if certified."""
    finite = [entry for entry in entries if entry.lower is not None]
    if not finite:
        return None, None, None
    lower = min(entry.lower for entry in finite if entry.lower is not None)
    uppers = [entry.upper for entry in finite if entry.upper is not None]
    upper = min(uppers) if uppers else None
    if lower != upper:
        return lower, upper, None
    tied = [entry for entry in finite if entry.lower == lower]
    if not all(entry.exact for entry in tied):
        return lower, upper, None
    return lower, upper, max(entry.multiplicity or 0 for entry in tied)


def through(rule: str, state: State, child: SolvedState, move: dict[str, Any]) -> SolvedState:
    """Return the claim of a state that another one is equivalent to."""
    return SolvedState(
        0,
        state,
        rule,
        child.lower,
        child.upper,
        child.multiplicity,
        {},
        [(child, move)],
        child.pruned,
    )


def least_of(
    rule: str, state: State, solved: list[SolvedPart], data: dict[str, Any]
) -> SolvedState:
    """Return the claim of a state whose points the others cover."""
    lower, upper, multiplicity = least([child for child, _ in solved])
    pruned = any(child.pruned for child, _ in solved)
    return SolvedState(0, state, rule, lower, upper, multiplicity, data, solved, pruned)


def product_of(state: State, solved: list[SolvedPart]) -> SolvedState:
    """Return the claim of a product in separate variables; multiplicities of ties add."""
    finite = [entry for entry, _ in solved if entry.lower is not None]
    lower, upper, _ = least(finite)
    multiplicity: int | None = None
    if lower is not None and lower == upper:
        tied = [entry for entry in finite if entry.lower == lower]
        if all(entry.exact for entry in tied):
            multiplicity = sum(entry.multiplicity or 0 for entry in tied)
    pruned = any(entry.pruned for entry, _ in solved)
    return SolvedState(0, state, "product", lower, upper, multiplicity, {}, solved, pruned)


def sum_of(state: State, solved: list[SolvedPart]) -> SolvedState:
    """Return the claim of a sum in separate variables, ``m = 1 + sum (m_i - 1)``."""
    entries = [entry for entry, _ in solved]
    pruned = any(entry.pruned for entry in entries)
    lowers = [entry.lower for entry in entries if entry.lower is not None]
    if len(lowers) < len(entries):
        return SolvedState(0, state, "sum", None, None, None, {}, solved, pruned)
    uppers = [entry.upper for entry in entries if entry.upper is not None]
    upper = sum(uppers, Fraction(0)) if len(uppers) == len(entries) else None
    known = [entry.multiplicity or 0 for entry in entries if entry.exact]
    multiplicity = 1 + sum(m - 1 for m in known) if len(known) == len(entries) else None
    lower = sum(lowers, Fraction(0))
    return SolvedState(0, state, "sum", lower, upper, multiplicity, {}, solved, pruned)


def newton_bounded(entry: SolvedState, upper: Fraction | None) -> SolvedState:
    """Add the Newton upper bound of the state itself to a claim."""
    if upper is None or entry.lower is None:
        return entry
    if entry.upper is None or upper < entry.upper:
        entry.upper = upper
        entry.data = {**entry.data, "newton bound": str(upper)}
        if entry.lower != upper:
            entry.multiplicity = None
    return entry


def order_bounded(entry: SolvedState, lower: Fraction | None) -> SolvedState:
    """Add Hoelder's lower bound of the state itself to a claim that is no value."""
    if lower is not None and entry.lower is not None and lower > entry.lower:
        entry.lower = lower
        entry.data = {**entry.data, "order bound": str(lower)}
        entry.multiplicity = None
    return entry


def newton_entry(state: State, newton: Newton) -> SolvedState | None:
    """Return the value that the polyhedron gives if every compact face passes its test."""
    try:
        leaf = newton_leaf(state, newton)
    except WorkLimit:
        return None
    if not leaf.exact:
        return None
    return SolvedState(0, state, "newton", leaf.value, leaf.value, leaf.multiplicity, leaf.data)


def certificate(
    entries: Sequence[SolvedState], root: SolvedState, start: State, renamed: list[str]
) -> Node:
    """Return the proof as a list of claims, each of which names the claims that it rests on."""
    reached = {root.index}
    for entry in reversed(entries):
        if entry.index in reached:
            reached.update(child.index for child, _ in entry.parts)
    place = {index: k for k, index in enumerate(sorted(reached))}
    nodes = []
    for entry in entries:
        if entry.index not in place:
            continue
        parts = [
            {**move, "claim": place[child.index], "state": child.state.to_data(), **_claim(child)}
            for child, move in entry.parts
        ]
        data = {
            **entry.data,
            "state": entry.state.to_data(),
            "parts": parts,
            "infinite": entry.lower is None,
        }
        nodes.append(
            Node(entry.rule, entry.lower or Fraction(0), entry.upper, entry.multiplicity, data)
        )
    return Node(
        "recursion",
        root.lower or Fraction(0),
        root.upper,
        root.multiplicity,
        {"germ": start.to_data(), "renamed": renamed},
        tuple(nodes),
    )


def _claim(entry: SolvedState) -> dict[str, Any]:
    return {
        "infinite": entry.lower is None,
        "lower": str(entry.lower or Fraction(0)),
        "upper": None if entry.upper is None else str(entry.upper),
        "multiplicity": entry.multiplicity,
    }
