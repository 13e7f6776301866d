"""From scripts and results to files: SVG, PDF, CSV and the list of claims."""

import importlib.util
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypedDict

from llcbench.checks import shown
from llcbench.files import write as write_file
from llcbench.foreign import reading
from llcbench.foreign.names import safe_name
from llcbench.report.figures.paper_figure import Claim, Drawing, PaperFigure
from llcbench.report.figures.results import Results
from llcbench.report.figures.rows import write_rows
from llcbench.report.figures.style import paper_style, to_pdf, to_svg


class ClaimsOfFigure(TypedDict):
    """What a figure says, as ``claims.json`` holds it."""

    id: str
    stem: str
    title: str
    paper: str
    caption: str
    alt: str
    needs: str
    claims: list[dict[str, str]]


SCRIPTS = Path("paper_figures")
CLAIMS = "claims.json"


def discover(folder: Path = SCRIPTS, ids: Iterable[str] = ()) -> list[PaperFigure]:
    """Return the figures of the scripts ``f*.py`` and ``n*.py`` of a folder, by id.

    Args:
        folder: Where scripts are, each named by the id of its figure.
        ids: Which are asked for, in this order; no other script is loaded. None asks for all.

    Raises:
        ValueError: If there is no script or no such figure, or two scripts have one id.
    """
    paths = _paths(folder)
    # Scripts share code of their own, which is in no wheel.
    if (root := str(folder.resolve().parent)) not in sys.path:
        sys.path.append(root)
    wanted = list(dict.fromkeys(ids)) or sorted(paths)
    missing = [each for each in wanted if each not in paths]
    if missing:
        raise ValueError(f"no figure {missing[0]!r}; there are {', '.join(sorted(paths))}")
    return [_load(paths[each]) for each in wanted]


def draw(figure: PaperFigure, results: Results) -> Drawing:
    """Draw a figure in the style of all.

    Raises:
        ValueError: If results are missing or no claim is checked.
    """
    with paper_style():
        drawing = figure.draw(results)
    if not drawing.claims:
        raise ValueError(f"{figure.id} checks no claim")
    return drawing


def write(figure: PaperFigure, drawing: Drawing, out: Path) -> list[Path]:
    """Write ``<stem>.svg``, ``.pdf`` and ``.csv``; the same results give the same bytes."""
    paths = [out / f"{figure.stem}.{suffix}" for suffix in ("svg", "pdf", "csv")]
    write_file(paths[0], to_svg(drawing.figure))
    write_file(paths[1], to_pdf(drawing.figure))
    write_rows(paths[2], drawing.rows)
    return paths


def write_claims(drawn: Sequence[tuple[PaperFigure, Drawing]], out: Path) -> Path:
    """Write what figures say as one JSON, merged by id with what is there."""
    path = out / CLAIMS
    entries = {str(entry["id"]): entry for entry in read_claims(path)}
    for figure, drawing in drawn:
        entries[figure.id] = {
            "id": figure.id,
            "stem": figure.stem,
            "title": figure.title,
            "paper": figure.paper,
            "caption": drawing.caption,
            "alt": drawing.alt,
            "needs": figure.needs,
            "claims": [asdict(claim) for claim in drawing.claims],
        }
    text = json.dumps([entries[key] for key in sorted(entries)], indent=1, ensure_ascii=False)
    write_file(path, text + "\n")
    return path


def read_claims(path: Path) -> list[dict[str, object]]:
    """Return what `write_claims` wrote, nothing if there is no such file."""
    if not path.exists():
        return []
    try:
        entries: list[ClaimsOfFigure] = reading.json_as(list[ClaimsOfFigure])(reading.content(path))
    except ValueError as error:
        raise ValueError(f"{path.name} is no list of claims: {error}") from error
    for entry in entries:
        if safe_name(entry["stem"]) != entry["stem"]:
            raise ValueError(f"{path.name}: {shown(entry['stem'])} is no name of a figure's files")
    return [dict(entry) for entry in entries]


def summary(claims: Sequence[Claim]) -> str:
    """Return verdicts in a line, such as ``2 reproduced, 1 not reproduced``."""
    counts: dict[str, int] = {}
    for claim in claims:
        counts[claim.verdict] = counts.get(claim.verdict, 0) + 1
    return ", ".join(f"{number} {verdict}" for verdict, number in counts.items())


def _paths(folder: Path) -> dict[str, Path]:
    paths = sorted(folder.glob("[fn][0-9][0-9]_*.py"))
    if not paths:
        raise ValueError(
            f"no figures in {str(folder)!r}: run this in a checkout of llcbench, or give --scripts"
        )
    by_id: dict[str, Path] = {}
    for path in paths:
        key = path.stem.partition("_")[0]
        if key in by_id:
            raise ValueError(f"two figures have the id {key!r}: {by_id[key].name}, {path.name}")
        by_id[key] = path
    return by_id


def _load(path: Path) -> PaperFigure:
    spec = importlib.util.spec_from_file_location(f"paper_figures.{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path.name} is no Python script")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    figure = getattr(module, "FIGURE", None)
    if not isinstance(figure, PaperFigure):
        raise ValueError(f"{path.name} defines no FIGURE")
    if path.stem != figure.stem:
        raise ValueError(f"{path.name} defines {figure.stem!r}: name both alike")
    return figure
