"""The bibliography: keys, fields and exactly the references that the package rests on."""

import re
from pathlib import Path

import pytest

import theory
from theory import lookup
from theory.families import FAMILIES
from theory.families.citations import bibliography, cite, fields, keys
from theory.families.examples import EXAMPLES

REQUIRED = {
    "article": {"author", "title", "journal", "volume", "year"},
    "book": {"author", "title", "publisher", "year"},
    "incollection": {"author", "title", "booktitle", "publisher", "year"},
    "inproceedings": {"author", "title", "booktitle", "year"},
    "misc": {"author", "title", "year", "eprint"},
    "phdthesis": {"author", "title", "school", "year"},
}
KEY = r"\b[a-z]{3,}(?:19|20)\d\d[a-z]?\b"
SOURCES = [path.read_text(encoding="utf-8") for path in Path(theory.__file__).parent.rglob("*.py")]


def test_every_entry_is_read_and_keys_are_unique() -> None:
    text = (Path(theory.__file__).parent / "references.bib").read_text(encoding="utf-8")
    found = re.findall(r"^@\w+\{([^,]+),", text, re.M)
    assert len(found) == len(set(found)) == text.count("@")
    assert found == list(bibliography())


@pytest.mark.parametrize("key", bibliography())
def test_fields_of_every_entry(key: str) -> None:
    entry = bibliography()[key]
    kind, results = re.match(r"@(\w+)", entry), fields(key)
    assert kind is not None
    assert REQUIRED[kind[1]] <= results.keys()
    assert entry.count("{") == entry.count("}")
    assert re.fullmatch(r"(19|20)\d\d", results["year"])
    assert results["year"] in key
    # Every author is "Surname, Given names", none is left out.
    assert all(", " in name for name in results["author"].split(" and "))
    # The key starts with the surname of the first author, accents and spaces left out.
    surname = re.sub(r"\\.|[{}' ]", "", results["author"].split(",")[0]).lower()
    assert re.match(r"[a-z]+", key)[0] in surname  # type: ignore[index]
    if "pages" in results:
        first, *last = map(int, results["pages"].split("--"))
        assert not last or first < last[0]
    if "doi" in results:
        assert re.fullmatch(r"10\.\d{4,5}/\S+", results["doi"])


@pytest.mark.parametrize("key", [key for key in bibliography() if "eprint" in fields(key)])
def test_arxiv_numbers_have_their_form_and_are_not_from_the_future(key: str) -> None:
    entry_fields = fields(key)
    assert entry_fields["archiveprefix"] == "arXiv"
    number = entry_fields["eprint"]
    new = re.fullmatch(r"(\d\d)(0[1-9]|1[0-2])\.(\d{4,5})", number)
    old = re.fullmatch(r"math/(\d\d)(0[1-9]|1[0-2])\d{3}", number)
    match = new or old
    assert match is not None
    if new:
        assert len(new[3]) == (5 if int(new[1]) >= 15 else 4)
    # A preprint appears before the paper, but no more than a decade.
    assert 0 <= int(entry_fields["year"]) - (2000 + int(match[1])) <= 10
    assert "arXiv" not in entry_fields.get("note", "")


def test_no_key_is_unused_and_none_is_missing() -> None:
    used = {word for text in SOURCES for word in re.findall(KEY, text)}
    assert used == bibliography().keys()


def test_every_family_cites_what_its_result_names() -> None:
    known = bibliography()
    assert EXAMPLES.keys() == FAMILIES.keys()
    for name, example in EXAMPLES.items():
        result = lookup(name, **example.parameters)
        used = keys(result)
        text = cite(name)
        assert used
        assert set(re.findall(r"^@\w+\{([^,]+),", text, re.M)) == used
        # Every word that looks like a key is one.
        steps = [step["source"] for step in result.to_json()["proof"]]
        words = re.findall(KEY, " ".join([result.source, *steps]))
        assert set(words) <= known.keys()
        named = set(re.findall(KEY, FAMILIES[name].__doc__ or ""))
        assert named <= known.keys()


def test_citing_a_family_with_parameters() -> None:
    assert cite("regular", dim=2).count("@") == 1
    assert cite("lda").count("@") == 2
    with pytest.raises(ValueError, match="unknown family"):
        cite("no_such_family")


def test_fields_join_the_lines_of_an_entry() -> None:
    assert fields("aoyagi2024")["title"].endswith("neural networks with linear units")
    assert fields("lau2025")["author"].count(" and ") == 4
    with pytest.raises(ValueError, match="no_such_key"):
        fields("no_such_key")
