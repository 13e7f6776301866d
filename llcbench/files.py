"""Atomic writes of files, and names derived from their contents."""

import gzip
import hashlib
import json
import os
import platform
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

# Ending of files that are being written; a killed process leaves them behind.
UNFINISHED = ".tmp"
# Seconds after which the temporary file of a process that cannot be looked at is a leftover.
OLD = 86400.0
_PROCESSES = Path("/proc")
# ``NAME.MACHINE-PID-START-NUMBER.tmp``
_TEMPORARY = re.compile(r"\.([0-9a-f]{8})-(\d{1,10})-(\d{1,20})-\d+\.tmp$")
# A name has at most 255 bytes, and one of a target may already have them.
_KEPT = 40
_NUMBERS = count()
_SWEPT: set[Path] = set()


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield the name of a temporary file that replaces ``path`` if the block succeeds.

    The temporary file is in the folder of ``path``, so that the exchange is one atomic rename; it
    is removed when the block fails, and the file at ``path`` is then untouched. No other thread or
    process has its name. The first call for a folder removes what killed processes left there.

    Args:
        path: The file; its folder is made if necessary. A link is replaced, not followed.
        durable: Whether the content is flushed to disk first, so that even a crash of the machine
            leaves no partial file.

    Raises:
        OSError: If the file cannot be written, or is a device, pipe or folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is no regular file, and is not replaced by one; choose another name")
    _sweep(path.parent)
    temporary = path.with_name(temporary_name(path.name))
    try:
        yield temporary
        if durable:
            with temporary.open("rb+") as handle:
                os.fsync(handle.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.errno is not None and error.filename2 is None:
            # A full disk does not say where it is, and nobody knows the temporary name.
            named = error.filename not in (None, str(temporary))
            error.filename = error.filename if named else str(path)
        raise


def leftovers(folder: Path) -> list[Path]:
    """Return the temporary files and folders in a folder that no process uses any more, sorted.

    Those are files of processes of this machine that have ended, and any that are a day old.
    """
    return [path for path in sorted(folder.glob(f"*{UNFINISHED}")) if _abandoned(path)]


def move_aside(path: Path, folder: Path) -> Path | None:
    """Move a file or folder into another folder of its file system, and never onto what is there.

    Returns:
        Its new name, which has a number where the old one is taken; None if it has vanished.

    Raises:
        OSError: If it cannot be moved.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        target = folder / (path.name if number == 1 else f"{path.stem}-{number}{path.suffix}")
        # The name is taken first: two processes may move two files of one name.
        try:
            target.mkdir() if _is_folder(path) else target.touch(exist_ok=False)
        except FileExistsError:
            continue
        try:
            os.replace(path, target)
        except BaseException as error:
            target.rmdir() if target.is_dir() else target.unlink(missing_ok=True)
            if isinstance(error, FileNotFoundError):
                return None
            raise
        return target
    raise AssertionError


@cache
def machine() -> str:
    """Return what tells machines, their boots and spaces of process ids apart: 8 hex digits."""
    marks = [platform.node()]
    with suppress(OSError):
        marks.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
        marks.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(marks).encode()).hexdigest()[:8]


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def temporary_name(name: str) -> str:
    """Return a name that no other thread or process uses, and that names its owner."""
    pid = os.getpid()
    owner = f"{machine()}-{pid}-{_start_of(pid)}-{next(_NUMBERS)}"
    return f"{name[:_KEPT]}.{owner}{UNFINISHED}"


def _start_of(pid: int) -> int | None:
    """Return when a process was started, in units of its system; None if it has ended."""
    try:
        state, *rest = (_PROCESSES / f"{pid}/stat").read_text().rpartition(")")[2].split()
        return None if state in "ZX" else int(rest[18])
    except OSError:
        import psutil

        try:
            return int(1000 * psutil.Process(pid).create_time())
        except psutil.Error:
            return None


def _exists(pid: int, start: int) -> bool:
    """Return whether a process of this machine is there, as far as this user may know."""
    try:
        os.kill(pid, 0)
    except PermissionError:  # another user's, of which all but the id may be hidden
        return _start_of(pid) in (start, None)
    except (ProcessLookupError, OverflowError):
        return False
    return _start_of(pid) == start


def _abandoned(temporary: Path) -> bool:
    named = _TEMPORARY.search(temporary.name)
    if named is not None and named[1] == machine():
        return not _exists(int(named[2]), int(named[3]))
    try:
        return time.time() - temporary.stat().st_mtime > OLD
    except OSError:  # it has vanished
        return False


def _sweep(folder: Path) -> None:
    """Remove what killed processes left in a folder, once in the life of this process."""
    resolved = folder.resolve()
    if resolved in _SWEPT:
        return
    _SWEPT.add(resolved)
    for path in leftovers(folder):
        if _TEMPORARY.search(path.name):
            with suppress(OSError):
                path.unlink()


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
