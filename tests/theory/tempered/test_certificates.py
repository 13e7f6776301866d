"""What certifies a truth by block Gibbs: every condition refuses alone, on both sides of its limit.

Traces are made up: white noise of standard deviation one about 100 that the conditions see as it
is, with one fault each. The means and errors are computed by hand.
"""

import math

import numpy as np
import pytest

from theory.tempered import linear, wide
from theory.tempered.doubling import doubled
from theory.tempered.result import Tempered

CHAINS, SWEEPS, LEVEL = 64, 900, 100.0


def noise(chains=CHAINS, sweeps=SWEEPS, seed=0):
    """White noise with no mean in any chain and no spread between chains."""
    values = np.random.default_rng(seed).standard_normal((chains, sweeps))
    values[:, sweeps // 3 :] -= values[:, sweeps // 3 :].mean(1, keepdims=True)
    return LEVEL + values


def shifted(levels):
    """Noise with a level of its own for every chain, in standard deviations."""
    return noise() + np.asarray(levels)[:, None]


def between(rhat):
    """Return shifts, balanced between the two groups of starts, that bring R-hat there.

    With chain means of variance v about the whole and 1 within, R-hat is the root of 1 + v.
    """
    shift = math.sqrt((rhat**2 - 1) * (CHAINS - 1) / CHAINS)
    return shift * np.repeat([[1, 1, -1, -1]], CHAINS // 4, axis=0).ravel()


def test_a_run_that_has_converged_is_certified():
    result = linear._summary(noise(), 0.005)
    assert result.certified
    assert result.details["rhat"] < 1.001
    assert abs(result.details["group_z"]) < 1e-6


@pytest.mark.parametrize(("rhat", "certified"), [(1.007, True), (1.014, False), (1.5, False)])
def test_chains_at_different_levels_are_refused_by_r_hat(rhat, certified):
    result = linear._summary(shifted(between(rhat)), 0.005)
    # Ranks are a little less far apart than values.
    assert result.details["rhat"] - 1 == pytest.approx(rhat - 1, rel=0.15)
    assert abs(result.details["group_z"]) < 0.01
    assert result.stderr < 0.005 * result.value
    assert result.certified is certified


def test_one_chain_that_is_stuck_is_refused():
    trace = noise()
    trace[5] = LEVEL + 3
    assert linear._summary(trace, 0.005).details["rhat"] > 1.01
    assert not linear._summary(trace, 0.005).certified
    # So is one that cannot move at all, with all others at its level.
    assert not linear._summary(np.full((CHAINS, SWEEPS), LEVEL), 0.005).certified
    # Control: the same chain, with the noise of the others.
    trace[5] = noise()[5]
    assert linear._summary(trace, 0.005).certified


@pytest.mark.parametrize(("sign", "limit", "certified"), [
    (1, 3.5, True), (1, 4.5, False), (-1, 3.5, True), (-1, 4.5, False),
])  # fmt: skip
def test_groups_of_starts_that_disagree_are_refused_in_both_directions(sign, limit, certified):
    # Two groups of 32 chains and 600 kept sweeps: the error of their difference is this.
    error = math.sqrt(2 / (32 * 600))
    shift = sign * limit * error * np.tile([0.5, -0.5], CHAINS // 2)
    result = linear._summary(shifted(shift), 0.005)
    assert result.details["group_z"] == pytest.approx(sign * limit, rel=0.06)
    assert result.details["rhat"] < 1.01
    assert result.certified is certified


@pytest.mark.parametrize(("share", "certified"), [(0.98, False), (1.02, True)])
def test_an_error_above_the_one_that_was_asked_for_is_refused(share, certified):
    result = linear._summary(noise(), 1.0)
    assert linear._summary(noise(), share * result.stderr / result.value).certified is certified


def test_the_first_third_of_a_run_does_not_count():
    trace = noise()
    before = linear._summary(trace, 0.005)
    trace[:, : SWEEPS // 3] = 1e6
    after = linear._summary(trace, 0.005)
    assert (after.value, after.stderr) == (before.value, before.stderr)
    assert after.value == pytest.approx(LEVEL, abs=1e-9)
    assert after.certified
    # One sweep more would count.
    trace[:, SWEEPS // 3] = 1e6
    assert not linear._summary(trace, 0.005).certified
    assert after.details["draws"] == CHAINS * SWEEPS * 2 / 3


def test_the_error_is_the_greater_one_of_two():
    """That of independent draws, or that of the means of chains."""
    trace = noise()
    kept = trace[:, SWEEPS // 3 :]
    result = linear._summary(trace, 0.005)
    assert result.stderr == pytest.approx(kept.std(ddof=1) / math.sqrt(result.details["ess"]))
    # Draws without correlation count nearly fully.
    assert 0.9 < result.details["ess"] / kept.size < 1.2
    levels = between(1.3)
    apart = linear._summary(shifted(levels), 0.005)
    expected = math.sqrt(np.sum(levels**2) / 63) / 8
    assert apart.stderr == pytest.approx(max(expected, apart.stderr))
    assert expected > 5 * result.stderr
    three = linear._standard_error(np.array([[1.0, 1.0], [2.0, 2.0], [6.0, 6.0]]), 1e9)
    # Means 1, 2, 6: variance 14/2.
    assert three == pytest.approx(math.sqrt(7 / 3))


# --- Wide networks -----------------------------------------------------------------------------


def settled(chains=4, sweeps=64):
    """Chains at one level with hardly any noise, as those of thousands of directions are."""
    wave = np.tile([1.0, -1.0], sweeps // 2)
    return LEVEL + 0.01 * np.repeat(wave[None], chains, axis=0)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("share", "certified"), [(0.98, True), (1.02, False)])
def test_starts_from_below_and_above_that_stay_apart_are_refused(sign, share, certified):
    trace, rtol = settled(), 0.01
    gap = share * rtol * LEVEL
    trace[0::2] += sign * gap / 2
    trace[1::2] -= sign * gap / 2
    result = wide._summary(trace, rtol)
    assert result.details["apart"] == pytest.approx(gap, rel=1e-9)
    # Half the distance is the error, the batches' own on top.
    assert result.stderr >= gap / 2
    assert result.certified is certified


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("share", "certified"), [(0.98, True), (1.02, False)])
def test_a_run_that_still_drifts_is_refused_in_both_directions(sign, share, certified):
    trace, rtol = settled(sweeps=4096), 0.01
    # The last quarter against the one before it.
    trace[:, 3072:] += sign * share * rtol * LEVEL
    result = wide._summary(trace, rtol * result_scale(trace))
    assert result.details["apart"] == 0
    assert result.details["drift"] == pytest.approx(share * rtol * LEVEL, rel=1e-9)
    assert result.stderr < rtol * LEVEL / 10
    assert result.certified is certified


def result_scale(trace):
    """The limit is relative to the value, which the drift itself has changed."""
    return LEVEL / trace[:, trace.shape[1] // 2 :].mean()


@pytest.mark.parametrize("chain", [0, 1, 2, 3])
def test_one_chain_off_the_others_of_its_start_is_refused(chain):
    """Two chains that are off in opposite directions leave the means of their group alone."""
    trace, rtol = settled(), 0.01
    other = (chain + 2) % 4
    for share, certified in ((0.9, True), (1.1, False)):
        moved = trace.copy()
        moved[chain] += share * rtol * LEVEL
        moved[other] -= share * rtol * LEVEL
        result = wide._summary(moved, rtol)
        assert result.details["apart"] == pytest.approx(0, abs=1e-9)
        assert result.details["stray"] == pytest.approx(share * rtol * LEVEL)
        assert result.certified is certified


def test_the_first_half_of_a_wide_run_does_not_count():
    trace = settled()
    before = wide._summary(trace, 0.01)
    trace[:, :32] = 1e6
    after = wide._summary(trace, 0.01)
    assert (after.value, after.stderr, after.certified) == (before.value, before.stderr, True)
    trace[:, 32] = 1e6
    assert not wide._summary(trace, 0.01).certified


def test_the_error_of_a_wide_run_is_that_of_batches_of_four():
    batches = np.array([[1.0, 3.0], [2.0, 6.0]]) + LEVEL
    kept = np.repeat(batches, 4, axis=1)
    result = wide._summary(np.hstack([kept, kept]), 1.0)
    # Batches 1, 3, 2, 6 about 3: variance 14/3, four of them; the groups are 2 and 4.
    assert result.value == LEVEL + 3
    assert result.details["apart"] == 2
    assert result.stderr == pytest.approx(math.hypot(math.sqrt(14 / 3 / 4), 1.0))
    # Within a batch nothing counts.
    waves = kept + np.tile([5.0, -5.0], 4)
    assert wide._summary(np.hstack([waves, waves]), 1.0).stderr == pytest.approx(result.stderr)


@pytest.mark.parametrize("share", [0.98, 1.02])
def test_an_error_of_batches_above_the_one_that_was_asked_for_is_refused(share):
    trace = np.tile(np.repeat([90.0, 110.0], 4), (4, 16))
    result = wide._summary(trace, 1.0)
    assert result.details["apart"] == result.details["drift"] == 0
    certified = wide._summary(trace, share * result.stderr / result.value).certified
    assert certified is (share > 1)


def test_a_run_is_doubled_until_it_is_certified_and_no_further():
    lengths = []

    def summary(trace):
        lengths.append(trace.shape[1])
        certified = trace.shape[1] >= enough
        return Tempered(value=1.0, stderr=0.1, method="x", certified=certified)

    for enough, expected in ((8, [8]), (9, [8, 16]), (60, [8, 16, 32, 50]), (8, [8])):
        lengths.clear()
        result = doubled(iter(np.ones((1000, 3))), summary, 3, 8, 50)
        assert lengths == expected
        assert result.certified is (enough <= 50)


def test_a_sampler_that_is_stuck_is_never_certified(monkeypatch):
    """From the call that problems make: chains that do not move stay where they were started."""
    weights = [np.eye(2), np.eye(2)]
    right = linear.linear_network(weights, 50.0, 1.0, num_chains=8, rtol=0.02)
    assert right.certified

    def stuck(self, state, rng):
        energy = self.excess_loss(state)
        return state, energy + 1e-3 * energy * rng.standard_normal(len(energy))

    monkeypatch.setattr(linear.LinearPosterior, "sweep", stuck)
    monkeypatch.setattr(linear.LinearPosterior, "fibre_move", lambda self, state, rng: state)
    wrong = linear.linear_network(weights, 50.0, 1.0, num_chains=8, rtol=10.0, max_sweeps=600)
    assert not wrong.certified
    assert wrong.details["rhat"] > 1.5


@pytest.mark.parametrize("energies", [[1.0, math.nan], [1.0, math.inf], [1.0]])
def test_chains_that_cannot_go_on_are_known_for_nothing_and_not_certified(energies):
    """The second sweep leaves the finite numbers, or there is none, although all are certified."""

    def certified(trace):
        return Tempered(value=1.0, stderr=0.0, method="block Gibbs", certified=True)

    sweeps = (np.full(4, energy) for energy in energies)
    lost = doubled(sweeps, certified, 4, 8, 8)
    assert math.isnan(lost.value)
    assert math.isnan(lost.stderr)
    assert not lost.certified
    assert lost.details["sweeps"] == len(energies)
    assert doubled(iter(np.ones((8, 4))), certified, 4, 8, 8).certified
