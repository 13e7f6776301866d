"""Rules that build the coefficient of a model from those of its parts."""

from dataclasses import replace
from fractions import Fraction

from theory.coefficient import RLCT, Step

_SOURCE = "watanabe2009"


def direct_sum(*parts: RLCT) -> RLCT:
    """Return the coefficient of ``K_1(u) + K_2(v) + ...`` in disjoint variables.

    ``lambda = sum lambda_i`` and ``m = 1 + sum (m_i - 1)``: the Laplace integrals
    ``Z_i(t) ~ t^-lambda_i (log t)^(m_i - 1)`` multiply. Needs every ``K_i >= 0``.

    Source: Watanabe 2009; multiplying the ``Z_i`` is the direct check.

    Raises:
        ValueError: No part is given, or local and global values are mixed.
    """
    _check(parts, "sum rule")
    known = [part.multiplicity for part in parts if part.multiplicity is not None]
    return _combined(
        parts,
        "sum rule",
        "disjoint variables: lambda = " + " + ".join(_text(part) for part in parts),
        sum((part.lower for part in parts), Fraction(0)),
        sum((part.upper for part in parts), Fraction(0)),
        1 + sum(m - 1 for m in known) if len(known) == len(parts) else None,
    )


def product(*parts: RLCT) -> RLCT:
    """Return the coefficient of ``K_1(u) * K_2(v) * ...`` in disjoint variables.

    ``lambda = min lambda_i`` and ``m`` = sum of the ``m_i`` that attain it: the zeta functions
    multiply, and so do their poles.

    Source: Watanabe 2009.

    Raises:
        ValueError: No part is given, or local and global values are mixed.
    """
    _check(parts, "product rule")
    lower = min(part.lower for part in parts)
    upper = min(part.upper for part in parts)
    ties = [part.multiplicity or 0 for part in parts if part.lower == lower]
    return _combined(
        parts,
        "product rule",
        f"disjoint variables: lambda = min({', '.join(_text(part) for part in parts)})",
        lower,
        upper,
        sum(ties) if all(part.exact for part in parts) else None,
    )


def equivalent(part: RLCT, statement: str) -> RLCT:
    """Return the coefficient unchanged for an equivalent potential, with the reason in the proof.

    Two potentials share lambda and m if, after an analytic change of variables, their ratio stays
    between positive constants near the point. The statement says which two they are.
    """
    step = Step(rule="equivalence", statement=statement, source=_SOURCE, children=part.proof)
    return replace(part, proof=(step,), conditions=f"by equivalence: {statement}")


def at_deepest(part: RLCT, statement: str) -> RLCT:
    """Return the global coefficient, given the local one at the most singular point.

    ``lambda_global = min over the true set of lambda_local``; the statement says where the minimum
    is attained and why no other point is deeper.
    """
    step = Step(rule="minimum", statement=statement, source=_SOURCE, children=part.proof)
    return replace(part, proof=(step,), scope="global", conditions=statement)


def _check(parts: tuple[RLCT, ...], rule: str) -> None:
    if not parts:
        raise ValueError(f"the {rule} needs at least one part")
    if len({part.scope for part in parts}) > 1:
        raise ValueError(f"the {rule} cannot mix local and global values; give parts of one scope")


def _combined(
    parts: tuple[RLCT, ...],
    rule: str,
    statement: str,
    lower: Fraction,
    upper: Fraction,
    multiplicity: int | None,
) -> RLCT:
    children = tuple(step for part in parts for step in part.proof)
    return RLCT(
        lower=lower,
        upper=upper,
        multiplicity=multiplicity,
        scope=parts[0].scope,
        method=rule,
        proof=(Step(rule=rule, statement=statement, source=_SOURCE, children=children),),
        source="; ".join(dict.fromkeys(part.source for part in parts)),
        conditions="; ".join(dict.fromkeys(part.conditions for part in parts)),
        multiplicity_provisional=any(part.multiplicity_provisional for part in parts),
    )


def _text(part: RLCT) -> str:
    return str(part.lower) if part.lower == part.upper else f"[{part.lower}, {part.upper}]"
