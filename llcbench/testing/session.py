"""One test session: runs samplers, keeps what it made, and judges the scores."""

import time
from dataclasses import dataclass, field
from typing import Any, final

from llcbench import registry
from llcbench.records import Estimate, RunRecord, Spec, Truths
from llcbench.run.execute import compute_truths, estimate_of, record_of, seeds_of, truth_key
from llcbench.run.executors.executor import Serial
from llcbench.run.failure import failure_of
from llcbench.run.plan import missing
from llcbench.run.runs import run_specs
from llcbench.run.store import RunStore, key_of
from llcbench.scoring import Score, scores
from llcbench.testing.gate import Verdict, is_installed, judge
from llcbench.testing.given import judge_number
from llcbench.testing.limits import MEAN_ENERGY
from llcbench.testing.subjects import Subject, subject_of
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
        sampler: Any = None,
        *,
        estimator: Any = MEAN_ENERGY,
        replicates: int = 3,
        **options: Any,
    ) -> Score:
        """Run what the store does not hold yet, and score all replicates.

        Runs of a sampler or an estimator that no installed package registers are made anew every
        time: the record of a run does not tell that the code has changed.

        Args:
            problem: Its id.
            sampler: A text such as ``sgld[step_size=1e-4]``, a sampler, or a step function.
            estimator: A text such as ``regression[rungs=6]``, or an estimator, which holds its
                sampler itself and its settings, if it has fields of these names.
            replicates: Repetitions, each with its own data, batches and noise.
            options: Settings, `llcbench.testing.subjects.OPTIONS` if they are not given.

        Raises:
            Declined: If the problem is too large or the time is used up.
            TypeError: If sampler or estimator are none, or there is no such setting.
            ValueError: If a name, an option or a value is not admissible.
        """
        resolved = registry.problem(problem)
        if self.max_dim is not None and resolved.dim > self.max_dim:
            raise Declined(
                f"{problem} has {resolved.dim} parameters, --llc-max-dim is {self.max_dim}"
            )
        subject = subject_of(sampler, estimator, options)
        specs = [
            Spec(
                problem=problem,
                problem_version=resolved.version,
                estimator=subject.estimator,
                sampler=subject.sampler,
                parameters=subject.parameters,
                settings=subject.settings,
                seed=self.seed,
                replicate=replicate,
            )
            for replicate in range(self.replicates or replicates)
        ]
        if subject.built is None:
            records = self._registered(specs)
        else:
            records = self._direct(specs, subject)
        (score,) = scores(records)
        self._made.append((score, records))
        return score

    def gate(self, test: str, result: Any, *arguments: Any, **options: Any) -> Verdict:
        """Judge a score that `run` has made, or a number: ``llc_gate`` without the test it is in.

        Raises:
            TypeError: If the arguments are those of neither.
            ValueError: If a value is not admissible.
        """
        if isinstance(result, Score):
            return self._score(test, result, *arguments, **options)
        if "problem" not in options:
            raise TypeError(
                "llc_gate takes a score of llc_run, or a number with an error and a problem:"
                f" llc_gate(value, stderr, problem='poly/x2'); got {result!r}"
            )
        return self._number(test, result, *arguments, **options)

    def _score(
        self, test: str, score: Score, against: str = "tempered", z: float | None = None
    ) -> Verdict:
        return self.verdict(score, against, z, test)

    def _number(
        self, test: str, value: Any, stderr: Any, *, problem: str, **options: Any
    ) -> Verdict:
        return judge_number(value, stderr, problem, test, false_alarm=self.share, **options)

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
        return judge(score, records, against, test, false_alarm=self.share, z=z)

    @property
    def share(self) -> float:
        """The false alarm of one gate."""
        return self.false_alarm / self.gates

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
        held = self.store.contents().records if is_installed(specs[0]) else {}
        outcome_of = run_specs(
            missing(specs, held), self.store, Serial(), seconds=self._remaining(), progress=False
        )
        made = {record.key: record for record in outcome_of.finished}
        cut = any(record.estimate.status == "timeout" for record in made.values())
        if self.seconds is not None and (outcome_of.unstarted or cut):
            raise Declined(f"--llc-time-budget of {self.seconds:g} s ended in this test")
        return [made.get(key) or held[key] for key in map(key_of, specs)]

    def _direct(self, specs: list[Spec], subject: Subject) -> list[RunRecord]:
        """Return the records of a sampler or an estimator that exists as an object only."""
        records = []
        for spec in specs:
            budget = Budget(seconds=self._remaining())
            truths = self._truths(spec, subject)
            records.append(record_of(spec, truths, _estimate(spec, subject, budget)))
            self.store.save(records[-1])
            if budget.seconds is not None and records[-1].estimate.status == "timeout":
                raise Declined(f"--llc-time-budget of {self.seconds:g} s ended in this test")
        return records

    def _truths(self, spec: Spec, subject: Subject) -> Truths | None:
        if subject.own:
            return compute_truths(spec, subject.built)
        key = truth_key(spec)
        truths = self.store.truths.load(key)
        if truths is None:
            truths = compute_truths(spec)
            self.store.truths.save(key, truths)
        return truths


def _estimate(spec: Spec, subject: Subject, budget: Budget) -> Estimate:
    """Run an estimator; what it raises becomes a status, as in every run."""
    problem = registry.problem(spec.problem)
    assert subject.built is not None
    try:
        return subject.built.estimate(problem, RunContext(seeds_of(spec), budget))
    except Exception as error:
        return estimate_of(spec, failure_of(error))
