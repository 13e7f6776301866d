"""What a test runs: a sampler under an estimator, each by name or as an object."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, final

from llcbench import registry
from llcbench.records import Value
from llcbench.run.suite import build_estimator, canonical_estimator, parse_sampler
from llcbench.sampling import sampler_abilities
from llcbench.sampling.target import AnySampler
from llcbench.settings import Settings
from llcbench.testing.kit import as_sampler
from llcbench.types import Estimator

# Settings of a run that a test does not give.
OPTIONS: Mapping[str, Any] = {
    "nbeta": None,
    "gamma": 1.0,
    "num_chains": 16,
    "num_draws": 2000,
    "num_burnin": 1000,
    "batch_size": None,
    "start": "w_star",
}
# No registered name has a dot: records of objects are never taken for those of named ones.
OBJECT = "object."


@final
@dataclass(frozen=True)
class Subject:
    """What is run, in the words of a record.

    Attributes:
        sampler: Name of the sampler.
        parameters: Its hyper-parameters.
        estimator: Name of the estimator with its options.
        settings: How it is run.
        built: The estimator; None if the names find it and its sampler.
        own: Whether no name finds the estimator.
    """

    sampler: str
    parameters: dict[str, Value]
    estimator: str
    settings: Settings
    built: Estimator | None = None
    own: bool = False


def subject_of(sampler: Any, estimator: Any, options: Mapping[str, Any]) -> Subject:
    """Return what a sampler, an estimator and settings stand for.

    Args:
        sampler: A text, a sampler, a step function; None if the estimator is an object.
        estimator: A text, or an object with ``estimate(problem, context)``.
        options: Settings that were given; none if the estimator has its own.

    Raises:
        TypeError: If sampler or estimator are none, or there is no such setting.
        ValueError: If a name, an option or a value is not admissible, or given twice.
    """
    for name in options:
        if name not in OPTIONS:
            raise TypeError(f"llc_run has no setting {name!r}; it has {', '.join(OPTIONS)}")
    if not isinstance(estimator, str):
        return _held(sampler, estimator, options)
    if sampler is None:
        raise ValueError(
            f"estimator {estimator!r} needs a sampler: llc_run(problem, 'mala', estimator=...)"
        )
    settings = _settings(options)
    name, parameters, own = _named(sampler)
    built = None if own is None else build_estimator(estimator, own, settings)
    return Subject(name, parameters, canonical_estimator(estimator, own), settings, built)


def _held(sampler: Any, estimator: Any, options: Mapping[str, Any]) -> Subject:
    """Return what an estimator stands for that holds its sampler and its settings."""
    if isinstance(estimator, type) or not isinstance(estimator, Estimator):
        raise TypeError(
            f"{estimator!r} is no estimator: give a name such as 'regression[rungs=6]' or an"
            " object with estimate(problem, context)"
        )
    if sampler is not None:
        raise ValueError("an estimator that is an object holds its sampler: give no other")
    held: Any = estimator
    has = {field.name for field in fields(held)} if is_dataclass(held) else set[str]()
    if "settings" in has and options:
        raise ValueError(
            f"the estimator has settings of its own: give {', '.join(options)} to these"
        )
    settings = held.settings if "settings" in has else _settings(options)
    inner = held.sampler if "sampler" in has else None
    kernel = "none" if inner is None else f"{OBJECT}{sampler_abilities.name(inner)}"
    parameters = {} if inner is None else registry.parameters_of(inner)
    name = f"{OBJECT}{type(estimator).__name__.lower()}"
    return Subject(kernel, parameters, name, settings, estimator, own=True)


def _settings(options: Mapping[str, Any]) -> Settings:
    given = {**OPTIONS, **options}
    nbeta = "n / log n" if given["nbeta"] is None else float(given["nbeta"])
    return Settings(**{**given, "nbeta": nbeta, "gamma": float(given["gamma"])})


def _named(sampler: Any) -> tuple[str, dict[str, Value], AnySampler | None]:
    """Return name and hyper-parameters of a sampler, and itself unless the name finds it."""
    built = as_sampler(sampler)
    if isinstance(sampler, str):
        return parse_sampler(sampler)[0], registry.parameters_of(built), None
    return f"{OBJECT}{sampler_abilities.name(built)}", registry.parameters_of(built), built
