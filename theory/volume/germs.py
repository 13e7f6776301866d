"""A list of germs in a file, and the check of every one against its volumes."""

import time
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any, final

from theory.coefficient import RLCT
from theory.polynomials.expression import Polynomial, parse
from theory.polynomials.grammar import read
from theory.polynomials.trees import names
from theory.solver.solve import rlct
from theory.volume.fit import LEVELS, VolumeFit, judge
from theory.volume.slices import FactoredPotential
from theory.volume.strata import Volumes, volumes


@final
@dataclass(frozen=True)
class ListedGerm:
    """A germ as its file states it.

    Attributes:
        factors: Generators as text with the power of each ideal.
        axis: The variable along which sets are measured.
        at: Coordinates of the point, 0 if missing.
        prior: Exponents of the density, 0 if missing.

    Raises:
        ValueError: If K would be no polynomial, or ``axis`` does not occur in it.
    """

    factors: tuple[tuple[tuple[str, ...], int], ...]
    axis: str
    at: Mapping[str, int]
    prior: Mapping[str, int]

    def __post_init__(self) -> None:
        """Reject what is no polynomial, and lines along a variable that does not occur."""
        for generators, power in self.factors:
            if power < 1 or (len(generators) > 1 and power % 2):
                raise ValueError(
                    f"power of {list(generators)} must be positive, and even for several"
                    f" generators, got {power}"
                )
        if self.axis not in self.variables:
            raise ValueError(
                f"slice must be a variable of K ({', '.join(self.variables)}), got {self.axis!r}"
            )

    @property
    def text(self) -> str:
        """Return K as text that the solver reads."""
        return "*".join(_factor(generators, power) for generators, power in self.factors)

    @property
    def variables(self) -> tuple[str, ...]:
        """Return the names in the order of their first occurrence."""
        used = (name for gens, _ in self.factors for g in gens for name in names(read(g)))
        return tuple(dict.fromkeys(used))

    def claim(self) -> RLCT:
        """Return what the solver says; a K that changes its sign is taken as ``|K|``."""
        return rlct(self.text, at=self.at, prior=self.prior, absolute=True)

    def potential(self) -> FactoredPotential:
        """Return K in coordinates that vanish at the point."""
        variables = self.variables
        here = [parse(f"{name} + ({self.at.get(name, 0)})", variables) for name in variables]
        return FactoredPotential(
            tuple(
                (tuple(_image(parse(g, variables), here) for g in generators), Fraction(power))
                for generators, power in self.factors
            ),
            variables.index(self.axis),
        )

    def volumes(self, seed: int = 0, points: int = 1 << 14) -> Volumes:
        """Return volumes at the levels of the rule."""
        prior = [float(self.prior.get(name, 0)) for name in self.variables]
        return volumes(self.potential(), prior, LEVELS, points=points, seed=seed)


@final
@dataclass(frozen=True)
class VolumeCheck:
    """One line of the table of results; all fields are text.

    ``shifted`` and ``other_order`` count the wrong claims of each kind that the rule rejects, out
    of those tried: lambda plus and minus 1/24, multiplicity plus and minus one.
    """

    germ: str
    at: str
    prior: str
    value: str
    multiplicity: str
    lambda_hat: str
    error: str
    m_hat: str
    agrees: str
    shifted: str
    other_order: str
    seconds: str

    @classmethod
    def header(cls) -> list[str]:
        """Return the names of the columns."""
        return [field.name for field in fields(cls)]

    def cells(self) -> list[str]:
        """Return the columns in their order."""
        return list(asdict(self).values())


def load(path: Path) -> list[ListedGerm]:
    """Read a list of germs.

    Raises:
        ValueError: If an entry lacks a field, has an unknown one, or is no germ.
    """
    result = []
    for entry in tomllib.loads(path.read_text())["germ"]:
        unknown = set(entry) - {"factors", "slice", "at", "prior"}
        if unknown or not {"factors", "slice"} <= set(entry):
            raise ValueError(
                f"a germ has factors and slice, and may have at and prior; got {sorted(entry)}"
            )
        factors = tuple((tuple(generators), power) for generators, power in entry["factors"])
        result.append(
            ListedGerm(factors, entry["slice"], entry.get("at", {}), entry.get("prior", {}))
        )
    return result


def check(germ: ListedGerm, seed: int = 0) -> VolumeCheck:
    """Compare the solver with volumes, for the true claim and for wrong ones.

    Raises:
        ValueError: If the solver has only bounds for this germ.
    """
    claim = germ.claim()
    order = claim.multiplicity
    if order is None:
        raise ValueError(f"multiplicity of {germ.text} must be known to be checked, got {claim}")
    start = time.perf_counter()
    volumes = germ.volumes(seed)
    seconds = time.perf_counter() - start
    verdict = judge(volumes, float(claim.value), order)
    step = Fraction(1, 24)
    shifted = [judge(volumes, float(v), order) for v in (claim.value + step, claim.value - step)]
    others = [judge(volumes, float(claim.value), m) for m in (order + 1, order - 1) if m]
    return VolumeCheck(
        germ.text,
        _show(germ.at),
        _show(germ.prior),
        str(claim.value),
        str(order),
        f"{verdict.value:.4f}",
        f"{verdict.error:.4f}",
        str(verdict.multiplicity),
        "yes" if verdict.agrees else "no",
        _rejected(shifted),
        _rejected(others),
        f"{seconds:.1f}",
    )


def _rejected(verdicts: list[VolumeFit]) -> str:
    return f"{sum(not v.agrees for v in verdicts)}/{len(verdicts)}"


def _show(values: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())


def _factor(generators: tuple[str, ...], power: int) -> str:
    if len(generators) == 1:
        return f"({generators[0]})^{power}"
    squares = " + ".join(f"({g})^2" for g in generators)
    return f"({squares})^{power // 2}" if power > 2 else f"({squares})"


def _image(p: Polynomial, images: list[Polynomial]) -> Polynomial:
    total = Polynomial(p.variables, {})
    for exponents, c in p.terms.items():
        term = Polynomial(p.variables, {(0,) * len(images): c})
        for q, k in zip(images, exponents, strict=True):
            term = term * q**k
        total = total + term
    return total
