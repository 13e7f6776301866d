"""The bar of a sweep, which moves within long tasks too, wherever they are made."""

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, final

from tqdm import tqdm

from llcbench import files

# Seconds between two reports of a task.
REPORT_EVERY = 1.0
# From the key of a task to what takes its new steps.
Reporter = Callable[[str], Callable[[int], None]]


@final
@dataclass
class Meter:
    """Shares the number of steps of a task with other processes, in a file of a few bytes.

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
    """The folder in which tasks in other processes report their steps.

    Every command has one of its own in the store.

    Attributes:
        root: The store.
        name: Name of the folder.
    """

    root: Path
    name: str = field(default_factory=partial(files.temporary_name, "steps"))

    @property
    def folder(self) -> Path:
        """The folder; it exists only while a command shows its progress."""
        return self.root / "progress" / self.name

    def open(self) -> None:
        """Make the folder, and remove those of killed commands."""
        for left in files.leftovers(self.folder.parent):
            shutil.rmtree(left, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):  # another command shows its progress too
            self.folder.parent.rmdir()

    def meter(self, key: str) -> Meter:
        """Return what counts the steps of a task."""
        return Meter(self.folder / key)

    def read(self) -> dict[str, int]:
        """Return the steps of every task by its key."""
        counts = {}
        for path in self.folder.glob("*"):
            try:
                counts[path.name] = int(path.read_text(encoding="ascii"))
            except (OSError, ValueError):  # gone, or half-written
                continue
        return counts


@final
class Progress:
    """Shows the steps of all tasks together with the time left.

    Tasks in this process report to it directly; those in others leave their counts in small files
    of the store, which a thread reads once a second.
    """

    def __init__(
        self,
        lengths: Mapping[str, int],
        root: Path,
        *,
        shared: bool,
        show: bool = True,
        title: str = "sampling",
        unit: str = "step",
        file: IO[str] | None = None,
    ) -> None:
        """Prepare the bar.

        Args:
            lengths: Steps of every task by its key.
            root: The store.
            shared: Whether the tasks are made in this process.
            show: Whether anything is to be shown.
            title: What stands before the bar.
            unit: What a step is called.
            file: Where the bar is drawn; on a terminal only, unless one is given.
        """
        self._lengths = dict(lengths)
        self._seen: dict[str, int] = {}
        self._shared, self._meters = shared, Meters(root)
        self._lock, self._end = threading.Lock(), threading.Event()
        # None lets tqdm decide: silent when the output is no terminal.
        quiet = (None if file is None else False) if show else True
        self._bar = tqdm(
            total=sum(self._lengths.values()),
            desc=title,
            unit=unit,
            unit_scale=unit == "step",
            file=file,
            disable=quiet,
        )
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> "Progress":
        if not (self._bar.disable or self._shared):
            self._meters.open()
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()
            self._meters.close()
        self._bar.close()

    def reporter(self) -> Reporter | None:
        """Return what tasks report to; None where nobody looks."""
        if self._bar.disable:
            return None
        return self._here if self._shared else self._meters.meter

    def ended(self, key: str) -> None:
        """Count a task as a whole, wherever it ended."""
        self._show(key, self._lengths.get(key, 0))

    def read(self) -> None:
        """Show what tasks in other processes have reported."""
        for key, steps in self._meters.read().items():
            self._show(key, steps)

    def _here(self, key: str) -> Callable[[int], None]:
        return partial(self._add, key)

    def _add(self, key: str, steps: int) -> None:
        self._show(key, self._seen.get(key, 0) + steps)

    def _show(self, key: str, steps: int) -> None:
        with self._lock:
            seen = self._seen.get(key, 0)
            # A task that is made again, or reports more than it has, does not move the bar back.
            steps = max(min(steps, self._lengths.get(key, 0)), seen)
            self._seen[key] = steps
            self._bar.update(steps - seen)

    def _follow(self) -> None:
        while not self._end.wait(REPORT_EVERY):
            self.read()
