"""Every registered sampler against the conformance kit, and what is special about some."""

import math
from importlib.metadata import entry_points

import numpy as np
import pytest
import torch
from scipy.integrate import quad

import llcbench
from llcbench import MeanEnergy, Settings, Target, make_sampler
from llcbench.registry import sampler_names
from llcbench.samplers.kfac import _factors
from llcbench.samplers.mclmc import Flow, directions, trajectory, turn
from llcbench.samplers.metropolis import Place
from llcbench.testing import named_checks

EXACT = ["hmc", "hmc[spread=2,leapfrogs=4]", "adjusted_mclmc"]
EXACT += ["ghmc", "ghmc[spread=0,acceptance=0.8]", "ghmc[friction=0.5]"]
EXACT += ["adjusted_mclmc[spread=1,leapfrogs=4]"]
LIMIT = ["leimkuhler_matthews", "sghmc", "sgnht", "baoab", "mclmc", "kfac_sgld"]
ADAPTIVE = ["rmsprop_sgld[step_size=100,decay=0.999]", "adam_sgld[step_size=100,decay=0.999]"]


@pytest.mark.parametrize("name", EXACT)
def test_exact_samplers_conform(name):
    for check in named_checks(name).values():
        check()


@pytest.mark.parametrize("name", LIMIT)
def test_unadjusted_samplers_conform(name):
    for check in named_checks(name, langevin=False).values():
        check()


@pytest.mark.parametrize("name", ADAPTIVE)
def test_adaptive_samplers_conform_but_do_not_converge(name):
    checks = named_checks(name, langevin=False)
    del checks["bias_shrinks"]
    for check in checks.values():
        check()


def test_no_sampler_is_left_out():
    seen = {name.split("[")[0] for name in [*EXACT, *LIMIT, *ADAPTIVE]}
    ours = {
        entry.name
        for entry in entry_points(group="llcbench.samplers")
        if entry.value.startswith("llcbench.samplers.")
    }
    assert seen | {"sgld", "mala", "exact", "gibbs"} == ours <= set(sampler_names())


def test_rmsprop_with_short_memory_has_the_density_divided_by_its_preconditioner():
    """As ``eps -> 0`` the mean square is ``g^2`` itself, the density ``exp(-U) (|g| + damping)``.

    On ``L = w^2 / 2`` that is nearly twice the right value, at any step size.
    """
    nbeta, gamma, damping = 100.0, 1e-3, 0.02
    h = nbeta + gamma

    def mass(w):
        return math.exp(-0.5 * h * w * w) * (abs(w) + damping)

    reach = 10 / h**0.5
    total = quad(mass, 0, reach)[0]
    biased = nbeta * quad(lambda w: 0.5 * w * w * mass(w), 0, reach)[0] / total
    right = 0.5 * nbeta / h
    assert biased > 1.6 * right
    sampler = make_sampler("rmsprop_sgld", {"step_size": 2e-5, "decay": 0.0, "damping": damping})
    settings = Settings(nbeta=nbeta, gamma=gamma, num_chains=256, num_draws=4000, num_burnin=1500)
    estimate = MeanEnergy(sampler, settings).estimate(llcbench.problem("regular/d1"))
    assert abs(estimate.llc - biased) < 4 * estimate.mcse + 0.02 * biased
    assert estimate.mcse < 0.02 * biased
    assert estimate.llc - right > 20 * estimate.mcse


def test_sghmc_at_full_friction_is_sgld():
    results = []
    for name, parameters in (("sgld", {}), ("sghmc", {"friction": 1.0})):
        settings = Settings(nbeta=100.0, gamma=10.0, num_chains=4, num_draws=50, num_burnin=0)
        sampler = make_sampler(name, {"step_size": 1e-3, **parameters})
        target = MeanEnergy(sampler, settings).target(llcbench.problem("regular/d2"), None)
        noise = torch.Generator().manual_seed(3)
        target.next_batch(noise)
        state = sampler.init(target.start(), target, torch.Generator().manual_seed(9))
        for _ in range(20):
            state, draw = sampler.step(state, target, noise)
        results.append(draw.theta.clone())
    assert torch.allclose(*results, rtol=1e-12, atol=1e-15)


