"""From anybody's torch module to a problem: the one call."""

from collections.abc import Mapping, Sequence
from typing import Any
from warnings import warn

import torch
from torch import Tensor, nn

from llcbench.problems.modules import intake
from llcbench.problems.modules.accepted import accepted, in_precision
from llcbench.problems.modules.data import held
from llcbench.problems.modules.problem import ModuleProblem, PerSampleLoss, examined
from llcbench.sampling.surroundings import neutral

# Samples on which a lazy module is run.
FIRST = torch.arange(2)


class OwnNetworkNote(UserWarning):
    """What was done with the caller's network that the caller may not expect."""


def from_module(
    module: nn.Module,
    per_sample_loss: PerSampleLoss,
    data: Any,
    *,
    w_star: Mapping[str, Tensor] | None = None,
    only: str | Sequence[str] = "*",
    name: str = "module",
) -> ModuleProblem:
    """Return the loss of a module over a data set, at its weights, as a problem.

    ``L_n(w) = mean_i loss(f_w(x_i), y_i)``. The module is copied and put into evaluation mode:
    dropout is off and batch statistics stay what they were in training, so that the loss is a
    function of the weights. A penalty that training added to the loss does not belong here.

    The precision is that of the module, single or double; weights in half precision or bfloat16
    are evaluated in single. Inputs and targets that are real numbers are cast to it. Parameters
    with ``requires_grad=False`` and integer ones stay fixed. Both are said by a warning
    `OwnNetworkNote`. Inference mode, autocast, a default precision or a default device of the
    caller change nothing, and the random state of torch stays as it was.

    The loss is tried out on some samples and has to be finite, the same twice, the same whatever
    samples are beside, also at other weights, and to have the gradient that is its derivative.

    Args:
        module: The network ``f_w``. It is called as ``module(inputs)``, as ``module(*inputs)``
            where inputs are a tuple or a list, and as ``module(**inputs)`` where they are a
            mapping. What it returns goes to the loss as it is. Compiled and parallel wrappers are
            taken off; scripted modules and complex, sparse and quantised weights are refused.
        per_sample_loss: From outputs and targets to one loss per sample, ``(batch,)``; for
            example ``lambda f, y: cross_entropy(f, y, reduction="none")``. In a run in single
            precision it is called with outputs in double precision if it takes them. Where the
            data have no targets, its second argument is the whole batch.
        data: A pair ``(inputs, targets)`` of tensors, of arrays, which may be mapped from a file,
            or of tuples and mappings of them, samples along the first axis; a mapping of them
            without targets; a map-style ``Dataset``, also of the package ``datasets``; or a
            ``DataLoader``. They are not copied. Of a loader the data set and the collate function
            are used. Its batch size, sampler and shuffling are not: every chain draws minibatches
            of its own, independently and uniformly; passes over shuffled data have noise that is
            not independent from step to step, which biases the mean loss of a chain. Transforms
            have to be deterministic.
        w_star: State at which to estimate; None for that of the module.
        only: Patterns such as ``"blocks.0.*"``; parameters that none of them matches stay fixed.
        name: Name in the results.

    Raises:
        TypeError: If module, data or state are of another kind.
        ValueError: If the data have other shapes, no parameter is left, the module or the loss
            fails, or the loss is none that chains can use. The message is one line.
    """
    if not callable(per_sample_loss):
        raise TypeError(
            f"per_sample_loss must be a function of outputs and targets, got {per_sample_loss!r}"
        )
    if not isinstance(name, str) or not name:
        raise TypeError(f"name must be a text, got {name!r}")
    with neutral():
        given = accepted(data)
        copy = intake.frozen(module, lambda: held(given.data).to(torch.float32).take(FIRST))
        precision = intake.precision_of(copy.module)
        if w_star is not None:
            intake.load(copy.module, w_star)
        patterns = (only,) if isinstance(only, str) else tuple(only)
        problem = ModuleProblem(
            name, copy.module, per_sample_loss, in_precision(given.data, precision), patterns,
            fixed=copy.fixed, notes=(*copy.notes, *given.notes),
        )  # fmt: skip
        made = examined(problem)
    for note in made.notes:
        warn(f"{name}: {note}", OwnNetworkNote, stacklevel=2)
    return made
