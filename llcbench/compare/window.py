"""How wide the range of good step sizes is, from runs at several of them."""

import math
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

import msgspec

from llcbench.compare.entries import MEAN_ENERGY, Case, case_of
from llcbench.compare.runs import CAP, runs_of, slots_of
from llcbench.records import RunRecord, text

# A step size is good if the bias is below this, relative to the tempered truth.
GOOD = 0.1
# Fewer step sizes than this are no ladder.
RUNGS = 3


class LadderRung(msgspec.Struct, frozen=True):
    """One step size of a ladder.

    Attributes:
        step_size: The step size.
        bias: Mean relative error of the runs with an estimate; None if all failed.
        stderr: Its standard error over replicates, None for a single one.
        failed: Share of runs that failed.
    """

    step_size: float
    bias: float | None
    stderr: float | None
    failed: float

    @property
    def good(self) -> bool:
        """Whether the bias is small, failed runs counting as wrong by 100 %."""
        alive = (1 - self.failed) * abs(self.bias) if self.bias is not None else 0.0
        return self.failed * CAP + alive < GOOD


class Ladder(msgspec.Struct, frozen=True, kw_only=True):
    """A sampler at several step sizes on one problem, all else equal.

    Attributes:
        sampler: Name of the sampler.
        estimator: Estimator with its options.
        problem: Id of the problem.
        nbeta: Inverse temperature as it was asked for.
        rungs: Step sizes in ascending order.
    """

    sampler: str
    estimator: str
    problem: str
    nbeta: str
    rungs: tuple[LadderRung, ...]

    @property
    def name(self) -> str:
        """Return the sampler, with the estimator unless it is the mean energy."""
        suffix = "" if self.estimator == MEAN_ENERGY else f":{self.estimator}"
        return f"{self.sampler}{suffix}"

    @property
    def window(self) -> "Window":
        """Return the widest run of neighbouring good step sizes.

        Its width is between the outermost good ones, so a finer ladder can only widen it; it is
        open where the ladder ends before the bias does.
        """
        best = Window(None, None, False)
        start: int | None = None
        last = len(self.rungs) - 1
        for place, rung in enumerate(self.rungs):
            if not rung.good:
                start = None
                continue
            start = place if start is None else start
            window = Window(
                self.rungs[start].step_size, rung.step_size, start == 0 or place == last
            )
            # A tie goes to the later one: the same window, now known to be open.
            if best.low is None or window.decades >= best.decades:
                best = window
        return best


class Window(msgspec.Struct, frozen=True):
    """A range of step sizes with a bias below 10 %.

    Attributes:
        low: Smallest good step size, None if there is none.
        high: Largest one.
        open: Whether an end of the ladder is inside, so that the width is a lower bound.
    """

    low: float | None
    high: float | None
    open: bool

    @property
    def decades(self) -> float:
        """Return the width in decades, 0 for at most one good step size."""
        return math.log10(self.high / self.low) if self.low and self.high else 0.0


class Width(msgspec.Struct, frozen=True):
    """The width of a sampler's window over problems.

    Attributes:
        decades: Median over problems.
        bound: Whether it is a lower bound, as it is if the window of any problem is open.
        problems: Problems with a ladder.
    """

    decades: float
    bound: bool
    problems: int


def ladders(records: Iterable[RunRecord]) -> list[Ladder]:
    """Return all ladders of at least three step sizes.

    Runs belong to one ladder if they differ in nothing but the step size and the replicate. Tuned
    runs belong to none: their step sizes were chosen by looking.
    """
    groups: dict[tuple[str, str, Case, str], list[RunRecord]] = {}
    for record in records:
        spec = record.spec
        step = spec.parameters.get("step_size")
        if spec.variant == "tuned" or not isinstance(step, int | float) or step <= 0:
            continue
        rest: dict[str, Any] = {k: v for k, v in spec.parameters.items() if k != "step_size"}
        rest |= msgspec.structs.asdict(spec.settings) | {"code": spec.code}
        same = ",".join(f"{key}={text(value)}" for key, value in sorted(rest.items()))
        groups.setdefault((spec.sampler, spec.estimator, case_of(spec), same), []).append(record)
    complete = []
    for (sampler, estimator, case, _), group in sorted(groups.items()):
        rungs = _rungs(group, case)
        if len(rungs) >= RUNGS:
            complete.append(Ladder(
                sampler=sampler, estimator=estimator, problem=case.problem, nbeta=case.nbeta,
                rungs=rungs,
            ))  # fmt: skip
    return complete


def widths(ladders: Sequence[Ladder]) -> dict[tuple[str, str], Width]:
    """Return the width of every sampler and estimator with a ladder."""
    groups: dict[tuple[str, str], list[Window]] = {}
    for ladder in ladders:
        groups.setdefault((ladder.sampler, ladder.estimator), []).append(ladder.window)
    return {
        key: Width(median(w.decades for w in group), any(w.open for w in group), len(group))
        for key, group in groups.items()
    }


def _rungs(group: list[RunRecord], case: Case) -> tuple[LadderRung, ...]:
    by_step: dict[float, list[RunRecord]] = {}
    for record in group:
        by_step.setdefault(float(record.spec.parameters["step_size"] or 0), []).append(record)
    rungs = []
    for step, members in sorted(by_step.items()):
        runs = runs_of(members, [case], slots_of(members))
        tried = runs.tried[0] == 1
        if not tried.any():
            continue
        errors = runs.error[0][runs.failed[0] == 0]
        errors = errors[errors == errors]
        stderr = float(errors.std(ddof=1) / len(errors) ** 0.5) if len(errors) > 1 else None
        bias = float(errors.mean()) if len(errors) else None
        failed = float(runs.failed[0][tried].mean())
        if bias is not None or failed == 1:
            rungs.append(LadderRung(step, bias, stderr, failed))
    return tuple(rungs)
