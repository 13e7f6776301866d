"""Settings that came later do not change the names of runs that leave them alone."""

from pathlib import Path

import msgspec
import pytest

from llcbench.records import RunRecord
from llcbench.run.store import LATER, key_of
from llcbench.run.tuning.resolve import tuning_key

SMOKE = Path(__file__).parents[3] / "results" / "reference" / "v1" / "smoke.jsonl"
OTHERS = {"matmul": "bfloat16", "device": "cuda"}


@pytest.fixture(scope="module")
def records():
    return [msgspec.json.decode(line, type=RunRecord) for line in SMOKE.read_bytes().splitlines()]


def test_committed_runs_keep_their_keys(records):
    assert len(records) > 10
    assert all(key_of(record.spec) == record.key for record in records)


@pytest.mark.parametrize("name", LATER)
def test_other_values_make_another_run(records, name):
    spec = records[0].spec
    settings = msgspec.structs.replace(spec.settings, **{name: OTHERS[name]})
    other = msgspec.structs.replace(spec, settings=settings)
    assert key_of(other) != key_of(spec)
    assert tuning_key(other) != tuning_key(spec)
