from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest

from llcbench.report.strata_plot import PALETTE, strata_figure, strata_plot
from llcbench.report.style import to_svg
from theory import strata


def test_same_bytes_whatever_the_user_set() -> None:
    stratification = strata("(x^2+y^2-1)^2*(x-y)^2")
    first = strata_plot(stratification)
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.hashsalt": None}):
        second = strata_plot(stratification)
    assert first == second
    assert ElementTree.fromstring(first).tag.endswith("svg")
    assert "<dc:date>" not in first
    assert len(first) < 200_000


def test_points_curves_and_labels_are_drawn_in_the_colour_of_their_value() -> None:
    stratification = strata("((x-1)*(x^2+y^2)^2)^2*(y-1)^6")
    figure = strata_figure(stratification)
    axes = figure.axes[0]
    special = [s for s in stratification if s.dimension == 0]
    marked = [line for line in axes.lines if line.get_marker() not in (None, "None", "")]
    assert len(marked) == len(special) == 2
    for line, stratum in zip(marked, special, strict=True):
        assert line.get_xydata()[0].tolist() == list(stratum.point.floats())
        assert (
            line.get_color()
            == PALETTE[
                stratification.values.index(
                    (stratum.value.lower, stratum.value.upper, stratum.value.multiplicity)
                )
            ]
        )
    words = [t.get_text() for t in axes.texts]
    assert [w for w in words if ", " in w] == ["1/6, 1", "1/4, 1"]
    legend = axes.get_legend()
    assert legend is not None
    assert [t.get_text() for t in legend.get_texts()] == ["1/6, 1", "1/4, 1", "1/2, 1"]


def test_drawn_curves_lie_on_the_zero_set() -> None:
    stratification = strata("(x^2+y^2-1)^2*(y-x^3)^2")
    axes = strata_figure(stratification).axes[0]
    drawn = [path for c in axes.collections for path in c.get_paths() if len(path.vertices)]
    assert len(drawn) == 2
    for path in drawn:
        x, y = path.vertices.T
        assert np.all(np.minimum(abs(x * x + y * y - 1), abs(y - x**3)) < 2e-3)


def test_names_by_alphabet_and_frame() -> None:
    # y comes first in K, yet x is horizontal.
    axes = strata_figure(strata("(y-2)^2*x^4"), ((-1.0, 1.0), (1.0, 3.0))).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")
    assert (*axes.get_xlim(), *axes.get_ylim()) == (-1.0, 1.0, 1.0, 3.0)
    (point,) = (line for line in axes.lines if line.get_marker() not in (None, "None", ""))
    assert point.get_xydata().tolist() == [[0.0, 2.0]]


def test_without_special_points_the_whole_curve_is_in_the_frame() -> None:
    axes = strata_figure(strata("(x^2+y^2-3)^2")).axes[0]
    assert axes.get_xlim()[0] == -axes.get_xlim()[1]
    assert axes.get_xlim()[1] > 3**0.5


def test_other_numbers_of_variables_are_refused() -> None:
    with pytest.raises(ValueError, match="two variables, K has x, y, z"):
        strata_figure(strata("x^2*y^2*z^2"))


def test_many_points_are_drawn_without_warning() -> None:
    found = strata("(x^2-2)^2*(y^2-3)^2*(x^3-2*y^3)^4")
    text = "".join(ElementTree.fromstring(to_svg(strata_figure(found))).itertext())
    assert text.count("1/2, 2") == 5
