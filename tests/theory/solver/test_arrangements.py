"""The rule for arrangements against known ones and against the recursion."""

import random
from fractions import Fraction

import pytest

from theory.checker.verify import CHECKERS
from theory.polynomials.expression import parse
from theory.polynomials.germ import Factor, Germ
from theory.solver.arrangements import arrangement, flats, solve_arrangement
from theory.solver.recursion.portfolio import solve_germ


def forms(*rows: tuple[int, ...]) -> list[tuple[Fraction, ...]]:
    return [tuple(map(Fraction, row)) for row in rows]


def two(count: int) -> list[Fraction]:
    return [Fraction(2)] * count


BRAID = forms(
    (1, -1, 0, 0), (1, 0, -1, 0), (1, 0, 0, -1), (0, 1, -1, 0), (0, 1, 0, -1), (0, 0, 1, -1)
)


@pytest.mark.parametrize(
    ("rows", "value", "multiplicity"),
    [
        (BRAID, "1/4", 1),
        (forms((1, 0, 0), (0, 1, 0), (0, 0, 1)), "1/2", 3),
        (forms((1, 0), (0, 1), (1, -1)), "1/3", 1),
        (forms((1, 0), (1, 0)), "1/4", 1),
        (forms((1, 0, 0), (0, 1, 0), (1, 1, 0), (0, 0, 1)), "1/3", 1),
    ],
)
def test_known_arrangements(rows, value: str, multiplicity: int) -> None:
    assert arrangement(rows, two(len(rows))) == (Fraction(value), multiplicity)


def test_flats_of_the_braid_arrangement() -> None:
    # Partitions of four points, without the finest.
    assert len(flats(BRAID)) == 14


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_the_recursion(seed: int) -> None:
    rng = random.Random(1000 + seed)
    for _ in range(15):
        n = rng.choice([3, 3, 4])
        names = tuple("xyzw"[:n])
        rows = []
        for _ in range(rng.randint(3, 6)):
            row = [rng.choice([0, 0, 1, -1, 1, 2]) for _ in range(n)]
            rows.append(tuple(map(Fraction, row if any(row) else [1] * n)))
        powers = [Fraction(rng.choice([1, 2, 2, 3])) for _ in rows]
        factors = tuple(
            Factor(
                (parse("+".join(f"({c})*{v}" for c, v in zip(r, names, strict=True)), names),), p
            )
            for r, p in zip(rows, powers, strict=True)
        )
        g = Germ(names, factors, (Fraction(0),) * n, (Fraction(1),) * n)
        node = solve_germ(g, 600)
        assert (node.lower, node.upper, node.multiplicity) == (
            *[arrangement(rows, powers)[0]] * 2,
            arrangement(rows, powers)[1],
        )
        known = solve_arrangement(g)
        assert known is not None
        CHECKERS["arrangement"](known)
        assert (known.lower, known.multiplicity) == (node.lower, node.multiplicity)


def test_other_germs_are_refused() -> None:
    p = parse("x^2+y", ("x", "y"))
    g = Germ(("x", "y"), (Factor((p,), Fraction(2)),), (Fraction(0),) * 2, (Fraction(1),) * 2)
    assert solve_arrangement(g) is None
    with pytest.raises(ValueError, match="linear forms"):
        arrangement([], [])
