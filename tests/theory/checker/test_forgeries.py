"""Certificates that were forged on purpose, each around one check, are all rejected.

Random changes of a true certificate hardly ever fit together; these do. Each claims a wrong value
for a small germ and is consistent everywhere but in one place.
"""

import copy
import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import pytest
from mutation_examples import region

from theory import SumOfSquares, rlct, verify
from theory.checker.base import PRIME, sample
from theory.polynomials.expression import Polynomial, parse, write

F = Fraction
Json = dict[str, Any]
NAMES = ["x", "y", "z"]


def plain(K: Any, **options: Any) -> Json:
    certificate = rlct(K, **options).certificate
    assert certificate is not None
    found: Json = json.loads(json.dumps(certificate.to_json()))
    assert verify(found)
    return found


def agreeing(K: Polynomial, seed: str) -> Polynomial:
    """Return ``K + x^2 h`` with h zero, modulo the prime, at the points for a seed."""
    x = parse("x", K.variables)
    extra = x * x
    for point in sample(seed, K.variables):
        extra = extra * (x + parse(str(PRIME - point["x"]), K.variables))
    terms = {e: F(int(c) % PRIME) for e, c in extra.terms.items()}
    return K + Polynomial(K.variables, {e: c for e, c in terms.items() if c})


def test_factors_that_fit_at_points_known_beforehand() -> None:
    # The claim 1/2 + 1/6 is that of x^2 + y^6; x^4 + y^6 has 1/4 + 1/6.
    K = "x^4 + y^6"
    forged = plain(write(agreeing(parse(K, ("x", "y")), K)), absolute=True)
    assert forged["lower"] == "2/3"
    forged["data"]["polynomial"] = K
    assert not verify(forged)


def test_a_germ_below_that_fits_at_points_known_beforehand() -> None:
    names = ("x", "y")
    true, unit = "x^4 + y^6", "y + 1"
    node: Json = {
        "rule": "independent factors",
        "lower": "2/3",
        "upper": "2/3",
        "multiplicity": 1,
        "data": {
            "germ": {
                "variables": list(names),
                "factors": [
                    {"generators": [true], "exponent": "1"},
                    {"generators": [unit], "exponent": "1"},
                ],
                "monomial": ["0", "0"],
                "density": ["1", "1"],
            },
            "units": [{"generators": [unit], "exponent": "1"}],
        },
    }
    other = agreeing(parse(true, names), repr(node["data"]))
    node["children"] = plain(write(other), absolute=True)["children"]
    assert not verify(node)


def test_a_plane_germ_that_fits_its_chart_at_points_known_beforehand() -> None:
    node = plain("x^2*y^2 + x^7 + y^7", absolute=True)
    while node["rule"] != "plane":
        (node,) = node["children"]
    assert verify(node)
    names = tuple(node["data"]["germ"]["variables"])
    (factor,) = node["data"]["germ"]["factors"]
    (text,) = factor["generators"]
    chart = node["children"][0]["data"]
    # With a term x^2 the value is another one.
    factor["generators"] = [write(agreeing(parse(text, names), repr(chart["factors"])))]
    assert not verify(node)


@pytest.mark.parametrize("more", [[], ["y", "z"]])
def test_names_that_do_not_fit_the_parameters(more: list[str]) -> None:
    forged: Json = json.loads(json.dumps(region("y", "t", ["t + y"]).to_json()))
    names = [
        part["names"]
        for node in forged["children"]
        for part in node["data"]["parts"]
        if part.get("side") == "zero"
    ]
    assert verify(forged)
    names[0][-1:] = more
    assert not verify(forged)


def test_a_chart_that_wears_the_germ_of_another_node() -> None:
    forged, chart = plain("x^2*y^2 + x^6 + y^6"), plain("x^2 + y^4 + x*y^3", absolute=True)
    (node,) = chart["children"]
    while node["rule"] != "toric chart":
        (node,) = node["children"]
    (mine,) = forged["children"]
    node = copy.deepcopy(node)
    node["data"]["germ"] = mine["data"]["germ"]
    claim = {k: node[k] for k in ("lower", "upper", "multiplicity")}
    best = {**mine, **claim, "rule": "best bounds", "children": [node]}
    for child in (node, best):
        assert not verify({**forged, **claim, "children": [child]})


def state(
    ideals: Sequence[tuple[Sequence[str], int]],
    monomial: Sequence[int] = (0, 0, 0),
    coordinates: Sequence[str] = NAMES,
) -> Json:
    return {
        "coordinates": list(coordinates),
        "parameters": [],
        "ideals": [{"generators": list(g), "exponent": str(c)} for g, c in ideals],
        "monomial": [str(n) for n in monomial],
        "density": ["1"] * len(coordinates),
        "relations": [],
        "nonzero": [],
    }


