"""The No-U-Turn sampler of blackjax, the standard of accuracy on small problems."""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from llcbench.adapters.jax_density import log_density, unsupported
from llcbench.adapters.nuts_warmup import Move, Warm, warm_up
from llcbench.adapters.packages import load, unable
from llcbench.checks import check_count, check_fraction
from llcbench.samplers.hyperparameters import check_hyperparameters
from llcbench.sampling.target import Target
from llcbench.types import Draw

# Compiling a trajectory takes longer than most runs of it; expensive passes do not pay.
_QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
# Share of the gradients of a run after which the warm-up ends.
SHARE = 0.4
# A warm-up has at most a step for so many gradients of a run, and a trajectory that share of them.
PART = 20


class NUTSState(NamedTuple):
    """The chains, and how they move.

    Attributes:
        chains: What blackjax keeps, with the steps and masses that the warm-up found.
        move: The compiled transition.
    """

    chains: Warm
    move: Move


@final
@dataclass(frozen=True)
class NUTS:
    """Hamiltonian trajectories that stop where they turn back; step and masses from a warm-up.

    Exact for the full-batch target, at any step. Every chain warms up separately, before the
    burn-in; its gradients count, one for every step of a trajectory. The density is a second
    implementation of the loss, in jax and in double precision; the recorded loss is ours. A step
    takes as long as that of the slowest chain.

    With ``grads`` the run ends when the chains together have spent their number times it, warm-up
    included: the transition in which that happens is the last one. The warm-up then has at most one
    step for 20 gradients and ends when it has spent 40 % of them, and no trajectory is longer than
    a 20th of them: from a bad first step a single one could take them all.

    Attributes:
        acceptance: Mean acceptance that the warm-up aims at.
        warmup: Steps of the warm-up.
        depth: Largest number of doublings of a trajectory, in which it has ``2^depth - 1`` steps.
        grads: Gradients of a chain, mean over chains; None for as many as the draws take.

    Source: Hoffman and Gelman 2014; blackjax 1.7 (window adaptation of Stan).
    """

    acceptance: float = 0.8
    warmup: int = 500
    depth: int = 10
    grads: int | None = None

    def __post_init__(self) -> None:
        check_hyperparameters(
            self, "nuts", acceptance=check_fraction, warmup=partial(check_count, least=20),
            depth=check_count,
        )  # fmt: skip
        if self.grads is not None:
            check_hyperparameters(self, "nuts", grads=partial(check_count, least=PART**2))

    def unsupported(self, target: Target) -> str | None:
        """Return why a target cannot be sampled, None if it can."""
        return unable("blackjax", target.device) or unsupported(target)

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> NUTSState:
        """Warm up every chain from its start."""
        jax, blackjax = load("jax"), load("blackjax")
        density, chains = log_density(target), theta.shape[0]
        with jax.enable_x64(True):
            kernel, depth = blackjax.nuts.build_kernel(), self._limits()[1]

            def one(key: Any, chain: Any, size: Any, metric: Any) -> tuple[Any, Any, Any]:
                new, info = kernel(key, chain, density, size, metric, depth)
                return new, info.acceptance_rate, info.num_integration_steps

            @partial(jax.jit, compiler_options=_QUICK)
            def move(key: Any, chain: Any, size: Any, metric: Any) -> tuple[Any, Any, Any, Any]:
                key, own = jax.random.split(key)
                keys = jax.random.split(own, chains)
                chain, rate, steps = jax.vmap(one)(keys, chain, size, metric)
                return key, chain, rate, steps.sum()

            begin = jax.jit(jax.vmap(lambda w: blackjax.nuts.init(w, density)))
            start = begin(theta.double().numpy())
            key = jax.random.key(int(torch.randint(2**62, (), generator=rng)))
            steps, _, limit = self._limits()
            warm = warm_up(
                move, key, start, acceptance=self.acceptance, steps=steps,
                grads=None if limit is None else limit * chains,
            )  # fmt: skip
        target.charge(warm.spent)
        return NUTSState(warm, move)

    def step(
        self, state: NUTSState, target: Target, rng: torch.Generator
    ) -> tuple[NUTSState, Draw]:
        """Move all chains; the recorded loss is that of the state after the move."""
        warm = state.chains
        with load("jax").enable_x64(True):
            key, chain, _, count = state.move(warm.key, warm.chain, warm.size, warm.metric)
            spent = int(count)
            theta = torch.from_numpy(np.array(chain.position)).to(target.dtype)
        target.charge(spent)
        loss = target.loss.excess(theta, target.batch)
        warm = warm._replace(key=key, chain=chain, spent=warm.spent + spent)
        last = self.grads is not None and warm.spent >= self.grads * theta.shape[0]
        return NUTSState(warm, state.move), Draw(theta, loss, last=last)

    def _limits(self) -> tuple[int, int, int | None]:
        """Return steps and depth of the warm-up, and the gradients of a chain that end it."""
        if self.grads is None:
            return self.warmup, self.depth, None
        longest = self.grads // PART
        depth = min(self.depth, (longest + 1).bit_length() - 1)
        return min(self.warmup, longest), depth, int(SHARE * self.grads)
