"""Proof trees that can be stored, printed and checked again by other code."""

import re
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
        """Return whether value and multiplicity are certified."""
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


_EXPONENT = re.compile(r"\s*[+-]?[0-9_.]+[eE][+-]?[0-9_]+\s*")
# No exponents: `Fraction("1e999999999")` would write out a billion digits.
_RATIONAL = re.compile(r"\s*[+-]?[0-9]{1,4000}(?:/[0-9]{1,4000})?\s*")


def rational(text: str) -> Fraction:
    """Return a rational that is written as ``3``, ``-3/2`` or ``+1``.

    Raises:
        ValueError: If it is written in any other way, or its denominator is 0.
    """
    if _RATIONAL.fullmatch(text) is None:
        raise ValueError(f"{text[:40]!r} is no rational such as -3/2")
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise ValueError(f"{text[:40]!r} has the denominator 0") from None


def check_numbers(plain: object) -> None:
    """Refuse numbers in the JSON form of a certificate that are too long to be worked with.

    Raises:
        ValueError: If a text is a number with an exponent.
    """
    stack = [plain]
    while stack:
        value = stack.pop()
        if isinstance(value, Mapping):
            stack += value.values()
        elif isinstance(value, list | tuple):
            stack += value
        elif isinstance(value, str) and _EXPONENT.fullmatch(value):
            raise ValueError(f"{value[:40]!r} is no rational such as -3/2")


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


_WIDTH = 100


def render(certificate: Node) -> str:
    """Return one indented line per rule: what it was applied to and what it gave."""
    return "\n".join(_lines(certificate, 0))


def claim(node: Node) -> str:
    """Return for example ``lambda = 1/4, m = 1`` or ``1/4 <= lambda <= 1/2``."""
    if node.lower == node.upper:
        order = "unknown" if node.multiplicity is None else str(node.multiplicity)
        return f"lambda = {node.lower}, m = {order}"
    upper = "" if node.upper is None else f" <= {node.upper}"
    return f"{node.lower} <= lambda{upper}"


def _lines(node: Node, depth: int) -> Iterator[str]:
    yield _cut("  " * depth + f"{node.rule}: {_subject(node)}{claim(node)}")
    for note in _notes(node):
        yield _cut("  " * (depth + 2) + note)
    for child in node.children:
        yield from _lines(child, depth + 1)


def _subject(node: Node) -> str:
    data = node.data
    match node.rule:
        case "polynomial":
            pairs = zip(data["variables"], data["at"], strict=True)
            where = ", ".join(f"{name} = {value}" for name, value in pairs)
            return f"K = {data['polynomial']} at {where}: "
        case "toric chart" | "chart bound":
            return _product(data, ("x", "y"), [([text], k) for text, k in data["factors"]]) + ": "
    germ = data.get("germ")
    if not isinstance(germ, Mapping) or "factors" not in germ:
        return ""
    factors = [(entry["generators"], entry["exponent"]) for entry in germ["factors"]]
    return _product(germ, germ["variables"], factors) + ": "


def _product(data: Mapping[str, Any], variables: Any, factors: list[tuple[list[str], str]]) -> str:
    parts = [
        f"|{name}|^{n}" for name, n in zip(variables, data["monomial"], strict=True) if n != "0"
    ]
    for generators, exponent in factors:
        inside = generators[0] if len(generators) == 1 else f"({', '.join(generators)})"
        parts.append(f"|{inside}|^{exponent}")
    density = [
        f"nu_{name} = {nu}"
        for name, nu in zip(variables, data["density"], strict=True)
        if nu != "1"
    ]
    return " ".join(parts) + (f" [{', '.join(density)}]" if density else "")


def _notes(node: Node) -> Iterator[str]:
    """Yield the divisors of a chart: rays of the fan and real roots of edge polynomials."""
    if node.rule not in ("toric chart", "chart bound"):
        return
    data = node.data
    if "field" in data:
        lo, hi = data["field"]["interval"]
        yield f"t is the root of {data['field']['minimal']} in ({lo}, {hi})"
    yield "rays " + " ".join(f"({p}, {q})" for p, q in data["rays"])
    for root in data.get("roots", ()):
        p, q = data["rays"][root["ray"]]
        lo, hi = root["interval"]
        place = lo if lo == hi else f"({lo}, {hi})"
        what = "chart below" if "child" in root else f"smooth branch of factor {root['branch'] + 1}"
        yield f"y^{p}/x^{q} = {place}: {what}"


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else line[: _WIDTH - 3] + "..."
