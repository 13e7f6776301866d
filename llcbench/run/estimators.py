"""Estimators with options, as suites, specs and the command line write them."""

from typing import TYPE_CHECKING

from llcbench import registry
from llcbench.records import Value, text
from llcbench.run.suite import parse_sampler
from llcbench.settings import Settings

if TYPE_CHECKING:
    from llcbench.sampling.target import AnySampler
    from llcbench.types import Estimator, TemperedEstimator


def canonical(written: str, sampler: "AnySampler | None" = None) -> str:
    """Return ``name`` or ``name[option=value,...]`` with the options that differ from defaults.

    Options are in alphabetical order: one estimator has one text, hence one key.

    Raises:
        ValueError: If the text is malformed, the name or an option unknown, or a value not allowed.
    """
    name, options = parse_sampler(written)
    built = registry.make_estimator(name, options, sampler)
    chosen = registry.options_of(built)
    inner = ",".join(f"{key}={text(value)}" for key, value in sorted(chosen.items()))
    return f"{name}[{inner}]" if inner else name


def build(written: str, sampler: "AnySampler | None", settings: Settings) -> "Estimator":
    """Return the estimator of a text for a sampler and its settings."""
    name, options = parse_sampler(written)
    return registry.make_estimator(name, options, sampler, settings)


def has_target(written: str) -> bool:
    """Return whether an estimator says itself what a perfect sampler would make it return."""
    from llcbench.types import TemperedEstimator  # it imports torch, which planning does not need

    made = registry.estimator_class(parse_sampler(written)[0])
    return isinstance(made, type) and issubclass(made, TemperedEstimator)


def with_target(written: str, settings: Settings) -> "TemperedEstimator | None":
    """Return an estimator that says what a perfect sampler would make it return, None of others."""
    from llcbench.types import TemperedEstimator

    built = build(written, None, settings) if has_target(written) else None
    return built if isinstance(built, TemperedEstimator) else None


def taken(parameters: dict[str, Value], default: str) -> tuple[str, dict[str, Value]]:
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
    inner = ",".join(f"{key.removeprefix(prefix)}={text(value)}" for key, value in own.items())
    return f"{name}[{inner}]", rest
