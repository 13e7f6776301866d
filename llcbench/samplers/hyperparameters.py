"""Hyper-parameters of samplers, checked and made plain numbers when a sampler is constructed."""

from collections.abc import Callable
from typing import Any

from llcbench.checks import set_checked

# Takes owner, name and value, and returns the value as a plain Python number.
Check = Callable[[str, str, Any], Any]


def check_hyperparameters(sampler: object, owner: str, **checks: Check) -> None:
    """Replace hyper-parameters of a frozen dataclass by what their checks return.

    ``check_hyperparameters(self, "sgld", step_size=check_positive)`` in ``__post_init__`` stores a
    plain number whatever kind of number was given, so that runs record one.

    Args:
        sampler: The instance that is being constructed.
        owner: Name that error messages begin with.
        checks: Check of every hyper-parameter, by its name.

    Raises:
        ValueError: Naming owner, hyper-parameter and value, for a value that is not allowed.
    """
    for name, check in checks.items():
        given = getattr(sampler, name)
        value = check(owner, name, given)
        # A whole number for a real one stays an int: the keys of runs tell 2 from 2.0.
        if type(given) is not int:
            set_checked(sampler, **{name: value})
