"""One word for one thing: the names that the tree has left behind stay away."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("llcbench", "theory", "paper_figures", "tests", "docs", "tutorials", "results")
# The regular expression of a word, and the words to use instead.
BANNED = {
    r"(?<!power )(?<!growth )(?<![A-Za-z])(?:[Ll]aws?|LAWS?)(?! of large numbers)(?![A-Za-z])": (
        "distribution"
    ),
    r"\b(?:Tell|Say|Look) (?:whether|why)\b": "Return whether, Return why",
    r"\b(?:Died|Made|Legs?|Ends|Heard)\b(?=[(:\[,\]])": "Failure, RunResult, TemperatureRun, ...",
    r"(?i)(?<![a-z])crews?(?![a-z])": "workers",
    r"(?i)(?<![a-z])duels?(?![a-z])": "pairwise",
    r"(?i)laborator(?:y|ies)": "fixtures",
    r"\bwant of\b": "the reason: too narrow, missing, ...",
    r"\b(?:in turn|by itself|just then)\b": "alternately, separately, at that time",
    r"(?<![a-z])[Tt]hings?(?![a-z])": "its name",
    r"(?i)\bfigures? (?:behind|of an effect|per run)\b": "value, statistic",
}
# A line that may have one: the file, and what the line holds. What is stored keeps its name.
ALLOWED = (
    ("llcbench/peers/speed.py", "law_p"),
    ("llcbench/report/peers_table.py", "law_p"),
    ("paper_figures/n06_speed.py", "law_p"),
    ("tests/llcbench/peers/test_bench.py", "law_p"),
    # Seeds of random numbers, and the method of stored tempered truths.
    ("tests/llcbench/problems/test_random_networks.py", 'f"law/s{k}"'),
    ("theory/tempered/mellin.py", '"Gamma law"'),
    # The list itself, and the pages that are history.
    ("tests/test_words.py", ""),
    ("CHANGELOG.md", ""),
)
# Parameters, attributes and functions that no reader can guess.
VAGUE = {"found", "thing", "things", "piece", "pieces"}
NAMED = {
    # Keys of the claims of a figure and of the effects of a heuristic, which are written as JSON.
    ("llcbench/heuristics/effects.py", "found"),
    ("llcbench/heuristics/readings.py", "found"),
    ("llcbench/report/figures/paper_figure.py", "found"),
}


def files() -> Iterator[tuple[str, str]]:
    """Yield the text of the project by its path."""
    pages = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    for path in sorted([*pages, *ROOT.glob("*.md"), *ROOT.glob("*.toml")]):
        if path.suffix in (".py", ".md", ".j2", ".toml"):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def banned(name: str, text: str) -> Iterator[str]:
    """Yield the lines of a file that use a banned word, with the word to use instead."""
    for number, line in enumerate(text.splitlines(), 1):
        if any(name == path and part in line for path, part in ALLOWED):
            continue
        for word, instead in BANNED.items():
            if re.search(word, line):
                yield f"{name}:{number}: {line.strip()} (write {instead})"


def vague(name: str, source: str) -> Iterator[str]:
    """Yield parameters, fields, functions and classes with a vague name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            fields = [n.target for n in node.body if isinstance(n, ast.AnnAssign)]
            names = [node.name.lower(), *(f.id for f in fields if isinstance(f, ast.Name))]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
            names = [node.name, *(a.arg for a in given)]
        else:
            continue
        for each in VAGUE.intersection(names):
            if (name, each) not in NAMED:
                yield f"{name}:{node.lineno}: {each}"


def test_no_banned_word_is_used() -> None:
    texts = dict(files())
    lines = [line for name, text in texts.items() for line in banned(name, text)]
    print(f"{len(texts)} files, {len(BANNED)} words, {len(lines)} uses")
    assert lines == []


def test_no_signature_is_vague() -> None:
    texts = {name: text for name, text in files() if name.endswith(".py")}
    lines = [line for name, text in texts.items() for line in vague(name, text)]
    assert lines == []


@pytest.mark.parametrize(
    "line",
    [
        "the law of the chain", "def test_gamma_law():", "LAWS = 1", "def f(law_of): ...",
        '"""Tell whether a proof holds."""', '"""Say why not."""', "class Died(NamedTuple):",
        "runs = Legs()", "the crew", "duel_of(a, b)", "a laboratory", "left out for want of width",
        "each in turn", "moves by itself", "just then", "a thing", "the figures behind it",
    ],
)  # fmt: skip
def test_a_banned_word_is_seen(line: str) -> None:
    assert len(list(banned("x.py", f"a = 1\n{line}\n"))) == 1


@pytest.mark.parametrize(
    "line",
    ["the law of large numbers", "a power law", "a growth law", "flaws", "a figure of a paper",
     "Made by a command", "the ends of an interval", "something", "Return whether it holds."],
)  # fmt: skip
def test_other_words_are_left_alone(line: str) -> None:
    assert list(banned("x.py", line)) == []


def test_a_stored_name_is_allowed_in_its_file_alone() -> None:
    line = "    law_p: float | None = None"
    assert list(banned("llcbench/peers/speed.py", line)) == []
    assert len(list(banned("llcbench/peers/work.py", line))) == 1


@pytest.mark.parametrize(
    "source",
    ["def f(found): ...", "def f(*, pieces=3): ...", "def things(): ...",
     "class Piece: ...", "class A:\n    found: int"],
)  # fmt: skip
def test_a_vague_name_is_seen(source: str) -> None:
    assert len(list(vague("x.py", source))) == 1


def test_a_short_local_name_is_left_alone() -> None:
    assert list(vague("x.py", "def f(x):\n    found = x + 1\n    return found")) == []
