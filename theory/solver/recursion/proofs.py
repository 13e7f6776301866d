"""Proofs of the recursion as certificates."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from theory.certificate import Node
from theory.solver.recursion.entries import Entry
from theory.solver.recursion.states import State


def certificate(entries: Sequence[Entry], root: Entry, start: State, renamed: list[str]) -> Node:
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


def _claim(entry: Entry) -> dict[str, Any]:
    return {
        "infinite": entry.lower is None,
        "lower": str(entry.lower or Fraction(0)),
        "upper": None if entry.upper is None else str(entry.upper),
        "multiplicity": entry.multiplicity,
    }
