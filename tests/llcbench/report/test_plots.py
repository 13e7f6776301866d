from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest

from llcbench.report.plots import (
    decomposition,
    lines_of,
    overview,
)
from llcbench.report.potential import potential_figure, potential_plot
from llcbench.report.style import colour_of, markers, save
from llcbench.scoring import Score


def cross(points: np.ndarray) -> np.ndarray:
    return (points[0] * points[1]) ** 2


@pytest.mark.parametrize("draw", [overview, decomposition])
def test_figures_are_the_same_bytes_whatever_the_user_set(scored: list[Score], draw) -> None:
    first = draw(scored)
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.hashsalt": None}):
        second = draw(scored)
    assert first == second
    root = ElementTree.fromstring(first)
    assert root.tag.endswith("svg")
    assert "<dc:date>" not in first


@pytest.mark.parametrize("draw", [overview, decomposition])
def test_every_problem_is_a_row(scored: list[Score], draw) -> None:
    text = "".join(ElementTree.fromstring(draw(scored)).itertext())
    assert all(score.problem in text for score in scored)


def test_the_same_problem_at_two_temperatures_is_two_rows(scored: list[Score]) -> None:
    import msgspec

    cold = [msgspec.structs.replace(score, nbeta=100.0) for score in scored]
    labels = [line.label for line in lines_of([*scored, *cold])]
    assert len(labels) == len(set(labels)) == 2 * len(lines_of(scored))


def test_a_failure_is_drawn(scored: list[Score]) -> None:
    others = [s for s in scored if not (s.problem == "poly/x2y2" and s.sampler == "exact")]
    hollow = "fill-opacity: 0; stroke: #009e73"
    assert hollow in overview(scored)
    assert hollow not in overview(others)


def test_an_estimate_outside_the_frame_is_written_there(scored: list[Score]) -> None:
    import msgspec

    from llcbench.scoring import Uncertain

    wild = [msgspec.structs.replace(s, mean=Uncertain(1e3, 1.0)) for s in scored if s.mean]
    assert "2000" in "".join(ElementTree.fromstring(overview(wild)).itertext())


def test_scores_without_truth_are_drawn(scored: list[Score]) -> None:
    import msgspec

    blind = [
        msgspec.structs.replace(s, local=None, global_=None, tempered=None, gap=None, bias=None)
        for s in scored
    ]
    assert "no exact coefficient" in overview(blind)
    assert "unknown" in decomposition(blind)


def test_no_score_is_an_error() -> None:
    with pytest.raises(ValueError, match="no scores to draw"):
        overview([])


def test_a_sampler_keeps_its_colour_and_its_settings_differ_in_shape() -> None:
    labels = ["sgld[step_size=0.1]", "sgld[step_size=0.2]", "mine"]
    assert colour_of(labels[0]) == colour_of(labels[1]) == colour_of("sgld")
    assert len({markers(labels)[label] for label in labels[:2]}) == 2
    assert colour_of("mine") == colour_of("mine[a=1]")


def test_a_potential_is_drawn_around_its_point() -> None:
    first = potential_plot(cross, (0.0, 1.0), "poly/x2y2")
    assert first == potential_plot(cross, (0.0, 1.0), "poly/x2y2")
    assert "poly/x2y2" in "".join(ElementTree.fromstring(first).itertext())


def test_a_constant_potential_is_drawn() -> None:
    ElementTree.fromstring(potential_plot(lambda w: np.zeros(w.shape[1]), (0.0, 0.0), "flat"))


def test_a_potential_of_three_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match="needs two parameters, this point has 3"):
        potential_figure(cross, (0.0, 0.0, 0.0), "x")


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_figures_are_saved_by_suffix(tmp_path: Path, suffix: str, start: bytes) -> None:
    figure = potential_figure(cross, (0.0, 0.0), "x")
    one, two = (save(figure, tmp_path / f"{name}{suffix}").read_bytes() for name in "ab")
    assert one == two
    assert one.startswith(start)


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"use \.svg or \.png"):
        save(potential_figure(cross, (0.0, 0.0), "x"), tmp_path / "a.gif")
