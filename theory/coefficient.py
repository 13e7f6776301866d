"""The result type of every exact statement about a learning coefficient.

Convention: ``lambda`` is minus the largest pole of ``int K(w)^z phi(w) dw`` and ``m`` is its order,
with ``K`` itself (not its square root) as the function; then
``int exp(-t K) phi ~ C t^-lambda (log t)^(m-1)`` (watanabe2009, chapter 6).
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, final, get_args

from theory.certificate import Node

Scope = Literal["local", "global"]


@final
@dataclass(frozen=True, slots=True)
class Step:
    """One line of a proof: the rule that was used and what it gave.

    Attributes:
        rule: name of the rule, for example ``"chain program"``.
        statement: what the rule gave here, with its numbers.
        source: bibliography key and theorem, empty for elementary algebra.
        children: the steps that this one rests on.
    """

    rule: str
    statement: str
    source: str = ""
    children: tuple["Step", ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the step and its children as plain dictionaries."""
        return {
            "rule": self.rule,
            "statement": self.statement,
            "source": self.source,
            "children": [child.to_json() for child in self.children],
        }


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RLCT:
    """A learning coefficient, known exactly or between two bounds.

    Attributes:
        lower: proved lower bound of lambda.
        upper: proved upper bound of lambda; equal to ``lower`` when the value is known.
        multiplicity: order of the pole, or None when it is not known.
        scope: ``"local"`` at one point, ``"global"`` for the minimum over the true set.
        method: how the value was found, for example ``"closed form"``.
        source: bibliography key (in ``references.bib``) and theorem.
        conditions: at which point and under which assumptions the value holds.
        proof: the steps that lead to the value.
        multiplicity_provisional: True when the multiplicity rests on one route only.
        certificate: the proof of the solver as a tree that `theory.verify` re-checks.

    Raises:
        ValueError: the bounds are not fractions in order, or the multiplicity is not positive.
    """

    lower: Fraction
    upper: Fraction
    multiplicity: int | None
    scope: Scope
    method: str
    source: str
    conditions: str
    proof: tuple[Step, ...] = ()
    multiplicity_provisional: bool = False
    certificate: Node | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Reject a record that could not be a learning coefficient."""
        for name, bound in (("lower", self.lower), ("upper", self.upper)):
            if not isinstance(bound, Fraction):
                raise ValueError(f"{name} must be a Fraction, got {bound!r}")
        if not 0 <= self.lower <= self.upper:
            raise ValueError(
                f"bounds must satisfy 0 <= lower <= upper, got {self.lower} and {self.upper}"
            )
        m = self.multiplicity
        if m is not None and (isinstance(m, bool) or not isinstance(m, int) or m < 1):
            raise ValueError(f"multiplicity must be a positive integer or None, got {m!r}")
        if self.scope not in get_args(Scope):
            raise ValueError(f"scope must be 'local' or 'global', got {self.scope!r}")

    @property
    def exact(self) -> bool:
        """Return whether both the value and the multiplicity are known."""
        return self.lower == self.upper and self.multiplicity is not None

    @property
    def value(self) -> Fraction:
        """Return lambda.

        Raises:
            ValueError: only bounds are known.
        """
        if self.lower != self.upper:
            raise ValueError(
                f"only bounds are known: {self.lower} <= lambda <= {self.upper};"
                " read .lower and .upper instead of .value"
            )
        return self.lower

    def __str__(self) -> str:
        """Return for example ``9/2 (m 1)`` or ``[3, 7/2] (m unknown)``."""
        number = str(self.lower) if self.lower == self.upper else f"[{self.lower}, {self.upper}]"
        order = "m unknown" if self.multiplicity is None else f"m {self.multiplicity}"
        return f"{number} ({order}{', provisional' if self.multiplicity_provisional else ''})"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary with rationals as strings such as ``"9/2"``."""
        return {
            "exact": self.exact,
            "value": str(self.lower) if self.lower == self.upper else None,
            "multiplicity": self.multiplicity,
            "multiplicity_provisional": self.multiplicity_provisional,
            "lower": str(self.lower),
            "upper": str(self.upper),
            "scope": self.scope,
            "method": self.method,
            "source": self.source,
            "conditions": self.conditions,
            "proof": [step.to_json() for step in self.proof] + self._certified(),
        }

    def _certified(self) -> list[dict[str, Any]]:
        """Return the certificate as a last step of the proof."""
        if self.certificate is None:
            return []
        step = Step("certificate", f"lambda = {self}, by {self.method}", self.source)
        return [step.to_json() | {"certificate": self.certificate.to_json()}]


def known(
    value: Fraction,
    multiplicity: int,
    scope: Scope,
    *,
    method: str,
    source: str,
    conditions: str,
    proof: tuple[Step, ...] = (),
    multiplicity_provisional: bool = False,
) -> RLCT:
    """Build the record of an exactly known value, whose two bounds coincide.

    Raises:
        ValueError: the value is negative or the multiplicity is not positive.
    """
    return RLCT(
        lower=value,
        upper=value,
        multiplicity=multiplicity,
        scope=scope,
        method=method,
        source=source,
        conditions=conditions,
        proof=proof,
        multiplicity_provisional=multiplicity_provisional,
    )
