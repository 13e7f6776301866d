"""The recursion against germs whose value follows from their construction, and against volumes."""

import random
from itertools import product

import numpy as np
import pytest
from random_germs import Ideals, germ, random_case
from scipy.stats import qmc

from theory.certificate import from_json
from theory.checker.verify import CHECKERS
from theory.solver.recursion.portfolio import solve_germ


@pytest.mark.parametrize("seed", range(10))
def test_random_germs_have_the_value_of_their_construction(seed: int) -> None:
    rng = random.Random(seed)
    exact = 0
    for _ in range(32):
        g, (value, multiplicity) = random_case(rng)
        node = solve_germ(g, 300)
        assert node.upper is not None
        assert node.lower <= value <= node.upper, g
        if node.exact:
            exact += 1
            assert (node.lower, node.multiplicity) == (value, multiplicity), g
        elif node.multiplicity is not None:
            assert node.multiplicity == multiplicity
    assert exact >= 28


@pytest.mark.parametrize("seed", range(100, 104))
def test_random_proofs_pass_their_checks(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(10):
        node = solve_germ(random_case(rng)[0], 150)
        again = from_json(node.to_json())
        CHECKERS[again.rule](again)


VOLUMES = [
    [(["x^2*y", "z"], 2)], [(["x^2+y^2+z^2"], 3)], [(["x^2+4*y^2-z^2"], 2)],
    [(["x^2-y*z", "z^2"], 2)], [(["x*y-z^3"], 2)], [(["x*y*z", "(x+y)^2"], 2)],
    [(["x*y", "z^2"], 2)], [(["x*y*z"], 2)], [(["x^2", "y^3", "z"], 2)],
    [(["x^2-y^3", "z"], 2)], [(["x^2-2*y^2*z"], 2)], [(["x*y", "y*z", "z*x"], 2)],
    [(["x^4*y^2+x^2*y^4-3*x^2*y^2*z^2+z^6"], 1)], [(["x", "y"], 2), (["z"], 2)],
    [(["x^2+y^2-z^2", "z^3"], 2)], [(["x*y*(x-y)", "z"], 2)], [(["x^2-3*y^2", "z^2"], 2)],
]  # fmt: skip


SIGNS = np.array(list(product((1, -1), repeat=3)))


@pytest.mark.parametrize("ideals", VOLUMES)
def test_volumes_of_sublevel_sets_scale_with_the_value(ideals: Ideals) -> None:
    g = germ(ideals, "xyz")
    node = solve_germ(g, 1500)
    assert node.multiplicity is not None
    # Points crowd at the coordinate planes: x = u^3 with weight 3 u^2, and both signs.
    u = qmc.Sobol(3, seed=1).random(2**17)
    powers = np.cumprod([np.ones_like(u), *[u**3] * 6], axis=0)
    log_k = np.zeros((8, len(u)))
    for factor in g.factors:
        total = np.zeros((8, len(u)))
        for p in factor.generators:
            value = np.zeros((8, len(u)))
            for (i, j, k), c in p.terms.items():
                size = float(c) * powers[i, :, 0] * powers[j, :, 1] * powers[k, :, 2]
                value += np.prod(SIGNS ** (i, j, k), axis=1)[:, None] * size
            total += value**2
        log_k += float(factor.exponent) / 2 * np.log(np.maximum(total, 1e-300))
    weight = np.prod(3 * u**2, axis=1)
    levels = np.log(10.0) * np.array([-4.0, -6.5])
    volumes = [float(np.sum(weight * (log_k < level))) for level in levels]
    slope = (np.log(volumes[0]) - np.log(volumes[1])) / (levels[0] - levels[1])
    middle = -levels.mean() + 2
    assert slope == pytest.approx(float(node.lower) - (node.multiplicity - 1) / middle, abs=0.09)
