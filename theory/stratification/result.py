"""The result of `theory.strata`: the local coefficients along a zero set, with sample points."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, final

from theory.coefficient import RLCT
from theory.stratification.points import AlgebraicPoint

Value = tuple[Fraction, Fraction, int | None]
"""Lower and upper bound of lambda, and the multiplicity."""

_HEADER = ("lambda", "m", "dim", "sample point", "piece")


@final
@dataclass(frozen=True, slots=True)
class Stratum:
    """A stratum of the zero set of K with its coefficient.

    Attributes:
        value: The coefficient at the sample point, with its proof.
        point: The sample point.
        dimension: Of the stratum; 0 for a single point.
        description: Which stratum it is.
        equations: Polynomials that vanish on it.
    """

    value: RLCT
    point: AlgebraicPoint
    dimension: int
    description: str
    equations: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain data with rationals as text."""
        return {
            "value": self.value.to_json(),
            "point": self.point.to_json(),
            "approximate_point": list(self.point.floats()),
            "dimension": self.dimension,
            "description": self.description,
            "equations": list(self.equations),
        }


@final
@dataclass(frozen=True, slots=True)
class Strata:
    """The local learning coefficients along the real zero set of a potential.

    Attributes:
        potential: Text of K.
        variables: Their names.
        strata: From the deepest (least lambda, then largest multiplicity) to generic ones.
        complete: Whether every real zero of K (in the box) has the coefficient of a stratum
            which contains it.
        conditions: What the answer is restricted to, and what was not decided.
    """

    potential: str
    variables: tuple[str, ...]
    strata: tuple[Stratum, ...]
    complete: bool
    conditions: tuple[str, ...]

    def __iter__(self) -> Iterator[Stratum]:
        return iter(self.strata)

    def __len__(self) -> int:
        return len(self.strata)

    @property
    def deepest(self) -> Stratum:
        """Return the stratum of least lambda: the global coefficient if the list is complete."""
        return self.strata[0]

    @property
    def values(self) -> tuple[Value, ...]:
        """Return the distinct coefficients as (lower, upper, multiplicity), the deepest first."""
        values = ((s.value.lower, s.value.upper, s.value.multiplicity) for s in self.strata)
        return tuple(dict.fromkeys(values))

    def to_json(self) -> dict[str, Any]:
        """Return plain data with rationals as text; `theory.verify` checks every ``value``."""
        return {
            "potential": self.potential,
            "variables": list(self.variables),
            "complete": self.complete,
            "conditions": list(self.conditions),
            "strata": [stratum.to_json() for stratum in self.strata],
        }

    def __str__(self) -> str:
        """Return a table with one line per stratum, and the conditions below it."""
        rows = [_HEADER, *map(_row, self.strata)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADER))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        state = "every real zero is covered" if self.complete else "NOT complete"
        return "\n".join([*lines, "; ".join([state, *self.conditions])])


def ordered(strata: list[Stratum]) -> tuple[Stratum, ...]:
    """Return strata from the deepest to the generic ones."""
    return tuple(
        sorted(
            strata,
            key=lambda s: (
                s.value.lower,
                -(s.value.multiplicity or 0),
                s.dimension,
                s.description,
                s.point.floats(),
            ),
        )
    )


def number_text(value: RLCT) -> str:
    """Return lambda or its bounds as text."""
    return str(value.lower) if value.lower == value.upper else f"[{value.lower}, {value.upper}]"


def _row(stratum: Stratum) -> tuple[str, ...]:
    m = stratum.value.multiplicity
    return (
        number_text(stratum.value),
        "?" if m is None else str(m),
        str(stratum.dimension),
        ", ".join(
            f"{name}={coordinate}"
            for name, coordinate in zip(stratum.point.names, stratum.point.coordinates, strict=True)
        ),
        stratum.description,
    )
