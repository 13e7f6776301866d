"""Families by name."""

import inspect
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import theory
from theory import families, lookup
from theory.families import FAMILIES

CALLS: list[tuple[str, dict[str, Any], str, int]] = [
    ("regular", {"dim": 3}, "3/2", 1),
    ("normal_crossing", {"exponents": (2, 4)}, "1/4", 1),
    ("norm_product", {"dims": (1, 1), "powers": (1, 1)}, "1/2", 2),
    ("reduced_rank_global", {"inputs": 3, "hidden": 3, "outputs": 3, "rank": 0}, "7/2", 2),
    (
        "reduced_rank_local",
        {
            "inputs": 3,
            "hidden": 3,
            "outputs": 3,
            "rank": 0,
            "rank_first": 0,
            "rank_second": 3,
        },
        "9/2",
        1,
    ),
    ("deep_linear_global", {"widths": (4, 4, 4, 4), "rank": 1}, "13/2", 1),
    ("deep_linear_local", {"widths": (3, 3), "ranks": {(0, 1): 2}}, "9/2", 1),
    ("deep_linear_generic", {"widths": (4, 4, 4, 4), "layer_ranks": (4, 4, 1)}, "8", 1),
    ("deep_linear_at", {"weights": [np.zeros((3, 3)), np.zeros((3, 3))]}, "7/2", 2),
]


@pytest.mark.parametrize(("name", "parameters", "value", "multiplicity"), CALLS)
def test_lookup_finds_every_family(
    name: str, parameters: dict[str, Any], value: str, multiplicity: int
) -> None:
    result = lookup(name, **parameters)
    assert (result.value, result.multiplicity) == (Fraction(value), multiplicity)
    assert result.source
    assert result.conditions
    assert result.proof


@pytest.mark.parametrize("name", [call[0] for call in CALLS])
def test_the_function_of_the_same_name_has_the_same_parameters(name: str) -> None:
    public = inspect.signature(getattr(families, name)).parameters
    assert list(inspect.signature(FAMILIES[name]).parameters) == list(public)


def test_lookup_is_reachable_from_the_package() -> None:
    assert theory.lookup is lookup
    assert theory.families is families


def test_unknown_family_names_the_nearest() -> None:
    with pytest.raises(
        ValueError, match=r"unknown family 'deep_liner_global'.*'deep_linear_global'"
    ):
        lookup("deep_liner_global", widths=(3, 3), rank=0)


def test_unknown_parameter_is_named() -> None:
    with pytest.raises(ValueError, match=r"unknown parameter 'ranks'.*widths, rank"):
        lookup("deep_linear_global", widths=(3, 3), ranks=0)


def test_missing_parameter_is_named() -> None:
    with pytest.raises(ValueError, match=r"missing parameter 'rank'.*widths, rank"):
        lookup("deep_linear_global", widths=(3, 3))


def test_registry_is_read_only() -> None:
    with pytest.raises(TypeError):
        FAMILIES["mine"] = families.regular  # type: ignore[index]


def test_cited_keys_are_in_the_bibliography() -> None:
    from importlib.resources import files

    bibliography = (files("theory") / "references.bib").read_text(encoding="utf-8")
    for name, parameters, _, _ in CALLS:
        key = lookup(name, **parameters).source.split(",")[0]
        assert f"{{{key}," in bibliography
