"""How large a request may be: checked with integers, before anything of that size is made."""

from typing import TYPE_CHECKING

from llcbench.checks import check_size
from llcbench.records import Value
from llcbench.settings import Settings

if TYPE_CHECKING:
    from llcbench.types import Problem

# Runs of a suite; a record takes a kilobyte of memory and a file.
MOST_RUNS = 200_000
# Losses of a run: all steps of all chains.
MOST_LOSSES = 10**9
# Numbers in the parameters of all chains.
MOST_NUMBERS = 4 * 10**9


def check_run(problem: "Problem", settings: Settings, parameters: dict[str, Value]) -> None:
    """Refuse a run that no machine of today holds.

    Args:
        problem: What is measured.
        settings: How it is run.
        parameters: Hyper-parameters of its sampler, of which ``grads`` sets a length too.

    Raises:
        ValueError: If it has too many steps, chains or parameters; the message names the limit.
    """
    chains, steps = settings.num_chains, settings.num_draws + settings.num_burnin
    hint = "lower num_draws, num_burnin or num_chains"
    check_size(problem.id, "losses of all chains", chains * steps, MOST_LOSSES, hint=hint)
    numbers = chains * problem.dim
    check_size(
        problem.id, "parameters of all chains", numbers, MOST_NUMBERS, hint="lower num_chains"
    )
    grads = parameters.get("grads")
    if isinstance(grads, int):
        check_size(problem.id, "gradients", chains * grads, MOST_LOSSES, hint="lower grads")
