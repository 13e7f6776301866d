"""Every entry of many certificates is changed: no change leads to another accepted claim."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from mutation_examples import GERMS, SYSTEMS, proofs
from mutations import mutations, rules

from theory import rlct, verify
from theory.algebra.ring import polynomial_ring, read
from theory.certificate import Node
from theory.checker import recursion as verify_recursion
from theory.checker import simplifications as verify_simplify
from theory.checker import verify as verifier
from theory.checker import zeros as verify_zeros
from theory.checker.zeros import replay
from theory.solver.zeros.oracle import real_status

Json = dict[str, Any]
PROOFS = proofs()

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


@pytest.mark.parametrize("rule", sorted(PROOFS))
def test_no_change_of_a_proof_without_an_expression(rule: str) -> None:
    true = dict(json.loads(json.dumps(PROOFS[rule].to_json())))
    assert rule in set(rules(true))
    assert verify(true)
    rejected, accepted = 0, 0
    # A proof about another germ may be right.
    everything = [
        (path, mutated)
        for path, mutated in mutations(true)
        if all(mutated["data"].get(k) == true["data"].get(k) for k in ("germ", "polynomial", "at"))
    ]
    for path, mutated in everything[:: 1 + len(everything) // CHANGES]:
        if not verify(mutated):
            rejected += 1
            continue
        accepted += 1
        claims = ("lower", "upper", "multiplicity")
        assert [mutated[key] for key in claims] == [true[key] for key in claims], path
    assert rejected > accepted


@pytest.mark.parametrize(("equations", "nonzero"), SYSTEMS)
def test_no_change_of_a_witness_proves_the_opposite(
    equations: list[str], nonzero: list[str]
) -> None:
    ring = polynomial_ring(("x", "y", "z"))
    system = [read(ring, p) for p in equations]
    conditions = [read(ring, p) for p in nonzero]
    status = real_status(system, conditions)
    witness = json.loads(json.dumps(status.witness))
    assert replay(system, conditions, witness) == status.answer
    for path, mutated in mutations(witness):
        try:
            answer = replay(system, conditions, mutated)
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
            continue
        assert answer == status.answer, path


def test_the_rules_of_the_checkers_are_covered() -> None:
    """Every rule has an example here, so that a new one does not pass unseen."""
    seen: set[str] = set()
    for K, options in GERMS:
        seen.update(rules(plain(K, options)))
    for node in PROOFS.values():
        seen.update(rules(json.loads(json.dumps(node.to_json()))))
    ring = polynomial_ring(("x", "y", "z"))
    for equations, nonzero in SYSTEMS:
        status = real_status([read(ring, p) for p in equations], [read(ring, p) for p in nonzero])
        seen.update(rules(dict(status.witness)))
    known = {
        *verifier.CHECKERS,
        *verify_recursion.CLAIM_RULES,
        *verify_simplify._STEPS,
        *verify_zeros.RULES,
    }
    assert seen == known
