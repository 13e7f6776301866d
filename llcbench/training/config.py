"""How a network is trained; needs no torch, so that plans and reports can read it."""

import math
from typing import Literal

import msgspec

Optimiser = Literal["sgd", "adam", "adamw", "sam", "entropy_sgd"]
Stop = Literal["steps", "loss", "interpolation"]


def _check(name: str, value: float, *, zero: bool = False, most: float = math.inf) -> None:
    """Refuse what is not finite, negative, zero unless allowed, or above a limit."""
    if not (math.isfinite(value) and (value > 0 or (zero and value == 0)) and value <= most):
        least = "at least 0" if zero else "positive"
        limit = f" and at most {most:g}" if math.isfinite(most) else ""
        raise ValueError(f"training: {name} must be {least}{limit}, got {value!r}")


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
            _check(name, getattr(self, name), zero=True)


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
        _check("inner_steps", self.inner_steps)
        _check("inner_lr", self.inner_lr)
        for name in ("scope", "scope_growth", "noise"):
            _check(name, getattr(self, name), zero=True)
        _check("averaging", self.averaging, most=1.0)


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
        for name in ("lr", "check_every"):
            _check(name, getattr(self, name))
        for name in ("momentum", "weight_decay", "sam_radius", "input_noise", "steps"):
            _check(name, getattr(self, name), zero=True)
        if self.momentum >= 1:
            raise ValueError(f"training: momentum must be below 1, got {self.momentum!r}")
        _check("label_noise", self.label_noise, zero=True, most=1.0)
        if self.batch_size is not None:
            _check("batch_size", self.batch_size)
        for loss in self.checkpoint_losses:
            _check("checkpoint_losses", loss)
        for step in self.checkpoint_steps:
            _check("checkpoint_steps", step, zero=True, most=self.steps)
        if (self.stop == "loss") != (self.stop_loss is not None):
            raise ValueError("training: stop = 'loss' and stop_loss go together: give both or none")
        if self.stop_loss is not None:
            _check("stop_loss", self.stop_loss)
        if self.nesterov and not (self.momentum and self.optimiser not in ("adam", "adamw")):
            raise ValueError("training: nesterov needs a momentum, and an optimiser that has one")
        if self.momentum and self.optimiser in ("adam", "adamw"):
            raise ValueError(f"training: {self.optimiser} has no momentum to set, leave it at 0")
