"""Records of runs; needs no torch, so that scores and reports start at once."""

import math
import re
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from llcbench.checks import LARGEST_COUNT, check_count, check_whole, refuse
from llcbench.settings import Settings

SCHEMA = 1
# Squares of what a record holds stay finite: no estimate, truth or cost is larger.
LARGEST = 1e150
LONGEST_NAME = 300
_RATIONAL = r"-?\d{1,300}(?:/0*[1-9]\d{0,300})?"
_EXACT = re.compile(rf"{_RATIONAL}|\[{_RATIONAL}, {_RATIONAL}\]", re.ASCII)

Status = Literal[
    "ok",
    "skipped",
    "diverged",
    "not_finite",
    "timeout",
    "out_of_memory",
    "crashed",
    "error",
]
Value = float | int | str | bool | None


class Guard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One check of an estimate.

    Attributes:
        name: What is checked.
        value: The value.
        limit: The bound, as text such as ``>= 1``.
        passed: Whether the value keeps to it.
        meaning: What a failure means.
    """

    name: str
    value: float
    limit: str
    passed: bool
    meaning: str


# Guards on the setting and on the reference point: they say what the tempered value depends on, and
# nothing of how well the sampler found it.
SETTING_GUARDS = frozenset({"plateau", "minimum"})


class RunStatistic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A statistic that was read off the chains.

    Attributes:
        value: The statistic.
        stderr: Its standard error; None where it is undefined.
    """

    value: float
    stderr: float | None = None

    def __post_init__(self) -> None:
        _check_range("a statistic", [self.value], -LARGEST)
        _check_range("the error of a statistic", [self.stderr], 0.0)


class Virial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far ``E[r . grad U]`` is from the number of parameters d, and why.

    ``excess = discretisation + drift`` up to the noise of the chains, for Euler steps.

    Attributes:
        excess: ``E[r . grad U] / d - 1``.
        drift: The part of what has not equilibrated: directions in which chains still move away
            make it negative. None for samplers that do not know their discretisation.
        discretisation: The part of the steps, minibatch noise included; None where the sampler
            does not know it.
        noise: The share of minibatch noise in `Estimate.discretisation`; None where it was not
            measured.
        kinetic: Mean square of the momenta over its stationary value, less 1; None without them.
    """

    excess: RunStatistic
    drift: RunStatistic | None = None
    discretisation: RunStatistic | None = None
    noise: RunStatistic | None = None
    kinetic: RunStatistic | None = None


class Estimate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An estimate of the local learning coefficient with its error, cost and guards.

    Attributes:
        status: ``ok`` or the way in which the run failed.
        message: The reason, for any status but ``ok``.
        llc: The estimate; None if there is none.
        mcse: Its Monte Carlo standard error, minibatch noise included.
        data_se: Standard error from the label noise of the data set; None in population.
        stderr: Both combined.
        interval: 90 % interval from ``stderr``.
        llc_per_chain: Estimates of the chains that stayed finite.
        ess_bulk: Effective number of draws of the loss trace, over all chains.
        ess_tail: The same for its tails.
        rhat: Split rank-normalised R-hat of the loss trace.
        nbeta: Inverse temperature used.
        gamma: Localisation used.
        loss_star: Loss at the reference point on the full data.
        llc_unpaired: The estimate without the paired baseline, for comparison.
        acceptance: Mean acceptance rate after burn-in; None for samplers that never reject.
        grad_evals: Gradient evaluations, summed over chains.
        sample_grads: The same times samples per gradient.
        seconds_setup: Time before the first step.
        seconds_sampling: Time of all steps.
        peak_bytes: Peak resident memory of the process.
        dim: Number of parameters; 0 in a run that failed before they were counted.
        feed: How minibatches were drawn: ``independent``, or ``shuffled`` passes over the data, as
            a package's own loop does regardless of the settings; None without minibatches.
        guards: Checks with their values.
        virial: Distance from the virial identity; None where nothing was recorded.
        discretisation: D, the share by which the steps of the sampler and the noise of its
            minibatches raise the energy, at leading order; None where the sampler does not know.
        dllc_dlog_gamma: Change of the tempered value with the logarithm of gamma.
        dllc_dlog_nbeta: The same for nbeta.
        method: How an estimator that tunes itself made it: sampler, step, batch, lengths,
            gradients; empty for the others.
    """

    status: Status
    message: str = ""
    llc: float | None = None
    mcse: float | None = None
    data_se: float | None = None
    stderr: float | None = None
    interval: tuple[float, float] | None = None
    llc_per_chain: list[float] = []
    ess_bulk: float | None = None
    ess_tail: float | None = None
    rhat: float | None = None
    nbeta: float
    gamma: float
    loss_star: float | None = None
    llc_unpaired: float | None = None
    acceptance: float | None = None
    grad_evals: int = 0
    sample_grads: int = 0
    seconds_setup: float = 0.0
    seconds_sampling: float = 0.0
    peak_bytes: int = 0
    dim: int = 0
    feed: Literal["independent", "shuffled"] | None = None
    guards: list[Guard] = []
    virial: Virial | None = None
    discretisation: RunStatistic | None = None
    dllc_dlog_gamma: RunStatistic | None = None
    dllc_dlog_nbeta: RunStatistic | None = None
    method: str = ""

    def __post_init__(self) -> None:
        signed = (self.llc, self.loss_star, self.llc_unpaired, *(self.interval or ()))
        _check_range("an estimate", (*signed, *self.llc_per_chain), -LARGEST)
        errors = (self.mcse, self.data_se, self.stderr, self.ess_bulk, self.ess_tail)
        costs = (self.nbeta, self.gamma, self.acceptance, self.seconds_setup, self.seconds_sampling)
        _check_range("an error, a setting or a cost", (*errors, *costs), 0.0)
        for count in (self.grad_evals, self.sample_grads, self.peak_bytes, self.dim):
            if not 0 <= count <= LARGEST_COUNT:
                refuse("estimate", "a count", "within 0 and 2^63", count)

    @property
    def failed_guards(self) -> list[Guard]:
        """Guards on the sampler that failed: then the estimate is not the tempered value.

        Those on the setting (`SETTING_GUARDS`) are not among them: a tempered value that depends
        on gamma or nbeta is still the value that was asked for.
        """
        failed = (guard for guard in self.guards if not guard.passed)
        return [guard for guard in failed if guard.name not in SETTING_GUARDS]

    @property
    def converged(self) -> bool:
        """Whether the run ended well and every guard on the sampler passed.

        A failed guard on the setting or the point, ``plateau`` or ``minimum``, does not change it.
        """
        return self.status == "ok" and not self.failed_guards


class RefinedRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One estimate of a study over checkpoints, parts of the weights and slices of the data.

    Attributes:
        checkpoint: Name of the weights; empty where there are only those of the problem.
        part: Name of the weights that move; empty for all of them.
        slice: Name of the data; empty for all of them.
        problem: Id of what was estimated, which decides the seeds.
        dim: Number of parameters that move.
        num_data: Number of samples; None where they could not be chosen.
        estimate: What came out.
        key: Hash of everything that decides it; empty where it failed before that was known.
    """

    checkpoint: str
    part: str
    slice: str
    problem: str
    dim: int
    num_data: int | None
    estimate: Estimate
    key: str = ""


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides the numbers of a run; its hash is the run's key.

    Attributes:
        problem: Id of the problem.
        problem_version: Version of its density.
        estimator: Estimator, with the options that differ from its defaults in brackets.
        sampler: Name of the sampler.
        parameters: All hyper-parameters of the sampler, defaults included.
        settings: How it is run.
        seed: Seed of the suite.
        replicate: Number of the repetition: fresh data, batches and noise.
        code: Hash of the source of a sampler that no installed package registers, so that an
            edited script is run again; empty for the others.
        variant: ``default``, or ``tuned`` for hyper-parameters that were chosen from diagnostics;
            empty if neither was asked for.
        tuning_grads: Gradients that the choice took, summed over chains.
        schema: Version of this layout.
    """

    problem: str
    problem_version: int
    estimator: str
    sampler: str
    parameters: dict[str, Value]
    settings: Settings
    seed: int
    replicate: int
    code: str = ""
    variant: str = ""
    tuning_grads: int = 0
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            refuse("spec", "schema", f"{SCHEMA}, the one that this version reads", self.schema)
        _check_name("problem", self.problem)
        _check_name("sampler", self.sampler)
        _check_name("estimator", self.estimator)
        check_count("spec", "problem_version", self.problem_version)
        check_count("spec", "replicate", self.replicate)
        check_count("spec", "tuning_grads", self.tuning_grads)
        check_whole("spec", "seed", self.seed)
        for name, value in self.parameters.items():
            _check_name("name of a hyper-parameter", name)
            if isinstance(value, int) and abs(value) > LARGEST_COUNT:
                refuse(self.sampler, name, "a number within 2^63", value)

    @property
    def label(self) -> str:
        """Sampler with the hyper-parameters, as it is written on the command line.

        An estimator other than the mean energy is listed among them, with its options.
        """
        shown = {key: text(value) for key, value in self.parameters.items()}
        if self.estimator != "mean_energy":
            name, _, options = self.estimator.removesuffix("]").partition("[")
            shown["estimator"] = name
            for option in filter(None, options.split(",")):
                key, _, value = option.partition("=")
                shown[f"{name}.{key}"] = value
        inner = ",".join(f"{key}={value}" for key, value in sorted(shown.items()))
        return f"{self.sampler}[{inner}]" if inner else self.sampler


class ExactValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An exact coefficient as it is stored: rationals are text."""

    value: str
    multiplicity: int | None
    source: str

    def __post_init__(self) -> None:
        if _EXACT.fullmatch(self.value) is None:
            refuse("truth", "value", "a fraction such as 3/2, or bounds [1/2, 1]", self.value)
        check_count("truth", "multiplicity", self.multiplicity or 0)


class TemperedTruth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The estimate of a perfect sampler as it is stored."""

    value: float
    stderr: float
    method: str
    certified: bool

    def __post_init__(self) -> None:
        _check_range("the tempered value", [self.value], -LARGEST)
        _check_range("the error of the tempered value", [self.stderr], 0.0)


class Truths(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The three truths of one run: local, global, and tempered on the very data of the run."""

    local: ExactValue
    global_: ExactValue
    tempered: TemperedTruth | None


class RunRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One finished run.

    Attributes:
        key: First 16 hex digits of the hash of the canonical spec.
        spec: What was run.
        truths: What the answer should have been; None if they could not be computed.
        estimate: What came out.
        environment: Id of the environment it was made in.
    """

    key: str
    spec: Spec
    truths: Truths | None
    estimate: Estimate
    environment: str


def _check_range(what: str, values: Iterable[float | None], least: float) -> None:
    """Refuse numbers out of range; one that is not finite is stored as none at all."""
    for value in values:
        if value is not None and not least <= value <= LARGEST and math.isfinite(value):
            refuse("record", what, f"between {least:g} and {LARGEST:g}", value)


def _check_name(what: str, name: str) -> None:
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        allowed = f"a printable name on one line of at most {LONGEST_NAME} characters"
        refuse("spec", what, allowed, name)


def text(value: Any) -> str:
    """Write a hyper-parameter the way the command line reads it."""
    if isinstance(value, float):
        return repr(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def number_or_word(text: str) -> int | float | str:
    """Read an integer or a number; anything else stays text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
