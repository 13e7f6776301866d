"""Suites, and the samplers and estimators that they name with options in brackets."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from llcbench import registry
from llcbench.foreign import reading
from llcbench.records import Value, number_or_word
from llcbench.records import text as written_as
from llcbench.registry import suite_names, suite_paths, unknown
from llcbench.settings import Settings, settings_from

if TYPE_CHECKING:
    from llcbench.sampling.target import AnySampler
    from llcbench.types import Estimator, TemperedEstimator


class Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A block of a suite: every sampler on every problem.

    Attributes:
        problems: Ids or patterns.
        samplers: Samplers in bracket notation.
        settings: What differs from the suite's settings.
        estimator: Estimator, with options in bracket notation such as ``regression[rungs=6]``.
        grads: Gradients of every chain, burn-in included; it sets the lengths of the chains by what
            a step of each sampler costs. None leaves them as they are set.
        variant: ``default`` and ``tuned`` name the rows of a leaderboard; tuned samplers get the
            hyper-parameters that `llcbench.run.tuning.search` chooses for each problem.
    """

    problems: list[str]
    samplers: list[str]
    settings: dict[str, Value] = {}
    estimator: str = "mean_energy"
    grads: int | None = None
    variant: Literal["", "default", "tuned"] = ""


class Suite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a suite file says.

    Attributes:
        title: One line.
        version: Raised when its meaning changes.
        replicates: Repetitions of every run, each with its own data, batches and noise.
        seed: Seed of everything.
        settings: Settings of all groups.
        group: The blocks.
    """

    title: str
    version: int
    replicates: int
    group: list[Group]
    seed: int = 0
    settings: dict[str, Value] = {}


def load(name: str) -> Suite:
    """Read a suite by its name, or from a file ending in ``.toml``.

    Raises:
        ValueError: If there is no such suite or the file does not follow the format.
    """
    if name.endswith(".toml"):
        path = Path(name)
        if not path.exists():
            raise ValueError(f"suite file {name!r} does not exist")
    elif name in suite_paths():
        path = suite_paths()[name]
    else:
        raise unknown("suite", name, suite_names())
    try:
        return reading.toml_as(path, Suite)
    except ValueError as error:
        raise ValueError(f"suite {name!r}: {error}") from error


def settings_of(*layers: dict[str, Value]) -> Settings:
    """Merge settings, later ones over earlier ones.

    Raises:
        ValueError: If an option is unknown or a value is not allowed.
    """
    merged: dict[str, Value] = {}
    for layer in layers:
        merged |= layer
    return settings_from(merged)


def parse_sampler(text: str) -> tuple[str, dict[str, Value]]:
    """Read ``name`` or ``name[option=value,...]``.

    Raises:
        ValueError: If the brackets or an assignment are malformed.
    """
    match = re.fullmatch(r"\s*([a-z0-9_-]+)\s*(?:\[(.*)\])?\s*", text)
    if match is None:
        raise ValueError(f"cannot read sampler {text!r}; write e.g. sgld[step_size=1e-4]")
    name, inner = match.groups()
    parameters: dict[str, Value] = {}
    for part in (inner or "").split(","):
        if not part.strip():
            continue
        key, equals, value = part.partition("=")
        if not equals or not value.strip():
            raise ValueError(f"cannot read {part.strip()!r} in {text!r}; write option=value")
        parameters[key.strip()] = parse_value(value.strip())
    return name, parameters


def parse_value(text: str) -> Value:
    """Read a number, ``true``, ``false``, ``none`` or a word."""
    constants: dict[str, Value] = {"true": True, "false": False, "none": None}
    if text.lower() in constants:
        return constants[text.lower()]
    return number_or_word(text)


def canonical_estimator(written: str, sampler: "AnySampler | None" = None) -> str:
    """Return ``name`` or ``name[option=value,...]`` with the options that differ from defaults.

    Options are in alphabetical order: one estimator has one text, hence one key.

    Raises:
        ValueError: If the text is malformed, the name or an option unknown, or a value not allowed.
    """
    name, options = parse_sampler(written)
    built = registry.make_estimator(name, options, sampler)
    chosen = registry.options_of(built)
    inner = ",".join(f"{key}={written_as(value)}" for key, value in sorted(chosen.items()))
    return f"{name}[{inner}]" if inner else name


def build_estimator(written: str, sampler: "AnySampler | None", settings: Settings) -> "Estimator":
    """Return the estimator of a text for a sampler and its settings."""
    name, options = parse_sampler(written)
    return registry.make_estimator(name, options, sampler, settings)


def has_target(written: str) -> bool:
    """Return whether an estimator says itself what a perfect sampler would make it return."""
    from llcbench.types import TemperedEstimator  # it imports torch, which planning does not need

    made = registry.estimator_class(parse_sampler(written)[0])
    return isinstance(made, type) and issubclass(made, TemperedEstimator)


def estimator_with_target(written: str, settings: Settings) -> "TemperedEstimator | None":
    """Return an estimator that says what a perfect sampler would make it return, None of others."""
    return targeted(build_estimator(written, None, settings)) if has_target(written) else None


def targeted(built: "Estimator") -> "TemperedEstimator | None":
    """Return an estimator if it has a target of its own, None if it aims at the mean energy."""
    from llcbench.types import TemperedEstimator

    return built if isinstance(built, TemperedEstimator) else None


def take_estimator(parameters: dict[str, Value], default: str) -> tuple[str, dict[str, Value]]:
    """Take the estimator out of the brackets of a sampler.

    ``mala[estimator=regression,regression.rungs=6,step_size=1e-3]`` names both, as labels do.

    Args:
        parameters: What stood in the brackets.
        default: The estimator if they name none.

    Returns:
        The estimator, as it is written, and what is left for the sampler.
    """
    name = parameters.get("estimator")
    if name is None:
        return default, parameters
    prefix = f"{name}."
    own = {key: value for key, value in parameters.items() if key.startswith(prefix)}
    rest = {k: v for k, v in parameters.items() if k != "estimator" and k not in own}
    inner = ",".join(
        f"{key.removeprefix(prefix)}={written_as(value)}" for key, value in own.items()
    )
    return f"{name}[{inner}]", rest
