"""Re-checks the proofs of the recursive solver, rule by rule."""

from collections.abc import Callable, Sequence
from fractions import Fraction

from theory.certificate import Node
from theory.checker.arrangements import check_arrangement
from theory.checker.base import Checker
from theory.checker.blow_ups import check_blow_up
from theory.checker.claims import ClaimedBounds, ClaimPart, claim_of, own_claim
from theory.checker.moves import (
    check_product,
    check_shift,
    check_straighten,
    check_substitute,
    check_sum,
    check_unit,
)
from theory.checker.newton import check_newton, order_bound
from theory.checker.simplifications import check_simplify
from theory.checker.splits import check_split
from theory.checker.states import Seen, read_state
from theory.checker.zeros import need, replay


def check_recursion(node: Node) -> None:
    """Check all claims of a proof in their order, and that the last one is about the germ."""
    need(node.children, "no claims")
    for k, child in enumerate(node.children):
        for part in child.data["parts"]:
            below = part["claim"]
            need(isinstance(below, int) and 0 <= below < k, "a claim rests on a later one")
            other = node.children[below]
            need(part["state"] == other.data["state"], "another state")
            need(claim_of(part) == own_claim(other), "another claim")
        check_claim(child)
    last = node.children[-1]
    need(not last.data["infinite"], "no pole")
    need(own_claim(last)[1:] == (node.lower, node.upper, node.multiplicity), "another root")
    germ, first = read_state(node.data["germ"]), read_state(last.data["state"])
    need(germ.same_as(first.renamed(node.data["renamed"])), "another germ")


def check_portfolio(node: Node) -> None:
    """Several attempts at one germ: the best bounds of all."""
    need(all(child.rule == "recursion" for child in node.children), "no claim about a germ")
    germs = [child.data["germ"] for child in node.children]
    need(all(germ == node.data["germ"] for germ in germs), "another germ")
    uppers = [c.upper for c in node.children if c.upper is not None]
    need(node.lower == max(c.lower for c in node.children), "lower bound")
    need(node.upper == (min(uppers) if uppers else None), "upper bound")
    known = [c.multiplicity for c in node.children if c.exact]
    need(node.multiplicity is None or node.multiplicity in known, "multiplicity")


def check_claim(node: Node) -> None:
    """Check one claim against the claims that it names.

    Raises:
        ValueError: If the rule does not give it.
    """
    state = read_state(node.data["state"])
    parts = [
        ClaimPart(read_state(part["state"]), claim_of(part), part) for part in node.data["parts"]
    ]
    rule = CLAIM_RULES.get(node.rule)
    if rule is None:
        raise ValueError(f"no checker for rule {node.rule!r}")
    infinite, lower, upper, multiplicity = rule(node, state, parts)
    if "order bound" in node.data and not infinite:
        bound = Fraction(node.data["order bound"])
        need(lower < bound <= order_bound(state), "the order bound")
        lower, multiplicity = bound, None
    if "newton bound" in node.data and not infinite:
        bound = Fraction(node.data["newton bound"])
        need(check_newton(state, None)[0] <= bound, "the Newton bound")
        if upper is None or bound < upper:
            upper = bound
            multiplicity = multiplicity if lower == upper else None
    if node.data.get("unknown region"):
        upper = multiplicity = None
    elif upper is not None and not infinite:
        _check_occupied(node, state)
    need((infinite, lower, upper, multiplicity) == own_claim(node), f"claim of {node.rule!r}")


def _check_occupied(node: Node, state: Seen) -> None:
    """An upper bound needs a point in the region; its witness is in the claim."""
    if state.relations or any(not p for p in state.nonzero):
        equations = [q for q, _, _ in state.relations]
        need("occupied" in node.data, "no witness of a point in the region")
        answer = replay(equations, state.nonzero, node.data["occupied"])
        need(answer == "nonempty", "the region may be empty")


def _empty(node: Node, state: Seen, parts: Sequence[ClaimPart]) -> ClaimedBounds:
    equations = [q for q, _, _ in state.relations]
    need(replay(equations, state.nonzero, node.data["witness"]) == "empty", "not empty")
    return True, Fraction(0), None, None


def _no_pole(node: Node, state: Seen, parts: Sequence[ClaimPart]) -> ClaimedBounds:
    need(not state.ideals and not any(state.monomial), "K vanishes somewhere")
    return True, Fraction(0), None, None


def _monomial(node: Node, state: Seen, parts: Sequence[ClaimPart]) -> ClaimedBounds:
    need(not state.ideals, "factors are left")
    ratios = [d / n for n, d in zip(state.monomial, state.density, strict=True) if n]
    return False, min(ratios), min(ratios), ratios.count(min(ratios))


def _bounds(node: Node, state: Seen, parts: Sequence[ClaimPart]) -> ClaimedBounds:
    """Hoelder from below with orders that are seen in unit coefficients, Newton from above."""
    need(node.lower <= order_bound(state), "the lower bound")
    if node.upper is not None:
        need(check_newton(state, None)[0] <= node.upper, "the upper bound")
    return False, node.lower, node.upper, None


def _newton(node: Node, state: Seen, parts: Sequence[ClaimPart]) -> ClaimedBounds:
    _, value, multiplicity = check_newton(state, node.data)
    return False, value, value, multiplicity


CLAIM_RULES: dict[str, Callable[[Node, Seen, Sequence[ClaimPart]], ClaimedBounds]] = {
    "empty": _empty,
    "no pole": _no_pole,
    "monomial": _monomial,
    "bounds": _bounds,
    "newton": _newton,
    "simplify": check_simplify,
    "unit": check_unit,
    "product": check_product,
    "sum": check_sum,
    "substitute": check_substitute,
    "straighten": check_straighten,
    "shift": check_shift,
    "blow up": check_blow_up,
    "split": check_split,
}


RULES: dict[str, Checker] = {
    "recursion": check_recursion,
    "portfolio": check_portfolio,
    "arrangement": check_arrangement,
}
