"""What a sweep on other machines takes: options of the command line, scripts, answers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any, NamedTuple, final

from llcbench.run.failure import Failure
from llcbench.run.store import keep_environment
from llcbench.run.units import bytes_of

EXTRAS = {"distributed": "dist", "submitit": "slurm"}


class Script(NamedTuple):
    """A script that registers samplers, as it is sent to another machine."""

    name: str
    source: str


class Reply(NamedTuple):
    """A result, with the environment that it was made in."""

    result: Any
    environment: dict[str, str]


def _nowhere(environment: dict[str, str]) -> None:
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

    def received(self, answer: Callable[[], bytes | Failure], place: str) -> Any:
        """Return what a supervisor made of a task, and keep the environment it was made in.

        Args:
            answer: Fetches the answer; whatever it raises is a failure of the place.
            place: What the place is called, for the message.
        """
        try:
            reply = opened(answer())
        except Exception as error:  # not of the task: those are answers
            return Failure(f"{place} failed: {type(error).__name__}: {error}")
        if isinstance(reply, Failure):
            return reply
        self.keep(reply.environment)
        return reply.result


def pack(value: Any) -> bytes:
    """Return what goes through a worker unopened, so that only its two ends must understand it."""
    return bytes(ForkingPickler.dumps(value))


def unpack(data: bytes) -> Any:
    """Return what was packed; fails where the packages of the two ends differ."""
    return ForkingPickler.loads(data)


def opened(answer: bytes | Failure) -> Reply | Failure:
    """Return an answer of a supervisor, unpacked."""
    reply: Reply | Failure = unpack(answer) if isinstance(answer, bytes) else answer
    return reply


def machines_of(
    root: Path, scheduler: str | None, memory: str | None, slurm: str | None
) -> Machines:
    """Return what the options of the command line say; files and environments go to the store.

    Raises:
        ValueError: If an option is malformed.
    """
    return Machines(
        scheduler,
        bytes_of(memory, "--worker-memory"),
        options_of(slurm),
        root / "jobs",
        partial(keep_environment, root),
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
    states = []
    for module in EXTRAS:
        try:
            states.append(f"{module} {version(module)}")
        except PackageNotFoundError:
            states.append(_absent(module))
    return "; ".join(states)


def _absent(module: str) -> str:
    return f"{module} is not installed: pip install 'llcbench[{EXTRAS[module]}]'"


def options_of(text: str | None) -> dict[str, str]:
    """Read ``key=value`` pairs between commas.

    Raises:
        ValueError: If a pair has no ``=``, or a key comes twice.
    """
    options: dict[str, str] = {}
    for pair in filter(None, (text or "").split(",")):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not (key and equals and value) or key in options:
            raise ValueError(
                f"--slurm {text!r}: {pair!r} is not key=value with a key of its own;"
                " write for example partition=cpu,time=60,mem=8GB"
            )
        options[key.replace("-", "_")] = value
    return options
