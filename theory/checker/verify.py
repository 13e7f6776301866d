"""Re-checks certificates with code that is separate from the solver's."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from theory.certificate import Node, check_numbers, from_json
from theory.checker import bounds, germs, plane, recursion, strata
from theory.checker.base import CertificateError, defect
from theory.coefficient import RLCT

# Checker of each rule.
CHECKERS = germs.RULES | bounds.RULES | plane.RULES | recursion.RULES | strata.RULES
# Rules whose checker also checks everything below the node.
OPAQUE = frozenset({"recursion"})


def verify(certificate: Node | RLCT | Mapping[str, Any]) -> bool:
    """Return whether a certificate proves its claim.

    Args:
        certificate: A tree, its JSON form, a result that carries one, or that result's JSON form.
    """
    try:
        check(certificate)
    except CertificateError:
        return False
    return True


def check(certificate: Node | RLCT | Mapping[str, Any]) -> None:
    """Confirm every rule of a certificate.

    Raises:
        CertificateError: At the first rule that fails; the message says where and why.
    """
    try:
        _check(_tree(certificate), "root")
    except CertificateError:
        raise
    # A damaged certificate may fail anywhere in a checker; none of that is a proof.
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
        RecursionError,
        StopIteration,
    ) as error:
        raise CertificateError(f"malformed certificate: {defect(error)}") from error


def _check(node: Node, path: str) -> None:
    checker = CHECKERS.get(node.rule)
    if checker is None:
        raise CertificateError(f"{path}: no checker for rule {node.rule!r}")
    try:
        checker(node)
    except CertificateError as error:
        raise CertificateError(f"{path} ({node.rule}): {error}") from None
    if node.rule not in OPAQUE:
        for position, child in enumerate(node.children):
            _check(child, f"{path}.{position}")


def _tree(certificate: Node | RLCT | Mapping[str, Any]) -> Node:
    if isinstance(certificate, Node):
        return certificate
    if isinstance(certificate, RLCT):
        if certificate.certificate is None:
            raise CertificateError("the result carries no certificate")
        _match(certificate.to_json(), certificate.certificate)
        return certificate.certificate
    check_numbers(certificate)
    if "rule" in certificate and "data" in certificate:
        return from_json(certificate)
    carried = [step["certificate"] for step in certificate["proof"] if "certificate" in step]
    if not carried:
        raise CertificateError("the result carries no certificate")
    tree = from_json(carried[0])
    _match(certificate, tree)
    return tree


def _match(result: Mapping[str, Any], tree: Node) -> None:
    claim = (Fraction(result["lower"]), Fraction(result["upper"]), result["multiplicity"])
    if claim != (tree.lower, tree.upper, tree.multiplicity):
        raise CertificateError("the certificate makes another claim than the result")
