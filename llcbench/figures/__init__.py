"""Figures of the source papers, rebuilt from committed results, each with its claims checked."""

from llcbench.figures.paper_figure import Claim as Claim
from llcbench.figures.paper_figure import Drawing as Drawing
from llcbench.figures.paper_figure import Measurement as Measurement
from llcbench.figures.paper_figure import PaperFigure as PaperFigure
from llcbench.figures.paper_figure import Scale as Scale
from llcbench.figures.paper_figure import Verdict as Verdict
from llcbench.figures.results import Results as Results
from llcbench.figures.rows import Row as Row
