"""Where and how tasks run: the options of all commands that run them, and their parsed form."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from llcbench.run.executors.executor import Executor

_OPTIONS = [
    click.option(
        "--executor",
        type=click.Choice(["serial", "processes", "dask", "submitit"]),
        default="serial",
        show_default=True,
    ),
    click.option(
        "--workers",
        type=click.IntRange(max=10_000),
        default=2,
        show_default=True,
        help="Processes, or jobs.",
    ),
    click.option("--scheduler", metavar="tcp://HOST:PORT", help="A running dask scheduler."),
    click.option(
        "--worker-memory", metavar="4GB", help="Memory that a run may take (dask, submitit)."
    ),
    click.option(
        "--slurm", metavar="KEY=VALUE,...", help="Options of Slurm jobs: partition, time, mem."
    ),
    click.option("--time-budget", metavar="20m", help="Stop after this time: 90s, 20m or 2h."),
    click.option("--run-limit", metavar="10m", help="Kill a process that hangs in one run."),
    click.option(
        "--threads",
        type=click.IntRange(1, 1024),
        default=1,
        show_default=True,
        help="Threads of torch within a run; with another number the last digits may differ.",
    ),
    click.option("--no-progress", is_flag=True, help="No progress bar."),
]


class Execution(NamedTuple):
    """Parsed options.

    Attributes:
        executor: Where tasks run.
        seconds: Time for all of them; None for no limit.
        threads: Threads of torch within a task.
        progress: Whether to show a bar.
        parallel: Tasks that run at a time on this machine; None where they run elsewhere.
    """

    executor: "Executor"
    seconds: float | None
    threads: int
    progress: bool
    parallel: int | None


def executing(command: Any) -> Any:
    """Give a command the options that say where and how tasks run."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def execution_of(options: dict[str, Any], root: Path, plugins: tuple[str, ...]) -> Execution:
    """Read the options of `executing`; files of jobs and environments go to the store.

    Raises:
        ValueError: If an option is malformed or belongs to another executor.
    """
    from llcbench.run.executors.executor import make_executor
    from llcbench.run.executors.machines import machines_of
    from llcbench.run.units import seconds_of

    name, workers = options["executor"], options["workers"]
    machines = machines_of(root, options["scheduler"], options["worker_memory"], options["slurm"])
    limit = seconds_of(options["run_limit"], "--run-limit")
    return Execution(
        make_executor(name, workers, list(plugins), limit, machines),
        seconds_of(options["time_budget"]),
        options["threads"],
        not options["no_progress"],
        {"serial": 1, "processes": workers}.get(name),
    )


def say(lines: Any) -> None:
    """Write lines for the user to standard error."""
    for line in lines:
        click.echo(f"llcbench: {line}", err=True)
