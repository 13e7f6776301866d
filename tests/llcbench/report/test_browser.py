"""A site in a real browser: keyboard, filter, phones, contrast, nothing from the network."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import SCHEMES, Browser, executable

# Pages of every kind.
KINDS = (
    "index.html", "problems/index.html", "problems/poly--x2y2.html",
    "problems/gone_b_1~4b93b080f8a9.html",
    "samplers/index.html", "samplers/sgld.html", "samplers/exact.html", "scores.html",
    "compare.html", "scaling.html", "figures.html", "reproduce.html",
)  # fmt: skip
PHONE = 360
# WCAG 2.2, 1.4.3: the least ratio of luminances of text, and of large text.
LEAST, LEAST_LARGE = 4.5, 3.0

# All texts with too little contrast to the nearest opaque background behind them.
CONTRAST = """
(() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (let each = node; each; each = each.parentElement) {
      const colour = parse(getComputedStyle(each).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Map();
  let count = 0;
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || node.closest("script, style, title, option")) continue;
    count += 1;
    const style = getComputedStyle(node);
    const ink = parse(node instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [light(ink), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const weak = ratio < (large ? LARGE : SMALL);
    if (weak) seen.set(walker.currentNode.data.trim().slice(0, 40), ratio);
  }
  return [count, [...seen]];
})()
""".replace("LARGE", str(LEAST_LARGE)).replace("SMALL", str(LEAST))
OPENED = "document.querySelectorAll('details').forEach((each) => { each.open = true; })"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = executable()
    if program is None:
        pytest.skip("there is no chromium or chrome on this machine")
    with Browser(program, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_has_contrast(browser: Browser, site: Path, scheme: str) -> None:
    for kind in KINDS:
        browser.open(site / kind, scheme=scheme)
        browser.evaluate(OPENED)
        count, weak = browser.evaluate(CONTRAST)
        assert count > 10, kind
        assert weak == [], (kind, scheme)


def test_the_measure_of_contrast_finds_grey_on_grey(browser: Browser, site: Path) -> None:
    browser.open(site / "index.html")
    browser.evaluate("document.body.style.setProperty('--ink', '#aaaaaa')")
    assert browser.evaluate(CONTRAST)[1]


def test_no_page_is_wider_than_a_phone(browser: Browser, site: Path) -> None:
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    for kind in KINDS:
        browser.open(site / kind, width=PHONE)
        browser.evaluate(OPENED)
        assert browser.evaluate("innerWidth") == PHONE
        assert browser.evaluate(wider) == 0, kind
    browser.evaluate("document.querySelector('main').style.width = '400px'")
    assert browser.evaluate(wider) > 0


def test_a_table_is_sorted_by_keyboard(browser: Browser, site: Path) -> None:
    browser.open(site / "scores.html")
    head = "[...document.querySelectorAll('#scores thead th')].find((h) => h.innerText === 'bias')"
    values = (
        f"(() => {{ const place = {head}.cellIndex; return [...document.querySelectorAll("
        "'#scores tbody tr')].map((row) => row.cells[place].dataset.sort ?? '') })()"
    )
    browser.evaluate(f"{head}.querySelector('button').focus()")
    orders = {}
    for key, text, order in (("Enter", "\r", "ascending"), (" ", " ", "descending")):
        browser.press(key, text)
        assert browser.evaluate(f"{head}.getAttribute('aria-sort')") == order
        assert browser.evaluate("document.querySelectorAll('[aria-sort]').length") == 1
        shown = browser.evaluate(values)
        numbers = [float(value) for value in shown if value]
        assert numbers == sorted(numbers, reverse=order == "descending")
        # Rows without a value stay last.
        assert [bool(value) for value in shown] == sorted(map(bool, shown), reverse=True)
        orders[order] = numbers
    assert len(set(orders["ascending"])) > 3
    assert orders["ascending"] != orders["descending"]


def test_the_first_key_skips_to_the_content(browser: Browser, site: Path) -> None:
    browser.open(site / "index.html")
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.textContent") == "Skip to the content"
    browser.press("Enter", "\r")
    assert browser.evaluate("location.hash") == "#main"


def test_rows_are_filtered_while_one_types(browser: Browser, site: Path) -> None:
    browser.open(site / "scores.html")
    shown = "[...document.querySelectorAll('#scores tbody tr')].filter((r) => !r.hidden).length"
    said = "document.querySelector('.filter output').textContent"
    total = browser.evaluate(shown)
    browser.evaluate("document.querySelector('.filter input[type=search]').focus()")
    browser("Input.insertText", text="MALA poly")
    assert browser.evaluate(shown) == 2
    assert browser.evaluate(said) == f"2 of {total} rows"
    browser.evaluate("document.querySelector('.filter input[type=search]').select()")
    browser("Input.insertText", text="exact")
    browser.evaluate("document.querySelector('.filter input[type=checkbox]').focus()")
    browser.press(" ", " ")
    assert browser.evaluate(shown) == 2
    assert total == 10


def test_nothing_failed_and_nothing_came_from_the_network(browser: Browser, site: Path) -> None:
    first = len(browser.requests)
    for kind in KINDS:
        browser.open(site / kind)
    asked = browser.requests[first:]
    assert len(asked) >= 3 * len(KINDS)
    assert all(address.startswith(("file://", "data:")) for address in asked)
    assert any(address.endswith("f01_fall.svg") for address in asked)
    assert browser.errors == []
