"""The No-U-Turn sampler of blackjax, the standard of accuracy on small problems."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from llcbench.adapters.jax_density import log_density, unsupported
from llcbench.adapters.packages import load, missing
from llcbench.samplers.checks import check_count, check_fraction
from llcbench.target import Target
from llcbench.types import Draw

# Compiling a trajectory takes longer than most runs of it; expensive passes do not pay.
_QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


class State(NamedTuple):
    """What blackjax keeps, a leading axis of chains on every array.

    Attributes:
        chain: Positions, densities and gradients.
        key: Source of randomness, one for all chains.
        move: The compiled transition, ``(key, chain) -> (key, chain, gradients)``.
    """

    chain: Any
    key: Any
    move: Callable[[Any, Any], tuple[Any, Any, Any]]


@final
@dataclass(frozen=True)
class NUTS:
    """Hamiltonian trajectories that stop where they turn back; step and masses from a warm-up.

    Exact for the full-batch target, at any step. Every chain warms up by itself, before the
    burn-in; its gradients count. The density is a second implementation of the loss, in jax and
    in double precision; the recorded loss is ours. A step is as long as that of the slowest chain.

    Attributes:
        acceptance: Mean acceptance that the warm-up aims at.
        warmup: Steps of the warm-up.

    Source: Hoffman and Gelman 2014; blackjax 1.7 (window adaptation of Stan).
    """

    acceptance: float = 0.8
    warmup: int = 500

    def __post_init__(self) -> None:
        check_fraction("nuts", "acceptance", self.acceptance)
        check_count("nuts", "warmup", self.warmup)
        if self.warmup < 20:
            raise ValueError(f"nuts: warmup must be at least 20 steps, got {self.warmup}")

    def unsupported(self, target: Target) -> str | None:
        """Say why a target cannot be sampled."""
        return missing("blackjax") or unsupported(target)

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> State:
        """Warm up every chain from its start."""
        jax, blackjax = load("jax"), load("blackjax")
        density = log_density(target)
        aim = {"target_acceptance_rate": self.acceptance}
        with jax.enable_x64(True):
            key, own = jax.random.split(
                jax.random.key(int(torch.randint(2**62, (), generator=rng)))
            )
            adaptation = blackjax.window_adaptation(blackjax.nuts, density, **aim)

            def warm(key: Any, start: Any) -> tuple[Any, Any, Any]:
                (chain, tuned), info = adaptation.run(key, start, self.warmup)
                return chain, tuned, info.info.num_integration_steps.sum()

            keys = jax.random.split(own, theta.shape[0])
            chain, tuned, spent = jax.jit(jax.vmap(warm), compiler_options=_QUICK)(
                keys, theta.double().numpy()
            )
            kernel = blackjax.nuts.build_kernel()

            def one(key: Any, chain: Any, tuned: Any) -> tuple[Any, Any]:
                new, info = kernel(key, chain, density, **tuned)
                return new, info.num_integration_steps

            @partial(jax.jit, compiler_options=_QUICK)
            def move(key: Any, chain: Any) -> tuple[Any, Any, Any]:
                key, own = jax.random.split(key)
                chain, steps = jax.vmap(one)(jax.random.split(own, theta.shape[0]), chain, tuned)
                return key, chain, steps.sum()

            target.charge(int(spent.sum()) + theta.shape[0])
        return State(chain, key, move)

    def step(self, state: State, target: Target, rng: torch.Generator) -> tuple[State, Draw]:
        """Move all chains; the recorded loss is that of the state after the move."""
        with load("jax").enable_x64(True):
            key, chain, spent = state.move(state.key, state.chain)
            target.charge(int(spent))
            theta = torch.from_numpy(np.array(chain.position)).to(target.dtype)
        loss = target.loss.excess(theta, target.batch)
        return State(chain, key, state.move), Draw(theta, loss)
