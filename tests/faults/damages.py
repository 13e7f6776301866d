"""Ways to damage a file: at chosen places of a record, and at random ones of any JSON."""

import json
import random
from collections.abc import Callable
from typing import Any

from good_inputs import changed

DEEP = b"[" * 100_000
Damage = Callable[[dict[str, Any], random.Random], bytes]


def _text(**changes: Any) -> Damage:
    return lambda plain, rng: json.dumps(changed(plain, **changes)).encode()


def _token(place: str, token: str) -> Damage:
    """Put a token that JSON may not have, or that is too large, at a place."""

    def damage(plain: dict[str, Any], rng: random.Random) -> bytes:
        return json.dumps(changed(plain, **{place: "@TOKEN@"})).replace('"@TOKEN@"', token).encode()

    return damage


def mutated(plain: dict[str, Any], rng: random.Random) -> bytes:
    """Change some bytes, cut a part out or double one."""
    content = bytearray(json.dumps(plain).encode())
    for _ in range(rng.randint(1, 6)):
        start = rng.randrange(len(content))
        stop = min(len(content), start + rng.randint(1, 40))
        match rng.randrange(4):
            case 0:
                content[start] = rng.randrange(256)
            case 1:
                del content[start:stop]
            case 2:
                content[start:start] = content[start:stop]
            case _:
                content[start:start] = rng.choice([b"9" * 30, b'"', b"{", b"null", b"-", b"1e999"])
    return bytes(content) or b"{"


def shuffled(plain: dict[str, Any], rng: random.Random) -> bytes:
    """Put a hostile value at a random place."""
    values: list[Any] = [
        None,
        True,
        -1,
        2**63,
        10**400,
        1e308,
        -1e-320,
        "",
        "1/0",
        [],
        {},
        "\u202e",
        "a" * 9999,
    ]
    paths: list[list[Any]] = []

    def walk(value: Any, path: list[Any]) -> None:
        paths.append(path)
        if isinstance(value, dict):
            for key, item in value.items():
                walk(item, [*path, key])
        elif isinstance(value, list):
            for place, item in enumerate(value):
                walk(item, [*path, place])

    walk(plain, [])
    path = rng.choice([path for path in paths if path])
    copy = json.loads(json.dumps(plain))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = rng.choice(values)
    return json.dumps(changed(copy, key=copy["key"]) if path == ["key"] else copy).encode()


RECORDS: dict[str, Damage] = {
    "empty": lambda plain, rng: b"",
    "no object": lambda plain, rng: b"[1, 2]",
    "deep": lambda plain, rng: DEEP,
    "deep in an unknown field": lambda plain, rng: b'{"spec": {"settings": {"x": ' + DEEP,
    "not utf-8": lambda plain, rng: (
        json.dumps(plain).encode().replace(b"mean_energy", b"mean\xff\xfe")
    ),
    "doubled key": lambda plain, rng: (
        json.dumps(plain).replace('"llc"', '"llc": 1, "llc"').encode()
    ),
    "truth 1/0": _text(truths__local__value="1/0"),
    "truth 1/": _text(truths__local__value="1/"),
    "truth huge": _text(truths__local__value="1" * 100_000 + "/3"),
    "truth exponent": _text(truths__local__value="1e999999999"),
    "truth zero": _text(truths__local__value="0"),
    "tempered zero": _text(truths__tempered__value=0.0),
    "llc 1e308": _text(estimate__llc=1e308),
    "llc -1e308": _text(estimate__llc=-1e308),
    "llc NaN": _token("estimate__llc", "NaN"),
    "llc Infinity": _token("estimate__llc", "-Infinity"),
    "llc 1e999": _token("estimate__llc", "1e999"),
    "llc -0": _token("estimate__llc", "-0.0"),
    "huge integer": _token("estimate__grad_evals", "9" * 5000),
    "large integer": _token("estimate__dim", "9" * 400),
    "huge draws": _text(spec__settings__num_draws=10**18),
    "schema 2": _text(spec__schema=2),
    "wrong key": _text(key="0123456789abcdef"),
    "huge id": _text(spec__problem="dln/1000000000-3-3/r3-1", estimate__dim=0),
    "huge dense id": _text(spec__problem="dln/9000-9000/r1", estimate__dim=2),
    "nul in a name": _text(spec__sampler="a\0b"),
    "long name": _text(spec__sampler="a" * 5000),
    "mutated": mutated,
    "hostile value": shuffled,
}
# What has to be named: it is never taken for a run.
REFUSED = frozenset(RECORDS) - {
    "truth zero", "tempered zero", "llc -0", "huge draws", "huge id", "huge dense id", "mutated",
    "hostile value",
}  # fmt: skip
