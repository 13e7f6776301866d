"""blackjax: its SGLD mapped over chains, all steps in one compiled scan."""

from collections.abc import Callable
from typing import Any

import numpy as np

from llcbench.adapters.packages import load
from llcbench.peers.work import Losses, Work


def prepare(work: Work) -> Callable[[int], Losses]:
    """Return the run of a seed."""
    jax, jnp, blackjax = load("jax"), load("jax.numpy"), load("blackjax")
    case = work.case
    star, inputs, targets = list(work.layers), jnp.asarray(work.inputs), jnp.asarray(work.targets)

    def loss_of(layers: Any, batch: Any) -> Any:
        passed, wanted = batch
        for layer in layers:
            passed = passed @ layer.T
        return 0.5 * jnp.square(passed - wanted).sum(1).mean()

    def log_posterior(layers: Any, batch: Any) -> Any:
        away = sum(jnp.square(a - b).sum() for a, b in zip(layers, star, strict=True))
        return -case.nbeta * loss_of(layers, batch) - 0.5 * case.gamma * away

    algorithm = blackjax.sgld(jax.grad(log_posterior))

    def chain(key: Any) -> Any:
        def step(layers: Any, key: Any) -> tuple[Any, Any]:
            rows, noise = jax.random.split(key)
            index = jax.random.randint(rows, (case.batch,), 0, case.num_data)
            batch = inputs[index], targets[index]
            # The compiler merges this forward pass with that of the gradient.
            loss = loss_of(layers, batch)
            return algorithm.step(noise, layers, batch, case.step_size / 2), loss

        start = [jnp.asarray(layer) for layer in star]
        return jax.lax.scan(step, start, jax.random.split(key, case.steps))[1]

    compiled = jax.jit(jax.vmap(chain))

    def run(seed: int) -> Losses:
        keys = jax.random.split(jax.random.key(seed), case.chains)
        return np.asarray(compiled(keys), dtype=np.float64)

    return run
