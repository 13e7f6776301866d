"""What a number was made with; no host name, user or path."""

import hashlib
import json
import os
import platform
import resource
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("llcbench", "torch", "numpy", "scipy", "sympy", "arviz-stats", "msgspec")


def peak_bytes() -> int:
    """Return the peak resident memory of this process, since `reset_peak` if that was called."""
    # The peak in the usage of a process on Linux is at least that of the one which started it.
    found = status_bytes("VmHWM")
    if found is not None:
        return found
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024


def status_bytes(name: str) -> int | None:
    """Return a figure of this process such as ``VmRSS``, in bytes; None but on Linux."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((1024 * int(x.split()[1]) for x in lines if x.startswith(f"{name}:")), None)


def reset_peak() -> None:
    """Let the peak of this process begin at what it holds now, where the system can (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def environment(threads: int = 1) -> dict[str, str]:
    """Return versions, processor and thread settings as text.

    Args:
        threads: Threads of torch within a run; named where they are not one, as they used to be.
    """
    found = {name: _version(name) for name in PACKAGES}
    found |= {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "threads": os.environ.get("OMP_NUM_THREADS", "default"),
    }
    return found | ({"threads_of_a_run": str(threads)} if threads != 1 else {})


def environment_id(found: dict[str, str]) -> str:
    """Return a short hash that names an environment."""
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:12]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
