"""The commands on exact coefficients, in processes of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from llcbench.cli_theory import parameter

LLCBENCH = str(Path(sys.executable).with_name("llcbench"))


def llcbench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LLCBENCH, *arguments], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("arguments", "value", "multiplicity"),
    [
        (["deep_linear_global", "--widths", "3,3,3", "--rank", "0"], "7/2", 2),
        (["deep_linear_local", "--widths=4,4,4", "--ranks", "0-1:2,1-2:4,0-2:2"], "8", 1),
        (["norm_product", "--dims", "[1]", "--powers", "[2]"], "1/4", 1),
        (["normal_crossing", "--exponents", "4,2", "--prior", "0,1"], "1/4", 1),
    ],
)
def test_family(arguments: list[str], value: str, multiplicity: int) -> None:
    found = json.loads(llcbench("theory", "family", *arguments, "--json").stdout)
    assert (found["value"], found["multiplicity"]) == (value, multiplicity)
    assert found["proof"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["family", "deep_linear_global", "--widths", "3,3,3", "--rank", "5"], ["rank", "5"]),
        (["family", "deep_linear_globl", "--rank", "5"], ["deep_linear_globl", "did you mean"]),
        (["family", "regular", "--dimension", "5"], ["dimension", "dim"]),
        (["family", "regular", "--dim"], ["--dim"]),
        (["family", "regular", "--dim", "2.5"], ["2.5"]),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], words: list[str]) -> None:
    done = llcbench("theory", *arguments)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert all(word in done.stderr for word in words), done.stderr


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("-3", -3), ("a", "a"), ("1,2", [1, 2]), ("[3]", [3]), ("0-1:2", {(0, 1): 2})],
)
def test_parameter(text: str, value: object) -> None:
    assert parameter(text) == value
