"""The yardstick for estimators of the local learning coefficient.

Names are loaded on first use, so that the command line starts without torch.
"""

from importlib import import_module
from typing import Any

_EXPORTS = {
    "sampler": "llcbench.registry",
    "problem": "llcbench.registry",
    "make_sampler": "llcbench.registry",
    "estimate": "llcbench.one_call",
    "from_module": "llcbench.problems.modules.problem",
    "MeanEnergy": "llcbench.estimators.mean_energy",
    "SGLD": "llcbench.samplers.sgld",
    "MALA": "llcbench.samplers.mala",
    "Exact": "llcbench.samplers.exact",
    "Gibbs": "llcbench.samplers.gibbs",
    "Target": "llcbench.sampling.target",
    "Budget": "llcbench.types",
    "BudgetExceeded": "llcbench.types",
    "Draw": "llcbench.types",
    "Estimator": "llcbench.types",
    "Problem": "llcbench.types",
    "RunContext": "llcbench.types",
    "Sampler": "llcbench.types",
    "Truth": "llcbench.types",
    "Estimate": "llcbench.records",
    "Settings": "llcbench.settings",
    "Seeds": "llcbench.seeds",
    "direct_sum": "llcbench.problems.combinators.modifiers",
    "padded": "llcbench.problems.combinators.modifiers",
    "rescaled": "llcbench.problems.combinators.modifiers",
    "rotated": "llcbench.problems.combinators.modifiers",
    "sheared": "llcbench.problems.combinators.modifiers",
}

__all__ = [*_EXPORTS]


def __getattr__(name: str) -> Any:
    """Import a public name the first time that it is used.

    Raises:
        AttributeError: If the package has no such name.
    """
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
