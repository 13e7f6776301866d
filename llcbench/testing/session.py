"""One test session: runs samplers, keeps what it made, and judges the scores."""

import time
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Literal, final

from llcbench import registry
from llcbench.estimators.mean_energy import MeanEnergy
from llcbench.records import Estimate, RunRecord, Spec, Truths
from llcbench.run.execute import compute_truths, estimate_of, record_of, seeds_of, truth_key
from llcbench.run.executors.executor import Serial
from llcbench.run.failure import failure_of
from llcbench.run.plan import missing
from llcbench.run.runs import run_specs
from llcbench.run.store import RunStore, key_of
from llcbench.run.suite import parse_sampler
from llcbench.sampling import sampler_abilities
from llcbench.sampling.target import AnySampler
from llcbench.scoring import Score, scores
from llcbench.settings import Settings
from llcbench.testing import as_sampler
from llcbench.testing.gate import Verdict, judge, limit_of
from llcbench.types import Budget, RunContext


class Declined(RuntimeError):
    """Raised for a run that the options of the session exclude; the test is skipped."""


@final
@dataclass
class Session:
    """Runs and gates of one test session.

    Attributes:
        store: Where runs are kept.
        false_alarm: Probability that any gate fails although all samplers are right.
        gates: Number of gates that share it.
        seed: Seed of all runs.
        replicates: Repetitions, whatever a test asks for; None leaves it to the test.
        max_dim: Largest number of parameters; None for no limit.
        seconds: Time for all runs, from the first one; None for no limit.
    """

    store: RunStore
    false_alarm: float = 1e-4
    gates: int = 100
    seed: int = 0
    replicates: int | None = None
    max_dim: int | None = None
    seconds: float | None = None
    _made: list[tuple[Score, list[RunRecord]]] = field(default_factory=list)
    _deadline: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.false_alarm < 1:
            raise ValueError(f"llc_false_alarm must be between 0 and 1, got {self.false_alarm!r}")
        if self.gates < 1:
            raise ValueError(f"llc_gates must be at least 1, got {self.gates!r}")
        if self.replicates is not None and self.replicates < 1:
            raise ValueError(f"--llc-replicates must be at least 1, got {self.replicates!r}")

    def run(
        self,
        problem: str,
        sampler: Any,
        *,
        replicates: int = 3,
        nbeta: float | None = None,
        gamma: float = 1.0,
        num_chains: int = 16,
        num_draws: int = 2000,
        num_burnin: int = 1000,
        batch_size: int | None = None,
        start: Literal["w_star", "prior"] = "w_star",
    ) -> Score:
        """Run what the store does not hold yet, and score all replicates.

        Runs of a sampler that no installed package registers are made anew every time: the record
        of a run does not tell that the code has changed.

        Args:
            problem: Its id.
            sampler: A text such as ``sgld[step_size=1e-4]``, a sampler, or a step function.
            replicates: Repetitions, each with its own data, batches and noise.
            nbeta: Inverse temperature; None is ``n / log n``.
            gamma: Localisation strength.
            num_chains: Chains.
            num_draws: Kept steps of every chain.
            num_burnin: Steps before them.
            batch_size: Samples in a minibatch; None for the full batch.
            start: ``w_star``, or ``prior`` for chains spread as the localisation.

        Raises:
            Declined: If the problem is too large or the time is used up.
            ValueError: If a name, an option or a value is not admissible.
        """
        resolved = registry.problem(problem)
        if self.max_dim is not None and resolved.dim > self.max_dim:
            raise Declined(
                f"{problem} has {resolved.dim} parameters, --llc-max-dim is {self.max_dim}"
            )
        settings = Settings(
            nbeta="n / log n" if nbeta is None else float(nbeta),
            gamma=float(gamma),
            num_chains=num_chains,
            num_draws=num_draws,
            num_burnin=num_burnin,
            batch_size=batch_size,
            start=start,
        )
        name, parameters, built = _named(sampler)
        specs = [
            Spec(
                problem=problem,
                problem_version=resolved.version,
                estimator="mean_energy",
                sampler=name,
                parameters=parameters,
                settings=settings,
                seed=self.seed,
                replicate=replicate,
            )
            for replicate in range(self.replicates or replicates)
        ]
        records = self._registered(specs) if built is None else self._direct(specs, built)
        (score,) = scores(records)
        self._made.append((score, records))
        return score

    def verdict(self, score: Score, against: str, z: float | None, test: str) -> Verdict:
        """Judge a score that `run` has made.

        Args:
            score: The score.
            against: ``tempered`` or ``local``.
            z: Largest bias in standard errors; None for the limit of the session.
            test: Name of the test, for the command that repeats it.

        Raises:
            ValueError: If ``against`` is another word or the score is not from this session.
        """
        records = self._records(score)
        limit = z
        if limit is None:
            limit = limit_of(score, self.false_alarm / self.gates)
        return judge(score, records, against, limit, test)

    def _records(self, score: Score) -> list[RunRecord]:
        for known, records in reversed(self._made):
            if known is score:
                return records
        wanted = (score.problem, score.sampler, score.settings)
        for known, records in reversed(self._made):
            if (known.problem, known.sampler, known.settings) == wanted:
                return records
        raise ValueError("llc_gate judges scores that llc_run has made in this session")

    def _remaining(self) -> float | None:
        """Return the seconds left.

        Raises:
            Declined: If there are none.
        """
        if self.seconds is None:
            return None
        if self._deadline is None:
            self._deadline = time.monotonic() + self.seconds
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise Declined(f"--llc-time-budget of {self.seconds:g} s is used up")
        return left

    def _registered(self, specs: list[Spec]) -> list[RunRecord]:
        """Return the records of samplers that have a name."""
        installed = {entry.name for entry in entry_points(group="llcbench.samplers")}
        held = self.store.contents().records if specs[0].sampler in installed else {}
        outcome_of = run_specs(
            missing(specs, held), self.store, Serial(), seconds=self._remaining(), progress=False
        )
        made = {record.key: record for record in outcome_of.finished}
        cut = any(record.estimate.status == "timeout" for record in made.values())
        if self.seconds is not None and (outcome_of.unstarted or cut):
            raise Declined(f"--llc-time-budget of {self.seconds:g} s ended in this test")
        return [made.get(key) or held[key] for key in map(key_of, specs)]

    def _direct(self, specs: list[Spec], sampler: AnySampler) -> list[RunRecord]:
        """Return the records of a sampler that exists as an object only."""
        records = []
        for spec in specs:
            budget = Budget(seconds=self._remaining())
            records.append(record_of(spec, self._truths(spec), _estimate(spec, sampler, budget)))
            self.store.save(records[-1])
            if budget.seconds is not None and records[-1].estimate.status == "timeout":
                raise Declined(f"--llc-time-budget of {self.seconds:g} s ended in this test")
        return records

    def _truths(self, spec: Spec) -> Truths | None:
        key = truth_key(spec)
        truths = self.store.truths.load(key)
        if truths is None:
            truths = compute_truths(spec)
            self.store.truths.save(key, truths)
        return truths


def _named(sampler: Any) -> tuple[str, dict[str, Any], AnySampler | None]:
    """Return name and hyper-parameters of a sampler, and itself unless the name finds it."""
    built = as_sampler(sampler)
    if isinstance(sampler, str):
        return parse_sampler(sampler)[0], registry.parameters_of(built), None
    # No registered name has a dot, so these records are never taken for those of a named sampler.
    return f"object.{sampler_abilities.name(built)}", registry.parameters_of(built), built


def _estimate(spec: Spec, sampler: AnySampler, budget: Budget) -> Estimate:
    """Run a sampler; what it raises becomes a status, as in every run."""
    problem = registry.problem(spec.problem)
    try:
        context = RunContext(seeds_of(spec), budget)
        return MeanEnergy(sampler, spec.settings).estimate(problem, context)
    except Exception as error:
        return estimate_of(spec, failure_of(error))
