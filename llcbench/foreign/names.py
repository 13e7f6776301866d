"""Names of files made from any text: from records, suites, ids and folders of others."""

import hashlib
import re
from collections.abc import Collection
from pathlib import Path, PurePosixPath

# Ids and names of samplers: words between slashes, with a letter or digit at both ends, so that a
# slash that became two hyphens is told from any other hyphen.
_WORD = r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?"
_KEPT = re.compile(f"{_WORD}(?:/{_WORD})*")
_UNSAFE = re.compile(r"[^a-z0-9-]+")
LONGEST = 100
DIGITS = 12
# Devices of Windows, with any ending.
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)")


def safe_name(text: str, *, taken: Collection[str] = ()) -> str:
    """Return a name of a file in its folder; different texts have different names.

    Ids and names of samplers stay readable: ``/`` becomes ``--`` and nothing else changes. Any
    other text is shortened to what is harmless, with a hash of all of it after a ``~``, which no
    unchanged name has: upper case (two names may be one file), ``..``, absolute paths, control
    characters, names of devices, a dot or a hyphen at an end, more than 100 characters.

    Args:
        text: Any text, the empty one included.
        taken: Names that the folder needs for something else.
    """
    plain = text.replace("/", "--")
    kept = (
        _KEPT.fullmatch(text) is not None
        and "--" not in text
        and ".." not in text
        and len(plain) <= LONGEST
        and _DEVICES.match(plain) is None
        and plain not in taken
    )
    if kept:
        return plain
    stem = _UNSAFE.sub("_", text[:LONGEST].lower()).strip("_-") or "unnamed"
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{stem[: LONGEST - DIGITS - 1]}~{digest[:DIGITS]}"


def inside(root: Path, file: str) -> Path:
    """Return the path of a file below a folder.

    Raises:
        ValueError: If the relative name leads out of the folder.
    """
    relative = PurePosixPath(file)
    if relative.is_absolute() or not relative.parts or ".." in relative.parts or "\0" in file:
        raise ValueError(f"{file!r} is no file below {str(root)!r}")
    return root / relative
