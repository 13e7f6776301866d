"""What a run is planned with and measured against: seeds, failures, truths on its own data."""

from fractions import Fraction
from typing import Any

import msgspec
import pytest

from llcbench import registry
from llcbench.records import ExactValue, Spec, TemperedTruth
from llcbench.run.execute import (
    compute_truths,
    execute,
    failed,
    seeds_of,
    stored,
    stored_tempered,
    truth_key,
)
from llcbench.run.failure import Failure
from llcbench.run.plan import expand, missing
from llcbench.run.store import key_of
from llcbench.run.suite import load
from llcbench.settings import Settings
from theory.coefficient import RLCT
from theory.tempered.result import Tempered

FEW = Settings(nbeta=20.0, gamma=1.0, num_chains=4, num_draws=20, num_burnin=1)


def spec_of(problem: str, seed: int = 3) -> Spec:
    return Spec(
        problem=problem,
        problem_version=registry.version_of(problem),
        estimator="mean_energy",
        sampler="exact",
        parameters={},
        settings=FEW,
        seed=seed,
        replicate=0,
    )


def test_the_local_truth_is_not_the_global_one() -> None:
    truths = compute_truths(spec_of("dln/3-3-3/r3-1"))
    assert (truths.local.value, truths.global_.value) == ("9/2", "4")


@pytest.mark.parametrize("seed", [3, 4])
def test_the_tempered_truth_is_that_of_the_data_of_the_run(seed: int) -> None:
    spec = spec_of("regular/d2/n20", seed)
    problem = registry.problem(spec.problem)
    truths = {
        use: problem.tempered(20.0, 1.0, problem.sample_data(seeds_of(spec).generator(use))).value
        for use in ("data", "batch")
    }
    tempered = compute_truths(spec).tempered
    assert tempered is not None
    assert tempered.value == pytest.approx(truths["data"], rel=1e-9)
    assert tempered.value != pytest.approx(truths["batch"], rel=1e-6)


def test_a_failed_run_is_made_again_unless_it_is_kept() -> None:
    spec = spec_of("poly/x2")
    good = execute(spec, compute_truths(spec))
    bad = msgspec.structs.replace(
        good, estimate=msgspec.structs.replace(good.estimate, status="error", message="no")
    )
    key = key_of(spec)
    assert missing([spec], {}) == [spec]
    assert missing([spec], {key: good}) == []
    assert missing([spec], {key: bad}) == [spec]
    assert missing([spec], {key: bad}, keep_failed=True) == []


@pytest.mark.parametrize(
    ("message", "again"),
    [
        ("needs nutpie: pip install nutpie", True),
        ("no gradient of this problem", False),
        ("", False),
    ],
)
def test_a_run_skipped_for_a_missing_package_is_tried_again(message: str, again: bool) -> None:
    spec = spec_of("poly/x2")
    skipped = failed(spec, Failure(message, "skipped"))
    assert missing([spec], {key_of(spec): skipped}) == [spec] * again


def test_truths_are_shared_at_one_temperature_and_localisation() -> None:
    spec = spec_of("poly/x2")

    def key(**settings: Any) -> str:
        changed = msgspec.structs.replace(spec.settings, **settings)
        return truth_key(msgspec.structs.replace(spec, settings=changed))

    assert len({key(gamma=1.0), key(gamma=2.0), key(gamma=1.0, nbeta=21.0)}) == 3
    assert key(num_draws=99) == key()


@pytest.mark.parametrize("certified", [True, False])
def test_a_tempered_truth_is_stored_with_its_doubt(certified: bool) -> None:
    truth = Tempered(value=0.5, stderr=0.1, method="block Gibbs", certified=certified)
    assert stored_tempered(truth) == TemperedTruth(
        value=0.5, stderr=0.1, method="block Gibbs", certified=certified
    )


@pytest.mark.parametrize(("upper", "value"), [("1/4", "1/4"), ("1/2", "[1/4, 1/2]")])
def test_bounds_are_stored_as_two_numbers(upper: str, value: str) -> None:
    rlct = RLCT(
        lower=Fraction(1, 4),
        upper=Fraction(upper),
        multiplicity=2,
        scope="local",
        method="bounds",
        source="a theorem",
        conditions="at 0",
    )
    assert stored(rlct) == ExactValue(value=value, multiplicity=2, source="a theorem")


def test_a_seed_replaces_that_of_the_suite() -> None:
    suite = load("smoke")
    assert {spec.seed for spec in expand(suite)} == {suite.seed}
    assert {spec.seed for spec in expand(suite, seed=suite.seed + 9)} == {suite.seed + 9}
