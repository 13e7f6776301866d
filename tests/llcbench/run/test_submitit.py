"""Runs as jobs: really submitted, to submitit's own local executor."""

import os
import stat
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from llcbench.records import RunRecord
from llcbench.run.execute import load_plugins
from llcbench.run.executors.executor import Serial
from llcbench.run.executors.machines import Machines, options_of
from llcbench.run.executors.slurm import Slurm
from llcbench.run.plan import expand
from llcbench.run.runs import run_specs
from llcbench.run.store import RunStore
from llcbench.run.suite import Group, Suite

SCRIPT = """
import os
import signal
import llcbench

@llcbench.sampler("shot")
def shot(theta, target, rng, *, size=1):
    os.kill(os.getpid(), signal.SIGKILL)
"""
SUITE = Suite(
    title="few",
    version=1,
    replicates=1,
    settings={"nbeta": 100.0, "num_chains": 4, "num_draws": 100, "num_burnin": 20},
    group=[Group(problems=["poly/x2y2"], samplers=["sgld[step_size=1e-3]", "shot"])],
)


def numbers(records: list[RunRecord]) -> dict[str, tuple[object, ...]]:
    ok = (r for r in records if r.estimate.status == "ok")
    return {r.key: (r.estimate.llc, r.estimate.mcse, r.truths) for r in ok}


def test_jobs_give_the_numbers_of_one_process(tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    script = tmp_path / "bad.py"
    script.write_text(SCRIPT)
    load_plugins([str(script)])
    wanted = expand(SUITE)
    seen: list[dict[str, str]] = []
    machines = Machines(slurm={"cluster": "local"}, folder=tmp_path / "jobs", keep=seen.append)
    executor = Slurm(3, (str(script),), 60.0, machines)
    result = run_specs(wanted, RunStore(tmp_path / "b"), executor, progress=False).finished
    assert Counter(r.estimate.status for r in result) == {"ok": 1, "crashed": 1}
    assert [r.truths is not None for r in result] == [True, True]
    (shot,) = (r.estimate for r in result if r.estimate.status == "crashed")
    assert "SIGKILL" in shot.message
    assert "both times" in shot.message
    alone = [spec for spec in wanted if spec.sampler == "sgld"]
    one = run_specs(alone, RunStore(tmp_path / "a"), Serial(), progress=False).finished
    assert numbers(one) == numbers(result) != {}
    assert len(seen) == 2
    logs = [path.suffix for path in (tmp_path / "jobs").glob("*_log.*")]
    assert Counter(logs) == {".out": 4, ".err": 4}


# Stands where the real one does: takes the file that is submitted and says what it has become.
SBATCH = """#!/bin/sh
cp "$1" {folder}/script.sh
echo "Submitted batch job 17"
"""


def test_options_reach_the_job_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit")
    for name, text in {"sbatch": SBATCH, "srun": "#!/bin/sh\n"}.items():
        path = tmp_path / name
        path.write_text(text.format(folder=tmp_path))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    options = options_of("partition=long,time=2h,mem=8GB,cpus-per-task=2,reservation=mine")
    slurm = Slurm(5, machines=Machines(slurm=options, folder=tmp_path / "jobs"))
    slurm.executor().map_array(abs, [1, 2, 3])
    lines = (tmp_path / "script.sh").read_text().splitlines()
    for wanted in ("partition=long", "time=120", "mem=8GB", "cpus-per-task=2", "reservation=mine"):
        assert f"#SBATCH --{wanted}" in lines
    assert any(line.startswith("#SBATCH --array=0-2") for line in lines)
    # A run meets its own limit before the job meets that of Slurm.
    assert slurm.memory() == 7_600_000_000


def test_a_machine_without_slurm_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match=r"needs Slurm.*cluster=local"):
        list(Slurm(1, machines=Machines(folder=tmp_path)).map(len, ["a"]))


def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(ValueError, match=r"pip install 'llcbench\[slurm\]'"):
        list(Slurm(1).map(len, ["a"]))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: options_of("partition"), ["--slurm", "'partition'", "key=value"]),
        (lambda: options_of("mem=1GB,mem=2GB"), ["mem=2GB"]),
        (lambda: made("cluster=moon").executor(), ["cluster=moon", "local"]),
        (lambda: made("cluster=local,time=soon").executor(), ["time=soon", "2h"]),
        (lambda: made("cluster=local,cpus_per_task=x").executor(), ["cpus_per_task=x"]),
        (lambda: made("mem=lots").memory(), ["mem", "lots"]),
    ],
)
def test_bad_options_are_named(call: Any, words: list[str], tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    with pytest.raises(ValueError, match=r".+") as caught:
        call()
    assert all(word in str(caught.value) for word in words), str(caught.value)


def made(text: str) -> Slurm:
    return Slurm(1, machines=Machines(slurm=options_of(text), folder=Path("build/jobs")))
