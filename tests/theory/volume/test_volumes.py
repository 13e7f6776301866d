"""Values and multiplicities of the solver against volumes of sublevel sets at very low levels."""

import csv
import math
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from theory.polynomials.expression import parse
from theory.volume import FactoredPotential, ListedGerm, check, judge, load, volumes
from theory.volume.__main__ import main
from theory.volume.fit import LEVELS, TOLERANCE
from theory.volume.germs import VolumeCheck
from theory.volume.strata import Volumes

TESTS = Path(__file__).parents[1]
TABLE = TESTS.parents[1] / "results" / "theory" / "v1" / "volume.csv"
# The list that the solver is also checked on by a computer algebra system.
GERMS = load(TESTS / "solver" / "germs.toml")


def find(text: str, **at: int) -> ListedGerm:
    (found,) = [g for g in GERMS if (g.text, g.at, g.prior) == (text, at, {})]
    return found


def plain(generator: str, names: str, power: int = 2) -> FactoredPotential:
    return FactoredPotential((((parse(generator, names),), Fraction(power)),), len(names) - 1)


# The measure on lines, against sets that are known.


def test_intervals_of_a_double_valley() -> None:
    a = np.geomspace(1e-20, 0.05, 60)[:, None]
    levels = [-10.0, -30.0, -50.0]
    for h in (0.0, 1.0, 3.0):
        result = plain("z^2 - a", "az").lines(a).measure(levels, 0.5, h)
        for level, row in zip(levels, result, strict=True):
            # |z^2 - a| < d: both intervals between sqrt(a - d) and sqrt(a + d), in [-1/2, 1/2].
            d = math.exp(level / 2)
            high, low = np.minimum(a + d, 0.25), np.maximum(a - d, 0.0)
            top, bottom = high ** ((h + 1) / 2), low ** ((h + 1) / 2)
            narrow = d < 1e-3 * a
            exact = np.where(narrow, (h + 1) * d * a ** ((h - 1) / 2), top - bottom) * 2 / (h + 1)
            np.testing.assert_allclose(row, exact[:, 0], rtol=1e-3)


def test_a_sum_of_squares_and_a_product_on_lines() -> None:
    x = np.geomspace(1e-6, 0.3, 40)[:, None]
    level = math.log(1e-8)
    ball = FactoredPotential(((tuple(parse(g, "xz") for g in ("x", "z")), Fraction(2)),), 1)
    exact = 2 * np.sqrt(np.maximum(1e-8 - x**2, 0))[:, 0]
    np.testing.assert_allclose(ball.lines(x).measure([level], 0.5, 0)[0], exact, rtol=1e-4)
    cross = FactoredPotential(
        (((parse("x", "xz"),), Fraction(2)), ((parse("z", "xz"),), Fraction(4))), 1
    )
    exact = 2 * np.minimum(np.sqrt(1e-4 / x), 0.5)[:, 0]
    np.testing.assert_allclose(cross.lines(x).measure([level], 0.5, 0)[0], exact, rtol=1e-4)


# Volumes that have a closed form: z gate of 4.5 standard errors, false-alarm rate 2e-4 for all.


def closed_forms() -> list[tuple[FactoredPotential, list[float], np.ndarray]]:
    t = np.exp(np.array(LEVELS))
    ratio = np.sqrt(t) / 0.25
    ball = FactoredPotential(((tuple(parse(g, "xyz") for g in "xyz"), Fraction(2)),), 2)
    return [
        (plain("x*y", "xy"), [0, 0], ratio * (1 - np.log(ratio))),
        (plain("x^2*y", "xy"), [1, 0], (np.sqrt(t) * (1 - np.log(np.sqrt(t) / 0.125)) * 2)),
        (ball, [0, 0, 0], 4 / 3 * np.pi * t**1.5),
        (
            plain("x*y*z", "xyz"), [0, 0, 0],
            8 * np.sqrt(t) * (1 - np.log(8 * np.sqrt(t)) + np.log(8 * np.sqrt(t)) ** 2 / 2),
        ),
    ]  # fmt: skip


@pytest.mark.parametrize("case", range(4))
def test_volumes_have_their_closed_form(case: int) -> None:
    potential, prior, exact = closed_forms()[case]
    measured = volumes(potential, prior, LEVELS, points=1 << 13, seed=5)
    # Halving stops at a relative error of 2e-5; the strata leave out less than 1e-4.
    spread = np.hypot(measured.error, 1e-4)
    z = (measured.log_volume - np.log(exact)) / spread
    assert np.all(np.abs(z) < 4.5)
    assert np.any(np.abs(z + 0.05 / spread) > 4.5)


