"""A part of each attack; ``make trust`` makes all trials."""

from pathlib import Path

import pytest
from experiment import Experiment, Outcome, attempt, kept, measure, summarise
from trust import experiments, page

from llcbench.foreign import reading

ROOT = Path(__file__).parents[2]
ATTACKS = [e for e in experiments() if e.kind == "attack"]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_is_handled(attack: Experiment) -> None:
    outcomes = [o for index in range(attack.quick) for o in attempt(attack, index)]
    assert [o for o in outcomes if o.hit] == []


def test_the_page_is_that_of_the_committed_counts() -> None:
    assert (ROOT / "results" / "trust.md").read_text() == page()


def test_names_are_unique() -> None:
    names = [experiment.name for experiment in experiments()]
    assert len(set(names)) == len(names)


def odd(index: int, folder: Path) -> list[Outcome]:
    assert not list(folder.iterdir())
    return [Outcome("odd", index % 2 == 1, f"trial {index}")]


def test_a_measurement_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    """The pieces give the counts of the whole."""
    experiment = Experiment("odd", "attack", 8, odd)
    assert not measure(experiment, tmp_path, minutes=0.0)
    assert len(list(kept(tmp_path / "odd.jsonl"))) == 1
    with (tmp_path / "odd.jsonl").open("a") as handle:
        handle.write("\n[1, [")  # a kill cuts the line that is being written
    assert measure(experiment, tmp_path)
    summarise(kept(tmp_path / "odd.jsonl"), tmp_path / "odd.csv")
    lines = reading.content(tmp_path / "odd.csv").decode().splitlines()
    assert lines[1:] == ["odd,8,4,trial 1"]


def broken(index: int, folder: Path) -> list[Outcome]:
    raise ZeroDivisionError(index)


def test_an_attack_that_raises_is_mishandled() -> None:
    assert attempt(Experiment("odd", "attack", 8, broken), 5) == [
        Outcome("odd", True, "ZeroDivisionError: 5")
    ]
    with pytest.raises(ZeroDivisionError):
        attempt(Experiment("odd", "rate", 8, broken), 5)
