"""Runs as arrays: every field of a record arrives where it belongs."""

import math

import msgspec
import numpy as np
import pytest

from llcbench.compare.entries import case_of
from llcbench.compare.runs import Runs, cases_of, runs_of, slots_of
from llcbench.records import Guard
from llcbench.settings import Settings


def array_of(*records) -> Runs:
    return runs_of(records, cases_of(records), slots_of(records))


def values(*records) -> dict[str, float]:
    """Return the values of the first run."""
    return {name: float(array[0, 0]) for name, array in array_of(*records)._asdict().items()}


def changed(record, **fields):
    return msgspec.structs.replace(
        record, estimate=msgspec.structs.replace(record.estimate, **fields)
    )


def test_every_field_by_hand(make_run) -> None:
    """Estimate 2.2, tempered 2, local 8/5: no two fields have one value."""
    record = make_run(
        error=0.1, tempered=2.0, local="8/5", mcse=0.06, truth_se=0.08, grads=1234, tuning=77,
        seconds=3.5, settings=Settings(nbeta=1e3, num_chains=64, num_draws=300, num_burnin=100),
    )  # fmt: skip
    found = values(changed(record, seconds_setup=0.25))
    assert found == pytest.approx({
        "tried": 1, "failed": 0, "flagged": 0, "error": 0.1, "error_local": 0.375,
        "noise": 0.0009, "truth": 0.0016, "covered": 0, "estimate": 2.2, "local": 1.6,
        "tempered": 2.0, "ess_rate": 400 / 1234, "grads": 1234, "burnin": 0.25, "seconds": 3.75,
        "peak_bytes": 2**20, "tuning": 77,
    })  # fmt: skip


def test_a_failed_run_has_no_estimate_and_counts(make_run) -> None:
    found = values(make_run(status="diverged"))
    assert (found["tried"], found["failed"], found["flagged"]) == (1, 1, 0)
    assert (found["covered"], found["ess_rate"]) == (0, 0)
    assert all(math.isnan(found[name]) for name in ("error", "error_local", "estimate", "noise"))


def test_a_skipped_run_was_not_tried(make_run) -> None:
    runs = array_of(make_run(), make_run(replicate=1, status="skipped"))
    assert np.isnan([array[0, 1] for array in runs]).all()
    assert runs.tried[0, 0] == 1


@pytest.mark.parametrize("passed", [True, False])
def test_an_estimate_is_flagged_if_a_guard_warns(make_run, passed: bool) -> None:
    guard = Guard(name="rhat", value=1.0, limit="<1", passed=passed, meaning="")
    assert values(changed(make_run(), guards=[guard]))["flagged"] == float(not passed)


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize(("chains", "quantile"), [(4, 2.3534), (2, 1.6449), (16, 1.7531)])
def test_the_interval_is_that_of_90_percent(make_run, side, chains, quantile) -> None:
    """Errors 0.06 and 0.08 make 0.1; the tempered value is 2."""
    settings = Settings(nbeta=1e3, num_chains=chains)
    for factor, held in ((0.999, 1), (1.001, 0)):
        record = make_run(
            error=side * factor * quantile * 0.1 / 2, mcse=0.06, truth_se=0.08, settings=settings
        )
        assert values(record)["covered"] == held


@pytest.mark.parametrize("error", [-5.0, 5.0])
def test_no_estimate_is_worse_than_none(make_run, error: float) -> None:
    found = values(make_run(error=error, local="2"))
    assert found["error"] == found["error_local"] == math.copysign(1.0, error)


def test_the_error_of_a_truth_counts_as_shared_where_replicates_share_it(make_run) -> None:
    shared = [make_run(replicate=r, truth_se=0.1) for r in range(2)]
    assert values(*shared)["truth"] == pytest.approx(0.0025)
    own = [make_run(replicate=r, truth_se=0.1, tempered=2.0 + r) for r in range(2)]
    assert values(*own)["truth"] == 0


def test_seeds_and_replicates_have_places_of_their_own(make_run) -> None:
    """Two seeds with the replicates 0 and 1: four places, nothing is overwritten."""
    records = [make_run(replicate=r, error=0.1 * r) for r in range(2)]
    for record in records[:2]:
        spec = msgspec.structs.replace(record.spec, seed=5)
        records.append(changed(msgspec.structs.replace(record, spec=spec), llc=9.0))
    assert slots_of(records) == [(0, 0), (0, 1), (5, 0), (5, 1)]
    assert array_of(*records).estimate.tolist() == [pytest.approx([2.0, 2.2, 9.0, 9.0])]


def test_questions_differ_in_temperature_localisation_batch_and_version(make_run) -> None:
    base = make_run()
    specs = [base.spec]
    for change in ({"nbeta": 2e3}, {"gamma": 2.0}, {"batch_size": 8}):
        settings = msgspec.structs.replace(base.spec.settings, **change)
        specs.append(msgspec.structs.replace(base.spec, settings=settings))
    specs.append(msgspec.structs.replace(base.spec, problem_version=2))
    specs.append(msgspec.structs.replace(base.spec, problem="poly/p1"))
    assert len({case_of(spec) for spec in specs}) == 6
    # The control: chains, draws and replicates are not part of the question.
    settings = msgspec.structs.replace(base.spec.settings, num_chains=2, num_draws=7)
    other = msgspec.structs.replace(base.spec, settings=settings, replicate=3)
    assert case_of(other) == case_of(base.spec)


def test_a_coefficient_known_within_bounds_is_no_value(make_run) -> None:
    found = values(make_run(local="[1, 2]"))
    assert math.isnan(found["local"])
    assert math.isnan(found["error_local"])
    assert found["error"] == 0


def test_a_question_counts_if_somebody_tried_it_and_a_truth_is_known(make_run) -> None:
    records = [
        make_run("poly/p0"), make_run("poly/p1", tempered=None),
        make_run("poly/p2", status="skipped"), make_run("poly/p3", status="crashed"),
    ]  # fmt: skip
    assert [case.problem for case in cases_of(records)] == ["poly/p0", "poly/p3"]
