"""One training under one heuristic, and what is measured on it; needs no torch."""

from typing import Any, Literal

import msgspec

from llcbench.checks import check_count, check_positive
from llcbench.files import content_key
from llcbench.records import Value
from llcbench.settings import AUTOMATIC
from llcbench.training.config import Training

# Raised when the same trial would give other numbers than before.
SCHEMA = 1

Status = Literal["ok", "not_reached", "not_finite", "timeout", "out_of_memory", "crashed", "error"]
# Trials with one of these are results; the others are made again.
FINAL = ("ok", "not_reached", "not_finite")
# The least that counts of a measurement may be.
_LEAST = {
    "num_chains": 1, "num_burnin": 0, "num_draws": 1, "gc_samples": 0, "hessian_samples": 0,
    "hessian_products": 2, "hessian_probes": 2,
}  # fmt: skip


class Measuring(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is measured at every checkpoint.

    The coefficient is that of SGLD on the mean loss of the training set as it was trained on, wrong
    labels included and penalties left out.

    Attributes:
        step_size: Of SGLD.
        gamma: Localisation.
        nbeta: Number of samples times inverse temperature.
        batch_size: Samples in a minibatch of SGLD; None for all.
        num_chains: Chains.
        num_burnin: Steps that are left out of the mean.
        num_draws: Steps of every chain after them.
        norm_controlled: Whether to measure the coefficient once more where there are weights whose
            scale does nothing, with their norms put back to those at the start.
        gc_samples: Training samples for the geometric complexity, exact on them; 0 for none.
        hessian_samples: Training samples for the Hessian; 0 for none.
        hessian_products: Most products for its largest eigenvalue.
        hessian_tolerance: Of its residual, relative.
        hessian_probes: Random signs for its trace.
    """

    step_size: float = 1e-4
    gamma: float = 300.0
    nbeta: float | Literal["n / log n"] = "n / log n"
    batch_size: int | None = 128
    num_chains: int = 2
    num_burnin: int = 150
    num_draws: int = 200
    norm_controlled: bool = True
    gc_samples: int = 500
    hessian_samples: int = 256
    hessian_products: int = 40
    hessian_tolerance: float = 0.01
    hessian_probes: int = 16

    def __post_init__(self) -> None:
        # Checks refuse, and values stay as they were given: the keys of trials tell 2 from 2.0.
        owner = "measuring"
        for name in ("step_size", "gamma", "hessian_tolerance"):
            check_positive(owner, name, getattr(self, name))
        for name, least in _LEAST.items():
            check_count(owner, name, getattr(self, name), least=least)
        if self.nbeta != AUTOMATIC:
            check_positive(owner, "nbeta", self.nbeta, hint=f"{AUTOMATIC!r} is the default")
        if self.batch_size is not None:
            check_count(owner, "batch_size", self.batch_size, least=1)

    @property
    def felt(self) -> float:
        """How often the draws feel the localisation, ``step_size * gamma * num_draws / 2``."""
        return self.step_size * self.gamma * self.num_draws / 2


class Trial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides the numbers of one training and its measures.

    What it is a trial *of* is not in it: experiments that share an arm share its trials.

    Attributes:
        data: ``digits``, ``mnist5k``, ``text`` or ``cifar10``.
        data_options: Arguments of the loader, such as ``context``.
        samples: Only so many training samples, the first ones; None for all.
        network: Family and sizes, such as ``mlp-64-64``.
        options: Further arguments of the network.
        scheme: Of the initial weights, as `llcbench.networks.initialised` takes it.
        scale: Factor on the initial weights.
        training: How it is trained.
        measuring: What is measured.
        seed: Of initial weights, minibatches, noise, wrong labels and chains; the same for all arms
            of an experiment, which makes them comparable in pairs.
    """

    data: str
    data_options: dict[str, Value] = {}
    samples: int | None = None
    network: str
    options: dict[str, Value] = {}
    scheme: Literal["default", "he", "glorot"] = "default"
    scale: float = 1.0
    training: Training = Training()
    measuring: Measuring = Measuring()
    seed: int = 0

    @property
    def key(self) -> str:
        """First 16 hex digits of the hash of all of it.

        Values at their defaults are left out, so that settings that come later change no key.
        """
        plain = {"schema": SCHEMA, "trial": _canonical(self)}
        return content_key(plain)

    def at_seed(self, seed: int) -> "Trial":
        """Return the trial with another seed."""
        return msgspec.structs.replace(self, seed=seed)


class Local(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A local learning coefficient as it was estimated, or the way in which that failed.

    Attributes:
        status: ``ok``, or why there is no value, such as ``not_finite``.
        message: Details.
        value: The estimate, negative where it came out negative; None if there is none.
        stderr: Its standard error from sampling alone.
        nbeta: Inverse temperature times samples; None if nothing was sampled.
        gamma: Localisation.
        warnings: Guards that did not pass, with value and limit.
    """

    status: str
    message: str = ""
    value: float | None = None
    stderr: float | None = None
    nbeta: float | None = None
    gamma: float
    warnings: tuple[str, ...] = ()

    @property
    def converged(self) -> bool:
        """Whether there is a value that no guard warns of."""
        return self.status == "ok" and not self.warnings


class Measured(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was measured at one checkpoint; None stands for what was not, or was not finite.

    Attributes:
        step: Updates until then.
        gradients: Minibatch gradients until then.
        reasons: Why the checkpoint was kept.
        train_loss: Mean over the training set, penalties left out.
        train_error: Share of wrong predictions on it.
        test_loss: Mean over the test set.
        test_error: Share of wrong predictions on it.
        llc: Local learning coefficient.
        llc_normed: The same with scale-free weights at their initial norms.
        gc: Geometric complexity of the logits, by inputs in the units of the loader.
        gc_samples: Training samples that it is the mean over.
        top: Largest eigenvalue of the Hessian of the training loss.
        top_residual: Some eigenvalue is as near to it.
        top_converged: Whether the residuals of both ends kept to the tolerance.
        trace: Trace of the Hessian.
        trace_stderr: Its standard error from the probes.
        hessian_samples: Training samples of the Hessian.
        norm: Euclidean norm of all weights.
        norms: That of every tensor.
        scale_free: Tensors whose scale does nothing.
        notes: Why Hessian or geometric complexity are missing, if they failed.
        cpu_seconds: Processor time of the measures.
        seconds: Time of the measures.
    """

    step: int
    gradients: int
    reasons: tuple[str, ...]
    train_loss: float | None
    train_error: float | None
    test_loss: float | None
    test_error: float | None
    llc: Local | None = None
    llc_normed: Local | None = None
    gc: float | None = None
    gc_samples: int = 0
    top: float | None = None
    top_residual: float | None = None
    top_converged: bool | None = None
    trace: float | None = None
    trace_stderr: float | None = None
    hessian_samples: int = 0
    norm: float | None = None
    norms: dict[str, float] = {}
    scale_free: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cpu_seconds: float = 0.0
    seconds: float = 0.0


class TrialRecord(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="trial"
):
    """One finished trial.

    Attributes:
        key: That of the trial.
        trial: What was done.
        digest: SHA-256 of the raw data; empty if they could not be loaded.
        status: How it ended; ``not_reached`` if the matched loss was not.
        message: Why, for anything but ``ok``.
        measured: Checkpoints in the order of time.
        cpu_seconds: Processor time of training and measures.
        seconds: Time of both.
        environment: Id of the environment.
    """

    key: str
    trial: Trial
    digest: str
    status: Status
    message: str = ""
    measured: list[Measured] = []
    cpu_seconds: float = 0.0
    seconds: float = 0.0
    environment: str


def _canonical(record: msgspec.Struct) -> dict[str, Any]:
    """Return the fields that differ from their defaults, nested ones too."""
    plain = {}
    for field in msgspec.structs.fields(record):
        value = getattr(record, field.name)
        fresh = field.default_factory
        default = fresh() if callable(fresh) else field.default
        if value != default:
            nested = isinstance(value, msgspec.Struct)
            plain[field.name] = _canonical(value) if nested else msgspec.to_builtins(value)
    return plain
