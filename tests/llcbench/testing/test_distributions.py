"""The statistical checks of the kit, against values worked out by hand on both sides of each limit.

On the quadratic with curvatures 1/4, 1, 4 and gamma a quarter of nbeta, the target has
``1/2 sum c / (c + 1/4) = 1/2 (1/2 + 4/5 + 16/17)``. At ``eps nbeta = 0.8 / 4.25`` Euler-Langevin
divides the terms by ``1 - eps nbeta (c + 1/4) / 4``, which is 83/85, 16/17 and 4/5.
"""

import math

import pytest
import wrong_samplers as wrong

from llcbench import MALA, SGLD, Exact
from llcbench.testing import NotConforming, check_sampler, named_checks
from llcbench.testing.conformance import distributions
from llcbench.testing.conformance.distributions import (
    check_bias_shrinks,
    check_stationary_distribution,
)

TARGET = 0.5 * (1 / 2 + 4 / 5 + 16 / 17)
EULER = 0.5 * (85 / 83 / 2 + 4 / 5 * 17 / 16 + 16 / 17 * 5 / 4)
ERROR = 0.01
# Sampler, what it is told to be, value of a right one, what is allowed beside the errors.
CASES = {
    "euler": (SGLD(1e-3), None, EULER, 0.0),
    "euler, told": (SGLD(1e-3), True, EULER, 0.0),
    "limit, told": (SGLD(1e-3), False, TARGET, 0.1 * TARGET),
    "rejects": (MALA(step_size=1e-3), None, TARGET, 0.0),
    "has no step": (Exact(), None, TARGET, 0.0),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("direction", [1, -1])
def test_a_mean_energy_may_be_five_errors_off(case: str, direction: int) -> None:
    sampler, langevin, truth, beside = CASES[case]
    for errors, passed in ((4.99, True), (5.01, False)):
        mean = truth + direction * (beside + errors * ERROR)
        if passed:
            check_stationary_distribution(sampler, langevin, lambda held=mean: (held, ERROR))
            continue
        with pytest.raises(NotConforming, match=rf"is {mean:.4f} \+- 0.0100; .* {truth:.4f} \("):
            check_stationary_distribution(sampler, langevin, lambda held=mean: (held, ERROR))


@pytest.mark.parametrize("case", CASES)
def test_the_message_says_what_it_was_compared_with(case: str) -> None:
    sampler, langevin, truth, _ = CASES[case]
    names = {"euler": "Euler-Langevin gives", "limit": "the target, 10 % off, gives"}
    expected = names.get(case.partition(",")[0], "the target gives")
    with pytest.raises(NotConforming) as raised:
        check_stationary_distribution(sampler, langevin, lambda: (3.25, 0.0625))
    message = str(raised.value)
    nbeta = 0.8 / 4.25 / 1e-3 if not isinstance(sampler, Exact) else 100.0
    assert message.startswith("nbeta E[L] on regular/d3 is 3.2500 +- 0.0625; ")
    assert f"{expected} {truth:.4f} (nbeta {nbeta:.4g}, gamma {nbeta / 4:.4g})" in message


def test_a_mean_energy_that_is_no_number_is_rejected() -> None:
    for mean, error in ((math.nan, 0.1), (EULER, math.nan)):
        with pytest.raises(NotConforming):
            check_stationary_distribution(SGLD(1e-3), None, lambda m=mean, e=error: (m, e))


def test_langevin_needs_a_step() -> None:
    with pytest.raises(NotConforming, match="langevin=True needs a hyper-parameter step_size"):
        check_stationary_distribution(Exact(), True, lambda: (TARGET, ERROR))


@pytest.mark.parametrize("direction", [1, -1])
def test_half_of_a_bias_may_stay(direction: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bias of 0.2 +- 0.08 at first: 0.1 and five times hypot(0.03, 0.04) are allowed after."""
    for fine, passed in ((0.1 + 0.2499, True), (0.1 + 0.2501, False)):
        seen = []

        def mean_energy(sampler, target, longer=1, value=TARGET + direction * fine, seen=seen):
            seen.append((sampler.step_size, target.nbeta, longer))
            return value, 0.03

        monkeypatch.setattr(distributions, "mean_energy", mean_energy)
        coarse = TARGET + direction * 0.2

        def check(held=coarse) -> None:
            check_bias_shrinks(SGLD(1e-3), lambda: (held, 0.08))

        if passed:
            check()
        else:
            with pytest.raises(NotConforming) as raised:
                check()
            assert str(raised.value) == (
                f"the bias is {direction * 0.2:+.4f} at step_size 0.001 and still"
                f" {direction * fine:+.4f} (error 0.0300) at a quarter of it"
            )
        # The same temperature, at a quarter of the step and three times the length.
        assert seen == [(2.5e-4, pytest.approx(0.8 / 4.25e-3), 3)]


@pytest.mark.parametrize("sampler", [MALA(step_size=1e-3), Exact()])
def test_samplers_without_a_bias_need_not_shrink_it(sampler, monkeypatch) -> None:
    monkeypatch.setattr(distributions, "mean_energy", lambda *_, **__: pytest.fail("measured"))
    check_bias_shrinks(sampler, lambda: (99.0, 0.01))


def test_all_failed_checks_are_reported_at_once() -> None:
    with pytest.raises(NotConforming) as raised:
        check_sampler(wrong.DeclinesAll())
    lines = str(raised.value).splitlines()
    names = [line.split(":")[0].strip() for line in lines[1:]]
    assert lines[0] == f"{len(names)} checks failed"
    assert len(names) >= 8
    assert set(names) < set(named_checks(wrong.DeclinesAll()))
    assert "moves" in names
    assert "parameters" not in names


@pytest.mark.parametrize(
    ("noise", "seen"), [(1.0, False), (1.02, True), (0.98, True)], ids=["right", "hot", "cold"]
)
def test_the_kit_sees_two_percent_of_noise(noise: float, seen: bool) -> None:
    """4 % of temperature, both ways; results/trust.md has rates for less and for more."""

    def step(theta, target, rng, *, step_size=1e-3):
        theta, draw = wrong.move(theta, target, rng, step_size, noise=noise)
        return theta, draw.loss

    check = named_checks(step)["stationary_distribution"]
    if seen:
        with pytest.raises(NotConforming, match="Euler-Langevin gives"):
            check()
    else:
        check()
