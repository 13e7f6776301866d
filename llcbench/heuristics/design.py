"""What trials are for: experiments with their arms, claims and published directions."""

from typing import Literal, get_args

import msgspec

from llcbench.checks import check_size
from llcbench.heuristics.trial import Trial

Scale = Literal["log", "linear", "order"]
Direction = Literal["up", "down"]
Measure = Literal[
    "llc",
    "llc_normed",
    "gc",
    "top",
    "trace",
    "norm",
    "train_loss",
    "test_loss",
    "test_error",
    "gradients",
]
# Trials of a suite, as of runs in `llcbench.run.sizes`.
MOST_TRIALS = 200_000
MEASURES: tuple[Measure, ...] = get_args(Measure)


class ClaimedEffect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A published statement.

    Attributes:
        measure: What moves.
        direction: Which way when the level rises.
        source: Where it says so, and for what.
    """

    measure: Measure
    direction: Direction
    source: str


class Arm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One setting of the factor.

    Attributes:
        name: What tables call it.
        level: The setting as a number.
        trial: What is done there, at seed 0.
    """

    name: str
    level: float
    trial: Trial


class Experiment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A factor, what is published on it, and the arms that vary it.

    Attributes:
        name: Short.
        factor: What is varied.
        scale: How a level becomes an abscissa: its logarithm to base 2, itself, or its rank.
        at: ``end`` compares the ends of the trainings of all arms; ``checkpoints`` compares the
            checkpoints of the one arm after its start, with gradients as levels.
        against: A measure that takes the place of the level: the effect is then the rank
            correlation with it over the arms of a seed.
        claims: What is published.
        arms: Settings; one if ``at`` is ``checkpoints``, at least two otherwise.
    """

    name: str
    factor: str
    scale: Scale = "log"
    at: Literal["end", "checkpoints"] = "end"
    against: Measure | None = None
    claims: tuple[ClaimedEffect, ...] = ()
    arms: tuple[Arm, ...]

    def __post_init__(self) -> None:
        levels = [arm.level for arm in self.arms]
        names = [arm.name for arm in self.arms]
        single = self.at == "checkpoints"
        if single != (len(self.arms) == 1) or not self.arms:
            count = "one arm" if single else "at least two arms"
            raise ValueError(
                f"experiment {self.name}: at = {self.at!r} takes {count}, got {len(names)}"
            )
        if len(set(names)) < len(names) or len(set(levels)) < len(levels):
            raise ValueError(f"experiment {self.name}: two arms have one name or one level")
        if self.scale == "log" and not single and min(levels) <= 0:
            raise ValueError(
                f"experiment {self.name}: level {min(levels):g} has no logarithm: set scale to"
                " linear or order"
            )

    @property
    def matched(self) -> bool:
        """Whether all trainings end at a loss, not at a time."""
        return all(arm.trial.training.stop != "steps" for arm in self.arms)


class Design(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="design"):
    """The experiments of a suite.

    Attributes:
        name: Of the suite, with the preset if it is not the first one.
        title: One line.
        version: Raised when its meaning changes.
        seeds: Repetitions of every arm unless told otherwise.
        experiments: The blocks.
    """

    name: str
    title: str
    version: int
    seeds: int
    experiments: tuple[Experiment, ...]

    def trials(self, seeds: int | None = None) -> list[Trial]:
        """Return all trials, each once, with the seeds one after the other.

        A run that is cut short then has whole seeds, which is what pairs need.

        Raises:
            ValueError: If the number of seeds is not positive.
        """
        count = self.seeds if seeds is None else seeds
        if count < 1:
            raise ValueError(f"seeds must be at least 1, got {count}")
        arms = [arm for experiment in self.experiments for arm in experiment.arms]
        check_size(f"suite {self.name}", "trials", count * len(arms), MOST_TRIALS,
                   hint="give fewer seeds")  # fmt: skip
        trials = [arm.trial.at_seed(seed) for seed in range(count) for arm in arms]
        return list({trial.key: trial for trial in trials}.values())

    def only(self, names: tuple[str, ...]) -> "Design":
        """Return the design with some of its experiments, all of them for no name.

        Raises:
            ValueError: If there is no such experiment.
        """
        known = [experiment.name for experiment in self.experiments]
        for name in names:
            if name not in known:
                raise ValueError(f"no experiment {name!r} in {self.name}: {', '.join(known)}")
        chosen = tuple(e for e in self.experiments if not names or e.name in names)
        return msgspec.structs.replace(self, experiments=chosen)
