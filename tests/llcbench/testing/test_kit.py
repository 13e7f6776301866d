from dataclasses import dataclass, replace

import pytest
import torch
import wrong_samplers as wrong

from llcbench.testing import (
    NotConforming,
    as_sampler,
    check_sampler,
    named_checks,
    sampler_checks,
)
from llcbench.testing.conformance.checks import check_gradients_counted
from llcbench.testing.conformance.fixtures import Spy, routes, spied, walk
from llcbench.types import Draw


def langevin(theta, target, rng, *, step_size=1e-3):
    _, grad, loss = target.potential_and_grad(theta)
    noise = torch.empty_like(theta).normal_(generator=rng)
    return theta - 0.5 * step_size * grad + step_size**0.5 * noise, loss


def two_halves(theta, target, rng, *, step_size=1e-3):
    """Two half steps: right in the limit, with half the bias of Euler-Langevin."""
    theta, _ = langevin(theta, target, rng, step_size=step_size / 2)
    return langevin(theta, target, rng, step_size=step_size / 2)


GOOD = [
    "sgld[step_size=1e-4]",
    "mala",
    "mala[spread=2]",
    "exact",
    "gibbs",
    "gibbs[rao_blackwell=false]",
    langevin,
    wrong.Sound(),
]


@pytest.mark.parametrize("sampler", GOOD, ids=lambda s: getattr(s, "__name__", str(s)))
def test_accepts(sampler):
    check_sampler(sampler)


def test_accepts_another_discretisation_when_told():
    named_checks(two_halves, langevin=False)["stationary_distribution"]()
    with pytest.raises(NotConforming, match="Euler-Langevin gives"):
        named_checks(two_halves)["stationary_distribution"]()


@pytest.mark.parametrize("check", sampler_checks("sgld[step_size=1e-4]"))
def test_parametrised_form(check):
    check()


def test_parameters_are_named():
    names = [parameter.id for parameter in sampler_checks("exact")]
    assert names == list(named_checks("exact"))
    assert len(set(names)) == len(names) >= 12


REJECTED = [
    (wrong.NoiseTooLarge(), "stationary_distribution", "factors of drift, noise"),
    (wrong.GammaDropped(), "stationary_distribution", "Euler-Langevin gives"),
    (wrong.NbetaDoubled(), "stationary_distribution", "Euler-Langevin gives"),
    (wrong.DriftDoubled(), "stationary_distribution", "Euler-Langevin gives"),
    (wrong.NbetaInLoss(), "stationary_distribution", "Euler-Langevin gives"),
    (wrong.AcceptsAll(), "stationary_distribution", "the target gives"),
    (wrong.ForgetsProposalDensity(), "stationary_distribution", "the target gives"),
    (wrong.ProposalOnly(), "stationary_distribution", "the target gives"),
    (wrong.NoiseTooLarge(), "virial", "less the part of Euler steps"),
    (wrong.GammaDropped(), "virial", "less the part of Euler steps"),
    (wrong.NbetaDoubled(), "virial", "less the part of Euler steps"),
    (wrong.AcceptsAll(), "virial", r"E\[r . grad U\] / d - 1 on"),
    (wrong.BiasThatStays(), "bias_shrinks", "at a quarter of it"),
    (wrong.SharedNoise(), "own_noise", "are at 1 points"),
    (wrong.PooledDrift(), "independent_chains", "the start of chain 0 changes chain 1"),
    (wrong.SharedBatch(), "independent_chains", "the minibatch of chain 0 changes chain 1"),
    (wrong.GlobalNoise(), "global_random_state", "generator of torch has moved"),
    (wrong.GlobalNoise(), "deterministic", "two runs with the same rng differ"),
    (wrong.SeedsGlobally(), "global_random_state", "generator of torch has moved"),
    (wrong.FixedSeed(), "deterministic", "rng is not used"),
    (wrong.MovesReference(), "inputs_kept", "changed w_star"),
    (wrong.KeepsFirstBatch(), "inputs_kept", "changed nbeta, gamma or batch"),
    (wrong.ScalesBatchInPlace(), "inputs_kept", "changed batch.0"),
    (wrong.HidesGradients(), "gradients_counted", "160 gradients were evaluated and 80 counted"),
    (wrong.HidesLayers(), "gradients_counted", "80 gradients were evaluated and 0 counted on dln"),
    (wrong.CountsLayersOnce(), "gradients_counted", "160 gradients were evaluated and 80 counted"),
    (wrong.HidesBuffer(), "gradients_counted", "160 gradients were evaluated and 80 counted"),
    (wrong.IgnoresBudget(), "budget", "do not catch it"),
    (wrong.HidesNaN(), "not_finite", "ends as 'ok'"),
    (wrong.RaisesOnNaN(), "not_finite", "raised FloatingPointError"),
    (wrong.StaysPut(), "moves", "are at w_star"),
    (wrong.MeanLoss(), "shapes", "loss must be one number a chain"),
    (wrong.AlwaysDouble(), "shapes", "theta must stay torch.float32"),
    (wrong.NotFrozen(), "parameters", "frozen=True"),
    (wrong.NoDataclass(), "parameters", "frozen=True"),
    (wrong.HoldsLambda(), "parameters", "schedule must be a plain value"),
    (wrong.HoldsLambda(), "pickles", "cannot be pickled"),
    (wrong.DeclinesAll(), "moves", "nothing to run it on"),
]


