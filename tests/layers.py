"""The imports of the tree and the table of layers, as data."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("theory", "llcbench")
Graph = dict[str, set[str]]


def modules() -> dict[str, Path]:
    """Return the modules of both packages by name."""
    results = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            results[name.removesuffix(".__init__")] = path
    return results


def imports(source: str, known: Mapping[str, object]) -> set[str]:
    """Return the known modules that a source imports, anywhere in it, annotations included."""
    results = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            results |= {alias.name for alias in node.names if alias.name in known}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                results |= {inner} if inner in known else {node.module} & known.keys()
    return results


def class_names(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the modules that define a class at their top level, by the name of the class."""
    names: dict[str, list[str]] = {}
    for module, source in sources.items():
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef):
                names.setdefault(node.name, []).append(module)
    return names


def borrowed(source: str, known: Mapping[str, Path]) -> Iterator[str]:
    """Yield the names that a source imports from modules that only import them themselves.

    A package may hand out the names of its modules.
    """
    for node in ast.walk(ast.parse(source)):
        path = known.get(node.module or "") if isinstance(node, ast.ImportFrom) else None
        if path is None or path.name == "__init__.py" or not isinstance(node, ast.ImportFrom):
            continue
        yield from (f"{node.module}.{a.name}" for a in node.names if a.name in _passed_on(path))


@cache
def _passed_on(path: Path) -> frozenset[str]:
    """Return the names that a module imports at its top level."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    found = (each for each in body if isinstance(each, ast.ImportFrom))
    return frozenset(alias.asname or alias.name for each in found for alias in each.names)


def module_graph() -> Graph:
    """Return which module imports which."""
    known = modules()
    return {
        name: imports(path.read_text(encoding="utf-8"), known) - {name}
        for name, path in known.items()
    }


def room_of(module: str) -> str:
    """Return the room of a module: the first name below its package."""
    return ".".join(module.split(".")[:2])


def room_graph(graph: Graph) -> Graph:
    """Return which room imports which; the packages themselves are no rooms."""
    rooms: Graph = {room_of(name): set() for name in graph if "." in name}
    for name, targets in graph.items():
        if "." in name:
            near = {room_of(target) for target in targets if "." in target}
            rooms[room_of(name)] |= near - {room_of(name)}
    return rooms


def table() -> Graph:
    """Return the rooms that every room may import, as CONTRIBUTING has them."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    block = text.partition("<!-- layers -->")[2].partition("<!-- end of layers -->")[0]
    rows = re.findall(r"^\| ([\w.]+) \|([\w ]*)\|$", block, flags=re.MULTILINE)
    rooms = {room: words.split() for room, words in rows if room != "room"}
    return {room: _allowed(room, words, rooms) for room, words in rooms.items()}


def _allowed(room: str, words: list[str], rooms: Mapping[str, object]) -> set[str]:
    package = room.partition(".")[0]
    allowed = set()
    for word in words:
        if word == "everything":
            allowed |= set(rooms)
        elif word in PACKAGES:
            allowed |= {each for each in rooms if each.startswith(f"{word}.")}
        else:
            allowed.add(f"{package}.{word}")
    return allowed


def circles(graph: Graph) -> Iterator[list[str]]:
    """Yield the strongly connected components of more than one node (Tarjan 1972)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    results: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in order:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], order[other])
        if low[node] == order[node]:
            component = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(component) > 1:
                results.append(sorted(component))

    for node in sorted(graph):
        if node not in order:
            visit(node)
    yield from results
