"""The files of a site: links, accessibility of the markup, what is shown, equal bytes."""

import csv
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from llcbench.records import RunRecord
from llcbench.report.score_table import estimated
from llcbench.report.site import Source, read_sources, source_of, write_page, write_site
from llcbench.report.site.sections import anchor
from llcbench.run.exports import write
from llcbench.run.store import RunStore
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


@pytest.fixture(scope="module")
def texts(site: Path) -> dict[str, str]:
    return {
        path.relative_to(site).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(site.rglob("*.html"))
    }


@pytest.fixture(scope="module")
def pages(texts: dict[str, str]) -> dict[str, Page]:
    return {name: Page(text) for name, text in texts.items()}


def test_there_is_a_page_of_every_kind(pages: dict[str, Page]) -> None:
    kinds = {"index", "scores", "compare", "scaling", "figures", "reproduce"}
    assert {f"{kind}.html" for kind in kinds} <= set(pages)
    assert {"problems/index.html", "problems/poly--x2y2.html"} <= set(pages)
    assert {"samplers/index.html", "samplers/sgld.html", "samplers/exact.html"} <= set(pages)


def test_every_link_leads_to_a_file_and_an_id_of_the_site(
    site: Path, pages: dict[str, Page]
) -> None:
    for name, page in pages.items():
        ids = page.values("id")
        assert len(ids) == len(set(ids)), name
        assert set(page.values("aria-labelledby")) <= set(ids), name
        for link in page.values("href") + page.values("src"):
            if link.startswith("data:"):
                continue
            file, _, fragment = link.partition("#")
            target = ((site / name).parent / file).resolve() if file else site / name
            assert target.is_file(), (name, link)
            if fragment and target.suffix == ".html":
                known = pages[target.relative_to(site.resolve()).as_posix()] if file else page
                assert fragment in known.values("id"), (name, link)


def test_nothing_is_loaded_from_elsewhere(site: Path, texts: dict[str, str]) -> None:
    css, script = ((site / name).read_text(encoding="utf-8") for name in ("site.css", "site.js"))
    for text in [*texts.values(), css, script]:
        loaded = re.sub(r"<pre.*?</pre>", "", text, flags=re.DOTALL)
        assert not re.search(r"(src|href)=\"https?:|@import|url\((?!#)|fetch\(", loaded)


