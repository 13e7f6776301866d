"""Real values against complex log canonical thresholds that a computer algebra package found.

The table is always checked; ``pytest -m cas`` asks the package again for every line of it.
"""

import csv
from fractions import Fraction
from pathlib import Path

import pytest
import singular

HERE = Path(__file__).parent
TABLE = HERE.parents[2] / "results" / "theory" / "v1" / "cas.csv"
GERMS = singular.germs(HERE / "germs.toml")


def fractions(text: str) -> tuple[Fraction, ...]:
    return tuple(map(Fraction, text.split()))


def table() -> list[dict[str, str]]:
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file))


ROWS = table()
KNOWN = [row for row in ROWS if row["lct"]]
# One generator: its zeta function has the poles that b-function and resolution allow.
SINGLE = [row for row in KNOWN if ", " not in row["generators"]]


def variables(row: dict[str, str]) -> set[str]:
    return {letter for letter in row["generators"] if letter.isalpha()}


def at_scale_of_f(row: dict[str, str]) -> Fraction:
    """Return minus the largest pole of ``|f|^s``."""
    return Fraction(row["value"]) * int(row["c"])


def is_pole(row: dict[str, str], value: Fraction) -> bool:
    """Return whether a real pole may lie at minus this value.

    Poles of ``|f|^s`` are roots of the Bernstein-Sato polynomial minus integers k >= 0; the largest
    one is -nu / N for a divisor of a resolution over the rationals that has real points.
    """
    roots, ratios = fractions(row["roots"]), fractions(row["ratios"])
    from_root = any(value >= root and (value - root).denominator == 1 for root in roots)
    return (from_root or not roots) and (value in ratios or not ratios)


def test_the_table_is_of_these_germs_and_of_the_solver_as_it_is() -> None:
    assert len(ROWS) == len(GERMS)
    assert len(KNOWN) >= 30
    assert sum(bool(row["ratios"]) for row in ROWS) >= 30
    for row, (germ, generators, c) in zip(ROWS, GERMS, strict=True):
        said = singular.Complex(fractions(row["roots"]), fractions(row["ratios"]))
        assert row == singular.row(germ, generators, c, said)


def test_both_routes_of_the_package_agree() -> None:
    both = [row for row in ROWS if row["roots"] and row["ratios"]]
    assert len(both) >= 25
    for row in both:
        assert min(fractions(row["roots"])) == min(fractions(row["ratios"])), row["germ"]


def test_the_complex_threshold_is_a_lower_bound() -> None:
    for row in KNOWN:
        assert Fraction(row["lct"]) <= at_scale_of_f(row), row["germ"]


def test_real_and_complex_values_are_equal_in_the_plane() -> None:
    plane = [row for row in KNOWN if len(variables(row)) == 2]
    assert len(plane) >= 30
    for row in plane:
        assert Fraction(row["lct"]) == at_scale_of_f(row), row["germ"]


def test_definite_forms_have_a_larger_real_value() -> None:
    larger = [row for row in KNOWN if Fraction(row["lct"]) < at_scale_of_f(row)]
    assert len(larger) >= 5
    assert {len(variables(row)) for row in larger} == {3, 4}


def test_the_real_pole_is_a_candidate_of_the_package() -> None:
    assert len(SINGLE) >= 30
    for row in SINGLE:
        assert is_pole(row, at_scale_of_f(row)), row["germ"]


def test_wrong_values_are_no_candidates() -> None:
    step = Fraction(1, 24)
    wrong = [
        (row, at_scale_of_f(row) + sign * step * int(row["c"]))
        for row in SINGLE
        for sign in (1, -1)
    ]
    caught = sum(not is_pole(row, value) for row, value in wrong)
    assert caught >= 0.9 * len(wrong)


@pytest.mark.cas
@pytest.mark.parametrize("row", KNOWN, ids=lambda row: f"{row['germ']} {row['at']}".strip())
def test_the_package_says_so_again(row: dict[str, str]) -> None:
    if not singular.binary():
        pytest.skip(f"Singular not found: set {singular.VARIABLE} to the program")
    names = next(g.variables for g, _, _ in GERMS if g.text == row["germ"])
    generators = row["generators"].split(", ")
    # Only what was found in time is asked again, with more time.
    if row["roots"]:
        assert singular.roots(generators, names, 300) == fractions(row["roots"])
    if row["ratios"]:
        assert singular.ratios(generators, names, 300) == fractions(row["ratios"])
