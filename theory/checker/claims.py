"""Claims of the recursion as a checker reads them, and how they combine."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from theory.certificate import Node
from theory.checker.states import Seen

ClaimedBounds = tuple[bool, Fraction, Fraction | None, int | None]


class ClaimPart(NamedTuple):
    """What a node says of one of the claims that it rests on."""

    state: Seen
    claim: ClaimedBounds
    data: Mapping[str, Any]


def claim_of(data: Mapping[str, Any]) -> ClaimedBounds:
    """Return infinite, lower, upper and multiplicity as they stand in a part."""
    upper = data["upper"]
    return (
        bool(data["infinite"]),
        Fraction(data["lower"]),
        None if upper is None else Fraction(upper),
        data["multiplicity"],
    )


def own_claim(node: Node) -> ClaimedBounds:
    """Return the claim of a node in the same form."""
    return bool(node.data["infinite"]), node.lower, node.upper, node.multiplicity


def least_claim(parts: Sequence[ClaimPart]) -> ClaimedBounds:
    """Return the claim about the minimum over parts that cover all points."""
    finite = [part.claim for part in parts if not part.claim[0]]
    if not finite:
        return True, Fraction(0), None, None
    lower = min(claim[1] for claim in finite)
    upper = min((claim[2] for claim in finite if claim[2] is not None), default=None)
    tied = [claim for claim in finite if claim[1] == lower]
    known = [claim[3] for claim in tied if claim[2] == lower and claim[3] is not None]
    exact = lower == upper and len(known) == len(tied)
    return False, lower, upper, max(known) if exact else None
