"""What the target says of density, cost and budget, by hand."""

import math

import pytest
import torch

import llcbench
from llcbench.sampling.target import Target
from llcbench.types import Budget, BudgetExceeded

POPULATION = llcbench.problem("regular/d3")
# Samples with label noise, so that minibatches differ.
SAMPLED = llcbench.problem("regular/d3/n20")
NBETA, GAMMA = 7.0, 3.0


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def population(chains: int = 4, **options) -> Target:
    target = Target(POPULATION, NBETA, GAMMA, chains, **options)
    target.next_batch(generator())
    return target


def sampled(chains: int = 4, **options) -> Target:
    target = Target(SAMPLED, NBETA, GAMMA, chains, SAMPLED.sample_data(generator(1)), **options)
    target.next_batch(generator())
    return target


def points(target: Target, chains: int = 4) -> torch.Tensor:
    noise = torch.randn(chains, target.dim, generator=generator(2), dtype=target.dtype)
    return target.w_star + noise


@pytest.mark.parametrize("target", [population(), sampled(), sampled(batch_size=5)])
def test_the_potential_is_that_of_the_formula(target: Target) -> None:
    """``nbeta (L(w) - L(w*)) + gamma/2 |w - w*|^2``, and its gradient by differences."""
    theta = points(target)
    excess = target.loss.excess(theta, target.batch)
    square = (theta - target.w_star).square().sum(1)
    wanted = NBETA * excess + GAMMA / 2 * square
    potential, grad, loss = target.potential_and_grad(theta)
    torch.testing.assert_close(potential, wanted)
    torch.testing.assert_close(loss, excess)
    energy, loss = target.energy(theta)
    torch.testing.assert_close(energy, wanted)
    torch.testing.assert_close(loss, excess)
    for place in range(target.dim):
        shift = torch.zeros_like(theta)
        shift[:, place] = 1e-5
        slope = (target.energy(theta + shift)[0] - target.energy(theta - shift)[0]) / 2e-5
        torch.testing.assert_close(slope, grad[:, place], rtol=1e-6, atol=1e-6)


def test_a_start_is_the_point_or_a_draw_of_the_localisation() -> None:
    """Variance 1/gamma: of 60 000 numbers it is known to 0.6 % (z below 4.5 is 2.6 %)."""
    target = population(20_000)
    assert torch.equal(target.start(), target.w_star.expand(20_000, -1))
    spread = target.start(generator()) - target.w_star
    assert float(spread.square().mean()) == pytest.approx(1 / GAMMA, rel=0.026)
    assert abs(float(spread.mean())) < 4.5 / math.sqrt(GAMMA * 60_000)
    with pytest.raises(ValueError, match="gamma > 0"):
        Target(POPULATION, NBETA, 0.0, 4).start(generator())


@pytest.mark.parametrize(
    ("target", "grads", "samples"),
    [
        (population(), 4, 4),
        (sampled(), 4, 4 * 20),
        (sampled(batch_size=5), 4, 4 * 5),
        (sampled(batch_size=5, control_variate=True), 8, 8 * 5),
    ],
    ids=["population", "data", "minibatch", "control variate"],
)
def test_gradients_are_counted_by_chain_and_by_sample(target, grads, samples) -> None:
    target.loss_and_grad(points(target))
    assert (target.grad_evals, target.sample_grads) == (grads, samples)
    target.potential_and_grad(points(target))
    assert (target.grad_evals, target.sample_grads) == (2 * grads, 2 * samples)
    # A loss without a gradient is free.
    target.energy(points(target))
    assert target.grad_evals == 2 * grads


@pytest.mark.parametrize(("limit", "steps"), [(8, 2), (11, 2), (12, 3)])
def test_a_budget_of_gradients_is_never_overdrawn(limit: int, steps: int) -> None:
    target = population(budget=Budget(grad_evals=limit))
    for _ in range(steps):
        target.loss_and_grad(points(target))
    with pytest.raises(BudgetExceeded, match=f"budget of {limit}"):
        target.loss_and_grad(points(target))
    assert target.grad_evals == 4 * steps <= limit


def test_a_control_variate_has_the_same_mean_and_no_noise_at_the_point() -> None:
    plain, controlled = sampled(batch_size=5), sampled(batch_size=5, control_variate=True)
    star = plain.start()
    full = sampled()
    slope = full.loss_and_grad(star)[1]
    torch.testing.assert_close(controlled.loss_and_grad(star)[1], slope)
    # The control: the minibatch alone has noise there.
    assert float((plain.loss_and_grad(star)[1] - slope).abs().max()) > 0.01
    # Elsewhere it takes off the same noise: grad L_B(w) - grad L_B(w*) + grad L_n(w*).
    theta = points(plain)
    noise = plain.loss_and_grad(star)[1] - slope
    wanted = plain.loss_and_grad(theta)[1] - noise
    torch.testing.assert_close(controlled.loss_and_grad(theta)[1], wanted)


@pytest.mark.parametrize(
    ("problem", "batch_size"),
    [("regular/d3/n20", 5), ("rrr/5-3-4/r2/n50", 5), ("rrr/5-3-4/r2/n50", 40), ("poly/x2y2/n50", 5),
     ("rrr/4-3-4/r2/n50", 1)],
)  # fmt: skip
def test_a_table_gives_the_gradients_at_the_point_and_costs_none(problem, batch_size) -> None:
    problem = llcbench.problem(problem)
    data = problem.sample_data(generator())
    plain, table = (
        Target(problem, NBETA, GAMMA, 4, data, batch_size, control_variate=True, tabulate=tabulate)
        for tabulate in (False, True)
    )
    for target in (plain, table):
        target.next_batch(generator())
    theta = points(plain)
    torch.testing.assert_close(table.loss_and_grad(theta), plain.loss_and_grad(theta))
    assert (plain.grad_evals, table.grad_evals) == (8, 4)
    one, two = (plain.loss.draw(4, 3, generator(seed)) for seed in (1, 2))
    torch.testing.assert_close(
        table.gradient_noise(theta, one, two), plain.gradient_noise(theta, one, two)
    )


def test_without_a_table_the_control_variate_costs_a_gradient() -> None:
    """Of a network whose matrix of responses would be too large."""
    problem = llcbench.problem("dln/100-100-100/r3/n50")
    target = Target(
        problem, NBETA, GAMMA, 1, problem.sample_data(generator()), 5, control_variate=True,
        tabulate=True,
    )  # fmt: skip
    target.next_batch(generator())
    target.loss_and_grad(target.start())
    assert target.grad_evals == 2


def test_minibatches_are_fresh_in_every_step_and_for_every_chain() -> None:
    target, rng = sampled(batch_size=5), generator()
    theta = target.w_star + torch.ones(4, target.dim, dtype=target.dtype)
    losses = []
    for _ in range(3):
        target.next_batch(rng)
        losses.append(target.loss_and_grad(theta)[0].clone())
    seen = torch.cat(losses)
    assert len(set(seen.tolist())) == 12
    # A full batch is drawn once.
    full = sampled()
    before = full.batch
    full.next_batch(rng)
    assert full.batch is before


def test_what_has_no_minibatches_takes_none() -> None:
    with pytest.raises(ValueError, match="has no minibatches"):
        Target(POPULATION, NBETA, GAMMA, 4, batch_size=5)
    with pytest.raises(ValueError, match="there are none"):
        Target(POPULATION, NBETA, GAMMA, 4, control_variate=True)
