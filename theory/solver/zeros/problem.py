"""Systems of equations and conditions on the way to a decision, and answers with witnesses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, final

from theory.algebra.factoring import factors
from theory.algebra.ring import Poly, sort_text, used

Answer = Literal["empty", "nonempty", "unknown"]
WORK = 400


@final
@dataclass(frozen=True, slots=True)
class ZeroStatus:
    """An answer with the steps that prove it.

    Attributes:
        answer: ``"empty"``, ``"nonempty"`` or ``"unknown"``.
        witness: The rule with its data and the witnesses of the systems that it leads to.
    """

    answer: Answer
    witness: dict[str, Any] = field(default_factory=dict)


UNKNOWN = ZeroStatus("unknown")


@final
@dataclass
class OracleBudget:
    """The work that a decision may still use."""

    left: int = WORK

    def spend(self, amount: int = 1) -> bool:
        """Use some work and return whether there was enough."""
        self.left -= amount
        return self.left >= 0


@final
@dataclass(frozen=True)
class ZeroProblem:
    """``system = 0`` where no element of `nonzero` vanishes.

    Attributes:
        system: Equations, none of them zero or constant when a rule sees them.
        nonzero: Irreducible conditions.
        budget: Work that is left for this problem and all that it leads to.
        depth: Number of rules that led here.
        solve: Decides the problems that a rule leads to.
    """

    system: list[Poly]
    nonzero: list[Poly]
    budget: OracleBudget
    depth: int
    solve: Callable[["ZeroProblem"], ZeroStatus]

    def below(self, system: Sequence[Poly], nonzero: Sequence[Poly] | None = None) -> ZeroStatus:
        """Decide another system, under the same conditions unless others are given."""
        conditions = self.nonzero if nonzero is None else nonzero
        return self.solve(
            ZeroProblem(list(system), list(conditions), self.budget, self.depth + 1, self.solve)
        )

    def without(self, equation: Poly) -> list[Poly]:
        """Return the other equations."""
        return [p for p in self.system if p is not equation]

    @property
    def variables(self) -> list[int]:
        """Return the variables of the equations."""
        return sorted(set().union(*(used(p) for p in self.system)))


def irreducible(nonzero: Sequence[Poly]) -> list[Poly]:
    """Return the irreducible factors of the conditions; a zero condition stays alone."""
    kept: dict[Poly, None] = {}
    for p in nonzero:
        if not p:
            return [p]
        for q, _, _ in factors(p):
            kept[q] = None
    return sorted(kept, key=lambda p: (len(p), sort_text(p)))


def witness(rule: str, parts: Sequence[ZeroStatus] = (), **data: Any) -> dict[str, Any]:
    """Return the step of a rule with the witnesses that it rests on."""
    return {"rule": rule, **data, "parts": [part.witness for part in parts]}


def union(rule: str, parts: Sequence[ZeroStatus], **data: Any) -> ZeroStatus:
    """Combine alternatives: nonempty if one is, empty if all are."""
    for i, part in enumerate(parts):
        if part.answer == "nonempty":
            return ZeroStatus("nonempty", witness(rule, [part], chosen=i, **data))
    if all(part.answer == "empty" for part in parts):
        return ZeroStatus("empty", witness(rule, parts, **data))
    return UNKNOWN
