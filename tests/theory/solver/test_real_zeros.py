"""The oracle against constructed systems, sampling, and replayed witnesses."""

import random

import pytest

from theory.algebra.ring import evaluate, polynomial_ring, read
from theory.checker.zeros import replay
from theory.solver.zeros.oracle import real_status

RING = polynomial_ring(("x", "y", "z"))

KNOWN = [
    (["x^2+y^2"], ["x"], "empty"),
    (["x^2-2"], ["x"], "nonempty"),
    (["x^2+1"], [], "empty"),
    (["x^2+x*y+y^2"], ["x", "y"], "empty"),
    (["x^2+y^2-3*x*y"], ["x", "y"], "nonempty"),
    (["x^2-2*y^2"], ["x", "y"], "nonempty"),
    (["x^3-2*y^3"], ["x", "y"], "nonempty"),
    (["x^2+y^2-1", "x*y-1"], ["x", "y"], "empty"),
    (["x^2+y^2-3", "x*y-1"], ["x", "y"], "nonempty"),
    (["x^4*y^2+x^2*y^4-3*x^2*y^2*z^2+z^6"], ["x", "y", "z"], "nonempty"),
    (["x^4*y^2+x^2*y^4-3*x^2*y^2*z^2+z^6"], ["x", "y", "z", "x^2-z^2"], "empty"),
    (["x^4*y^2+x^2*y^4-2*x^2*y^2*z^2+z^6"], ["x", "y", "z"], "empty"),
    (["(x^2+y^2-1)^2+(x-2)^2"], ["x"], "empty"),
    (["x^2+y^2+z^2+x+1"], [], "empty"),
    (["x^2+y^2+z^2+3*x+1"], [], "nonempty"),
    (["x^4-x^2*y^2+y^4"], ["x", "y"], "empty"),
    (["x^2-y*z", "z^2-x*y"], ["x", "y", "z"], "nonempty"),
    (["x^2+y^2-z^2", "x-y"], ["x", "y", "z"], "nonempty"),
    (["x-y", "x+y"], ["x"], "empty"),
    (["x*y"], ["x", "y"], "empty"),
    (["x*y"], ["x"], "nonempty"),
    ([], ["x"], "nonempty"),
    (["0"], [], "nonempty"),
    (["y^2-x^3+x"], ["x", "y"], "nonempty"),
]


@pytest.mark.parametrize(("equations", "nonzero", "answer"), KNOWN)
def test_known_systems(equations: list[str], nonzero: list[str], answer: str) -> None:
    system = [read(RING, p) for p in equations]
    conditions = [read(RING, p) for p in nonzero]
    status = real_status(system, conditions)
    assert status.answer == answer
    assert replay(system, conditions, status.witness) == answer


def test_zero_condition_is_never_met() -> None:
    assert real_status([RING.gens[0]], [RING.zero]).answer == "empty"


@pytest.mark.parametrize("seed", range(6))
def test_random_systems_agree_with_sampling_and_replay(seed: int) -> None:
    rng = random.Random(seed)

    def polynomial():
        total = RING.zero
        for _ in range(rng.randint(2, 4)):
            e = tuple(rng.choice([0, 0, 1, 1, 2]) for _ in range(3))
            total = total + RING.from_dict({e: RING.domain(rng.choice([1, 1, -1, 2, -3]))})
        return total

    def at(p, point):
        for i, x in enumerate(point):
            p = evaluate(p, i, x)
        return p

    unknown = 0
    for _ in range(25):
        system = [polynomial() for _ in range(rng.choice([1, 1, 2]))]
        conditions = [g for g in RING.gens if rng.random() < 0.8]
        if rng.random() < 0.4:
            # A zero is planted at a point with nonzero coordinates.
            point = [rng.choice([1, -1, 2, -2]) for _ in range(3)]
            system = [p - at(p, point) for p in system]
            assert real_status(system, conditions).answer != "empty"
        status = real_status(system, conditions)
        if status.answer == "unknown":
            unknown += 1
            continue
        assert replay(system, conditions, status.witness) == status.answer
    assert unknown <= 2


def test_damaged_witnesses_are_rejected() -> None:
    x, y, _ = RING.gens
    with pytest.raises(ValueError, match="unit ideal"):
        replay([x**2 - x * y - y**2], [x, y], {"rule": "groebner", "parts": []})
    with pytest.raises(ValueError, match="no equation"):
        replay([x**2 + x * y], [x], {"rule": "definite", "equation": "x^2+y^2", "parts": []})
