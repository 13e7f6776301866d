"""BibTeX for exactly the references that a coefficient rests on."""

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from theory.coefficient import RLCT, Step
from theory.families import FAMILIES, lookup
from theory.families.examples import EXAMPLES
from theory.families.linear_point import LinearPoint


def cite(name: str, /, **parameters: object) -> str:
    """Return the BibTeX entries that a family uses, in the order of ``references.bib``.

    Args:
        name: a key of ``FAMILIES``.
        parameters: parameters of the family; the example of the catalogue when none is given.

    Raises:
        ValueError: an unknown family or inadmissible parameters, as for ``lookup``.
    """
    given = dict(parameters)
    if not given and name in FAMILIES:
        given = dict(EXAMPLES[name].parameters)
    wanted = keys(lookup(name, **given))
    return "\n\n".join(entry for key, entry in bibliography().items() if key in wanted) + "\n"


def keys(result: RLCT | LinearPoint) -> frozenset[str]:
    """Return the bibliography keys named in the source and in the proof of a coefficient."""
    cited: set[str] = set()
    for source in (result.source, *_sources(result.proof)):
        cited.update(re.findall(r"\b[a-z]+[0-9]{4}[a-z]?\b", source))
    return frozenset(cited & bibliography().keys())


@cache
def bibliography() -> dict[str, str]:
    """Return ``references.bib`` as a map from keys to entries.

    Raises:
        ValueError: a key occurs twice.
    """
    text = (files("theory") / "references.bib").read_text(encoding="utf-8")
    # An entry starts at an @ in the first column and ends at a closing brace in the first column.
    entries: dict[str, str] = {}
    for match in re.finditer(r"^@\w+\{([^,\s]+),.*?^\}", text, re.MULTILINE | re.DOTALL):
        if match[1] in entries:
            raise ValueError(f"references.bib has the key {match[1]!r} twice")
        entries[match[1]] = match[0]
    return entries


def fields(key: str) -> dict[str, str]:
    """Return the fields of an entry, each on one line and without its outer braces.

    Raises:
        ValueError: ``references.bib`` has no such key.
    """
    if key not in bibliography():
        raise ValueError(
            f"unknown key {key!r} of references.bib; known: {', '.join(bibliography())}"
        )
    matches = re.findall(
        r"^  (\w+)\s*= \{(.*?)\},?$(?=\n  \w|\n\})", bibliography()[key], re.M | re.S
    )
    return {name: " ".join(value.split()) for name, value in matches}


def _sources(proof: Iterable[Step]) -> list[str]:
    """Return the sources of all steps, those below them included."""
    sources = []
    for step in proof:
        sources += [step.source, *_sources(step.children)]
    return sources
