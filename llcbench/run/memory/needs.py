"""What runs will take of the memory, before they take it."""

import resource
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import msgspec
import psutil

from llcbench.records import Spec
from llcbench.run.executors.processes import Processes
from llcbench.run.failure import Failure
from llcbench.run.memory.replica import data_bytes, itemsize, measure, numbers_of, replica_of
from llcbench.run.store import key_of
from llcbench.run.units import size
from llcbench.settings import Settings

# No run of ours takes more bytes for every number in the parameters of its chains; below this
# bound nothing has to be measured.
BOUND = 400
# What a process takes before it has done anything, for the same purpose.
FLOOR = 700_000_000
# Arrays that a run has freed and its allocator still holds; a replica gives them back.
SLACK = 1.15
# Runs that stay below this bound need no forecast of their memory.
SMALL = 1_000_000_000


@final
@dataclass(frozen=True)
class Need:
    """Peak memory of one process.

    Attributes:
        floor: What it takes without the run: the interpreter and its imports.
        above: What the run takes.
    """

    floor: int
    above: int

    @property
    def total(self) -> int:
        """The peak in bytes."""
        return self.floor + self.above


def parameter_bytes(spec: Spec) -> int:
    """Return the bytes of the parameters of all chains."""
    return numbers_of(spec) * itemsize(spec)


def bound(spec: Spec) -> int:
    """Return bytes that a run certainly does not exceed by much, without a measurement."""
    return FLOOR + BOUND * numbers_of(spec) + data_bytes(spec) + _trace_bytes(spec.settings)


def predict(spec: Spec, plugins: Sequence[str] = ()) -> Need:
    """Return the peak of a run, from that of its replica in a fresh process.

    Raises:
        ValueError: If the replica cannot be run.
    """
    if parameter_bytes(spec) + _trace_bytes(spec.settings) > available():
        # Nothing has to be measured, and a replica of a problem without layers is the run itself.
        return Need(FLOOR, parameter_bytes(spec) + _trace_bytes(spec.settings))
    replica, ratio = replica_of(spec)
    ((_, result),) = Processes(1, tuple(plugins)).map(measure, [replica])
    if isinstance(result, Failure):
        raise ValueError(f"the memory of {spec.problem} {spec.label}: {result.message}")
    floor, peak = result
    held = ratio if replica.network is None else SLACK * ratio
    above = round((peak - floor) * held) + _trace_bytes(spec.settings)
    return Need(floor, above)


def admitted(
    specs: Sequence[Spec], workers: int, plugins: Sequence[str] = ()
) -> tuple[list[Spec], list[str]]:
    """Return the runs that fit into memory, and one line on each kind that does not.

    Nothing is measured where the bound says that a kind fits.
    """
    left, fit, lines = available(), list[Spec](), list[str]()
    for kind in kinds(specs):
        together = min(workers, len(kind))
        if together * bound(kind[0]) < left:
            fit += kind
            continue
        need = predict(kind[0], plugins)
        # The floor of this process is in use already.
        if together * need.total - need.floor < left:
            fit += kind
        else:
            lines.append(_refusal(kind, need, together, left))
    chosen = set(map(key_of, fit))
    return [spec for spec in specs if key_of(spec) in chosen], lines


def kinds(specs: Sequence[Spec]) -> list[list[Spec]]:
    """Return runs that differ in nothing but their seeds together, in the order of the first."""
    alike: dict[bytes, list[Spec]] = {}
    for spec in specs:
        same = msgspec.structs.replace(spec, seed=0, replicate=0)
        alike.setdefault(msgspec.json.encode(same, order="sorted"), []).append(spec)
    return list(alike.values())


def _refusal(kind: Sequence[Spec], need: Need, together: int, left: int) -> str:
    spec = kind[0]
    changes = ["--workers 1"] if together > 1 else []
    if spec.settings.num_chains > 1:
        changes.append("fewer chains (--set num_chains=1)")
    if spec.settings.dtype == "float64":
        changes.append("--set dtype=float32")
    times = f"{together} times " if together > 1 else ""
    return (
        f"{spec.problem} {spec.label} does not fit: {times}{size(need.total)} predicted,"
        f" {size(left)} available, {len(kind)} run(s) not started;"
        f" try {' or '.join(changes) or 'a machine with more memory'}"
    )


def available() -> int:
    """Return the bytes that processes can still take: of the machine, its group or this user."""
    machine = int(psutil.virtual_memory().available)
    limits = [machine, _group(), resource.getrlimit(resource.RLIMIT_AS)[0]]
    return min(limit for limit in limits if limit is not None and limit > 0)


def _trace_bytes(settings: Settings) -> int:
    """Return bytes of the losses of all steps: as sampled, turned, cut and ranked."""
    kinds = 1 if settings.batch_size is None else 2
    steps = settings.num_draws + settings.num_burnin
    return 8 * settings.num_chains * (2 * kinds * steps + 6 * settings.num_draws)


def _group() -> int | None:
    """Return what is left of the limit of the control group, which psutil does not know."""
    pairs = [
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        (
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        ),
    ]
    for limit, used in pairs:
        try:
            texts = [Path(path).read_text(encoding="ascii").strip() for path in (limit, used)]
            return max(int(texts[0]) - int(texts[1]), 1)
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return None