# The rule on exact volumes: it needs no noise to be wrong, and no luck to be right.


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("shift", [-5.0, 0.0, 10.0])
def test_the_rule_on_exact_powers(order: int, shift: float) -> None:
    measured = volumes(plain("x*y", "xy"), [0, 0], LEVELS, points=16)
    size = -measured.levels
    exact = type(measured)(
        measured.levels, -0.6 * size + (order - 1) * np.log(size + shift), np.full(len(size), 1e-3)
    )
    verdict = judge(exact, 0.6, order)
    assert verdict.agrees
    assert verdict.value == pytest.approx(0.6, abs=1e-4)
    for value, m in [(0.6 + 1 / 24, order), (0.6 - 1 / 24, order), (0.6, order + 1)]:
        assert not judge(exact, value, m).agrees
    assert order == 1 or not judge(exact, 0.6, order - 1).agrees


def test_a_multiplicity_that_another_one_fits_better_than_is_no_agreement() -> None:
    """``V = t^0.6 L`` as the power 0.6068 with L squared, whose own fit 0.6138 is near enough."""
    size = -np.array(LEVELS)
    exact = Volumes(-size, -0.6 * size + np.log(size), np.full(len(size), 1e-3))
    verdict = judge(exact, 0.6068, 3)
    assert abs(verdict.value - 0.6068) < TOLERANCE
    assert verdict.error < TOLERANCE / 2
    assert (verdict.multiplicity, verdict.agrees) == (2, False)
    assert judge(exact, 0.6, 2).agrees


def test_too_much_noise_is_no_agreement() -> None:
    found = volumes(plain("x*y", "xy"), [0, 0], LEVELS, points=1 << 10)
    noisy = type(found)(found.levels, found.log_volume, np.full(len(LEVELS), 0.5))
    assert judge(found, 0.5, 2).agrees
    assert not judge(noisy, 0.5, 2).agrees


# Germs.

QUICK = [
    find("(x^2 - 3*y^2)^2"), find("((y - x^3)^2 + (x^4)^2)"), find("((x - y)^2 + (x^3)^2)"),
    find("(x^2 + y^2)^2"), find("(x*y*z)^2"), find("(x^2 + 4*y^2 - z^2)^2"),
    find("(x^2 + y^2 + z^2)^2"), find("(x^2 - 2*y^2*z)^2", z=-1), find("(x^2 - 2*y^2*z)^2"),
    find("((x^2 - y*z)^2 + (z^2)^2)"), find("((x*y)^2 + (z^2)^2)"), find("(x*y*z*w)^2"),
    find("((a*c - 1)^2 + (a*d)^2 + (b*c)^2 + (b*d)^2)", a=1, c=1),
]  # fmt: skip


@pytest.mark.parametrize("germ", QUICK, ids=lambda germ: germ.text)
def test_solver_agrees_with_volumes(germ: ListedGerm) -> None:
    row = check(germ, seed=1)
    assert row.agrees == "yes", row
    assert row.shifted == "2/2", row
    assert row.other_order in ("1/1", "2/2"), row


@pytest.mark.parametrize(
    ("text", "value", "order"),
    [
        ("((y - x^3)^2 + (x^4)^2)", 2 / 3, 1), ("((x - y)^2 + (x^3)^2)", 1.0, 1),
        ("(x^2 - 3*y^2)^2", 1 / 2, 1), ("(x^2 + 4*y^2 - z^2)^2", 3 / 4, 1),
        ("((x^2 - y*z)^2 + (z^2)^2)", 3 / 4, 2), ("(x*y - z^3)^2", 2 / 3, 2),
    ],
)  # fmt: skip
def test_naive_polygons_are_rejected(text: str, value: float, order: int) -> None:
    found = find(text).volumes(points=1 << 11)
    assert not judge(found, value, order).agrees


