"""Traces of somebody else's SGLD: a loop in NumPy on a quadratic, and input that is refused."""

import numpy as np
import pytest

from llcbench import SGLDTrace, correct
from theory.langevin.euler import euler_langevin

A, NBETA, GAMMA, EPS = np.array([0.25, 1.0, 4.0]), 100.0, 100.0, 2e-3
TRUTH = 0.5 * float((NBETA * A / (NBETA * A + GAMMA)).sum())


def loop(chains=32, steps=900, seed=0):
    """Return losses, pulls, squared distances and squared gradients of Euler steps from 0."""
    rng = np.random.default_rng(seed)
    w, rows = np.zeros((chains, 3)), []
    for _ in range(steps):
        g = A * w
        products = [0.5 * (w * g).sum(1), (w * g).sum(1), (w * w).sum(1), (g * g).sum(1)]
        rows.append(products)
        noise = rng.standard_normal(w.shape)
        w = w - EPS / 2 * (NBETA * g + GAMMA * w) + EPS**0.5 * noise
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
    "changes", [{"step_size": 0.0}, {"nbeta": -1}, {"gamma": -1}, {"dim": 0}, {"num_burnin": 120}]
)
def test_arguments_out_of_range_are_refused(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        run(ROWS, **changes)


def test_too_few_draws_have_no_value():
    found = run(ROWS, num_burnin=115)
    assert (found.status, found.llc) == ("error", None)
    assert "draws" in found.message
    assert run(ROWS).status == "ok"
