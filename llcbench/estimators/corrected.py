"""The mean energy without the bias of its steps, as the run itself measures it."""

import math
from dataclasses import dataclass, field
from typing import final

import msgspec

from llcbench.checks import check_count, set_checked
from llcbench.estimators.mean_energy import LEVEL, MeanEnergy, skipped
from llcbench.intervals import student_quantile
from llcbench.records import Estimate, Status
from llcbench.sampling import sampler_abilities
from llcbench.sampling.chains import Trace
from llcbench.sampling.correction import CorrectedEnergy, corrected
from llcbench.sampling.diagnostics import defect
from llcbench.sampling.recorder import EVERY
from llcbench.sampling.target import AnySampler, Target
from llcbench.sampling.virial import measurement
from llcbench.seeds import Seeds
from llcbench.settings import Settings
from llcbench.types import DEFAULT_CONTEXT, Problem, RunContext

# Records of a chain that a short run makes at least, if it has as many steps.
RECORDS = 16


@final
@dataclass(frozen=True)
class Corrected:
    """``llc = nbeta (E[L_n(w)] - L_n(w*)) (1 - D)``, D the bias that the run measures on itself.

    D is `Estimate.discretisation`: all of it for SGLD, the part of minibatch noise for samplers of
    second order. Samplers with a Metropolis test have no bias; they get the control variate
    ``d - r . grad U`` where its mean is 0 within its error and where it reduces that of the
    estimate by a fifth. Samplers that know neither are declined.

    Converges to the tempered mean energy as the draws grow and ``eps -> 0``; on quadratics with
    full gradients at every stable ``eps``. What has not equilibrated stays: no correction repairs
    it.

    Errors are those of the whole statistic, from the spread of chains or of blocks of fewer than
    four, and count the error of the correction.

    Attributes:
        sampler: The kernel.
        settings: Temperature, localisation, chains, lengths, batch size, precision.
        record_every: Steps from one record of the moments to the next; 0 for every 16th, more
            often in short runs, and every step of Metropolis samplers, which bring their gradient
            with them.

    Source: the exact distribution of Euler steps on quadratics; Stein 1972.
    """

    sampler: AnySampler
    settings: Settings = field(default_factory=Settings)
    record_every: int = 0

    def __post_init__(self) -> None:
        set_checked(self, record_every=check_count("corrected", "record_every", self.record_every))

    @property
    def keeps_checkpoint(self) -> bool:
        """True: a long run writes its checkpoint and continues from it."""
        return True

    @property
    def mean_energy(self) -> MeanEnergy:
        """The estimator that samples, and whose estimate is corrected."""
        return MeanEnergy(self.sampler, self.settings)

    def estimate(self, problem: Problem, context: RunContext = DEFAULT_CONTEXT) -> Estimate:
        """Sample, average and correct.

        Args:
            problem: What is measured.
            context: Seeds, budget, data, progress and checkpoint; each has a default.

        Returns:
            The estimate; one of a sampler that does not know its bias is skipped.
        """
        seeds = context.seeds_for(problem)
        target = self.mean_energy.target(problem, context.data_for(problem), context.budget)
        reason = sampler_abilities.unsupported(self.sampler, target) or self._declined()
        if reason:
            return skipped(reason, target.nbeta, self.settings)
        trace = self.mean_energy.sampled(target, seeds, context, self._every(target))
        return self.summarise(trace, target, seeds)

    def summarise(self, trace: Trace, target: Target, seeds: Seeds) -> Estimate:
        """Turn traces into a corrected estimate; one without a value is that of the mean energy."""
        kept = self.mean_energy.controlled(trace)
        found: CorrectedEnergy | str = "no moments were recorded in this run"
        moments = measurement(trace, target, self.sampler)
        if moments is not None and defect(kept) is None:
            found = corrected(target.nbeta * kept, moments)
        remaining = None if isinstance(found, str) else found.remaining
        plain = self.mean_energy.summarise(trace, target, seeds, remaining)
        if plain.llc is None:
            return plain
        if moments is not None and not moments.exact and moments.discretisation is None:
            return _without_value(plain, self._unknown(), "skipped")
        return _without_value(plain, found) if isinstance(found, str) else replaced(plain, found)

    def _declined(self) -> str | None:
        """Return why a sampler cannot be corrected, as far as that is known before it runs."""
        known = sampler_abilities.discretisation(self.sampler) is not None
        exempt = known or not sampler_abilities.preconditioned(self.sampler)
        return None if exempt else self._unknown()

    def _unknown(self) -> str:
        name = sampler_abilities.name(self.sampler)
        return f"{name} knows no bias of its steps and has no Metropolis test: use mean_energy"

    def _every(self, target: Target) -> int:
        if self.record_every:
            return self.record_every
        steps = sampler_abilities.step_size(self.sampler) is not None
        known = sampler_abilities.discretisation(self.sampler) is not None
        # A control variate pays most at every draw, and proposals bring their gradient with them.
        if steps and not known and target.batch_size is None:
            return 1
        return min(EVERY, max(self.settings.num_draws // RECORDS, 1))


def replaced(plain: Estimate, correction: CorrectedEnergy) -> Estimate:
    """Return an estimate with the corrected value, its errors and interval."""
    mcse, freedom = correction.error
    if not 0 < mcse < math.inf:
        return _without_value(plain, "all chains have one corrected value: there is no error")
    stderr = math.hypot(mcse, plain.data_se or 0.0)
    reach = student_quantile(LEVEL, freedom) * stderr
    llc = correction.llc
    return msgspec.structs.replace(
        plain,
        llc=llc,
        mcse=mcse,
        stderr=stderr,
        # A chain that stays in one place is no draw of the target.
        interval=None if plain.interval is None else (llc - reach, llc + reach),
        llc_per_chain=[float(value) for value in correction.per_chain],
        discretisation=correction.share,
    )


def _without_value(plain: Estimate, message: str, status: Status = "error") -> Estimate:
    """Return what a run cost and why there is no value."""
    return msgspec.structs.replace(
        plain, status=status, message=message, llc=None, mcse=None, stderr=None, interval=None
    )
