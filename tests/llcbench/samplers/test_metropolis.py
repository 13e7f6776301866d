import math

import pytest
import torch

from llcbench.samplers.metropolis import MetropolisState, Place, accepts, metropolis_step, selected


def place(value: float, chains: int = 3) -> Place:
    matrix, vector = torch.full((chains, 2), value), torch.full((chains,), value)
    return Place(matrix, vector, matrix.clone(), vector.clone())


def test_chains_accept_with_the_probability_of_the_ratio():
    rng = torch.Generator().manual_seed(0)
    count = 20_000
    rate = float(accepts(torch.full((count,), math.log(0.3)), rng).double().mean())
    # Five standard deviations of a share of 20 000; the wrong ratio 0.35 is 15 of them away.
    reach = 5 * math.sqrt(0.3 * 0.7 / count)
    assert abs(rate - 0.3) < reach < abs(0.35 - 0.3)


def test_a_ratio_that_is_no_number_is_rejected_and_leaves_no_trace():
    rng = torch.Generator().manual_seed(0)
    state = MetropolisState(place(1.0), 0.5, 0)
    ratio = torch.tensor([math.nan, math.inf, -math.inf])
    after, draw = metropolis_step(state, place(math.nan), ratio, rng, adapt=0, aim=0.5)
    assert draw.accepted is not None
    assert draw.accepted.tolist() == [False, True, False]
    for tensor in after.place:
        assert tensor[[0, 2]].eq(1).all()
        assert tensor[1].isnan().all()
    assert (after.step_size, after.steps) == (0.5, 1)


def test_a_draw_has_the_losses_of_where_the_chains_are():
    """Those of rejected proposals belong to points that are not drawn."""
    rng = torch.Generator().manual_seed(0)
    ratio = torch.tensor([-math.inf, math.inf, -math.inf])
    state = MetropolisState(place(1.0), 0.5, 0)
    after, draw = metropolis_step(state, place(7.0), ratio, rng, adapt=0, aim=0.5)
    assert draw.theta.tolist() == [[1, 1], [7, 7], [1, 1]]
    assert draw.loss.tolist() == [1, 7, 1]
    # The next test starts from the same losses, and none of the draw's is overwritten.
    _, second = metropolis_step(after, place(9.0), ratio.roll(1), rng, adapt=0, aim=0.5)
    assert second.loss.tolist() == [1, 7, 9]
    assert draw.loss.tolist() == [1, 7, 1]


def test_matrices_are_updated_in_place_and_vectors_are_new():
    accepted = torch.tensor([True, False, True])
    old, new = place(0.0), place(1.0)
    assert selected(accepted, new.theta, old.theta) is old.theta
    assert old.theta[:, 0].tolist() == [1, 0, 1]
    loss = selected(accepted, new.loss, old.loss)
    assert loss.tolist() == [1, 0, 1]
    assert old.loss.eq(0).all()


@pytest.mark.parametrize(("ratio", "grows"), [(math.inf, True), (-math.inf, False)])
def test_the_step_follows_the_acceptance_while_it_adapts(ratio, grows):
    rng = torch.Generator().manual_seed(0)
    ratios = torch.full((3,), ratio)
    state = MetropolisState(place(0.0), 0.5, 0)
    state, _ = metropolis_step(state, place(1.0), ratios, rng, adapt=1, aim=0.5)
    assert (state.step_size > 0.5) == grows
    fixed, _ = metropolis_step(state, place(1.0), ratios, rng, adapt=1, aim=0.5)
    assert fixed.step_size == state.step_size
