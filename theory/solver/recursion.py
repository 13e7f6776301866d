"""The recursive solver: bounds and values of germs in any number of variables, with proofs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, final

from theory.solver.algebra import (
    Poly,
    WorkLimit,
    charge,
    coefficient_list,
    degree_in,
    factors,
    spent,
    text,
    used,
)
from theory.solver.arrangements import solve_arrangement
from theory.solver.blowups import (
    Move,
    away,
    blow_up,
    centres,
    components,
    easier,
    finish,
    onto,
    shift,
    shortening_shift,
    smooth_substitutions,
    split_polynomials,
    straighten,
    substitute_smooth,
    vanishing_coefficients,
)
from theory.solver.certificate import Node
from theory.solver.germ import Germ
from theory.solver.ideals import simplify
from theory.solver.leaves import (
    decide,
    hoelder,
    initial,
    monomial_leaf,
    newton_leaf,
    newton_of,
    vertex_coefficients,
)
from theory.solver.newton import Newton
from theory.solver.states import State, canonical, from_germ

DEPTH = 28
UNITS = 150
STYLES = ((1, True), (1, False), (0, True), (0, False), (2, True))


@final
@dataclass
class Entry:
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
    parts: list[tuple["Entry", dict[str, Any]]] = field(default_factory=list)
    pruned: bool = False

    @property
    def exact(self) -> bool:
        """Tell whether the claim is a value with its multiplicity, or that there is no pole."""
        return self.lower is None or (self.lower == self.upper and self.multiplicity is not None)


@final
class Engine:
    """One run with one way to choose centres, a budget of nodes and a memory of states."""

    def __init__(self, work: int, style: int, lazy: bool) -> None:
        self.limit = spent() + UNITS * work
        self.style = style
        self.lazy = lazy
        self.entries: list[Entry] = []
        self.memory: dict[Any, Entry] = {}
        self.simplified: set[Any] = set()

    def solve(self, state: State, depth: int, best: Fraction | None) -> Entry:
        """Return the claim for a state with standard names.

        Args:
            state: What to solve.
            depth: Number of moves that led here.
            best: A state whose lambda is larger cannot matter; None if it always does.
        """
        known = self.memory.get(state.key)
        if known is not None and (
            not known.pruned
            or (best is not None and known.lower is not None and known.lower > best)
        ):
            return known
        entry = self._solve(state, depth, best)
        entry.index = len(self.entries)
        self.entries.append(entry)
        self.memory[state.key] = entry
        return entry

    def _solve(self, state: State, depth: int, best: Fraction | None) -> Entry:
        charge(40)
        equations, nonzero = state.region()
        here = decide(equations, nonzero) if equations or any(not p for p in nonzero) else None
        if here is not None and here.answer == "empty":
            return Entry(0, state, "empty", None, None, None, {"witness": here.witness})
        occupied = here is None or here.answer == "nonempty"
        try:
            entry = self._attempt(state, depth, best, occupied)
        except WorkLimit:
            entry = self._open(state, None, occupied)
        if not occupied:
            # Nobody knows whether the region has a point, so only the lower bound is safe.
            entry = Entry(
                0,
                state,
                entry.rule,
                entry.lower,
                None,
                None,
                {**entry.data, "unknown region": True},
                entry.parts,
                entry.pruned,
            )
            if entry.lower is None:
                return entry
        return entry

    def _open(self, state: State, upper: Fraction | None, occupied: bool) -> Entry:
        lower = hoelder(state)
        if lower is None:
            return Entry(0, state, "no pole", None, None, None)
        return Entry(0, state, "bounds", lower, upper if occupied else None, None, {}, [], True)

    def _attempt(self, state: State, depth: int, best: Fraction | None, occupied: bool) -> Entry:
        if state.key not in self.simplified:
            simple, log = simplify(state)
            move = finish(simple, {"steps": log})
            self.simplified.add(move.state.key)
            if move.state.key != state.key:
                return self._one("simplify", state, move, depth, best)
        if not state.ideals:
            found = monomial_leaf(state)
            if found is None:
                return Entry(0, state, "no pole", None, None, None)
            return Entry(0, state, "monomial", found[0], found[0], found[1])
        for k, ideal in enumerate(state.ideals):
            constants = vanishing_coefficients(state, ideal)
            if not constants:
                continue
            equations, nonzero = state.region()
            status = decide([*constants, *equations], nonzero)
            if status.answer == "empty":
                rest = tuple(j for i, j in enumerate(state.ideals) if i != k)
                move = finish(
                    State(
                        state.ring,
                        state.vanishing,
                        rest,
                        state.monomial,
                        state.density,
                        state.relations,
                        state.nonzero,
                    ),
                    {"index": k, "witness": status.witness},
                )
                return self._one("unit", state, move, depth, best)
            return self._split(state, constants, depth, best, occupied)
        lower = hoelder(state)
        if best is not None and lower is not None and lower > best:
            return Entry(0, state, "bounds", lower, None, None, {}, [], True)
        if spent() > self.limit or depth > DEPTH:
            return self._open(state, self._upper(state), occupied)
        return self._work(state, depth, best, occupied)

    def _upper(self, state: State) -> Fraction | None:
        try:
            return newton_of(state).exponent(state.density)
        except WorkLimit:
            return None

    def _work(self, state: State, depth: int, best: Fraction | None, occupied: bool) -> Entry:
        parts = components(state, of_sum=False)
        if parts is not None:
            return self._product(state, parts, depth, best)
        if len(state.ideals) == 1 and not any(state.monomial):
            parts = components(state, of_sum=True)
            if parts is not None:
                return self._sum(state, parts, depth)
        for index, g, c, r in smooth_substitutions(state):
            try:
                move = substitute_smooth(state, index, g, c, r)
            except WorkLimit:
                continue
            return self._one("substitute", state, move, depth, best)
        straight = straighten(state)
        if straight is not None:
            return self._one("straighten", state, straight, depth, best)
        shorter = shortening_shift(state)
        if shorter is not None:
            return self._one("shift", state, shorter, depth, best)
        newton: Newton | None = None
        try:
            newton = newton_of(state)
            leaf = newton_leaf(state, newton)
            if leaf.exact:
                return Entry(
                    0, state, "newton", leaf.value, leaf.value, leaf.multiplicity, leaf.data
                )
        except WorkLimit:
            pass
        upper = newton.exponent(state.density) if newton is not None else None
        if occupied and upper is not None and best is not None:
            best = min(best, upper)
        if newton is not None:
            moved = self._shifted(state, newton)
            if moved is not None:
                entry = self._one("shift", state, moved, depth, best)
                return _bounded(entry, upper if occupied else None)
        if newton is not None and state.ring.ngens > state.vanishing:
            moving = vertex_coefficients(state)
            if moving:
                entry = self._split(state, moving, depth, best, occupied)
                return _bounded(entry, upper if occupied else None)
        centre = centres(state, self.style)
        if centre is None:
            return self._open(state, upper, occupied)
        names = [str(state.ring.symbols[i]) for i in centre]
        entry = self._least(
            "blow up", state, blow_up(state, centre, self.lazy), depth, best, {"centre": names}
        )
        return _bounded(entry, upper if occupied else None)

    def _one(self, rule: str, state: State, move: Move, depth: int, best: Fraction | None) -> Entry:
        child = self.solve(move.state, depth + 1, best)
        return Entry(
            0,
            state,
            rule,
            child.lower,
            child.upper,
            child.multiplicity,
            {},
            [(child, move.data)],
            child.pruned,
        )

    def _split(
        self,
        state: State,
        coefficients: Sequence[Poly],
        depth: int,
        best: Fraction | None,
        occupied: bool,
    ) -> Entry:
        """Treat the zeros of a polynomial in the parameters apart."""
        if depth > DEPTH or spent() > self.limit:
            return self._open(state, None, occupied)
        for p in split_polynomials(state, coefficients):
            move = onto(state, p)
            if move is not None:
                return self._least(
                    "split", state, [away(state, p), move], depth, best, {"polynomial": text(p)}
                )
            for q in easier(state, p):
                move = onto(state, q)
                if move is not None:
                    return self._least(
                        "split",
                        state,
                        [away(state, q), move],
                        depth,
                        best,
                        {"polynomial": text(q)},
                    )
        return self._open(state, None, occupied)

    def _least(
        self,
        rule: str,
        state: State,
        moves: Sequence[Move],
        depth: int,
        best: Fraction | None,
        data: dict[str, Any],
    ) -> Entry:
        """Return the least claim over alternatives that cover all points."""
        solved: list[tuple[Entry, dict[str, Any]]] = []
        for move in moves:
            child = self.solve(move.state, depth + 1, best)
            solved.append((child, move.data))
            if best is not None and child.upper is not None:
                best = min(best, child.upper)
        lower, upper, multiplicity = least([child for child, _ in solved])
        return Entry(
            0,
            state,
            rule,
            lower,
            upper,
            multiplicity,
            data,
            solved,
            any(child.pruned for child, _ in solved),
        )

    def _product(
        self, state: State, parts: Sequence[State], depth: int, best: Fraction | None
    ) -> Entry:
        solved = self._parts(parts, depth, best)
        finite = [entry for entry, _ in solved if entry.lower is not None]
        lower, upper, _ = least(finite)
        multiplicity: int | None = None
        if lower is not None and lower == upper:
            tied = [e for e in finite if e.lower == lower]
            if all(e.exact for e in tied):
                multiplicity = sum(e.multiplicity or 0 for e in tied)
        return Entry(
            0,
            state,
            "product",
            lower,
            upper,
            multiplicity,
            {},
            solved,
            any(entry.pruned for entry, _ in solved),
        )

    def _sum(self, state: State, parts: Sequence[State], depth: int) -> Entry:
        solved = self._parts(parts, depth, None)
        entries = [entry for entry, _ in solved]
        pruned = any(entry.pruned for entry in entries)
        if any(entry.lower is None for entry in entries):
            return Entry(0, state, "sum", None, None, None, {}, solved, pruned)
        lower = sum((e.lower for e in entries if e.lower is not None), Fraction(0))
        upper: Fraction | None = Fraction(0)
        multiplicity: int | None = 1
        for e in entries:
            upper = None if upper is None or e.upper is None else upper + e.upper
            if multiplicity is not None:
                multiplicity = (
                    multiplicity + e.multiplicity - 1
                    if (e.exact and e.multiplicity is not None)
                    else None
                )
        return Entry(0, state, "sum", lower, upper, multiplicity, {}, solved, pruned)

    def _parts(
        self, parts: Sequence[State], depth: int, best: Fraction | None
    ) -> list[tuple[Entry, dict[str, Any]]]:
        solved = []
        for part in parts:
            names = [str(symbol) for symbol in part.ring.symbols]
            move = finish(part, {"variables": names})
            solved.append((self.solve(move.state, depth + 1, best), move.data))
        return solved

    def _shifted(self, state: State, newton: Newton) -> Move | None:
        """Return a shift that lowers the Newton bound, from a factor of a face polynomial."""
        before = newton.exponent(state.density)
        for weight in sorted({newton.facets[i].normal for i in newton.attaining(state.density)}):
            if not all(weight):
                continue
            for ideal in state.ideals:
                for p in initial(state, ideal, weight):
                    for q, _, _ in factors(p):
                        move = self._try_shift(state, q, before)
                        if move is not None:
                            return move
        return None

    def _try_shift(self, state: State, q: Poly, before: Fraction) -> Move | None:
        for i in sorted(used(q)):
            if i >= state.vanishing or not state.is_free(i) or degree_in(q, i) != 1:
                continue
            r, c = coefficient_list(q, i)
            if not c.is_ground or state.at_point(r) or len(q) < 2:
                continue
            try:
                move = shift(state, i, -r / c.LC)
                after = newton_of(simplify(move.state)[0]).exponent(simplify(move.state)[0].density)
            except (WorkLimit, ValueError):
                continue
            if after < before:
                return move
        return None


def least(entries: Sequence[Entry]) -> tuple[Fraction | None, Fraction | None, int | None]:
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


def _bounded(entry: Entry, upper: Fraction | None) -> Entry:
    """Add the Newton upper bound of the state itself to a claim."""
    if (
        upper is not None
        and entry.lower is not None
        and (entry.upper is None or upper < entry.upper)
    ):
        entry.upper = upper
        entry.data = {**entry.data, "newton bound": str(upper)}
        if entry.lower != upper:
            entry.multiplicity = None
    return entry


def solve_germ(germ: Germ, work: int) -> Node:
    """Return certified bounds of lambda, and the multiplicity if it is certified.

    Args:
        germ: The germ at the origin.
        work: Number of states that may be looked at, over all attempts together.

    Raises:
        ValueError: If K is identically zero or does not vanish at the origin.
    """
    start = from_germ(germ)
    if any(not ideal.generators for ideal in start.ideals):
        raise ValueError("K is identically zero")
    first, order = canonical(start)
    renamed = [germ.variables[i] for i in order]
    attempts: list[Node] = []
    for style, lazy in STYLES:
        engine = Engine(max(work // len(STYLES), 1), style, lazy)
        entry = engine.solve(first, 0, Fraction(10**6))
        if entry.lower is None:
            raise ValueError("K does not vanish at the origin")
        attempts.append(_certificate(engine, entry, start, renamed))
        if attempts[-1].exact:
            return attempts[-1]
    known = solve_arrangement(germ)
    if known is not None:
        return known
    lower = max(node.lower for node in attempts)
    uppers = [node.upper for node in attempts if node.upper is not None]
    return Node(
        "portfolio",
        lower,
        min(uppers) if uppers else None,
        next((n.multiplicity for n in attempts if n.multiplicity is not None), None),
        {"germ": start.to_data()},
        tuple(attempts),
    )


def _certificate(engine: Engine, root: Entry, start: State, renamed: list[str]) -> Node:
    """Return the proof as a list of claims, each of which names the claims that it rests on."""
    reached = {root.index}
    for entry in reversed(engine.entries):
        if entry.index in reached:
            reached.update(child.index for child, _ in entry.parts)
    place = {index: k for k, index in enumerate(sorted(reached))}
    nodes = []
    for entry in engine.entries:
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
