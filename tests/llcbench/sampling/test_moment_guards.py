"""Every guard on the moments on both sides of its limit and in both directions."""

from dataclasses import dataclass, replace

import msgspec
import numpy as np
import pytest
from wrong_samplers import move

import llcbench
from llcbench import BAOAB, MALA, SGLD, LeimkuhlerMatthews, MeanEnergy, Settings
from llcbench.intervals import student_quantile
from llcbench.records import SETTING_GUARDS, Estimate, Guard, RunStatistic
from llcbench.sampling import moment_guards as limits
from llcbench.sampling.moment_guards import moment_guards
from llcbench.sampling.recorder import Recorded, RecordedPairs
from llcbench.sampling.virial import RunMoments
from llcbench.types import Discretisation

CHAINS, RECORDS, DIM = 8, 40, 2
STEPS = 16 * np.arange(RECORDS)
EPS = 0.01


def rows(mean, wiggle=0.0, sign=1.0):
    """Return ``(chains, records)`` whose chains have means ``mean +- wiggle``."""
    chain = np.where(np.arange(CHAINS) % 2, 1.0, -1.0)[:, None]
    return np.full((CHAINS, RECORDS), mean) + sign * wiggle * chain


def moments(*, scheme=None, minibatch=False, exact=True, pairs=None, **changes):
    """Return moments at nbeta = gamma = 1 that obey the virial: pull and distance are 1."""
    fields = {"loss": rows(0.5), "pull": rows(1.0), "distance": rows(1.0), "slope": rows(1.0)}
    recorded = Recorded(steps=STEPS, kinetic=None, pairs=pairs, **{**fields, **changes})
    return RunMoments(recorded, 1.0, 1.0, DIM, scheme, minibatch, exact)


def guards_of(held, llc=1.0, stderr=0.001, remaining=None):
    return {g.name: g for g in moment_guards(held, llc, stderr, remaining)}


def euler(eps=EPS):
    return {"scheme": Discretisation(eps), "exact": False}


# Spread of chain means +- w has the error w / sqrt(7).
def spread(error):
    return error * (CHAINS - 1) ** 0.5


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(
    ("value", "error", "passed"),
    [
        (0.99 * limits.DRIFT, 0.001, True),
        (1.01 * limits.DRIFT, 0.001, False),
        (0.3, 0.3 / (limits.ERRORS + 0.1), False),
        (0.3, 0.3 / (limits.ERRORS - 0.1), True),
    ],
)
def test_the_virial_of_an_exact_sampler(sign, value, error, passed):
    held = moments(pull=rows(1 + DIM * sign * value, DIM * spread(error)))
    result = guards_of(held)["virial"]
    assert result.value == pytest.approx(sign * value)
    assert result.passed == passed


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(("share", "passed"), [(0.99, True), (1.01, False)])
def test_the_drift_of_euler_steps_is_the_growth_of_the_distance(sign, share, passed):
    """Forces that are too noisy to say anything do not speak against it."""
    growth = -sign * share * limits.DRIFT * EPS * DIM
    distance = 1 + growth * STEPS[None] + rows(0.0, 1e-6)
    result = guards_of(moments(distance=distance, pull=rows(1.0, 9.0), **euler()))
    assert result["virial"].value == pytest.approx(sign * share * limits.DRIFT, rel=1e-6)
    assert result["virial"].passed == passed


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(("share", "passed"), [(0.99, True), (1.01, False)])
def test_the_drift_in_the_forces(sign, share, passed):
    """A discretisation that explains the excess is no drift: eps |grad U|^2 / 4 d = eps / 2."""
    eps, error = 0.2, 0.001
    pull = 1 + DIM * (sign * share * limits.DRIFT + eps / 2) / (1 - eps / 2)
    result = guards_of(moments(pull=rows(pull, DIM * spread(error)), **euler(eps)))["virial"]
    assert result.value == pytest.approx(sign * share * limits.DRIFT, rel=1e-6)
    assert result.passed == passed
    assert pull > 1.09


def test_a_sampler_without_known_bias_has_the_excess_for_its_virial():
    held = moments(pull=rows(1.5, 0.01), exact=False)
    assert guards_of(held)["virial"].value == pytest.approx(0.25)
    assert set(guards_of(held)) == {"virial", "plateau"}


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("share", [0.99, 1.01])
@pytest.mark.parametrize("error", [1e-6, 0.05])
def test_the_identity_of_euler_steps(sign, share, error):
    """``E r.g / d = 1 + eps E|g|^2 / 4 d``: with ``|grad U|^2 = 4`` the excess is eps / 2."""
    reach = student_quantile(1 - limits.FALSE_ALARM, CHAINS - 1) * error
    off = sign * share * max(limits.IDENTITY, reach)
    # 2 (off + eps/2) more pull adds 2 gamma pull eps / 4 d to the square of the gradient.
    pull = 1 + DIM * (off + EPS / 2) / (1 - EPS / 2)
    wiggle = DIM * spread(error) / (1 - EPS / 2)
    result = guards_of(moments(pull=rows(pull, wiggle), **euler()))["identity"]
    assert result.value == pytest.approx(off, rel=1e-6)
    assert result.passed == (share < 1)


