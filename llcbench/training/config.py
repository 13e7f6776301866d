"""How a network is trained; needs no torch, so that plans and reports can read it."""

from typing import Literal

import msgspec

from llcbench.checks import (
    check_count,
    check_decay,
    check_fraction,
    check_non_negative,
    check_positive,
    refuse,
)

Optimiser = Literal["sgd", "adam", "adamw", "sam", "entropy_sgd"]
Stop = Literal["steps", "loss", "interpolation"]

# Checks refuse, and values stay as they were given: the keys of trials tell 2 from 2.0.
_OWNER = "training"


class Penalties(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Coefficients of what is added to the mean loss of a minibatch in training.

    They are in the gradient only: losses of checkpoints do not contain them.

    Attributes:
        gradient_norm: Of the squared norm of the minibatch gradient with respect to the weights.
        spectral: Of the sum over weight matrices of half their squared largest singular value;
            kernels count as matrices with one row per output channel.
        jacobian: Of the geometric complexity of the minibatch, the mean of the squared Frobenius
            norm of the Jacobian of the logits by the inputs; estimated from one Rademacher probe
            per sample, without bias.
    """

    gradient_norm: float = 0.0
    spectral: float = 0.0
    jacobian: float = 0.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            check_non_negative(_OWNER, name, getattr(self, name))


class EntropySGD(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of Entropy-SGD; ``lr`` and ``momentum`` of the training are those of the outer loop.

    Attributes:
        inner_steps: Langevin steps ``L`` before an update, a minibatch gradient each.
        inner_lr: Their step ``h``.
        scope: Strength ``g`` of the pull towards the weights that the update started from.
        scope_growth: Relative growth of the scope with every update.
        noise: Factor ``e`` of the noise ``sqrt(h) e xi`` of a Langevin step.
        averaging: Weight of the newest iterate in the running mean.
    """

    inner_steps: int = 20
    inner_lr: float = 0.1
    scope: float = 0.03
    scope_growth: float = 0.0
    noise: float = 1e-4
    averaging: float = 0.75

    def __post_init__(self) -> None:
        check_count(_OWNER, "inner_steps", self.inner_steps, least=1)
        check_positive(_OWNER, "inner_lr", self.inner_lr)
        for name in ("scope", "scope_growth", "noise"):
            check_non_negative(_OWNER, name, getattr(self, name))
        check_fraction(_OWNER, "averaging", self.averaging)


class Training(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything but data, network and seed that decides a training.

    The clock of a training counts minibatch gradients of the loss, so that optimisers compare at
    equal cost: an update is one gradient of SGD or Adam, two of SAM, ``inner_steps`` of
    Entropy-SGD. ``steps``, ``check_every`` and ``checkpoint_steps`` are times on this clock, and
    are acted on at the first update at or after them. Second derivatives of penalties cost more
    and are not counted.

    Attributes:
        optimiser: ``sam`` and ``entropy_sgd`` descend like ``sgd`` along other gradients.
        lr: Learning rate. That of Entropy-SGD is a share of the way to the mean of its walk, with 1
            for all of it, and not comparable with the others.
        momentum: Of SGD, SAM and both loops of Entropy-SGD.
        nesterov: Whether the momentum is Nesterov's.
        batch_size: Samples in a minibatch; None for all of them. Minibatches run through shuffled
            data; what is left over at the end of a pass is skipped.
        weight_decay: ``c`` adds ``c w`` to the gradient, the gradient of ``c/2 |w|^2`` over all
            parameters; AdamW shrinks the weights by ``lr c`` instead.
        sam_radius: Length of the ascent of SAM.
        entropy: Settings of Entropy-SGD.
        penalties: What is added to the loss.
        label_noise: Share of the training labels that are replaced by another class, once.
        input_noise: Standard deviation of fresh Gaussian noise on the inputs of every minibatch.
        steps: The training never takes more gradients.
        stop: When it ends: after ``steps``; at the first check with a full training loss below
            ``stop_loss``; or at the first check without a training error.
        stop_loss: The matched loss.
        check_every: Gradients between checks of the full training set.
        checkpoint_steps: When to keep the weights, besides the end; 0 is the start.
        checkpoint_losses: The weights are kept at the first check with a lower training loss.
    """

    optimiser: Optimiser = "sgd"
    lr: float = 0.1
    momentum: float = 0.0
    nesterov: bool = False
    batch_size: int | None = 64
    weight_decay: float = 0.0
    sam_radius: float = 0.05
    entropy: EntropySGD = EntropySGD()
    penalties: Penalties = Penalties()
    label_noise: float = 0.0
    input_noise: float = 0.0
    steps: int = 1000
    stop: Stop = "steps"
    stop_loss: float | None = None
    check_every: int = 50
    checkpoint_steps: tuple[int, ...] = ()
    checkpoint_losses: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_positive(_OWNER, "lr", self.lr)
        check_count(_OWNER, "check_every", self.check_every, least=1)
        check_count(_OWNER, "steps", self.steps)
        check_decay(_OWNER, "momentum", self.momentum)
        for name in ("weight_decay", "sam_radius", "input_noise"):
            check_non_negative(_OWNER, name, getattr(self, name))
        if check_non_negative(_OWNER, "label_noise", self.label_noise) > 1:
            refuse(_OWNER, "label_noise", "at most 1", self.label_noise)
        if self.batch_size is not None:
            check_count(_OWNER, "batch_size", self.batch_size, least=1)
        for loss in self.checkpoint_losses:
            check_positive(_OWNER, "checkpoint_losses", loss)
        for step in self.checkpoint_steps:
            if check_count(_OWNER, "checkpoint_steps", step) > self.steps:
                refuse(_OWNER, "checkpoint_steps", f"at most {self.steps}", step)
        if (self.stop == "loss") != (self.stop_loss is not None):
            raise ValueError("training: stop = 'loss' and stop_loss go together: give both or none")
        if self.stop_loss is not None:
            check_positive(_OWNER, "stop_loss", self.stop_loss)
        if self.nesterov and not (self.momentum and self.optimiser not in ("adam", "adamw")):
            raise ValueError("training: nesterov needs a momentum, and an optimiser that has one")
        if self.momentum and self.optimiser in ("adam", "adamw"):
            raise ValueError(f"training: {self.optimiser} has no momentum to set, leave it at 0")
