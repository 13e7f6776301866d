"""What is chosen from sizes alone: batch, chains, precision, budget."""

from typing import NamedTuple, final

from llcbench.estimators.self_tuned import constants
from llcbench.sampling.loss_abilities import flops, own_precision
from llcbench.settings import DType
from llcbench.types import Problem


def batch_and_budget(
    num_data: int | None, batch_size: int | None, max_grads: int
) -> tuple[int | None, int]:
    """Return the batch to use, None for the full one, and the budget in gradients on it.

    At equal samples full batches win while there are at most 10 minibatches in the data.

    Args:
        num_data: Size of the data; None for a population loss.
        batch_size: Samples of a minibatch, in which the budget is counted; None for full batches.
        max_grads: Gradients a chain.
    """
    if batch_size is None or num_data is None:
        return None, max_grads
    batches = num_data / batch_size
    if batches <= 1:
        return None, max_grads
    whole = int(max_grads / batches)
    if batches <= constants.FULL_BATCHES and whole >= constants.LEAST_GRADS:
        return None, whole
    return batch_size, max_grads


def batch_of(num_data: int | None) -> int | None:
    """Return the batch where none is given: the full one while it is at most 10 minibatches."""
    if num_data is None or num_data <= constants.FULL_BATCHES * constants.BATCH_SIZE:
        return None
    return constants.BATCH_SIZE


@final
class Sizes(NamedTuple):
    """How much is computed.

    Attributes:
        num_chains: Chains.
        batch_size: Samples of a minibatch; None for all.
        max_grads: Gradients a chain.
    """

    num_chains: int
    batch_size: int | None
    max_grads: int


def sizes_of(
    problem: Problem,
    num_chains: int | None = None,
    batch_size: int | None = None,
    max_grads: int | None = None,
    target_stderr: float | None = None,
) -> Sizes:
    """Return chains, batch and budget, where they are given as they are given.

    What is chosen costs at most `constants.FLOPS` operations, as the loss counts them, and is never
    less than an estimate needs. With a standard error to reach the budget is only a bound.
    """
    usual = constants.MAX_GRADS if target_stderr is None else constants.MOST_GRADS
    many = constants.CHAINS * problem.dim > constants.MANY_NUMBERS
    chains = constants.FEW_CHAINS if many else constants.CHAINS
    sizes = Sizes(
        chains if num_chains is None else num_chains,
        batch_of(problem.num_data) if batch_size is None else batch_size,
        usual if max_grads is None else max_grads,
    )
    grads = constants.MAX_GRADS if max_grads is None else max_grads
    cost, number = flops(problem), problem.num_data
    batch = sizes.batch_size or number
    if batch is None or cost * sizes.num_chains * batch * grads <= constants.FLOPS:
        return sizes
    samples = int(constants.FLOPS / cost)
    if num_chains is None:
        sizes = sizes._replace(num_chains=constants.FEW_CHAINS)
    if batch_size is None:
        affordable = max(samples // (sizes.num_chains * grads), constants.LEAST_BATCH)
        batch = min(batch, affordable)
        sizes = sizes._replace(batch_size=None if batch == number else batch)
    if max_grads is None and target_stderr is None:
        affordable = max(samples // (sizes.num_chains * batch), constants.FEWEST_GRADS)
        sizes = sizes._replace(max_grads=min(grads, affordable))
    return sizes


def precision_of(problem: Problem) -> DType:
    """Return the precision of a run: that of the problem, or double for few parameters."""
    small: DType = "float64" if problem.dim <= constants.DOUBLE else "float32"
    return own_precision(problem) or small
