"""Forgeries written by hand, for conditions that no single edit of a true certificate reaches.

Each is false, or proves nothing, in one place alone.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from mutations import changed, entries

from theory import rlct

Json = dict[str, Any]


@cache
def _proof(text: str, timeout: float) -> str:
    return json.dumps(rlct(text, absolute=True, timeout=timeout).to_json())


def _result(text: str, timeout: float = 60) -> Json:
    found: Json = json.loads(_proof(text, timeout))
    return found


def _plane(text: str, timeout: float = 60) -> Json:
    """Return the node of the plane in the proof for a germ in two variables."""
    (node,) = _result(text, timeout)["proof"][-1]["certificate"]["children"]
    while node["rule"] != "plane":
        (node,) = node["children"]
    found: Json = node
    return found


def _edited(plain: Json, *path: Any, value: Any) -> Json:
    found: Json = changed(plain, path, value)
    return found


def _germ(variables: str, generators: Sequence[str]) -> Json:
    size = len(variables)
    return {
        "variables": list(variables),
        "factors": [{"generators": list(generators), "exponent": "1"}],
        "monomial": ["0"] * size,
        "density": ["1"] * size,
    }


def _bound(variables: str, generators: Sequence[str], lower: str, upper: str) -> Json:
    return {
        "rule": "order bound", "lower": lower, "upper": upper, "multiplicity": None, "children": [],
        "data": {"germ": _germ(variables, generators), "weights": [1] * len(variables)},
    }  # fmt: skip


def _sum(
    whole: Json, children: Sequence[Json], signs: Sequence[Mapping[str, Any]], *claim: Any
) -> Json:
    lower, upper, multiplicity = claim
    return {
        "rule": "independent summands", "lower": lower, "upper": upper,
        "multiplicity": multiplicity, "children": list(children),
        "data": {"germ": whole, "nonnegative": list(signs)},
    }  # fmt: skip


def _with_plane(text: str, lower: str, upper: str | None, timeout: float = 60) -> Json:
    """Return ``f(x, y) + z^2`` with the sign of f taken from its branches."""
    node = _edited(
        _plane(text.removeprefix("-1*"), timeout),
        "data", "germ", "factors", 0, "generators", 0, value=text,
    )  # fmt: skip
    signs = [{"kind": "branches"}, {"kind": "lowest"}]
    children = [node, _bound("z", ["z^2"], "1/2", "1/2")]
    return _sum(_germ("xyz", [f"{text} + z^2"]), children, signs, lower, upper, None)


def _arrangement(state: Json, lower: str, multiplicity: int) -> Json:
    return {
        "rule": "arrangement", "lower": lower, "upper": lower, "multiplicity": multiplicity,
        "children": [], "data": {"germ": state},
    }  # fmt: skip


def _state(forms: Sequence[str], density: Sequence[str] = ("1", "1")) -> Json:
    return {
        "coordinates": ["x", "y"], "parameters": [], "relations": [], "nonzero": [],
        "ideals": [{"generators": [form], "exponent": "2"} for form in forms],
        "monomial": ["0", "0"], "density": list(density),
    }  # fmt: skip


def _disagreement() -> Json:
    germ = {**_germ("x", []), "factors": [], "monomial": ["2"]}
    children: list[Json] = [
        {
            "rule": "monomial germ", "lower": "1/2", "upper": "1/2", "multiplicity": m,
            "children": [], "data": {"germ": germ},
        }
        for m in (1, 2)
    ]  # fmt: skip
    return {**children[0], "rule": "best bounds", "children": children}


def _system(
    equations: Sequence[str], nonzero: Sequence[str], claimed: str, rule: str, **witness: Any
) -> Json:
    """Return a false claim about the zeros of a system, or one that the witness does not prove."""
    return {
        "equations": list(equations), "nonzero": list(nonzero), "answer": claimed,
        "witness": {"rule": rule, **witness},
    }  # fmt: skip


def _claims(*claims: Json) -> Json:
    """Return a recursion of claims; the first is ``x^2``, others rest on those before."""
    last = claims[-1]
    return {
        "rule": "recursion", "children": list(claims),
        **{key: last[key] for key in ("lower", "upper", "multiplicity")},
        "data": {"germ": last["data"]["state"], "renamed": last["data"]["state"]["coordinates"]},
    }  # fmt: skip


def _claim(rule: str, state: Json, parts: Sequence[Json] = (), **data: Any) -> Json:
    infinite = data.pop("infinite", False)
    return {
        "rule": rule, "lower": "1/2", "upper": "1/2", "multiplicity": 1, "children": [],
        "data": {"state": state, "parts": list(parts), "infinite": infinite, **data},
    }  # fmt: skip


def _leaf_state(ideals: Sequence[Sequence[str]] = (), monomial: Sequence[str] = ("2",)) -> Json:
    names = ["x", "y"][: len(monomial)]
    return {
        "coordinates": names, "parameters": [], "relations": [], "nonzero": [],
        "ideals": [{"generators": list(j), "exponent": "2"} for j in ideals],
        "monomial": list(monomial), "density": ["1"] * len(names),
    }  # fmt: skip


def _part(state: Json, **data: Any) -> Json:
    return {
        "claim": 0, "state": state, "infinite": False, "lower": "1/2", "upper": "1/2",
        "multiplicity": 1, "renamed": state["coordinates"], **data,
    }  # fmt: skip


def _moved(rule: str, before: Json, after: Json, **data: Any) -> Json:
    leaf = _claim("monomial", after)
    return _claims(leaf, _claim(rule, before, [_part(after, **data)]))


def _chart_bound() -> Json:
    node = _plane("((x^3 - 2*y^3)^2 - 3*x^7)^2 + x^14*y", 1e-5)
    while node["rule"] != "chart bound":
        node = node["children"][-1]
    return _edited(node, "data", "density", 0, value="1/2")


def _root_on_no_ray() -> Json:
    (chart,) = _plane("y^3 - x^2")["children"]
    root = {**chart["data"]["roots"][0], "ray": 99}
    return _edited(chart, "data", "roots", value=[*chart["data"]["roots"], root])


def _face_test(kind: str) -> Json:
    """Return a proof in which a face with zeros passes for one without, or the reverse."""
    whole: Json = _result("(x^2 + 4*y^2 - z^2)^2")["proof"][-1]["certificate"]
    for path, test in entries(whole):
        if isinstance(test, dict) and "ideals" in test and kind in test:
            other = {"empty": "nonempty", "nonempty": "empty"}[kind]
            forged = {"ideals": test["ideals"], other: test[kind], "smooth": test[kind]}
            return _edited(whole, *path, value=forged)
    raise AssertionError(kind)


_X2, _XY = _leaf_state(), _leaf_state(monomial=("2", "0"))
_UNIT = {"rule": "unit"}
_Y2 = {"rule": "definite", "equation": "y^2 + 1", "parts": [_UNIT]}
_CURVE = "y^2 - x^3 + x"
_PLANE = {"equation": _CURVE, "variables": ["x", "y"]}

HANDMADE: dict[str, Callable[[], Json]] = {
    "verify._check: f'{path}: no checker for rule {node.rule!r}'": lambda: _edited(
        _result("x^2*y^4")["proof"][-1]["certificate"], "rule", value="axiom"
    ),
    "verify._tree: the result carries no certificate #2": lambda: _edited(
        _result("x^2*y^4"), "proof", value=[]
    ),
    "verify._match: the certificate makes another claim than the result": lambda: _edited(
        _result("x^2*y^4"), "multiplicity", value=2
    ),
    "arrangements.check_arrangement: claim": lambda: _arrangement(_state(["x", "y"]), "1/4", 1),
    "arrangements.least_ratio: f'1 to {MAX_FORMS} nonzero forms'": lambda: _arrangement(
        _state([]), "1/2", 1
    ),
    "arrangements._read: a density": lambda: _arrangement(
        _state(["x", "y"], ("2", "1")), "1/2", 2
    ),
    "germs.check_best: children disagree": _disagreement,
    "germs._check_sign: a summand changes sign": lambda: _sum(
        _germ("xy", ["x^3 + y^2"]),
        [_bound("x", ["x^3"], "1/3", "1/3"), _bound("y", ["y^2"], "1/2", "1/2")],
        [{"kind": "lowest"}] * 2, "5/6", "5/6", None,
    ),
    "germs.check_summands: a summand is an ideal": lambda: _sum(
        _germ("xy", ["x^2 + y^2"]), [_bound("xy", ["x^2", "y^2"], "1/2", "1")],
        [{"kind": "lowest"}], "1/2", "1", None,
    ),
    "germs._check_sign: a summand is negative": lambda: _with_plane(
        "-1*(x^2 + y^4 + x*y^3)", "5/4", "5/4"
    ),
    "germs._check_sign: a sign change": lambda: _with_plane("-x^2 + y^3", "4/3", "4/3"),
    "charts.real_branch_orders: the branches are not all known": lambda: _with_plane(
        "((x^3 - 2*y^3)^2 - 3*x^7)^2 + x^14*y", "0", None, timeout=1e-5
    ),
    "germs.check_summands: one sign proof per summand": lambda: _sum(
        _germ("xy", ["x^2 + y^2"]),
        [_bound("x", ["x^2"], "1/2", "1/2"), _bound("y", ["y^2"], "1/2", "1/2")],
        [{"kind": "lowest"}], "1", "1", None,
    ),
    "bounds.check_zero_set: the graph is not solved": lambda: {
        **_bound("xy", ["x^2"], "0", "1"), "rule": "zero set",
        "data": {"germ": _germ("xy", ["x^2"]), "graph": {"x": "y", "y": "0"}},
    },
    "plane.check_chart: rays": _root_on_no_ray,
    "plane.check_chart_bound: the density is unbounded": _chart_bound,
    "newton._check_face: not empty": lambda: _face_test("nonempty"),
    "newton._check_face: no zero": lambda: _face_test("empty"),
    "recursion._no_pole: K vanishes somewhere": lambda: _claims(
        _claim("no pole", _X2, infinite=True)
    ),
    "recursion._monomial: factors are left": lambda: _claims(
        _claim("monomial", _leaf_state([["x"]]))
    ),
    "recursion._empty: not empty": lambda: _claims(
        _claim("empty", _X2, infinite=True, witness={"rule": "free"})
    ),
    "recursion.check_claim: the order bound": lambda: _claims(
        _claim("monomial", _X2, (), **{"order bound": "3/4"})
    ),
    "recursion._check_occupied: the region may be empty": lambda: _claims(
        _claim("monomial", {**_X2, "nonzero": ["0"]}, occupied={"rule": "zero"})
    ),
    "moves.check_unit: no such ideal": lambda: _moved(
        "unit", _leaf_state([["x + 1"]]), _X2, index=-1, witness=_UNIT
    ),
    "moves.check_unit: no unit": lambda: _moved(
        "unit", _leaf_state([["x"]]), _X2, index=0, witness={"rule": "free"}
    ),
    "moves.check_unit: another state": lambda: _moved(
        "unit", _leaf_state([["x + 1"]], ("4",)), _X2, index=0, witness=_UNIT
    ),
    "moves.check_substitute: no coordinate": lambda: _moved(
        "substitute", _leaf_state([["y*x + y^2"]], ("0", "0")), _XY,
        variable="x", generator="y*x + y^2", coefficient="y", rest="y^2",
    ),
    "simplifications._step_unit: no generator is a unit": lambda: _moved(
        "simplify", _leaf_state([["x"]]), _X2, steps=[{"op": "unit", "index": 0}]
    ),
    "zeros.alternatives: the chosen case": lambda: _system(
        ["(y^2 + 1)*x"], ["x"], "nonempty", "factors", equation="y^2 + 1", chosen=0,
        pieces=["y^2 + 1"], parts=[_Y2],
    ),
    "zeros._discriminant: the discriminant vanishes": lambda: _system(
        ["x^2 - y^2"], [], "empty", "discriminant", equation="x^2 - y^2", variable="x", cells=[],
        parts=[{"rule": "sturm", "variable": "y"}],
    ),
    "zeros._definite: an odd exponent": lambda: _system(
        ["x + y^2"], ["x"], "empty", "definite", equation="x + y^2", parts=[_UNIT]
    ),
    "zeros._scaling: a weight is no integer": lambda: _system(
        ["x + y^2"], ["x", "y"], "empty", "scaling",
        variable="x", weights=[0.5, 0.25, 0], values=[1], parts=[_Y2],
    ),
    "zeros._groebner: the ideal is not the unit ideal": lambda: _system(
        ["x^2 - 1"], [], "empty", "groebner"
    ),
    "zeros._sign_change: the equation may be reducible": lambda: _system(
        ["(x - 2)*(y - 2)"], [], "nonempty", "sign change", equation="(x - 2)*(y - 2)",
        variables=["x", "y"], positive=["1", "1"], negative=["1", "3"],
    ),
    "zeros._discriminant: not quadratic": lambda: _system(
        ["x + y"], [], "empty", "discriminant", equation="x + y", variable="x", cells=[], parts=[]
    ),
    "zeros._discriminant: a condition was made up": lambda: _system(
        ["x^2 + y"], [], "empty", "discriminant",
        equation="x^2 + y", variable="x", cells=["y"], parts=[_UNIT],
    ),
    "zeros._discriminant: the discriminant is positive": lambda: _system(
        ["x^2 - y^2 - 1"], [], "empty", "discriminant",
        equation="x^2 - y^2 - 1", variable="x", cells=[], parts=[_Y2],
    ),
    "zeros._arc: the line is critical": lambda: _system(
        [_CURVE], [], "nonempty", "arc", **_PLANE, value="0"
    ),
    "zeros._curve: the curve has an arc": lambda: _system(
        [_CURVE], [], "empty", "curve", **_PLANE, parts=[{"rule": "groebner"}]
    ),
    "zeros._line: nothing on the line": lambda: _system(
        ["x^2 + y^2 + 1"], [], "empty", "line", variable="x", value="0", parts=[_Y2]
    ),
}  # fmt: skip
