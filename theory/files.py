"""Files that are written whole or not at all."""

import os
from contextlib import suppress
from itertools import count
from pathlib import Path

_NUMBERS = count()


def write(path: Path, text: str) -> None:
    """Write text (UTF-8, newlines as they are) under a temporary name that replaces ``path``.

    The folder is made if necessary. When that fails an earlier file is untouched, and the temporary
    one is removed.

    Raises:
        OSError: If the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name[:40]}.{os.getpid()}-{next(_NUMBERS)}.tmp")
    try:
        with temporary.open("wb") as handle:
            handle.write(text.encode())
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.errno is not None:
            # A full disk does not say where it is, and nobody knows the temporary name.
            error.filename, error.filename2 = str(path), None
        raise
