"""Verdicts worked out by hand: both sides of a limit, both directions, every line of a message.

Quantiles are those of printed tables of Student's t, or of its closed forms for one and two degrees
of freedom.
"""

import math
from itertools import product

import msgspec
import pytest

from llcbench.intervals import student_quantile
from llcbench.records import (
    Estimate,
    ExactValue,
    Guard,
    RunRecord,
    Spec,
    Status,
    TemperedTruth,
    Truths,
)
from llcbench.run.store import key_of
from llcbench.scoring import Uncertain, scores
from llcbench.settings import Settings
from llcbench.testing.gate import Verdict, judge, missed
from llcbench.testing.limits import allowance_of, limit_of

GUARD = Guard(name="stability", value=1.25, limit="<= 0.5", passed=False, meaning="too long a step")
KEPT = msgspec.structs.replace(GUARD, name="rhat", passed=True)
TEST = "tests/test_it.py::test_it"


def run(
    replicate: int = 0,
    llc: float | None = 2.0,
    mcse: float | None = 0.1,
    *,
    chains: int = 4,
    per_chain: list[float] | None = None,
    tempered: float | None = 2.0,
    truth_se: float = 0.0,
    certified: bool = True,
    local: str = "5/2",
    status: Status = "ok",
    problem: str = "poly/x2",
    estimator: str = "mean_energy",
    freedom: float | None = None,
    guards: tuple[Guard, ...] = (),
) -> RunRecord:
    """Return a run; ``freedom`` is that of its own interval, None for chains less one."""
    settings = Settings(nbeta=1e3, gamma=7.0, num_chains=chains, num_draws=600, num_burnin=300)
    spec = Spec(
        problem=problem, problem_version=1, estimator=estimator, sampler="sgld",
        parameters={"step_size": 1e-3}, settings=settings, seed=3, replicate=replicate,
    )  # fmt: skip
    interval = None
    if llc is not None and mcse is not None:
        reach = student_quantile(0.9, freedom or max(chains - 1, 1)) * mcse
        interval = (llc - reach, llc + reach)
    estimate = Estimate(
        status=status, message="it stopped" if status != "ok" else "", llc=llc, mcse=mcse,
        stderr=mcse, interval=interval, llc_per_chain=per_chain or [], ess_bulk=321.0 + replicate,
        rhat=1.015 + replicate / 100, nbeta=1e3, gamma=7.0, guards=list(guards),
    )  # fmt: skip
    truth = None
    if tempered is not None:
        truth = TemperedTruth(
            value=tempered, stderr=truth_se, method="quadrature", certified=certified
        )
    truths = Truths(
        local=ExactValue(value=local, multiplicity=2, source=""),
        global_=ExactValue(value="9/4", multiplicity=1, source=""),
        tempered=truth,
    )
    return RunRecord(key=key_of(spec), spec=spec, truths=truths, estimate=estimate, environment="")


def verdict(
    records: list[RunRecord],
    against: str = "tempered",
    false_alarm: float = 0.05,
    z: float | None = None,
) -> Verdict:
    (score,) = scores(records)
    return judge(score, records, against, TEST, false_alarm=false_alarm, z=z)


# Two-sided 5 % and 1 % points from a printed table.
TABLE = {1: (12.706, 63.657), 3: (3.182, 5.841), 9: (2.262, 3.250), 15: (2.131, 2.947)}


@pytest.mark.parametrize("freedom", TABLE)
def test_limits_are_two_sided_quantiles_of_student(freedom: int) -> None:
    limits = [round(limit_of(freedom, false_alarm), 3) for false_alarm in (0.05, 0.01)]
    assert limits == pytest.approx(TABLE[freedom], abs=6e-4)


def test_limits_far_out_have_their_closed_forms() -> None:
    """With p = a/2: 1 / tan(pi p) for one degree, (1 - 2p) / sqrt(2 p (1 - p)) for two."""
    for tail in (0.5e-6, 0.5e-3):
        assert limit_of(1, 2 * tail) == pytest.approx(1 / math.tan(math.pi * tail), rel=1e-6)
        two = (1 - 2 * tail) / math.sqrt(2 * tail * (1 - tail))
        assert limit_of(2, 2 * tail) == pytest.approx(two, rel=1e-6)
    assert limit_of(math.inf, 0.05) == pytest.approx(1.959964, abs=1e-6)
    assert limit_of(math.inf, 1e-6) == pytest.approx(4.891638, abs=1e-6)


