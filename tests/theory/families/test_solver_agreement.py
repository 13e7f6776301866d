"""Every polynomial family against the general solver, value and multiplicity."""

import pytest
import sympy as sp

pytest.importorskip("theory.solver.solve")

from written_out import Germ, all_germs, text, two_clusters

import theory
from theory import lookup

GERMS = all_germs()


@pytest.mark.parametrize("germ", GERMS, ids=lambda g: f"{g.family}-{g.parameters}")
def test_family_agrees_with_the_solver(germ: Germ) -> None:
    expected = lookup(germ.family, **germ.parameters)
    ideal = theory.SumOfSquares(germ.generators)
    found = theory.rlct(ideal, at=germ.at or None, prior=germ.prior)
    assert expected.exact
    assert found.exact
    assert (expected.value, expected.multiplicity) == (found.value, found.multiplicity)


def test_the_comparison_covers_multiplicities() -> None:
    orders = [lookup(germ.family, **germ.parameters).multiplicity for germ in GERMS]
    assert len(GERMS) >= 190
    assert sum(order != 1 for order in orders) >= 40


def test_identity_breaks_the_published_smaller_bound_of_nmf() -> None:
    # X Y = I with nonnegative entries: off-diagonal entries are squares, with density |x|.
    generators = [
        "(1+a)*(1+e) + b^2*g^2 - 1",
        "(1+a)*f^2 + b^2*(1+h)",
        "c^2*(1+e) + (1+d)*g^2",
        "c^2*f^2 + (1+d)*(1+h) - 1",
    ]
    coefficient = theory.rlct(
        theory.SumOfSquares(generators), prior={"b": 1, "c": 1, "f": 1, "g": 1}
    )
    bounds = lookup("nmf_bound", rows=2, columns=2, inner=2, true_inner=2)
    assert coefficient.value == 3
    assert bounds.lower <= 3 <= bounds.upper
    assert (2 * (2 + 2 - 2)) / 2 < 3


def test_upper_bound_of_a_shared_variance_is_attained_nearby() -> None:
    # Four components at two true ones: the local value at generic weights is the stored bound,
    # there with multiplicity 2, which the bound does not claim.
    a, e, g, s = sp.symbols("a e g s")
    second = [sp.Rational(1, 5) + g, sp.Rational(3, 10) - g - e]
    equations = text(two_clusters(sp.Rational(1, 6) + a, second, s))
    coefficient = theory.rlct(theory.SumOfSquares(equations))
    bounds = lookup("mixture_common_variance", components=4, true_components=2)
    assert bounds.multiplicity is None
    assert coefficient.exact
    assert coefficient.value == bounds.upper
    assert bounds.lower < bounds.upper
