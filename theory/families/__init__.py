"""Families of models with an exactly known learning coefficient, by name.

``lookup("deep_linear_global", widths=(3, 3, 3), rank=1)`` is the function of the same name; use
``deep_linear_at`` itself to see the rank array next to the two coefficients.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from numpy.typing import ArrayLike

from theory.coefficient import RLCT
from theory.families.chain_program import chain_program_global as chain_program_global
from theory.families.chain_program import chain_program_local as chain_program_local
from theory.families.deep_linear import deep_linear_generic as deep_linear_generic
from theory.families.deep_linear import deep_linear_global as deep_linear_global
from theory.families.deep_linear import deep_linear_local as deep_linear_local
from theory.families.linear_point import LinearPoint as LinearPoint
from theory.families.linear_point import deep_linear_at as deep_linear_at
from theory.families.norm_product import norm_product as norm_product
from theory.families.normal_crossing import normal_crossing as normal_crossing
from theory.families.quasi_homogeneous import quasi_homogeneous as quasi_homogeneous
from theory.families.reduced_rank import reduced_rank_global as reduced_rank_global
from theory.families.reduced_rank import reduced_rank_local as reduced_rank_local
from theory.families.regular import regular as regular


def _deep_linear_at(weights: Sequence[ArrayLike], tolerance: float | None = None) -> RLCT:
    """Return the local coefficient of ``deep_linear_at``."""
    return deep_linear_at(weights, tolerance).local


FAMILIES: Final[Mapping[str, Callable[..., RLCT]]] = MappingProxyType(
    {
        "deep_linear_at": _deep_linear_at,
        "deep_linear_generic": deep_linear_generic,
        "deep_linear_global": deep_linear_global,
        "deep_linear_local": deep_linear_local,
        "norm_product": norm_product,
        "normal_crossing": normal_crossing,
        "quasi_homogeneous": quasi_homogeneous,
        "reduced_rank_global": reduced_rank_global,
        "reduced_rank_local": reduced_rank_local,
        "regular": regular,
    }
)


def lookup(name: str, /, **parameters: object) -> RLCT:
    """Return the learning coefficient of a family by its name and parameters.

    Args:
        name: a key of ``FAMILIES``.
        parameters: the parameters of the function of that name.

    Returns:
        The coefficient; for ``deep_linear_at`` the local one.

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
