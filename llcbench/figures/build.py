"""From scripts and results to files: SVG, PDF, CSV and the list of claims."""

import importlib.util
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from llcbench.figures.paper_figure import Claim, Drawing, PaperFigure
from llcbench.figures.results import Results, write_rows
from llcbench.figures.style import paper_style, to_pdf, to_svg

SCRIPTS = Path("paper_figures")
CLAIMS = "claims.json"


def discover(folder: Path = SCRIPTS) -> list[PaperFigure]:
    """Return the figures of all scripts ``f*.py`` and ``n*.py`` of a folder, by id.

    Raises:
        ValueError: If there is none, one defines no ``FIGURE``, or two have one id.
    """
    paths = sorted(folder.glob("[fn][0-9][0-9]_*.py"))
    if not paths:
        raise ValueError(
            f"no figures in {str(folder)!r}: run this in a checkout of llcbench, or give --scripts"
        )
    found: dict[str, PaperFigure] = {}
    for path in paths:
        figure = _load(path)
        if path.stem != figure.stem:
            raise ValueError(f"{path.name} defines {figure.stem!r}: name both alike")
        if figure.id in found:
            raise ValueError(f"two figures have the id {figure.id!r}")
        found[figure.id] = figure
    return [found[key] for key in sorted(found)]


def chosen(figures: Sequence[PaperFigure], ids: Iterable[str]) -> list[PaperFigure]:
    """Return the figures with these ids, all of them for none.

    Raises:
        ValueError: If there is no such figure.
    """
    known = {figure.id: figure for figure in figures}
    wanted = list(ids)
    missing = [each for each in wanted if each not in known]
    if missing:
        raise ValueError(f"no figure {missing[0]!r}; there are {', '.join(known)}")
    return [known[each] for each in wanted] or list(figures)


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
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / f"{figure.stem}.{suffix}" for suffix in ("svg", "pdf", "csv")]
    paths[0].write_text(to_svg(drawing.figure), encoding="utf-8")
    paths[1].write_bytes(to_pdf(drawing.figure))
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
    path.write_text(text + "\n", encoding="utf-8")
    return path


def read_claims(path: Path) -> list[dict[str, object]]:
    """Return what `write_claims` wrote, nothing if there is no such file."""
    if not path.exists():
        return []
    found: list[dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def summary(claims: Sequence[Claim]) -> str:
    """Return verdicts in a line, such as ``2 reproduced, 1 not reproduced``."""
    counts: dict[str, int] = {}
    for claim in claims:
        counts[claim.verdict] = counts.get(claim.verdict, 0) + 1
    return ", ".join(f"{number} {verdict}" for verdict, number in counts.items())


def _load(path: Path) -> PaperFigure:
    spec = importlib.util.spec_from_file_location(f"paper_figures.{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path.name} is no Python script")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    figure = getattr(module, "FIGURE", None)
    if not isinstance(figure, PaperFigure):
        raise ValueError(f"{path.name} defines no FIGURE")
    return figure
