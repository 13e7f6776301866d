"""The result type: what it accepts, shows and serialises."""

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError
from fractions import Fraction
from typing import Any

import pytest

from theory import RLCT, Step
from theory.checks import integer, integers, rational


def make(**changes: Any) -> RLCT:
    """Build a record with a few fields changed."""
    fields: dict[str, Any] = {
        "lower": Fraction(9, 2),
        "upper": Fraction(9, 2),
        "multiplicity": 1,
        "scope": "local",
        "method": "closed form",
        "source": "watanabe2009, chapter 6",
        "conditions": "at the origin",
    }
    return RLCT(**{**fields, **changes})


def test_exact_value() -> None:
    result = make()
    assert result.exact
    assert result.value == Fraction(9, 2)
    assert str(result) == "9/2 (m 1)"


def test_bounds_are_not_a_value() -> None:
    result = make(lower=Fraction(3), upper=Fraction(7, 2), multiplicity=None)
    assert not result.exact
    assert str(result) == "[3, 7/2] (m unknown)"
    with pytest.raises(ValueError, match="only bounds are known: 3 <= lambda <= 7/2"):
        _ = result.value


def test_unknown_multiplicity_is_not_exact_but_has_a_value() -> None:
    result = make(multiplicity=None)
    assert not result.exact
    assert result.value == Fraction(9, 2)


def test_provisional_multiplicity_is_shown() -> None:
    assert str(make(multiplicity_provisional=True)) == "9/2 (m 1, provisional)"


def test_json_round_trip() -> None:
    child = Step("normal crossing", "least 1/2")
    result = make(proof=(Step("blow-up", "two charts", "watanabe2009", (child,)),))
    data = json.loads(json.dumps(result.to_json()))
    assert data["exact"] is True
    assert (data["value"], data["lower"], data["upper"]) == ("9/2", "9/2", "9/2")
    assert data["multiplicity"] == 1
    assert data["proof"][0]["children"][0]["statement"] == "least 1/2"
    assert make(upper=Fraction(5)).to_json()["value"] is None


def test_records_are_frozen_and_comparable() -> None:
    assert make() == make()
    assert hash(make()) == hash(make())
    with pytest.raises(FrozenInstanceError):
        make().multiplicity = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lower": 4.5}, "lower must be a Fraction, got 4.5"),
        ({"upper": Fraction(4)}, "0 <= lower <= upper, got 9/2 and 4"),
        ({"lower": Fraction(-1)}, "0 <= lower <= upper, got -1"),
        ({"multiplicity": 0}, "multiplicity must be a positive integer or None, got 0"),
        ({"multiplicity": True}, "multiplicity must be a positive integer or None, got True"),
        ({"scope": "nearby"}, "scope must be 'local' or 'global', got 'nearby'"),
    ],
)
def test_inconsistent_records_are_rejected(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**changes)


@pytest.mark.parametrize("value", [5, -1, 1.0, True, "2", None, Fraction(2)])
def test_integer_names_parameter_value_and_range(value: object) -> None:
    with pytest.raises(ValueError, match="rank must be an integer between 0 and 3, got"):
        integer("rank", value, 0, 3)


def test_numpy_integers_are_integers_but_numpy_booleans_are_not() -> None:
    np = pytest.importorskip("numpy")
    assert type(integer("rank", np.int64(2), 0)) is int
    assert integers("widths", np.array([2, 3]), 1) == (2, 3)
    for value in (np.True_, np.float64(2), np.array([1, 2])):
        with pytest.raises(ValueError, match="rank must be an integer of at least 0"):
            integer("rank", value, 0)


def test_rational_rejects_floats() -> None:
    assert rational("power", 2, 0) == Fraction(2)
    with pytest.raises(ValueError, match=r"power must be an integer or a Fraction above 0, got 0"):
        rational("power", 0, 0, strict=True)
    with pytest.raises(ValueError, match=r"of at least 0, got 0\.5"):
        rational("power", 0.5, 0)


def test_import_is_light() -> None:
    heavy = "torch scipy sympy networkx llcbench"
    code = f"import sys, theory; print([m for m in '{heavy}'.split() if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_package_names_its_unknown_attributes() -> None:
    import theory

    assert {"RLCT", "Step", "families", "lookup", "tempered", "langevin"} <= set(dir(theory))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        theory.__getattr__("nothing")
