"""Language models of the transformers package, or of any that returns objects with logits."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, default_collate

from llcbench.problems.modules.problem import ModuleProblem, from_module

# Targets of this value do not count.
IGNORED = -100
# In names of classes whose logits at a token predict the next one.
NEXT = ("CausalLM", "LMHead")
Collate = Callable[[list[Any]], Any]


def from_transformers(
    model: nn.Module,
    data: Any,
    *,
    weights: Literal["sequences", "tokens"] = "sequences",
    next_token: bool | None = None,
    only: str | tuple[str, ...] = "*",
    name: str = "language",
) -> ModuleProblem:
    """Return the loss of a language model or a classifier of sequences as a problem.

    The loss of a sequence is the mean cross entropy over its tokens that count: those whose label
    is not -100 and, where labels are the inputs themselves, that are not padding. The samples are
    the sequences: ``L_n = mean over n sequences``, and the default temperature is that of n.

    Args:
        model: Called by names with everything of a batch but ``labels``; returns an object with
            ``logits``, ``(batch, tokens, words)`` or ``(batch, classes)``. It is copied.
        data: A mapping of tensors with sequences along the first axis, ``input_ids`` and, if there
            are, ``attention_mask`` and ``labels``; or a data set of such mappings, or a
            ``DataLoader`` of one, whose collate function is used. Rows of lists become tensors
            with ``dataset.with_format("torch")``.
        weights: ``sequences`` gives each the same weight. ``tokens`` weights them by their tokens,
            so that the loss is a mean over tokens; give ``nbeta`` in units of sequences still.
        next_token: Whether logits predict the token after; None to go by the name of the class.
        only: Patterns of the parameters that move, as for `from_module`.
        name: Name in the results.

    Raises:
        TypeError: If the data are no mappings.
        ValueError: As for `from_module`.
    """
    if weights not in ("sequences", "tokens"):
        raise ValueError(f"weights must be 'sequences' or 'tokens', got {weights!r}")
    kind = type(model).__name__
    ahead = any(word in kind for word in NEXT) if next_token is None else next_token
    pairs, mean = _pairs(data, ahead)

    def loss(outputs: Any, targets: Tensor) -> Tensor:
        return sequence_losses(outputs.logits, targets, ahead, mean if weights == "tokens" else 0.0)

    return from_module(model, loss, pairs, only=only, name=name)


def sequence_losses(logits: Tensor, labels: Tensor, ahead: bool, tokens: float = 0.0) -> Tensor:
    """Return the cross entropy of every sequence, ``(batch,)``, in double precision.

    Args:
        logits: ``(batch, tokens, words)``, or ``(batch, classes)`` of a classifier.
        labels: ``(batch, tokens)``, or ``(batch,)``; -100 does not count.
        ahead: Whether logits predict the token after.
        tokens: Divisor of the sum over tokens; 0 for the number of those of the sequence.
    """
    if logits.dim() == 2:
        return cross_entropy(logits.double(), labels, reduction="none", ignore_index=IGNORED)
    if ahead:
        logits, labels = logits[:, :-1], labels[:, 1:]
    losses = cross_entropy(
        logits.double().transpose(1, 2), labels, reduction="none", ignore_index=IGNORED
    )
    counted = (labels != IGNORED).sum(1)
    return losses.sum(1) / (tokens or counted.clamp(min=1))


def labelled(batch: Mapping[str, Any]) -> tuple[dict[str, Any], Tensor]:
    """Return what the model is called with, and labels: the tokens themselves where none are given.

    Raises:
        ValueError: If there is nothing to predict.
    """
    inputs = {key: value for key, value in batch.items() if key != "labels"}
    labels = batch.get("labels")
    if labels is None:
        ids = inputs.get("input_ids")
        if not isinstance(ids, Tensor):
            raise ValueError(
                f"a batch must have labels or input_ids, got {', '.join(map(str, batch)) or 'none'}"
            )
        mask = inputs.get("attention_mask")
        labels = ids if mask is None else ids.masked_fill(mask == 0, IGNORED)
    return inputs, labels


def _pairs(data: Any, ahead: bool) -> tuple[Any, float]:
    """Return data as pairs, and the mean number of tokens that count, from at most 256 of them."""
    if isinstance(data, Mapping):
        inputs, labels = labelled(data)
        return (inputs, labels), _tokens(labels, ahead)
    collate: Collate = data.collate_fn if isinstance(data, DataLoader) else default_collate
    dataset: Any = data.dataset if isinstance(data, DataLoader) else data

    def split(samples: list[Any]) -> tuple[dict[str, Any], Tensor]:
        batch = collate(samples)
        if not isinstance(batch, Mapping):
            raise TypeError(f"a batch must be a mapping, got {type(batch).__name__}")
        return labelled(batch)

    loader: DataLoader[Any] = DataLoader(dataset, collate_fn=split)
    first = split([dataset[number] for number in range(min(len(dataset), 256))])
    return loader, _tokens(first[1], ahead)


def _tokens(labels: Tensor, ahead: bool) -> float:
    if labels.dim() < 2:
        return 1.0
    counted = labels[:, 1:] if ahead else labels
    return float((counted != IGNORED).sum(1).to(torch.float64).mean())
