"""Routes a germ through the rules, the simple ones first."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from theory.expression import Polynomial, write
from theory.solver.algebra import WorkLimit
from theory.solver.bounds import elementary
from theory.solver.budget import WORK_PER_SECOND, Budget, OutOfWorkError
from theory.solver.certificate import Node
from theory.solver.clock import limit
from theory.solver.germ import Germ
from theory.solver.germ_data import germ_data
from theory.solver.pieces import pieces, summands
from theory.solver.plane import solve_plane
from theory.solver.recursion import solve_germ
from theory.solver.structure_sign import branch_orders, lowest_sign
from theory.solver.structure_squares import as_squares

# A state of the recursion costs about ten milliseconds.
WORK_PER_STATE = WORK_PER_SECOND // 100


def solve_any(germ: Germ, budget: Budget) -> Node:
    """Return certified bounds of lambda, and value and multiplicity where they can be proved."""
    split = pieces(germ)
    if split.pieces == (germ,):
        return _solve_piece(germ, budget)
    children = tuple(_solve_piece(piece, budget) for piece in split.pieces)
    data = {
        "germ": germ_data(germ),
        "units": [
            {"generators": [write(g) for g in unit.generators], "exponent": str(unit.exponent)}
            for unit in split.units
        ],
    }
    return Node("independent factors", *least(children), data, children)


def least(children: Sequence[Node]) -> tuple[Fraction, Fraction | None, int | None]:
    """Return the minimum of children in disjoint variables; multiplicities of ties add."""
    lower = min(child.lower for child in children)
    upper = min((child.upper for child in children if child.upper is not None), default=None)
    ties = [child.multiplicity for child in children if child.lower == lower]
    known = [m for m in ties if m is not None]
    exact = lower == upper and len(known) == len(ties)
    return lower, upper, sum(known) if exact else None


def total(children: Sequence[Node]) -> tuple[Fraction, Fraction | None, int | None]:
    """Return the sum over children in disjoint variables, ``m = 1 + sum (m_i - 1)``."""
    lower = sum((child.lower for child in children), Fraction(0))
    uppers = [child.upper for child in children if child.upper is not None]
    known = [child.multiplicity for child in children if child.multiplicity is not None]
    whole = len(uppers) == len(children)
    upper = sum(uppers, Fraction(0)) if whole else None
    exact = lower == upper and len(known) == len(children)
    return lower, upper, 1 + sum(m - 1 for m in known) if exact else None


def _solve_piece(germ: Germ, budget: Budget) -> Node:
    if not germ.factors:
        return _monomial(germ)
    found = _sum(germ, budget)
    if found is not None:
        return found
    if len(germ.variables) == 2:
        return solve_plane(germ, budget)
    return _general(germ, budget)


def _monomial(germ: Germ) -> Node:
    ratios = [nu / n for n, nu in zip(germ.monomial, germ.density, strict=True) if n]
    value = min(ratios)
    return Node("monomial germ", value, value, ratios.count(value), {"germ": germ_data(germ)})


def _sum(germ: Germ, budget: Budget) -> Node | None:
    """Split a sum in disjoint variables, if every summand is proved nonnegative."""
    parts = summands(germ)
    if len(parts) == 1:
        return None
    children: list[Node] = []
    evidence: list[dict[str, Any]] = []
    for part in parts:
        (factor,) = part.factors
        generators = factor.generators
        if len(germ.factors[0].generators) > 1:
            children.append(solve_any(part, budget))
            continue
        (f,) = generators
        proof = _nonnegative(f)
        if proof is None and len(part.variables) == 2:
            node = solve_plane(part, budget)
            orders = branch_orders(node)
            if orders is None or lowest_sign(f) < 0:
                return None
            if any(order / factor.exponent % 2 for order in orders):
                return None
            children.append(node)
            evidence.append({"kind": "branches"})
        elif proof is None:
            return None
        else:
            children.append(solve_any(part, budget))
            evidence.append(proof)
    data: dict[str, Any] = {"germ": germ_data(germ)}
    if evidence:
        data["nonnegative"] = evidence
    return Node("independent summands", *total(children), data, tuple(children))


def _nonnegative(f: Polynomial) -> dict[str, Any] | None:
    """Prove by algebra that a polynomial has no negative value near the origin."""
    if len(f.variables) == 1:
        order = min(f.terms)
        return {"kind": "lowest"} if f.terms[order] > 0 and order[0] % 2 == 0 else None
    squares = as_squares(f)
    if squares is None:
        return None
    return {
        "kind": "squares",
        "weights": [str(w) for w, _ in squares],
        "generators": [write(g) for _, g in squares],
    }


def _general(germ: Germ, budget: Budget) -> Node:
    """Ask the recursion for more than two variables, and never return less than the bounds."""
    bounds = elementary(germ)
    try:
        with limit(budget.seconds()):
            found = solve_germ(germ, _states(budget))
    except (WorkLimit, OutOfWorkError):
        return bounds
    if found.exact:
        return _wrapped(germ, (found,))
    return _wrapped(germ, (found, bounds))


def _wrapped(germ: Germ, children: tuple[Node, ...]) -> Node:
    lower = max(child.lower for child in children)
    upper = min((child.upper for child in children if child.upper is not None), default=None)
    known = [child.multiplicity for child in children if child.exact]
    multiplicity = known[0] if known else None
    return Node("best bounds", lower, upper, multiplicity, {"germ": germ_data(germ)}, children)


def _states(budget: Budget) -> int:
    """Return how many states of the recursion the remaining work pays for."""
    return max(budget.left // WORK_PER_STATE, 1)
