"""Routes a germ through the rules, the simple ones first."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from theory.certificate import Node
from theory.meter import TimeUpError, WorkLimit, deadline
from theory.polynomials.expression import Polynomial, write
from theory.polynomials.germ import Germ, germ_data
from theory.solver.bounds.elementary import elementary, rank_bound
from theory.solver.bounds.subideals import smaller_ideal_bounds
from theory.solver.bounds.zero_sets import zero_set_bound
from theory.solver.budget import WORK_PER_SECOND, WorkBudget
from theory.solver.input.independent import independent_factors, summands
from theory.solver.input.signs import branch_orders, lowest_sign
from theory.solver.input.squares import as_squares
from theory.solver.plane.resolution import solve_plane
from theory.solver.recursion.portfolio import solve_germ

# A state of the recursion costs about ten milliseconds.
WORK_PER_STATE = WORK_PER_SECOND // 100
# Shares of the recursion on the germ itself, and of each germ with fewer generators.
MAIN, HELP = Fraction(2, 3), Fraction(1, 12)


def solve_any(germ: Germ, budget: WorkBudget, helped: bool = True) -> Node:
    """Return certified bounds of lambda, and value and multiplicity where they can be proved.

    Args:
        germ: The germ at the origin.
        budget: Work and time.
        helped: Whether germs with fewer generators are solved too, for lower bounds.
    """
    split = independent_factors(germ)
    if split.germs == (germ,):
        return _solve_factor(germ, budget, helped)
    children = tuple(_solve_factor(part, budget, helped) for part in split.germs)
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


def _solve_factor(germ: Germ, budget: WorkBudget, helped: bool) -> Node:
    if not germ.factors:
        return _monomial(germ)
    summed = _sum(germ, budget, helped)
    if summed is not None:
        return summed
    if len(germ.variables) == 2:
        return solve_plane(germ, budget)
    return _general(germ, budget, helped)


def _monomial(germ: Germ) -> Node:
    ratios = [nu / n for n, nu in zip(germ.monomial, germ.density, strict=True) if n]
    value = min(ratios)
    return Node("monomial germ", value, value, ratios.count(value), {"germ": germ_data(germ)})


def _sum(germ: Germ, budget: WorkBudget, helped: bool) -> Node | None:
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
            children.append(solve_any(part, budget, helped))
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
            children.append(solve_any(part, budget, helped))
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


def _general(germ: Germ, budget: WorkBudget, helped: bool) -> Node:
    """Ask the recursion for more than two variables, and bounds of other kinds if it fails."""
    share = budget.part(MAIN, MAIN) if helped else budget
    children: list[Node] = []
    try:
        children.append(solve_germ(germ, _states(share), share.deadline))
    except WorkLimit:
        pass
    if children and children[0].exact:
        return _wrapped(germ, children)
    children += _simple_bounds(germ, budget)
    if helped:
        ends = [node for node in children if node.upper is not None]
        best = min(ends, key=lambda node: node.upper or 0)
        more = smaller_ideal_bounds(germ, best, _helper(budget))
        children = [*more] if any(node.exact for node in more) else [*children, *more]
    return _wrapped(germ, children)


def _simple_bounds(germ: Germ, budget: WorkBudget) -> list[Node]:
    nodes = [elementary(germ), rank_bound(germ)]
    try:
        with deadline(budget.deadline):
            nodes.append(zero_set_bound(germ))
    except TimeUpError:
        pass
    return [node for node in nodes if node is not None]


def _helper(budget: WorkBudget) -> Callable[[Germ], Node | None]:
    """Return what solves germs with fewer generators, each with a small share of the work."""

    def solve(smaller: Germ) -> Node | None:
        return None if budget.over() else solve_any(smaller, budget.part(HELP), helped=False)

    return solve


def _wrapped(germ: Germ, children: Sequence[Node]) -> Node:
    lower = max(child.lower for child in children)
    upper = min((child.upper for child in children if child.upper is not None), default=None)
    known = [child.multiplicity for child in children if child.exact]
    multiplicity = known[0] if known else None
    data = {"germ": germ_data(germ)}
    return Node("best bounds", lower, upper, multiplicity, data, tuple(children))


def _states(budget: WorkBudget) -> int:
    """Return how many states of the recursion the remaining work pays for."""
    return max(budget.left // WORK_PER_STATE, 1)
