"""Commands are killed, stopped and started twice; disks are full or read-only; nothing is lost."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from drivers import (
    RUNS,
    Driver,
    contents,
    made,
    reference,
    start,
    survivors,
    sweep,
    trouble,
    wait_for,
)  # fmt: skip
from experiment import Experiment, Outcome

PROCESSES = ("--executor", "processes", "--workers", "2")
STOPPED = "llcbench: stopped; finished runs are kept\n"


def _moment(rng: random.Random, driver: Driver, store: Path) -> None:
    """Wait for a number of records and a bit of time."""
    wanted = rng.randrange(RUNS)
    wait_for(lambda: made(store) >= wanted or driver.code() is not None, "no records come")
    time.sleep(rng.uniform(0.0, 0.3))


def _restarted(folder: Path, store: Path, *options: str) -> str:
    """Return what is wrong with a store after another call, or nothing."""
    again = sweep(folder, store, *options)
    code, said = again.wait(), again.said()
    odd = [line for line in said.splitlines() if "set aside" not in line]
    if code or odd:
        return f"the next call ended with {code}: {said[-200:]}"
    return trouble(store) or survivors(again)


def _killed(row: str, index: int, folder: Path, *, group: bool) -> list[Outcome]:
    """Kill a command several times, then let it end."""
    rng, store = random.Random(index), folder / "store"
    options = PROCESSES if not group or index % 3 == 2 else ()
    driver = sweep(folder, store, *options, installed=index % 10 == 9)
    _moment(rng, driver, store)
    driver.signal(signal.SIGKILL, group=group)
    driver.wait()
    before = contents(store) if (store / "runs").exists() else {}
    lost = [key for key, record in before.items() if record != reference()[key]]
    wrong = "a record is not whole" if lost else survivors(driver)
    return [Outcome(row, bool(note), note) for note in [wrong or _restarted(folder, store)]]


def kill_group(index: int, folder: Path) -> list[Outcome]:
    """Kill all processes of a sweep at once."""
    return _killed("kill of a command with all its processes", index, folder, group=True)


def kill_driver(index: int, folder: Path) -> list[Outcome]:
    """Kill the first process of a sweep alone."""
    return _killed("kill of the first process alone", index, folder, group=False)


def two_drivers(index: int, folder: Path) -> list[Outcome]:
    """Start two commands on one store, together or a moment apart."""
    rng, store = random.Random(index), folder / "store"
    options = [PROCESSES if index % 4 > place + 1 else () for place in range(2)]
    first = sweep(folder, store, *options[0], "--fresh")
    time.sleep(rng.choice([0.0, 0.0, rng.uniform(0.0, 1.0)]))
    second = sweep(folder, store, *options[1], "--fresh")
    ends = [(driver.wait(), driver.said()) for driver in (first, second)]
    wrong = "" if ends == [(0, ""), (0, "")] else f"they ended with {ends}"
    note = wrong or trouble(store) or survivors(first) or survivors(second)
    return [Outcome("two commands on one store", bool(note), note)]


def interrupted(index: int, folder: Path) -> list[Outcome]:
    """Send Ctrl-C to the group, as a terminal does, in imports, runs and at the end."""
    rng, store = random.Random(index), folder / "store"
    kind = ("serial", "processes", "installed", "processes installed", "dask")[index % 5]
    options = PROCESSES if "processes" in kind else ()
    options = ("--executor", "dask", "--workers", "1") if kind == "dask" else options
    driver = sweep(folder, store, *options, installed="installed" in kind)
    if "installed" in kind:
        # Before the entry point is reached Python itself answers.
        wait_for(lambda: _handles(driver), "no handler")
        time.sleep(rng.uniform(0.0, 8.0))
    elif kind == "dask":
        time.sleep(rng.uniform(0.0, 20.0))
    else:
        _moment(rng, driver, store)
    driver.signal(signal.SIGINT, group=True)
    code, said = driver.wait(), driver.said()
    whole = code == 0 and said == "" and made(store) == RUNS
    wrong = "" if whole or (code, said) == (130, STOPPED) else f"{code}: {said[-250:]}"
    note = wrong or survivors(driver) or _restarted(folder, store)
    return [Outcome(f"Ctrl-C ({kind})", bool(note), note)]


def _handles(driver: Driver) -> bool:
    if driver.code() is not None:
        return True
    lines = Path(f"/proc/{driver.pid}/status").read_text().splitlines()
    caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def ended_helper(index: int, folder: Path) -> list[Outcome]:
    """End a process that makes runs, or the server that forks them."""
    rng, store = random.Random(index), folder / "store"
    driver = sweep(folder, store, *PROCESSES)
    wait_for(lambda: _forks(driver) or driver.code() is not None, "no processes")
    _moment(rng, driver, store)
    row = ("end of a process that makes runs", "end of the server of processes")[index % 2]
    victims = _forks(driver) if index % 2 == 0 else [parent for _, parent in _forks_of(driver)]
    if victims:
        os.kill(rng.choice(victims), rng.choice([signal.SIGTERM, signal.SIGKILL]))
    code, said = driver.wait(), driver.said()
    lines = said.splitlines()
    if code == 0:
        wrong = "" if all("once more" in line for line in lines) else said[-250:]
    else:
        named = code == 1 and len(lines) == 1 and "that makes the others has died" in said
        wrong = "" if named and index % 2 else f"{code}: {said[-250:]}"
    note = wrong or survivors(driver) or (trouble(store) if code == 0 else "")
    note = note or _restarted(folder, store)
    return [Outcome(row, bool(note), note)]


def _forks_of(driver: Driver) -> list[tuple[int, int]]:
    """Return forks of the server, which is a child of the first process, with the server."""
    members = driver.processes()
    servers = {pid for pid, parent in members if parent == driver.pid}
    return [(pid, parent) for pid, parent in members if parent in servers]


def _forks(driver: Driver) -> list[int]:
    return [pid for pid, _ in _forks_of(driver)]


@contextmanager
def disk(folder: Path, kilobytes: int) -> Iterator[Callable[[str], None] | None]:
    """Mount a small disk; yield what changes its options. None where nothing may be mounted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        yield None
        return

    def change(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)

    try:
        yield change
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _full_store(index: int, folder: Path) -> str:
    """Run on a disk that takes some of the records only, then on a larger one."""
    rng = random.Random(index)
    with disk(folder / "disk", rng.randrange(8, 120, 4)) as change:
        store = folder / "disk" / "store"
        driver = start(
            folder, *_arguments(folder, store), *(PROCESSES if index % 2 else ()),
            limit=0 if change else 1000,
        )  # fmt: skip
        code, said = driver.wait(), driver.said()
        lines = [line for line in said.splitlines() if "without checkpoints" not in line]
        if not _refused(code, lines) and (code, lines) != (0, []):
            return f"{code}: {said[-250:]}"
        left = [path.name for path in store.rglob("*.tmp")]
        if left:
            return f"left {left}"
        held = contents(store) if store.exists() else {}
        if any(record != reference()[key] for key, record in held.items()):
            return "a record is not whole"
        if change is not None:
            change("size=8m")
        return survivors(driver) or _restarted(folder, store)


