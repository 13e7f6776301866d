"""Families of models with a known learning coefficient, by name.

``lookup("deep_linear_global", widths=(3, 3, 3), rank=1)`` is the function of the same name.
``lookup("deep_linear_at", weights=...)`` returns a ``LinearPoint``, which answers the questions of
an ``RLCT`` and also holds the ranks that it saw.
"""

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final, Literal, overload

from theory.coefficient import RLCT
from theory.families.boltzmann import rbm_one_hidden as rbm_one_hidden
from theory.families.chain_program import chain_program_global as chain_program_global
from theory.families.chain_program import chain_program_local as chain_program_local
from theory.families.common_roots import (
    linear_convolution_common_roots as linear_convolution_common_roots,
)
from theory.families.convolution import circular_convolution as circular_convolution
from theory.families.convolution import linear_convolution_zero as linear_convolution_zero
from theory.families.deep_linear import deep_linear_generic as deep_linear_generic
from theory.families.deep_linear import deep_linear_global as deep_linear_global
from theory.families.deep_linear import deep_linear_local as deep_linear_local
from theory.families.determinantal import gram_determinant as gram_determinant
from theory.families.determinantal import minors as minors
from theory.families.diagonal import diagonal_linear as diagonal_linear
from theory.families.diagonal import diagonal_tied as diagonal_tied
from theory.families.factorisation import phase_retrieval as phase_retrieval
from theory.families.factorisation import softmax_linear as softmax_linear
from theory.families.factorisation import symmetric_factorisation as symmetric_factorisation
from theory.families.latent_trees import naive_bayes as naive_bayes
from theory.families.latent_trees import one_factor as one_factor
from theory.families.latent_trees import quartet_tree as quartet_tree
from theory.families.latent_trees import star_tree as star_tree
from theory.families.linear_point import LinearPoint as LinearPoint
from theory.families.linear_point import deep_linear_at as deep_linear_at
from theory.families.mixtures import mixture_common_variance as mixture_common_variance
from theory.families.mixtures import mixture_one_known as mixture_one_known
from theory.families.mixtures import simplex_mixture as simplex_mixture
from theory.families.monomial_ideal import monomial_ideal as monomial_ideal
from theory.families.names import CoefficientName
from theory.families.nonnegative import lda as lda
from theory.families.nonnegative import nmf_bound as nmf_bound
from theory.families.nonnegative import nmf_positive as nmf_positive
from theory.families.nonnegative import nmf_zero as nmf_zero
from theory.families.norm_product import norm_product as norm_product
from theory.families.normal_crossing import normal_crossing as normal_crossing
from theory.families.quasi_homogeneous import quasi_homogeneous as quasi_homogeneous
from theory.families.reduced_rank import reduced_rank_global as reduced_rank_global
from theory.families.reduced_rank import reduced_rank_local as reduced_rank_local
from theory.families.regular import regular as regular
from theory.families.shallow_networks import one_hidden_unit as one_hidden_unit
from theory.families.shallow_networks import quadratic_network as quadratic_network
from theory.families.shallow_networks import relu_identifiable as relu_identifiable
from theory.families.shallow_networks import vandermonde as vandermonde
from theory.families.singularities import ade_squared as ade_squared
from theory.families.singularities import braid_squared as braid_squared
from theory.families.singularities import lines_squared as lines_squared
from theory.families.superposition import tms_kgon as tms_kgon
from theory.families.tensors import identifiable_cp as identifiable_cp
from theory.families.tensors import rank_one_tensor as rank_one_tensor

FAMILIES: Final[Mapping[str, Callable[..., RLCT | LinearPoint]]] = MappingProxyType(
    {
        "ade_squared": ade_squared,
        "braid_squared": braid_squared,
        "circular_convolution": circular_convolution,
        "deep_linear_at": deep_linear_at,
        "deep_linear_generic": deep_linear_generic,
        "deep_linear_global": deep_linear_global,
        "deep_linear_local": deep_linear_local,
        "diagonal_linear": diagonal_linear,
        "diagonal_tied": diagonal_tied,
        "gram_determinant": gram_determinant,
        "identifiable_cp": identifiable_cp,
        "lda": lda,
        "linear_convolution_common_roots": linear_convolution_common_roots,
        "linear_convolution_zero": linear_convolution_zero,
        "lines_squared": lines_squared,
        "minors": minors,
        "mixture_common_variance": mixture_common_variance,
        "mixture_one_known": mixture_one_known,
        "monomial_ideal": monomial_ideal,
        "naive_bayes": naive_bayes,
        "nmf_bound": nmf_bound,
        "nmf_positive": nmf_positive,
        "nmf_zero": nmf_zero,
        "norm_product": norm_product,
        "normal_crossing": normal_crossing,
        "one_factor": one_factor,
        "one_hidden_unit": one_hidden_unit,
        "phase_retrieval": phase_retrieval,
        "quadratic_network": quadratic_network,
        "quartet_tree": quartet_tree,
        "quasi_homogeneous": quasi_homogeneous,
        "rank_one_tensor": rank_one_tensor,
        "rbm_one_hidden": rbm_one_hidden,
        "reduced_rank_global": reduced_rank_global,
        "reduced_rank_local": reduced_rank_local,
        "regular": regular,
        "relu_identifiable": relu_identifiable,
        "simplex_mixture": simplex_mixture,
        "softmax_linear": softmax_linear,
        "star_tree": star_tree,
        "symmetric_factorisation": symmetric_factorisation,
        "tms_kgon": tms_kgon,
        "vandermonde": vandermonde,
    }
)


@overload
def lookup(name: Literal["deep_linear_at"], /, **parameters: object) -> LinearPoint: ...


@overload
def lookup(name: CoefficientName, /, **parameters: object) -> RLCT: ...


@overload
def lookup(name: str, /, **parameters: object) -> RLCT | LinearPoint: ...


def lookup(name: str, /, **parameters: object) -> RLCT | LinearPoint:
    """Return the learning coefficient of a family by its name and parameters.

    Args:
        name: a key of ``FAMILIES``.
        parameters: the parameters of the function of that name.

    Returns:
        The coefficient; for ``deep_linear_at`` the ``LinearPoint``, which forwards the local one.

    Raises:
        ValueError: an unknown family (the message names the nearest), a missing or unknown
            parameter (it names the allowed ones), or an inadmissible value.
    """
    if name not in FAMILIES:
        near = get_close_matches(str(name), FAMILIES, n=1, cutoff=0.0)
        raise ValueError(
            f"unknown family {name!r}; did you mean {near[0]!r}? Known: {', '.join(FAMILIES)}"
        )
    family = FAMILIES[name]
    allowed = inspect.signature(family).parameters
    required = [key for key, p in allowed.items() if p.default is inspect.Parameter.empty]
    for kind, keys in (
        ("unknown", [key for key in parameters if key not in allowed]),
        ("missing", [key for key in required if key not in parameters]),
    ):
        if keys:
            raise ValueError(
                f"{kind} parameter {keys[0]!r} of family {name!r};"
                f" its parameters are {', '.join(allowed)}"
            )
    return family(**parameters)
