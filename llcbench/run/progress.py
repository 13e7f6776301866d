"""The bar of a sweep, which moves within long runs too, wherever they are made."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, final

from tqdm import tqdm

from llcbench.records import Spec
from llcbench.run.run_files import REPORT_EVERY, Meters
from llcbench.run.store import key_of

# From the key of a run to what takes its new steps.
Reporter = Callable[[str], Callable[[int], None]]


@final
class Progress:
    """Shows the steps of all runs together with the time left.

    Runs in this process report to it directly; those in others leave their counts in small files of
    the store, which a thread reads once a second.
    """

    def __init__(
        self,
        specs: Sequence[Spec],
        root: Path,
        *,
        shared: bool,
        show: bool = True,
        file: IO[str] | None = None,
    ) -> None:
        """Prepare the bar.

        Args:
            specs: The runs.
            root: The store.
            shared: Whether the runs are made in this process.
            show: Whether anything is to be shown.
            file: Where the bar is drawn; on a terminal only, unless one is given.
        """
        self._lengths = {key_of(spec): steps_of(spec) for spec in specs}
        self._seen: dict[str, int] = {}
        self._shared, self._meters = shared, Meters(root)
        self._lock, self._end = threading.Lock(), threading.Event()
        # None lets tqdm decide: silent when the output is no terminal.
        quiet = (None if file is None else False) if show else True
        self._bar = tqdm(
            total=sum(self._lengths.values()),
            desc="sampling",
            unit="step",
            unit_scale=True,
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
        """Return what runs report to; None where nobody looks."""
        if self._bar.disable:
            return None
        return self._here if self._shared else self._meters.meter

    def ended(self, spec: Spec) -> None:
        """Count a run as a whole, wherever it ended."""
        key = key_of(spec)
        self._show(key, self._lengths[key])

    def read(self) -> None:
        """Show what runs in other processes have reported."""
        for key, steps in self._meters.read().items():
            self._show(key, steps)

    def _here(self, key: str) -> Callable[[int], None]:
        return partial(self._add, key)

    def _add(self, key: str, steps: int) -> None:
        self._show(key, self._seen.get(key, 0) + steps)

    def _show(self, key: str, steps: int) -> None:
        with self._lock:
            seen = self._seen.get(key, 0)
            # A run that is made again, or reports more than it has, does not move the bar back.
            steps = max(min(steps, self._lengths.get(key, 0)), seen)
            self._seen[key] = steps
            self._bar.update(steps - seen)

    def _follow(self) -> None:
        while not self._end.wait(REPORT_EVERY):
            self.read()


def steps_of(spec: Spec) -> int:
    """Return the steps of a run, burn-in included."""
    return spec.settings.num_burnin + spec.settings.num_draws
