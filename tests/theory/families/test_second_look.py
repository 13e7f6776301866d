"""Every family once more at parameters that no other test uses, by an independent route."""

from typing import Any

import pytest
from other_germs import other_germs
from other_latent_germs import latent_germs
from written_out import Germ

import theory
from theory import families as f
from theory import lookup

GERMS = [*other_germs(), *latent_germs()]
KERNELS = [
    ("norm_product", {"dims": (2, 3), "powers": (1, 2)}, "(a^2+b^2)*(c^2+d^2+e^2)^2", {}, {}),
    ("norm_product", {"dims": (2, 1, 1), "powers": (2, 1, 1)}, "(a^2+b^2)^2*c^2*d^2", {}, {}),
    ("norm_product", {"dims": (3, 2), "powers": (1, 3)}, "a^2*(c^2+d^2)^3", {}, {"a": 2}),
    (
        "normal_crossing",
        {"exponents": (6, 2, 4), "prior": (2, 0, 1)},
        "x^6*y^2*z^4",
        {},
        {"x": 2, "z": 1},
    ),
    (
        "normal_crossing",
        {"exponents": (6, 2, 4), "vanishing": (1, 2)},
        "x^6*y^2*z^4",
        {"x": "1"},
        {},
    ),
    ("quasi_homogeneous", {"weights": (3, 2), "degree": 12}, "x^4+x^2*y^3+y^6", {}, {}),
    ("quasi_homogeneous", {"weights": (2, 3), "degree": 12}, "x^6+3*x^3*y^2+3*y^4", {}, {}),
    ("quasi_homogeneous", {"weights": (1, 1, 1), "degree": 4}, "x^4+y^4+z^4+x^2*y*z", {}, {}),
    ("regular", {"dim": 3}, "x^2+x*y+y^2+z^2+x^3", {}, {}),
]


@pytest.mark.parametrize("germ", GERMS, ids=lambda g: f"{g.family}-{g.parameters}")
def test_other_parameters_agree_with_the_solver(germ: Germ) -> None:
    expected = lookup(germ.family, **germ.parameters)
    found = theory.rlct(theory.SumOfSquares(germ.generators), at=germ.at or None, prior=germ.prior)
    assert expected.exact
    assert found.exact
    assert (expected.value, expected.multiplicity) == (found.value, found.multiplicity)


@pytest.mark.parametrize(("family", "parameters", "potential", "at", "prior"), KERNELS)
def test_potentials_that_are_no_square_agree_with_the_solver(
    family: str, parameters: dict[str, Any], potential: str, at: Any, prior: Any
) -> None:
    expected = lookup(family, **parameters)
    found = theory.rlct(potential, at=at or None, prior=prior or None)
    assert (expected.value, expected.multiplicity) == (found.value, found.multiplicity)


def test_bounds_of_nmf_at_a_corner_of_the_orthant() -> None:
    # The truth has one entry; all other entries are squares under the density |x|.
    entries = ["a*c + p^2*q^2 - 1", "a*r^2 + p^2*s^2", "u^2*c + v^2*q^2", "u^2*r^2 + v^2*s^2"]
    prior = dict.fromkeys("pqrsuv", 1)
    coefficient = theory.rlct(theory.SumOfSquares(entries), at={"a": "1", "c": "1"}, prior=prior)
    bounds = f.nmf_bound(2, 2, 2, 1)
    assert coefficient.exact
    assert bounds.lower < coefficient.value <= bounds.upper
    # The rank of the truth alone would give the value at a positive truth.
    assert coefficient.value != f.nmf_positive(2, 2, 2, 1).value


def test_bounds_at_a_common_root_of_multiplicity_three() -> None:
    # (x^3 + ...)^2 = x^6 with the factor at infinity fixed.
    a = ["1+a", "b", "c", "d"], ["1+p", "q", "r", "s"]
    sums = [
        "+".join(f"({a[0][i]})*({a[1][k - i]})" for i in range(4) if 0 <= k - i < 4)
        for k in range(7)
    ]
    entries = [f"{sums[0]}-1", *sums[1:]]
    coefficient = theory.rlct(theory.SumOfSquares(entries))
    bounds = f.linear_convolution_common_roots((4, 4), [(3, 3)])
    assert coefficient.exact
    assert bounds.lower <= coefficient.value <= bounds.upper


def test_every_family_is_looked_at_again() -> None:
    seen = {germ.family for germ in GERMS} | {name for name, *_ in KERNELS}
    # Positive truths, ranks found in floating point and bounds have tests of their own.
    by_number = {"nmf_bound", "nmf_positive", "relu_identifiable", "tms_kgon"}
    assert seen | by_number == set(f.FAMILIES)
