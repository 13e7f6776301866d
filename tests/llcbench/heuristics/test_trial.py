"""The key of a trial: everything that decides its numbers, and nothing else."""

import msgspec
import pytest
from synthetic import design, experiment

from llcbench.heuristics.trial import Measuring, Trial
from llcbench.training.config import EntropySGD, Penalties, Training

TRIAL = Trial(data="digits", network="mlp-8", training=Training(stop="loss", stop_loss=0.5))
OTHERS = {
    "data": "mnist5k", "data_options": {"context": 3}, "samples": 7, "network": "mlp-9",
    "options": {"norm": "batch"}, "scheme": "he", "scale": 2.0, "seed": 1,
    "training": Training(), "measuring": Measuring(gamma=200.0),
}  # fmt: skip
TRAININGS = {
    "optimiser": "sam", "lr": 0.2, "momentum": 0.5, "batch_size": None, "weight_decay": 0.1,
    "sam_radius": 0.1, "entropy": EntropySGD(scope=0.1), "penalties": Penalties(jacobian=0.1),
    "label_noise": 0.1, "input_noise": 0.1, "steps": 9, "stop_loss": 0.4, "check_every": 5,
    "checkpoint_steps": (3,), "checkpoint_losses": (1.0,),
}  # fmt: skip
MEASURINGS = {
    "step_size": 2e-4, "gamma": 1.0, "nbeta": 5.0, "batch_size": None, "num_chains": 1,
    "num_burnin": 0, "num_draws": 9, "norm_controlled": False, "gc_samples": 0,
    "hessian_samples": 0, "hessian_products": 3, "hessian_tolerance": 0.1, "hessian_probes": 3,
}  # fmt: skip


def changed(base: msgspec.Struct, name: str, value: object) -> msgspec.Struct:
    return msgspec.structs.replace(base, **{name: value})


def test_every_field_changes_the_key() -> None:
    assert set(OTHERS) == set(Trial.__struct_fields__)
    assert set(TRAININGS) | {"stop", "nesterov"} == set(Training.__struct_fields__)
    assert set(MEASURINGS) == set(Measuring.__struct_fields__)
    trials = [changed(TRIAL, name, value) for name, value in OTHERS.items()]
    for field, base, others in (
        ("training", TRIAL.training, TRAININGS), ("measuring", TRIAL.measuring, MEASURINGS)
    ):  # fmt: skip
        trials += [changed(TRIAL, field, changed(base, n, v)) for n, v in others.items()]
    keys = {trial.key for trial in [TRIAL, *trials]}
    assert len(keys) == len(trials) + 1


def test_nothing_else_does() -> None:
    spelled = Trial(
        data="digits", network="mlp-8", scale=1, training=Training(stop="loss", stop_loss=0.5),
        measuring=Measuring(gamma=300), options={},
    )  # fmt: skip
    assert spelled.key == TRIAL.key
    two = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    assert len({changed(TRIAL, "options", options).key for options in two}) == 1
    again = msgspec.json.decode(msgspec.json.encode(TRIAL), type=Trial)
    assert again.key == TRIAL.key
    # Committed results are found by it: this one must never move.
    assert Trial(data="digits", network="mlp-8").key == KNOWN


KNOWN = "d0535a6068aa9ab4"


def test_experiments_share_trials_and_whole_seeds_come_first() -> None:
    one = experiment()
    two = msgspec.structs.replace(one, name="other", factor="another", claims=())
    trials = design(one, two, seeds=3).trials()
    assert [trial.seed for trial in trials] == [0] * 4 + [1] * 4 + [2] * 4
    assert trials == design(one, seeds=3).trials()
    assert len(design(one).trials(7)) == 28


@pytest.mark.parametrize(
    ("name", "value"),
    [("step_size", 0.0), ("gamma", -1.0), ("nbeta", float("nan")), ("nbeta", "n log n"),
     ("batch_size", 0), ("num_draws", 0), ("num_chains", 2.5),
     ("gc_samples", -1), ("hessian_probes", 1)],
)  # fmt: skip
def test_measuring_refuses(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        Measuring(**{name: value})
