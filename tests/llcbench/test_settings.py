"""Settings are checked when they are made, by Python callers as by the command line."""

import hashlib
import math
import pickle
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from command import here

from llcbench.cli.options import pairs_of
from llcbench.records import RunRecord, Spec
from llcbench.run.exports import read
from llcbench.run.store import RunStore, key_of
from llcbench.run.suite import settings_of
from llcbench.seeds import Seeds
from llcbench.settings import Settings, settings_from
from llcbench.types import Budget

RESULTS = Path(__file__).parents[2] / "results" / "reference"

# Name, what is given, what is stored.
RIGHT = [
    ("nbeta", 100, 100.0),
    ("nbeta", 1e4, 1e4),
    ("nbeta", np.float32(100), 100.0),
    ("nbeta", np.float16(0.5), 0.5),
    ("nbeta", np.int64(7), 7.0),
    ("nbeta", np.array(3.5), 3.5),
    ("nbeta", torch.tensor(2.5), 2.5),
    ("nbeta", torch.tensor(4), 4.0),
    ("nbeta", Fraction(1, 4), 0.25),
    ("nbeta", "n / log n", "n / log n"),
    ("nbeta", 5e-324, 5e-324),
    ("gamma", 0, 0.0),
    ("gamma", -0.0, 0.0),
    ("gamma", np.float64(0.01), 0.01),
    ("num_chains", 1, 1),
    ("num_chains", 8.0, 8),
    ("num_chains", np.int32(3), 3),
    ("num_chains", np.float64(4.0), 4),
    ("num_draws", Fraction(6, 2), 3),
    ("num_draws", torch.tensor(5), 5),
    ("num_draws", 1e6, 1_000_000),
    ("num_burnin", 0, 0),
    ("num_burnin", 2.0, 2),
    ("batch_size", None, None),
    ("batch_size", 1, 1),
    ("batch_size", 50.0, 50),
    ("start", "w_star", "w_star"),
    ("start", "prior", "prior"),
    ("gradient", "control_variate", "control_variate"),
    ("dtype", "float32", "float32"),
    ("dtype", torch.float32, "float32"),
    ("dtype", torch.float64, "float64"),
    ("dtype", "torch.float64", "float64"),
    ("dtype", np.dtype("float32"), "float32"),
    ("matmul", "bfloat16", "bfloat16"),
    ("device", "cpu", "cpu"),
    ("device", "cuda", "cuda"),
    ("device", "cuda:1", "cuda:1"),
]
# Name, what is given, what the message says is allowed.
NUMBER = "nbeta must be a finite positive number"
WRONG = [
    ("nbeta", 0, NUMBER),
    ("nbeta", -1.0, NUMBER),
    ("nbeta", math.nan, NUMBER),
    ("nbeta", math.inf, NUMBER),
    ("nbeta", -math.inf, NUMBER),
    ("nbeta", np.float32("nan"), NUMBER),
    ("nbeta", torch.tensor(math.inf), NUMBER),
    ("nbeta", 10**400, NUMBER),
    ("nbeta", Fraction(10**400, 3), NUMBER),
    ("nbeta", Fraction(1, 10**400), NUMBER),
    ("nbeta", True, f"{NUMBER} or 'n / log n'"),
    ("nbeta", np.True_, NUMBER),
    ("nbeta", torch.tensor(True), NUMBER),
    ("nbeta", "100", NUMBER),
    ("nbeta", "n/log n", "'n / log n'"),
    ("nbeta", None, NUMBER),
    ("nbeta", 1j, NUMBER),
    ("nbeta", [100.0], NUMBER),
    ("nbeta", np.array([100.0]), NUMBER),
    ("nbeta", torch.tensor([100.0]), NUMBER),
    ("nbeta", Decimal(100), NUMBER),
    ("gamma", -1e-9, "gamma must be a finite number of at least 0"),
    ("gamma", math.nan, "gamma must be"),
    ("gamma", math.inf, "gamma must be"),
    ("gamma", False, "gamma must be"),
    ("gamma", "strong", "gamma must be"),
    ("num_chains", 0, "num_chains must be a whole number of at least 1"),
    ("num_chains", 2.5, "num_chains must be a whole number of at least 1"),
    ("num_chains", True, "num_chains must be"),
    ("num_chains", "four", "num_chains must be"),
    ("num_chains", math.nan, "num_chains must be"),
    ("num_chains", math.inf, "num_chains must be"),
    ("num_chains", 1e300, "num_chains must be"),
    ("num_chains", Fraction(10**30 + 1, 10**30), "num_chains must be"),
    ("num_draws", -1, "num_draws must be a whole number of at least 1"),
    ("num_draws", 0, "num_draws must be"),
    ("num_draws", None, "num_draws must be"),
    ("num_burnin", -1, "num_burnin must be a whole number of at least 0"),
    ("num_burnin", 0.5, "num_burnin must be"),
    ("batch_size", 0, "batch_size must be a whole number of at least 1"),
    ("batch_size", 1.5, "batch_size must be"),
    ("batch_size", "full", "batch_size must be"),
    ("start", "Prior", "start must be one of 'w_star', 'prior'"),
    ("start", None, "start must be"),
    ("start", 1, "start must be"),
    ("gradient", "control-variate", "gradient must be one of 'plain', 'control_variate'"),
    ("dtype", "float16", "dtype must be one of 'float32', 'float64'"),
    ("dtype", torch.bfloat16, "dtype must be"),
    ("dtype", 64, "dtype must be"),
    ("matmul", "bf16", "matmul must be one of 'full', 'bfloat16'"),
    ("matmul", True, "matmul must be"),
    ("device", "gpu", "device must be 'auto', 'cpu', 'cuda' or 'cuda:<number>'"),
    ("device", "cuda:", "device must be"),
    ("device", "", "device must be"),
    ("device", 0, "device must be"),
]


