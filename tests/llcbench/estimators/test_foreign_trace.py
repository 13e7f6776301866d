"""Traces of somebody else's SGLD: a loop in NumPy on a quadratic, and input that is refused."""

import numpy as np
import pytest

import llcbench
from llcbench import SGLD, MeanEnergy, Settings, SGLDTrace, correct
from theory.langevin.euler import euler_langevin

A, NBETA, GAMMA, EPS = np.array([0.25, 1.0, 4.0]), 100.0, 100.0, 2e-3
TRUTH = 0.5 * float((NBETA * A / (NBETA * A + GAMMA)).sum())


def loop(chains=32, steps=900, seed=0, *, eps=EPS, gamma=GAMMA, noise=1.0, every=1):
    """Return losses, pulls, squared distances and squared gradients of Euler steps from 0."""
    rng = np.random.default_rng(seed)
    w, rows = np.zeros((chains, 3)), []
    for step in range(steps):
        g = A * w
        products = [0.5 * (w * g).sum(1), (w * g).sum(1), (w * w).sum(1), (g * g).sum(1)]
        if step % every == 0:
            rows.append(products)
        xi = noise * rng.standard_normal(w.shape)
        w = w - eps / 2 * (NBETA * g + gamma * w) + eps**0.5 * xi
    return [np.array(row).T for row in zip(*rows, strict=True)]


def run(rows, **changes):
    options = {"step_size": EPS, "nbeta": NBETA, "gamma": GAMMA, "dim": 3, "num_burnin": 100}
    return correct(SGLDTrace(*rows), **{**options, **changes})


def test_a_loop_of_its_own_is_corrected():
    rows = loop()
    found = run(rows, minibatch=False)
    raw = NBETA * rows[0][:, 100:].mean()
    assert found.status == "ok"
    assert abs(found.llc - TRUTH) < 4 * found.mcse
    assert abs(raw - euler_langevin(A, NBETA, GAMMA, EPS).llc) < 4 * found.mcse / (TRUTH / raw)
    assert abs(raw - TRUTH) > 8 * found.mcse
    assert found.virial.discretisation.value > 0.1
    assert found.dllc_dlog_gamma is not None
    assert found.dllc_dlog_nbeta is not None
    assert run(rows).dllc_dlog_nbeta is None
    # Control: of a step that is not the one that was made.
    assert abs(run(rows, step_size=EPS / 4).llc - TRUTH) > 8 * found.mcse


def test_one_chain_as_lists_is_enough():
    found = run([row.tolist() for row in loop(chains=1, steps=4000)])
    assert found.status == "ok"
    assert abs(found.llc - TRUTH) < 5 * found.mcse


def failed(answer):
    return {guard.name for guard in answer.failed_guards}


LISTED = ["rhat", "ess_bulk", "split_half", "negative"]
MEASURED = ["virial", "identity", "discretisation"]


def test_a_trace_gets_the_guards_that_it_allows():
    """Those of our own estimators, by their functions; none that needs the loss."""
    found = run(loop(), minibatch=False)
    names = [guard.name for guard in found.guards]
    assert names == [*LISTED, *MEASURED, "plateau"]
    assert found.converged
    # With minibatches the sensitivity to nbeta is not known, that to gamma is.
    assert [guard.name for guard in run(loop()).guards] == names
    ours = MeanEnergy(SGLD(1e-3), Settings(nbeta=100.0, num_draws=200)).estimate(
        llcbench.problem("regular/d5")
    )
    theirs = {guard.name: (guard.limit, guard.meaning) for guard in ours.guards}
    assert set(theirs) == {*names, "rounding"}
    for guard in found.guards[:4]:
        assert theirs[guard.name] == (guard.limit, guard.meaning)


SLOW = {"eps": 2e-5, "gamma": 0.01}
FAULTS = {
    "not equilibrated": (SLOW, {"step_size": 2e-5, "gamma": 0.01}, "virial"),
    "too much noise": ({"noise": 1.08}, {}, "identity"),
    "another localisation": ({}, {"gamma": 2 * GAMMA}, "identity"),
    "another step": ({}, {"step_size": 1.3 * EPS}, "identity"),
    "records at every fourth step": (
        SLOW | {"every": 4, "steps": 1600, "chains": 200},
        {"step_size": 2e-5, "gamma": 0.01}, "identity",
    ),
    "few draws": ({"steps": 130, "chains": 4}, {}, "ess_bulk"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_with_a_trace_is_seen(name):
    made, said, guard = FAULTS[name]
    assert guard in failed(run(loop(**made), minibatch=False, **said))


def test_a_right_trace_passes_in_nine_of_ten_cases():
    """A false alarm of either of two z-tests at 3 errors, or of R-hat, is rare."""
    passed = [run(loop(seed=seed), minibatch=False).converged for seed in range(20)]
    assert sum(passed) >= 18


def test_records_at_every_fourth_step_are_read_as_such():
    """Drift and identity are per step: what is said of the records has to be true."""
    said = {"step_size": 2e-5, "gamma": 0.01}
    rows = loop(chains=200, steps=1600, every=4, **SLOW)
    right, wrong = (run(rows, minibatch=False, record_every=n, **said) for n in (4, 1))
    assert "identity" not in failed(right)
    assert "identity" in failed(wrong)
    assert wrong.virial.drift.value == pytest.approx(4 * right.virial.drift.value)
    assert right.llc == wrong.llc


def test_without_localisation_no_proof_is_known_and_repeats_are_seen():
    rows = loop(gamma=0.0)
    assert failed(run(rows, gamma=0.0, minibatch=False)) == {"proper"}
    stays = loop()
    for row in stays:
        row[0, 300:500] = row[0, 300]
    assert "stuck" in failed(run(stays, minibatch=False))
    still = [np.where(np.arange(32)[:, None] == 0, row[:, :1] + 1e-3, row) for row in loop()]
    assert "moving" in failed(run(still, minibatch=False))


ROWS = loop(chains=4, steps=120)
WRONG = {
    "a flat trace": ([ROWS[0][0], *ROWS[1:]], "give \\(chains, draws\\)"),
    "no numbers": ([[["a"]], *ROWS[1:]], "no array of numbers"),
    "ragged": ([[[1.0], [1.0, 2.0]], *ROWS[1:]], "no array of numbers"),
    "nothing": ([np.empty((4, 0)), *ROWS[1:]], "give \\(chains, draws\\)"),
    "other steps": ([*ROWS[:3], ROWS[3][:, ::2]], "record all four at the same steps"),
    "not finite": ([ROWS[0], np.where(ROWS[1] > 0, np.nan, 0), *ROWS[2:]], "are not finite"),
    "norms": ([*ROWS[:2], ROWS[2] - 1, ROWS[3]], "are squares"),
}


@pytest.mark.parametrize("name", WRONG)
def test_defects_of_a_trace_are_one_line(name):
    rows, message = WRONG[name]
    with pytest.raises(ValueError, match=message) as caught:
        SGLDTrace(*rows)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"step_size": 0.0}, {"nbeta": -1}, {"gamma": -1}, {"dim": 0}, {"num_burnin": 120},
        {"record_every": 0},
    ],
)  # fmt: skip
def test_arguments_out_of_range_are_refused(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        run(ROWS, **changes)


def test_too_few_draws_have_no_value():
    found = run(ROWS, num_burnin=115)
    assert (found.status, found.llc) == ("error", None)
    assert "draws" in found.message
    assert run(ROWS).status == "ok"
