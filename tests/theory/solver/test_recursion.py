"""Values of the recursion against worked examples, families, constructions and volumes."""

import random
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import qmc

from theory import lookup
from theory.expression import Polynomial, parse
from theory.solver.arrangements import arrangement
from theory.solver.certificate import Node, from_json
from theory.solver.germ import Factor, Germ
from theory.solver.newton import polyhedron
from theory.solver.recursion import solve_germ
from theory.solver.verify_recursion import CHECKERS

Ideals = Sequence[tuple[Sequence[str], int]]
Known = tuple[Fraction, int]


def germ(ideals: Ideals, names: Sequence[str], monomial=None, density=None) -> Germ:
    variables = tuple(names)
    zero, one = [0] * len(variables), [1] * len(variables)
    return Germ(
        variables,
        tuple(
            Factor(tuple(parse(g, variables) for g in generators), Fraction(c))
            for generators, c in ideals
        ),
        tuple(map(Fraction, monomial or zero)),
        tuple(map(Fraction, density or one)),
    )


def solved(g: Germ, work: int = 1500) -> Node:
    node = solve_germ(g, work)
    CHECKERS[node.rule](node)
    return node


WORKED = [
    ([(["x^2*y", "z"], 2)], "xyz", "3/4", 1),
    ([(["x^2+y^2+z^2"], 3)], "xyz", "1/2", 1),
    ([(["x", "y", "z"], 6)], "xyz", "1/2", 1),
    ([(["x^2+4*y^2-z^2"], 2)], "xyz", "1/2", 1),
    ([(["x^4*y^2+x^2*y^4-3*x^2*y^2*z^2+z^6"], 1)], "xyz", "1/2", 1),
    ([(["x^2-y*z", "z^2"], 2)], "xyz", "5/8", 1),
    ([(["x^2+y^2-z^2", "z^3"], 2)], "xyz", "2/3", 1),
    ([(["a*b+c*d+e*f"], 2)], "abcdef", "1/2", 1),
    ([(["x*y*z", "(x+y)^2"], 2)], "xyz", "1/2", 1),
    ([(["x*y-z^3"], 2)], "xyz", "1/2", 1),
    ([(["x^2-2*y^2*z"], 2)], "xyz", "1/2", 2),
    ([(["x^2+y^2+z^2-2*u^2"], 2)], "xyzu", "1/2", 1),
    ([(["x^2+y^2+z^2"], 2)], "xyz", "3/4", 1),
    ([(["x+y^2+z^3", "x^2-y*z"], 2)], "xyz", "1", 2),
    ([(["x", "y"], 2), (["z"], 2)], "xyz", "1/2", 1),
    ([(["x*y", "z^2"], 2)], "xyz", "3/4", 2),
    ([(["x*y*(x-y)*(x+y)*z*(z-x)"], 2)], "xyz", "1/4", 2),
    ([(["y-x^3"], 2)], "xy", "1/2", 1),
    ([(["y-x^3", "x^4"], 2)], "xy", "5/8", 1),
    ([(["y^2-x^5"], 2)], "xy", "7/20", 1),
    ([(["x^2+y^2"], 2)], "xy", "1/2", 1),
    ([(["x^2-3*y^2"], 2)], "xy", "1/2", 2),
    ([(["x*y*(x-y)"], 2)], "xy", "1/3", 1),
    ([(["x-y", "x^3"], 2)], "xy", "2/3", 1),
    ([(["x^3-y^2"], 1)], "xy", "5/6", 1),
    ([(["(x-y^2)*(x+y^2)"], 2)], "xy", "3/8", 1),
    ([(["(x-y)^4+(x+y)^6"], 1)], "xy", "5/12", 1),
    ([(["(y^3-x^4)^2+x^6*y^2"], 1)], "xy", "7/24", 1),
    ([(["x^2-y^2"], 1)], "xy", "1", 2),
    # One and two tanh units, also with two outputs.
    ([(["a*b"], 2)], "ab", "1/2", 2),
    ([(["a*b+c*d", "a*b^3+c*d^3"], 2)], "abcd", "2/3", 1),
    ([(["a*b+c*d", "a*b^3+c*d^3", "e*b+f*d", "e*b^3+f*d^3"], 2)], "abcdef", "1", 2),
    # Normal mixtures with one true component of zero mean: moments of the mixing measure.
    ([(["a*x+(1-a)*y", "a*x^2+(1-a)*y^2"], 2)], "xya", "3/4", 1),
    # Reduced-rank regression, 2x1x2 of rank one.
    ([(["(1+a)*(1+c)-1", "(1+a)*d", "b*(1+c)", "b*d"], 2)], "abcd", "3/2", 1),
]


