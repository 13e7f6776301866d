"""Ladders of step sizes on a site: which sources are ones, and where they are shown."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from llcbench.compare.window import ladders
from llcbench.report.site import Source, write_site
from llcbench.report.site.boards import aside, aside_at, is_ladder
from llcbench.run.store import key_of


def laddered(source: Source, steps: int, others: int) -> Source:
    """Return a question that was put at some step sizes, and others that were put once."""
    first = [r for r in source.records if not r.spec.replicate]
    (one,) = (r for r in first if (r.spec.problem, r.spec.sampler) == ("poly/x2y2", "sgld"))
    records = [r for r in first if r.spec.sampler == "mala"][:others]
    for place in range(steps):
        spec = msgspec.structs.replace(one.spec, parameters={"step_size": 10.0**-place})
        records.append(msgspec.structs.replace(one, spec=spec, key=key_of(spec)))
    return Source("steps", Path("steps"), tuple(records))


@pytest.mark.parametrize(
    ("steps", "others", "shown", "whole"),
    [(3, 0, 1, True), (3, 1, 1, True), (3, 2, 1, False), (2, 0, 0, False)],
)
def test_a_source_is_a_ladder_if_half_of_its_questions_are(
    source: Source, steps: int, others: int, shown: int, whole: bool
) -> None:
    """Three step sizes are a ladder, two are not."""
    given = laddered(source, steps, others)
    held = ladders(given.records)
    assert [ladder.sampler for ladder in held] == ["sgld"] * shown
    assert is_ladder(given, held) is whole


def test_a_ladder_fills_windows_and_is_not_ranked(source: Source) -> None:
    made = aside([source, laddered(source, 3, 1)])
    assert list(made.boards) == ["store"]
    windows = {row.sampler: row.window for row in made.boards["store"].standings}
    assert windows["sgld"] is not None
    assert windows["mala"] is None


def test_a_ladder_is_on_the_page_of_its_sampler(source: Source, tmp_path: Path) -> None:
    write_site([source, laddered(source, 3, 1)], tmp_path)
    pages = {
        name: (tmp_path / "samplers" / f"{name}.html").read_text(encoding="utf-8")
        for name in ("sgld", "mala")
    }
    assert 'aria-label="Bias of sgld against the step size' in pages["sgld"]
    assert "against the step size" not in pages["mala"]


def test_what_another_process_reads_is_the_same(source: Source) -> None:
    assert aside_at([("mine", source.path)]) == aside([replace(source, name="mine")])