@pytest.mark.parametrize(
    ("sampler", "check", "message"),
    REJECTED,
    ids=[f"{type(sampler).__name__}-{check}" for sampler, check, _ in REJECTED],
)
def test_rejects(sampler, check, message):
    with pytest.raises(NotConforming, match=message):
        named_checks(sampler)[check]()


@dataclass(frozen=True)
class Layerwise:
    """Sound steps on the route that production takes for large layers."""

    step_size: float = 1e-3

    def init(self, theta, target, rng):
        return theta

    def step(self, state, target, rng):
        if not target.num_parts:
            return wrong.move(state, target, rng, self.step_size)
        gradients = []
        loss = target.loss_and_visit(state, gradients.append)
        for gradient in gradients:
            part = state[:, gradient.start : gradient.stop]
            gradient.add_to(part, -0.5 * self.step_size * target.nbeta)
        return state, Draw(state, loss)


def test_layerwise_gradients_are_offered_and_counted():
    targets = routes(Layerwise())
    for target in targets:
        target.next_batch(torch.Generator().manual_seed(0))
    assert [target.num_parts for target in targets] == [0, 0, 3]
    check_gradients_counted(Layerwise())
    for wrapped in (Spy(target.loss) for target in targets):
        assert wrapped.placed("cpu", "full") is wrapped
        assert wrapped.dtype() == torch.float64
    # Where the loss hides what it can do, as the spy once did, the cheat is not seen.
    for sampler, seen in ((Layerwise(), 80), (wrong.HidesLayers(), 80)):
        target, record = spied(targets[-1])
        walk(sampler, target, 10)
        assert record.visits == record.gradients == seen
    blind = replace(targets[-1], bound=Blind(targets[-1].loss))
    walk(wrong.HidesLayers(), blind, 10)
    assert blind.loss.gradients == blind.grad_evals == 80


class Blind:
    """Counts gradients of a loss without its abilities."""

    def __init__(self, loss):
        self.draw, self.excess, self.baseline = loss.draw, loss.excess, loss.baseline
        self.autograd, self.gradients, self._loss = False, 0, loss

    def excess_and_grad(self, theta, batch):
        self.gradients += len(theta)
        return self._loss.excess_and_grad(theta, batch)


@pytest.mark.parametrize("name", ["kfac_sgld", "gibbs", "sgld[step_size=1e-4]", "mala", "exact"])
def test_samplers_decline_no_route_but_those_they_must(name):
    found = [target.problem.id for target in routes(as_sampler(name))]
    print(f"{name}: {', '.join(found)}")
    assert len(found) == {"gibbs": 1, "exact": 1, "mala": 1, "kfac_sgld": 2}.get(name, 3)


def test_report_names_every_failed_check():
    with pytest.raises(NotConforming) as caught:
        check_sampler(wrong.GlobalNoise())
    text = str(caught.value)
    assert text.startswith("3 checks failed")
    assert "independent_chains: the start" in text
    assert "deterministic: two runs" in text
    assert "global_random_state: the global generator" in text


def test_report_survives_what_a_sampler_raises():
    def broken(theta, target, rng, *, step_size=1e-3):
        raise KeyError("oops")

    with pytest.raises(NotConforming, match="shapes: KeyError: 'oops'"):
        check_sampler(broken)


def test_as_sampler():
    assert as_sampler(wrong.Sound) == wrong.Sound()
    assert as_sampler("sgld[step_size=1e-3]").step_size == 1e-3
    assert as_sampler(langevin).parameters == {"step_size": 1e-3}
    with pytest.raises(TypeError, match="is no sampler"):
        as_sampler(3)
    with pytest.raises(ValueError, match="did you mean 'sgld'"):
        as_sampler("sgldd")
