"""Problems made of others can do what their parts can do, to the same numbers."""

from typing import Any

import pytest
import torch
from torch import Tensor

import llcbench
from llcbench import SGLD, Gibbs, MeanEnergy, RunContext, Seeds, Settings
from llcbench.problems.combinators.modifiers import direct_sum, rescaled, rotated, sheared
from llcbench.problems.squared.batches import ChainMoments
from llcbench.sampling import loss_abilities
from llcbench.sampling.label_noise import label_noise_of
from llcbench.sampling.label_noise_error import standard_error
from llcbench.sampling.target import Target
from llcbench.types import Data

BASE = "rrr/2-2-2/r1/n100"
NETWORK = "dln/9-12-11-8/r2/n300"


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def bound(problem: Any, data: Any = None) -> Any:
    return problem.bind(problem.sample_data(rng(9)) if data is None else data, torch.float64)


def points(problem: Any, chains: int = 3) -> Tensor:
    noise = torch.randn(chains, problem.dim, generator=rng(2), dtype=torch.float64)
    return problem.w_star() + 0.3 * noise


def noisier(data: Any, change: Tensor, part: int | None = None) -> Any:
    """Data whose cross moment is larger by a matrix, of one part of a sum."""
    if part is not None:
        return tuple(noisier(d, change) if k == part else d for k, d in enumerate(data))
    second = data.inputs.mT @ data.inputs / len(data.inputs)
    return Data(data.inputs, data.noise + data.inputs @ torch.linalg.solve(second, change.mT))


