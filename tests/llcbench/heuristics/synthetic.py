"""Records with values that are chosen, not measured."""

from collections.abc import Callable

import numpy as np

from llcbench.heuristics.design import Arm, ClaimedEffect, Design, Experiment
from llcbench.heuristics.trial import Local, Measured, Trial, TrialRecord
from llcbench.training.config import Training

LEVELS = (0.25, 0.5, 1.0, 2.0)


def experiment(claimed: str | None = "down", levels: tuple[float, ...] = LEVELS) -> Experiment:
    """Return an experiment on learning rates at a matched loss."""
    arms = []
    for level in levels:
        training = Training(lr=level, stop="loss", stop_loss=0.1)
        trial = Trial(data="digits", network="mlp-8", training=training)
        arms.append(Arm(name=f"{level:g}", level=level, trial=trial))
    claims = (
        () if claimed is None else (ClaimedEffect(measure="llc", direction=claimed, source="here"),)
    )
    return Experiment(name="lr", factor="learning rate", claims=claims, arms=tuple(arms))


def design(*experiments: Experiment, seeds: int = 5) -> Design:
    """Return a design."""
    return Design(name="d", title="t", version=1, seeds=seeds, experiments=experiments)


def record(trial: Trial, llc: float | None, status: str = "ok", **values: float) -> TrialRecord:
    """Return a finished trial with one checkpoint."""
    local = Local(status="ok" if llc is not None else "not_finite", value=llc, nbeta=1, gamma=1)
    losses = {"train_loss": 0.1, "test_loss": 0.2, "train_error": 0.0, "test_error": 0.0}
    point = Measured(step=1, gradients=1, reasons=("end",), llc=local, **(losses | values))
    return TrialRecord(
        key=trial.key, trial=trial, digest="x", status=status, measured=[point], environment="e"
    )


def records(
    chosen: Experiment, seeds: int, value: Callable[[int, float, np.random.Generator], float],
    rng: np.random.Generator,
) -> dict[str, TrialRecord]:  # fmt: skip
    """Return records of all arms and seeds with coefficients from a rule."""
    made = [
        record(arm.trial.at_seed(seed), value(seed, arm.level, rng))
        for seed in range(seeds)
        for arm in chosen.arms
    ]
    return {result.key: result for result in made}
