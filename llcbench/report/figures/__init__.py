"""Figures of the source papers, rebuilt from committed results, each with its claims checked."""

from llcbench.report.figures.paper_figure import Claim as Claim
from llcbench.report.figures.paper_figure import Drawing as Drawing
from llcbench.report.figures.paper_figure import Measurement as Measurement
from llcbench.report.figures.paper_figure import PaperFigure as PaperFigure
from llcbench.report.figures.paper_figure import Scale as Scale
from llcbench.report.figures.paper_figure import Verdict as Verdict
from llcbench.report.figures.results import Results as Results
from llcbench.report.figures.rows import Row as Row
