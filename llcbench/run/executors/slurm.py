"""Runs as jobs of a Slurm cluster, one job a run."""

import math
import time
from collections.abc import Callable, Generator, Hashable, Iterable
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, final

from llcbench.run.executors.drive import ResultT, TaskT, drive_at
from llcbench.run.executors.machines import Machines, needs, pack
from llcbench.run.executors.supervisor import Setup, stop, supervise
from llcbench.run.failure import Failure
from llcbench.run.units import bytes_of

PAUSE = 0.5
# A run must reach its limit of memory before its job does, so that the record can say so.
HEADROOM = 0.95
# How the states of Slurm that tell a cause become a status.
STATES = {"OUT_OF_MEMORY": "out_of_memory", "TIMEOUT": "timeout", "DEADLINE": "timeout"}


@final
@dataclass(frozen=True)
class Slurm:
    """Runs tasks as Slurm jobs, through submitit; what starts together is one job array.

    Queueing and starting cost seconds a run: for many short runs start dask workers in the jobs.

    Attributes:
        workers: Jobs that are queued or running at a time.
        plugins: Scripts whose source is sent along.
        limit: Seconds after which a task counts as hanging: its process is killed.
        machines: Options of the jobs, and the folder of their files and logs.
    """

    workers: int
    plugins: tuple[str, ...] = ()
    limit: float | None = None
    machines: Machines = field(default_factory=Machines)
    here = False

    def map(
        self, function: Callable[[TaskT], ResultT], tasks: Iterable[TaskT]
    ) -> Generator[tuple[TaskT, ResultT | Failure], None, None]:
        """Yield every task with its result, as they finish; tasks are taken when they start.

        Raises:
            ValueError: If submitit is not installed, or jobs cannot be submitted.
        """
        return drive_at(lambda: closing(_Jobs(self, function)), tasks)

    def executor(self) -> Any:
        """Return submitit's executor with our options.

        Raises:
            ValueError: If there is no Slurm here, or an option is malformed.
        """
        submitit = needs("submitit", "--executor submitit")
        options = dict(self.machines.slurm or {})
        cluster = options.pop("cluster", "slurm")
        if cluster not in ("slurm", "local"):
            raise ValueError(f"--slurm cluster={cluster}: it is slurm or local")
        try:
            executor = submitit.AutoExecutor(self.machines.folder, cluster=cluster)
        except RuntimeError as error:
            raise ValueError(
                "--executor submitit needs Slurm, and this machine has no srun; log in to the"
                " cluster, or try it here with --slurm cluster=local"
            ) from error
        known: dict[str, Any] = {"name": "llcbench", "timeout_min": 60}
        if "time" in options:
            known["timeout_min"] = _minutes(options.pop("time"))
        if "mem" in options:
            known["slurm_mem"] = options.pop("mem")
        if "cpus_per_task" in options:
            known["cpus_per_task"] = _whole("cpus_per_task", options.pop("cpus_per_task"))
        executor.update_parameters(**known, slurm_additional_parameters=options)
        return executor

    def memory(self) -> int | None:
        """Return the bytes that one run may take."""
        if self.machines.memory is not None:
            return self.machines.memory
        whole = bytes_of((self.machines.slurm or {}).get("mem"), "--slurm mem")
        return None if whole is None else int(HEADROOM * whole)


@final
class _Jobs:
    """Jobs as places; they are all alike, so that a place has no name."""

    def __init__(self, slurm: Slurm, function: Callable[[Any], Any]) -> None:
        self._slurm = slurm
        self._executor = slurm.executor()
        self._function = function
        # A job makes one task, so that no fork is needed after a death.
        setup = Setup.of(slurm.plugins, slurm.limit, slurm.memory())
        self._setup = replace(setup, forks=False)
        self._jobs: dict[int, Any] = {}
        self._numbers = count()

    def free(self) -> list[str]:
        """Return one place for every job that may be submitted now."""
        return [""] * (self._slurm.workers - len(self._jobs))

    def others(self, place: str) -> bool:
        """Whether there is another place: Slurm chooses the machine."""
        return False

    def start(self, work: list[tuple[str, Any]]) -> list[Hashable]:
        """Submit tasks as one array."""
        try:
            with self._executor.batch():
                jobs = [
                    self._executor.submit(_job, self._setup, pack((self._function, task)))
                    for _, task in work
                ]
        except Exception as error:  # whatever sbatch does not like
            text = " ".join(str(error).split())
            raise ValueError(f"--executor submitit: the jobs were refused: {text}") from error
        numbers = [next(self._numbers) for _ in jobs]
        self._jobs.update(zip(numbers, jobs, strict=True))
        return [*numbers]

    def ended(self) -> list[tuple[Hashable, Any]]:
        """Return jobs with results, and those that Slurm ended."""
        time.sleep(PAUSE)
        done = [(number, job) for number, job in self._jobs.items() if job.done()]
        return [(number, self._result(number, job)) for number, job in done]

    def close(self) -> None:
        """Cancel what is queued or running."""
        for job in self._jobs.values():
            job.cancel(check=False)

    def _result(self, number: int, job: Any) -> Any:
        del self._jobs[number]
        failure = job.exception()
        if failure is not None:
            return self._lost(job, failure)
        result = self._slurm.machines.received(job.result, f"its job {job.job_id}")
        if not isinstance(result, Failure):
            for path in (job.paths.submitted_pickle, job.paths.result_pickle):
                Path(path).unlink(missing_ok=True)
        return result

    def _lost(self, job: Any, failure: Exception) -> Failure:
        state = str(job.state).split(" ")[0]
        status: Any = STATES.get(state, "crashed")
        limits = ", ".join(f"{k}={v}" for k, v in (self._slurm.machines.slurm or {}).items())
        last = str(failure).strip().splitlines()[-1]
        return Failure(
            f"its job {job.job_id} ended as {state} (--slurm {limits or 'none'}):"
            f" {last}; logs in {job.paths.stderr.name}",
            status,
        )


def _job(setup: Setup, work: bytes) -> bytes | Failure:
    """Make a task inside a job; nothing stays behind."""
    try:
        return supervise(setup, work)
    finally:
        stop(setup.token)


def _minutes(text: str) -> int:
    """Read ``60`` (minutes), ``90m`` or ``2h``."""
    units = {"m": 1.0, "h": 60.0, "s": 1 / 60}
    number, unit = (text[:-1], units[text[-1]]) if text[-1] in units else (text, 1.0)
    try:
        value = float(number) * unit
    except ValueError:
        value = -1.0
    if not 0 < value < math.inf:
        raise ValueError(f"--slurm time={text}: write minutes, or 90m or 2h")
    return math.ceil(value)


def _whole(key: str, text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"--slurm {key}={text}: it is a whole number from 1")
    return int(text)