# Errors of 0.1 a run and Student's t of 3 degrees a replicate: (chains, replicates, limit at 5 %).
LIMITS = [(4, 1, 3.182), (4, 3, 2.262), (16, 1, 2.131)]


@pytest.mark.parametrize(("chains", "replicates", "limit"), LIMITS)
@pytest.mark.parametrize("against", ["tempered", "local"])
@pytest.mark.parametrize("direction", [1, -1])
def test_both_sides_of_the_limit_in_both_directions(
    chains: int, replicates: int, limit: float, against: str, direction: int
) -> None:
    truth = 2.0 if against == "tempered" else 2.5
    for share, passed in ((0.99, True), (1.01, False)):
        llc = truth + direction * share * limit * 0.1 / math.sqrt(replicates)
        records = [run(r, llc, chains=chains) for r in range(replicates)]
        outcome = verdict(records, against)
        assert outcome.passed is passed
        reason = "within the limit" if passed else f"the estimate is off the {against} value"
        assert outcome.message.splitlines()[0] == f"sgld[step_size=0.001] on poly/x2: {reason}"


def test_the_error_of_the_tempered_value_counts() -> None:
    """Errors of 0.3 and 0.4 are one of 0.5; three of 0.3 would be 0.9, which is passed."""
    assert verdict([run(llc=3.1, mcse=0.3, truth_se=0.4)], z=3.0).passed
    assert not verdict([run(llc=3.6, mcse=0.3, truth_se=0.4)], z=3.0).passed
    assert not verdict([run(llc=3.4, mcse=0.3, truth_se=0.4)], "local", z=2.9).passed


def test_a_given_limit_is_the_limit() -> None:
    assert verdict([run(llc=2.99)], z=10.0).passed
    assert not verdict([run(llc=3.01)], z=10.0).passed
    assert (
        "z = 9.90, limit 10.00, against the tempered value (given)"
        in verdict([run(llc=2.99)], z=10.0).message
    )
    for z in (-1.0, math.nan):
        with pytest.raises(ValueError, match="z must be a number of standard errors"):
            verdict([run()], z=z)


def test_another_truth_is_refused() -> None:
    with pytest.raises(ValueError, match="must be 'tempered' or 'local', got 'global'"):
        verdict([run()], "global")


FEW = [(1, 1), (2, 1), (3, 1), (1, 3)]


@pytest.mark.parametrize(("chains", "replicates"), FEW)
@pytest.mark.parametrize("with_chains", [True, False])
def test_fewer_than_four_chains_in_all_have_no_limit(
    chains: int, replicates: int, with_chains: bool
) -> None:
    """The estimate is the truth: it is refused for its error alone."""
    records = [
        run(r, chains=chains, per_chain=[2.0] * chains if with_chains else None)
        for r in range(replicates)
    ]
    outcome = verdict(records)
    assert not outcome.passed
    units = chains * replicates if with_chains else replicates
    counted = "chains" if with_chains else "replicates"
    assert f"{units} {counted} in all give no error that a false alarm of 0.05 can rest on" in (
        outcome.message
    )
    assert ("use num_chains=4 or more" if with_chains else "use more replicates") in outcome.message
    assert "limit nan" in outcome.message
    # A limit that the user answers for is taken.
    assert verdict(records, z=3.0).passed


def test_few_chains_a_run_are_judged_by_the_spread_of_all_of_them() -> None:
    """Chains 1, 2, 3 and 6 above a truth of 2: mean 1, variance 14 / 3, error sqrt(7 / 6)."""
    records = [
        run(0, 1.5, mcse=0.01, chains=2, per_chain=[1.0, 2.0]),
        run(1, 4.5, mcse=0.01, chains=2, per_chain=[3.0, 6.0]),
    ]
    (score,) = scores(records)
    allowed = allowance_of(score, records, "tempered")
    assert (allowed.units, allowed.freedom, allowed.counted) == (4, 3.0, "chains")
    assert allowed.bias is not None
    assert allowed.bias.value == pytest.approx(1.0)
    # The spread of the two replicates is larger: sd 3 / sqrt(2), error 3 / 2.
    assert allowed.bias.stderr == pytest.approx(1.5)
    flat = [
        run(0, 3.5, mcse=0.01, chains=2, per_chain=[1.0, 6.0], truth_se=0.5),
        run(1, 2.5, mcse=0.01, chains=2, per_chain=[2.0, 3.0], truth_se=0.5),
    ]
    (score,) = scores(flat)
    bias = allowance_of(score, flat, "tempered").bias
    assert bias is not None
    assert bias.stderr == pytest.approx(math.hypot(math.sqrt(7 / 6), 0.5))
    assert verdict(records).passed  # 1 / 1.5 within 3.182
    assert not verdict([msgspec.structs.replace(r, estimate=shifted(r, 5.0)) for r in records])[0]


