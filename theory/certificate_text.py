"""Certificates as text for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from theory.certificate import Node

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