def written(value: object) -> str | None:
    """Return a value as ``--set`` reads it, None if no text stands for it."""
    if isinstance(value, str):
        # What looks like a number is one on the command line.
        return None if value in ("100", "") else value
    if value is None or type(value) in (int, float, bool):
        return str(value)
    return None


def name_of(case: object) -> str:
    return " ".join(str(case).split())[:40]


@pytest.mark.parametrize(("name", "given", "stored"), RIGHT, ids=name_of)
def test_a_right_value_is_stored_as_a_plain_one(name, given, stored) -> None:
    value = getattr(Settings(**{name: given}), name)
    assert value == stored
    assert type(value) is type(stored)
    assert getattr(msgspec.structs.replace(Settings(), **{name: given}), name) == stored


@pytest.mark.parametrize(("name", "given", "allowed"), WRONG, ids=name_of)
def test_a_wrong_value_is_refused_in_one_line(name, given, allowed) -> None:
    for make in (Settings, lambda **new: msgspec.structs.replace(Settings(), **new)):
        with pytest.raises(ValueError, match=f"^settings: {name} must be ") as caught:
            make(**{name: given})
        message = str(caught.value)
        assert allowed in message
        assert ", got " in message
        assert "\n" not in message
        assert len(message) < 180


RIGHT_TEXT = [(n, text, v) for n, given, v in RIGHT if (text := written(given)) is not None]
WRONG_TEXT = [(n, text, m) for n, given, m in WRONG if (text := written(given)) is not None]


@pytest.mark.parametrize(("name", "text", "stored"), RIGHT_TEXT, ids=name_of)
def test_the_same_on_the_command_line(name, text, stored) -> None:
    value = getattr(settings_of(pairs_of((f"{name}={text}",))), name)
    assert value == stored
    assert type(value) is type(stored)


@pytest.mark.parametrize(("name", "text", "allowed"), WRONG_TEXT, ids=name_of)
def test_the_command_line_refuses_it_with_code_2(tmp_path, name, text, allowed) -> None:
    store = tmp_path / "store"
    done = here("run", "smoke", "--store", str(store), "--set", f"{name}={text}")
    assert done.returncode == 2
    assert done.stderr.startswith("llcbench: settings: ")
    assert allowed in done.stderr
    assert done.stderr.count("\n") == 1
    assert not store.exists()


def test_there_are_enough_cases() -> None:
    assert len(RIGHT) + len(WRONG) >= 40
    assert len(RIGHT_TEXT) + len(WRONG_TEXT) >= 40


SCRIPT = """
import torch, llcbench
module = torch.nn.Linear(1, 1)
losses = lambda outputs, targets: (outputs - targets).square().sum(1)
problem = llcbench.from_module(module, losses, (torch.ones(4, 1), torch.ones(4, 1)))
"""
SUITE = """
title = "wrong"
version = 1
replicates = 1
[settings]
{line}
[[group]]
problems = ["regular/d2"]
samplers = ["sgld[step_size=1e-3]"]
"""


@pytest.mark.parametrize(
    ("text", "allowed"),
    [("nbeta=nan", NUMBER), ("num_chains=0", "num_chains must be"), ("bogus=1", "settings are")],
)
def test_every_command_that_takes_settings_refuses_them(tmp_path, text, allowed) -> None:
    script = tmp_path / "net.py"
    script.write_text(SCRIPT)
    for command in (
        ("plan", "smoke"),
        ("tune", "sgld", "regular/d2"),
        ("estimate", str(script), "--no-progress"),
    ):
        done = here(*command, "--set", text)
        assert (done.returncode, done.stdout) == (2, ""), command
        assert allowed in done.stderr
        assert done.stderr.count("\n") == 1
    suite = tmp_path / "wrong.toml"
    suite.write_text(SUITE.format(line=text))
    done = here("run", str(suite), "--store", str(tmp_path / "store"))
    assert done.returncode == 2
    assert allowed in done.stderr


