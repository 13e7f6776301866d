"""Proof trees that can be stored, printed and checked again by other code."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, final

Data = Mapping[str, Any]


@final
@dataclass(frozen=True, slots=True)
class Node:
    """One application of a rule: what it was applied to, what it gave, and what it rests on.

    The claim of a node is ``lower <= lambda <= upper`` for its germ, and the multiplicity if that
    is known. ``data`` holds all that a checker needs to confirm the rule without searching:
    strings, integers, booleans, lists and mappings of them; rationals and polynomials as text.

    Attributes:
        rule: Name of the rule.
        lower: Certified lower bound of lambda, at the scale of K.
        upper: Certified upper bound; None if there is none.
        multiplicity: Order of the pole, None if it is not certified.
        data: What the rule was applied to and its witnesses.
        children: Nodes that this one rests on.
    """

    rule: str
    lower: Fraction
    upper: Fraction | None
    multiplicity: int | None
    data: Data = field(default_factory=dict)
    children: tuple["Node", ...] = ()

    @property
    def exact(self) -> bool:
        """Tell whether value and multiplicity are certified."""
        return self.lower == self.upper and self.multiplicity is not None

    def to_json(self) -> dict[str, Any]:
        """Return plain data with rationals as text."""
        return {
            "rule": self.rule,
            "lower": str(self.lower),
            "upper": None if self.upper is None else str(self.upper),
            "multiplicity": self.multiplicity,
            "data": _plain(self.data),
            "children": [child.to_json() for child in self.children],
        }

    def walk(self) -> Iterator["Node"]:
        """Yield this node and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()


def from_json(plain: Mapping[str, Any]) -> Node:
    """Return the tree that `Node.to_json` wrote.

    Raises:
        ValueError: If a field is missing or is no rational.
    """
    try:
        upper = plain["upper"]
        return Node(
            rule=str(plain["rule"]),
            lower=Fraction(plain["lower"]),
            upper=None if upper is None else Fraction(upper),
            multiplicity=plain["multiplicity"],
            data=plain["data"],
            children=tuple(from_json(child) for child in plain["children"]),
        )
    except (KeyError, TypeError, ZeroDivisionError) as error:
        raise ValueError(f"not a certificate: {error!r}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int | bool):
        return value
    raise TypeError(f"{value!r} cannot stand in a certificate")