@pytest.mark.parametrize(
    "factors",
    [
        ((("x*(2*x - v)*v", "x^2*(v - x)^2*(1 - 2*x)"), 2), (("v",), 2)),
        ((("v^2 - x^3",), 2), (("x^2 - 2*v^2",), 2)),
    ],
)
def test_a_slow_logarithm_is_beyond_the_rule(
    factors: tuple[tuple[tuple[str, ...], int], ...],
) -> None:
    # V = t^lambda c (L + b) with b above 50: the rule, whose b is at most 11.5, says m = 1. The
    # differences of V / t^lambda tell: they last, where a power t^(1/24) would halve them.
    germ = ListedGerm(factors, "v", {}, {})
    claim = germ.claim()
    measured = germ.volumes(seed=3, points=1 << 13)
    assert (claim.value, claim.multiplicity) == (Fraction(1, 4), 2)
    verdict = judge(measured, 0.25, 2)
    assert not verdict.agrees
    assert verdict.multiplicity == 1
    size = -measured.levels
    scaled = np.exp(measured.log_volume + size / 4)
    growth = (scaled[5:] - scaled[:-5]) / (size[5:] - size[:-5])
    error = np.hypot(scaled[5:] * measured.error[5:], scaled[:-5] * measured.error[:-5]) / (
        size[5:] - size[:-5]
    )
    assert np.all(growth > 10 * error)
    assert growth[-1] > 0.9 * growth[0]


# The committed table.


def rows() -> list[VolumeCheck]:
    with TABLE.open(newline="") as file:
        return [VolumeCheck(**line) for line in csv.DictReader(file)]


def test_the_table_is_of_these_germs_and_of_the_solver_as_it_is() -> None:
    table = rows()
    assert len(table) == len(GERMS) >= 60
    for row, germ in zip(table, GERMS, strict=True):
        claim = germ.claim()
        shown = [" ".join(f"{k}={v}" for k, v in part.items()) for part in (germ.at, germ.prior)]
        assert [row.germ, row.at, row.prior] == [germ.text, *shown]
        assert (row.value, row.multiplicity) == (str(claim.value), str(claim.multiplicity))


def test_every_germ_of_the_table_agrees_and_every_wrong_claim_is_rejected() -> None:
    for row in rows():
        assert row.agrees == "yes", row
        assert row.m_hat == row.multiplicity
        assert abs(float(row.lambda_hat) - float(Fraction(row.value))) <= TOLERANCE + 1e-4
        assert row.shifted == "2/2", row
        assert row.other_order == ("1/1" if row.multiplicity == "1" else "2/2"), row


def test_the_table_covers_what_is_easily_wrong() -> None:
    orders = Counter(row.multiplicity for row in rows())
    dims = Counter(len(germ.variables) for germ in GERMS)
    assert orders["2"] >= 20
    assert orders["3"] >= 3
    assert min(dims[2], dims[3]) >= 30
    assert dims[4] >= 8
    assert sum(bool(germ.prior) for germ in GERMS) >= 8
    assert sum(bool(germ.at) for germ in GERMS) >= 6


# The command and its errors.


def test_the_command_writes_one_line_per_germ(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed, out = tmp_path / "germs.toml", tmp_path / "new" / "out.csv"
    listed.write_text('germ = [{ factors = [[["x*y"], 2]], slice = "y" }]\n')
    assert main([str(listed), str(out)]) == 0
    (row,) = [VolumeCheck(**line) for line in csv.DictReader(out.open(newline=""))]
    assert (row.germ, row.value, row.m_hat, row.agrees) == ("(x*y)^2", "1/2", "2", "yes")
    assert "1 of 1 germs agree" in capsys.readouterr().out
    assert main([]) == 2


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('{ factors = [[["x*y"], 2]] }', "has factors and slice"),
        ('{ factors = [[["x*y"], 2]], slice = "y", point = 3 }', "has factors and slice"),
        ('{ factors = [[["x*y"], 2]], slice = "z" }', "slice must be a variable"),
        ('{ factors = [[["x", "y"], 3]], slice = "y" }', "power"),
    ],
)
def test_a_wrong_list_is_refused(tmp_path: Path, entry: str, message: str) -> None:
    path = tmp_path / "germs.toml"
    path.write_text(f"germ = [{entry}]\n")
    with pytest.raises(ValueError, match=message):
        load(path)


def test_wrong_potentials_are_refused() -> None:
    with pytest.raises(ValueError, match="2 to 4 variables, got 1"):
        volumes(plain("z", "z"), [0], LEVELS)
    with pytest.raises(ValueError, match="zero at the point"):
        volumes(plain("x*y + 1", "xy"), [0, 0], LEVELS)
