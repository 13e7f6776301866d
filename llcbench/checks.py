"""Checks of numbers, counts and choices; needs neither numpy nor torch.

Each check returns a plain Python value, so that a class stores what was checked: a ``float`` or an
``int`` for any kind of number (numpy and torch scalars and `Fraction` included), never a boolean.
Messages are one line: owner, name, what is allowed, what was given, and a suggested fix where there
is one.
"""

import math
from collections.abc import Sequence
from difflib import get_close_matches
from numbers import Integral, Rational, Real
from typing import Any, NoReturn, Protocol, runtime_checkable

# What every file format and random generator takes.
LARGEST_COUNT = 2**63 - 1
LONGEST_SHOWN = 60


@runtime_checkable
class ArrayScalar(Protocol):
    """An array or tensor; one without axes stands for the number in it."""

    @property
    def ndim(self) -> int:
        """Number of axes."""

    def item(self) -> Any:
        """Return the only element as a Python value."""


def check_positive(owner: str, name: str, value: Any, *, hint: str = "") -> float:
    """Return a finite positive number.

    Args:
        owner: Object that the parameter belongs to; empty to omit it from the message.
        name: Name of the parameter.
        value: What was given.
        hint: Suggested fix, which ends the message.

    Raises:
        ValueError: If the value is anything else.
    """
    number = _float(value)
    if number is None or not (math.isfinite(number) and number > 0):
        refuse(owner, name, "a finite positive number", value, hint)
    return number


def check_non_negative(owner: str, name: str, value: Any, *, hint: str = "") -> float:
    """Return a finite number of at least 0.

    Raises:
        ValueError: If the value is anything else.
    """
    number = _float(value)
    if number is None or not (math.isfinite(number) and number >= 0):
        refuse(owner, name, "a finite number of at least 0", value, hint)
    return number + 0.0  # the negative zero has another text


def check_count(owner: str, name: str, value: Any, *, least: int = 0, hint: str = "") -> int:
    """Return a whole number of at least ``least``; ``8.0`` is one, ``2.5`` is not.

    Raises:
        ValueError: If the value is anything else.
    """
    number = whole(value)
    if number is None or not least <= number <= LARGEST_COUNT:
        refuse(owner, name, f"a whole number of at least {least}", value, hint)
    return number


def check_whole(owner: str, name: str, value: Any, *, hint: str = "") -> int:
    """Return a whole number, which may be negative.

    Raises:
        ValueError: If the value is anything else.
    """
    number = whole(value)
    if number is None or abs(number) > LARGEST_COUNT:
        refuse(owner, name, "a whole number", value, hint)
    return number


def check_fraction(owner: str, name: str, value: Any, *, hint: str = "") -> float:
    """Return a number in (0, 1].

    Raises:
        ValueError: If the value is anything else.
    """
    number = _float(value)
    if number is None or not 0 < number <= 1:
        refuse(owner, name, "in (0, 1]", value, hint)
    return number


def check_decay(owner: str, name: str, value: Any, *, hint: str = "") -> float:
    """Return a number in [0, 1).

    Raises:
        ValueError: If the value is anything else.
    """
    number = _float(value)
    if number is None or not 0 <= number < 1:
        refuse(owner, name, "in [0, 1)", value, hint)
    return number + 0.0


def check_between(
    owner: str, name: str, value: Any, low: float, high: float = math.inf, *, hint: str = ""
) -> float:
    """Return a finite number above ``low`` and below ``high``.

    Raises:
        ValueError: If the value is anything else.
    """
    number = _float(value)
    if number is None or not (math.isfinite(number) and low < number < high):
        limit = f"below {high:g}" if math.isfinite(high) else "finite"
        refuse(owner, name, f"above {low:g} and {limit}", value, hint)
    return number


def check_choice(
    owner: str, name: str, value: Any, choices: Sequence[str], *, hint: str = ""
) -> str:
    """Return a word that is one of the choices.

    Raises:
        ValueError: If the value is anything else; the message names the choices.
    """
    if not isinstance(value, str) or value not in choices:
        refuse(owner, name, f"one of {', '.join(map(repr, choices))}", value, hint)
    return str(value)


def set_checked(instance: object, **values: Any) -> None:
    """Set fields of a frozen dataclass to the results of checks, in its ``__post_init__``."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)


def plain_number(value: Any) -> int | float | None:
    """Return a real number as a Python number; None for anything else.

    Booleans, text, complex numbers and arrays with axes are not numbers.
    """
    if isinstance(value, ArrayScalar) and not isinstance(value, Real):
        if value.ndim != 0:
            return None
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    if isinstance(value, Integral):
        return int(value)
    return _rounded(value)


def whole(value: Any) -> int | None:
    """Return a whole real number as an ``int``; None for anything else."""
    if isinstance(value, Rational) and value.denominator != 1:
        return None  # exactly, where a float would round
    number = plain_number(value)
    if number is None or (isinstance(number, float) and not number.is_integer()):
        return None
    return int(number)


def refuse(owner: str, name: str, allowed: str, value: Any, hint: str = "") -> NoReturn:
    """Raise the error for a value that is not allowed.

    Raises:
        ValueError: Always.
    """
    place = f"{owner}: {name}" if owner else name
    way_out = f"; {hint}" if hint else ""
    raise ValueError(f"{place} must be {allowed}, got {shown(value)}{way_out}")


def printable(text: str) -> str:
    r"""Return a text on one line whose control characters are written out, as in ``\x1b``.

    A terminal obeys them, a table breaks at them, and XML does not allow them.
    """
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)


def check_size(owner: str, what: str, number: int, most: int, *, hint: str = "") -> int:
    """Return a number of parameters, runs or steps, computed from an id before anything is made.

    Args:
        owner: The id or option that asks for so many.
        what: What they are, in the plural.
        number: How many, of any size.
        most: How many are allowed.
        hint: Suggested fix, which ends the message.

    Raises:
        ValueError: If there are more.
    """
    if number > most:
        size = f"{number:,}" if number < LARGEST_COUNT else "more than 2^63"
        way_out = f"; {hint}" if hint else ""
        raise ValueError(
            f"{shortened(owner)}: {size} {what} are too many, at most {most:,}{way_out}"
        )
    return number


def shown(value: Any) -> str:
    """Return a value as messages show it: on one line, shortened if it is long."""
    try:
        return shortened(" ".join(repr(value).split()))
    except ValueError:  # an integer in it has more digits than Python writes
        return f"a huge {type(value).__name__}"


def shortened(text: str) -> str:
    """Return a text, or its beginning if it is long."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def nearest(name: str, candidates: Sequence[str]) -> str:
    """Return ``; did you mean ...?`` for the closest candidate, or an empty string."""
    close = get_close_matches(name, candidates, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def _float(value: Any) -> float | None:
    number = plain_number(value)
    return None if number is None else _rounded(number)


def _rounded(number: Any) -> float:
    """Return the nearest float; infinity for an integer or a fraction beyond their range."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