def shifted(record: RunRecord, by: float) -> Estimate:
    estimate = record.estimate
    assert estimate.llc is not None
    chains = [value + by for value in estimate.llc_per_chain]
    return msgspec.structs.replace(estimate, llc=estimate.llc + by, llc_per_chain=chains)


def test_chains_are_compared_with_the_truth_of_their_own_data() -> None:
    """Each is 0.1 off its truth, up or down, while the truths differ by 2."""
    records = [
        run(0, 2.0, mcse=0.01, chains=2, per_chain=[2.1, 1.9], tempered=2.0),
        run(1, 4.0, mcse=0.01, chains=2, per_chain=[4.1, 3.9], tempered=4.0),
    ]
    (score,) = scores(records)
    bias = allowance_of(score, records, "tempered").bias
    assert bias is not None
    assert bias.stderr == pytest.approx(math.sqrt(4 * 0.01 / 3 / 4))


def test_the_local_coefficient_with_data_is_judged_by_replicates() -> None:
    """Data sets differ by more than chains do: 4 of them have 3 degrees of freedom, not 12."""
    values = (1.0, 2.0, 3.0, 6.0)
    records = [run(r, v, mcse=0.01, problem="poly/x2/n50") for r, v in enumerate(values)]
    (score,) = scores(records)
    allowed = allowance_of(score, records, "local")
    assert (allowed.units, allowed.freedom, allowed.counted) == (4, 3.0, "replicates")
    assert allowed.bias == score.bias_local
    assert score.bias_local is not None
    assert score.bias_local.stderr == pytest.approx(math.sqrt(7 / 6))
    assert allowance_of(score, records, "tempered").freedom == 12.0
    three = verdict(records[:3], "local")
    assert "3 replicates in all give no error" in three.message
    assert "use more replicates" in three.message
    # In population all replicates share the truth, and chains count.
    plain = [run(r, v) for r, v in enumerate(values)]
    assert allowance_of(scores(plain)[0], plain, "local").freedom == 12.0


def test_other_estimators_have_the_freedom_that_they_state() -> None:
    """Equal errors of 2 degrees each: 3 runs have 6. Unequal ones by the formula, here 1.47."""
    records = [run(r, chains=16, estimator="regression", freedom=2) for r in range(3)]
    (score,) = scores(records)
    assert allowance_of(score, records, "tempered").freedom == pytest.approx(6.0, rel=1e-3)
    uneven = [
        run(r, mcse=m, chains=16, estimator="regression", freedom=f)
        for r, (m, f) in enumerate([(0.3, 1), (0.1, 3), (0.1, 3)])
    ]
    expected = 0.11**2 / (0.09**2 / 1 + 2 * 0.01**2 / 3)
    allowed = allowance_of(scores(uneven)[0], uneven, "tempered")
    assert allowed.freedom == pytest.approx(expected, rel=1e-3)
    plain = [run(r, chains=16, freedom=2) for r in range(3)]
    assert allowance_of(scores(plain)[0], plain, "tempered").freedom == 45.0


@pytest.mark.parametrize("status", ["timeout", "diverged", "skipped", "crashed", "not_finite"])
def test_one_failed_run_fails_the_gate(status: Status) -> None:
    records = [run(0), run(1, None, None, status=status), run(2)]
    outcome = verdict(records, z=100.0)
    assert not outcome.passed
    assert f"1 of 3 runs failed ({status}: it stopped)" in outcome.message


def test_all_failed_runs_have_no_bias_line() -> None:
    outcome = verdict([run(0, None, None, status="error")])
    assert not outcome.passed
    assert "1 of 1 runs failed (error: it stopped)" in outcome.message
    assert "  bias" not in outcome.message
    assert "  estimate   none (1 replicates" in outcome.message


def test_a_missing_truth_fails_the_gate() -> None:
    outcome = verdict([run(tempered=None)], z=100.0)
    assert not outcome.passed
    assert "there is no tempered value to compare with; use against='local'" in outcome.message
    assert verdict([run(llc=2.5, tempered=None)], "local").passed
    lacking = msgspec.structs.replace(run(1), truths=None)
    assert not verdict([run(0), lacking], z=100.0).passed


