"""How ids become problems: a family lists its named members and builds any admissible one."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from llcbench.types import Problem

# One number has one text: no digits of other scripts, none that `int` would not read.
_DIGITS = re.compile(r"[0-9]{1,18}")
# Numbers that the weights of the largest published network are: 39 layers of 2999 x 2999.
MOST_PARAMETERS = 400_000_000
# Of a network that is made at once in double precision, its largest frame included.
MOST_DENSE = 100_000_000
MOST_SAMPLES = 100_000_000
# A rotation is a matrix of this size.
MOST_ROTATED = 5_000


def unknown_size(identifier: str) -> int:
    """Return 0: members of the family are small, or refuse what is too large themselves."""
    return 0


@final
@dataclass(frozen=True)
class Family:
    """A set of problems under one prefix.

    Attributes:
        prefix: First part of every id.
        names: The named members, in the order in which they are listed.
        build: Makes the problem of an id without its modifiers; raises ValueError.
        pattern: Form of an id, for error messages.
        size: Number of parameters of an id without its modifiers, computed before anything is
            made; 0 where it is not known.
    """

    prefix: str
    names: Sequence[str]
    build: Callable[[str], Problem]
    pattern: str
    size: Callable[[str], int] = unknown_size


def widths_of(text: str, identifier: str) -> tuple[int, ...]:
    """Read dash-separated widths such as ``5-3-5``.

    Raises:
        ValueError: If a part is not a positive whole number.
    """
    parts = text.split("-")
    widths = [whole_of(part) for part in parts]
    if len(parts) < 2 or not all(widths):
        raise ValueError(f"{identifier!r}: {text!r} is not a list of widths such as 5-3-5")
    return tuple(width for width in widths if width)


def ranks_of(text: str, identifier: str) -> tuple[int, ...]:
    """Read ranks such as ``r2`` or ``r3-1``.

    Raises:
        ValueError: If the text is not ``r`` and whole numbers.
    """
    ranks = [whole_of(part) for part in text[1:].split("-")]
    known = tuple(rank for rank in ranks if rank is not None)
    if not text.startswith("r") or len(known) < len(ranks):
        raise ValueError(f"{identifier!r}: {text!r} is not a rank such as r2 or r3-1")
    return known


def whole_of(text: str) -> int | None:
    """Return the whole number that a part of an id writes in at most 18 digits; else None."""
    return int(text) if _DIGITS.fullmatch(text) else None