WRAPPED = {
    "base": llcbench.problem(BASE),
    "scaled": llcbench.problem(f"{BASE}/scaled-4"),
    "rotated": llcbench.problem(f"{BASE}/rotated-1"),
    "padded": llcbench.problem(f"{BASE}/padded-2"),
    "sheared": sheared(llcbench.problem("poly/x2y2/n50")),
    "all": llcbench.problem(f"{BASE}/scaled-3/rotated-2/padded-2/scaled-0.5"),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_the_excess_moves_with_every_cross_moment_as_its_source_says(name: str) -> None:
    problem = WRAPPED[name]
    data, theta = problem.sample_data(rng(9)), points(problem)
    loss = bound(problem, data)
    sources = loss_abilities.noise_sources(loss)
    excess, deltas = loss_abilities.excess_and_deltas(loss, theta)
    assert sources is not None
    assert len(sources) == len(deltas) == (2 if name in ("padded", "all") else 1)
    full = loss.draw(len(theta), None, rng())
    assert torch.equal(excess, loss.excess(theta, full))
    for s, (source, delta) in enumerate(zip(sources, deltas, strict=True)):
        change = torch.randn(delta.shape[1:], generator=rng(5), dtype=torch.float64)
        other = bound(problem, noisier(data, change, s if len(sources) > 1 else None))
        moved = other.excess(theta, other.draw(len(theta), None, rng())) - excess
        expected = -2 * source.weight * (delta * change).sum((1, 2))
        assert torch.allclose(moved, expected, rtol=1e-9, atol=1e-12)
        assert source.second.shape[0] == delta.shape[2]


def test_a_factor_is_another_temperature_of_the_same_error() -> None:
    settings = Settings(nbeta=80.0, num_chains=8, num_draws=60, num_burnin=20)
    colder = Settings(nbeta=20.0, num_chains=8, num_draws=60, num_burnin=20)
    one = MeanEnergy(SGLD(1e-3), settings).estimate(WRAPPED["base"], RunContext(Seeds(1, "same")))
    four = MeanEnergy(SGLD(1e-3), colder).estimate(WRAPPED["scaled"], RunContext(Seeds(1, "same")))
    assert one.data_se is not None
    assert four.llc == pytest.approx(one.llc, rel=1e-9)
    assert four.data_se == pytest.approx(one.data_se, rel=1e-9)


def test_independent_data_sets_add_their_variances() -> None:
    problem = direct_sum(WRAPPED["base"], WRAPPED["base"])
    data = problem.sample_data(rng(3))
    errors = []
    for part, own in ((problem, data), *zip((WRAPPED["base"],) * 2, data, strict=True)):
        target = Target(part, 40.0, 5.0, 256, own)
        response, one = label_noise_of(target), rng(1)
        assert response is not None
        for _ in range(64):
            response.add(target.start(one))
        errors.append(standard_error([response], torch.tensor([[40.0]]).numpy()))
    whole, first, second = (error**2 for error in errors if error is not None)
    # Draws of the localisation are no draws of the posterior, but the same for whole and parts; the
    # noise of the other part is uncorrelated with D, to the accuracy of 16 000 draws.
    assert whole == pytest.approx(first + second, rel=0.15)
    assert whole > 1.2 * max(first, second)


def test_a_part_with_unknown_noise_leaves_none_known() -> None:
    unknown = llcbench.problem("model/tanh-5/n100")
    loss = bound(direct_sum(llcbench.problem(BASE), unknown))
    assert loss_abilities.noise_sources(loss) is None
    assert loss_abilities.noise_sources(bound(llcbench.problem("rrr/2-2-2/r1"))) == ()
    target = Target(llcbench.problem("rrr/2-2-2/r1/scaled-2"), 10.0, 1.0, 4)
    assert label_noise_of(target) is None


def test_gradients_come_by_every_route() -> None:
    base = llcbench.problem(NETWORK)
    problem = rescaled(base, 3.0)
    loss, plain, theta = bound(problem), bound(base), points(problem)
    batch = loss.draw(3, 6, rng(4))
    expected, grad = plain.excess_and_grad(theta, batch)
    out, parts = torch.full_like(theta, torch.nan), torch.zeros_like(theta)
    assert torch.equal(loss.excess_and_grad_into(theta, batch, out), 3 * expected)
    assert torch.allclose(out, 3 * grad, rtol=1e-12)
    assert loss.num_parts(batch) == 3
    value = loss.excess_and_visit(theta, batch, lambda g: g.add_to(parts[:, g.start : g.stop], 1.0))
    assert torch.allclose(value, 3 * expected, rtol=1e-12)
    assert torch.allclose(parts, 3 * grad, rtol=1e-12)
    turned = bound(rotated(base, 1))
    assert turned.num_parts(batch) == 0
    assert torch.equal(turned.excess_and_grad_into(theta, batch, out), turned.excess(theta, batch))
    assert torch.equal(out, turned.excess_and_grad(theta, batch)[1])
    loss.release()


def test_minibatches_are_those_of_the_base_and_stay_alternate_in_sums() -> None:
    for name in ("scaled", "rotated"):
        source = loss_abilities.minibatches(bound(WRAPPED[name]), 2, 40)
        plain = loss_abilities.minibatches(bound(WRAPPED["base"]), 2, 40)
        one, other = rng(7), rng(7)
        for _ in range(3):
            batch, twin = source.next(one), plain.next(other)
            assert isinstance(batch, ChainMoments)
            assert all(torch.equal(a, b) for a, b in zip(batch, twin, strict=True))
    loss = bound(WRAPPED["padded"])
    source, one, other = loss_abilities.minibatches(loss, 2, 40), rng(7), rng(7)
    for _ in range(3):
        pairs = zip(source.next(one), loss.draw(2, 40, other), strict=True)
        assert all(torch.equal(a.inputs, b.inputs) for a, b in pairs)


@pytest.mark.parametrize("name", ["scaled", "rotated", "padded"])
def test_losses_are_placed_and_looked_up_through_wrappers(name: str) -> None:
    loss = bound(WRAPPED[name])
    assert loss.placed("cpu", "full") is loss
    assert loss_abilities.dtype_of(loss) == torch.float64
    reduced = loss_abilities.placed(loss, "cpu", "bfloat16")
    theta = points(WRAPPED[name])
    index = torch.randint(100, (3, 20), generator=rng(1))
    lookup, other = loss_abilities.row_lookup(loss), loss_abilities.row_lookup(reduced)
    assert lookup is not None
    assert other is not None
    assert torch.equal(loss.excess(theta, lookup(index)), reduced.excess(theta, other(index)))
    with pytest.raises(ValueError, match=r"bound is a loss in torch.float64, and dtype"):
        Target(WRAPPED[name], 10.0, 1.0, 3, WRAPPED[name].sample_data(rng(9)), None,
               torch.float32, bound=loss)  # fmt: skip
    autograd = llcbench.problem("model/tanh-5/scaled-2")
    with pytest.raises(ValueError, match=r"model/tanh-5/scaled-2: .* are for squared losses"):
        Target(autograd, 10.0, 1.0, 2, matmul="bfloat16")


def test_a_scaled_network_is_a_network() -> None:
    settings = Settings(nbeta=20.0, gamma=2.0, num_chains=16, num_draws=300, num_burnin=50)
    four = MeanEnergy(Gibbs(), settings).estimate(WRAPPED["scaled"], RunContext(Seeds(2, "same")))
    hotter = Settings(nbeta=80.0, gamma=2.0, num_chains=16, num_draws=300, num_burnin=50)
    one = MeanEnergy(Gibbs(), hotter).estimate(WRAPPED["base"], RunContext(Seeds(2, "same")))
    assert four.status == one.status == "ok"
    assert four.llc == pytest.approx(one.llc, rel=1e-9)
    declined = MeanEnergy(Gibbs(), settings).estimate(WRAPPED["rotated"])
    assert "needs a linear network" in declined.message
