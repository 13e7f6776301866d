"""Certificates: what is true passes, what was tampered with does not."""

import copy
import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

from theory import SumOfSquares, rlct
from theory.certificate import Node
from theory.checker.base import CertificateError
from theory.checker.verify import CHECKERS, check, verify
from theory.coefficient import known

GERMS: list[tuple[Any, dict[str, Any]]] = [
    ("x^2*y^4", {}),
    ("x^4*y^2*(1 + x)^2", {"prior": {"x": 1}}),
    ("(x^2 - 3*y^2)^2", {}),
    ("(y - x^3)^2 + x^8", {}),
    ("((x - 1)^2 + (y - x)^2)*(x - 1)^2", {"at": {"x": 1, "y": 1}}),
    ("(y^2 - 2*x^2)^4 + x^9", {"absolute": True}),
    ("((y - x)^2 - 2*x^4)^3*(y^3 - 2*x^3)^2", {"absolute": True}),
    (SumOfSquares(["x*y", "z^2"]), {}),
    ("x^2 - x^3 + y^2 - 3*y*z^2 + 4*z^4", {}),
    ("x^2 - x^3 + y^2 - 2*y*z^2 + z^4 + z^6", {}),
    ("x^2 + x*y + y^2 + z^2*w^4", {}),
    ("(x^2 + y^2)^2*(z^2 + w^2)^2", {}),
    ("((x^3 - 2*y^3)^2 - 3*x^7)^2 + x^14*y", {"absolute": True, "timeout": 2e-3}),
    ("((x^3 - 2*y^3)^2 - 3*x^7)^2 + x^14*y", {"absolute": True, "timeout": 1e-5}),
]


@pytest.mark.parametrize(("K", "options"), GERMS)
def test_true_certificates_pass_in_every_form(K: Any, options: dict[str, Any]) -> None:
    found = rlct(K, **options)
    assert found.certificate is not None
    check(found)
    check(found.certificate)
    check(json.loads(json.dumps(found.certificate.to_json())))
    check(json.loads(json.dumps(found.to_json())))


@pytest.mark.parametrize(("K", "options"), GERMS)
def test_wrong_claims_are_rejected_at_every_node(K: Any, options: dict[str, Any]) -> None:
    plain = _json(K, options)
    for path in list(_nodes(plain)):
        for change in ("lower", "upper", "multiplicity"):
            mutated = copy.deepcopy(plain)
            node = _at(mutated, path)
            if change == "multiplicity":
                node[change] = (node[change] or 0) + 1
            elif node[change] is not None:
                node[change] = str(Fraction(node[change]) + Fraction(1, 7))
            else:
                continue
            assert not verify(mutated), (path, change)


@pytest.mark.parametrize(("K", "options"), GERMS)
def test_dropped_and_doubled_children_are_rejected(K: Any, options: dict[str, Any]) -> None:
    plain = _json(K, options)
    for path in list(_nodes(plain)):
        for position in range(len(_at(plain, path)["children"])):
            mutated = copy.deepcopy(plain)
            del _at(mutated, path)["children"][position]
            assert not verify(mutated)
            mutated = copy.deepcopy(plain)
            children = _at(mutated, path)["children"]
            children.append(children[position])
            assert not verify(mutated)


@pytest.mark.parametrize(("K", "options"), GERMS)
def test_any_changed_leaf_is_rejected_or_harmless(K: Any, options: dict[str, Any]) -> None:
    """Every number and every polynomial is changed; what still passes proves the same claim."""
    plain = _json(K, options)
    root = {k: plain[k] for k in ("lower", "upper", "multiplicity")}
    question = ("polynomial", "variables", "at", "prior")
    rejected = accepted = 0
    for path in list(_leaves(plain)):
        for value in _others(_at(plain, path)):
            mutated = copy.deepcopy(plain)
            _at(mutated, path[:-1])[path[-1]] = value
            if not verify(mutated):
                rejected += 1
                continue
            accepted += 1
            # A wider interval that still isolates the root is as good a witness.
            assert {k: mutated[k] for k in root} == root
            assert all(mutated["data"][k] == plain["data"][k] for k in question), path
            assert {"interval", "weights"} & set(map(str, path)), path
    assert rejected > 3 * accepted


@pytest.mark.parametrize(("K", "options"), GERMS)
def test_any_dropped_entry_is_rejected(K: Any, options: dict[str, Any]) -> None:
    plain = _json(K, options)
    for path in list(_leaves(plain, inner=True)):
        mutated = copy.deepcopy(plain)
        del _at(mutated, path[:-1])[path[-1]]
        assert not verify(mutated), path


def test_a_certificate_of_another_germ_is_rejected() -> None:
    one, two = _json("x^2*y^4", {}), _json("x^4*y^4", {})
    assert not verify(one | {"data": two["data"]})
    assert not verify(one | {"children": two["children"]})
    exchanged = _json("(x - y)^2", {})
    exchanged["data"]["polynomial"] = "(x - y)^2 + x^10000"
    assert not verify(exchanged)


def test_a_result_must_match_its_certificate() -> None:
    plain = rlct("x^2*y^4").to_json()
    assert verify(plain)
    assert not verify(plain | {"multiplicity": 2})
    assert not verify(plain | {"lower": "1/5"})
    assert not verify(plain | {"upper": "1/3"})


@pytest.mark.parametrize(
    "junk",
    [
        {},
        {"rule": "plane"},
        {"proof": []},
        {"rule": "magic", "data": {}},
        Node("magic", Fraction(1), Fraction(1), 1),
        Node("plane", Fraction(1), Fraction(1), 1),
        Node("monomial germ", Fraction(1), Fraction(1), 1, {"germ": 5}),
        Node("toric chart", Fraction(1), Fraction(1), 1, {"factors": []}),
        known(Fraction(1), 1, "local", method="", source="", conditions=""),
    ],
)
def test_junk_is_rejected(junk: Any) -> None:
    assert not verify(junk)


def test_the_error_says_where() -> None:
    plain = _json("(x^2 - 3*y^2)^2", {})
    plain["children"][0]["children"][0]["multiplicity"] = 1
    with pytest.raises(CertificateError, match=r"root\.0"):
        check(plain)
    assert {"plane", "toric chart", "polynomial"} <= set(CHECKERS)


def _json(K: Any, options: dict[str, Any]) -> dict[str, Any]:
    certificate = rlct(K, **options).certificate
    assert certificate is not None
    plain: dict[str, Any] = json.loads(json.dumps(certificate.to_json()))
    return plain


def _nodes(plain: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for position, child in enumerate(plain["children"]):
        yield from _nodes(child, (*path, "children", position))


def _leaves(plain: Any, path: tuple[Any, ...] = (), inner: bool = False) -> Iterator[Any]:
    """Yield the paths of all values below a node's data."""
    items = plain.items() if isinstance(plain, dict) else enumerate(plain)
    for key, value in items:
        here = (*path, key)
        in_data = "data" in here
        if isinstance(value, dict | list):
            if inner and in_data and here[-1] != "data":
                yield here
            yield from _leaves(value, here, inner)
        elif in_data:
            yield here


def _others(value: Any) -> list[Any]:
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, int):
        return [value + 1, value - 1]
    try:
        return [str(Fraction(value) + 1), str(Fraction(value) - Fraction(1, 3)), ""]
    except ValueError:
        return [f"{value} + 1", f"{value} + x^9", ""]


def _at(plain: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        plain = plain[key]
    return plain
