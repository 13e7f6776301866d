"""Every entry of many certificates is changed: no change leads to another accepted claim."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from mutations import mutations, rules

from theory import SumOfSquares, rlct, verify
from theory.solver import verify as verifier
from theory.solver import verify_recursion, verify_replay, verify_simplify
from theory.solver.algebra import polynomial_ring, read
from theory.solver.certificate import Node
from theory.solver.real_zeros import real_status
from theory.solver.verify_replay import replay

Json = dict[str, Any]
S = SumOfSquares

GERMS: list[tuple[Any, dict[str, Any]]] = [
    ("x^2*y^4*z^2", {"prior": {"x": 1}}),
    ("(x - 1)^2*(y^2 + z^2)^3", {"at": {"x": 1}}),
    ("((x - y)^2 - z^3)^2", {}),
    ("(x^2 + 4*y^2 - z^2)^2", {}),
    ("(x^2 - 2*y^2*z)^2", {}),
    ("(x*y - z^3)^2", {}),
    (S(["x + 2*y - 3*z", "x^2 + 2*y^2 + 3*z^2"]), {}),
    (S(["x^2*y", "z"]), {}),
    (S(["x*y", "y*z", "z*x"]), {}),
    (S(["x^2 - y*z", "z^2"]), {}),
    ("(x^2 - 2*y^2)^2*(y^2 - 3*z^2)^2", {}),
    ("(x^2 + y^2 - z^2)^2 + (x - 3)^2*(z - 5)^4", {"at": {"x": 3, "y": 4, "z": 5}}),
    ("(x - y)^4*(y - 2*x)^2*(x - y + z)^2*z^4", {}),
    (S(["x^2 - 2*y^2", "z^2 - 3*w^2"]), {}),
    ("(y - x)^2*(x - y)^2*(y - 2*x)^2*(x - y + z)^2*z^4", {}),
    (S(["a*b + c*d", "c*d*(a - b)"]), {}),
    (S(["a*c", "a*d", "b*c", "b*d"]), {}),
    (S(["(1 + a)*(1 + c) - 1", "(1 + a)*d", "b*(1 + c)"]), {}),
    ("(y^2 - 2*x^2)^4 + x^9", {"absolute": True}),
    ("((x^3 - 2*y^3)^2 - 3*x^7)^2 + x^14*y", {"absolute": True, "timeout": 1e-5}),
    ("x^2 - x^3 + y^2 - 2*y*z^2 + z^4 + z^6", {}),
    ("x*y*z*(x - y)*(x + y)*(y - z)*(y + z)*(z - x)*(z + x)*(x + y + z)*(x - y - 2*z)",
     {"absolute": True, "timeout": 0.05}),
    (S(["x^2*y - z*w^2", "y^2*z - x*w^3", "x*y*z*w"]), {"timeout": 0.01}),
]  # fmt: skip

# Of a long certificate every second change is tried, or every third, and so on.
CHANGES = 60
QUESTION = ("polynomial", "variables", "at", "prior")


def plain(K: Any, options: dict[str, Any]) -> Json:
    certificate = rlct(K, **options).certificate
    assert certificate is not None
    return dict(json.loads(json.dumps(certificate.to_json())))


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check each claim of a recursion once: changes of the others leave it as it is."""
    check: Callable[[Node], None] = verify_recursion.check_claim
    passed: dict[Any, Any] = {}

    def once(node: Node) -> None:
        key = (node.rule, node.lower, node.upper, node.multiplicity, id(node.data))
        if key not in passed:
            check(node)
            # The data is kept, so that its address stays its own.
            passed[key] = node.data

    monkeypatch.setattr(verify_recursion, "check_claim", once)


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize(("K", "options"), GERMS)
def test_no_change_leads_to_another_claim(K: Any, options: dict[str, Any]) -> None:
    true = plain(K, options)
    assert verify(true)
    rejected, accepted = 0, 0
    everything = list(mutations(true))
    for path, mutated in everything[:: 1 + len(everything) // CHANGES]:
        if not verify(mutated):
            rejected += 1
            continue
        accepted += 1
        # What still passes has another witness, or notes that no check needs.
        for key in ("lower", "upper", "multiplicity"):
            assert mutated[key] == true[key], path
        assert {k: mutated["data"][k] for k in QUESTION} == {k: true["data"][k] for k in QUESTION}
    assert rejected > 2 * accepted


SYSTEMS = [
    (["x^2+y^2"], ["x"]),
    (["x^2-2"], ["x"]),
    (["x^2+x*y+y^2"], ["x", "y"]),
    (["x^2+y^2-3*x*y"], ["x", "y"]),
    (["x^3-2*y^3"], ["x", "y"]),
    (["x^2+y^2-1", "x*y-1"], ["x", "y"]),
    (["x^2+y^2-3", "x*y-1"], ["x", "y"]),
    (["x^4*y^2+x^2*y^4-3*x^2*y^2*z^2+z^6"], ["x", "y", "z"]),
    (["x^4*y^2+x^2*y^4-2*x^2*y^2*z^2+z^6"], ["x", "y", "z"]),
    (["(x^2+y^2-1)^2+(x-2)^2"], ["x"]),
    (["x^2+y^2+z^2+x+1"], []),
    (["x^4-x^2*y^2+y^4"], ["x", "y"]),
    (["x^2-y*z", "z^2-x*y"], ["x", "y", "z"]),
    (["x-y", "x+y"], ["x"]),
    (["x*y"], ["x"]),
    ([], ["x"]),
    (["y^2-x^3+x"], ["x", "y"]),
    (["x"], ["0"]),
]


@pytest.mark.parametrize(("equations", "nonzero"), SYSTEMS)
def test_no_change_of_a_witness_proves_the_opposite(
    equations: list[str], nonzero: list[str]
) -> None:
    ring = polynomial_ring(("x", "y", "z"))
    system = [read(ring, p) for p in equations]
    conditions = [read(ring, p) for p in nonzero]
    status = real_status(system, conditions)
    witness = json.loads(json.dumps(status.witness))
    for path, mutated in mutations(witness):
        try:
            answer = replay(system, conditions, mutated)
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
            continue
        assert answer == status.answer, path


# No germ here leads to these; the bounds among them have tests of their own.
WITHOUT_EXAMPLE = {
    "arc", "consequences", "empty", "line", "no pole",
    "algebraic point", "linear rank", "smaller ideal", "squeezed", "zero set",
}  # fmt: skip


def test_the_rules_of_the_checkers_are_covered() -> None:
    """Rules without an example here are named, so that a new one does not pass unseen."""
    assert verify(plain("x^2", {}))
    seen: set[str] = set()
    for K, options in GERMS:
        seen.update(rules(plain(K, options)))
    ring = polynomial_ring(("x", "y", "z"))
    for equations, nonzero in SYSTEMS:
        status = real_status([read(ring, p) for p in equations], [read(ring, p) for p in nonzero])
        seen.update(rules(dict(status.witness)))
    known = {
        *verifier.CHECKERS, *verify_recursion._RULES, *verify_simplify._STEPS, *verify_replay.RULES,
    }  # fmt: skip
    assert known - seen <= WITHOUT_EXAMPLE
