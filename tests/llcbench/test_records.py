"""A record holds numbers that can be worked with and names that can be shown, or is refused."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from llcbench.foreign import reading
from llcbench.records import LARGEST, ExactValue, RunRecord, TemperedTruth
from llcbench.report.score_table import score_table
from llcbench.report.tables import to_text
from llcbench.scoring import scores

SMOKE = Path(__file__).parents[2] / "results" / "reference" / "v1" / "smoke.jsonl"
LINES = [json.loads(line) for line in SMOKE.read_bytes().splitlines()]
# Of an estimator that names its sampler in tables.
PLAIN: dict[str, Any] = next(row for row in LINES if row["spec"]["estimator"] == "mean_energy")
decode = reading.json_as(RunRecord)


def with_value(place: str, value: Any) -> bytes:
    """Return the JSON of a record with another value at a place such as ``estimate.llc``."""
    copy = json.loads(json.dumps(PLAIN))
    *folders, name = place.split(".")
    inner = copy
    for folder in folders:
        inner = inner[folder]
    inner[name] = value
    return json.dumps(copy).encode()


REFUSED: list[tuple[str, Any]] = [
    ("estimate.llc", 1e308), ("estimate.llc", -1e200), ("estimate.loss_star", 1e151),
    ("estimate.interval", [0.0, 1e300]), ("estimate.llc_per_chain", [1.0, 1e300]),
    ("estimate.mcse", -0.1), ("estimate.stderr", 1e300), ("estimate.ess_bulk", -1.0),
    ("estimate.seconds_sampling", -1.0), ("estimate.nbeta", -1.0), ("estimate.gamma", 1e300),
    ("estimate.grad_evals", -1), ("estimate.dim", 10**400), ("estimate.peak_bytes", 2**64),
    ("truths.local.value", "1/0"), ("truths.local.value", "1/"), ("truths.local.value", "1e9"),
    ("truths.local.value", "1" * 400), ("truths.local.value", "nan"), ("truths.local.value", ""),
    ("truths.local.value", "[1/2, 1"), ("truths.local.value", "\u0661/2"), ("truths.local.value",
    "1/00"),
    ("truths.local.multiplicity", -1), ("truths.tempered.value", 1e300),
    ("truths.tempered.stderr", -1.0),
    ("spec.schema", 2), ("spec.problem", ""), ("spec.problem", "a\nb"), ("spec.sampler",
    "a\x1b[31m"),
    ("spec.sampler", "a" * 301), ("spec.estimator", "\u202ex"), ("spec.replicate", -1),
    ("spec.seed", 10**30), ("spec.parameters", {"x": 10**400}), ("spec.parameters", {"": 1}),
    ("spec.problem_version", -1), ("spec.tuning_grads", -1), ("spec.settings.num_draws", 0),
]  # fmt: skip
ACCEPTED: list[tuple[str, Any]] = [
    ("estimate.llc", LARGEST), ("estimate.llc", -LARGEST), ("estimate.llc", -0.0),
    ("estimate.mcse", 0.0),
    ("truths.local.value", "3/2"), ("truths.local.value", "0"), ("truths.local.value", "[1/2, 3]"),
    ("spec.seed", -1), ("spec.sampler", "my sampler"), ("spec.parameters", {"x": 2**63 - 1}),
    ("estimate.rhat", 1.7e308),
]  # fmt: skip


@pytest.mark.parametrize(("place", "value"), REFUSED)
def test_a_value_out_of_range_is_refused_in_a_line(place: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"must be|larger than|Expected|range") as refused:
        decode(with_value(place, value))
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(("place", "value"), ACCEPTED)
def test_a_value_at_the_end_of_its_range_is_shown(place: str, value: Any) -> None:
    record = decode(with_value(place, value))
    assert record.spec.sampler in to_text(score_table(scores([record])))


def test_a_value_that_is_made_here_is_checked_too() -> None:
    """An estimator that returns one fails with this line; its record can be read again."""
    estimate = decode(SMOKE.read_bytes().splitlines()[0]).estimate
    with pytest.raises(ValueError, match="record: an estimate must be between"):
        msgspec.structs.replace(estimate, llc=1e200)
    assert msgspec.structs.replace(estimate, llc=float("nan")).llc is not None
    with pytest.raises(ValueError, match="must be a fraction"):
        ExactValue(value="1/0", multiplicity=1, source="x")
    with pytest.raises(ValueError, match="must be between"):
        TemperedTruth(value=1e200, stderr=0.0, method="x", certified=True)
