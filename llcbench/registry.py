"""Names of problems, samplers, estimators and suites; listing them imports nothing heavy."""

import hashlib
import inspect
import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from fnmatch import fnmatch
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llcbench.checks import nearest, shown

if TYPE_CHECKING:
    from llcbench.problems.family import Family
    from llcbench.sampling.target import AnySampler
    from llcbench.settings import Settings
    from llcbench.types import Estimator, Problem

# Characters of an id: 150 layers fit.
LONGEST_ID = 300
_LOCAL_SAMPLERS: dict[str, Callable[..., Any]] = {}
_LOCAL_SOURCES: dict[str, Callable[..., Any]] = {}
# Fields of an estimator that are given by the run.
_NO_OPTIONS = ("sampler", "settings")


class UnknownName(ValueError):
    """Raised for an unregistered name; the message suggests the nearest one."""


def sampler(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function or a class as a sampler under a name.

    A function has the form ``f(theta, target, rng, *, step_size=1e-5) -> (theta, loss)``; its
    keyword-only arguments are its hyper-parameters. A class has ``init`` and ``step``.

    Raises:
        ValueError: If the name is not made of lower-case letters, digits, ``_`` and ``-``.
    """
    if not re.fullmatch(r"[a-z0-9_-]+", name):
        raise ValueError(f"sampler name {name!r} must be lower-case letters, digits, '_' or '-'")

    def register(made: Callable[..., Any]) -> Callable[..., Any]:
        _LOCAL_SOURCES[name] = made
        if isinstance(made, type):
            _LOCAL_SAMPLERS[name] = made
        else:
            from llcbench.samplers.function import factory

            _LOCAL_SAMPLERS[name] = factory(name, made)
        return made

    return register


def sampler_names() -> list[str]:
    """Return the names of all samplers."""
    return sorted({*_entries("samplers"), *_LOCAL_SAMPLERS})


def make_sampler(name: str, parameters: dict[str, Any]) -> "AnySampler":
    """Build a sampler from its name and hyper-parameters.

    Raises:
        ValueError: If the name or an option is unknown, or a value is not admissible.
    """
    make = _LOCAL_SAMPLERS.get(name) or _load("samplers", name, "sampler", sampler_names())
    if is_dataclass(make):
        options = sorted(option.name for option in fields(make))
        for key in parameters:
            if key not in options:
                raise UnknownName(
                    f"{name} has no option {key!r}{nearest(key, options)};"
                    f" it has {', '.join(options)}"
                )
    built: AnySampler = make(**parameters)
    return built


def parameters_of(built: Any) -> dict[str, Any]:
    """Return all hyper-parameters of a sampler, defaults included."""
    from llcbench.sampling import sampler_abilities

    return sampler_abilities.hyperparameters(built)


def code_of(name: str) -> str:
    """Return a hash of the source of a sampler from a script, empty for an installed one."""
    defined = _LOCAL_SOURCES.get(name)
    if defined is None:
        return ""
    try:
        source = inspect.getsource(defined)
    except (OSError, TypeError):  # defined at a prompt: the compiled code is all there is
        source = repr(getattr(getattr(defined, "__code__", defined), "co_code", defined))
    return hashlib.sha256(source.encode()).hexdigest()[:8]


def family_names() -> list[str]:
    """Return the names with which the ids of problems begin."""
    return sorted(_entries("problems"))


def problem_ids() -> list[str]:
    """Return the ids of all named problems."""
    return [name for family in _families().values() for name in family.names]


def match_problems(pattern: str) -> list[str]:
    """Return the named problems that a pattern such as ``poly/*`` selects, or the id itself.

    Raises:
        UnknownName: If nothing is selected.
    """
    if not any(mark in pattern for mark in "*?["):
        problem(pattern)
        return [pattern]
    names = [name for name in problem_ids() if fnmatch(name, pattern)]
    if not names:
        raise UnknownName(
            f"no problem matches {pattern!r}{nearest(pattern, problem_ids())};"
            " 'llcbench list problems' shows them all"
        )
    return names


@cache
def problem(identifier: str) -> "Problem":
    """Return the problem of an id, modifiers such as ``/n1000`` or ``/scaled-4`` included.

    Raises:
        ValueError: If the id is unknown, malformed or names an inadmissible rank or width.
    """
    from llcbench.problems.combinators.modifiers import modify, split_modifiers

    prefix = identifier.split("/")[0]
    if len(identifier) > LONGEST_ID or not identifier.isprintable():
        raise UnknownName(
            f"{shown(identifier)} is no id: one has at most {LONGEST_ID} printable characters"
        )
    if prefix not in _entries("problems"):
        raise UnknownName(
            f"unknown problem {identifier!r}{nearest(identifier, problem_ids())};"
            " 'llcbench list problems' shows them all"
        )
    base, modifiers = split_modifiers(identifier)
    family = _family(prefix)
    try:
        built = family.build(base)
    except ValueError as error:
        if identifier.count("/") == 0 or base == prefix:
            raise UnknownName(f"{identifier!r} is not of the form {family.pattern}") from error
        raise ValueError(f"problem {identifier!r}: {error}") from error
    return modify(built, modifiers, identifier)


def version_of(identifier: str) -> int:
    """Return the version of the density of a problem, without building it.

    A problem that another package registers counts as being at its first version.
    """
    from llcbench.problems import versions

    return versions.version_of(identifier)


def size_of(identifier: str) -> int:
    """Return the number of parameters that an id names, without making anything of that size.

    It is 0 where the family does not say, or the id is malformed.
    """
    from llcbench.problems.combinators.modifiers import split_modifiers

    base, modifiers = split_modifiers(identifier)
    prefix = identifier.split("/")[0]
    if prefix not in _entries("problems"):
        return 0
    try:
        size = _family(prefix).size(base)
    except ValueError:
        return 0
    padded = (text.removeprefix("padded-") for text in modifiers if text.startswith("padded-"))
    return size + sum(map(int, padded))


def suite_names() -> list[str]:
    """Return the names of all suites."""
    return sorted(suite_paths())


def suite_paths() -> dict[str, Path]:
    """Return the files of all suites, by name."""
    paths: dict[str, Path] = {}
    for entry in entry_points(group="llcbench.suites"):
        folder = Path(next(iter(entry.load().__path__)))
        paths |= {path.stem: path for path in sorted(folder.glob("*.toml"))}
    return paths


def estimator_names() -> list[str]:
    """Return the names of all estimators."""
    return sorted(_entries("estimators"))


def estimator_class(name: str) -> Callable[..., Any]:
    """Return the class of an estimator.

    Raises:
        UnknownName: If there is none of that name.
    """
    return _load("estimators", name, "estimator", estimator_names())


def make_estimator(
    name: str,
    options: dict[str, Any],
    sampler: "AnySampler | None" = None,
    settings: "Settings | None" = None,
) -> "Estimator":
    """Build an estimator from its name and options, for a sampler and its settings.

    Without a sampler, it can still compute what a perfect one would return.

    Raises:
        ValueError: If the name or an option is unknown, or a value is not admissible.
    """
    make = estimator_class(name)
    defaults = _defaults(make)
    for key in options:
        if key not in defaults:
            known = sorted(defaults)
            raise UnknownName(
                f"{name} has no option {key!r}{nearest(key, known)};"
                f" it has {', '.join(known) or 'none'}"
            )
    given = {} if settings is None else {"settings": settings}
    typed = {key: _typed(defaults[key], value) for key, value in options.items()}
    built: Estimator = make(sampler, **given, **typed)
    return built


def options_of(built: "Estimator") -> dict[str, Any]:
    """Return the options of an estimator that differ from its defaults."""
    return {
        name: getattr(built, name)
        for name, default in _defaults(type(built)).items()
        if getattr(built, name) != default
    }


def _defaults(make: Any) -> dict[str, Any]:
    """Return the options of an estimator with their defaults."""
    options = fields(make) if is_dataclass(make) else ()
    return {option.name: option.default for option in options if option.name not in _NO_OPTIONS}


def _typed(default: Any, value: Any) -> Any:
    """Return a whole number as a float where the default is one: 4 and 4.0 are one option."""
    return float(value) if isinstance(default, float) and type(value) is int else value


def unknown(kind: str, name: str, known: list[str]) -> UnknownName:
    """Return the error for an unknown name, with the nearest valid one."""
    return UnknownName(f"unknown {kind} {name!r}{nearest(name, known)}; known: {', '.join(known)}")


def _families() -> dict[str, "Family"]:
    return {name: _family(name) for name in _entries("problems")}


@cache
def _family(prefix: str) -> "Family":
    # One at a time: a run needs one family, and all of them take a second to import.
    loaded: Family = _entries("problems")[prefix].load()
    return loaded


@cache
def _entries(group: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=f"llcbench.{group}")}


def _load(group: str, name: str, kind: str, known: list[str]) -> Callable[..., Any]:
    entries = _entries(group)
    if name not in entries:
        raise unknown(kind, name, known)
    loaded: Callable[..., Any] = entries[name].load()
    return loaded
