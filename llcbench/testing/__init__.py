"""The conformance kit: what every sampler must do, as checks that anyone can run on theirs.

In a test file::

    @pytest.mark.parametrize("check", sampler_checks(MySampler()))
    def test_my_sampler(check):
        check()

or all at once, ``check_sampler(MySampler())``, which names every check that fails. pytest imports
this package in every session, so names are loaded on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llcbench.testing.conformance.fixtures import NotConforming as NotConforming
    from llcbench.testing.kit import as_sampler as as_sampler
    from llcbench.testing.kit import check_sampler as check_sampler
    from llcbench.testing.kit import named_checks as named_checks
    from llcbench.testing.kit import sampler_checks as sampler_checks
    from llcbench.testing.protocols import GateFixture as GateFixture
    from llcbench.testing.protocols import RunFixture as RunFixture

_KIT = ("NotConforming", "as_sampler", "check_sampler", "named_checks", "sampler_checks")
_TYPES = ("GateFixture", "RunFixture")

__all__ = [
    "GateFixture",
    "NotConforming",
    "RunFixture",
    "as_sampler",
    "check_sampler",
    "named_checks",
    "sampler_checks",
]

if not TYPE_CHECKING:  # a checker must see that a misspelt name is not there

    def __getattr__(name: str) -> Any:
        """Import a public name the first time that it is used.

        Raises:
            AttributeError: If the package has no such name.
        """
        if name in _KIT:
            return getattr(import_module("llcbench.testing.kit"), name)
        if name in _TYPES:
            return getattr(import_module("llcbench.testing.protocols"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