def simplified(
    before: Json, steps: Sequence[Mapping[str, Any]], after: Json, value: str, m: int
) -> Json:
    """Return the certificate that steps lead to a monomial germ."""
    claim = {"lower": value, "upper": value, "multiplicity": m}
    names = before["coordinates"]
    part = {
        "steps": list(steps), "renamed": after["coordinates"], "claim": 0, "state": after,
        "infinite": False, **claim,
    }  # fmt: skip
    leaf = {
        "rule": "monomial", **claim, "children": [],
        "data": {"state": after, "parts": [], "infinite": False},
    }  # fmt: skip
    step = {
        "rule": "simplify", **claim, "children": [],
        "data": {"state": before, "parts": [part], "infinite": False},
    }  # fmt: skip
    return {
        "rule": "recursion", **claim, "children": [leaf, step],
        "data": {"germ": before, "renamed": names},
    }  # fmt: skip


def factor(common: Sequence[tuple[str, int]], rest: Sequence[str], index: int = 0) -> Json:
    return {"op": "factor", "index": index, "common": [list(c) for c in common], "rest": rest}


X_Y = ["x", "y"]
Y_1 = (["y + 1"], 2)


@pytest.mark.parametrize(
    ("before", "steps", "after", "value", "m"),
    [
        # The factor y^3 gets lost.
        (
            state([(["x*y^3"], 2)], (0, 0), X_Y),
            [factor([("x", 1)], ["y^3"]), {"op": "drop", "variables": ["y"]}],
            state([], (2,), ["x"]), "1/2", 1,
        ),
        # A generator that is zero passes for a unit.
        (
            state([(["x^2"], 2)], (0,), ["x"]),
            [
                {"op": "ideal", "index": 0, "generators": ["x^2", "0"], "units": []},
                factor([("x", 1)], ["x", "0"]),
            ],
            state([], (2,), ["x"]), "1/2", 1,
        ),
        # The last factor is counted from the end: the first one is doubled.
        (
            state([(["x"], 2), Y_1], (0, 0), X_Y),
            [
                {"op": "unit", "index": -1}, {"op": "unit", "index": 2}, {"op": "merge"},
                factor([("x", 1)], ["1"]), {"op": "drop", "variables": ["y"]},
            ],
            state([], (4,), ["x"]), "1/4", 1,
        ),
        # A direction along which x moves forth and back.
        (
            state([(["x", "y^2"], 2)], (0, 0), X_Y),
            [
                {
                    "op": "constant direction", "variables": ["x", "x"], "direction": [1, -1],
                    "variable": "x",
                },
                {"op": "ideal", "index": 0, "generators": ["y^2"], "units": []},
                factor([("y", 2)], ["1"]), {"op": "drop", "variables": ["x"]},
            ],
            state([], (4,), ["y"]), "1/4", 1,
        ),
        # The generator y gets lost: x^2 + y^2 has the value 1.
        (
            state([(["x", "y"], 2)], (0, 0), X_Y),
            [
                {"op": "ideal", "index": 0, "generators": ["x"], "units": []},
                factor([("x", 1)], ["1"]), {"op": "drop", "variables": ["y"]},
            ],
            state([], (2,), ["x"]), "1/2", 1,
        ),
        # Both get lost for a multiple of them.
        (
            state([(["x", "y"], 2)], (0, 0), X_Y),
            [
                {"op": "ideal", "index": 0, "generators": ["x*y"], "units": []},
                factor([("x", 1), ("y", 1)], ["1"]),
            ],
            state([], (2, 2), X_Y), "1/2", 2,
        ),
    ],
)  # fmt: skip
def test_steps_that_lose_a_factor(
    before: Json, steps: Sequence[Mapping[str, Any]], after: Json, value: str, m: int
) -> None:
    assert not verify(simplified(before, steps, after, value, m))


def test_the_same_form_is_accepted_for_a_true_claim() -> None:
    """Otherwise the forgeries above might fail for a trivial reason."""
    step = factor([("x", 1), ("y", 3)], ["1"])
    assert verify(
        simplified(state([(["x*y^3"], 2)], (0, 0), X_Y), [step], state([], (2, 6), X_Y), "1/6", 1)
    )


def test_a_generator_that_is_a_multiple_of_another_may_go() -> None:
    steps = [
        {"op": "ideal", "index": 0, "generators": ["x"], "units": []},
        factor([("x", 1)], ["1"]),
        {"op": "drop", "variables": ["y"]},
    ]
    before = state([(["x", "x*y"], 2)], (0, 0), X_Y)
    assert verify(simplified(before, steps, state([], (2,), ["x"]), "1/2", 1))