@pytest.mark.parametrize(("ideals", "names", "value", "multiplicity"), WORKED)
def test_worked_example(ideals: Ideals, names: str, value: str, multiplicity: int) -> None:
    node = solved(germ(ideals, names))
    assert (node.lower, node.upper, node.multiplicity) == (
        Fraction(value),
        Fraction(value),
        multiplicity,
    )


def test_density_and_monomial_are_used() -> None:
    node = solved(germ([(["x+y^2*z"], 2)], "xyz", [0, 2, 0], [1, 2, 1]))
    assert (node.lower, node.multiplicity) == (Fraction(1, 2), 1)
    node = solved(germ([(["w"], 4), (["v"], 2)], "wvz", None, [2, 1, 1]))
    assert (node.lower, node.multiplicity) == (Fraction(1, 2), 2)


def reduced_rank(inputs: int, hidden: int, outputs: int, ranks: Sequence[int]) -> Germ:
    first, second, both = ranks
    a0 = [[int(i == j and i < first) for j in range(inputs)] for i in range(hidden)]
    shift = first - both
    b0 = [
        [int(i < second and j == i + (shift if i >= both else 0)) for j in range(hidden)]
        for i in range(outputs)
    ]
    generators = []
    for i in range(outputs):
        for j in range(inputs):
            constant = sum(b0[i][k] * a0[k][j] for k in range(hidden))
            terms = [f"(b{i}{k}+{b0[i][k]})*(a{k}{j}+{a0[k][j]})" for k in range(hidden)]
            generators.append("+".join(terms) + f"-{constant}")
    names = [f"a{i}{j}" for i in range(hidden) for j in range(inputs)]
    names += [f"b{i}{j}" for i in range(outputs) for j in range(hidden)]
    return germ([(generators, 2)], names)


