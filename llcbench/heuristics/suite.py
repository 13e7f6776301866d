"""Suites of experiments: TOML files, and the designs that they describe."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from llcbench.foreign import reading
from llcbench.heuristics.design import Arm, ClaimedEffect, Design, Experiment, Measure, Scale
from llcbench.heuristics.trial import Trial
from llcbench.registry import unknown

FOLDER = Path(__file__).with_name("suites")
# A chain that feels its localisation less often than this reads how far it diffused.
FELT = 2.0


class PartialTrial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a trial as far as a place of the file gives them; see `Trial`."""

    data: str | None = None
    data_options: dict[str, Any] | None = None
    samples: int | None = None
    network: str | None = None
    options: dict[str, Any] | None = None
    scheme: str | None = None
    scale: float | None = None
    training: dict[str, Any] = {}
    measuring: dict[str, Any] = {}


class ArmText(PartialTrial, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An arm in a file: a level and what it overrides; its name is the level unless given."""

    level: float
    name: str = ""


class ExperimentText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An experiment in a file; see `Experiment`."""

    name: str
    factor: str
    arm: list[ArmText]
    abscissa: Scale = "log"
    at: Literal["end", "checkpoints"] = "end"
    against: Measure | None = None
    claim: list[ClaimedEffect] = []
    settings: PartialTrial = PartialTrial()


class Preset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Experiments at one scale of effort: those of the file, or those of its ``[paper]``."""

    seeds: int
    experiment: list[ExperimentText]
    defaults: PartialTrial = PartialTrial()
    diffusive: bool = False


class TrialSuite(Preset, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file says.

    Attributes:
        title: One line.
        version: Raised when its meaning changes.
        seeds: Repetitions of every arm.
        defaults: Settings of all trials.
        experiment: The blocks.
        diffusive: Whether chains that hardly feel their localisation are meant, as in some papers.
        paper: The same with the settings of the papers.
    """

    title: str
    version: int
    paper: Preset | None = None


def load(name: str, preset: str = "cpu") -> Design:
    """Read a suite by its name, or from a file ending in ``.toml``.

    Raises:
        ValueError: If there is no such suite or preset, or the file does not follow the format.
    """
    if name.endswith(".toml"):
        path = Path(name)
        if not path.exists():
            raise ValueError(f"suite file {name!r} does not exist")
    else:
        if name not in names():
            raise unknown("suite of heuristics", name, names())
        path = FOLDER / f"{name}.toml"
    try:
        suite = reading.toml_as(path, TrialSuite)
        chosen = _preset(suite, preset)
        experiments = tuple(_experiment(block, chosen) for block in chosen.experiment)
    except ValueError as error:
        raise ValueError(f"suite {name!r}: {error}") from error
    called = [experiment.name for experiment in experiments]
    if len(set(called)) < len(called):
        raise ValueError(f"suite {name!r}: two experiments have one name")
    return Design(
        name=path.stem if preset == "cpu" else f"{path.stem}-{preset}",
        title=suite.title,
        version=suite.version,
        seeds=chosen.seeds,
        experiments=experiments,
    )


def names() -> list[str]:
    """Return the names of the suites that come along."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def check(design: Design) -> None:
    """Load the data and build the networks of a design once, so that nothing fails hours later.

    Raises:
        ValueError: If one of them is unknown or cannot be had, or a setting does not suit.
    """
    from llcbench.heuristics.execute import data_of, network_of

    seen: dict[bytes, Any] = {}
    for trial in design.trials(1):
        where = msgspec.json.encode([trial.data, trial.data_options, trial.samples])
        if where not in seen:
            seen[where] = data_of(trial)
        network_of(trial, seen[where])


def _preset(suite: TrialSuite, preset: str) -> Preset:
    if preset == "cpu":
        return suite
    if preset != "paper" or suite.paper is None:
        known = "cpu, paper" if suite.paper is not None else "cpu"
        raise ValueError(f"preset {preset!r} is unknown: take {known}")
    return suite.paper


def _experiment(block: ExperimentText, preset: Preset) -> Experiment:
    arms = []
    for text in block.arm:
        name = text.name or f"{text.level:g}"
        try:
            trial = _trial(preset.defaults, block.settings, text)
        except (msgspec.ValidationError, ValueError) as error:
            raise ValueError(f"experiment {block.name}, arm {name}: {error}") from error
        if trial.measuring.felt < FELT and not preset.diffusive:
            raise ValueError(
                f"experiment {block.name}: step_size * gamma * num_draws / 2 is"
                f" {trial.measuring.felt:g}, below {FELT:g}: lengthen the chains, or set"
                " diffusive = true"
            )
        arms.append(Arm(name=name, level=text.level, trial=trial))
    return Experiment(
        name=block.name,
        factor=block.factor,
        scale=block.abscissa,
        at=block.at,
        against=block.against,
        claims=tuple(block.claim),
        arms=tuple(arms),
    )


def _trial(*layers: PartialTrial) -> Trial:
    """Merge settings, later ones over earlier ones."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = _merged(
            merged, {name: getattr(layer, name) for name in PartialTrial.__struct_fields__}
        )
    if missing := [name for name in ("data", "network") if name not in merged]:
        raise ValueError(f"{missing[0]} is not given")
    return msgspec.convert(merged, Trial)


def _merged(first: dict[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with later ones over them; ``none`` stands for None, which TOML lacks."""
    both = dict(first)
    for key, value in second.items():
        old = both.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            both[key] = _merged(old, value)
        elif value is not None:
            both[key] = None if value == "none" else value
    return both
