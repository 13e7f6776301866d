"""The attacks on the reader see a reader that is wrong."""

from collections.abc import Sequence
from pathlib import Path

import attacks_expressions as attacks
import pytest

from theory.polynomials.expression import Polynomial, parse
from theory.polynomials.grammar import read

FAULTS = {
    "a superscript is another power": ("²", "³"),
    "a minus is a plus": ("−", "+"),
    "a dot is lost": ("·", "+"),
    "a division is a product": ("/", "*"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_reader_is_seen(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(text: str, names: Sequence[str]) -> Polynomial:
        return parse(text.replace(*FAULTS[fault]), names)

    monkeypatch.setattr(attacks, "parse", wrong)
    outcomes = [o for index in range(12) for o in attacks.random_expressions(index, tmp_path)]
    assert sum(o.hit for o in outcomes) >= 1


def test_a_traceback_on_garbage_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fragile(text: str) -> object:
        assert "(" not in text
        return read(text)

    monkeypatch.setattr(attacks, "read", fragile)
    outcomes = [o for index in range(3) for o in attacks.garbage(index, tmp_path)]
    assert any(o.hit and "AssertionError" in o.note for o in outcomes)


def test_a_second_value_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter(range(10**6))
    monkeypatch.setattr(attacks, "_answer", lambda K: f"{next(calls) // 3}")
    assert all(o.hit for o in attacks.spellings_of_one_germ(0, tmp_path))