@pytest.mark.parametrize("which", [(True, False), (False, True), (False, False)])
def test_one_uncertified_truth_fails_the_gate(which: tuple[bool, bool]) -> None:
    outcome = verdict([run(r, certified=c) for r, c in enumerate(which)], z=100.0)
    assert not outcome.passed
    assert "the tempered value (quadrature) is not certified" in outcome.message
    local = verdict([run(r, 2.5, certified=c) for r, c in enumerate(which)], "local")
    assert local.passed


def test_bounds_are_no_local_coefficient() -> None:
    outcome = verdict([run(local="[2, 5/2]")], "local", z=100.0)
    assert not outcome.passed
    assert "the local coefficient is not known exactly: [2, 5/2]" in outcome.message
    assert verdict([run(local="[2, 5/2]")]).passed


@pytest.mark.parametrize("stderr", [0.0, math.inf, math.nan])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_bias_without_an_error_is_judged_by_nothing(stderr: float, value: float) -> None:
    reason = missed(Uncertain(value, stderr), "local", 5.0)
    assert reason is not None
    assert "no error to judge it by" in reason


def test_a_bias_that_is_no_number_misses() -> None:
    assert missed(Uncertain(math.nan, 1.0), "local", 5.0) == "the estimate is off the local value"
    assert missed(None, "tempered", 5.0) == "the estimate is off the tempered value"
    # No limit is no permission.
    assert missed(Uncertain(0.0, 1.0), "local", math.nan) is not None


def test_failed_guards_are_named_and_change_no_verdict() -> None:
    records = [run(0, guards=(GUARD, KEPT)), run(1, guards=(KEPT,)), run(2, guards=(GUARD,))]
    outcome = verdict(records)
    assert (outcome.passed, outcome.failed_guards) == (True, ("stability",))
    assert verdict([run(r, 3.0, guards=(GUARD,)) for r in range(3)]).failed_guards
    assert verdict([run(0, guards=(KEPT,))]).failed_guards == ()


def test_every_line_of_the_message() -> None:
    records = [
        run(0, 2.25, 0.5, truth_se=0.125, guards=(GUARD,)),
        run(1, 2.75, 0.5, truth_se=0.125),
    ]
    command = (
        "llcbench run smoke -p poly/x2 -s 'sgld[step_size=0.001]' --replicates 2 --seed 3"
        " --set nbeta=1000.0 --set gamma=7.0 --set num_chains=4 --set num_draws=600"
        " --set num_burnin=300 --set batch_size=none --set start=w_star"
        " --store build/gate && llcbench score --store build/gate"
    )
    # Error of the mean 0.5 / sqrt(2), with 0.125 of the truth 0.375.
    assert verdict(records).message.splitlines() == [
        "sgld[step_size=0.001] on poly/x2: within the limit",
        "  estimate   2.5 +- 0.35 (2 replicates, 4 chains x 600 draws after 300)",
        "  setting    nbeta 1000, gamma 7",
        "  tempered   2 +- 0.12 (quadrature)",
        "  local      5/2 (multiplicity 2)",
        "  global     9/4",
        "  R-hat      1.025 at most; ESS 321 at least",
        "  guard      stability failed in 1 of 2 runs (1.25, wanted <= 0.5: too long a step)",
        "  bias       +0.5 +- 0.38, z = 1.33, limit 2.45, against the tempered value"
        " (false alarm 0.05, 6 degrees of freedom)",
        f"  reproduce  {command}",
    ]


def test_lines_that_depend_on_what_is_there() -> None:
    lines = verdict([run(0)]).message.splitlines()
    assert "  guards     all passed" in lines
    bare = msgspec.structs.replace(run(0).estimate, rhat=None, ess_bulk=None)
    record = msgspec.structs.replace(run(0), estimate=bare)
    lines = verdict([record]).message.splitlines()
    assert "  guards     none" in lines
    assert not any("R-hat" in line for line in lines)
    assert any(
        "against the local value" in line for line in verdict([run(0)], "local")[1].split("\n")
    )


@pytest.mark.parametrize(
    ("sampler", "estimator"),
    list(product(["sgld", "object.mine"], ["mean_energy", "regression[rungs=3]", "object.mine"])),
)
def test_only_what_has_a_name_is_reproduced_by_a_command(sampler: str, estimator: str) -> None:
    record = run(0)
    spec = msgspec.structs.replace(record.spec, sampler=sampler, estimator=estimator)
    message = verdict([msgspec.structs.replace(record, spec=spec)], z=5.0).message
    named = sampler == "sgld" and estimator != "object.mine"
    assert ("  reproduce  llcbench run" in message) is named
    own = f"  reproduce  pytest {TEST} --llc-seed 3 --llc-replicates 1"
    assert (own in message) is not named
