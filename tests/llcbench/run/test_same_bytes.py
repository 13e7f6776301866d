"""Records are the same to the byte but for times: in any order, in any thread, made twice.

Processes and workers of a scheduler are compared in the tests of these.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
import torch
from timeless import MEASURED, timeless

from llcbench.records import RunRecord, Spec
from llcbench.run.execute import compute_truths, execute
from llcbench.run.executors.executor import Serial
from llcbench.run.plan import expand
from llcbench.run.runs import run_specs
from llcbench.run.store import RunStore
from llcbench.run.suite import Group, Suite

SAMPLERS = ["sgld", "mala", "hmc[leapfrogs=3]", "ghmc", "baoab", "leimkuhler_matthews", "sgnht",
            "rmsprop_sgld", "gibbs"]  # fmt: skip
SUITE = Suite(
    title="small",
    version=1,
    replicates=1,
    settings={"nbeta": 50.0, "num_chains": 4, "num_draws": 40, "num_burnin": 10},
    group=[
        Group(problems=["rrr/1-1-1/r0/n100"], samplers=SAMPLERS),
        Group(
            problems=["rrr/1-1-1/r0/n100"], samplers=["sgld", "adam_sgld"],
            settings={"batch_size": 10, "dtype": "float32"},
        ),
        Group(problems=["poly/x2y2"], samplers=["mclmc", "adjusted_mclmc", "exact"]),
    ],
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def one_thread_of_torch() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def specs() -> list[Spec]:
    return expand(SUITE)


@pytest.fixture(scope="module")
def serial(specs: list[Spec]) -> dict[str, bytes]:
    return timeless(map(made, specs))


def made(spec: Spec) -> RunRecord:
    # Truths by quadrature are cheap; those by Gibbs take longer than all runs.
    cheap = spec.problem == "poly/x2y2"
    return execute(spec, compute_truths(spec) if cheap else None)


def test_all_of_them_have_an_estimate(specs: list[Spec], serial: dict[str, bytes]) -> None:
    assert len(serial) == len(specs) == 14
    records = [msgspec.json.decode(line, type=RunRecord) for line in serial.values()]
    assert {record.estimate.status for record in records} == {"ok"}
    # Control: runs of another seed are seen to differ, and so is any field.
    other = timeless([made(msgspec.structs.replace(specs[0], seed=1))])
    assert set(other) != set(serial)
    changed = msgspec.structs.replace(records[0].estimate, loss_star=1.0)
    assert timeless([msgspec.structs.replace(records[0], estimate=changed)]) != {
        records[0].key: serial[records[0].key]
    }


def test_the_order_of_runs_changes_nothing(specs: list[Spec], serial: dict[str, bytes]) -> None:
    torch.manual_seed(12345)
    assert timeless(map(made, reversed(specs))) == serial


def test_two_threads_change_nothing(specs: list[Spec], serial: dict[str, bytes]) -> None:
    # They begin together, so that runs of different samplers overlap.
    gate = threading.Barrier(2)

    def half(own: list[Spec]) -> list[RunRecord]:
        gate.wait()
        return [made(spec) for spec in own]

    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(half, [specs[::2], specs[1::2]]))
    assert timeless(parts[0] + parts[1]) == serial


def test_a_store_holds_the_same_bytes(
    specs: list[Spec], serial: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    few = [spec for spec in specs if spec.problem == "poly/x2y2"]
    files = []
    for _ in range(2):
        store = RunStore(tmp_path_factory.mktemp("store"))
        run_specs(few, store, Serial(), progress=False)
        assert timeless(store.contents().records.values()).items() <= serial.items()
        paths = sorted((store.root / "runs").glob("*.json"))
        assert len(paths) == 3
        files.append([without_times(path.read_text()) for path in paths])
    assert files[0] == files[1]


def without_times(text: str) -> list[str]:
    return [line for line in text.splitlines() if not any(f'"{name}"' in line for name in MEASURED)]
