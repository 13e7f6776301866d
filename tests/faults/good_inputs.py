"""Good inputs that attacks damage: committed records as plain data, and a suite of one run."""

import json
from pathlib import Path
from typing import Any

import msgspec

from llcbench.records import RunRecord
from llcbench.run.store import key_of

SMOKE = Path(__file__).parents[2] / "results" / "reference" / "v1" / "smoke.jsonl"
SUITE = """title = "x"
version = 1
replicates = 1
[[group]]
problems = ["poly/x2"]
samplers = ["sgld"]
settings = {num_draws = 20, num_burnin = 2, num_chains = 2}
"""


def plain_record(number: int = 0) -> dict[str, Any]:
    """Return a record of the committed ones as plain data."""
    plain: dict[str, Any] = json.loads(SMOKE.read_bytes().splitlines()[number])
    return plain


def changed(plain: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a record with other values at places such as ``estimate__llc``; its key fits."""
    copy: dict[str, Any] = json.loads(json.dumps(plain))
    for place, value in changes.items():
        *folders, name = place.split("__")
        inner = copy
        for folder in folders:
            inner = inner[folder]
        inner[name] = value
    if "key" not in changes:
        try:
            copy["key"] = key_of(msgspec.convert(copy["spec"], RunRecord.__annotations__["spec"]))
        except (msgspec.ValidationError, ValueError):
            pass
    return copy
