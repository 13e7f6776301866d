"""Values of the recursion against worked examples and families, and the form of its proofs."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from random_germs import Ideals, germ

from theory import lookup
from theory.certificate import Node, from_json
from theory.checker.verify import CHECKERS
from theory.polynomials.germ import Germ
from theory.solver.recursion.portfolio import solve_germ


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