def test_the_markup_is_accessible(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        tags = [tag for tag, _ in page.attributes]
        assert ("html", {"lang": "en"}) in page.attributes
        assert tags.count("h1") == tags.count("main") == tags.count("title") == 1, name
        assert tags.count("caption") == tags.count("table"), name
        drawn = [result for tag, result in page.attributes if tag == "svg"]
        assert all(f.get("aria-hidden") or (f.get("role") and f.get("aria-label")) for f in drawn)
        assert all(result.get("alt") for tag, result in page.attributes if tag == "img"), name
        links = [result for tag, result in page.attributes if tag == "a"]
        assert links[0] == {"class": "skip", "href": "#main"}
    assert any(tag == "img" for tag, _ in pages["figures.html"].attributes)


def test_every_score_is_on_the_pages_of_its_problem_and_sampler(
    pages: dict[str, Page], scored: list[Score]
) -> None:
    for score in scored:
        name = score.sampler.partition("[")[0]
        for file in (f"problems/{anchor(score.problem)}.html", f"samplers/{name}.html"):
            shown = {text.strip() for text in pages[file].texts}
            if score.mean is not None:
                assert estimated(score.mean) in shown


def test_failures_are_marked_in_words(texts: dict[str, str]) -> None:
    assert texts["scores.html"].count(">failed runs</strong>") == 1
    assert texts["scores.html"].count(">not supported</strong>") == 1
    assert "exact: timeout, stopped after 60 s (1 run)" in texts["problems/poly--x2y2.html"]
    sampler = texts["samplers/exact.html"]
    assert "stopped after 60 s" in sampler
    assert "too many &lt;parameters&gt;" in sampler
    assert "12 of 12 runs carry a warning" in texts["samplers/sgld.html"]


def test_stored_text_is_escaped(texts: dict[str, str]) -> None:
    assert not any("gone/<b>" in text or "<parameters>" in text for text in texts.values())
    assert "gone/&lt;b&gt;&amp;1" in texts["problems/gone_b_1~4b93b080f8a9.html"]


def test_a_problem_that_is_gone_keeps_its_stored_data(pages: dict[str, Page]) -> None:
    shown = pages["problems/gone_b_1~4b93b080f8a9.html"].texts
    assert any("cannot be built" in text for text in shown)
    assert "3/2, multiplicity 1" in shown
    assert "not computable" in shown


def test_words_and_proof_come_from_the_problem(texts: dict[str, str]) -> None:
    page = texts["problems/poly--x2y2.html"]
    assert "K = (x*y)^2" in page
    assert "Proof of the local coefficient" in page
    assert "@book{watanabe2009" in page
    assert "0.4123 by" not in page
    assert 'role="img" aria-label="Contours' in page


def test_a_sampler_is_described_by_its_own_words(texts: dict[str, str]) -> None:
    assert "Euler-Langevin steps" in texts["samplers/sgld.html"]


def test_the_gallery_shows_claims_and_verdicts(texts: dict[str, str]) -> None:
    page = texts["figures.html"]
    assert 'alt="A line that falls."' in page
    assert "not reproduced" in page
    assert "1 not reproduced, 1 reproduced" in page
    assert "The picture is not in the folder" in page


def test_the_tables_lie_beside_it(site: Path, scored: list[Score]) -> None:
    with (site / "scores.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["problem"] for row in rows] == [score.problem for score in scored]
    assert (site / "scores.md").read_text(encoding="utf-8").startswith("| problem |")


def test_equal_runs_give_equal_bytes_and_old_pages_go(
    source: Source, figures: Path, site: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.html").write_text("kept")
    (tmp_path / "old.html").write_text("left by an earlier site")
    (tmp_path / "files.txt").write_text("old.html\n../mine.html\n")
    write_site([source], tmp_path, figures)
    assert (tmp_path / "mine.html").exists()
    assert not (tmp_path / "old.html").exists()
    for path in sorted(site.rglob("*")):
        if path.is_file():
            assert (tmp_path / path.relative_to(site)).read_bytes() == path.read_bytes()


def test_it_names_no_folder_of_this_machine(texts: dict[str, str], source: Source) -> None:
    assert not any(str(source.path.parent) in text for text in texts.values())


def test_damaged_files_are_reported(store: RunStore) -> None:
    (store.root / "runs" / "0123.json").write_text("{")
    (store.root / "runs" / "4567.99.tmp").write_text("{")
    os.utime(store.root / "runs" / "4567.99.tmp", (0, 0))
    (store.root / "environments" / "bad.json").write_text("[")
    result = source_of(store)
    assert any("0123.json is damaged" in line for line in result.notices)
    assert "4567.99.tmp was left by a run that was killed" in result.notices
    assert ("bad", {"damaged": "this file cannot be read"}) in result.environments


def test_committed_files_are_sources_too(records: list[RunRecord], tmp_path: Path) -> None:
    for folder, some in (("a", records), ("b", records[:5])):
        write({record.key: record for record in some}, tmp_path / folder / "runs.jsonl.gz")
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "abc.json").write_text(json.dumps({"python": "3.12"}))
    (tmp_path / "environments" / "other.json").write_text("{}")
    paths = [tmp_path / "b" / "runs.jsonl.gz", tmp_path / "a" / "runs.jsonl.gz"]
    large, small = read_sources(paths)
    assert (large.name, small.name) == ("runs", "runs-2")
    assert len(large.records) == len(records) > len(small.records) == 5
    assert large.environments == (("abc", {"python": "3.12"}),)
    assert large.shown == "runs.jsonl.gz"


def test_an_empty_store_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no runs in .*nothing"):
        write_page(RunStore(tmp_path / "nothing"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_figures_without_claims_are_an_error(source: Source, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no claims.json in .*llcbench figures"):
        write_site([source], tmp_path / "out", tmp_path)
    assert not (tmp_path / "out").exists()
