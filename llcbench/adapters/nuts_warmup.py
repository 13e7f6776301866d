"""Warm-up of NUTS that ends with its steps or with its gradients, whichever comes first.

The package's own warm-up makes a fixed number of transitions, whatever they cost; from a bad first
step a single one can take a thousand gradients. This one keeps Stan's schedule, step-size rule and
masses, all by the package's own functions, and stops where a budget is spent.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from llcbench.adapters.packages import load

# Updates after which the mean of the tried steps is a step: it starts anew with every window.
SETTLED = 10

# ``(key, chain, step size, inverse masses) -> (key, chain, acceptance, gradients)``, all chains.
Move = Callable[[Any, Any, Any, Any], tuple[Any, Any, Any, Any]]


class Warm(NamedTuple):
    """All chains after their warm-up.

    Attributes:
        key: Source of randomness.
        chain: Positions, densities and gradients.
        size: Step sizes, ``(chains,)``.
        metric: Inverse masses, ``(chains, dim)``.
        spent: Gradients so far, summed over chains.
    """

    key: Any
    chain: Any
    size: Any
    metric: Any
    spent: int


def warm_up(
    move: Move, key: Any, chain: Any, *, acceptance: float, steps: int, grads: int | None
) -> Warm:
    """Warm up all chains, each with a step and masses of its own.

    Args:
        move: The transition.
        key: Source of randomness.
        chain: Where they start.
        acceptance: Mean acceptance that the steps aim at.
        steps: Transitions at most.
        grads: Gradients, summed over chains, after which it ends; None for no limit.
    """
    jax, jnp = load("jax"), load("jax.numpy")
    schedule = np.asarray(load("blackjax.adaptation.window_adaptation").build_schedule(steps))
    masses = load("blackjax.adaptation.mass_matrix").mass_matrix_adaptation(True)
    rule = load("blackjax.adaptation.step_size").dual_averaging_adaptation(acceptance)

    def learn(step: Any, metric: Any, position: Any, rate: Any, slow: Any, ends: Any) -> Any:
        step = rule[1](step, rate)
        metric = _either(slow, masses[1](metric, position), metric)
        metric = _either(ends, masses[2](metric), metric)
        return _either(ends, rule[0](rule[2](step)), step), metric

    adapt = jax.jit(jax.vmap(learn, in_axes=(0, 0, 0, 0, None, None)))
    chains, dim = chain.position.shape
    step = _repeated(rule[0](1.0), chains)
    metric = _repeated(masses[0](dim), chains)
    spent, since = chains, 0
    for stage, ends in schedule:
        if grads is not None and spent >= grads and since >= SETTLED:
            break
        size = jnp.exp(step.log_step_size)
        key, chain, rate, count = move(key, chain, size, metric.inverse_mass_matrix)
        step, metric = adapt(step, metric, chain.position, rate, stage == 1, ends == 1)
        spent, since = spent + int(count), 0 if ends else since + 1
    return Warm(key, chain, jnp.exp(step.log_step_size_avg), metric.inverse_mass_matrix, spent)


def _either(condition: Any, new: Any, old: Any) -> Any:
    """Return one of two states of the same form."""
    jax, jnp = load("jax"), load("jax.numpy")
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), new, old)


def _repeated(state: Any, chains: int) -> Any:
    """Return a state with a leading axis of chains.

    Its arrays are copied from NumPy's: jax would compile everything again for the weaker type of
    what comes from Python's numbers.
    """
    jax, jnp = load("jax"), load("jax.numpy")
    return jax.tree.map(lambda x: jnp.array(np.repeat(np.asarray(x)[None], chains, axis=0)), state)
