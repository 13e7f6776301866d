"""Re-checks the JSON form of strata: every value is proved, for this K, at this sample point."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from theory.certificate import Node, check_numbers, from_json
from theory.checker.base import CertificateError, defect, require
from theory.checker.fields import Element, RealField, element
from theory.checker.strata import RULE
from theory.checker.verify import check
from theory.polynomials.expression import parse
from theory.polynomials.germ import ROOM

# What a malformed document raises in the code that reads it.
REFUSED = (
    ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError,
)  # fmt: skip


def check_strata(plain: Mapping[str, Any]) -> int:
    """Confirm the proof of every stratum and return how many there are.

    That the list is complete is not checked again.

    Raises:
        CertificateError: At the first stratum that fails.
    """
    try:
        check_numbers(plain)
        for stratum in plain["strata"]:
            _check_stratum(plain, stratum)
        return len(plain["strata"])
    except CertificateError:
        raise
    except REFUSED as error:
        raise CertificateError(f"malformed strata: {defect(error)}") from error


def _check_stratum(plain: Mapping[str, Any], stratum: Mapping[str, Any]) -> None:
    check(stratum["value"])
    (tree,) = (s["certificate"] for s in stratum["value"]["proof"] if "certificate" in s)
    root = from_json(tree)
    require(root.data["polynomial"] == plain["potential"], "a proof for another potential")
    require(list(root.data["variables"]) == plain["variables"], "other variables")
    point = [stratum["point"][name] for name in plain["variables"]]
    if root.rule == "polynomial":
        require(not any(Fraction(h) for h in root.data["prior"]), "a proof with a prior")
        require(
            [Fraction(x) for x in point] == [Fraction(x) for x in root.data["at"]],
            "a proof at another point",
        )
    else:
        require(root.rule == RULE, "a proof of something else")
        _check_algebraic(root, plain["variables"], point)


def _check_algebraic(root: Node, names: list[str], point: list[Any]) -> None:
    """Every coordinate in the field is the described root."""
    field = RealField(root.data["field"])
    for name, known, given in zip(names, root.data["at"], point, strict=True):
        number = field.read(known)
        if isinstance(given, str):
            require(number == element((Fraction(given),)), "a proof at another point")
            continue
        total: Element = ()
        for (power,), c in parse(given["root_of"], (name,), ROOM).terms.items():
            total = field.add(total, field.times((c,), field.power(number, power)))
        require(not total, "a coordinate is no root of its polynomial")
        lo, hi = (element((Fraction(end),)) for end in given["interval"])
        require(field.sign(field.add(number, field.minus(lo))) >= 0, "below its interval")
        require(field.sign(field.add(hi, field.minus(number))) >= 0, "above its interval")
