"""The No-U-Turn sampler of blackjax on a second implementation of the losses."""

import numpy as np
import pytest
import torch

import llcbench
from llcbench.adapters.jax_density import excess, log_density
from llcbench.adapters.nuts import NUTS
from llcbench.adapters.packages import load, missing
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
        found = jax.vmap(excess(target))(theta.numpy())
        slopes = jax.vmap(jax.grad(log_density(target)))(theta.numpy())
        at_star = jax.grad(log_density(target))(target.w_star.numpy())
    assert np.allclose(found, loss, rtol=1e-10, atol=1e-13)
    assert np.allclose(slopes, -grad, rtol=1e-10, atol=1e-11)
    assert np.isfinite(at_star).all()


def test_energy_is_exact_on_a_quadratic_and_on_data(laboratory):
    """The same gate refuses the exact value at half the localisation."""
    for name in ("regular/d3", DATA):
        run = {"num_draws": 250, "num_burnin": 20}
        found = laboratory.mean_energy(NUTS(warmup=150), name, **run)
        assert found.status == "ok"
        assert found.rhat < 1.02
        assert found.grad_evals > 16 * 420
        problem = llcbench.problem(name)
        data = problem.sample_data(Seeds(problem=name).generator("data"))
        right, wrong = (problem.tempered(found.nbeta, gamma, data) for gamma in (100.0, 50.0))
        assert abs(found.llc - right.value) < 5 * np.hypot(found.mcse, right.stderr)
        assert abs(found.llc - wrong.value) > 5 * np.hypot(found.mcse, wrong.stderr)


def test_what_it_declines():
    problem = llcbench.problem(DATA)
    data = problem.sample_data(torch.Generator().manual_seed(0))
    assert "full batch" in NUTS().unsupported(llcbench.Target(problem, 1.0, 1.0, 2, data, 10))
    other = llcbench.problem("model/tanh-1")
    assert "not written in jax" in NUTS().unsupported(llcbench.Target(other, 1.0, 1.0, 2))
    with pytest.raises(ValueError, match="warmup must be at least 20"):
        NUTS(warmup=3)
