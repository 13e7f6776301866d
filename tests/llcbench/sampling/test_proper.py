"""Densities without localisation: a proof that they are proper, or a guard."""

import math

import pytest

import llcbench
from llcbench import MALA, MeanEnergy, Settings, registry
from llcbench.estimators.heat_capacity import HeatCapacity
from llcbench.sampling.proper import is_proper

PROPER = ["regular/d1", "regular/d5", "regular/d5/n100", "poly/x4", "poly/x2-y4", "poly/x2"]
# A cross, the graph of a function, a line, a network with its fibre, too few samples.
UNPROVED = [
    "poly/x2y2", "poly/parabola", "poly/two-component-line", "rrr/3-3-3/r1", "dln/3-3-3/r3-1",
    "regular/d5/n4",
]  # fmt: skip
WITHOUT = Settings(nbeta=100.0, gamma=0.0, num_chains=4, num_draws=40, num_burnin=20)


@pytest.mark.parametrize("identifier", PROPER)
def test_proved(identifier):
    assert is_proper(llcbench.problem(identifier))


@pytest.mark.parametrize("identifier", UNPROVED)
def test_not_proved(identifier):
    assert not is_proper(llcbench.problem(identifier))


@pytest.mark.parametrize(
    ("generators", "variables", "proper"),
    [
        (("x", "y - x^2"), "xy", True),
        (("y - x^2", "x^3"), "xy", True),
        (("y^2 - x", "x"), "xy", True),
        (("x + y", "x - y"), "xy", False),  # proper, but not triangular: no proof is no claim
        (("x*y", "x"), "xy", False),
        (("x", "y + x*y"), "xy", False),  # y (1 + x): free where x = -1
        (("x", "y - y^2"), "xy", False),
        (("x^2",), "xy", False),
        (("x", "x"), "xy", False),
        (("x", "y", "z - x*y"), "xyz", True),
        (("x^2", "x*y"), "xy", False),
    ],
)
def test_triangular_generators(generators, variables, proper):
    from llcbench.problems.polynomials.polynomial import polynomial_problem

    problem = polynomial_problem(
        "poly/test", tuple(variables), generators, [0.0] * len(variables), lambda: None, "",
        frozenset(),
    )  # fmt: skip
    assert is_proper(problem) == proper


def own_samplers():
    """Return the samplers of this package; the adapters of others take a minute to start."""
    named = {name: registry.make_sampler(name, {}) for name in registry.sampler_names()}
    return {
        name: sampler
        for name, sampler in named.items()
        if type(sampler).__module__.startswith("llcbench.samplers.")
    }


OWN = own_samplers()


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("identifier", ["poly/x2y2", "rrr/2-2-2/r1"])
def test_every_sampler_refuses_or_warns_where_the_density_is_improper(name, identifier):
    found = MeanEnergy(OWN[name], WITHOUT).estimate(llcbench.problem(identifier))
    guards = {guard.name: guard for guard in found.guards}
    print(found.status, found.message, found.llc)
    assert not found.converged
    if found.status == "ok":
        assert not guards["proper"].passed
        assert "gamma > 0" in guards["proper"].meaning
    else:
        assert found.llc is None
        assert found.message


def test_a_localised_or_proper_density_is_not_warned_of():
    for identifier, gamma in (("poly/x2y2", 1e-6), ("poly/x4", 0.0), ("regular/d2", 0.0)):
        settings = Settings(nbeta=100.0, gamma=gamma, num_chains=4, num_draws=40, num_burnin=20)
        found = MeanEnergy(MALA(adapt=20), settings).estimate(llcbench.problem(identifier))
        assert "proper" not in {guard.name for guard in found.guards}


def test_other_estimators_warn_too():
    found = HeatCapacity(MALA(adapt=20), WITHOUT).estimate(llcbench.problem("poly/x2y2"))
    assert [guard.passed for guard in found.guards if guard.name == "proper"] == [False]


def test_what_the_proof_is_about():
    """The mean energy of w^4 without localisation is the coefficient, 1/4, at any temperature."""
    settings = Settings(nbeta=10.0, gamma=0.0, num_chains=64, num_draws=500, num_burnin=300)
    found = MeanEnergy(MALA(spread=2.0), settings).estimate(llcbench.problem("poly/x4"))
    assert found.llc is not None
    assert found.mcse is not None
    assert math.isclose(found.llc, 0.25, abs_tol=5 * found.mcse)
