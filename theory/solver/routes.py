"""Independent routes to the same value, each alone: polyhedron, plane, blow-ups, arrangement."""

from theory.certificate import Node
from theory.meter import WorkLimit
from theory.polynomials.germ import Germ
from theory.solver.arrangements import solve_arrangement
from theory.solver.budget import WORK_PER_SECOND, WorkBudget
from theory.solver.input.independent import independent_factors
from theory.solver.newton.polyhedra import newton_of
from theory.solver.plane.resolution import solve_plane
from theory.solver.recursion.canonical import canonical
from theory.solver.recursion.engine import Engine
from theory.solver.recursion.portfolio import INFINITE, STYLES
from theory.solver.recursion.solved import certificate, newton_entry
from theory.solver.recursion.states import State, from_germ

PLANE_SECONDS = 60


def newton_route(germ: Germ) -> Node | None:
    """Return value and multiplicity read off the Newton polyhedron in the given coordinates.

    None unless every compact face is proved to be nondegenerate, in the sense of
    `theory.solver.newton.leaves.newton_leaf`. The other routes do not use this test.
    """
    start, first, renamed = _start(germ)
    if any(first.at_point(g) for ideal in first.ideals for g in ideal.generators):
        # A unit takes no part in the value; the test of the faces is for germs without one.
        return None
    try:
        entry = newton_entry(first, newton_of(first))
    except WorkLimit:
        return None
    return None if entry is None else certificate([entry], entry, start, renamed)


def plane_route(germ: Germ) -> Node | None:
    """Return what the resolution of plane curves gives, None off the plane or without a value."""
    split = independent_factors(germ).germs
    if len(germ.variables) != 2 or len(split) != 1 or not split[0].factors:
        return None
    if len(split[0].variables) != 2:
        return None
    node = solve_plane(split[0], WorkBudget(PLANE_SECONDS * WORK_PER_SECOND))
    return node if node.exact else None


def blow_up_route(germ: Germ, work: int) -> Node | None:
    """Return what blow-ups and substitutions down to monomials give, None without a value.

    No value and no bound is read off a polyhedron, and products of linear forms are not special.

    Args:
        germ: The germ at the origin.
        work: Number of states that may be looked at, over all ways to choose centres together.
    """
    start, first, renamed = _start(germ)
    for style in STYLES:
        engine = Engine(max(work // len(STYLES), 1), style._replace(polyhedra=False))
        entry = engine.solve(first, 0, INFINITE)
        if entry.lower is not None and entry.exact:
            return certificate(engine.entries, entry, start, renamed)
    return None


def arrangement_route(germ: Germ) -> Node | None:
    """Return the value of a product of linear forms by its flats, None for other germs."""
    return solve_arrangement(germ)


def _start(germ: Germ) -> tuple[State, State, list[str]]:
    """Return the state of a germ, the same with standard names, and the old names in its order.

    Raises:
        ValueError: If K is identically zero.
    """
    start = from_germ(germ)
    if any(not ideal.generators for ideal in start.ideals):
        raise ValueError("K is identically zero")
    first, order = canonical(start)
    return start, first, [germ.variables[i] for i in order]
