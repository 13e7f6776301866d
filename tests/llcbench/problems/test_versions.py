"""A version that was raised is that of every problem it names, and of no other."""

import pytest

from llcbench import registry
from llcbench.problems.versions import RAISED, version_of

CLASSES = ("1k", "10k", "100k", "1m", "10m", "100m")


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("suffix", ["", "/n1000", "/n1000/scaled-4"])
def test_draws_of_the_classes_are_at_version_two(name: str, suffix: str) -> None:
    identifier = f"dln/{name}/s3{suffix}"
    assert registry.problem(identifier).version == registry.version_of(identifier) == 2


def test_a_trained_draw_is_at_the_version_of_its_draw() -> None:
    assert registry.problem("dln/1k/s27/trained").version == 2


def test_built_problems_agree_with_the_table() -> None:
    for identifier in registry.problem_ids():
        if not identifier.startswith("model/"):  # the models take a second each to build
            assert registry.problem(identifier).version == version_of(identifier), identifier


def test_other_problems_are_at_version_one() -> None:
    assert version_of("dln/10-10-10/r3") == version_of("poly/x2") == 1
    assert version_of("dln/1k") == 1  # no draw
    assert set(RAISED) == {f"dln/{name}/" for name in CLASSES}
