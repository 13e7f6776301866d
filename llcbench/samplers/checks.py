"""Checks of hyper-parameters, made when a sampler is constructed."""

import math


def check_positive(sampler: str, name: str, value: float) -> None:
    """Refuse anything but a finite positive number.

    Raises:
        ValueError: Naming the sampler, the parameter and the value.
    """
    admissible = isinstance(value, int | float) and not isinstance(value, bool)
    if not (admissible and math.isfinite(value) and value > 0):
        raise ValueError(f"{sampler}: {name} must be a finite positive number, got {value!r}")


def check_count(sampler: str, name: str, value: int) -> None:
    """Refuse anything but a whole number of at least 0.

    Raises:
        ValueError: Naming the sampler, the parameter and the value.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{sampler}: {name} must be a whole number of at least 0, got {value!r}")


def check_fraction(sampler: str, name: str, value: float) -> None:
    """Refuse anything but a number in (0, 1].

    Raises:
        ValueError: Naming the sampler, the parameter and the value.
    """
    admissible = isinstance(value, int | float) and not isinstance(value, bool)
    if not (admissible and 0 < value <= 1):
        raise ValueError(f"{sampler}: {name} must be in (0, 1], got {value!r}")


def check_decay(sampler: str, name: str, value: float) -> None:
    """Refuse anything but a number in [0, 1).

    Raises:
        ValueError: Naming the sampler, the parameter and the value.
    """
    admissible = isinstance(value, int | float) and not isinstance(value, bool)
    if not (admissible and 0 <= value < 1):
        raise ValueError(f"{sampler}: {name} must be in [0, 1), got {value!r}")
