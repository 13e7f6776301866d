"""The table of all families: one example each, its coefficient and how it was verified.

``entries()`` is the table as data, ``markdown()`` and ``document()`` are what ``write()`` puts into
two files. All are computed from ``FAMILIES``, so they cannot disagree with ``lookup``.
"""

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

from theory import files
from theory.coefficient import RLCT
from theory.families import FAMILIES
from theory.families.evidence import evidence
from theory.families.examples import EXAMPLES
from theory.families.examples import Example as Example
from theory.families.linear_point import LinearPoint

_HEADING: Final = """# Families with a known learning coefficient

One example of every family. `lambda` is minus the largest pole of the zeta function of K and `m`
its order. *Local* is the coefficient at the point of the example, *global* the least one over all
true parameters; a dash stands where the theorem speaks of the other one only. Conditions and tests
follow below the table; sources are keys of `theory/references.bib`. Made by
`llcbench theory catalogue --out results/theory/v1`.
"""


@final
@dataclass(frozen=True, slots=True)
class CatalogueLine:
    """One line of the catalogue.

    Attributes:
        family: name for ``lookup``.
        summary: what the family is, in a sentence.
        parameters: those of the example.
        result: what ``lookup`` returns for them.
        verified: how the tests confirm value and multiplicity.
        tests: those tests, as ``file::function`` below ``tests/theory``.
    """

    family: str
    summary: str
    parameters: Mapping[str, Any]
    result: RLCT | LinearPoint
    verified: str
    tests: tuple[str, ...]

    def values(self) -> tuple[str, str, str]:
        """Return the local value, the global value and the multiplicity as they are printed."""
        value, order = _value(self.result), _order(self.result)
        if isinstance(self.result, LinearPoint):
            return value, _value(self.result.global_), order
        return (value, "-", order) if self.result.scope == "local" else ("-", value, order)

    def to_json(self) -> dict[str, Any]:
        """Return the line as plain data, with rationals as text."""
        return {
            "family": self.family,
            "summary": self.summary,
            "parameters": {key: _plain(value) for key, value in self.parameters.items()},
            "verified": self.verified,
            "tests": list(self.tests),
            **self.result.to_json(),
        }


def entries() -> tuple[CatalogueLine, ...]:
    """Return one line for every family, in the order of their names."""
    return tuple(
        CatalogueLine(
            name,
            _summary(name),
            example.parameters,
            FAMILIES[name](**example.parameters),
            example.verified,
            evidence(name),
        )
        for name, example in sorted(EXAMPLES.items())
    )


def markdown() -> str:
    """Return the catalogue as a Markdown table."""
    lines = [
        "| family | parameters | local | global | m | source | verified by |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for entry in entries():
        given = ", ".join(f"{key}={_text(item)}" for key, item in entry.parameters.items())
        cells = (entry.family, f"`{given}`", *entry.values(), entry.result.source, entry.verified)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def document() -> str:
    """Return the table with a heading, and below it conditions and tests of every family."""
    parts = [_HEADING, markdown(), "## Conditions and tests\n"]
    for entry in entries():
        named = "\n".join(f"- `tests/theory/{test}`" for test in entry.tests)
        where = f"Example: {entry.result.conditions}."
        parts.append(f"### {entry.family}\n\n{entry.summary}\n\n{where}\n\n{named}\n")
    return "\n".join(parts)


def data() -> str:
    """Return the catalogue as JSON, a list of the lines with their proofs."""
    plain = [entry.to_json() for entry in entries()]
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


def write(directory: str | Path) -> tuple[Path, Path]:
    """Write ``families.md`` and ``families.json`` into a directory, which is made if need be.

    Raises:
        OSError: the directory cannot be made or written.
    """
    folder = Path(directory)
    paths = folder / "families.md", folder / "families.json"
    for path, text in zip(paths, (document(), data()), strict=True):
        files.write(path, text)
    return paths


def _summary(name: str) -> str:
    """Return the first sentence of a family's docstring, without its verb."""
    first = (inspect.getdoc(FAMILIES[name]) or "").split("\n\n")[0].replace("\n", " ")
    noun = first.removeprefix("Return ")
    return noun[:1].upper() + noun[1:]


def _value(result: RLCT | LinearPoint) -> str:
    """Return a value, or the two bounds in brackets."""
    if result.lower == result.upper:
        return str(result.lower)
    return f"[{result.lower}, {result.upper}]"


def _order(result: RLCT | LinearPoint) -> str:
    """Return the multiplicity, and whether it rests on one route only."""
    if result.multiplicity is None:
        return "unknown"
    return f"{result.multiplicity}{' (provisional)' if result.multiplicity_provisional else ''}"


def _text(value: object) -> str:
    """Write a parameter without spaces, so that a cell stays on one line."""
    return repr(value).replace(" ", "")


def _plain(value: object) -> object:
    """Return tuples as lists and the pairs that index ranks as texts."""
    if isinstance(value, Mapping):
        return {",".join(map(str, key)): item for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | bool) or value is None else str(value)
