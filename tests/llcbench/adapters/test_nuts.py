"""The No-U-Turn sampler of blackjax on a second implementation of the losses."""

import numpy as np
import pytest
import torch

import llcbench
from llcbench import registry
from llcbench.adapters import nuts, nuts_warmup
from llcbench.adapters.jax_density import excess, log_density
from llcbench.adapters.nuts import NUTS
from llcbench.adapters.packages import load, missing
from llcbench.run.plan import with_grads
from llcbench.seeds import Seeds

pytestmark = pytest.mark.skipif(missing("blackjax") is not None, reason=str(missing("blackjax")))
DATA = "rrr/2-2-2/r1/n1000"


@pytest.mark.parametrize("name", ["regular/d3/n50", "poly/two-component-line", DATA])
def test_losses_in_jax_are_ours(name):
    jax = load("jax")
    problem = llcbench.problem(name)
    data = problem.sample_data(torch.Generator().manual_seed(0))
    target = llcbench.Target(problem, 7.0, 3.0, 4, data)
    target.next_batch(torch.Generator())
    theta = target.start(torch.Generator().manual_seed(1))
    _, grad, loss = target.potential_and_grad(theta)
    with jax.enable_x64(True):
        result = jax.vmap(excess(target))(theta.numpy())
        slopes = jax.vmap(jax.grad(log_density(target)))(theta.numpy())
        at_star = jax.grad(log_density(target))(target.w_star.numpy())
    assert np.allclose(result, loss, rtol=1e-10, atol=1e-13)
    assert np.allclose(slopes, -grad, rtol=1e-10, atol=1e-11)
    assert np.isfinite(at_star).all()


def gate(result, error, name, nbeta, data=None):
    """Accept the exact value within 5 errors, and refuse that at half the localisation."""
    right, wrong = (llcbench.problem(name).tempered(nbeta, gamma, data) for gamma in (100.0, 50.0))
    assert abs(result - right.value) < 5 * np.hypot(error, right.stderr)
    assert abs(result - wrong.value) > 5 * np.hypot(error, wrong.stderr)


def test_energy_is_exact_on_data(quadratics):
    name = "regular/d3/n50"
    estimate = quadratics.mean_energy(NUTS(warmup=100), name, num_draws=120, num_burnin=10)
    assert estimate.status == "ok"
    assert estimate.rhat < 1.05
    assert estimate.grad_evals > 16 * 230
    data = llcbench.problem(name).sample_data(Seeds(problem=name).generator("data"))
    gate(estimate.llc, estimate.mcse, name, estimate.nbeta, data)


def test_a_budget_ends_the_run_and_every_gradient_counts(quadratics):
    """Warm-up included; the transition that spends the last ones is completed."""
    chains, budget, name = 16, 1500, "poly/two-component-line"
    settings, parameters = with_grads(
        quadratics.settings(num_chains=chains), "nuts", registry.parameters_of(NUTS()), budget
    )
    assert (settings.num_draws, settings.num_burnin) == (900, 0)
    assert parameters["grads"] == budget
    sampler = NUTS(**parameters)
    target = llcbench.Target(llcbench.problem(name), 100.0, 100.0, chains)
    rng = torch.Generator().manual_seed(3)
    target.next_batch(rng)
    state = sampler.init(target.start(), target, rng)
    # At most one step for 20 gradients, and none longer than 2^6 - 1 of them.
    longest = 63
    assert 75 < target.grad_evals / chains <= 0.4 * budget + longest * nuts_warmup.SETTLED
    adapted = state.chains
    losses, last = [], False
    while not last:
        before = target.grad_evals
        state, draw = sampler.step(state, target, rng)
        last = draw.last
        losses.append(draw.loss.numpy())
    assert before < chains * budget <= target.grad_evals <= before + chains * longest
    # Steps and masses are those of the warm-up throughout.
    assert state.chains.size is adapted.size
    assert state.chains.metric is adapted.metric
    energies = 100.0 * np.mean(losses, axis=0)
    gate(energies.mean(), energies.std(ddof=1) / chains**0.5, name, 100.0)


def test_gradients_are_those_that_are_evaluated(monkeypatch):
    """Counted by the density itself, with one chain, whose lane no other holds up."""
    jax, evaluations = load("jax"), []

    def counting(target):
        density = log_density(target)

        def function(theta):
            jax.debug.callback(lambda: evaluations.append(1))
            return density(theta)

        return function

    monkeypatch.setattr(nuts, "log_density", counting)
    target = llcbench.Target(llcbench.problem("regular/d3"), 100.0, 100.0, 1)
    rng = torch.Generator().manual_seed(3)
    target.next_batch(rng)
    sampler = NUTS(grads=400)
    state = sampler.init(target.start(), target, rng)
    for _ in range(20):
        state, _ = sampler.step(state, target, rng)
    jax.effects_barrier()
    assert target.grad_evals == len(evaluations)


def test_what_it_declines():
    problem = llcbench.problem(DATA)
    data = problem.sample_data(torch.Generator().manual_seed(0))
    assert "full batch" in NUTS().unsupported(llcbench.Target(problem, 1.0, 1.0, 2, data, 10))
    other = llcbench.problem("model/tanh-1")
    assert "not written in jax" in NUTS().unsupported(llcbench.Target(other, 1.0, 1.0, 2))
    with pytest.raises(ValueError, match="warmup must be a whole number of at least 20"):
        NUTS(warmup=3)
    with pytest.raises(ValueError, match="grads must be a whole number of at least 400, got 399"):
        NUTS(grads=399)
