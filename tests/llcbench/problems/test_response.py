"""The error from label noise is the same whether states are looked at together or one by one."""

import pytest
import torch

from llcbench import registry
from llcbench.problems.squared import response
from llcbench.problems.squared.response import Response
from llcbench.samplers.sgld import SGLD
from llcbench.sampling.loop import sample
from llcbench.sampling.target import Target

CHAINS = 5


def response_of(monkeypatch: pytest.MonkeyPatch, small: int) -> Response:
    monkeypatch.setattr(response, "SMALL", small)
    problem = registry.problem("dln/10-8-12-9/r3/n100")
    data = problem.sample_data(torch.Generator().manual_seed(0))
    target = Target(problem, 50.0, 1.0, CHAINS, data, 20, torch.float32)
    one = Response(target)
    rng = torch.Generator().manual_seed(1)
    for _ in range(40):
        one.add(target.start(rng))
    return one


def test_large_states_are_summed_as_small_ones_are(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = (response_of(monkeypatch, size) for size in (2**16, 0))
    assert (small.every, large.every) == (response.EVERY, response.EVERY_LARGE)
    error = small.standard_error()
    assert error is not None
    assert error > 0
    assert large.standard_error() == pytest.approx(error, rel=1e-6)


def test_states_are_added_in_and_outside_of_inference_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.inference_mode():
        one = response_of(monkeypatch, 2**16)
    # Of forty states, eight have waited until now.
    assert one.standard_error() == response_of(monkeypatch, 2**16).standard_error()


@pytest.mark.parametrize("size", [2**16, 0])
def test_sums_that_were_handed_out_stay_as_they_are(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    one = response_of(monkeypatch, size)
    state = one.state()
    kept = [[part.clone() for part in half] for half in state["sums"]]
    for _ in range(20):
        one.add(torch.ones(CHAINS, registry.problem("dln/10-8-12-9/r3/n100").dim))
    one.standard_error()
    for left, right in zip(kept, state["sums"], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


def test_a_short_run_of_a_large_network_has_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response, "SMALL", 0)
    problem = registry.problem("dln/10-8-12-9/r3/n100")
    data = problem.sample_data(torch.Generator().manual_seed(0))
    target = Target(problem, 50.0, 1.0, CHAINS, data, 20)
    noise, batches = (torch.Generator().manual_seed(seed) for seed in (1, 2))
    # No kept step has a number that 40 divides.
    trace = sample(target, SGLD(1e-5), num_draws=5, num_burnin=7, noise=noise, batches=batches)
    assert trace.data_se is not None
    assert trace.data_se > 0
