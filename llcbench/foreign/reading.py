"""The one reader of files that others may have written: records, suites, certificates, tables.

Whatever a file is, the outcome is its content or a `ValueError` in one line: a folder, a pipe or a
device under the name of a file, packed content that is torn or unpacks to more than fits, text that
is no UTF-8, JSON or TOML that is nested without end, numbers of a million digits, a key that is
there twice.
"""

import gzip
import io
import json
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import msgspec

from llcbench.checks import shown

T = TypeVar("T")

# Bytes of a file that is read at once, unpacked: a record, a suite, a certificate, a table.
MOST_BYTES = 64 * 2**20
# Bytes of a line of an export, and of all of them.
MOST_LINE = 16 * 2**20
MOST_LINES = 2**30

_KINDS = (
    (stat.S_ISDIR, "it is a folder"),
    (stat.S_ISFIFO, "it is a pipe, not a file"),
    (stat.S_ISSOCK, "it is a socket, not a file"),
)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file, unpacked for a name ending in ``.gz``.

    Raises:
        ValueError: If it is something else, or fails while it is read.
    """
    if "\0" in str(path):
        raise ValueError(f"{shown(str(path))} is no name of a file")
    try:
        # Without waiting: a pipe without a writer would never open.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        _refuse_odd(descriptor)
        with os.fdopen(descriptor, "rb") as raw:
            if path.suffix != ".gz":
                yield raw
                return
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield cast(BinaryIO, io.BufferedReader(cast(Any, unpacked)))
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ValueError(f"{path} cannot be read: {reason}") from error


def content(path: Path, *, most: int = MOST_BYTES) -> bytes:
    """Return the content of a file, unpacked for a name ending in ``.gz``.

    Raises:
        ValueError: If it cannot be read, or is longer than ``most`` bytes.
    """
    with opened(path) as handle:
        held = handle.read(most + 1)
    if len(held) > most:
        raise ValueError(f"{path} cannot be read: it has more than {most >> 20} MiB")
    return held


def lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file without their ends; a packed one is unpacked piece by piece.

    Raises:
        ValueError: If it cannot be read, a line has more than 16 MiB or all have more than 1 GiB.
    """
    total = 0
    with opened(path) as handle:
        while line := handle.readline(MOST_LINE + 1):
            total += len(line)
            if len(line) > MOST_LINE or total > MOST_LINES:
                raise ValueError(f"{path} cannot be read: it has more than results can have")
            yield line.rstrip(b"\r\n")


def json_as(kind: Any) -> Callable[[bytes], Any]:
    """Return what turns JSON into a value of a type, with one `ValueError` for anything else."""
    decode = msgspec.json.Decoder(kind).decode

    def decoded(text: bytes) -> Any:
        with _refusing():
            value = decode(text)
            _unique(text)
            return value

    return decoded


def json_of(path: Path) -> Any:
    """Return a file of JSON as plain data.

    Raises:
        ValueError: If it is none; the message names the file.
    """
    text = content(path)
    try:
        with _refusing():
            return _unique(text)
    except ValueError as error:
        raise ValueError(f"{str(path)!r} is not JSON: {error}") from error


def toml_as(path: Path, kind: type[T]) -> T:
    """Return a file of TOML as a value of a type.

    Raises:
        ValueError: If it is none; the message does not name the file.
    """
    with _refusing():
        return msgspec.toml.decode(content(path), type=kind)


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what parsers and checks of fields raise into a `ValueError`."""
    try:
        yield
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except (ArithmeticError, TypeError, AttributeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _unique(text: bytes) -> Any:
    """Return JSON as plain data; `msgspec` would take the last of two values of one key."""
    return json.loads(text.decode(), object_pairs_hook=_without_repeats)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {shown(twice)} is there twice")
    return held


def _refuse_odd(descriptor: int) -> None:
    """Close what is no regular file."""
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        reason = next((said for kind, said in _KINDS if kind(mode)), "it is a device, not a file")
        raise OSError(reason)
