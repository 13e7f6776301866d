"""What a figure is: where its numbers come from, how it is drawn, and which claims it checks."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, final

from matplotlib.figure import Figure

from llcbench.report.figures.results import Results
from llcbench.report.figures.rows import Row

Scale = Literal["cpu", "paper"]
Verdict = Literal[
    "reproduced", "reproduced with a difference", "not reproduced", "not decided", "not made here"
]

_ID = re.compile(r"[fn]\d{2}")
_NAME = re.compile(r"[a-z0-9_]+")


@final
@dataclass(frozen=True)
class Claim:
    """One statement of a paper and what the data say of it.

    Attributes:
        text: What is claimed, in our words.
        source: Who claims it, with figure or section.
        verdict: What came out; it is computed from the data, never typed in.
        found: The values behind the verdict, with their interval.
        difference: What the paper did differently, or why it comes out differently; may be empty.
    """

    text: str
    source: str
    verdict: Verdict
    found: str
    difference: str = ""


@final
@dataclass(frozen=True)
class Drawing:
    """A finished figure.

    Attributes:
        figure: Drawn within `llcbench.report.figures.style.paper_style`.
        rows: The numbers that are drawn, one mapping a mark; they become the CSV beside it.
        claims: At least one.
        caption: What is shown, including what intervals are; one paragraph.
        alt: What a reader who cannot see it has to know; one or two sentences.
    """

    figure: Figure
    rows: Sequence[Row]
    claims: tuple[Claim, ...]
    caption: str
    alt: str


@final
@dataclass(frozen=True)
class Measurement:
    """Numbers that no suite makes: a list of cells and what each one yields.

    Cells are independent and seeded by their own names, so that a measurement can stop anywhere
    and go on, and gives the same rows whatever order or process they run in.

    Attributes:
        cells: Names of the cells at a scale.
        run: Yields the rows of one cell.
    """

    cells: Callable[[Scale], Sequence[str]]
    run: Callable[[Scale, str], Iterable[Row]]


@final
@dataclass(frozen=True)
class PaperFigure:
    """A figure of a paper, or a new one.

    Attributes:
        id: ``f01`` to ``f26`` for those of papers, ``n01`` and on for new ones.
        name: Part of file names: lower case letters, digits and underscores.
        title: One line.
        paper: The figure that it follows, empty for a new one.
        draw: Makes it from results that are there; never samples.
        inputs: Names of results of suites that it reads, for `Results`.
        measurement: Makes its own data, if it has any.
        needs: What the settings of the paper take, where this cannot be made here.
    """

    id: str
    name: str
    title: str
    paper: str
    draw: Callable[[Results], Drawing]
    inputs: tuple[str, ...] = ()
    measurement: Measurement | None = None
    needs: str = ""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError(f"id {self.id!r} of a figure: use f01 to f99, n01 to n99")
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r} of {self.id}: use letters, digits, underscores")
        if not self.inputs and self.measurement is None:
            raise ValueError(f"{self.id} has neither inputs nor a measurement: nothing to draw")

    @property
    def stem(self) -> str:
        """Name of its files without suffix."""
        return f"{self.id}_{self.name}"
