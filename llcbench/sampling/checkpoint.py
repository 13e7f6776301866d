"""The checkpoint file of a long run, so that a crash costs about a minute of it."""

import time
import warnings
import zipfile
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, final

import numpy as np
import torch

from llcbench.files import move_aside, replacing
from llcbench.foreign import reading

# Seconds between two checkpoints, and so before the first one: most runs are over by then.
EVERY = 60.0
# A long run may lose this share of its length, so that it writes less often.
LOSS = 0.01
# Writing takes at most one part in so many of the time.
RARELY = 50


@final
@dataclass
class Checkpoint:
    """The place of one run, written under a temporary name and renamed.

    The interval is the longest of ``every`` seconds, 1 % of the predicted length of the run, and 50
    times what the last file took to write. An error with the file costs the run only its
    checkpoint, and leaves a message.

    Attributes:
        path: The file; its folder's parent must exist, else nothing is written.
        every: Shortest interval in seconds.
        lines: Messages for the user.
    """

    path: Path
    every: float = EVERY
    lines: list[str] = field(default_factory=list)
    _cost: float = field(default=0.0, init=False)
    _last: float = field(default_factory=time.perf_counter, init=False)
    _off: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if not self.every > 0:
            raise ValueError(f"every must be a positive number of seconds, got {self.every!r}")
        self._off = not self.path.parent.parent.is_dir()

    def due(self, predicted: float) -> float:
        """Return when the next checkpoint is due, as of ``time.perf_counter``.

        Args:
            predicted: Predicted length of the whole run in seconds.
        """
        if self._off:
            return float("inf")
        return self._last + max(self.every, LOSS * predicted, RARELY * self._cost)

    def read(self) -> dict[str, Any] | None:
        """Return the stored place; None if there is none or it cannot be used."""
        if not self.path.exists():
            return None
        try:
            # Loading through a map of the file does not look at its checksums.
            with reading.opened(self.path) as file, zipfile.ZipFile(file) as archive:
                broken = archive.testzip()
            if broken is not None:
                raise ValueError(f"the checksum of {broken} is wrong")
            with torch.inference_mode(False), warnings.catch_warnings():
                # What is refused is said in our own words.
                warnings.simplefilter("ignore")
                saved = torch.load(self.path, map_location="cpu", weights_only=True, mmap=True)
            if saved["written_by"] != _writer(self.path):
                raise ValueError("it was written by another version or for another run")
        except FileNotFoundError:  # another process has ended the same run
            return None
        except Exception as error:  # whatever a damaged file makes the reader do
            first = (str(error).splitlines() or [""])[0]
            self.reject(f"{type(error).__name__}: {first}")
            return None
        return dict(saved["place"])

    def write(self, place: dict[str, Any]) -> None:
        """Replace the file by a new place of the run.

        It is not flushed to disk: a killed process loses nothing, and a partial file after a crash
        of the machine is rejected by its checksums.
        """
        started = time.perf_counter()
        try:
            with replacing(self.path, durable=False) as temporary:
                torch.save({"written_by": _writer(self.path), "place": place}, temporary)
        except (OSError, RuntimeError) as error:  # a full disk is the latter to torch
            self.give_up(f"{self.path.name} cannot be written: {str(error).splitlines()[0]}")
        self._last = time.perf_counter()
        self._cost = self._last - started

    def reject(self, reason: str) -> None:
        """Set the file aside; the run starts again."""
        target = move_aside(self.path, self.path.parent.parent / "damaged")
        if target is not None:
            self.lines.append(
                f"set aside checkpoint {self.path.name} ({reason}); it is kept as"
                f" damaged/{target.name}, and the run starts anew"
            )

    def give_up(self, reason: str) -> None:
        """Continue without checkpoints."""
        self._off = True
        self.lines.append(f"a run goes on without checkpoints: {reason}")


def _writer(path: Path) -> dict[str, str]:
    """Return what has to be the same for a run to go on to the same numbers."""
    return {
        "run": path.stem,
        "llcbench": version("llcbench"),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
    }
