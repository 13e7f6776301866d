"""The axes of a study, checked before anything runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from llcbench.checks import printable
from llcbench.problems.modules.accepted import accepted, numbers_of
from llcbench.problems.modules.checkpoints import read_state
from llcbench.problems.modules.digests import digest_of, digest_of_data, digest_of_state
from llcbench.problems.modules.problem import ModuleProblem
from llcbench.problems.modules.selection import Part

Checkpoints = Mapping[Any, Any] | Sequence[str | Path]
Parts = Mapping[Any, Any] | Sequence[str] | str
LONGEST = 120
# Parts by this word are the modules that own parameters.
LAYERS = "layers"


@final
@dataclass(frozen=True, eq=False)
class StudyPoint:
    """Weights at which a study estimates.

    Attributes:
        name: In the table; empty for those of the problem.
        given: A state, or the file that holds one; None for those of the problem.
    """

    name: str
    given: Any = None

    def state(self, problem: ModuleProblem) -> Mapping[str, Any]:
        """Return the weights by name.

        Raises:
            OSError: If the file cannot be opened.
            TypeError: If they are no mapping.
            ValueError: If the file holds none.
        """
        if self.given is None:
            return problem.module.state_dict()
        held = read_state(self.given) if isinstance(self.given, str | Path) else self.given
        if not isinstance(held, Mapping):
            raise TypeError(
                f"checkpoint {self.name} is a {type(held).__name__}: give module.state_dict() or"
                " the name of a file"
            )
        return held


@final
@dataclass(frozen=True, eq=False)
class StudyPart:
    """Weights that move.

    Attributes:
        name: In the table; empty for all of them.
        only: Patterns and entries as `ModuleProblem.restricted` takes them.
        dim: Their number.
        digest: Of their names and places.
    """

    name: str
    only: tuple[Part, ...]
    dim: int
    digest: str


@final
@dataclass(frozen=True, eq=False)
class StudySlice:
    """Data on which a study estimates.

    Attributes:
        name: In the table; empty for those of the problem.
        data: As `ModuleProblem.on` takes them; None for those of the problem.
        num_data: Their number.
        digest: Of the numbers of the samples, or of the data.
    """

    name: str
    data: Any
    num_data: int | None
    digest: str


def checkpoints_of(given: Checkpoints | None) -> tuple[StudyPoint, ...]:
    """Return the checkpoints of a study; a list of files is named by their stems.

    Raises:
        TypeError: If they are neither a mapping nor a list of files.
        ValueError: If there are none, or two have one name.
    """
    if given is None:
        return (StudyPoint(""),)
    if not isinstance(given, Mapping):
        if isinstance(given, str) or not all(isinstance(each, str | Path) for each in given):
            raise TypeError(
                "checkpoints are a mapping of names to states or files, or a list of files; got"
                f" {type(given).__name__}"
            )
        stems = [Path(each).stem for each in given]
        names = stems if len({*stems}) == len(stems) else [str(each) for each in given]
        given = _unique("checkpoints", zip(names, given, strict=True))
    return tuple(StudyPoint(name, each) for name, each in _named("checkpoints", given).items())


def parts_of(given: Parts | None, problem: ModuleProblem) -> tuple[StudyPart, ...]:
    """Return the parts of a study.

    Args:
        given: A mapping of names to patterns, entries by tensor, or lists of both; a list of
            patterns; ``layers`` for every module that owns parameters; None for all weights.
        problem: Whose weights they are.

    Raises:
        TypeError: If they are of another kind.
        ValueError: If one names no weights; the message names it.
    """
    if given is None:
        return (StudyPart("", ("*",), problem.dim, _moving(problem)),)
    if isinstance(given, str):
        if given != LAYERS:
            raise ValueError(
                f"parts are a mapping of names to patterns, or {LAYERS!r}; got {given!r}"
            )
        layers = problem.layers()
        return tuple(
            StudyPart(name or "(top)", part.only, part.dim, _moving(part))
            for name, part in layers.items()
        )
    if not isinstance(given, Mapping):
        given = _unique("parts", ((pattern, pattern) for pattern in given))
    results = []
    for name, part in _named("parts", given).items():
        listed = isinstance(part, list | tuple)
        only: tuple[Part, ...] = tuple(part) if listed else ("*",) if part is None else (part,)
        try:
            chosen = problem.restricted(*only)
        except (TypeError, ValueError) as error:
            raise type(error)(f"part {name}: {error}") from error
        results.append(StudyPart(name, only, chosen.dim, _moving(chosen)))
    return tuple(results)


def slices_of(given: Mapping[Any, Any] | None, problem: ModuleProblem) -> tuple[StudySlice, ...]:
    """Return the slices of a study.

    Args:
        given: A mapping of names to masks, numbers, slices or other data, or None for all data;
            None for all data alone.
        problem: Whose data they are.

    Raises:
        TypeError: If they are of another kind.
        ValueError: If one fits no data; the message names it.
    """
    if given is None:
        return (StudySlice("", None, problem.num_data, digest_of_data(problem.data)),)
    if not isinstance(given, Mapping):
        raise TypeError(
            "slices are a mapping of names to masks, numbers of samples or data; got"
            f" {type(given).__name__}"
        )
    results = []
    for name, choice in _named("slices", given).items():
        try:
            numbers = None if choice is None else numbers_of(choice, problem.num_data)
            if numbers is not None:
                digest = digest_of([digest_of_data(problem.data), numbers])
                results.append(StudySlice(name, choice, len(numbers), digest))
            else:
                data = problem.data if choice is None else accepted(choice).data
                part = StudySlice(name, choice, None if choice is not None else problem.num_data,
                             digest_of_data(data))  # fmt: skip
                results.append(part)
        except (TypeError, ValueError) as error:
            raise type(error)(f"slice {name}: {error}") from error
    return tuple(results)


def state_digest(state: Mapping[str, Any]) -> str:
    """Return the digest of weights by name."""
    return digest_of_state(state)


def _moving(problem: ModuleProblem) -> str:
    return digest_of(
        {"names": {name: tuple(shape) for name, shape in problem.shapes.items()},
         "entries": dict(problem.entries.numbers)}
    )  # fmt: skip


def _named(what: str, given: Mapping[Any, Any]) -> dict[str, Any]:
    return _unique(what, given.items())


def _unique(what: str, items: Any) -> dict[str, Any]:
    """Return values by name.

    Raises:
        ValueError: If there are none, a name is none, or stands for two.
    """
    results: dict[str, Any] = {}
    for key, value in items:
        name = str(key)
        if not name or len(name) > LONGEST or name != printable(name):
            raise ValueError(f"{what}: {key!r} is no name of at most {LONGEST} characters")
        if name in results:
            raise ValueError(f"{what}: {name} is there twice; names tell rows apart")
        results[name] = value
    if not results:
        raise ValueError(f"{what} are empty; give at least one, or None")
    return results
