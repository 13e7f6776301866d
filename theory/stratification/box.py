"""The box in which a zero set is looked at, and how users write it."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from theory.solver.input.potentials import Value, rationals

Pair = Sequence[Value]


class Side(NamedTuple):
    """The range of one coordinate; None for no end."""

    lo: Fraction | None
    hi: Fraction | None

    def inside(self, value: Fraction) -> bool:
        """Return whether a value lies strictly between the ends."""
        return (self.lo is None or self.lo < value) and (self.hi is None or value < self.hi)


Box = tuple[Side, ...]
EVERYWHERE = Side(None, None)


def read_box(box: Mapping[str, Pair] | Pair | None, names: Sequence[str]) -> Box:
    """Return one range per variable, from pairs by name or from one pair for all.

    Raises:
        ValueError: If an end is no rational, a range is empty, or a name does not occur in K.
    """
    if box is None:
        return (EVERYWHERE,) * len(names)
    pairs = box if isinstance(box, Mapping) else dict.fromkeys(names, box)
    for name in pairs:
        if name not in names:
            raise ValueError(f"box names {name!r}; K has {', '.join(names)}")
    return tuple(_side(name, pairs[name]) if name in pairs else EVERYWHERE for name in names)


def box_text(box: Box, names: Sequence[str]) -> str:
    """Return for example ``-2 <= x <= 2``, empty if there is no end."""
    return ", ".join(
        f"{side.lo} <= {name} <= {side.hi}"
        for name, side in zip(names, box, strict=True)
        if side != EVERYWHERE
    )


def _side(name: str, pair: Pair) -> Side:
    if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
        raise ValueError(f"box of {name} must be a pair such as (-2, 2), got {pair!r}")
    ends: list[Fraction] = [rationals({name: end}, [name], "box")[0] for end in pair]
    if not ends[0] < ends[1]:
        raise ValueError(f"box of {name} must have its lower end first, got {ends[0]}, {ends[1]}")
    return Side(ends[0], ends[1])
