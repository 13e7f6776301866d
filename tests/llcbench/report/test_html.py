import csv
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from llcbench.report.html import write_page
from llcbench.report.score_table import estimated
from llcbench.run.store import Store
from llcbench.scoring import Score

VOID = {"meta", "input", "br", "hr", "img", "link"}


class Page(HTMLParser):
    """Collects what the tests ask for and fails on tags that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        self.attributes.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def values(self, name: str) -> list[str]:
        return [value for _, found in self.attributes if (value := found.get(name))]


@pytest.fixture
def text(store: Store, tmp_path: Path) -> str:
    return write_page(store, tmp_path / "out").read_text(encoding="utf-8")


@pytest.fixture
def page(text: str) -> Page:
    return Page(text)


def test_it_needs_no_network(page: Page, text: str) -> None:
    links = page.values("href") + page.values("src") + page.values("xlink:href")
    assert all(link.startswith(("#", "data:")) or link.startswith("scores.") for link in links)
    assert not re.search(r"https?://|@import|url\((?!#)", text)


def test_ids_are_unique_and_links_lead_somewhere(page: Page) -> None:
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    targets = [link[1:] for link in page.values("href") if link.startswith("#")]
    assert targets
    assert set(targets) <= set(ids)
    assert set(page.values("aria-labelledby")) <= set(ids)


def test_it_is_accessible(page: Page) -> None:
    tags = [tag for tag, _ in page.attributes]
    assert ("html", {"lang": "en"}) in page.attributes
    assert tags.count("h1") == 1
    assert tags.count("caption") == tags.count("table")
    figures = [found for tag, found in page.attributes if tag == "svg"]
    assert len(figures) >= 3
    assert all(found.get("role") == "img" and found.get("aria-label") for found in figures)
    assert "button" in tags


def test_every_problem_and_every_value_is_shown(page: Page, found: list[Score]) -> None:
    texts = {text.strip() for text in page.texts}
    for score in found:
        assert score.problem in texts
        if score.mean is not None:
            assert estimated(score.mean) in texts


def test_failures_are_marked_in_words(text: str) -> None:
    assert text.count(">failed runs</strong>") == 2
    assert text.count(">not supported</strong>") == 2
    assert "exact: timeout, stopped after 60 s (1 run)" in text


def test_stored_text_is_escaped(text: str) -> None:
    assert "gone/<b>" not in text
    assert "gone/&lt;b&gt;&amp;1" in text
    assert "<parameters>" not in text


def test_a_problem_that_is_gone_keeps_its_stored_data(page: Page) -> None:
    assert any("cannot be built" in text for text in page.texts)
    assert any("3/2, multiplicity 1: Watanabe 2009" in text for text in page.texts)
    assert any("not computable" in text for text in page.texts)


def test_formula_and_difficulty_come_from_the_problem(page: Page) -> None:
    assert any(text.strip() == "K = (x*y)^2" for text in page.texts)


def test_the_tables_lie_beside_it(text: str, tmp_path: Path, found: list[Score]) -> None:
    with (tmp_path / "out" / "scores.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["problem"] for row in rows] == [score.problem for score in found]
    assert (tmp_path / "out" / "scores.md").read_text(encoding="utf-8").startswith("| problem |")


def test_it_is_the_same_on_every_run(store: Store, text: str, tmp_path: Path) -> None:
    assert write_page(store, tmp_path / "again").read_text(encoding="utf-8") == text


def test_it_names_no_folder_of_this_machine(text: str, tmp_path: Path) -> None:
    assert str(tmp_path) not in text


def test_damaged_files_are_reported(store: Store, tmp_path: Path) -> None:
    (store.root / "runs" / "0123.json").write_text("{")
    (store.root / "runs" / "4567.99.tmp").write_text("{")
    (store.root / "environments" / "bad.json").write_text("[")
    text = write_page(store, tmp_path / "out").read_text(encoding="utf-8")
    assert "0123.json is damaged" in text
    assert "4567.99.tmp was left by a run that was killed" in text
    assert "this file cannot be read" in text


def test_an_empty_store_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no runs in .*nothing"):
        write_page(Store(tmp_path / "nothing"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
