"""Germs, regions and systems that lead to every rule of the checkers between them."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from theory import RLCT, SumOfSquares, strata
from theory.algebra.ring import polynomial_ring, read
from theory.certificate import Node
from theory.polynomials.expression import parse
from theory.polynomials.germ import Factor, Germ
from theory.solver.bounds.elementary import elementary, rank_bound
from theory.solver.bounds.subideals import smaller_ideal_bounds
from theory.solver.bounds.zero_sets import zero_set_bound
from theory.solver.budget import WorkBudget
from theory.solver.recursion.canonical import canonical
from theory.solver.recursion.engine import Engine
from theory.solver.recursion.portfolio import INFINITE, STYLES
from theory.solver.recursion.solved import certificate
from theory.solver.recursion.states import Ideal, State
from theory.solver.rules import solve_any

F = Fraction
S = SumOfSquares

GERMS: list[tuple[Any, dict[str, Any]]] = [
    ("x^2*y^4*z^2", {"prior": {"x": 1}}),
    ("(x - 1)^2*(y^2 + z^2)^3", {"at": {"x": 1}}),
    ("((x - y)^2 - z^3)^2", {}),
    ("(x^2 + 4*y^2 - z^2)^2", {}),
    ("(x^2 - 2*y^2*z)^2", {}),
    ("(x*y - z^3)^2", {}),
    (S(["x + 2*y - 3*z", "x^2 + 2*y^2 + 3*z^2"]), {}),
    (S(["x^2*y", "z"]), {}),
    (S(["x*y", "y*z", "z*x"]), {}),
    (S(["x^2 - y*z", "z^2"]), {}),
    ("(x^2 - 2*y^2)^2*(y^2 - 3*z^2)^2", {}),
    ("(x^2 + y^2 - z^2)^2 + (x - 3)^2*(z - 5)^4", {"at": {"x": 3, "y": 4, "z": 5}}),
    ("(x - y)^4*(y - 2*x)^2*(x - y + z)^2*z^4", {}),
    (S(["x^2 - 2*y^2", "z^2 - 3*w^2"]), {}),
    ("(y - x)^2*(x - y)^2*(y - 2*x)^2*(x - y + z)^2*z^4", {}),
    (S(["a*b + c*d", "c*d*(a - b)"]), {}),
    (S(["a*c", "a*d", "b*c", "b*d"]), {}),
    (S(["(1 + a)*(1 + c) - 1", "(1 + a)*d", "b*(1 + c)"]), {}),
    ("(y^2 - 2*x^2)^4 + x^9", {"absolute": True}),
    ("((x^3 - 2*y^3)^2 - 3*x^7)^2 + x^14*y", {"absolute": True, "timeout": 1e-5}),
    ("x^2 - x^3 + y^2 - 2*y*z^2 + z^4 + z^6", {}),
    ("x*y*z*(x - y)*(x + y)*(y - z)*(y + z)*(z - x)*(z + x)*(x + y + z)*(x - y - 2*z)",
     {"absolute": True, "timeout": 0.05}),
    (S(["x^2*y - z*w^2", "y^2*z - x*w^3", "x*y*z*w"]), {"timeout": 0.01}),
]  # fmt: skip

SYSTEMS = [
    (["x^2+y^2"], ["x"]),
    (["x^2-2"], ["x"]),
    (["x^2+x*y+y^2"], ["x", "y"]),
    (["x^2+y^2-3*x*y"], ["x", "y"]),
    (["x^3-2*y^3"], ["x", "y"]),
    (["x^2+y^2-1", "x*y-1"], ["x", "y"]),
    (["x^2+y^2-3", "x*y-1"], ["x", "y"]),
    (["x^4*y^2+x^2*y^4-3*x^2*y^2*z^2+z^6"], ["x", "y", "z"]),
    (["x^4*y^2+x^2*y^4-2*x^2*y^2*z^2+z^6"], ["x", "y", "z"]),
    (["(x^2+y^2-1)^2+(x-2)^2"], ["x"]),
    (["x^2+y^2+z^2+x+1"], []),
    (["x^4-x^2*y^2+y^4"], ["x", "y"]),
    (["x^2-y*z", "z^2-x*y"], ["x", "y", "z"]),
    (["x-y", "x+y"], ["x"]),
    (["x*y"], ["x"]),
    ([], ["x"]),
    (["y^2-x^3+x"], ["x", "y"]),
    (["x"], ["0"]),
    (["x^4+2*x^2*y^2+y^4-x^2-4*y^2+3"], ["x", "y"]),
    (["2*x^2*y*z-x*z^2+y^2-3", "y^2-3*z^2"], ["y", "z"]),
    (["x^2-y^2-1", "x^2-z^2-1"], []),
]


def region(coordinates: str, parameters: str, generators: Sequence[str]) -> Node:
    """Return the proof for ``|J|^2`` at all points with real parameters."""
    ring, size = polynomial_ring((*coordinates, *parameters)), len(coordinates)
    ideal = Ideal(tuple(read(ring, g) for g in generators), F(2))
    start = State(ring, size, (ideal,), (F(0),) * size, (F(1),) * size)
    first, order = canonical(start)
    engine = Engine(200, STYLES[0])
    names = [*coordinates, *parameters]
    entry = engine.solve(first, 0, INFINITE)
    return certificate(engine.entries, entry, start, [names[i] for i in order])


# A germ whose proof needs each witness about a region of parameters.
SPLITS: dict[str, Callable[[], Node]] = {
    "occupied": lambda: region("yx", "t", ["(t^2 - 2)*y + x^2*y"]),
    "slope witness": lambda: region("yx", "t", ["(t^2 - 2)*y + x^2*y"]),
    "coefficient witness": lambda: region(
        "yxz", "ts", ["(t^2 - 2)*y^2 + (s^2*t - 1)*x^3 + t^2*x^2*y", "(s^3 - 2)*z + s*y"]
    ),
    "slopes witness": lambda: region("yx", "t", ["(t^2 - 2)*y + x", "(t^2 - 2)*x + y^2*t", "y^3"]),
}


def _germ(generators: Sequence[str]) -> Germ:
    names = ("x", "y", "z")
    factor = Factor(tuple(parse(g, names) for g in generators), F(2))
    return Germ(names, (factor,), (F(0),) * 3, (F(1),) * 3)


def _light(germ: Germ) -> Node:
    return solve_any(germ, WorkBudget(160_000), helped=False)


def proofs() -> dict[str, Node]:
    """Return proofs that do not start from an expression: bounds, regions, an algebraic point."""
    results = {"order bound": elementary(_germ(["x^2 - y*z", "z^3"]))}
    for g in (_germ(["x", "y + z^2", "z^3"]), _germ(["(x - y^2)*(z - x^3)", "(x - y^2)*(z + y)"])):
        for node in (rank_bound(g), zero_set_bound(g)):
            if node is not None:
                results[node.rule] = node
    small = _germ(["x^2 - y*z", "y^2", "z^3"])
    (results["smaller ideal"],) = smaller_ideal_bounds(small, elementary(small), _light)
    meeting = _germ(["x*y", "y*z", "z*x", "x^2 - y^3"])
    (results["squeezed"],) = smaller_ideal_bounds(meeting, _light(meeting), _light)
    results["no pole"] = region("y", "t", ["t + y"])
    results["split"] = SPLITS["coefficient witness"]()
    results["empty"] = region("y", "ts", ["(t^2 + 1)*(s^3 + s*t^2 + 1) + y"])
    point = next(
        s.value
        for s in strata("(x^2 - 2)^2*(y - 1)^4")
        if s.point.rational is None and not s.dimension
    )
    assert isinstance(point, RLCT)
    assert point.certificate is not None
    results["algebraic point"] = point.certificate
    return results
