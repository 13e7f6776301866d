"""A dask scheduler and its workers, for the tests of all commands that send tasks to them."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

DASK = str(Path(sys.executable).with_name("dask"))


class Cluster:
    """A scheduler and its workers, each a process of its own, on the loopback interface."""

    def __init__(self, folder: Path, memory: str) -> None:
        self.folder, self.memory = folder, memory
        self.workers: list[subprocess.Popen[str]] = []
        self._file = folder / "scheduler.json"
        self._scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0")
        for _ in range(2):
            self.add_worker()
        self.address: str = wait_for(self._address)

    def add_worker(self) -> None:
        """Start one more worker."""
        self.workers.append(
            self._start(
                "worker", "--no-nanny", "--nthreads", "1", "--death-timeout", "60",
                "--memory-limit", self.memory,
                "--host", "127.0.0.1", "--local-directory", str(self.folder),
            )
        )  # fmt: skip

    def close(self) -> None:
        """End all processes."""
        for process in [*self.workers, self._scheduler]:
            process.kill()
            process.wait()

    def _start(self, kind: str, *options: str) -> "subprocess.Popen[str]":
        command = [
            DASK, kind, "--scheduler-file", str(self._file), "--no-dashboard", *options,
        ]  # fmt: skip
        return subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True
        )

    def _address(self) -> str | None:
        try:
            return str(json.loads(self._file.read_text())["address"])
        except (OSError, ValueError, KeyError):
            return None


def wait_for(look: Any, seconds: float = 90.0) -> Any:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        result = look()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError("waited in vain")
