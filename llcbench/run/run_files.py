"""Files of runs that are under way, beside the records of a store."""

import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

# Seconds between two reports of a run.
REPORT_EVERY = 1.0


def checkpoint_path(root: Path, key: str) -> Path:
    """Return where a store keeps the place of an unfinished run."""
    return root / "checkpoints" / f"{key}.pt"


def forget(root: Path, key: str) -> None:
    """Delete the place of a run that has ended, and what killed processes left of it."""
    for path in (root / "checkpoints").glob(f"{key}.*"):
        path.unlink(missing_ok=True)


@final
@dataclass
class Meter:
    """Tells other processes how many steps a run has made, in a file of a few bytes.

    Attributes:
        path: The file; nothing is written where its folder does not exist.
    """

    path: Path
    _steps: int = field(default=0, init=False)
    _next: float = field(default=0.0, init=False)

    def __call__(self, steps: int) -> None:
        """Count new steps; report them if the last report is old enough."""
        self._steps += steps
        now = time.monotonic()
        if now < self._next or not self.path.parent.is_dir():
            return
        self._next = now + REPORT_EVERY
        try:
            self.path.write_text(str(self._steps), encoding="ascii")
        except OSError:
            self._next = float("inf")


@final
@dataclass(frozen=True)
class Meters:
    """The folder in which runs in other processes report their steps.

    Attributes:
        root: The store.
    """

    root: Path

    @property
    def folder(self) -> Path:
        """The folder; it exists only while a command shows its progress."""
        return self.root / "progress"

    def open(self) -> None:
        """Make the folder, empty."""
        self.close()
        self.folder.mkdir(parents=True, exist_ok=True)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def meter(self, key: str) -> Meter:
        """Return what counts the steps of a run."""
        return Meter(self.folder / key)

    def read(self) -> dict[str, int]:
        """Return the steps of every run by its key."""
        found = {}
        for path in self.folder.glob("*"):
            try:
                found[path.name] = int(path.read_text(encoding="ascii"))
            except (OSError, ValueError):  # gone, or just being written
                continue
        return found
