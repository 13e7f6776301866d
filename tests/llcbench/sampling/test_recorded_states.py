"""The states of which the error from label noise is made: every so many, none of the burn-in."""

import pytest
import torch

import llcbench
from llcbench import Target
from llcbench.sampling import chains
from llcbench.sampling.label_noise import RecordingSampler
from llcbench.sampling.loop import sample
from llcbench.types import Draw


class Counts:
    """A kernel whose parameters are the number of the step, from 1."""

    def init(self, theta, target, rng):
        return theta.zero_()

    def step(self, state, target, rng):
        state = state + 1
        return state, Draw(state, state.sum(1) + torch.rand(len(state), generator=rng))


class Recorder:
    def __init__(self, every):
        self.every, self.seen = every, []

    def add(self, theta):
        assert (theta == theta[0, 0]).all()
        self.seen.append(int(theta[0, 0]))

    def derivatives(self):
        return None


@pytest.mark.parametrize(
    ("every", "burnin", "seen"),
    [(1, 0, [1, 2, 3, 4, 5, 6, 7]), (3, 0, [1, 4, 7]), (3, 4, [5, 8, 11]), (2, 1, [2, 4, 6, 8])],
)
def test_states_after_the_burn_in_are_recorded_from_the_first_on(every, burnin, seen, monkeypatch):
    target = Target(llcbench.problem("regular/d2"), 10.0, 1.0, 3)
    recorder = Recorder(every)
    wrapped = RecordingSampler(Counts(), recorder, burnin)  # type: ignore[arg-type]
    state = wrapped.init(target.start(), target, torch.Generator())
    for _ in range(burnin + 7):
        state, _ = wrapped.step(state, target, torch.Generator())
    assert recorder.seen == seen
    # The loop of a run records the same ones.
    recorder = Recorder(every)
    monkeypatch.setattr(chains, "label_noise_of", lambda target: recorder)
    monkeypatch.setattr(chains, "standard_error", lambda *_: None)
    rngs = {"noise": torch.Generator(), "batches": torch.Generator()}
    sample(target, Counts(), num_draws=7, num_burnin=burnin, **rngs)  # type: ignore[arg-type]
    assert recorder.seen == seen


def test_one_chain_has_no_error_from_label_noise():
    problem = llcbench.problem("regular/d2/n20")
    data = problem.sample_data(torch.Generator().manual_seed(0))
    targets = [Target(problem, 10.0, 1.0, count, data) for count in (1, 2)]
    assert [chains.label_noise_of(t) is None for t in targets] == [True, False]
