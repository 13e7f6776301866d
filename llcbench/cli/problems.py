"""The problem that a command is given: an id of the catalogue, or what a script calls problem."""

import sys
import traceback
import warnings
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

from llcbench.checks import nearest
from llcbench.cli.options import pairs_of

# How a problem is written on the command line.
PROBLEM = "FILE.py[:NAME]|ID"


def problem_of(script: str) -> Any:
    """Return the problem of a script, or of an id.

    Raises:
        ValueError: If there is no such file, name or id, or it is something else.
    """
    from llcbench import registry

    path, _ = _place(script)
    if not path.is_file():
        if script.split("/")[0] in registry.family_names():
            return registry.problem(script)
        like = nearest(script, registry.problem_ids()) if "/" in script else ""
        raise ValueError(
            f"no Python file {str(path)!r}; write FILE.py, FILE.py:NAME, or the id of a problem"
            f" such as dln/3-3-3/r3-1{like}"
        )
    return scripted(script)[0]


def scripted(script: str) -> tuple[Any, ModuleType]:
    """Return the problem of a script, and all that the script defines.

    Raises:
        ValueError: If there is no such file or name, or it is something else.
    """
    path, name = _place(script)
    if not path.is_file():
        raise ValueError(f"no Python file {str(path)!r}; write FILE.py or FILE.py:NAME")
    held = _run(path)
    problem = getattr(held, name or "problem", None)
    if not is_network(problem):
        raise ValueError(
            f"{path} has no {name or 'problem'!r} made by llcbench.from_module(module,"
            " per_sample_loss, data)"
        )
    return problem, held


def _place(script: str) -> tuple[Path, str]:
    """Return the file that is meant, and the name in it, which may be empty."""
    # A drive letter has a colon too.
    file, colon, name = script.rpartition(":")
    if not colon or script.endswith(".py"):
        file, name = script, ""
    return Path(file), name


def is_network(problem: Any) -> bool:
    """Return whether a problem is somebody's network, with layers and checkpoints."""
    from llcbench.sampling.loss_abilities import is_restrictable

    return is_restrictable(problem)


def _run(path: Path) -> ModuleType:
    """Run a script as Python would: its folder is searched for what it imports.

    Raises:
        ValueError: If the script fails; the message names its line.
    """
    from llcbench.problems.modules.from_module import OwnNetworkNote

    name = f"_script_{path.stem}"
    spec = util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{str(path)!r} is no Python file; write FILE.py or FILE.py:NAME")
    held = util.module_from_spec(spec)
    # Classes of the script find their own module, and pickles of them too.
    sys.modules[name] = held
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        with warnings.catch_warnings():
            # Notes are shown with the estimate.
            warnings.simplefilter("ignore", OwnNetworkNote)
            spec.loader.exec_module(held)
    except ValueError as error:
        raise ValueError(f"{path}{_line(error, path)}: {error}") from error
    except (Exception, SystemExit) as error:
        kind = type(error).__name__
        raise ValueError(f"{path}{_line(error, path)}: {kind}: {error}") from error
    finally:
        sys.path.remove(str(path.parent.resolve()))
    return held


def _line(error: BaseException, path: Path) -> str:
    """Return the last line of a script that an exception went through."""
    places = traceback.extract_tb(error.__traceback__)
    lines = [place.lineno for place in places if Path(place.filename) == path]
    return f", line {lines[-1]}" if lines else ""


def settings_for(problem: Any, overrides: tuple[str, ...]) -> Any:
    """Return the settings of a published run that fit a problem, with what was set."""
    import msgspec

    from llcbench.one_call import fitting
    from llcbench.run.suite import settings_of

    return settings_of(msgspec.structs.asdict(fitting(problem)), pairs_of(overrides))


def way_out(reason: str) -> str:
    """Return what to add to a command that failed for a reason; empty if nothing helps."""
    return "; add --set batch_size=none" if "full batch" in reason else ""
