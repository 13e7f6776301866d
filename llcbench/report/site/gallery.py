"""Figures of papers with their claims, from the folder that ``llcbench figures`` wrote."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from llcbench.foreign import reading
from llcbench.report.figures.build import CLAIMS, read_claims
from llcbench.report.site.layout import Site

FOLDER = "figures"
# Points to pixels.
PIXELS = 4 / 3
GOOD, OPEN = ("reproduced", "reproduced with a difference"), ("not decided", "not made here")


@final
@dataclass(frozen=True)
class Plate:
    """One figure.

    Attributes:
        id: Its id, such as ``f15``.
        title: One line.
        paper: The figure that it follows, empty for a new one.
        caption: What is to be seen.
        alt: The same for those who do not see it.
        needs: What the settings of the paper take, if they were not used.
        claims: Text, source, verdict, what was found, the difference, and the kind of the verdict.
        file: Link to the picture, empty if it is missing.
        width: Of the picture in pixels.
        height: Of the picture in pixels.
        downloads: Name and link of the other files.
    """

    id: str
    title: str
    paper: str
    caption: str
    alt: str
    needs: str
    claims: tuple[dict[str, str], ...]
    file: str
    width: int
    height: int
    downloads: tuple[tuple[str, str], ...]


def claims_in(folder: Path) -> list[dict[str, Any]]:
    """Return the claims of a folder of figures.

    Raises:
        ValueError: If the folder has none.
    """
    entries: list[dict[str, Any]] = read_claims(folder / CLAIMS)
    if not entries:
        raise ValueError(
            f"no {CLAIMS} in {str(folder)!r}: 'llcbench figures --out {folder}' draws the figures"
        )
    return entries


def gallery(folder: Path, site: Site) -> list[Plate]:
    """Copy the figures of a folder into a site and return what its page shows of them."""
    return [_plate(entry, folder, site) for entry in claims_in(folder)]


def verdicts(plates: Sequence[Plate]) -> list[tuple[str, int]]:
    """Return how often each verdict was reached, the most frequent first."""
    counts: dict[str, int] = {}
    for plate in plates:
        for claim in plate.claims:
            counts[claim["verdict"]] = counts.get(claim["verdict"], 0) + 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _plate(entry: dict[str, Any], folder: Path, site: Site) -> Plate:
    stem = str(entry["stem"])
    files = {s: f"{FOLDER}/{stem}.{s}" for s in ("svg", "csv") if (folder / f"{stem}.{s}").exists()}
    for suffix, file in files.items():
        site.copy(folder / f"{stem}.{suffix}", file)
    width, height = _size(folder / f"{stem}.svg") if "svg" in files else (0, 0)
    return Plate(
        id=str(entry["id"]), title=str(entry["title"]), paper=str(entry["paper"]),
        caption=str(entry["caption"]), alt=str(entry["alt"]), needs=str(entry["needs"]),
        claims=tuple({**claim, "kind": _kind(claim["verdict"])} for claim in entry["claims"]),
        file=files.get("svg", ""), width=width, height=height,
        downloads=tuple((suffix.upper(), file) for suffix, file in files.items()),
    )  # fmt: skip


def _kind(verdict: str) -> str:
    return "good" if verdict in GOOD else "open" if verdict in OPEN else "bad"


def _size(path: Path) -> tuple[int, int]:
    """Return the size of an SVG in pixels, so that a page does not jump when it is loaded."""
    head = reading.content(path)[:2000].decode(errors="replace")
    match = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', head)
    if match is None:
        return 720, 480
    return round(float(match[1]) * PIXELS), round(float(match[2]) * PIXELS)
