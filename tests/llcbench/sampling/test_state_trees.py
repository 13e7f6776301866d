"""States are stored leaf by leaf; what cannot be is refused with its place."""

import io
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from llcbench.sampling.state_trees import NotStorable, outline, values


class Inner(NamedTuple):
    step: float
    flags: dict[str, Any]


@dataclass(frozen=True)
class Frozen:
    matrix: np.ndarray[Any, Any]
    names: tuple[str, ...]


def through_a_file(state: Any) -> Any:
    names, leaves = values(state)
    buffer = io.BytesIO()
    torch.save({"names": names, "leaves": leaves}, buffer)
    buffer.seek(0)
    stored = torch.load(buffer, weights_only=True)
    return outline(state).filled(stored["names"], stored["leaves"])


def test_a_state_comes_back_as_it_was() -> None:
    column_major = torch.randn(3, 4, dtype=torch.float64).mT
    matrix = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    state = [
        Inner(0.1 + 0.2, {"a": True, "n": None, "big": 2**100}),
        Frozen(matrix, ("x", "y")),
        (column_major, torch.zeros(0), torch.tensor(3), np.float32(0.1)),
    ]
    result = through_a_file(state)
    assert result[0] == state[0]
    assert type(result[1]) is Frozen
    assert (result[1].matrix == matrix).all()
    assert result[1].matrix.flags.f_contiguous
    assert result[1].names == ("x", "y")
    assert torch.equal(result[2][0], column_major)
    assert result[2][0].stride() == column_major.stride()
    assert result[2][3] == np.float32(0.1)
    assert type(result[2][3]) is np.float32
    column_major.zero_()
    assert result[2][0].abs().sum() > 0


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.MT19937, np.random.Philox])
def test_generators_go_on(kind: Any) -> None:
    rng = np.random.Generator(kind(5))
    rng.standard_normal(7)
    rng.integers(0, 10, dtype=np.int32)
    again = through_a_file([rng])[0]
    assert again is not rng
    assert (again.standard_normal(9) == rng.standard_normal(9)).all()


def test_a_view_takes_only_its_own_part() -> None:
    whole = torch.arange(1000.0)
    _, (leaf,) = values((whole[10:12],))
    assert leaf.untyped_storage().nbytes() == 8


SHARED = torch.zeros(4)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"rng": torch.Generator()}, ["state['rng']", "Generator"]),
        ((torch.zeros(2), [lambda: 0]), ["state[1][0]", "function"]),
        (Inner(0.0, {"x": object()}), ["state.flags['x']", "object"]),
        ([torch.nn.Parameter(torch.zeros(2))], ["state[0]", "Parameter"]),
        ({1.5: 2}, ["dict"]),
        ((SHARED, SHARED), ["share memory"]),
        ((SHARED[:3], SHARED[2:]), ["share memory"]),
    ],
)
def test_what_cannot_be_stored_is_named(state: Any, words: list[str]) -> None:
    with pytest.raises(NotStorable) as caught:
        values(state)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_neighbours_in_one_storage_are_apart() -> None:
    values((SHARED[:2], SHARED[2:], SHARED[2:2]))


def test_a_place_of_another_shape_is_refused() -> None:
    names, leaves = values((torch.zeros(2), 1))
    with pytest.raises(NotStorable, match="another shape"):
        outline((torch.zeros(2), torch.zeros(1))).filled(names, leaves)
