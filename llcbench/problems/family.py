"""How ids become problems: a family lists its named members and builds any admissible one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from llcbench.types import Problem


@final
@dataclass(frozen=True)
class Family:
    """A set of problems under one prefix.

    Attributes:
        prefix: First part of every id.
        names: The named members, in the order in which they are listed.
        build: Makes the problem of an id without its modifiers; raises ValueError.
        pattern: Form of an id, for error messages.
    """

    prefix: str
    names: Sequence[str]
    build: Callable[[str], Problem]
    pattern: str


def widths_of(text: str, identifier: str) -> tuple[int, ...]:
    """Read dash-separated widths such as ``5-3-5``.

    Raises:
        ValueError: If a part is not a positive whole number.
    """
    parts = text.split("-")
    if len(parts) < 2 or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise ValueError(f"{identifier!r}: {text!r} is not a list of widths such as 5-3-5")
    return tuple(int(part) for part in parts)


def ranks_of(text: str, identifier: str) -> tuple[int, ...]:
    """Read ranks such as ``r2`` or ``r3-1``.

    Raises:
        ValueError: If the text is not ``r`` and whole numbers.
    """
    parts = text[1:].split("-")
    if not text.startswith("r") or not all(part.isdigit() for part in parts):
        raise ValueError(f"{identifier!r}: {text!r} is not a rank such as r2 or r3-1")
    return tuple(int(part) for part in parts)
