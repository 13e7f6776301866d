"""The checks: small functions, each with one statement about a sampler."""

import pickle
import random
from collections.abc import Callable

import numpy as np
import torch

from llcbench.sampling import sampler_abilities
from llcbench.sampling.target import AnySampler
from llcbench.testing.conformance.fixtures import (
    Breaking,
    NotConforming,
    generator,
    inputs_of,
    minibatch_target,
    require,
    require_others,
    routes,
    run,
    spied,
    target_for,
    walk,
)
from llcbench.types import Budget, BudgetExceeded


def check_shapes(sampler: AnySampler) -> None:
    """Check shapes and precision of what a step yields, in single and double precision."""
    for dtype in (torch.float32, torch.float64):
        target = target_for(sampler, dtype=dtype)
        draw = walk(sampler, target, 3)[-1]
        shape = (target.num_chains, target.dim)
        require(draw.theta.shape == shape, f"theta must be {shape}, got {tuple(draw.theta.shape)}")
        require(
            draw.theta.dtype == dtype, f"theta must stay {dtype} as given, got {draw.theta.dtype}"
        )
        for name, value in (("loss", draw.loss), ("accepted", draw.accepted)):
            if value is not None:
                expected = f"{name} must be one number a chain, {shape[:1]}"
                require(value.shape == shape[:1], f"{expected}, got {tuple(value.shape)}")
        require(draw.loss.is_floating_point(), f"loss must be real, got {draw.loss.dtype}")
        if draw.accepted is not None:
            require(draw.accepted.dtype == torch.bool, "accepted must be boolean, or None")


def check_deterministic(sampler: AnySampler) -> None:
    """Check that the generator decides everything: same seed, same chains; other seed, others."""
    one, two, other = (
        walk(sampler, target_for(sampler), 50, seed=seed)[-1].theta for seed in (1, 1, 2)
    )
    require(
        torch.equal(one, two), "two runs with the same rng differ: draw all randomness from rng"
    )
    require(not torch.equal(one, other), "runs with different rng agree: rng is not used")


def check_global_random_state(sampler: AnySampler) -> None:
    """Check that no global generator is read or seeded: torch, NumPy, random."""

    def states() -> list[bytes]:
        legacy = pickle.dumps(np.random.get_state())  # noqa: NPY002
        return [torch.get_rng_state().numpy().tobytes(), legacy, pickle.dumps(random.getstate())]

    before = states()
    walk(sampler, target_for(sampler), 3)
    for name, old, new in zip(("torch", "numpy", "random"), before, states(), strict=True):
        require(old == new, f"the global generator of {name} has moved: use the rng argument")


def check_independent_chains(sampler: AnySampler) -> None:
    """Check that neither the start nor the minibatch of chain 0 is felt by the other chains.

    Adaptation that pools the chains is switched off through the field ``adapt``, if there is one.
    """
    if "adapt" in sampler_abilities.hyperparameters(sampler):
        sampler = sampler_abilities.with_hyperparameters(sampler, adapt=0)
    target = target_for(sampler)
    start = target.start()
    start[0] += 0.3 / target.nbeta**0.5
    plain, moved = (walk(sampler, target_for(sampler), 20, start=s)[-1] for s in (None, start))
    message = "the {} of chain 0 changes chain {}: chains must not see each other"
    require_others(plain.theta, moved.theta, message.format("start", "{}"))
    minibatch = minibatch_target(sampler)
    if minibatch is not None:
        plain = walk(sampler, minibatch, 1)[-1]
        moved = walk(sampler, minibatch_target(sampler) or minibatch, 1, shift=1.0)[-1]
        require_others(plain.theta, moved.theta, message.format("minibatch", "{}"))


def check_own_noise(sampler: AnySampler) -> None:
    """Check that chains from the same point separate."""
    theta = walk(sampler, target_for(sampler), 100)[-1].theta
    distinct = len(torch.unique(theta, dim=0))
    require(
        distinct == len(theta),
        f"{len(theta)} chains from one point are at {distinct} points after 100 steps: every chain"
        " needs noise of its own, (chains, dim) numbers a step",
    )