@pytest.mark.parametrize("option", ["--nbeta", "--gamma"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf"])
def test_show_refuses_wrong_temperatures(option, value) -> None:
    done = here("show", "regular/d2", option, value)
    assert done.returncode == 2
    assert f"{option} must be a finite positive number" in done.stderr


def test_an_unknown_setting_lists_them() -> None:
    with pytest.raises(ValueError, match="there is no 'num_chain'") as caught:
        settings_from({"num_chain": 4})
    assert "did you mean 'num_chains'?" in str(caught.value)
    for name in Settings.__struct_fields__:
        assert name in str(caught.value)
    with pytest.raises(TypeError, match="bogus"):
        Settings(bogus=1)


def spec(**settings: object) -> Spec:
    return Spec(
        problem="regular/d2", problem_version=1, estimator="mean_energy", sampler="sgld",
        parameters={"step_size": 1e-3}, settings=Settings(**settings), seed=0, replicate=0,
    )  # fmt: skip


def test_one_value_has_one_key() -> None:
    numbers = (100, 100.0, np.float32(100), torch.tensor(100), Fraction(100))
    assert len({key_of(spec(nbeta=number, gamma=number)) for number in numbers}) == 1
    assert len({key_of(spec(num_chains=n)) for n in (4, 4.0, np.int64(4), torch.tensor(4.0))}) == 1
    assert key_of(spec(dtype=torch.float32)) == key_of(spec(dtype="float32"))
    # What was hashed before settings were checked: numbers as a file holds them, and the feed.
    assert key_of(spec(nbeta=100, gamma=1)) == "55a3cea2eaa7075d"
    assert key_of(spec(nbeta=101)) != key_of(spec(nbeta=100))


def test_a_record_from_python_integers_reads_back_under_its_key(tmp_path) -> None:
    """It used to be found damaged: 100 was hashed, and 100.0 was read."""
    line = (RESULTS / "v1" / "smoke.jsonl").read_bytes().splitlines()[0]
    record = msgspec.json.decode(line, type=RunRecord)
    mine = spec(nbeta=100, gamma=10)
    store = RunStore(tmp_path)
    store.save(msgspec.structs.replace(record, spec=mine, key=key_of(mine)))
    contents = store.contents()
    assert list(contents.records) == [key_of(mine)]
    assert contents.damaged == {}


def test_committed_runs_are_readable_and_keep_their_keys() -> None:
    """All of them have the field ``feed`` that is gone."""
    files = sorted(RESULTS.glob("v*/*.jsonl*"))
    runs = [path for path in files if not path.name.startswith("heuristics")]
    total = 0
    for path in runs:
        records = read(path)
        assert all(key_of(record.spec) == key for key, record in records.items()), path
        total += len(records)
    assert total > 10_000


def test_what_a_later_version_added_does_not_pass_for_a_record(tmp_path) -> None:
    line = (RESULTS / "v1" / "smoke.jsonl").read_bytes().splitlines()[0]
    record = msgspec.json.decode(line)
    settings = record["spec"]["settings"] | {"later": 1.0}
    hashed = {key: settings[key] for key in settings if key not in ("matmul", "device")}
    plain = record["spec"] | {"settings": hashed}
    key = hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()[:16]
    later = record | {"key": key, "spec": record["spec"] | {"settings": settings}}
    path = tmp_path / "runs" / f"{key}.json"
    path.parent.mkdir()
    path.write_bytes(msgspec.json.encode(later))
    assert "does not match" in RunStore(tmp_path).contents().damaged[path]
    later["spec"]["settings"] = settings | {"nbeta": -1.0}
    path.write_bytes(msgspec.json.encode(later))
    assert "nbeta must be" in RunStore(tmp_path).contents().damaged[path]


@pytest.mark.parametrize(
    ("make", "given", "message"),
    [
        (Budget, {"grad_evals": -1}, "grad_evals must be a whole number of at least 0"),
        (Budget, {"grad_evals": 2.5}, "grad_evals must be"),
        (Budget, {"grad_evals": True}, "grad_evals must be"),
        (Budget, {"seconds": math.nan}, "seconds must be a finite number of at least 0"),
        (Budget, {"seconds": -1}, "seconds must be"),
        (Budget, {"seconds": math.inf}, "None is no limit"),
        (Budget, {"seconds": "10m"}, "seconds must be"),
        (Seeds, {"seed": 0.5}, "seed must be a whole number"),
        (Seeds, {"seed": "1"}, "seed must be a whole number"),
        (Seeds, {"replicate": True}, "replicate must be a whole number"),
        (Seeds, {"problem": 3}, "problem must be text"),
    ],
)
def test_budgets_and_seeds_are_checked_too(make, given, message) -> None:
    with pytest.raises(ValueError, match=message):
        make(**given)


def test_budgets_and_seeds_are_plain_numbers() -> None:
    assert Budget(8.0, np.float32(2)) == Budget(8, 2.0)
    assert type(Budget(8.0).grad_evals) is int
    assert Budget(0, 0) == Budget(grad_evals=0, seconds=0.0)
    assert Seeds(1.0, "x", torch.tensor(-1)).number("noise") == Seeds(1, "x", -1).number("noise")
    assert Seeds(2).number("noise") != Seeds(1).number("noise")


def test_settings_survive_pickling_and_text() -> None:
    settings = Settings(nbeta=np.float32(3), batch_size=4.0)
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert msgspec.json.decode(msgspec.json.encode(settings), type=Settings) == settings
    assert hash(settings) == hash(Settings(nbeta=3, batch_size=4))
