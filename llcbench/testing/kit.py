"""Runs the checks of the conformance kit on whatever stands for a sampler."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import torch

from llcbench import registry
from llcbench.run.suite import parse_sampler
from llcbench.samplers.function import factory
from llcbench.sampling.target import AnySampler
from llcbench.testing.conformance.checks import CHECKS
from llcbench.testing.conformance.distributions import (
    check_bias_shrinks,
    check_stationary_distribution,
    check_virial,
    coarse_energy,
)
from llcbench.testing.conformance.fixtures import NotConforming as NotConforming
from llcbench.types import Sampler


def check_sampler(sampler: Any, *, langevin: bool | None = None) -> None:
    """Run all checks on a sampler and report every one that fails.

    Args:
        sampler: A sampler, a function of the form ``f(theta, target, rng, *, ...)``, or the text
            ``name[option=value]``.
        langevin: Which distribution it has on a quadratic. True: that of Euler-Langevin at its
            ``step_size``. False: the target itself, up to 10 % if it has a ``step_size`` and never
            rejects. None: Euler-Langevin if it has a ``step_size`` and never rejects, else exact.

    Raises:
        NotConforming: Naming the failed checks.
    """
    failures = []
    for name, check in named_checks(sampler, langevin=langevin).items():
        try:
            check()
        except Exception as error:  # a sampler under test may raise anything
            kind = "" if isinstance(error, NotConforming) else f"{type(error).__name__}: "
            failures.append(f"  {name}: {kind}{error}")
    if failures:
        raise NotConforming(f"{len(failures)} checks failed\n" + "\n".join(failures))


def sampler_checks(sampler: Any, *, langevin: bool | None = None) -> list[Any]:
    """Return all checks as named pytest parameters, each to be called without arguments."""
    import pytest

    checks = named_checks(sampler, langevin=langevin)
    return [pytest.param(check, id=name) for name, check in checks.items()]


def named_checks(sampler: Any, *, langevin: bool | None = None) -> dict[str, Callable[[], None]]:
    """Return all checks by name, each to be called without arguments."""
    subject = as_sampler(sampler)
    checks: dict[str, Callable[[], None]] = {
        name: partial(torch.inference_mode()(check), subject) for name, check in CHECKS.items()
    }
    measured = cache(partial(coarse_energy, subject))
    checks["stationary_distribution"] = partial(
        check_stationary_distribution, subject, langevin, measured
    )
    checks["virial"] = partial(check_virial, subject, langevin)
    checks["bias_shrinks"] = partial(check_bias_shrinks, subject, measured)
    return checks


def as_sampler(given: Any) -> AnySampler:
    """Return the sampler that an object, a class, a step function or a text stands for.

    Raises:
        TypeError: If it stands for none.
        ValueError: If a name or an option in a text is unknown.
    """
    if isinstance(given, str):
        return registry.make_sampler(*parse_sampler(given))
    built = given() if isinstance(given, type) else given
    if isinstance(built, Sampler):
        return built
    if callable(built):
        return factory(getattr(built, "__name__", "function"), built)()
    raise TypeError(
        f"{given!r} is no sampler: give an object with init and step, a function"
        " f(theta, target, rng, *, step_size=...) or a text such as 'sgld[step_size=1e-4]'"
    )