def test_the_identity_holds_for_euler_steps_only():
    assert "identity" in guards_of(moments(**euler()))
    assert "identity" not in guards_of(moments())
    for other in (Discretisation(EPS, 0.0), Discretisation(EPS, 1.0, 2.0)):
        assert "identity" not in guards_of(moments(scheme=other, exact=False))


def test_the_identity_holds_on_the_way_to_equilibrium():
    """Drift is in both of its sides: distance grows by eps d times what the virial lacks."""
    lack = 0.2
    held = moments(pull=rows(1.0), distance=1 + lack * EPS * DIM * STEPS[None] + rows(0.0, 1e-6))
    recorded = held.recorded
    # Chosen so that pull + distance = d (1 - lack) + eps |g|^2 / 4 in every record.
    square = recorded.slope + 2 * recorded.pull + recorded.distance
    pull = DIM * (1 - lack) + EPS * square / 4 - recorded.distance
    for _ in range(20):
        square = recorded.slope + 2 * pull + recorded.distance
        pull = DIM * (1 - lack) + EPS * square / 4 - recorded.distance
    moved = replace(
        held, recorded=replace(recorded, pull=pull), discretisation=Discretisation(EPS), exact=False
    )
    result = guards_of(moved)
    assert abs(result["identity"].value) < 1e-6
    assert result["virial"].value == pytest.approx(-lack, rel=1e-3)
    assert not result["virial"].passed


@pytest.mark.parametrize("error", [0.001, 3 * limits.BIAS])
@pytest.mark.parametrize(("share", "passed"), [(0.99, True), (1.01, False)])
def test_the_bias_of_the_steps(error, share, passed):
    """D is ``eps / 4 (|grad L|^2 + gamma pull) / pull`` = eps / 2, against limit or error bar."""
    eps = 2 * share * max(limits.BIAS, error)
    result = guards_of(moments(**euler(eps)), llc=2.0, stderr=2 * error)["discretisation"]
    assert result.value == pytest.approx(eps / 2)
    assert result.passed == passed


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(("share", "passed"), [(0.99, True), (1.01, False)])
def test_the_bias_that_a_correction_leaves(sign, share, passed):
    """An estimator that has corrected for D says what remains; D itself is then no fault."""
    left = RunStatistic(value=sign * share * limits.BIAS, stderr=0.0)
    result = guards_of(moments(**euler(1.0)), remaining=left)
    assert result["discretisation"].value == left.value
    assert result["discretisation"].passed == passed
    assert not guards_of(moments(**euler(1.0)))["discretisation"].passed


def noisy(noise):
    pairs = RecordedPairs(STEPS, rows(noise), rows(0.5), rows(0.5), rows(1.0))
    return {"pairs": pairs, "minibatch": True, "slope": rows(max(noise, 1.0))}


@pytest.mark.parametrize("error", [0.001, 3 * limits.NOISE])
@pytest.mark.parametrize(("share", "passed"), [(0.99, True), (1.01, False)])
def test_the_noise_of_minibatches(error, share, passed):
    """Their part of D is ``eps / 4 noise / pull``."""
    noise = 4 * share * max(limits.NOISE, error) / EPS
    result = guards_of(moments(**euler(), **noisy(noise)), stderr=error)["batch_noise"]
    assert result.value == pytest.approx(EPS * noise / 4)
    assert result.passed == passed
    assert "batch_noise" not in guards_of(moments(**euler()))
    corrected = RunStatistic(value=0.0, stderr=0.0)
    again = guards_of(moments(**euler(), **noisy(noise)), stderr=error, remaining=corrected)
    assert again["batch_noise"].passed == passed


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(("share", "passed"), [(0.98, True), (1.02, False)])
def test_the_plateau_of_gamma(sign, share, passed):
    """``-gamma/2 Cov(nbeta L, |r|^2) log 2``; without spread of its own, nbeta moves nothing."""
    steep = share * limits.CHANGE / np.log(2)
    wave = np.where(np.arange(RECORDS) % 2, 1.0, -1.0)[None]
    held = moments(loss=steep**0.5 + rows(0.0) + steep**0.5 * wave * 1.0, distance=rows(1.0))
    lifted = replace(held.recorded, distance=1 - sign * 2 * steep**0.5 * wave + rows(0.0))
    result = guards_of(replace(held, recorded=lifted))["plateau"]
    gamma = replace(held, recorded=lifted).by_gamma()
    assert gamma is not None
    assert gamma.value == pytest.approx(sign * steep)
    nbeta = replace(held, recorded=lifted).by_nbeta()
    assert nbeta is not None
    # The estimate of 1 has nothing to do with these losses: what counts is the larger change.
    worst = max(abs(gamma.value), abs(nbeta.value)) * np.log(2)
    assert result.value == pytest.approx(worst)
    assert result.passed == (worst <= limits.CHANGE)
    # Relative to the estimate.
    twice = guards_of(replace(held, recorded=lifted), llc=-2.0)["plateau"]
    assert twice.value == pytest.approx(worst / 2)
    assert twice.passed == (worst <= 2 * limits.CHANGE)
    assert passed or not result.passed


