"""Where samplers are examined: targets that suit them, a loss that spies on them, short walks."""

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, final

import torch
from torch import Tensor

from llcbench import registry
from llcbench.sampling import sampler_abilities
from llcbench.sampling.chains import Trace
from llcbench.sampling.loop import sample
from llcbench.sampling.loss_abilities import Forwarding
from llcbench.sampling.target import AnySampler, Target
from llcbench.types import Draw, LayerGradient, Visit

Distribution = Literal["euler", "exact", "limit"]

# Curvatures of the quadratic, those of the problem regular/d3.
CURVATURES = (0.25, 1.0, 4.0)
QUADRATIC, PRODUCT = "regular/d3", "rrr/1-1-1/r0"
# Wide against a minibatch of 6, which is sent through its layers.
NETWORK = "dln/9-12-11-8/r2/n300"


class NotConforming(AssertionError):
    """Raised when a sampler fails a check; says what it did and what it must do."""


@dataclass
class Record:
    """What a `Spy` has seen, shared by all of its copies.

    Attributes:
        gradients: Gradients evaluated, whatever the route, summed over chains.
        visits: Those of them that were handed out layer by layer.
        broken: Whether losses are NaN from now on.
        broken_calls: Evaluations since then.
    """

    gradients: int = 0
    visits: int = 0
    broken: bool = False
    broken_calls: int = 0


@final
@dataclass(frozen=True)
class Spy(Forwarding):
    """Stands in for a loss: counts gradients on every route, and returns NaN once it is told to.

    It can do what the loss can do, so that samplers take the steps that they take in production.
    """

    record: Record = field(default_factory=Record)

    def excess(self, theta: Tensor, batch: Any) -> Tensor:
        """Return the excess loss, NaN once broken."""
        return self._seen(super().excess(theta, batch))

    def excess_and_grad(self, theta: Tensor, batch: Any) -> tuple[Tensor, Tensor]:
        """Return loss and gradient, NaN once broken, and count."""
        self.record.gradients += theta.shape[0]
        loss, grad = super().excess_and_grad(theta, batch)
        return self._seen(loss), self._seen(grad)

    def excess_and_grad_into(self, theta: Tensor, batch: Any, out: Tensor) -> Tensor:
        """Return the loss and write the gradient, NaN once broken, and count."""
        self.record.gradients += theta.shape[0]
        loss = super().excess_and_grad_into(theta, batch, out)
        out.copy_(self._seen(out))
        return self._seen(loss)

    def excess_and_visit(self, theta: Tensor, batch: Any, visit: Visit) -> Tensor:
        """Return the loss and hand out the gradient, NaN once broken, and count."""
        self.record.gradients += theta.shape[0]
        self.record.visits += theta.shape[0]

        def seen(gradient: LayerGradient) -> None:
            visit(gradient._replace(slopes=self._seen(gradient.slopes)))

        return self._seen(super().excess_and_visit(theta, batch, seen))

    def _seen(self, value: Tensor) -> Tensor:
        self.record.broken_calls += self.record.broken
        return value * math.nan if self.record.broken else value


class Breaking(NamedTuple):
    """A sampler whose loss is NaN in every step, and nowhere else."""

    sampler: AnySampler
    record: Record

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> Any:
        """Start."""
        return self.sampler.init(theta, target, rng)

    def step(self, state: Any, target: Target, rng: torch.Generator) -> tuple[Any, Draw]:
        """Step on the broken loss."""
        self.record.broken = True
        try:
            return self.sampler.step(state, target, rng)
        finally:
            self.record.broken = False


def target_for(sampler: AnySampler, *, chains: int = 8, **options: Any) -> Target:
    """Return a quadratic that suits the step size, or a product for samplers of networks."""
    step_size = sampler_abilities.step_size(sampler)
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
    return sampler_abilities.unsupported(sampler, target) is None


def exact_value(target: Target) -> float:
    """Return what a perfect sampler yields, never by the method of a sampler."""
    if target.problem.id == QUADRATIC:
        truth = target.problem.tempered(target.nbeta, target.gamma)
    else:  # half a squared product: the potential of poly/x2y2 at half the temperature
        truth = registry.problem("poly/x2y2").tempered(target.nbeta / 2, target.gamma)
    assert truth is not None
    return truth.value


def spied(target: Target) -> tuple[Target, Record]:
    """Return a target with a spy in the place of its loss, and what the spy has seen."""
    spy = Spy(target.loss)
    return replace(target, bound=spy), spy.record


def routes(sampler: AnySampler) -> list[Target]:
    """Return targets that between them offer every way to a gradient.

    The full batch, minibatches, and minibatches of a network whose gradient comes layer by layer;
    those that the sampler declines are omitted.
    """
    full, few = target_for(sampler), minibatch_target(sampler)
    problem = registry.problem(NETWORK)
    # So hot that whatever step suits the quadratic is short here.
    nbeta = full.nbeta / 1000
    data = problem.sample_data(generator(4))
    network = Target(problem, nbeta, nbeta, full.num_chains, data, batch_size=6)
    targets = [full] if few is None else [full, few]
    return [*targets, network] if _supported(sampler, network) else targets


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


def warmed(sampler: AnySampler, target: Target, *, draws: int, longer: int = 1) -> Trace:
    """Run the loop with a burn-in that counts the sampler's adaptation in.

    Raises:
        NotConforming: If the run fails.
    """
    burnin = 500 * longer + int(sampler_abilities.hyperparameters(sampler).get("adapt") or 0)
    trace = run(sampler, target, draws=draws, burnin=burnin)
    require(trace.status == "ok", f"the run on {target.problem.id} failed: {trace.message}")
    return trace


def mean_energy(sampler: AnySampler, target: Target, longer: int = 1) -> tuple[float, float]:
    """Return ``nbeta E[L]`` and its standard error from the spread of the chains."""
    trace = warmed(sampler, target, draws=1500 * longer, longer=longer)
    means = target.nbeta * trace.kept.mean(1)
    return float(means.mean()), float(means.std(ddof=1) / len(means) ** 0.5)


def distribution_of(sampler: AnySampler, langevin: bool | None) -> Distribution:
    """Return which distribution the sampler has on a quadratic."""
    if langevin:
        return "euler"
    with torch.inference_mode():
        rejects = walk(sampler, target_for(sampler), 1)[-1].accepted is not None
    if rejects or sampler_abilities.step_size(sampler) is None:
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
