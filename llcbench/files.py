"""Atomic writes of files, and names derived from their contents."""

import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

# Ending of files that are being written; a killed process leaves them behind.
UNFINISHED = ".tmp"


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield the name of a temporary file that replaces ``path`` if the block succeeds.

    The temporary file is in the folder of ``path``, so that the exchange is one atomic rename; it
    is removed when the block fails, and the file at ``path`` is then untouched.

    Args:
        path: The file; its folder is made if necessary.
        durable: Whether the content is flushed to disk first, so that even a crash of the machine
            leaves no partial file.

    Raises:
        OSError: If the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        yield temporary
        if durable:
            with temporary.open("rb+") as handle:
                os.fsync(handle.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def write(path: Path, content: str | bytes, *, durable: bool = True) -> None:
    """Write text (UTF-8, newlines as they are) or bytes, zipped for a name ending in ``.gz``.

    The same content gives the same bytes: zipped files carry no time stamp.

    Raises:
        OSError: If the file cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    if path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    with replacing(path, durable=durable) as temporary:
        temporary.write_bytes(data)


def read(path: Path) -> bytes:
    """Return the content of a file, unzipped for a name ending in ``.gz``.

    Raises:
        ValueError: If it cannot be read.
    """
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def content_key(content: Any, *, digits: int = 16, spaced: bool = False) -> str:
    """Return the first hex digits of the SHA-256 of a value as JSON with sorted keys.

    Args:
        content: Numbers, texts, lists and mappings.
        digits: Length of the key.
        spaced: Whether the JSON is written as the standard library does, with spaces and ASCII
            only. Truths and environments in existing stores are named by that form.
    """
    if spaced:
        text = json.dumps(content, sort_keys=True).encode()
    else:
        text = msgspec.json.encode(content, order="sorted")
    return hashlib.sha256(text).hexdigest()[:digits]
