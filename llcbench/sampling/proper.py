"""Proofs that a density has a finite integral without any localisation."""

from collections.abc import Mapping, Sequence
from typing import Any

from llcbench.sampling.loss_abilities import squared_form
from llcbench.types import DiagonalForm, GeneratorForm, LayerForm, Problem

Terms = Mapping[tuple[int, ...], Any]


def is_proper(problem: Problem) -> bool:
    """Return whether ``exp(-nbeta L(w))`` is proved to have a finite integral for every nbeta.

    ``L`` is a regression ``y = M(w) x + noise`` with squared loss, so that ``L >= a |M(w)|^2 - b``
    with ``a > 0``: in population, and almost surely for as many samples as inputs. It remains to
    bound the integral of ``exp(-c |M(w)|^2)``: for an injective linear map it is Gaussian, and for
    polynomials see `_triangular`. False where no proof is known: the zeros of most losses are not
    bounded.
    """
    form = squared_form(problem)
    if form is None or not form.variance > 0 or form.map is None:
        return False
    if problem.num_data is not None and problem.num_data < form.inputs:
        return False
    match form.map:
        case DiagonalForm(scales):
            return all(scale != 0 for scale in scales)
        case LayerForm(widths):
            return len(widths) == 2
        case GeneratorForm(generators):
            return _triangular(generators, problem.dim)


def _triangular(generators: Sequence[Terms], dim: int) -> bool:
    """Return whether every variable has a generator of its own, ``a w_i^k + h(earlier ones)``.

    Then ``exp(-c sum_i (a_i w_i^(k_i) + h_i)^2)`` has a finite integral: over the last variable it
    is bounded whatever h is, and so on down.
    """
    known: set[int] = set()
    unused = list(generators)
    while len(known) < dim:
        found = next(
            ((g, i) for g in unused if (i := _solved(g, known)) is not None),
            None,
        )
        if found is None:
            return False
        unused.remove(found[0])
        known.add(found[1])
    return True


def _solved(terms: Terms, known: set[int]) -> int | None:
    """Return the only variable of a generator that is not known, if it is alone in one term."""
    within = [{i for i, power in enumerate(term) if power} - known for term in terms]
    new = [variables for variables in within if variables]
    if len(new) != 1 or len(new[0]) != 1:
        return None
    (variable,) = new[0]
    term = next(t for t, variables in zip(terms, within, strict=True) if variables)
    alone = all(not power or i == variable for i, power in enumerate(term))
    return variable if alone and float(terms[term]) != 0 else None
