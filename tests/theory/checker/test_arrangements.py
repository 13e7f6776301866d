"""Both ways to the value of an arrangement, and that the checker does not trust the solver's."""

import random
import time
from fractions import Fraction
from typing import Any

import pytest

from theory import rlct, verify
from theory.checker.arrangements import MAX_FORMS, least_ratio
from theory.solver import arrangements as solver

F = Fraction
K = "(x - y)^4*(y - 2*x)^2*(x - y + z)^2*z^4"
GENERIC = "x*y*z*(x - y)*(x + y)*(y - z)*(y + z)*(z - x)*(z + x)*(x + y + z)*(x - y - 2*z)"


@pytest.mark.parametrize("seed", range(40))
def test_agrees_with_the_solver_on_random_arrangements(seed: int) -> None:
    rng = random.Random(seed)
    size, count = rng.randint(1, 5), rng.randint(1, 9)
    forms = []
    for _ in range(count):
        row = [rng.choice([0, 0, 0, 1, -1, 2]) for _ in range(size)]
        forms.append(tuple(map(F, row if any(row) else [1] * size)))
    exponents = [F(rng.choice([1, 1, 2, 3]), rng.choice([1, 1, 2])) for _ in forms]
    assert least_ratio(forms, exponents) == solver.arrangement(forms, exponents)


@pytest.mark.parametrize(
    ("rows", "multiplicity"),
    [
        ([(1, 0, 0), (0, 1, 0), (0, 0, 1)], 3),
        # Three doubled planes in general position: every crossing attains the least ratio.
        ([(1, 0, 0), (1, 0, 0), (0, 1, 0), (0, 1, 0), (0, 0, 1), (0, 0, 1)], 3),
        ([(1, 0), (0, 1), (1, 1), (1, -1)], 1),
        ([(1, 0, 0), (0, 1, 0), (1, 1, 0), (0, 0, 1)], 1),
    ],
)
def test_multiplicities(rows: list[tuple[int, ...]], multiplicity: int) -> None:
    forms = [tuple(map(F, row)) for row in rows]
    assert least_ratio(forms, [F(2)] * len(rows))[1] == multiplicity


def test_the_largest_arrangement_takes_seconds() -> None:
    rng = random.Random(0)
    forms = [tuple(F(rng.randint(-3, 3)) for _ in range(6)) for _ in range(MAX_FORMS)]
    start = time.process_time()
    least_ratio(forms, [F(1)] * MAX_FORMS)
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    ("forms", "exponents"),
    [
        ([], []),
        ([(F(0), F(0))], [F(1)]),
        ([(F(1),)], [F(0)]),
        ([(F(1),)], []),
        ([(F(1),)] * (MAX_FORMS + 1), [F(1)] * (MAX_FORMS + 1)),
    ],
)
def test_other_input_is_refused(
    forms: list[tuple[Fraction, ...]], exponents: list[Fraction]
) -> None:
    with pytest.raises(ValueError, match="form"):
        least_ratio(forms, exponents)


def product(forms: list[str], value: str, multiplicity: int | None) -> dict[str, Any]:
    """Return the certificate of a product of squares of forms in x and y."""
    return {
        "rule": "arrangement", "lower": value, "upper": value, "multiplicity": multiplicity,
        "children": [],
        "data": {
            "germ": {
                "coordinates": ["x", "y"], "parameters": [], "relations": [], "nonzero": [],
                "ideals": [{"generators": [form], "exponent": "2"} for form in forms],
                "monomial": ["0", "0"], "density": ["1", "1"],
            }
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("forms", "value", "multiplicity"),
    [
        # The integral of (x^2)^z has one pole, that of (x^2 y^2)^z is its square.
        (["x"], "1/2", 1),
        (["x", "y"], "1/2", 2),
        (["x + y", "x - y"], "1/2", 2),
        # In polar coordinates r^6 r dr: only the origin has 2/6.
        (["x", "y", "x + y"], "1/3", 1),
    ],
)
def test_a_claim_needs_the_right_multiplicity(
    forms: list[str], value: str, multiplicity: int
) -> None:
    for claimed in (None, 0, 1, 2, 3):
        assert verify(product(forms, value, claimed)) == (claimed == multiplicity)


@pytest.mark.parametrize("wrong", [(F(1, 7), 1), (F(1, 4), 2), (F(3, 11), 2)])
def test_a_solver_that_lies_is_caught(
    monkeypatch: pytest.MonkeyPatch, wrong: tuple[Fraction, int]
) -> None:
    options = {"absolute": True, "timeout": 0.05}
    true = rlct(GENERIC, **options)
    assert true.certificate is not None
    assert any(node.rule == "arrangement" for node in true.certificate.walk())
    assert verify(true)
    assert (true.value, true.multiplicity) != wrong
    monkeypatch.setattr(solver, "arrangement", lambda *_: wrong)
    false = rlct(GENERIC, **options)
    assert (false.value, false.multiplicity) == wrong
    assert not verify(false)
