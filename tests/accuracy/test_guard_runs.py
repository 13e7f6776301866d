"""Runs of the calibration are kept as plain arrays, and say the same when they are read again."""

import pickle
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import guard_files
import guard_runs
import numpy as np
import pytest
from guard_rows import read
from guard_settings import Setting, settings

from llcbench.sampling.chains import Trace


def same(one: Any, other: Any) -> bool:
    if is_dataclass(one):
        pairs = ((getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
        return type(one) is type(other) and all(same(a, b) for a, b in pairs)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)
    return one == other or (one is not None and one != one and other != other)


def setting_of(kind: str, batch: bool) -> Setting:
    """Return a setting of a kind, with minibatches or without, whose truth is computed at once."""
    wanted = [s for s in settings() if s.kind == kind and (s.batch is not None) == batch]
    least = min(wanted, key=lambda s: (not s.problem.startswith("regular/"), s.chains))
    return least._replace(draws=120, burnin=60)


@pytest.mark.parametrize(
    ("kind", "batch"), [("sgld", True), ("sgld", False), ("baoab", False), ("mala", False)]
)
def test_a_run_is_read_as_it_was_made(kind: str, batch: bool, tmp_path: Path) -> None:
    setting = setting_of(kind, batch)
    assert guard_runs.kept(setting, tmp_path) is None
    made = guard_runs.make(setting, tmp_path)
    again = guard_runs.kept(setting, tmp_path)
    assert again is not None
    assert made[1:] == again[1:]
    assert same(made.trace, again.trace)
    assert made.trace.recorded is not None
    assert (made.trace.recorded.pairs is not None) == batch
    assert (made.trace.recorded.kinetic is not None) == (kind == "baoab")
    assert read(setting, tmp_path)
    # The truth is known the second time, as the same numbers.
    assert guard_runs._truth(setting, tmp_path) == (made.tempered, made.stderr)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".npz"]


def test_a_trace_without_moments_and_odd_numbers_is_kept(tmp_path: Path) -> None:
    trace = Trace(
        excess=np.array([[1.0, np.nan, np.inf]]), baseline=np.zeros((1, 1)), loss_star=-0.0,
        num_burnin=1, acceptance=None, data_se=0.1, status="not_finite", message="é: |x| > 1",
        seconds_setup=0.0, seconds_sampling=1.5,
    )  # fmt: skip
    guard_files.save(tmp_path / "one.npz", trace, tempered=None, stderr=1e-300)
    read_again, beside = guard_files.load(tmp_path / "one.npz")
    assert same(trace, read_again)
    assert beside == {"tempered": None, "stderr": 1e-300}


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    class Code:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (ran,)

    path = tmp_path / "evil.npz"
    np.savez(path, excess=np.array([Code()], dtype=object), facts=np.array("{}"))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        guard_files.load(path)
    assert not ran.exists()
    # Control: a reader of pickles runs it.
    pickle.loads(pickle.dumps(Code()))
    assert ran.exists()
