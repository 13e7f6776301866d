"""Splits a germ into factors, or summands, in disjoint variables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import final

from theory.polynomials.expression import Polynomial
from theory.polynomials.germ import Factor, Germ


@final
@dataclass(frozen=True)
class IndependentFactors:
    """``K = product of the germs times units``, the germs in disjoint variables.

    Attributes:
        germs: Germs without common variables; a variable of none of them does not occur in K.
        units: Factors that do not vanish at the origin, in the variables of the whole germ.
    """

    germs: tuple[Germ, ...]
    units: tuple[Factor, ...]


def independent_factors(germ: Germ) -> IndependentFactors:
    """Take out monomials and units, then group the factors by common variables."""
    monomial = list(germ.monomial)
    factors: list[Factor] = []
    units: list[Factor] = []
    for factor in germ.factors:
        generators = [g for g in factor.generators if g.terms]
        shared = [
            min(e[i] for g in generators for e in g.terms) for i in range(len(germ.variables))
        ]
        for i, power in enumerate(shared):
            monomial[i] += factor.exponent * power
        stripped = Factor(tuple(_strip(g, shared) for g in generators), factor.exponent)
        origin = (0,) * len(germ.variables)
        is_unit = any(origin in g.terms for g in stripped.generators)
        (units if is_unit else factors).append(stripped)
    groups = _components([_used(factor.generators) for factor in factors])
    germs = [
        _restricted(germ, sorted(used), [factors[k] for k in members], monomial)
        for used, members in groups
    ]
    taken = {i for used, _ in groups for i in used}
    free = [i for i, n in enumerate(monomial) if n and i not in taken]
    if free:
        germs.append(_restricted(germ, free, [], monomial))
    constant = [u for u in units if any(any(e) for g in u.generators for e in g.terms)]
    return IndependentFactors(tuple(germs), tuple(constant))


def summands(germ: Germ) -> tuple[Germ, ...]:
    """Split ``|J|^c`` into germs in disjoint variables whose sum it is, up to a constant factor.

    A single polynomial is split into the sums of its terms; that is a sum of ``|f_i|^c`` only if
    every ``f_i`` is nonnegative, which the caller must prove.
    """
    if len(germ.factors) != 1 or any(germ.monomial):
        return (germ,)
    (factor,) = germ.factors
    if len(factor.generators) == 1:
        whole = factor.generators[0]
        blocks = [Polynomial(whole.variables, {e: c}) for e, c in whole.terms.items()]
    else:
        blocks = list(factor.generators)
    groups = _components([_used([block]) for block in blocks])
    germs = []
    for used, members in groups:
        parts = [blocks[k] for k in members]
        if len(factor.generators) == 1:
            parts = [_total(parts)]
        germs.append(
            _restricted(germ, sorted(used), [Factor(tuple(parts), factor.exponent)], germ.monomial)
        )
    return tuple(germs)


def _components(sets: Sequence[frozenset[int]]) -> list[tuple[frozenset[int], list[int]]]:
    """Group indices of sets that are linked by common elements, in order of first member."""
    groups: list[tuple[frozenset[int], list[int]]] = []
    for index, used in enumerate(sets):
        apart = [g for g in groups if not g[0] & used]
        linked = [g for g in groups if g[0] & used]
        union = used.union(*(g[0] for g in linked))
        groups = [*apart, (union, sorted([k for g in linked for k in g[1]] + [index]))]
    return sorted(groups, key=lambda group: group[1])


def _restricted(
    germ: Germ, kept: Sequence[int], factors: Iterable[Factor], monomial: Sequence[Fraction]
) -> Germ:
    """Return the germ of some factors in the variables that they use."""
    names = tuple(germ.variables[i] for i in kept)
    moved = tuple(
        Factor(tuple(_project(g, kept, names) for g in factor.generators), factor.exponent)
        for factor in factors
    )
    return Germ(
        names, moved, tuple(monomial[i] for i in kept), tuple(germ.density[i] for i in kept)
    )


def _project(g: Polynomial, kept: Sequence[int], names: tuple[str, ...]) -> Polynomial:
    return Polynomial(names, {tuple(e[i] for i in kept): c for e, c in g.terms.items()})


def _strip(g: Polynomial, shared: Sequence[int]) -> Polynomial:
    terms = {tuple(a - b for a, b in zip(e, shared, strict=True)): c for e, c in g.terms.items()}
    return Polynomial(g.variables, terms)


def _used(generators: Iterable[Polynomial]) -> frozenset[int]:
    return frozenset(i for g in generators for e in g.terms for i, power in enumerate(e) if power)


def _total(parts: Sequence[Polynomial]) -> Polynomial:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
