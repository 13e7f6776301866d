"""Parts of a state in separate variables."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

from theory.algebra.ring import used
from theory.solver.recursion.states import Ideal, State, drop_variables


def components(state: State, *, of_sum: bool) -> list[State] | None:
    """Return parts in separate variables, of the factors or of the generators of the only one.

    Parameters belong to the part in which they occur; a region ties its parameters together.
    """
    blocks: list[tuple[frozenset[int], tuple[str, Any]]] = []
    if of_sum:
        blocks = [(used(g), ("g", g)) for g in state.ideals[0].generators]
    else:
        blocks = [
            (frozenset().union(*(used(g) for g in j.generators)), ("j", j)) for j in state.ideals
        ]
        blocks += [(frozenset([i]), ("n", i)) for i, n in enumerate(state.monomial) if n]
    blocks += [(used(r.polynomial) | used(r.value) | {r.pivot}, ("r", r)) for r in state.relations]
    blocks += [(used(p), ("h", p)) for p in state.nonzero]
    groups: list[tuple[frozenset[int], list[tuple[str, Any]]]] = []
    for variables, item in blocks:
        touching = [g for g in groups if g[0] & variables]
        groups = [g for g in groups if not g[0] & variables]
        merged = frozenset(variables).union(*(g[0] for g in touching))
        groups.append((merged, [x for g in touching for x in g[1]] + [item]))
    useful = [g for g in groups if any(kind in "gjn" for kind, _ in g[1])]
    if len(useful) < 2:
        return None
    parts = []
    for variables, items in sorted(useful, key=lambda g: sorted(g[0])):
        if of_sum:
            generators = tuple(x for kind, x in items if kind == "g")
            ideals: tuple[Ideal, ...] = (Ideal(generators, state.ideals[0].exponent),)
        else:
            ideals = tuple(x for kind, x in items if kind == "j")
        part = replace(
            state,
            ideals=ideals,
            monomial=tuple(
                n if i in variables else Fraction(0) for i, n in enumerate(state.monomial)
            ),
            relations=tuple(x for kind, x in items if kind == "r"),
            nonzero=tuple(x for kind, x in items if kind == "h"),
        )
        gone = [i for i in range(state.ring.ngens) if i not in variables]
        parts.append(drop_variables(part, gone)[0])
    return parts
