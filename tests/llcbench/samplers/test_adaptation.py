"""Adaptation ends where a sampler says, and with the burn-in at the latest."""

from dataclasses import dataclass

import pytest
import torch

import llcbench
from llcbench import GHMC, HMC, MALA, SGLD, Gibbs, MeanEnergy, Settings
from llcbench.estimators.two_temperatures import TwoTemperatures
from llcbench.samplers.function import factory
from llcbench.samplers.kfac import KFACSGLD, REFRESH
from llcbench.samplers.mclmc import AdjustedMCLMC
from llcbench.sampling import sampler_abilities as abilities
from llcbench.sampling.loop import sample
from llcbench.sampling.target import Target
from llcbench.types import Adaptive, Draw

ADAPT = 2 * REFRESH
KERNELS = {
    "mala": MALA(adapt=ADAPT),
    "mala, spread": MALA(adapt=ADAPT, spread=1.0),
    "hmc": HMC(adapt=ADAPT),
    "ghmc": GHMC(adapt=ADAPT),
    "ghmc, one step size": GHMC(adapt=ADAPT, spread=0.0),
    "adjusted_mclmc": AdjustedMCLMC(adapt=ADAPT),
    "kfac_sgld": KFACSGLD(adapt=ADAPT),
}
PROBLEM = llcbench.problem("rrr/2-2-2/r1")


def target_of(chains=8):
    target = Target(PROBLEM, 100.0, 1.0, chains)
    target.next_batch(torch.Generator().manual_seed(0))
    return target


def tuned(state) -> list[torch.Tensor]:
    """Return what a sampler has learnt."""
    if hasattr(state, "step_size"):
        return [torch.tensor(state.step_size, dtype=torch.float64)]
    if hasattr(state, "log_step"):
        return [state.log_step.clone()]
    parts = [*state.factors, *state.layers]
    return [tensor.clone() for part in parts for tensor in part]


def learnt(sampler, steps):
    """Return what it has learnt after each of some steps."""
    target, rng = target_of(), torch.Generator().manual_seed(1)
    state = sampler.init(target.start(), target, rng)
    history = [tuned(state)]
    for _ in range(steps):
        state, _ = sampler.step(state, target, rng)
        history.append(tuned(state))
    return history


def differs(one, other):
    return any(not torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("name", KERNELS)
def test_the_kernel_changes_up_to_its_last_step_of_adaptation_and_not_after_it(name):
    history = learnt(KERNELS[name], ADAPT + 3 * REFRESH)
    assert abilities.adaptation(KERNELS[name]) == ADAPT
    for step in range(ADAPT):
        assert differs(history[step], history[step + 1]), f"step {step + 1} adapts"
    for step in range(ADAPT, len(history) - 1):
        assert not differs(history[step], history[step + 1]), f"step {step + 1} does not"


@pytest.mark.parametrize("name", KERNELS)
def test_all_adaptive_samplers_say_so(name):
    assert isinstance(KERNELS[name], Adaptive)
    assert abilities.adapting_within(KERNELS[name], ADAPT) is KERNELS[name]
    shorter = abilities.adapting_within(KERNELS[name], 7)
    assert abilities.adaptation(shorter) == 7
    parameters = abilities.hyperparameters(KERNELS[name]) | {"adapt": 7}
    assert abilities.hyperparameters(shorter) == parameters


@dataclass(frozen=True)
class Reporting:
    """Records in which steps it still adapts."""

    log: list
    adapt: int = 500

    def init(self, theta, target, rng):
        return theta, 0

    def step(self, state, target, rng):
        theta, count = state
        self.log.append(count < self.adapt)
        theta = torch.empty_like(theta).normal_(generator=rng)
        return (theta, count + 1), Draw(theta, target.loss.excess(theta, target.batch))


@pytest.mark.parametrize(("burnin", "adapting"), [(0, 0), (20, 20), (60, 40), (40, 40)])
def test_the_loop_ends_adaptation_with_the_burnin(burnin, adapting):
    log: list[bool] = []
    rng = torch.Generator().manual_seed(0)
    sample(
        target_of(), Reporting(log, adapt=40), num_draws=30, num_burnin=burnin,
        noise=rng, batches=rng,
    )  # fmt: skip
    assert log == [True] * adapting + [False] * (burnin + 30 - adapting)


@pytest.mark.parametrize("identifier", ["rrr/2-2-2/r1", "rrr/2-2-2/r1/n200"])
@pytest.mark.parametrize("estimator", [MeanEnergy, TwoTemperatures])
def test_every_estimator_ends_it_and_says_so(identifier, estimator):
    """Also through the wrapper that records the response to label noise."""
    problem = llcbench.problem(identifier)
    log: list[bool] = []
    settings = Settings(nbeta=100.0, num_chains=4, num_draws=20, num_burnin=10)
    found = estimator(Reporting(log), settings).estimate(problem)
    runs = 1 if estimator is MeanEnergy else 2
    assert log == ([True] * 10 + [False] * 20) * runs
    (guard,) = [guard for guard in found.guards if guard.name == "adaptation"]
    assert not guard.passed
    assert (guard.value, guard.limit) == (500.0, "<= 10")
    enough = estimator(Reporting([], adapt=10), settings).estimate(problem)
    assert "adaptation" not in {guard.name for guard in enough.guards}


@pytest.mark.parametrize("kind", [MALA, GHMC])
def test_a_long_adaptation_gives_the_numbers_of_one_as_long_as_the_burnin(kind):
    settings = Settings(nbeta=100.0, num_chains=4, num_draws=50, num_burnin=30)
    cut, fair = (
        MeanEnergy(kind(adapt=adapt), settings).estimate(PROBLEM).llc_per_chain
        for adapt in (500, 30)
    )
    assert cut == fair
    control = MeanEnergy(kind(adapt=29), settings).estimate(PROBLEM).llc_per_chain
    assert control != fair


def test_a_function_with_that_argument_is_adaptive():
    def step(theta, target, rng, *, adapt=500, step_size=0.1):
        return theta, target.loss.excess(theta, target.batch)

    made = factory("mine", step)()
    assert abilities.adaptation(made) == 500
    assert abilities.adapting_within(made, 9).parameters == {"adapt": 9, "step_size": 0.1}


def test_an_argument_of_that_name_that_is_no_count_is_another_one():
    def step(theta, target, rng, *, adapt=True):
        return theta, target.loss.excess(theta, target.batch)

    made = factory("mine", step)()
    assert abilities.adaptation(made) == 0
    assert abilities.adapting_within(made, 0) is made


class Stubborn:
    """An adaptive sampler without that hyper-parameter."""

    adapt = 10

    def init(self, theta, target, rng):
        return theta

    def step(self, state, target, rng):
        return state, Draw(state, target.loss.excess(state, target.batch))


def test_one_that_cannot_be_told_is_refused():
    with pytest.raises(ValueError, match="stubborn adapts in its first 10 steps and num_burnin=9"):
        abilities.adapting_within(Stubborn(), 9)
    assert isinstance(abilities.adapting_within(Stubborn(), 10), Stubborn)


@pytest.mark.parametrize("sampler", [SGLD(), Gibbs()])
def test_others_do_not_adapt(sampler):
    assert abilities.adaptation(sampler) == 0
    assert abilities.adapting_within(sampler, 0) is sampler
