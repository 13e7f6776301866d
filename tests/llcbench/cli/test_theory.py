"""The commands on exact coefficients; one of them in a process of its own."""

import json
from pathlib import Path

import pytest
from command import here as llcbench
from command import process

from llcbench.cli.theory import parameter


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


def test_rlct_is_proved_and_checked_again(tmp_path: Path) -> None:
    done = process("theory", "rlct", "x^2*y^4 + x^6", "--at", "x=0,y=0", "--json")
    output = json.loads(done.stdout)
    # x^2 (y^4 + x^4): the blow-up of the origin gives 2/6.
    assert (output["exact"], output["value"], output["multiplicity"]) == (True, "1/3", 1)
    path = tmp_path / "proof.json"
    path.write_text(done.stdout, encoding="utf-8")
    assert llcbench("theory", "verify", str(path)).returncode == 0
    path.write_text(done.stdout.replace('"1/3"', '"1/4"'), encoding="utf-8")
    wrong = llcbench("theory", "verify", str(path))
    assert wrong.returncode == 2
    assert len(wrong.stderr.strip().splitlines()) == 1


def test_proof_is_printed_for_people() -> None:
    text = llcbench("theory", "rlct", "(x^2-3*y^2)^2", "--proof").stdout
    assert "1/2" in text
    assert "lambda = 1/2, m = 2" in text


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("__import__('os').system('true')", ["syntax"]),
        ("x*y", ["negative"]),
        ("0.5*x^2", ["0.5"]),
        ("x^2 + 1", ["not zero"]),
        ("0", ["zero"]),
    ],
)
def test_bad_polynomials_are_one_line(expression: str, words: list[str]) -> None:
    done = llcbench("theory", "rlct", expression)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert all(word in done.stderr for word in words), done.stderr


def test_cite_gives_bibtex() -> None:
    assert "@" in llcbench("cite", "deep_linear_global").stdout
    assert "aoyagi" in llcbench("cite", "dln/3-3-3/r1").stdout


def test_catalogue_has_every_family() -> None:
    from theory.families import FAMILIES

    table = llcbench("theory", "catalogue").stdout
    assert all(f"| {name} |" in table for name in FAMILIES)