def _read_only_store(index: int, folder: Path) -> str:
    """Run on a disk that cannot be written, with a damaged record to be set aside."""
    with disk(folder / "disk", 8000) as change:
        store = folder / "disk" / "store" if change else Path("/proc/llcbench")
        if change is not None:
            (store / "runs").mkdir(parents=True)
            if index % 4 < 2:
                (store / "runs" / "0123456789abcdef.json").write_text("{")
            change("ro")
        driver = start(folder, *_arguments(folder, store), *(PROCESSES if index % 2 else ()))
        code, said = driver.wait(), driver.said()
        if not _refused(code, said.splitlines()):
            return f"{code}: {said[-250:]}"
        return survivors(driver)


def _other_files(index: int, folder: Path) -> str:
    """Have other commands write on a disk without room, or read-only, over an old file."""
    store = folder / "store"
    whole = sweep(folder, store)
    assert whole.wait() == 0, whole.said()
    with disk(folder / "disk", 12) as change:
        out = folder / "disk"
        cases = {
            "a.jsonl": ("export", "--store", str(store), "--out", str(out / "a.jsonl")),
            "a.svg": ("show", "poly/x2y2", "--plot", str(out / "a.svg")),
            "a.png": ("show", "poly/x2y2", "--plot", str(out / "a.png")),
            "index.html": ("report", "--store", str(store), "--out", str(out)),
            "families.md": ("theory", "catalogue", "--out", str(out)),
        }
        name = [*cases][index % len(cases)]
        (out / name).write_text("old")
        if change is not None and index % 2:
            change("ro")
        driver = start(folder, *cases[name], limit=0 if change else 1000)
        code, said = driver.wait(), driver.said()
        if not _refused(code, said.splitlines()):
            return f"{name}: {code}: {said[-250:]}"
        left = [path.name for path in out.rglob("*.tmp")]
        old = (out / name).read_text()
        return f"{name}: {old[:20]!r}, left {left}" if old != "old" or left else ""


def _refused(code: int, lines: list[str]) -> bool:
    return code == 2 and len(lines) == 1 and lines[0].startswith("llcbench: ")


def _arguments(folder: Path, store: Path) -> tuple[str, ...]:
    from drivers import SUITE

    (folder / "tiny.toml").write_text(SUITE)
    every = ("--checkpoint-every", "0.05s")
    return ("run", str(folder / "tiny.toml"), "--store", str(store), *every)


DISKS = (_full_store, _read_only_store, _other_files)


def no_room(index: int, folder: Path) -> list[Outcome]:
    """Write where there is no room, or nothing may be written."""
    case = DISKS[index % len(DISKS)]
    note = case(index // len(DISKS), folder)
    return [Outcome("full or read-only disk", bool(note), note)]


EXPERIMENTS = [
    Experiment("kill-group", "attack", 60, kill_group, quick=1),
    Experiment("kill-driver", "attack", 20, kill_driver),
    Experiment("two-drivers", "attack", 12, two_drivers, quick=1),
    Experiment("interrupt", "attack", 25, interrupted, quick=1),
    Experiment("end-helper", "attack", 10, ended_helper),
    Experiment("no-room", "attack", 30, no_room, quick=2),
]
