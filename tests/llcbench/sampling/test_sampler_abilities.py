"""What samplers may have on top, and what holds where they have it not."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

import llcbench
from llcbench import registry
from llcbench.samplers.function import factory
from llcbench.sampling import sampler_abilities as abilities
from llcbench.types import Declining, Draw, GradientCost, Parametrised, Preconditioned, Stepping

PACKAGE = Path(llcbench.__file__).parent


@dataclass(frozen=True)
class Bare:
    """A sampler with nothing but a step."""

    def init(self, theta, target, rng):
        return theta

    def step(self, state, target, rng):
        return state, Draw(state, torch.zeros(len(state)))


@dataclass(frozen=True)
class Able(Bare):
    """A sampler with everything."""

    step_size: float = 0.5
    grads_per_step: int = 3
    name: str = "able"

    @property
    def preconditioned(self) -> bool:
        return True

    def unsupported(self, target) -> str | None:
        return "never" if target.num_chains > 1 else ""


class NoDataclass:
    """A sampler of somebody who does not read."""

    step_size = 1


def target(chains: int = 2) -> llcbench.Target:
    return llcbench.Target(llcbench.problem("regular/d2"), 10.0, 1.0, chains)


def test_defaults_hold_for_a_sampler_without_abilities() -> None:
    bare = Bare()
    for ability in (Declining, GradientCost, Preconditioned, Parametrised, Stepping):
        assert not isinstance(bare, ability)
    assert abilities.unsupported(bare, target()) is None
    assert abilities.grads_per_step(bare) == 1
    assert abilities.preconditioned(bare) is False
    assert abilities.hyperparameters(bare) == {}
    assert abilities.step_size(bare) is None
    assert abilities.name(bare) == "bare"


def test_abilities_are_asked_for() -> None:
    able = Able()
    assert abilities.unsupported(able, target()) == "never"
    assert abilities.unsupported(able, target(1)) is None  # an empty text is no reason
    assert abilities.grads_per_step(able) == 3
    assert abilities.preconditioned(able) is True
    assert abilities.step_size(able) == 0.5
    assert abilities.name(able) == "able"
    assert abilities.with_hyperparameters(able, step_size=0.25) == Able(0.25)
    with pytest.raises(TypeError, match="bogus"):
        abilities.with_hyperparameters(able, bogus=1)


def test_a_function_has_its_keyword_arguments() -> None:
    def mine(theta, target, rng, *, step_size=1e-3, other=2):
        return theta, theta.sum(1)

    sampler = factory("mine", mine)()
    assert abilities.hyperparameters(sampler) == {"step_size": 1e-3, "other": 2}
    assert abilities.step_size(sampler) == 1e-3
    finer = abilities.with_hyperparameters(sampler, step_size=1e-4)
    assert abilities.hyperparameters(finer) == {"step_size": 1e-4, "other": 2}
    assert abilities.step_size(sampler) == 1e-3
    assert abilities.name(sampler) == "mine"
    assert not abilities.has_fields(sampler)
    assert abilities.has_fields(llcbench.SGLD())


def test_no_dataclass_has_no_hyperparameters_on_record() -> None:
    assert abilities.hyperparameters(NoDataclass()) == {}
    assert abilities.step_size(NoDataclass()) == 1.0


@pytest.mark.parametrize("name", registry.sampler_names())
def test_registered_samplers(name) -> None:
    sampler = registry.make_sampler(name, {})
    assert abilities.grads_per_step(sampler) >= 1
    parameters = abilities.hyperparameters(sampler)
    assert parameters == registry.parameters_of(sampler)
    assert registry.make_sampler(name, parameters) == sampler
    assert abilities.step_size(sampler) == parameters.get("step_size")


def test_nobody_looks_members_up_by_name() -> None:
    members = ("unsupported", "grads_per_step", "preconditioned", "parameters", "step_size")
    looked_up = [
        f"{path.relative_to(PACKAGE)}: {member}"
        for path in PACKAGE.rglob("*.py")
        for member in members
        if f'attr(sampler, "{member}"' in (text := path.read_text("utf-8"))
        or f'attr(built, "{member}"' in text
        or f'attr(self.sampler, "{member}"' in text
    ]
    assert looked_up == []