def check_inputs_kept(sampler: AnySampler) -> None:
    """Check that reference point, data, minibatch and temperature stay as they are."""
    for target in filter(None, (target_for(sampler), minibatch_target(sampler))):
        target.next_batch(generator(5))
        before = {name: value.clone() for name, value in inputs_of(target).items()}
        setting = (target.nbeta, target.gamma, id(target.batch))
        state = sampler.init(target.start(), target, generator(6))
        for _ in range(2):
            state, _ = sampler.step(state, target, generator(7))
        for name, value in inputs_of(target).items():
            kept = name in before and torch.equal(value, before[name])
            require(kept, f"the sampler has changed {name}: copy what you modify")
        now = (target.nbeta, target.gamma, id(target.batch))
        require(now == setting, "the sampler has changed nbeta, gamma or batch of the target")


def check_pickles(sampler: AnySampler) -> None:
    """Check that a sampler class survives a trip to another process; functions are exempt."""
    if not sampler_abilities.has_fields(sampler):
        return
    try:
        copy = pickle.loads(pickle.dumps(sampler))
    except Exception as error:
        raise NotConforming(f"cannot be pickled ({error}): hold plain values in fields") from error
    require(copy == sampler, "a pickled copy is not equal to the original")


def check_parameters(sampler: AnySampler) -> None:
    """Check that all hyper-parameters are on record, as plain values that build it again."""
    require(
        getattr(getattr(sampler, "__dataclass_params__", None), "frozen", False),
        f"{type(sampler).__name__} must be a dataclass with frozen=True: its fields are recorded",
    )
    parameters = sampler_abilities.hyperparameters(sampler)
    for name, value in parameters.items():
        plain = value is None or isinstance(value, bool | int | float | str)
        require(plain, f"hyper-parameter {name} must be a plain value, got {type(value).__name__}")
    require(
        sampler_abilities.with_hyperparameters(sampler, **parameters) == sampler,
        "the recorded hyper-parameters do not build the same sampler",
    )


def check_gradients_counted(sampler: AnySampler) -> None:
    """Check that every gradient is asked of the target, which counts it, on every route to one."""
    for target, record in map(spied, routes(sampler)):
        walk(sampler, target, 10)
        require(
            record.gradients == target.grad_evals,
            f"{record.gradients} gradients were evaluated and {target.grad_evals} counted on"
            f" {target.problem.id}: use target.loss_and_grad, target.potential_and_grad or"
            " target.loss_and_visit",
        )


def check_budget(sampler: AnySampler) -> None:
    """Check that the end of the budget gets through to the caller."""
    target = target_for(sampler)
    walk(sampler, target, 3)
    if not target.grad_evals:
        return
    limited = target_for(sampler, budget=Budget(grad_evals=target.grad_evals))
    try:
        walk(sampler, limited, 50)
    except BudgetExceeded:
        return
    raise NotConforming("BudgetExceeded did not get through in 50 steps: do not catch it")


def check_not_finite(sampler: AnySampler) -> None:
    """Check that a loss that turns NaN becomes the status of the run, or a rejected proposal."""
    target, record = spied(target_for(sampler))
    try:
        trace = run(Breaking(sampler, record), target, draws=50, burnin=0)
    except Exception as error:
        message = f"raised {type(error).__name__} ({error}) at a NaN loss: let it through"
        raise NotConforming(message) from error
    if record.broken_calls and trace.acceptance is None:
        require(
            trace.status == "not_finite",
            f"the loss is NaN, but the run ends as {trace.status!r}: record the loss as it is",
        )


def check_moves(sampler: AnySampler) -> None:
    """Check that all chains leave the reference point."""
    target = target_for(sampler)
    draws = walk(sampler, target, 100)
    still = int((draws[-1].theta == target.w_star).all(1).sum())
    require(not still, f"{still} of {target.num_chains} chains are at w_star after 100 steps")


CHECKS: dict[str, Callable[[AnySampler], None]] = {
    "shapes": check_shapes,
    "deterministic": check_deterministic,
    "global_random_state": check_global_random_state,
    "independent_chains": check_independent_chains,
    "own_noise": check_own_noise,
    "inputs_kept": check_inputs_kept,
    "pickles": check_pickles,
    "parameters": check_parameters,
    "gradients_counted": check_gradients_counted,
    "budget": check_budget,
    "not_finite": check_not_finite,
    "moves": check_moves,
}
