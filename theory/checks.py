"""Checks of arguments, so that every error names the parameter, the value and what is allowed."""

import math
import operator
from collections.abc import Iterable
from fractions import Fraction
from typing import SupportsIndex


def integer(name: str, value: object, low: int, high: int | None = None) -> int:
    """Return ``value`` as an int, or say why it is not one between ``low`` and ``high``.

    Booleans and floats are rejected even when they equal an integer; NumPy integers are accepted.

    Raises:
        ValueError: for example ``rank must be an integer between 0 and 3, got 5``.
    """
    allowed = f"between {low} and {high}" if high is not None else f"of at least {low}"
    number = _index(value)
    if number is None or number < low or (high is not None and number > high):
        raise ValueError(f"{name} must be an integer {allowed}, got {value!r}")
    return number


def integers(name: str, values: object, low: int, *, shortest: int = 1) -> tuple[int, ...]:
    """Return a sequence of integers of at least ``low`` as a tuple.

    Raises:
        ValueError: not a sequence, too short, or an entry is inadmissible (named by its index).
    """
    entries = sequence(name, values, shortest=shortest)
    return tuple(integer(f"{name}[{k}]", entry, low) for k, entry in enumerate(entries))


def rational(name: str, value: object, low: Fraction | int, *, strict: bool = False) -> Fraction:
    """Return an int or a Fraction as a Fraction that is at least (``strict``: above) ``low``.

    Raises:
        ValueError: a float, a boolean, or a number that is too small.
    """
    whole = _index(value)
    number = value if isinstance(value, Fraction) else whole
    if number is None or number < low or (strict and number == low):
        bound = f"above {low}" if strict else f"of at least {low}"
        raise ValueError(f"{name} must be an integer or a Fraction {bound}, got {value!r}")
    return Fraction(number)


def require_positive(name: str, value: float, *, zero: bool = False) -> float:
    """Return ``value`` as a float if it is finite and positive (or zero, if allowed).

    Raises:
        ValueError: naming the parameter, what was given and what is allowed.
    """
    number = float(value)
    if not math.isfinite(number) or number < 0.0 or (number == 0.0 and not zero):
        allowed = "a finite number >= 0" if zero else "a finite number > 0"
        raise ValueError(f"{name} = {value!r} is not allowed: give {allowed}")
    return number


def sequence(name: str, values: object, *, shortest: int = 1) -> tuple[object, ...]:
    """Return an iterable as a tuple with at least ``shortest`` entries.

    Raises:
        ValueError: not iterable, a string, or too short.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise ValueError(f"{name} must be a sequence of numbers, got {values!r}")
    entries = tuple(values)
    if len(entries) < shortest:
        plural = "entry" if shortest == 1 else "entries"
        raise ValueError(f"{name} must have at least {shortest} {plural}, got {len(entries)}")
    return entries


def _index(value: object) -> int | None:
    """Return the integer that ``value`` is, or None for a boolean, a float or anything else."""
    if type(value) is int:
        return value
    # A 0-d boolean of NumPy must not pass for an integer either, whatever its class is called.
    if isinstance(value, bool) or "bool" in type(value).__name__:
        return None
    if not isinstance(value, SupportsIndex):
        return None
    try:
        return operator.index(value)
    except TypeError:
        # An array of NumPy has the method, but only a 0-d integer array may use it.
        return None