NETWORKS = [
    (2, 1, 2, (0, 0, 0)), (1, 2, 2, (0, 0, 0)), (2, 2, 1, (0, 0, 0)), (3, 1, 2, (0, 0, 0)),
    (2, 2, 2, (0, 0, 0)), (2, 2, 2, (1, 1, 1)), (2, 2, 2, (2, 1, 1)), (2, 2, 2, (1, 1, 0)),
    (3, 1, 3, (0, 0, 0)), (3, 2, 1, (0, 0, 0)), (3, 2, 2, (0, 0, 0)), (3, 2, 3, (1, 1, 1)),
    (3, 2, 2, (1, 1, 1)), (3, 2, 3, (2, 2, 2)), (3, 2, 2, (2, 1, 1)), (2, 2, 2, (2, 0, 0)),
    (3, 2, 3, (0, 0, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "hidden", "outputs", "ranks"), NETWORKS)
def test_reduced_rank_agrees_with_the_family(
    inputs: int, hidden: int, outputs: int, ranks: tuple[int, int, int]
) -> None:
    first, second, both = ranks
    known = lookup(
        "reduced_rank_local", inputs=inputs, hidden=hidden, outputs=outputs,
        rank=both, rank_first=first, rank_second=second,
    )  # fmt: skip
    node = solved(reduced_rank(inputs, hidden, outputs, ranks), 4000)
    assert (node.lower, node.multiplicity) == (known.value, known.multiplicity)


def image(p: Polynomial, images: Sequence[Polynomial], names: Sequence[str]) -> Polynomial:
    total = parse("0", names)
    for exponents, c in p.terms.items():
        term = parse(str(c), names)
        for q, k in zip(images, exponents, strict=True):
            term = term * q**k
        total = total + term
    return total


def linear_change(rng: random.Random, names: Sequence[str]) -> list[Polynomial]:
    n = len(names)
    rows = [[int(i == j) for j in range(n)] for i in range(n)]
    for _ in range(rng.randint(1, n)):
        i, j = rng.sample(range(n), 2)
        c = rng.choice([1, -1, 2])
        rows[i] = [a + c * b for a, b in zip(rows[i], rows[j], strict=True)]
    return [
        parse("+".join(f"({c})*{v}" for c, v in zip(row, names, strict=True)), names)
        for row in rows
    ]


def polynomial_change(rng: random.Random, names: Sequence[str]) -> list[Polynomial]:
    i = rng.randrange(len(names))
    a, b = rng.sample([v for k, v in enumerate(names) if k != i], 2)
    extra = rng.choice([f"{a}^2", f"{a}*{b}", f"{a}^3", f"({a}-{b}^2)"])
    images = [parse(v, names) for v in names]
    images[i] = images[i] + parse(f"({rng.choice([1, -1, 2])})*{extra}", names)
    return images


def change(rng: random.Random, names: Sequence[str]) -> list[Polynomial]:
    return rng.choice([linear_change, polynomial_change])(rng, names)


PLANE = [
    ("x^2-y^3", "5/12", 1), ("x^2-3*y^2", "1/2", 2), ("x^2+y^2", "1/2", 1), ("x^2*y", "1/4", 1),
    ("x*y*(x-y)", "1/3", 1), ("y^2-x^5", "7/20", 1), ("y-x^3", "1/2", 1), ("(x-y)^2", "1/4", 1),
    ("(x-y^2)*(x+y^2)", "3/8", 1), ("x^2+x*y+y^2", "1/2", 1), ("x*y", "1/2", 2),
]  # fmt: skip


def random_case(rng: random.Random) -> tuple[Germ, Known]:
    """Return a germ whose value follows from its construction."""
    kind = rng.choice(["arrangement", "monomials", "sum", "product"])
    names = tuple("xyzw"[: rng.choice([3, 3, 4])])
    n = len(names)
    zero, one = (Fraction(0),) * n, (Fraction(1),) * n
    if kind == "arrangement":
        forms = []
        for _ in range(rng.randint(2, 5)):
            form = [rng.choice([0, 0, 1, 1, -1, 2]) for _ in range(n)]
            forms.append(tuple(map(Fraction, form if any(form) else [1] + [0] * (n - 1))))
        powers = [Fraction(rng.choice([1, 2, 2, 4])) for _ in forms]
        factors = tuple(
            Factor(
                (parse("+".join(f"({c})*{v}" for c, v in zip(f, names, strict=True)), names),), p
            )
            for f, p in zip(forms, powers, strict=True)
        )
        return Germ(names, factors, zero, one), arrangement(forms, powers)
    if kind == "monomials":
        support = [
            tuple(rng.choice([0, 0, 1, 1, 2, 3]) for _ in range(n))
            for _ in range(rng.randint(2, 4))
        ]
        support = [e for e in support if any(e)] or [(1,) + (0,) * (n - 1)]
        newton = polyhedron([(support, Fraction(2))], zero)
        known = newton.exponent(one), newton.codimension(newton.attaining(one))
        images = change(rng, names)
        generators = [image(Polynomial(names, {e: Fraction(1)}), images, names) for e in support]
        return Germ(names, (Factor(tuple(generators), Fraction(2)),), zero, one), known
    left, a, m = rng.choice(PLANE)
    if n == 3:
        power = rng.randint(1, 3)
        right, b, k = f"z^{power}", f"1/{2 * power}", 1
    else:
        right, b, k = rng.choice(PLANE)
        right = right.translate(str.maketrans("xy", "zw"))
    images = change(rng, names)
    p, q = (image(parse(text, names), images, names) for text in (left, right))
    x, y = Fraction(a), Fraction(b)
    if kind == "sum":
        return Germ(names, (Factor((p, q), Fraction(2)),), zero, one), (x + y, m + k - 1)
    known = min(x, y), m + k if x == y else (m if x < y else k)
    parts = (Factor((p,), Fraction(2)), Factor((q,), Fraction(2)))
    return Germ(names, parts, zero, one), known


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


def test_mutated_proofs_are_rejected() -> None:
    node = solved(germ([(["x^2-y*z", "z^2"], 2)], "xyz"))
    plain = node.to_json()
    rejected = tried = 0
    for k, child in enumerate(plain["children"]):
        for key, value in (("lower", "1/3"), ("upper", "1/3"), ("multiplicity", 7)):
            changed = {**child, key: value}
            children = [*plain["children"][:k], changed, *plain["children"][k + 1 :]]
            tried += 1
            with pytest.raises(ValueError):  # noqa: PT011
                CHECKERS["recursion"](from_json({**plain, "children": children}))
            rejected += 1
    assert rejected == tried > 10
    with pytest.raises(ValueError, match="root"):
        CHECKERS["recursion"](from_json({**plain, "lower": "1/2", "upper": "1/2"}))


def test_answers_are_deterministic() -> None:
    g = germ([(["x^2-y*z", "z^2"], 2)], "xyz")
    assert solve_germ(g, 500).to_json() == solve_germ(g, 500).to_json()


def test_work_limit_gives_bounds() -> None:
    node = solve_germ(germ([(["x^2-y*z", "z^2"], 2)], "xyz"), 5)
    assert node.upper is not None
    assert node.lower <= Fraction(5, 8) <= node.upper


VOLUMES = [
    [(["x^2*y", "z"], 2)], [(["x^2+y^2+z^2"], 3)], [(["x^2+4*y^2-z^2"], 2)],
    [(["x^2-y*z", "z^2"], 2)], [(["x*y-z^3"], 2)], [(["x*y*z", "(x+y)^2"], 2)],
    [(["x*y", "z^2"], 2)], [(["x*y*z"], 2)], [(["x^2", "y^3", "z"], 2)],
    [(["x^2-y^3", "z"], 2)], [(["x^2-2*y^2*z"], 2)], [(["x*y", "y*z", "z*x"], 2)],
    [(["x^4*y^2+x^2*y^4-3*x^2*y^2*z^2+z^6"], 1)], [(["x", "y"], 2), (["z"], 2)],
    [(["x^2+y^2-z^2", "z^3"], 2)], [(["x*y*(x-y)", "z"], 2)], [(["x^2-3*y^2", "z^2"], 2)],
]  # fmt: skip


@pytest.mark.parametrize("ideals", VOLUMES)
def test_volumes_of_sublevel_sets_scale_with_the_value(ideals: Ideals) -> None:
    g = germ(ideals, "xyz")
    node = solved(g)
    assert node.multiplicity is not None
    # Points crowd at the coordinate planes: x = u^3 with weight 3 u^2, and both signs.
    u = qmc.Sobol(3, seed=1).random(2**17)
    log_k = np.full((8, len(u)), 0.0)
    for s in range(8):
        signs = np.array([1 - 2 * (s >> i & 1) for i in range(3)])
        x = signs * u**3
        for factor in g.factors:
            total = np.zeros(len(u))
            for p in factor.generators:
                value = sum(
                    float(c) * np.prod(x ** np.array(e), axis=1) for e, c in p.terms.items()
                )
                total = total + value**2
            log_k[s] += float(factor.exponent) / 2 * np.log(np.maximum(total, 1e-300))
    weight = np.prod(3 * u**2, axis=1)
    levels = np.log(10.0) * np.array([-4.0, -6.5])
    volumes = [float(np.sum(weight * (log_k < level))) for level in levels]
    slope = (np.log(volumes[0]) - np.log(volumes[1])) / (levels[0] - levels[1])
    middle = -levels.mean() + 2
    assert slope == pytest.approx(float(node.lower) - (node.multiplicity - 1) / middle, abs=0.09)
