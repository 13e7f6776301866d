"""The recursion: bounds and values of germs in any number of variables."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple, final

from theory.algebra.newton import Newton
from theory.algebra.ring import Poly, names_of, text
from theory.meter import TimeUpError, WorkLimit, charge, overtime, spent
from theory.solver.newton.hoelder import hoelder
from theory.solver.newton.leaves import monomial_leaf
from theory.solver.newton.polyhedra import newton_of, vertex_coefficients
from theory.solver.recursion.blowups import blow_up, centres
from theory.solver.recursion.canonical import StateMove, finish
from theory.solver.recursion.components import components
from theory.solver.recursion.shifts import lowering_shift, shortening_shift
from theory.solver.recursion.simplifications import simplified
from theory.solver.recursion.solved import (
    SolvedPart,
    SolvedState,
    least_of,
    newton_bounded,
    newton_entry,
    order_bounded,
    product_of,
    sum_of,
    through,
)
from theory.solver.recursion.splits import (
    away,
    easier,
    onto,
    split_polynomials,
    vanishing_coefficients,
)
from theory.solver.recursion.states import State
from theory.solver.recursion.substitutions import (
    smooth_substitutions,
    straighten,
    substitute_smooth,
)
from theory.solver.zeros.oracle import decide
from theory.solver.zeros.problem import ZeroStatus


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
        """Return whether a state with this lower bound cannot matter; at a tie it can."""
        return self.best is not None and lower is not None and lower > self.best

    def below(self, upper: Fraction | None) -> "Aim":
        """Return the aim once an upper bound is known."""
        if self.best is None or upper is None:
            return self
        return self._replace(best=min(self.best, upper))


DEPTH = 28
# Work that one state of the budget pays for.
UNITS = 150


@final
class Engine:
    """One run of one style with a budget of work and a memory of states.

    When the deadline of `theory.meter` passes, states that are not solved yet get their
    elementary bounds, and what was proved before stays.
    """

    def __init__(self, work: int, style: Style) -> None:
        self.limit = spent() + UNITS * work
        self.style = style
        self.entries: list[SolvedState] = []
        self.memory: dict[Any, SolvedState] = {}
        self.simplified: set[Any] = set()
        self.uppers: dict[Any, Fraction] = {}
        self.stopped = False

    def solve(self, state: State, depth: int, best: Fraction | None) -> SolvedState:
        """Return the claim for a state with standard names.

        Args:
            state: What to solve.
            depth: Number of moves that led here.
            best: A state whose lambda is larger cannot matter; None if it always does.
        """
        known = self.memory.get(state.key)
        aim = Aim(depth, best)
        if known is not None and (not known.pruned or aim.excludes(known.lower)):
            return known
        entry = self._solve(state, aim)
        entry.index = len(self.entries)
        self.entries.append(entry)
        self.memory[state.key] = entry
        return entry

    def _solve(self, state: State, aim: Aim) -> SolvedState:
        if self.stopped:
            return self._open(state, occupied=False)
        here: ZeroStatus | None = None
        try:
            charge(40)
            equations, nonzero = state.region()
            if equations or any(not p for p in nonzero):
                here = decide(equations, nonzero)
            if here is not None and here.answer == "empty":
                return SolvedState(0, state, "empty", None, None, None, {"witness": here.witness})
            aim = aim._replace(occupied=here is None or here.answer == "nonempty")
            entry = self._attempt(state, aim)
        except WorkLimit:
            entry = self._open(state, aim.occupied)
        except TimeUpError:
            self.stopped = True
            entry = self._open(state, aim.occupied)
        if not aim.occupied and entry.rule != "bounds" and entry.lower is not None:
            # Nobody knows whether the region has a point, so only the lower bound is safe.
            entry.upper = entry.multiplicity = None
            entry.data = {**entry.data, "unknown region": True}
        if here is not None and entry.lower is not None and entry.upper is not None:
            # An upper bound needs a point, and a checker repeats the proof that there is one.
            entry.data = {**entry.data, "occupied": here.witness}
        if entry.exact or entry.rule == "bounds":
            return entry
        with overtime():
            return order_bounded(entry, hoelder(state, quick=self.stopped))

    def _open(self, state: State, occupied: bool) -> SolvedState:
        """Return the bounds that need no recursion."""
        with overtime():
            lower = hoelder(state, quick=self.stopped)
        if lower is None:
            return SolvedState(0, state, "no pole", None, None, None)
        upper = self.uppers.get(state.key) if occupied else None
        return SolvedState(0, state, "bounds", lower, upper, None, {}, [], True)

    def _attempt(self, state: State, aim: Aim) -> SolvedState:
        if state.key not in self.simplified:
            move = simplified(state)
            self.simplified.add(move.state.key)
            if move.state.key != state.key:
                return self._through("simplify", state, move, aim)
        if not state.ideals:
            leaf = monomial_leaf(state)
            if leaf is None:
                return SolvedState(0, state, "no pole", None, None, None)
            return SolvedState(0, state, "monomial", leaf[0], leaf[0], leaf[1])
        for k, ideal in enumerate(state.ideals):
            constants = vanishing_coefficients(state, ideal)
            if not constants:
                continue
            equations, nonzero = state.region()
            status = decide([*constants, *equations], nonzero)
            if status.answer == "empty":
                rest = tuple(j for i, j in enumerate(state.ideals) if i != k)
                data = {"index": k, "witness": status.witness}
                move = finish(replace(state, ideals=rest), data)
                return self._through("unit", state, move, aim)
            return self._split(state, constants, aim)
        lower = hoelder(state)
        if aim.excludes(lower):
            return SolvedState(0, state, "bounds", lower, None, None, {}, [], True)
        if spent() > self.limit or aim.depth > DEPTH:
            self._newton(state)
            return self._open(state, aim.occupied)
        return self._work(state, aim)

    def _newton(self, state: State) -> Newton | None:
        """Return the polyhedron unless it is too large, and note the bound that it gives."""
        try:
            newton = newton_of(state)
        except WorkLimit:
            return None
        if self.style.polyhedra:
            self.uppers[state.key] = newton.exponent(state.density)
        return newton

    def _work(self, state: State, aim: Aim) -> SolvedState:
        """Move on: independent parts, coordinates, the polyhedron, and at last a blow-up."""
        parts = components(state, of_sum=False)
        if parts is not None:
            return product_of(state, self._parts(parts, aim))
        if len(state.ideals) == 1 and not any(state.monomial):
            parts = components(state, of_sum=True)
            if parts is not None:
                return sum_of(state, self._parts(parts, aim._replace(best=None)))
        for index, g, c, r in smooth_substitutions(state):
            try:
                move = substitute_smooth(state, index, g, c, r)
            except WorkLimit:
                continue
            return self._through("substitute", state, move, aim)
        for rule, rewrite in (("straighten", straighten), ("shift", shortening_shift)):
            simpler = rewrite(state)
            if simpler is not None:
                return self._through(rule, state, simpler, aim)
        newton = self._newton(state)
        if newton is not None and self.style.polyhedra:
            entry = newton_entry(state, newton)
            if entry is not None:
                return entry
        upper = self.uppers.get(state.key) if aim.occupied else None
        return newton_bounded(self._resolve(state, newton, aim.below(upper)), upper)

    def _resolve(self, state: State, newton: Newton | None, aim: Aim) -> SolvedState:
        """Shift, split the parameters, or blow up."""
        if newton is not None:
            lower = lowering_shift(state, newton)
            if lower is not None:
                return self._through("shift", state, lower, aim)
            moving = vertex_coefficients(state) if state.parameters else []
            if moving:
                return self._split(state, moving, aim)
        centre = centres(state, self.style.centre)
        if centre is None:
            return self._open(state, aim.occupied)
        data = {"centre": [str(state.ring.symbols[i]) for i in centre]}
        charts = blow_up(state, centre, self.style.lazy)
        return self._least("blow up", state, charts, aim, data)

    def _split(self, state: State, coefficients: Sequence[Poly], aim: Aim) -> SolvedState:
        """Treat the zeros of a polynomial in the parameters apart."""
        if aim.depth > DEPTH or spent() > self.limit:
            return self._open(state, aim.occupied)
        for p in split_polynomials(state, coefficients):
            move, q = onto(state, p), p
            for other in [] if move else easier(state, p):
                move, q = onto(state, other), other
                if move is not None:
                    break
            if move is not None:
                sides = [away(state, q), move]
                return self._least("split", state, sides, aim, {"polynomial": text(q)})
        return self._open(state, aim.occupied)

    def _through(self, rule: str, state: State, move: StateMove, aim: Aim) -> SolvedState:
        return through(rule, state, self.solve(move.state, aim.depth + 1, aim.best), move.data)

    def _least(
        self, rule: str, state: State, moves: Sequence[StateMove], aim: Aim, data: dict[str, Any]
    ) -> SolvedState:
        """Return the least claim over alternatives that cover all points."""
        solved: list[SolvedPart] = []
        for move in moves:
            child = self.solve(move.state, aim.depth + 1, aim.best)
            solved.append((child, move.data))
            aim = aim.below(child.upper)
        return least_of(rule, state, solved, data)

    def _parts(self, parts: Sequence[State], aim: Aim) -> list[SolvedPart]:
        solved = []
        for part in parts:
            names = list(names_of(part.ring))
            move = finish(part, {"variables": names})
            solved.append((self.solve(move.state, aim.depth + 1, aim.best), move.data))
        return solved
