"""The command line as a person uses it: real output of its entry point, once of a process."""

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from command import here
from command import process as llcbench

from llcbench.cli import run as run_module
from llcbench.cli.printing import WIDTH

SMOKE = Path(__file__).parents[3] / "results" / "reference" / "v1" / "smoke.jsonl"


def test_list_names_everything() -> None:
    problems = json.loads(here("list", "--json").stdout)
    assert "poly/x2y2" in problems
    assert sum(name.startswith("poly/") for name in problems) >= 25
    ours = {"exact", "gibbs", "hmc", "mala", "mclmc", "rmsprop_sgld", "sghmc", "sgld", "sgnht"}
    assert ours < set(here("list", "samplers").stdout.split())


def test_show_gives_the_three_truths() -> None:
    facts = json.loads(here("show", "dln/3-3-3/r3-1", "--nbeta", "1000", "--json").stdout)
    assert facts["local"]["value"] == "9/2"
    assert facts["global"]["value"] == "4"
    assert facts["tempered"]["stderr"] > 0
    assert abs(facts["tempered"]["value"] - 3.94) < 0.1
    text = here("show", "poly/x2y2", "--nbeta", "1e4").stdout
    assert "1/2" in text
    assert "0.4123" in text
    assert "normal crossing" in text


def test_show_draws_a_potential(tmp_path: Path) -> None:
    path = tmp_path / "cross.png"
    done = here("show", "poly/x2y2", "--plot", str(path))
    assert done.returncode == 0, done.stderr
    assert path.stat().st_size > 10_000


def test_run_score_report(tmp_path: Path) -> None:
    store, out = str(tmp_path / "store"), str(tmp_path / "report")
    arguments = ["run", "smoke", "--store", store, "-p", "poly/x2y2", "--replicates", "2",
                 "--set", "num_draws=400", "--set", "num_burnin=100", "--json"]  # fmt: skip
    first = json.loads(here(*arguments).stdout)
    assert first["finished"] == first["runs"] > 0
    again = json.loads(here(*arguments).stdout)
    assert again["finished"] == 0
    assert again["reused"] == first["runs"]
    planned = json.loads(here("plan", "smoke", "--store", store, "--json",
                                  "-p", "poly/x2y2", "--replicates", "3").stdout)  # fmt: skip
    assert planned["missing"] == planned["runs"] > 0
    scores = json.loads(here("score", "--store", store, "--json").stdout)
    assert {score["local"] for score in scores} == {"1/2"}
    assert all(abs(score["tempered"]["value"] - 0.41234) < 1e-4 for score in scores)
    table = here("score", "--store", store).stdout
    assert "poly/x2y2" in table
    assert "1/2" in table
    assert here("report", "--store", store, "--out", out).returncode == 0
    page = (tmp_path / "report" / "index.html").read_text()
    assert "poly/x2y2" in page


def test_run_prints_the_scores_if_they_are_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row per sampler, with what the chains measured; more rows than fit are one line."""
    arguments = ["run", "smoke", "--store", str(tmp_path), "-p", "poly/x4", "--replicates", "1",
                 "--set", "num_draws=100", "--set", "num_burnin=100"]  # fmt: skip
    for again in (False, True):  # reused runs are shown too
        lines = here(*arguments).stdout.splitlines()
        assert lines[0].startswith("4 runs: 4 reused" if again else "4 runs: 0 reused")
        heads = next(line.split() for line in lines if line.startswith("problem "))
        assert {"lambda_hat", "bias", "z", "virial", "D"} <= set(heads)
        rows = [line.split()[1] for line in lines if line.startswith("poly/x4 ")]
        assert [row.partition("[")[0] for row in rows] == ["exact", "mala", "sgld", "self_tuned"]
    monkeypatch.setattr(run_module, "MOST_ROWS", 3)
    last = here(*arguments).stdout.splitlines()[-1]
    assert last == f"'llcbench score --store {tmp_path}' shows how far each is from the truth"
    assert len(here(*arguments, "--json").stdout.splitlines()) == 1


def test_the_table_of_the_smoke_suite_shows_what_chains_measure() -> None:
    """Where the output is no terminal; runs are the same in all rows and stand below the table."""
    lines = here("score", "--store", str(SMOKE)).stdout.splitlines()
    heads = next(line.split() for line in lines if line.startswith("problem "))
    assert {"bias", "z", "virial", "D", "flags"} <= set(heads)
    assert sum(" self_tuned " in line for line in lines) == 8
    assert max(map(len, lines)) <= WIDTH


def test_doctor_passes() -> None:
    done = here("doctor")
    assert done.returncode == 0, done.stdout
    assert "FAIL" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "poly/x2y5"], ["poly/x2y5", "did you mean"]),
        (["show", "dln/3-3-3/r5"], ["dln/3-3-3/r5", "5"]),
        (["show", "poly/x2", "--gamma", "-1"], ["gamma", "-1"]),
        (["show", "poly/x2", "--gama", "1"], ["--gama", "--gamma"]),
        (["show", "poly/x2", "--plot", "x.png"], ["two parameters"]),
        (["run", "smok"], ["smok", "smoke"]),
        (["run", "smoke", "-s", "sgld[step_size=-1e-4]"], ["step_size", "-0.0001"]),
        (["run", "smoke", "-s", "sgld[step=1]"], ["step", "step_size"]),
        (["run", "smoke", "--set", "nbta=1"], ["nbta"]),
        (["run", "smoke", "--time-budget", "soon"], ["soon", "20m"]),
        (["run", "smoke", "--load", "absent.py"], ["absent.py"]),
        (["run", "smoke", "--replicates", "0"], ["replicates"]),
        (["score", "--store", "nowhere"], ["nowhere"]),
        (["report", "--store", "nowhere"], ["nowhere"]),
        (["frobnicate"], ["frobnicate"]),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(arguments: list[str], words: list[str]) -> None:
    refused(here(*arguments), words)


def refused(done: CompletedProcess[str], words: list[str]) -> None:
    assert done.returncode == 2, (done.stdout, done.stderr)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert all(word in lines[0] for word in words), lines[0]
    assert "Traceback" not in done.stderr


def test_a_process_refuses_in_the_same_way() -> None:
    refused(llcbench("show", "poly/x2y5"), ["poly/x2y5", "did you mean"])


def test_a_damaged_record_is_reported_set_aside_and_run_again(tmp_path: Path) -> None:
    store = str(tmp_path)
    arguments = ["run", "smoke", "--store", store, "-p", "poly/x4", "--replicates", "1",
                 "-s", "sgld", "--set", "num_draws=100", "--set", "num_burnin=10"]  # fmt: skip
    assert here(*arguments).returncode == 0
    (path,) = (tmp_path / "runs").glob("*.json")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    warned = here("score", "--store", store)
    assert path.name in warned.stderr
    done = here(*arguments)
    assert done.returncode == 0
    assert path.name in done.stderr
    assert (tmp_path / "damaged" / path.name).read_bytes() == whole[: len(whole) // 2]
    assert json.loads(path.read_bytes())["estimate"]["llc"] == json.loads(whole)["estimate"]["llc"]
