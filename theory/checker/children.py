"""The germ that a child of a node makes its claim about."""

from theory.certificate import Node
from theory.checker.base import germ_of, require
from theory.checker.states import read_state, state_of
from theory.polynomials.germ import Germ

# Rules whose checkers read the germ of their own node, in one form or the other. A germ in the
# data of any other node is not looked at there, so it says nothing.
GERM_RULES = frozenset(
    {
        "best bounds",
        "independent factors",
        "independent summands",
        "linear rank",
        "monomial germ",
        "order bound",
        "plane",
        "smaller ideal",
        "squeezed",
        "zero set",
    }
)
STATE_RULES = frozenset({"arrangement", "portfolio", "recursion"})


def germ_below(child: Node) -> Germ:
    """Return the germ that a child states as a germ.

    Raises:
        CertificateError: If its rule makes no claim about one.
    """
    require(child.rule in GERM_RULES, f"{child.rule!r} makes no claim about a germ")
    return germ_of(child)


def check_same_germ(child: Node, germ: Germ) -> None:
    """Reject a child that bounds another germ.

    Raises:
        CertificateError: If it does.
    """
    if child.rule in STATE_RULES:
        stated = read_state(child.data["germ"])
        require(stated.same_as(state_of(germ)), "bounds of another germ")
    else:
        require(germ_below(child) == germ, "bounds of another germ")
