"""Runs as files of plain arrays: nothing in them is code, whoever wrote them."""

import io
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from llcbench import files
from llcbench.sampling.chains import Trace
from llcbench.sampling.recorder import Recorded, RecordedPairs

# Records within a trace, and pairs within the records, by the prefix of their arrays.
RECORDED, PAIRS = "recorded.", "recorded.pairs."
FACTS = "facts"


def save(path: Path, trace: Trace, **facts: float | None) -> None:
    """Write a trace and numbers beside it as one ``.npz``."""
    arrays, own = _split(trace, "")
    if trace.recorded is not None:
        arrays |= _split(trace.recorded, RECORDED)[0]
        if trace.recorded.pairs is not None:
            arrays |= _split(trace.recorded.pairs, PAIRS)[0]
    arrays[FACTS] = np.array(json.dumps({"trace": own, "beside": facts}))
    content = io.BytesIO()
    np.savez(content, **arrays)
    files.write(path, content.getvalue())


def load(path: Path) -> tuple[Trace, dict[str, float | None]]:
    """Return the trace of a file and the numbers beside it."""
    with np.load(path, allow_pickle=False) as held:
        arrays = {name: held[name] for name in held.files}
    facts = json.loads(str(arrays.pop(FACTS)))
    pairs = _part(arrays, PAIRS)
    recorded = _part(arrays, RECORDED, without=PAIRS)
    moments = None
    if recorded:
        # A sampler without momentum has no kinetic energy.
        inner = RecordedPairs(**pairs) if pairs else None
        moments = Recorded(**{"kinetic": None, **recorded}, pairs=inner)
    whole = {name: array for name, array in arrays.items() if not name.startswith(RECORDED)}
    return Trace(**whole, **facts["trace"], recorded=moments), facts["beside"]


def _split(held: Any, prefix: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arrays of a dataclass, and its numbers and texts."""
    values = {entry.name: getattr(held, entry.name) for entry in fields(held)}
    arrays = {prefix + k: v for k, v in values.items() if isinstance(v, np.ndarray)}
    plain = {k: v for k, v in values.items() if v is None or isinstance(v, int | float | str)}
    return arrays, {k: v for k, v in plain.items() if k != "recorded"}


def _part(arrays: dict[str, Any], prefix: str, without: str = "\n") -> dict[str, Any]:
    """Return the arrays below a prefix, by their own names."""
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix) and not name.startswith(without)
    }
