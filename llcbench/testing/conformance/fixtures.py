"""Where samplers are examined: targets that suit them, a loss that spies on them, short walks."""

import math
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from llcbench import registry
from llcbench.sampling import abilities
from llcbench.sampling.loop import Trace, sample
from llcbench.sampling.target import AnySampler, Target
from llcbench.types import Draw

Law = Literal["euler", "exact", "limit"]

# Curvatures of the quadratic, those of the problem regular/d3.
CURVATURES = (0.25, 1.0, 4.0)
QUADRATIC, PRODUCT = "regular/d3", "rrr/1-1-1/r0"


class NotConforming(AssertionError):
    """Raised when a sampler fails a check; says what it did and what it must do."""


class Spy:
    """Stands in for a loss: counts gradients, and returns NaN once it is told to."""

    def __init__(self, loss: Any) -> None:
        self._loss = loss
        self.gradients = self.broken_calls = 0
        self.broken = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loss, name)

    def excess(self, theta: Tensor, batch: Any) -> Tensor:
        """Return the excess loss, NaN once broken."""
        return self._seen(self._loss.excess(theta, batch))

    def excess_and_grad(self, theta: Tensor, batch: Any) -> tuple[Tensor, Tensor]:
        """Return loss and gradient, NaN once broken, and count."""
        self.gradients += theta.shape[0]
        loss, grad = self._loss.excess_and_grad(theta, batch)
        return self._seen(loss), self._seen(grad)

    def _seen(self, value: Tensor) -> Tensor:
        self.broken_calls += self.broken
        return value * math.nan if self.broken else value


class Breaking(NamedTuple):
    """A sampler whose loss turns NaN after the start."""

    sampler: AnySampler
    spy: Spy

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> Any:
        """Start, and break the loss."""
        state = self.sampler.init(theta, target, rng)
        self.spy.broken = True
        return state

    def step(self, state: Any, target: Target, rng: torch.Generator) -> tuple[Any, Draw]:
        """Step."""
        return self.sampler.step(state, target, rng)


def target_for(sampler: AnySampler, *, chains: int = 8, **options: Any) -> Target:
    """Return a quadratic that suits the step size, or a product for samplers of networks."""
    step_size = abilities.step_size(sampler)
    # The largest product of step size and curvature is 0.8: a bias of 13 %, and fast chains.
    nbeta = 0.8 / (4.25 * step_size) if step_size else 100.0
    quadratic = registry.problem(QUADRATIC)
    target = Target(quadratic, nbeta, nbeta / 4, chains, **options)
    if _supported(sampler, target):
        return target
    product = Target(registry.problem(PRODUCT), 200.0, 1.0, chains, **options)
    if _supported(sampler, product):
        return product
    raise NotConforming(f"declines {QUADRATIC} and {PRODUCT}: the kit has nothing to run it on")


def minibatch_target(sampler: AnySampler) -> Target | None:
    """Return a quadratic with minibatches, None if the sampler declines them."""
    full = target_for(sampler)
    problem = registry.problem(f"{QUADRATIC}/n64")
    data = problem.sample_data(generator(4))
    target = Target(problem, full.nbeta, full.gamma, full.num_chains, data, batch_size=8)
    return target if _supported(sampler, target) else None


def _supported(sampler: AnySampler, target: Target) -> bool:
    return abilities.unsupported(sampler, target) is None


def exact_value(target: Target) -> float:
    """Return what a perfect sampler yields, never by the method of a sampler."""
    if target.problem.id == QUADRATIC:
        found = target.problem.tempered(target.nbeta, target.gamma)
    else:  # half a squared product: the potential of poly/x2y2 at half the temperature
        found = registry.problem("poly/x2y2").tempered(target.nbeta / 2, target.gamma)
    assert found is not None
    return found.value


def spied(sampler: AnySampler) -> tuple[Target, Spy]:
    """Return a target with a spy in the place of its loss."""
    target = target_for(sampler)
    spy = Spy(target.loss)
    target.loss = spy
    return target, spy


def walk(
    sampler: AnySampler,
    target: Target,
    steps: int,
    *,
    seed: int = 0,
    start: Tensor | None = None,
    shift: float = 0.0,
) -> list[Draw]:
    """Return copies of the draws; ``shift`` is added to the inputs in the minibatch of chain 0."""
    noise, batches = generator(seed), generator(3)
    target.next_batch(batches)
    if shift:
        target.batch.inputs[0] += shift
    state = sampler.init(target.start() if start is None else start.clone(), target, noise)
    draws = []
    for _ in range(steps):
        state, draw = sampler.step(state, target, noise)
        accepted = None if draw.accepted is None else draw.accepted.clone()
        draws.append(Draw(draw.theta.clone(), draw.loss.clone(), accepted))
    return draws


def run(sampler: AnySampler, target: Target, *, draws: int, burnin: int) -> Trace:
    """Run the loop that every estimate is made with."""
    noise, batches = generator(1), generator(2)
    return sample(target, sampler, num_draws=draws, num_burnin=burnin, noise=noise, batches=batches)


def mean_energy(sampler: AnySampler, target: Target, longer: int = 1) -> tuple[float, float]:
    """Return ``nbeta E[L]`` and its standard error from the spread of the chains."""
    burnin = 500 * longer + int(abilities.hyperparameters(sampler).get("adapt") or 0)
    trace = run(sampler, target, draws=1500 * longer, burnin=burnin)
    require(trace.status == "ok", f"the run on {target.problem.id} failed: {trace.message}")
    means = target.nbeta * trace.kept.mean(1)
    return float(means.mean()), float(means.std(ddof=1) / len(means) ** 0.5)


def law_of(sampler: AnySampler, langevin: bool | None) -> Law:
    """Return which law the sampler has on a quadratic."""
    if langevin:
        return "euler"
    with torch.inference_mode():
        rejects = walk(sampler, target_for(sampler), 1)[-1].accepted is not None
    if rejects or abilities.step_size(sampler) is None:
        return "exact"
    return "euler" if langevin is None else "limit"


def inputs_of(target: Target) -> dict[str, Tensor]:
    """Return the tensors that belong to the target."""
    named = {f"data.{i}": value for i, value in enumerate(target.data or ())}
    named |= {f"batch.{i}": value for i, value in enumerate(target.batch)}
    named["w_star"] = target.w_star
    return {name: value for name, value in named.items() if isinstance(value, Tensor)}


def require_others(plain: Tensor, moved: Tensor, message: str) -> None:
    """Refuse a difference in any row but the first."""
    close = torch.isclose(plain, moved, rtol=1e-9, atol=0.0).all(1)[1:]
    if not bool(close.all()):
        raise NotConforming(message.format(1 + int((~close).int().argmax())))


def generator(seed: int) -> torch.Generator:
    """Return a generator of its own for every role."""
    return torch.Generator().manual_seed(seed)


def require(condition: bool, message: str) -> None:
    """Refuse a sampler with a message unless a condition holds."""
    if not condition:
        raise NotConforming(message)
