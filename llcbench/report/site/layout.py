"""Templates, links and files of a site."""

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from shlex import quote
from typing import Any, final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from llcbench.files import write
from llcbench.foreign import reading
from llcbench.foreign.names import inside, safe_name
from llcbench.report.labels import name_of
from llcbench.report.site.pictures import inline
from llcbench.report.site.rows import body
from llcbench.report.site.sections import anchor

ASSETS = ("site.css", "site.js")
# The names of all files of a site, so that the next one knows what to replace.
LISTED = "files.txt"
# What the navigation may hold, in this order: file and text.
PAGES = (
    ("index.html", "Overview"),
    ("problems/index.html", "Problems"),
    ("samplers/index.html", "Samplers"),
    ("scores.html", "Scores"),
    ("compare.html", "Comparison"),
    ("scaling.html", "Scaling"),
    ("figures.html", "Figures"),
    ("reproduce.html", "Reproduce"),
)


def sampler_file(name: str) -> str:
    """Return the file of the page of a sampler."""
    return f"samplers/{safe_name(name, taken=['index'])}.html"


@final
@dataclass(frozen=True)
class Links:
    """Links of a page to others; a page in a folder has to leave it first.

    Attributes:
        here: File of the page.
        problems: Ids that have a page.
        samplers: Names that have a page.
    """

    here: str
    problems: frozenset[str]
    samplers: frozenset[str]

    def page(self, file: str) -> str:
        """Return the link to a file of the site."""
        return "../" * self.here.count("/") + file

    def problem(self, identifier: str) -> str:
        """Return the link to the page of a problem, empty if it has none."""
        held = identifier in self.problems
        return self.page(f"problems/{anchor(identifier)}.html") if held else ""

    def sampler(self, label: str) -> str:
        """Return the link to the page of a sampler, empty if it has none."""
        name = name_of(label)
        return self.page(sampler_file(name)) if name in self.samplers else ""

    def cell(self, column: str, text: str) -> str:
        """Return where a cell of a table leads, empty if nowhere or to its own page."""
        href = ""
        if column == "problem":
            href = self.problem(text)
        elif column in ("sampler", "entry", "A", "B"):
            href = self.sampler(text)
        return "" if href == self.page(self.here) else href


@final
@dataclass(frozen=True)
class Site:
    """Where pages are written to, and what all of them share.

    Attributes:
        out: Folder of the site.
        problems: Ids that have a page.
        samplers: Names that have a page.
        pages: Files of the navigation that are made.
        files: What was written, relative to the folder.
    """

    out: Path
    problems: frozenset[str]
    samplers: frozenset[str]
    pages: frozenset[str]
    files: set[str] = field(default_factory=set)

    def write(self, file: str, template: str, **values: Any) -> Path:
        """Render a template into a file of the site."""
        links = Links(file, self.problems, self.samplers)
        navigation = [(links.page(name), text, name) for name, text in PAGES if name in self.pages]
        text = (
            _environment()
            .get_template(template)
            .render(links=links, navigation=navigation, here=file, **values)
        )
        return self.save(file, text)

    def save(self, file: str, text: str) -> Path:
        """Write a file of the site."""
        path = inside(self.out, file)
        write(path, text, durable=False)
        self.files.add(file)
        return path

    def copy(self, source: Path, file: str) -> None:
        """Copy a file into the site."""
        write(inside(self.out, file), reading.content(source), durable=False)
        self.files.add(file)

    def finish(self) -> None:
        """Remove what an earlier site of other runs left in the folder, and nothing else."""
        listed = self.out / LISTED
        old = reading.content(listed).decode().splitlines() if listed.exists() else []
        root = self.out.resolve()
        for name in set(old) - self.files - {LISTED}:
            path = (root / name).resolve()
            if path.is_relative_to(root) and path.is_file():
                path.unlink()
        self.save(LISTED, "".join(f"{name}\n" for name in sorted(self.files)))

    def save_assets(self) -> None:
        """Write the style sheet and the script that all pages share."""
        for name in ASSETS:
            source = files("llcbench.report") / "templates" / name
            self.save(name, source.read_text(encoding="utf-8"))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("llcbench.report", "templates"), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=StrictUndefined,
    )  # fmt: skip
    environment.filters["code"] = _code
    environment.globals["body"] = body
    environment.globals["inline"] = inline
    environment.filters["quoted"] = quote
    return environment


def _code(text: str) -> Markup:
    """Set what stands between double backquotes as code."""
    parts = str(text).split("``")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else Markup("{}").format(part)
        for place, part in enumerate(parts)
    )
