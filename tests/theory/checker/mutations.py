"""Changes of one entry of a certificate at a time."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

Path = tuple[Any, ...]


def entries(plain: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the path and the value of everything below a dictionary or a list."""
    items = plain.items() if isinstance(plain, dict) else enumerate(plain)
    for key, value in items:
        yield (*path, key), value
        if isinstance(value, dict | list):
            yield from entries(value, (*path, key))


def changed(plain: Any, path: Path, value: Any) -> Any:
    """Return a copy with another value at a path; what is not on the path is shared."""
    key, *rest = path
    new = dict(plain) if isinstance(plain, dict) else list(plain)
    new[key] = changed(plain[key], tuple(rest), value) if rest else value
    return new


def mutations(plain: Any) -> Iterator[tuple[Path, Any]]:
    """Yield every changed certificate with the path of the change.

    Numbers move by one; polynomials get another term or another coefficient;
    flags flip; every entry of a list is left out, doubled and exchanged with the next one; every
    key of a dictionary is left out.
    """
    for path, value in entries(plain):
        for other in alternatives(value):
            yield path, changed(plain, path, other)
        if isinstance(value, dict):
            for key in value:
                yield (
                    (*path, key),
                    changed(plain, path, {k: v for k, v in value.items() if k != key}),
                )


def alternatives(value: Any) -> list[Any]:
    """Return other values of the same kind."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1 - 2 * (value % 2)]
    if isinstance(value, str):
        return _other_text(value)
    if isinstance(value, list):
        shorter = [value[:k] + value[k + 1 :] for k in range(len(value))]
        longer = [[*value, value[0]]] if value else []
        exchanged = [
            [*value[:k], value[k + 1], value[k], *value[k + 2 :]] for k in range(len(value) - 1)
        ]
        return [*shorter, *longer, *exchanged]
    return [] if isinstance(value, Mapping) else [1]


def _other_text(value: str) -> list[str]:
    try:
        number = Fraction(value)
    except ValueError:
        names = [c for c in value if c.isalpha()]
        more = [f"{value} + {names[0]}"] if names else []
        return [*more, value.replace("2", "3")] if "2" in value else more
    return [str(number + 1)]


def rules(plain: Any) -> Iterator[str]:
    """Yield the names of all rules and steps in a certificate."""
    if isinstance(plain, dict):
        for key in ("rule", "op"):
            if key in plain:
                yield plain[key]
        plain = plain.values()
    elif not isinstance(plain, list):
        return
    for value in plain:
        yield from rules(value)
