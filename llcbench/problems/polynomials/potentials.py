"""The catalogue of polynomial potentials: formula, reference point, proof of both coefficients.

An entry is ``K(w) = sum_j g_j(w)^2`` at a rational point where every generator vanishes. This file
is data: it imports neither torch nor the loss that is built from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import final

from theory.coefficient import RLCT
from theory.combine import at_deepest, direct_sum, equivalent
from theory.families.norm_product import norm_product
from theory.families.normal_crossing import normal_crossing
from theory.families.quasi_homogeneous import quasi_homogeneous
from theory.families.regular import regular

ORIGIN = "attained at the origin, where most factors vanish"
EVERYWHERE = "every point of the true set has this local value"

# One block (dims, powers) of a sum of products of norms centred at w*.
Block = tuple[tuple[int, ...], tuple[int, ...]]


@final
@dataclass(frozen=True)
class Potential:
    """One polynomial potential at one point.

    Attributes:
        name: Last part of the problem's id.
        variables: Names, separated by spaces.
        generators: Polynomial text, one per generator.
        local: Computes the coefficient at the point.
        deepest: Where the global minimum is attained, in words.
        global_: Computes the coefficient of the deepest point; None if the point itself is one.
        point: Reference point; None is the origin.
        blocks: Products of norms whose sum is K, centred at the point; empty if it is not one.
        why_hard: What an estimator can get wrong here.
        keyword: The class that the entry stands for.
    """

    name: str
    variables: str
    generators: tuple[str, ...]
    local: Callable[[], RLCT]
    why_hard: str
    keyword: str
    deepest: str = ORIGIN
    global_: Callable[[], RLCT] | None = None
    point: tuple[Fraction | int, ...] | None = None
    blocks: tuple[Block, ...] = ()

    def global_value(self) -> RLCT:
        """Return the minimum of the coefficient over the true set."""
        return at_deepest((self.global_ or self.local)(), self.deepest)


def _power(variable: str, power: int) -> str:
    return variable if power == 1 else f"{variable}^{power}"


def _crossing(name: str, *powers: int, why: str) -> Potential:
    """Return ``prod w_i^(2 p_i)`` at the origin."""
    variables = " ".join("xyzuv"[: len(powers)])
    generator = "*".join(map(_power, variables.split(), powers))
    exponents = tuple(2 * p for p in powers)
    return Potential(
        name=name,
        variables=variables,
        generators=(generator,),
        local=lambda: normal_crossing(exponents),
        why_hard=why,
        keyword="normal-crossing",
        blocks=(((1,) * len(powers), powers),),
    )


def _flat(name: str, power: int, flat: int) -> Potential:
    """Return ``x^(2 p)`` in the company of directions that it does not depend on."""
    return Potential(
        name=name,
        variables="x " + " ".join(f"f{i}" for i in range(1, flat + 1)),
        generators=(_power("x", power),),
        local=lambda: normal_crossing((2 * power, *([0] * flat))),
        why_hard=f"{flat} flat directions are held by the localisation alone and must add nothing.",
        keyword="minimally-singular",
        deepest=EVERYWHERE,
        blocks=(((1,), (power,)),),
    )


def _sum(name: str, *powers: int, why: str) -> Potential:
    """Return ``x^(2 p) + y^(2 q) + ...`` at the origin."""
    variables = " ".join("xyz"[: len(powers)])
    degree = 2
    for power in powers:
        degree *= power
    weights = tuple(degree // (2 * power) for power in powers)
    return Potential(
        name=name,
        variables=variables,
        generators=tuple(map(_power, variables.split(), powers)),
        local=lambda: quasi_homogeneous(weights, degree),
        why_hard=why,
        keyword="quasi-homogeneous",
        deepest="the origin is the only zero",
        blocks=tuple(((1,), (power,)) for power in powers),
    )


_ARMS = "Chains must move between the arms of a cross; the log log term makes the estimate low."
_LOG = "Multiplicity {m}: the estimate approaches the coefficient like {k} / log n from below."
_OFF = "A deeper stratum passes at distance 1: weakly localised, a perfect sampler leaks there."
_CURVE = "The zero set is curved: a sampler must follow it, and no coordinate is special."

TWO = "(x - 1)*(x^2 + y^2)^2"
TWO_WHY = "Two components of different depth one unit apart; published runs are too short to leak."

POTENTIALS: tuple[Potential, ...] = (
    Potential(
        "x2-y2",
        "x y",
        ("x", "y"),
        lambda: regular(2),
        "Regular: any failure here is a bug.",
        "regular",
        "the origin is the only zero",
        blocks=(((1,), (1,)), ((1,), (1,))),
    ),
    _crossing(
        "x2", 1, why="Regular: the distribution of a discretised chain is known in closed form."
    ),
    _crossing("x4", 2, why="A flat bottom: a step size that suits it fails on the walls."),
    _crossing("x6", 3, why="A flatter bottom: mixing slows, walls are steep."),
    _crossing("x8", 4, why="The flattest well: gradients vanish on most of its width."),
    _flat("x2-flat1", 1, 1),
    _flat("x2-flat8", 1, 8),
    _flat("x4-flat2", 2, 2),
    _crossing("x2y2", 1, 1, why=_ARMS + " " + _LOG.format(m=2, k=1)),
    _crossing("x2y4", 1, 2, why="Unequal exponents: slowly decaying corrections keep it low."),
    _crossing("x2y6", 1, 3, why="Strongly unequal exponents: the flat arm dominates slowly."),
    _crossing("x4y4", 2, 2, why=_ARMS + " Degree eight makes large steps diverge."),
    _crossing("x4y6", 2, 3, why="Two flat factors of almost the same depth."),
    _crossing("x6y6", 3, 3, why=_LOG.format(m=2, k=1) + " Degree twelve: large steps diverge."),
    _crossing("x2y2z2", 1, 1, 1, why=_LOG.format(m=3, k=2)),
    _crossing("x2y2z4", 1, 1, 2, why="One factor is deeper; the other two only add corrections."),
    _crossing("x4y4z4", 2, 2, 2, why=_LOG.format(m=3, k=2) + " Flat on top of that."),
    _crossing("x2y2z2u2", 1, 1, 1, 1, why=_LOG.format(m=4, k=3)),
    Potential(
        "x2y4-at-0-1",
        "x y",
        ("x*y^2",),
        lambda: normal_crossing((2, 4), vanishing=(0,)),
        _OFF,
        "off-origin",
        global_=lambda: normal_crossing((2, 4)),
        point=(0, 1),
    ),
    Potential(
        "x2y2-at-0-1",
        "x y",
        ("x*y",),
        lambda: normal_crossing((2, 2), vanishing=(0,)),
        "Same value as at the origin with a smaller multiplicity, one unit away.",
        "off-origin",
        global_=lambda: normal_crossing((2, 2)),
        point=(0, 1),
    ),
    Potential(
        "x2y2z2-at-0-0-1",
        "x y z",
        ("x*y*z",),
        lambda: normal_crossing((2, 2, 2), vanishing=(0, 1)),
        _OFF,
        "off-origin",
        global_=lambda: normal_crossing((2, 2, 2)),
        point=(0, 0, 1),
    ),
    Potential(
        "shifted-x2y2",
        "x y",
        ("(x - 1)*(y + 2)",),
        lambda: equivalent(
            normal_crossing((2, 2)), "u = x - 1, v = y + 2: K = (u v)^2 at the origin"
        ),
        "A cross that is not centred at zero: code that shrinks towards zero shows here.",
        "off-origin",
        "attained where both factors vanish",
        point=(1, -2),
        blocks=(((1, 1), (1, 1)),),
    ),
    Potential(
        "shifted-x4",
        "x",
        ("(x - 2)^2",),
        lambda: equivalent(normal_crossing((4,)), "u = x - 2: K = u^4 at the origin"),
        "A quartic well away from zero.",
        "off-origin",
        "the only zero",
        point=(2,),
        blocks=(((1,), (2,)),),
    ),
    _sum("x2-y4", 1, 2, why="Two scales: stiff in one direction and flat in the other."),
    _sum("x2-y6", 1, 3, why="Two scales further apart."),
    _sum("x4-y6", 2, 3, why="Flat in both directions, at different rates."),
    Potential(
        "r4",
        "x y",
        ("x^2 + y^2",),
        lambda: norm_product((2,), (2,)),
        "A round flat well: complex zero lines that a real sampler must not see.",
        "quasi-homogeneous",
        "the origin is the only zero",
        blocks=(((2,), (2,)),),
    ),
    Potential(
        "x4-x2y2-y4",
        "x y",
        ("x^2", "x*y", "y^2"),
        lambda: quasi_homogeneous((1, 1), 4),
        "Homogeneous of degree four, not a product and not a sum of one-variable terms.",
        "quasi-homogeneous",
        "the origin is the only zero",
    ),
    Potential(
        "x2y2-z4",
        "x y z",
        ("x*y", "z^2"),
        lambda: direct_sum(normal_crossing((2, 2)), normal_crossing((4,))),
        "A cross plus an independent flat direction: coefficients add, multiplicities too.",
        "normal-crossing",
        blocks=(((1, 1), (1, 1)), ((1,), (2,))),
    ),
    Potential(
        "two-component-origin",
        "x y",
        (TWO,),
        lambda: equivalent(
            norm_product((2,), (4,)), "(x - 1)^2 is a unit at the origin: K ~ (x^2 + y^2)^4"
        ),
        TWO_WHY,
        "two-component",
        "attained at the origin; 1/2 on the line x = 1",
    ),
    Potential(
        "two-component-line",
        "x y",
        (TWO,),
        lambda: equivalent(
            normal_crossing((2, 0)), "(x^2 + y^2)^4 is a unit at (1, 3/10): K ~ (x - 1)^2"
        ),
        TWO_WHY,
        "two-component",
        "attained at the origin; 1/2 on the line x = 1",
        global_=lambda: norm_product((2,), (4,)),
        point=(1, Fraction(3, 10)),
    ),
    Potential(
        "circle",
        "x y",
        ("x^2 + y^2 - 25",),
        lambda: equivalent(
            normal_crossing((2, 0)), "u = x^2 + y^2 - 25 is a coordinate at (3, 4): K = u^2"
        ),
        _CURVE,
        "off-origin",
        EVERYWHERE,
        point=(3, 4),
    ),
    Potential(
        "parabola",
        "x y",
        ("y - x^2",),
        lambda: equivalent(normal_crossing((2, 0)), "u = y - x^2 is a coordinate: K = u^2"),
        _CURVE,
        "minimally-singular",
        EVERYWHERE,
    ),
    Potential(
        "cubic-valley",
        "x y",
        ("y - x^3", "x^4"),
        lambda: equivalent(quasi_homogeneous((4, 1), 8), "u = y - x^3: K = u^2 + x^8"),
        "A curved valley that is flat along its floor: the naive Newton polygon says 2/3.",
        "quasi-homogeneous",
        "the origin is the only zero",
    ),
    Potential(
        "lines",
        "x y",
        ("x^2 - 3*y^2",),
        lambda: equivalent(
            normal_crossing((2, 2)), "u, v = x -+ sqrt(3) y are coordinates: K = (u v)^2"
        ),
        "A cross that is not aligned with the axes: coordinatewise preconditioners do not help.",
        "normal-crossing",
    ),
    Potential(
        "polynet",
        "x y",
        ("x + y", "x^2", "x^2", "y^2"),
        lambda: equivalent(
            quasi_homogeneous((2, 1), 4),
            "u = x + y: K = u^2 + 2 x^4 + (u - x)^4, which lies between positive multiples of"
            " u^2 + x^4",
        ),
        "A linear network with tied weights; one direction is quadratic, the other quartic.",
        "quasi-homogeneous",
        "the origin is the only zero",
    ),
)
