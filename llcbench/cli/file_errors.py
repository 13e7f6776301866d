"""What is wrong with a file, as one line: what it is, the plain reason and the way out."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

_REASONS = {
    errno.EACCES: "it is not allowed",
    errno.EPERM: "it is not allowed",
    errno.EROFS: "the disk is read-only",
    errno.ENOSPC: "no room is left on the disk",
    errno.EDQUOT: "no room is left of what you may use of the disk",
    errno.EFBIG: "it would be larger than a file may be",
    errno.ENAMETOOLONG: "a name in it is too long",
    errno.ELOOP: "its links lead in a circle",
    errno.EMFILE: "too many files are open",
    errno.EIO: "the disk fails",
}
# These happen to what is written alone.
_WRITING = {errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EEXIST}
# These depend on what is there, which says more than they do.
_OF_PLACES = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOENT}
# Options of files that are only read, besides arguments and those that may be repeated.
_READ = {"against", "figures", "state"}


def file_error_line(error: OSError, context: click.Context | None = None) -> str:
    """Return an error of the system as a line.

    Args:
        error: What was raised. One without a number has a message of its own.
        context: The command that failed, whose options say where the file belongs.
    """
    if error.errno is None:
        return str(error)
    path = _path_of(error)
    if path is None:
        reason = _REASONS.get(error.errno, error.strerror or str(error))
        if error.errno in _WRITING | {errno.EIO}:
            return f"the output cannot be written: {reason}; send it to another place"
        return f"the system refuses: {reason}"
    option = None if context is None else _option_of(path, context)
    reads = option is not None and _is_read(option)
    known = option is not None or error.errno in _WRITING
    verb = ("read" if reads else "written") if known else "opened"
    line = f"{str(path)!r} cannot be {verb}: {_reason(error, path, reads or not known)}"
    return line if option is None else f"{line}; choose another {_shown(option)}"


def _path_of(error: OSError) -> Path | None:
    name = error.filename
    return Path(os.fsdecode(name)) if isinstance(name, str | bytes) and name else None


def _reason(error: OSError, path: Path, reads: bool) -> str:
    """Return why: by the number of the error, or by what is at the path or above it."""
    assert error.errno is not None
    nearest = next((p for p in (path, *path.parents) if os.path.lexists(p)), None)
    if error.errno not in _OF_PLACES or nearest is None:
        return _REASONS.get(error.errno, error.strerror or str(error))
    if nearest.is_symlink() and not nearest.exists():
        return f"{str(nearest)!r} is a link to what is not there"
    if not nearest.is_dir():
        return f"{'it' if nearest == path else repr(str(nearest))} is a file, not a folder"
    if nearest == path:
        return "it is a folder" if error.errno == errno.EISDIR else "it is there already"
    if reads:
        return "it is not there"
    return f"nothing can be made in {str(nearest)!r}"


def _option_of(path: Path, context: click.Context) -> click.Parameter | None:
    """Return the option whose value is nearest to a path: the same, a folder above, or beside it.

    Of what is written, a folder above the value is made with it, and a table is beside its file.
    """
    ranked, here = [], Path.cwd()
    for option in context.command.params:
        for value in _texts(context.params.get(option.name or "")):
            given, full = (Path(os.path.abspath(each)) for each in (value, path))
            if given == full or given in full.parents:
                ranked.append((len(given.parts), option))
            elif _is_read(option):
                continue
            elif full in {*given.parents} - {here, *here.parents}:
                ranked.append((0, option))
            elif given.parent == full.parent and given.suffix:
                ranked.append((0, option))
    return max(ranked, key=lambda each: each[0], default=(0, None))[1]


def _texts(value: Any) -> Iterable[str]:
    values = value if isinstance(value, tuple) else (value,)
    return [each for each in values if isinstance(each, str) and each and "\0" not in each]


def _is_read(option: click.Parameter) -> bool:
    repeated = isinstance(option, click.Option) and option.multiple
    return isinstance(option, click.Argument) or repeated or option.name in _READ


def _shown(option: click.Parameter) -> str:
    return option.opts[0] if isinstance(option, click.Option) else str(option.metavar or "file")