def test_isokinetic_flow_is_reversible_and_keeps_its_energy():
    target = Target(llcbench.problem("rrr/2-2-2/r1"), 5.0, 1.0, 16)
    rng = torch.Generator().manual_seed(0)
    target.next_batch(rng)
    theta = target.start(rng)
    direction = directions(theta, rng)
    flow = Flow(Place.at(theta, target), direction)
    errors = {}
    for time in (0.02, 0.01):
        steps = round(0.4 / time)
        now, error = trajectory(flow, target, time, steps)
        errors[time] = error.abs().median()
        back, _ = trajectory(now._replace(direction=-now.direction), target, time, steps)
        assert torch.allclose(back.place.theta, theta, atol=1e-8)
        assert torch.allclose(now.direction.norm(dim=1), torch.ones(16, dtype=torch.float64))
    # Second order: half the time step, a quarter of the error.
    assert 2.5 < errors[0.02] / errors[0.01] < 6
    # Two half turns at one place are one turn.
    single, total = flow, torch.zeros(16, dtype=torch.float64)
    for _ in range(steps):
        single, change = trajectory(single, target, time, 1)
        total = total + change
    parts, others = (*now.place, now.direction, error), (*single.place, single.direction, total)
    for part, other in zip(parts, others, strict=True):
        assert torch.allclose(part, other, rtol=1e-9, atol=1e-9)


def test_turning_solves_its_equation():
    rng = torch.Generator().manual_seed(1)
    grad = torch.randn(5, 3, generator=rng, dtype=torch.float64)
    start = directions(grad, rng)
    u, steps = start.clone(), 20000
    growth = torch.zeros(5, dtype=torch.float64)
    for _ in range(steps):  # Euler steps of du/dt and of the energy, dK/dt = -u . grad
        slope = -(grad - u * (u * grad).sum(1, keepdim=True)) / 2
        growth = growth - (u * grad).sum(1) / steps
        u = u + slope / steps
    turned, exact = turn(start, grad, 1.0)
    assert torch.allclose(turned, u, atol=2e-4)
    assert torch.allclose(exact, growth, atol=5e-4)
    steep, finite = turn(start, grad * 1e6, 1.0)
    assert bool(steep.isfinite().all() & finite.isfinite().all())


def test_kronecker_factors_are_the_gauss_newton_blocks():
    target = Target(llcbench.problem("dln/3-3-3/r3-1"), 100.0, 1.0, 1)
    target.next_batch(torch.Generator())
    theta = target.w_star.unsqueeze(0)
    network, scale = target.problem.map, target.problem.scale
    jacobian = torch.autograd.functional.jacobian(
        lambda w: network.value(w.unsqueeze(0)).reshape(-1), target.w_star
    )
    second = float(target.batch.second)
    whole = 2 * scale * second * jacobian.T @ jacobian
    start = 0
    for factors in _factors(theta, target):
        block = 2 * scale * torch.kron(factors.outputs, factors.inputs)
        size = block.shape[0]
        assert torch.allclose(block, whole[start : start + size, start : start + size])
        start += size


def test_one_parameter_has_no_directions():
    target = Target(llcbench.problem("poly/x2"), 100.0, 1.0, 4)
    for name in ("mclmc", "adjusted_mclmc"):
        assert "at least 2 parameters" in make_sampler(name, {}).unsupported(target)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("sghmc", {"friction": 1.5}, r"sghmc: friction must be in \(0, 1\], got 1.5"),
        ("rmsprop_sgld", {"decay": 1.0}, r"decay must be in \[0, 1\)"),
        ("hmc", {"leapfrogs": 0}, "hmc: leapfrogs must be a whole number of at least 1"),
        ("baoab", {"step_size": math.nan}, "baoab: step_size"),
        ("leimkuhler_matthews", {"step_size": 0}, "leimkuhler_matthews: step_size"),
        ("kfac_sgld", {"damping": 0}, "kfac_sgld: damping"),
        ("mclmc", {"decoherence": -1}, "mclmc: decoherence"),
    ],
)
def test_inadmissible_parameters_are_named(name, parameters, message):
    with pytest.raises(ValueError, match=message):
        make_sampler(name, parameters)


def test_control_variate_counts_both_gradients_and_needs_minibatches():
    problem = llcbench.problem("regular/d2/n100")
    data = problem.sample_data(torch.Generator().manual_seed(0))
    target = Target(problem, 10.0, 1.0, 4, data, batch_size=10, control_variate=True)
    rng = torch.Generator().manual_seed(1)
    target.next_batch(rng)
    _, at_star = target.loss_and_grad(target.start())
    assert target.grad_evals == 8 + 0
    full = Target(problem, 10.0, 1.0, 4, data)
    full.next_batch(rng)
    assert np.allclose(at_star, full.loss_and_grad(full.start())[1])
    with pytest.raises(ValueError, match="set batch_size or drop it"):
        Target(problem, 10.0, 1.0, 4, data, control_variate=True)
