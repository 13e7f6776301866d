"""Two linear layers: the four cases, the local formula and the deep formula."""

from fractions import Fraction
from itertools import product
from typing import Any

import pytest

from theory.families import deep_linear_global, reduced_rank_global, reduced_rank_local


def test_global_is_the_deep_formula_with_two_layers() -> None:
    compared = 0
    for inputs, outputs, hidden in product(range(1, 8), range(1, 8), range(1, 9)):
        for rank in range(min(inputs, hidden, outputs) + 1):
            cases = reduced_rank_global(inputs, hidden, outputs, rank)
            deep = deep_linear_global((inputs, hidden, outputs), rank)
            assert (cases.value, cases.multiplicity) == (deep.value, deep.multiplicity)
            compared += 1
    assert compared == 1316


@pytest.mark.parametrize(
    ("inputs", "outputs", "hidden", "rank", "first", "second", "value", "multiplicity"),
    [
        (4, 4, 4, 2, 2, 2, "15/2", 1),
        (4, 4, 4, 2, 4, 2, "8", 1),
        (4, 4, 4, 2, 3, 3, "15/2", 1),
        (5, 5, 3, 1, 3, 1, "17/2", 1),
        (3, 3, 3, 0, 0, 3, "9/2", 1),
        (3, 3, 3, 1, 2, 2, "4", 1),
        (3, 3, 3, 1, 3, 1, "9/2", 1),
        (3, 3, 3, 1, 1, 3, "9/2", 1),
    ],
)
def test_local_examples(
    inputs: int,
    outputs: int,
    hidden: int,
    rank: int,
    first: int,
    second: int,
    value: str,
    multiplicity: int,
) -> None:
    result = reduced_rank_local(inputs, hidden, outputs, rank, first, second)
    assert result.value == Fraction(value)
    assert result.scope == "local"
    least = reduced_rank_global(inputs, hidden, outputs, rank)
    assert result.value >= least.value
    assert result.multiplicity == multiplicity


def test_balanced_pair_has_the_global_value() -> None:
    for inputs, hidden, outputs in product(range(1, 7), repeat=3):
        for rank in range(min(inputs, hidden, outputs) + 1):
            local = reduced_rank_local(inputs, hidden, outputs, rank, rank, rank)
            least = reduced_rank_global(inputs, hidden, outputs, rank)
            assert (local.value, local.multiplicity) == (least.value, least.multiplicity)


def test_swapping_the_ends_keeps_the_value() -> None:
    for inputs, hidden, outputs in product(range(1, 5), repeat=3):
        for first in range(min(inputs, hidden) + 1):
            for second in range(min(hidden, outputs) + 1):
                for rank in range(max(0, first + second - hidden), min(first, second) + 1):
                    one = reduced_rank_local(inputs, hidden, outputs, rank, first, second)
                    other = reduced_rank_local(outputs, hidden, inputs, rank, second, first)
                    assert (one.value, one.multiplicity) == (other.value, other.multiplicity)


def test_scalar_chain_is_a_product_of_two_norms() -> None:
    """One hidden unit and zero truth: K = |a|^2 |b|^2, so min(M, N)/2 with m counting ties."""
    for inputs, outputs in product(range(1, 6), repeat=2):
        result = reduced_rank_global(inputs, 1, outputs, 0)
        assert result.value == Fraction(min(inputs, outputs), 2)
        assert result.multiplicity == 1 + (inputs == outputs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 2, 3, 3), "rank must be an integer between 0 and 2, got 3"),
        ((3, 0, 3, 0), "hidden must be an integer of at least 1, got 0"),
        ((3.0, 2, 3, 0), "inputs must be an integer of at least 1, got 3.0"),
        ((3, 2, True, 0), "outputs must be an integer of at least 1, got True"),
    ],
)
def test_global_rejects(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        reduced_rank_global(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 3, 3, 1, 0, 1), "rank_first must be an integer between 1 and 3, got 0"),
        ((3, 3, 3, 1, 1, 4), "rank_second must be an integer between 1 and 3, got 4"),
        ((3, 3, 3, 0, 2, 2), "rank_second must be an integer between 0 and 1 .* got 2"),
        ((3, 3, 3, 4, 4, 4), "rank must be an integer between 0 and 3, got 4"),
    ],
)
def test_local_rejects(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        reduced_rank_local(*arguments)
