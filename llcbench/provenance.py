"""Versions, processor and settings behind a number; no host name, user or path."""

import os
import platform
import resource
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from llcbench.files import content_key

PACKAGES = ("llcbench", "torch", "numpy", "scipy", "sympy", "arviz-stats", "msgspec")


def resident_bytes(pid: int | None = None) -> int:
    """Return the resident memory of a process, of this one by default; 0 if it is gone."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def peak_bytes() -> int:
    """Return the peak resident memory of this process, since `reset_peak` if that was called.

    On Linux it is ``VmHWM``, which psutil does not give and which `reset_peak` can reset. The peak
    in the resource usage is at least that of the process which started this one.
    """
    with suppress(OSError):
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024


def reset_peak() -> None:
    """Reset the peak of this process to its current memory, where the system can (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def environment(threads: int = 1) -> dict[str, str]:
    """Return versions, processor and thread settings as text.

    Args:
        threads: Threads of torch within a run; included only if not 1, so that earlier ids stay.
    """
    described = {name: _version(name) for name in PACKAGES}
    described |= {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "threads": os.environ.get("OMP_NUM_THREADS", "default"),
    }
    return described | ({"threads_of_a_run": str(threads)} if threads != 1 else {})


def environment_id(described: dict[str, str]) -> str:
    """Return a short hash that names an environment."""
    return content_key(described, digits=12, spaced=True)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _processor() -> str:
    """Return the model of the processor, which psutil does not know."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
