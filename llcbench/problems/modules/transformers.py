"""Language models and modules of trainers as problems, told by what they have, not by their class.

Neither ``transformers`` nor ``lightning`` is imported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, final
from warnings import warn

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from llcbench.checks import check_choice
from llcbench.problems.modules import intake
from llcbench.problems.modules.accepted import accepted
from llcbench.problems.modules.data import REALISED, Batch, Changed, DataSource, held, is_pair
from llcbench.problems.modules.from_module import OwnNetworkNote, from_module
from llcbench.problems.modules.loss import SOME
from llcbench.problems.modules.problem import ModuleProblem, PerSampleLoss
from llcbench.problems.modules.reference import CHUNK
from llcbench.problems.modules.user_code import explained
from llcbench.sampling.surroundings import neutral

Count = Literal["sequences", "tokens"]
# A token that does not count.
IGNORED = -100
# Numbers of logits that are evaluated together.
LOGITS = 2**26


def from_transformers(
    model: nn.Module,
    data: Any,
    *,
    count: Count = "sequences",
    causal: bool | None = None,
    w_star: Mapping[str, Tensor] | None = None,
    only: str | Sequence[str] = "*",
    name: str = "transformer",
) -> ModuleProblem:
    """Return the loss of a language model or of a classifier of sequences, as a problem.

    The loss of a sequence is the mean cross entropy of its tokens that count: those whose label is
    not -100 and, where labels are as long as inputs, whose attention mask is 1; that of the decoder
    where there is one. A model of one label per sequence has the loss that it has itself: by
    ``config.problem_type``; without it the squared error for a single output, the mean binary cross
    entropy for labels that are real numbers, and the cross entropy for whole numbers.

    Sequences are the samples: minibatches draw them independently, and ``num_data`` is their
    number. ``count`` says what the inverse temperature ``n / log n`` counts, in `notes`.

    Args:
        model: Called by the names of the batch; its outputs have ``logits``.
        data: Batches by name, with ``input_ids``: a mapping of tensors, a ``Dataset``, also of the
            package ``datasets``, or a ``DataLoader`` with its collate function. Without ``labels``
            a causal model predicts its own inputs.
        count: ``sequences``, or ``tokens``, where ``problem.nbeta`` is ``n / log n`` of the tokens
            that count; pass ``nbeta=problem.nbeta`` to use it.
        causal: Whether a token is predicted from those before it, so that labels are shifted; None
            for what the name of the class says, such as ``GPT2LMHeadModel``.
        w_star: As in `from_module`.
        only: As in `from_module`.
        name: Name in the results.

    Raises:
        TypeError: If model or data are of another kind.
        ValueError: As in `from_module`, or if there are no labels to predict, or no
            ``decoder_input_ids`` for a model with a decoder of its own.
    """
    check_choice("from_transformers", "count", count, ("sequences", "tokens"))
    inner = intake.unwrapped(model)[0] if isinstance(model, nn.Module) else model
    shifted = _is_causal(inner) if causal is None else causal
    prepare = Prepared(shifted)
    with neutral():
        given = accepted(data)
        base = held(given.data)
        samples = Changed(base, prepare)
        with explained("taking samples of the data"):
            first = base.take(torch.arange(2))
        if not isinstance(first, Mapping):
            raise TypeError(
                "batches of a language model are mappings with input_ids, got"
                f" {type(first).__name__}; give a collate function that returns a mapping"
            )
        _check_decoder(inner, *prepare(first))
        length = max((p.shape[-1] for p in first.values() if isinstance(p, Tensor)), default=1)
        chunk = max(2, LOGITS // max(1, length * _classes(inner)))
    problem = from_module(
        model, SequenceLoss(shifted, _task(inner)), samples, w_star=w_star, only=only, name=name
    )
    tokens = count == "tokens"
    note = (
        "n counts tokens, but samples are sequences: pass nbeta=problem.nbeta, n / log n of tokens"
        if tokens
        else "n counts sequences"
    )
    for said in (*given.notes, *((note,) if tokens else ())):
        warn(f"{name}: {said}", OwnNetworkNote, stacklevel=2)
    return replace(
        problem,
        notes=(*problem.notes, *given.notes, note),
        chunk=min(chunk, CHUNK),
        counting=Tokens(shifted) if tokens else None,
    )


def from_lightning(
    module: Any,
    per_sample_loss: PerSampleLoss,
    data: Any,
    *,
    w_star: Mapping[str, Tensor] | None = None,
    only: str | Sequence[str] = "*",
    name: str = "module",
) -> ModuleProblem:
    """Return the loss of a ``LightningModule``, by its ``forward``, as a problem.

    Its ``training_step`` returns a mean over a batch and may log, so that it is not called; metrics
    and the trainer that it belongs to are left behind.

    Args:
        module: It has ``forward`` and ``training_step``.
        per_sample_loss: As in `from_module`.
        data: As in `from_module`, or a data module with ``train_dataloader``.
        w_star: As in `from_module`; a checkpoint keeps it under ``state_dict``.
        only: As in `from_module`.
        name: Name in the results.

    Raises:
        TypeError: If it is no such module, or data are of another kind.
        ValueError: As in `from_module`.
    """
    if not isinstance(module, nn.Module) or not hasattr(module, "training_step"):
        raise TypeError(
            f"a LightningModule with training_step is needed, got {type(module).__name__}; give any"
            " other module to from_module"
        )
    if hasattr(data, "train_dataloader"):
        data = data.train_dataloader()
    inner = intake.unwrapped(module)[0]
    trainer = vars(inner).get("_trainer")
    if trainer is None:
        return from_module(module, per_sample_loss, data, w_star=w_star, only=only, name=name)
    inner.__dict__["_trainer"] = None  # it holds loaders, files and processes
    try:
        return from_module(module, per_sample_loss, data, w_star=w_star, only=only, name=name)
    finally:
        inner.__dict__["_trainer"] = trainer


@final
@dataclass(frozen=True)
class Prepared:
    """The inputs of a model and the labels that count.

    Attributes:
        causal: Whether inputs are their own labels where there are none.
    """

    causal: bool

    def __call__(self, batch: Batch) -> Batch:
        """Return ``(inputs, {"labels": ...})`` of a batch by name.

        Raises:
            ValueError: If there are no labels.
        """
        if is_pair(batch):
            return batch
        inputs = {key: part for key, part in batch.items() if isinstance(part, Tensor)}
        side = "decoder_" if "decoder_input_ids" in inputs else ""
        ids, mask = inputs.get("input_ids"), inputs.get(f"{side}attention_mask")
        labels = inputs.pop("labels", inputs.pop("label", None))
        if labels is None and not self.causal:
            raise ValueError(
                "the data have no labels, and the model is not causal: add labels to the batch, or"
                " say causal=True"
            )
        labels = ids if labels is None else labels
        if labels is None:
            raise ValueError("the data have neither labels nor input_ids to predict")
        if mask is not None and mask.shape == labels.shape and not labels.is_floating_point():
            labels = labels.masked_fill(mask == 0, IGNORED)
        return inputs, {"labels": labels}


@final
@dataclass(frozen=True)
class SequenceLoss:
    """Loss per sequence, in double precision: mean cross entropy of tokens, or that of one label.

    Attributes:
        causal: Whether a token is predicted from those before it.
        task: How one label per sequence is predicted, by its name in transformers; None for what
            the labels say.
    """

    causal: bool
    task: str | None = None

    def __call__(self, outputs: Any, targets: Any) -> Tensor:
        """Return the losses of a batch, ``(batch,)``."""
        logits = outputs.logits if hasattr(outputs, "logits") else outputs
        logits, labels = logits.double(), targets["labels"]
        soft = targets.get(REALISED)
        if labels.dim() < logits.dim() - 1 or logits.dim() == 2:
            return self._of_label(logits, labels, soft)
        if self.causal:
            logits, labels = logits[:, :-1], labels[:, 1:]
            soft = soft if soft is None else soft[:, :-1]
        counts = labels != IGNORED
        wanted = labels.clamp(min=0) if soft is None else soft.double().movedim(-1, 1)
        each = cross_entropy(logits.movedim(-1, 1), wanted, reduction="none")
        losses: Tensor = (each * counts).sum(1) / counts.sum(1).clamp(min=1)
        return losses

    def _of_label(self, logits: Tensor, labels: Tensor, soft: Tensor | None) -> Tensor:
        """Return the losses of one label per sequence."""
        real = labels.is_floating_point()
        single = "multi_label_classification" if real else "single_label_classification"
        task = self.task or ("regression" if logits.shape[1] == 1 else single)
        if task == "single_label_classification":
            wanted = labels.reshape(-1) if soft is None else soft.double()
            return cross_entropy(logits, wanted, reduction="none")
        wanted = (labels if soft is None else soft).double().reshape(logits.shape)
        if task == "regression":
            return (logits - wanted).square().mean(1)
        return binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean(1)


def _is_causal(model: Any) -> bool:
    kind = type(model).__name__
    config = getattr(model, "config", None)  # any object may be handed over
    if getattr(config, "is_encoder_decoder", False):
        return False
    return "CausalLM" in kind or "LMHead" in kind


def _task(model: Any) -> str | None:
    task = getattr(getattr(model, "config", None), "problem_type", None)
    return None if task is None else str(task)


def _check_decoder(model: Any, inputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> None:
    """Refuse a decoder without inputs: it would make them of labels, or silently of other text.

    Raises:
        ValueError: If there are none.
    """
    decodes = getattr(getattr(model, "config", None), "is_encoder_decoder", False)
    if decodes and targets["labels"].dim() > 1 and "decoder_input_ids" not in inputs:
        raise ValueError(
            f"{type(model).__name__} has a decoder, and the batches have no decoder_input_ids: add"
            " model.prepare_decoder_input_ids_from_labels(labels), as DataCollatorForSeq2Seq does"
        )


def _classes(model: Any) -> int:
    config = getattr(model, "config", None)
    return int(getattr(config, "vocab_size", 0) or 1)


@final
@dataclass(frozen=True)
class Tokens:
    """The number of tokens that count, from some samples of data that are many.

    Attributes:
        causal: Whether the first token of a sequence is not predicted.
    """

    causal: bool

    def __call__(self, samples: DataSource) -> int:
        """Return the number for all samples."""
        total, read = len(samples), min(len(samples), SOME)
        rows = torch.arange(read) * (total - 1) // max(read - 1, 1)
        count = 0
        for part in torch.split(rows, 256):
            labels = samples.take(part)[1]["labels"]
            if self.causal and labels.dim() == 2:
                labels = labels[:, 1:]
            count += int((labels != IGNORED).sum())
        return round(count * total / read)
