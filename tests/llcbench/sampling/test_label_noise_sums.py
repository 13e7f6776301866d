"""The error from label noise is the same whether states are looked at together or one by one."""

from typing import Any

import numpy as np
import pytest
import torch

from llcbench import registry
from llcbench.samplers.sgld import SGLD
from llcbench.sampling import label_noise
from llcbench.sampling.chains import Chains
from llcbench.sampling.label_noise import LabelNoise, label_noise_of
from llcbench.sampling.label_noise_error import standard_error
from llcbench.sampling.loop import sample
from llcbench.sampling.state_trees import NotStorable
from llcbench.sampling.target import Target

CHAINS = 5
# Cross moments of 90 entries, to first order, and of 4, to second.
MANY, FEW = "dln/10-8-12-9/r3/n100", "rrr/2-2-2/r1/n100"


def response_of(monkeypatch: pytest.MonkeyPatch, small: int, name: str = MANY) -> LabelNoise:
    monkeypatch.setattr(label_noise, "SMALL", small)
    problem = registry.problem(name)
    data = problem.sample_data(torch.Generator().manual_seed(0))
    target = Target(problem, 50.0, 1.0, CHAINS, data, 20, torch.float32)
    one = label_noise_of(target)
    assert one is not None
    rng = torch.Generator().manual_seed(1)
    for _ in range(40):
        one.add(target.start(rng))
    return one


def error_of(one: LabelNoise) -> float | None:
    return standard_error([one], np.array([[50.0]]))


def tensors(state: dict[str, Any]) -> list[torch.Tensor]:
    rows = [part for half in state["sums"] for part in half.values()]
    return [part for row in rows for part in (row if isinstance(row, list) else [row])]


@pytest.mark.parametrize("name", [MANY, FEW])
def test_large_states_are_summed_as_small_ones_are(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    small, large = (response_of(monkeypatch, size, name) for size in (2**16, 0))
    assert (small.every, large.every) == (label_noise.EVERY, label_noise.EVERY_LARGE)
    error = error_of(small)
    assert error is not None
    assert error > 0
    assert error_of(large) == pytest.approx(error, rel=1e-6)


def test_each_half_of_the_chains_has_derivatives_of_its_own() -> None:
    """Chains at one point have no covariance: what is left of ``g`` is ``u = -2 weight D``.

    The map of the problem has the singular values 1/2 and 2, and its loss the weight 1/2.
    """
    problem = registry.problem("regular/d2/n1000")
    data = problem.sample_data(torch.Generator().manual_seed(0))
    target = Target(problem, 50.0, 1.0, 4, data)
    one = label_noise_of(target)
    assert one is not None
    change = torch.tensor([0.25, -0.5], dtype=target.w_star.dtype)
    one.add(torch.stack([target.w_star] * 2 + [target.w_star + change] * 2))
    derivatives = one.derivatives()
    assert derivatives is not None
    here, there = (half.first[0].flatten().tolist() for half in derivatives)
    assert here == pytest.approx([0.0, 0.0])
    assert there == pytest.approx([-0.125, 1.0])


@pytest.mark.parametrize("name", [MANY, FEW])
def test_states_are_added_in_and_outside_of_inference_mode(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with torch.inference_mode():
        one = response_of(monkeypatch, 2**16, name)
    # Of forty states, eight have waited until now.
    assert error_of(one) == error_of(response_of(monkeypatch, 2**16, name))


@pytest.mark.parametrize("name", [MANY, FEW])
@pytest.mark.parametrize("size", [2**16, 0])
def test_sums_that_were_handed_out_stay_as_they_are(
    monkeypatch: pytest.MonkeyPatch, size: int, name: str
) -> None:
    one = response_of(monkeypatch, size, name)
    state = one.state()
    kept = tensors(state)
    kept = [part.clone() for part in kept]
    for _ in range(20):
        one.add(torch.ones(CHAINS, registry.problem(name).dim))
    error_of(one)
    assert all(torch.equal(a, b) for a, b in zip(kept, tensors(state), strict=True))


def test_a_short_run_of_a_large_network_has_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_noise, "SMALL", 0)
    problem = registry.problem(MANY)
    data = problem.sample_data(torch.Generator().manual_seed(0))
    target = Target(problem, 50.0, 1.0, CHAINS, data, 20)
    noise, batches = (torch.Generator().manual_seed(seed) for seed in (1, 2))
    # No kept step has a number that 40 divides.
    trace = sample(target, SGLD(1e-5), num_draws=5, num_burnin=7, noise=noise, batches=batches)
    assert trace.data_se is not None
    assert trace.data_se > 0


def started(seed: int, name: str) -> Chains:
    problem = registry.problem(name)
    data = problem.sample_data(torch.Generator().manual_seed(0))
    target = Target(problem, 50.0, 1.0, CHAINS, data, 20)
    noise, batches = (torch.Generator().manual_seed(seed + k) for k in (1, 2))
    chains = Chains(target, SGLD(1e-5), 190, 0, noise, batches)
    chains.start(dispersed=False)
    return chains


@pytest.mark.parametrize("name", [MANY, FEW])
def test_sums_go_on_in_another_process_and_older_places_change_nothing(name: str) -> None:
    with torch.inference_mode():
        first, second, untouched = (started(seed, name) for seed in (0, 7, 7))
        for _ in range(175):
            first.advance()
        place = first.place()
        older = {key: value for key, value in place.items() if key != "label_noise"}
        with pytest.raises(KeyError):
            second.resume(older | {"response": place["label_noise"]})
        # Sums without the products of pairs, from which there are no second derivatives.
        halves = [dict(half) for half in place["label_noise"]["sums"]]
        for half in halves:
            del half["pairs"]
        with pytest.raises(NotStorable, match="sums over label noise"):
            second.resume(place | {"label_noise": place["label_noise"] | {"sums": halves}})
        assert second.done == 0
        assert torch.equal(second.advance().theta, untouched.advance().theta)
        again = started(7, name)
        again.resume(place)
        for _ in range(15):
            first.advance()
            again.advance()
        errors = [chains.trace("ok", "", 0.0, 0.0).data_se for chains in (first, again)]
    assert errors[0] is not None
    assert errors[0] == errors[1]