def test_a_change_within_its_errors_is_none():
    rng = np.random.default_rng(0)
    few = moments(loss=0.5 + 0.5 * rng.standard_normal((CHAINS, RECORDS)))
    far = guards_of(few, llc=0.5)["plateau"]
    slope = few.by_nbeta()
    assert slope is not None
    assert slope.stderr is not None
    errors = student_quantile(limits.CHANGE_LEVEL, CHAINS - 1)
    assert far.value > limits.CHANGE
    assert far.passed == (abs(slope.value) <= errors * slope.stderr)


def test_a_failed_plateau_is_a_note_on_the_setting():
    names = ("plateau", "virial")
    failed = [
        Guard(name=name, value=1.0, limit="<= 0.1", passed=False, meaning="") for name in names
    ]
    kept = {"status": "ok", "llc": 1.0, "nbeta": 1.0, "gamma": 1.0}
    assert {"plateau", "minimum"} == SETTING_GUARDS
    assert Estimate(guards=failed[:1], **kept).converged
    assert not Estimate(guards=failed, **kept).converged
    assert [guard.name for guard in Estimate(guards=failed, **kept).failed_guards] == ["virial"]


@dataclass(frozen=True)
class Euler:
    """SGLD with a factor at every place where it can be wrong.

    Attributes:
        step_size: eps.
        noise: Factor of the noise.
        nbeta: Factor of nbeta.
        gamma: Factor of gamma.
    """

    step_size: float = 4e-4
    noise: float = 1.0
    nbeta: float = 1.0
    gamma: float = 1.0

    @property
    def discretisation(self):
        return Discretisation(self.step_size)

    def init(self, theta, target, rng):
        return theta

    def step(self, state, target, rng):
        factors = {"noise": self.noise, "nbeta": self.nbeta, "gamma": self.gamma}
        return move(state, target, rng, self.step_size, **factors)


@pytest.mark.parametrize("burnin", [0, 400])
@pytest.mark.parametrize(
    ("wrong", "seen"),
    [
        ({}, False),
        ({"noise": 1.03}, True),
        ({"noise": 0.97}, True),
        ({"nbeta": 2.0}, True),
        ({"nbeta": 0.5}, True),
        ({"gamma": 0.0}, True),
    ],
)
def test_only_a_wrong_sampler_fails_the_identity(wrong, seen, burnin):
    """At equilibrium and before it; of the runs of the right one, one in 10 000 would fail."""
    settings = Settings(
        nbeta=1e3, gamma=100.0, num_chains=32, num_draws=2000 - burnin, num_burnin=burnin
    )
    found = MeanEnergy(Euler(**wrong), settings).estimate(llcbench.problem("regular/d10"))
    (identity,) = (guard for guard in found.guards if guard.name == "identity")
    print(wrong, identity.value, identity.limit)
    assert identity.passed != seen


SETTINGS = Settings(nbeta=1e3, gamma=10.0, num_chains=16, num_draws=800, num_burnin=400)


@pytest.mark.parametrize(
    ("sampler", "failed"),
    [
        (SGLD(2e-5), set()),
        (SGLD(4e-4), {"discretisation"}),
        (LeimkuhlerMatthews(4e-4), set()),
        (BAOAB(4e-4), set()),
        (MALA(), set()),
    ],
)
def test_the_step_in_a_run(sampler, failed):
    found = MeanEnergy(sampler, SETTINGS).estimate(llcbench.problem("regular/d5"))
    moment = {"virial", "identity", "discretisation", "batch_noise"}
    assert {guard.name for guard in found.failed_guards} & moment == failed


@pytest.mark.parametrize(("step", "felt"), [(1e-5, False), (1e-3, True)])
def test_a_localisation_that_was_not_felt_in_a_run(step, felt):
    """Eight flat directions of ten, in which only gamma pulls."""
    settings = msgspec.structs.replace(SETTINGS, nbeta=100.0)
    found = MeanEnergy(LeimkuhlerMatthews(step), settings).estimate(
        llcbench.problem("poly/x2-flat8")
    )
    (virial,) = (guard for guard in found.guards if guard.name == "virial")
    assert virial.passed == felt
    assert felt or virial.value < -limits.DRIFT