def uncertain(multiplicity: int | None, *, unknown: bool) -> Json:
    """Return a proof about ``x^2 (y + t)^2`` at all t, with another claim at ``t = 0``.

    Args:
        multiplicity: What the claim about both sides and all claims above say.
        unknown: Whether the claim about ``t = 0``, where the multiplicity is 2, says nothing of it
            because there may be no such point.
    """
    found: Json = json.loads(json.dumps(region("xy", "t", ["x*(y + t)"]).to_json()))
    (k,) = [k for k, node in enumerate(found["children"]) if node["rule"] == "split"]
    (zero,) = [p for p in found["children"][k]["data"]["parts"] if p["side"] == "zero"]
    below = found["children"][zero["claim"]]
    assert (below["lower"], below["upper"], below["multiplicity"]) == ("1/2", "1/2", 2)
    if unknown:
        below["data"]["unknown region"] = True
        for claim in (below, zero):
            claim.update(upper=None, multiplicity=None)
    for node in found["children"][k:]:
        node["multiplicity"] = multiplicity
    for node in found["children"][k + 1 :]:
        for part in node["data"]["parts"]:
            part["multiplicity"] = multiplicity
    found["multiplicity"] = multiplicity
    return found


@pytest.mark.parametrize(
    ("multiplicity", "unknown", "right"),
    [
        (2, False, True),
        (1, False, False),
        # It may be 2, and that of the other side is not the answer.
        (1, True, False),
        (2, True, False),
        (None, True, True),
    ],
)
def test_a_side_that_is_unknown_leaves_the_multiplicity_open(
    multiplicity: int | None, unknown: bool, right: bool
) -> None:
    assert verify(uncertain(multiplicity, unknown=unknown)) == right


def joined(rule: str, multiplicity: int | None, known: Sequence[bool]) -> Json:
    """Return a proof about ``x^2 y^2``, or ``x^2 + y^2``, from claims about x and y.

    Args:
        rule: Either ``product`` or ``sum``.
        multiplicity: What it says.
        known: Whether the claims about x and y say that theirs is 1. Otherwise they are bounds,
            which meet at 1/2 and say nothing of it.
    """
    ideals = [(X_Y, 2)] if rule == "sum" else [(["x"], 2), (["y"], 2)]
    leaves: list[Json] = []
    for name, certain in zip(X_Y, known, strict=True):
        before = state([([name], 2)], (0,), [name])
        if certain:
            steps = [factor([(name, 1)], ["1"])]
            leaf, step = simplified(before, steps, state([], (2,), [name]), "1/2", 1)["children"]
            step["data"]["parts"][0]["claim"] = len(leaves)
            leaves += [leaf, step]
        else:
            leaves.append(
                {
                    "rule": "bounds", "lower": "1/2", "upper": "1/2", "multiplicity": None,
                    "children": [], "data": {"state": before, "parts": [], "infinite": False},
                }
            )  # fmt: skip
    parts = [
        {
            "claim": k, "renamed": node["data"]["state"]["coordinates"],
            "state": node["data"]["state"], "infinite": False,
            **{key: node[key] for key in ("lower", "upper", "multiplicity")},
        }
        for k, node in enumerate(leaves) if node["rule"] != "monomial"
    ]  # fmt: skip
    value = "1" if rule == "sum" else "1/2"
    claim = {"lower": value, "upper": value, "multiplicity": multiplicity}
    whole = state(ideals, (0, 0), X_Y)
    data = {"state": whole, "parts": parts, "infinite": False}
    last = {"rule": rule, **claim, "children": [], "data": data}
    return {
        "rule": "recursion", **claim, "children": [*leaves, last],
        "data": {"germ": whole, "renamed": X_Y},
    }  # fmt: skip


@pytest.mark.parametrize(("rule", "true"), [("product", 2), ("sum", 1)])
@pytest.mark.parametrize("known", [(True, True), (True, False), (False, True), (False, False)])
def test_a_multiplicity_needs_those_of_all_parts(
    rule: str, true: int, known: Sequence[bool]
) -> None:
    right = true if all(known) else None
    for claimed in (None, 0, 1, 2):
        assert verify(joined(rule, claimed, known)) == (claimed == right)


def test_a_germ_in_two_forms_at_once() -> None:
    forged = plain(SumOfSquares(["x^2 - y*z", "z^2"]))
    proof = plain(SumOfSquares(["x*y", "y*z", "z*x"]))

    def recursion(node: Json) -> Json:
        return node if node["rule"] == "recursion" else recursion(node["children"][0])

    other = copy.deepcopy(recursion(proof))
    other["data"]["germ"] = {**forged["children"][0]["data"]["germ"], **other["data"]["germ"]}
    claim = {k: other[k] for k in ("lower", "upper", "multiplicity")}
    assert claim["lower"] != forged["lower"]
    best = {**forged["children"][0], **claim, "children": [other]}
    for child in (other, best):
        assert not verify({**forged, **claim, "children": [child]})
