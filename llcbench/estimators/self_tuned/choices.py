"""What is chosen from sizes alone: batch, chains, precision, budget."""

from llcbench.estimators.self_tuned import constants
from llcbench.sampling.loss_abilities import own_precision
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


def chains_of(problem: Problem) -> int:
    """Return the number of chains where none is given."""
    many = constants.CHAINS * problem.dim <= constants.MANY_NUMBERS
    return constants.CHAINS if many else constants.FEW_CHAINS


def precision_of(problem: Problem) -> DType:
    """Return the precision of a run: that of the problem, or double for few parameters."""
    small: DType = "float64" if problem.dim <= constants.DOUBLE else "float32"
    return own_precision(problem) or small


def budget_of(max_grads: int | None, target_stderr: float | None) -> int:
    """Return the gradients a chain where they are not given."""
    if max_grads is not None:
        return max_grads
    return constants.MAX_GRADS if target_stderr is None else constants.MOST_GRADS
