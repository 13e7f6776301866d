"""``llcbench theory strata``, in processes of its own."""

import json
from pathlib import Path

import pytest
from command import here as llcbench
from command import process


def test_table_and_plot(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "map.svg"
    done = llcbench("theory", "strata", "x^2*y^4", "--box", "-2,2", "--plot", str(path))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split()[:3] == ["lambda", "m", "dim"]
    assert [line.split()[:3] for line in lines[1:4]] == [
        ["1/4", "1", "0"],
        ["1/4", "1", "1"],
        ["1/2", "1", "1"],
    ]
    assert lines[4].startswith("every real zero is covered; only -2 <= x <= 2")
    assert lines[5] == f"plot written to {path}"
    assert path.read_text(encoding="utf-8").startswith("<?xml")


def test_json_is_verified_and_damage_is_noticed(tmp_path: Path) -> None:
    done = process("theory", "strata", "(x^2-2)^2*y^4", "--json")
    output = json.loads(done.stdout)
    assert output["complete"]
    assert [s["value"]["value"] for s in output["strata"]] == ["1/4", "1/4", "1/4", "1/2"]
    path = tmp_path / "strata.json"
    path.write_text(done.stdout, encoding="utf-8")
    checked = llcbench("theory", "verify", str(path))
    assert (checked.returncode, checked.stdout) == (
        0,
        "all proofs are right: 4, one at each sample point\n",
    )
    path.write_text(done.stdout.replace('"(x^2-2)^2*y^4"', '"(x^2-2)^2*y^6"'), encoding="utf-8")
    wrong = llcbench("theory", "verify", str(path))
    assert wrong.returncode == 2
    assert len(wrong.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x*y"], ["negative", "absolute"]),
        (["x^2*y^2", "--box", "a"], ["--box", "-2,5/2"]),
        (["x^2*y^2", "--plot", "map.gif"], [".svg"]),
        (["x^2*y^2*z^2", "--plot", "map.svg"], ["two variables"]),
        (["x^2*"], ["syntax"]),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], words: list[str]) -> None:
    done = llcbench("theory", "strata", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert all(word in done.stderr for word in words), done.stderr
