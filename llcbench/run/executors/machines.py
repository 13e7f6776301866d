"""What a sweep on other machines takes: options of the command line, scripts, answers."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any, NamedTuple, final

from llcbench.provenance import environment_id
from llcbench.run.executors.failure import Died
from llcbench.run.store import Store

EXTRAS = {"distributed": "dist", "submitit": "slurm"}
UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


class Script(NamedTuple):
    """A script that registers samplers, as it is sent to another machine."""

    name: str
    source: str


class Reply(NamedTuple):
    """A result, with the environment that it was made in."""

    result: Any
    environment: dict[str, str]


def _nowhere(found: dict[str, str]) -> None:
    """Keep no environment."""


@final
@dataclass(frozen=True)
class Machines:
    """Where runs go, and what they may use.

    Attributes:
        scheduler: Address of a dask scheduler; None starts one with workers on this machine.
        memory: Bytes that one run may take; None takes the share that its worker has.
        slurm: Options of jobs, such as ``{"partition": "cpu", "time": "60"}``.
        folder: Where job files and logs go; every machine must see it.
        keep: Takes the environment of every machine that made a result.
    """

    scheduler: str | None = None
    memory: int | None = None
    slurm: dict[str, str] | None = None
    folder: Path = Path("build/store/jobs")
    keep: Callable[[dict[str, str]], None] = _nowhere


def pack(thing: Any) -> bytes:
    """Return what goes through a worker unopened, so that only its two ends must understand it."""
    return bytes(ForkingPickler.dumps(thing))


def unpack(data: bytes) -> Any:
    """Return what was packed; fails where the packages of the two ends differ."""
    return ForkingPickler.loads(data)


def opened(answer: bytes | Died) -> Reply | Died:
    """Return an answer of a supervisor, unpacked."""
    found: Reply | Died = unpack(answer) if isinstance(answer, bytes) else answer
    return found


def machines_of(
    store: Store, scheduler: str | None, memory: str | None, slurm: str | None
) -> Machines:
    """Return what the options of the command line say; files and environments go to the store.

    Raises:
        ValueError: If an option is malformed.
    """
    return Machines(
        scheduler,
        bytes_of(memory, "--worker-memory"),
        options_of(slurm),
        store.root / "jobs",
        lambda found: store.save_environment(environment_id(found), found),
    )


def scripts_of(paths: tuple[str, ...]) -> tuple[Script, ...]:
    """Return scripts with their source, for machines that do not have the files."""
    return tuple(Script(Path(p).name, Path(p).read_text(encoding="utf-8")) for p in paths)


def needs(module: str, what: str) -> Any:
    """Return a module of an extra that ``what`` needs.

    Raises:
        ValueError: If it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ValueError(f"{what}: {_absent(module)}") from error


def described() -> str:
    """Return the state of the extras in one line."""
    found = []
    for module in EXTRAS:
        try:
            found.append(f"{module} {version(module)}")
        except PackageNotFoundError:
            found.append(_absent(module))
    return "; ".join(found)


def _absent(module: str) -> str:
    return f"{module} is not installed: pip install 'llcbench[{EXTRAS[module]}]'"


def bytes_of(text: str | None, option: str) -> int | None:
    """Read an amount of memory such as ``4GB`` or ``500MB``.

    Raises:
        ValueError: If it is none.
    """
    if text is None:
        return None
    number = text.strip().lower().removesuffix("b")
    unit = number[-1:] if number[-1:] in ("k", "m", "g", "t") else ""
    try:
        value = int(float(number.removesuffix(unit)) * UNITS[unit])
    except (ValueError, OverflowError):
        value = 0
    if value <= 0:
        raise ValueError(f"{option} {text!r} is no amount of memory; write 4GB or 500MB")
    return value


def size(number: float) -> str:
    """Write bytes the way they are read."""
    return f"{number / 1e9:.3g} GB" if number >= 1e9 else f"{number / 1e6:.3g} MB"


def options_of(text: str | None) -> dict[str, str]:
    """Read ``key=value`` pairs between commas.

    Raises:
        ValueError: If a pair has no ``=``, or a key comes twice.
    """
    found: dict[str, str] = {}
    for pair in filter(None, (text or "").split(",")):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not (key and equals and value) or key in found:
            raise ValueError(
                f"--slurm {text!r}: {pair!r} is not key=value with a key of its own;"
                " write for example partition=cpu,time=60,mem=8GB"
            )
        found[key.replace("-", "_")] = value
    return found
