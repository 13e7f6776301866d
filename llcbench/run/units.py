"""Times and amounts of memory as people write them."""

# Waiting for longer overflows the clocks of the system.
LONGEST = 1e9
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def seconds_of(text: str | None, option: str = "--time-budget") -> float | None:
    """Read a time such as ``90s``, ``20m`` or ``2h``.

    Raises:
        ValueError: If it is none, or longer than `LONGEST` seconds.
    """
    if text is None:
        return None
    number, unit = (text[:-1], text[-1]) if text[-1:] in _SECONDS else (text, "s")
    try:
        value = float(number) * _SECONDS[unit]
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise ValueError(f"{option} {text!r} is not a time; write 90s, 20m or 2h")
    if value > LONGEST:
        raise ValueError(f"{option} {text!r} is more than 30 years; leave it out for no limit")
    return value


def bytes_of(text: str | None, option: str) -> int | None:
    """Read an amount of memory such as ``4GB`` or ``500MB``.

    Raises:
        ValueError: If it is none.
    """
    if text is None:
        return None
    number = text.strip().lower().removesuffix("b")
    unit = number[-1:] if number[-1:] in ("k", "m", "g", "t") else ""
    try:
        value = int(float(number.removesuffix(unit)) * _BYTES[unit])
    except (ValueError, OverflowError):
        value = 0
    if value <= 0:
        raise ValueError(f"{option} {text!r} is no amount of memory; write 4GB or 500MB")
    return value


def size(number: float) -> str:
    """Write bytes the way they are read."""
    return f"{number / 1e9:.3g} GB" if number >= 1e9 else f"{number / 1e6:.3g} MB"
