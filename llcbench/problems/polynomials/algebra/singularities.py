"""Singularities by their normal forms: arrangements, simple ones, monomials."""

import re
from functools import partial
from itertools import combinations, pairwise

from llcbench.problems.polynomials.algebra.definition import Definition, Maker
from theory.families import (
    ade_squared,
    braid_squared,
    lines_squared,
    monomial_ideal,
    quasi_homogeneous,
)

_LETTERS = "xyzuvw"
_E_FORMS = {6: "x^3+y^4", 7: "x^3+x*y^3", 8: "x^3+y^5"}
_ORIGIN = "attained at the origin"


def _braid(*blocks: int) -> Definition:
    values = [block for block, size in enumerate(blocks) for _ in range(size)]
    names = [f"w{i}" for i in range(len(values))]
    generator = "*".join(f"({a}-{b})" for a, b in combinations(names, 2))
    return Definition(
        names, [generator], values, partial(braid_squared, blocks=blocks),
        "attained where all coordinates are equal",
        partial(braid_squared, blocks=(len(values),)),
        "An arrangement of hyperplanes: deeper where more of them meet.",
    )  # fmt: skip


def _lines(*multiplicities: int) -> Definition:
    truth = partial(lines_squared, multiplicities=multiplicities)
    generator = "*".join(f"(x-{i}*y)^{m}" for i, m in enumerate(multiplicities))
    return Definition(
        ["x", "y"], [generator], [0, 0], truth, "attained where all lines meet", truth,
        "Lines through one point: chains must move between them.",
    )  # fmt: skip


def _cusp(order: int) -> Definition:
    truth = partial(ade_squared, kind="A", k=order, dim=2)
    return Definition(
        ["x", "y"], [f"y^2-x^{order + 1}"], [0, 0], truth, _ORIGIN, truth,
        "A cusp: its two branches leave the origin in the same direction.",
    )  # fmt: skip


def _oval(order: int) -> Definition:
    truth = partial(ade_squared, kind="A", k=order, dim=2, definite=True)
    return Definition(
        ["x", "y"], [f"y^2+x^{order + 1}"], [0, 0], truth, "the origin is the only zero", truth,
        "Flat in both directions, at different rates, and complex branches that must not count.",
    )  # fmt: skip


def _simple(kind: str, k: int, dim: int = 2) -> Definition:
    """Return the square of a simple singularity; the squares of further variables alternate."""
    truth = partial(ade_squared, kind=kind, k=k, dim=dim)
    truth()
    form = f"x^2*y+y^{k - 1}" if kind == "D" else _E_FORMS[k]
    names = ["x", "y", *(f"z{i}" for i in range(dim - 2))]
    squares = "".join(f"{'+' if i % 2 else '-'}{name}^2" for i, name in enumerate(names[2:]))
    return Definition(
        names, [form + squares], [0] * dim, truth,
        "attained at the origin, the only singular point of the zero set", truth,
        "Several branches of different tangency through one point.",
    )  # fmt: skip


def _quasi(degree: int, *weights: int) -> Definition:
    """Return the squares of ``w_i^(D/2a_i) - w_(i+1)^(D/2a_(i+1))`` and of the last power."""
    truth = partial(quasi_homogeneous, weights=weights, degree=degree)
    truth()
    if any(degree % (2 * weight) for weight in weights):
        raise ValueError(f"twice every weight must divide the degree {degree}, got {weights}")
    names = [f"w{i}" for i in range(len(weights))]
    powers = [f"{n}^{degree // (2 * a)}" for n, a in zip(names, weights, strict=True)]
    return Definition(
        names, [*(f"{p}-{q}" for p, q in pairwise(powers)), powers[-1]], [0] * len(names), truth,
        "the origin is the only zero", truth,
        "A curved valley whose floor rises slowly; every direction has a scale of its own.",
    )  # fmt: skip


def _monomials(*texts: str) -> Definition:
    """Return the sum of the squares of monomials such as ``x2y``."""
    pattern = f"([{_LETTERS}][1-9]?)+"
    if not texts or not all(re.fullmatch(pattern, text) for text in texts):
        raise ValueError(f"write monomials in {_LETTERS} such as x2y-y3, got {'-'.join(texts)!r}")
    used = [letter for letter in _LETTERS if letter in "".join(texts)]
    vectors = []
    for text in texts:
        powers = [(letter, int(power or 1)) for letter, power in re.findall(r"([a-z])(\d?)", text)]
        vectors.append(tuple(sum(n for name, n in powers if name == letter) for letter in used))
    generators = [
        "*".join(f"{letter}^{n}" for letter, n in zip(used, vector, strict=True) if n)
        for vector in vectors
    ]
    truth = partial(monomial_ideal, generators=vectors)
    return Definition(
        used, generators, [0] * len(used), truth,
        "attained at the origin: scaling the coordinates contracts every zero to it", truth,
        "The Newton polyhedron decides: several monomials bound each other.",
    )  # fmt: skip


MAKERS = {
    "braid": Maker(_braid, "<blocks>", lambda *n: sum(n), lambda *n: sum(n) ** 2),
    "lines": Maker(_lines, "<multiplicities>", lambda *_: 2, lambda *n: sum(n)),
    "cusp": Maker(_cusp, "<order>", lambda _: 2, lambda n: n),
    "oval": Maker(_oval, "<odd order>", lambda _: 2, lambda n: n),
    "d": Maker(partial(_simple, "D"), "<order>[-<dim>]", lambda _, n=2: n, lambda k, n=2: n + k),
    "e": Maker(partial(_simple, "E"), "<order>[-<dim>]", lambda _, n=2: n, lambda k, n=2: n + k),
    "quasi": Maker(_quasi, "<degree>-<weights>", lambda _, *n: len(n), lambda _, *n: 2 * len(n)),
    "monomials": Maker(
        _monomials,
        "<monomials such as x2y>",
        lambda *_: len(_LETTERS),
        lambda *texts: len("".join(texts)),
        words=True,
    ),
}
NAMED = (
    "braid-3-2",
    "lines-1-1-1",
    "lines-1-2-1",
    "cusp-4",
    "oval-3",
    "d-4",
    "d-5",
    "e-6",
    "e-7",
    "e-8",
    "quasi-12-3-2",
    "quasi-8-4-2-1",
    "monomials-x2-y",
    "monomials-x3-xy-y3",
    "monomials-x2-xy-y2z",
    "monomials-xy-z2",
)
