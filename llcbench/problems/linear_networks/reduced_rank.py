"""Problems ``rrr/*``: reduced-rank regression, two layers with both truths in closed form."""

from llcbench.checks import check_size
from llcbench.problems.family import MOST_DENSE, Family, ranks_of, widths_of
from llcbench.problems.linear_networks.linear_model import linear_problem
from llcbench.problems.linear_networks.points import generator_of, two_layers
from llcbench.problems.squared.regression import Regression
from llcbench.types import Truth
from theory.families.reduced_rank import reduced_rank_global, reduced_rank_local

NAMED = (
    "rrr/1-1-1/r0",
    "rrr/2-2-2/r1",
    "rrr/3-3-3/r1",
    "rrr/5-3-5/r2",
    "rrr/5-4-5/r1",
    "rrr/10-8-10/r3",
    "rrr/3-3-3/r1-3-1",
    "rrr/4-4-4/r2-4-2",
    "rrr/5-5-3/r1-3-1",
)


def build(identifier: str) -> Regression:
    """Return the problem of an id such as ``rrr/5-3-5/r2`` or ``rrr/4-4-4/r2-4-2``.

    Widths are inputs, hidden, outputs. One rank puts the point where both factors have it, the most
    singular one; three are the ranks of the product, the first and the second factor.

    Raises:
        ValueError: If the id is malformed or a rank is not admissible.
    """
    widths, ranks = _parts(identifier)
    inputs, hidden, outputs = widths
    # The frame of the hidden layer is square.
    check_size(identifier, "numbers", size(identifier) + hidden**2, MOST_DENSE)
    rank, first, second = ranks if len(ranks) == 3 else ranks * 3
    shape = {"inputs": inputs, "hidden": hidden, "outputs": outputs, "rank": rank}
    local = reduced_rank_local(**shape, rank_first=first, rank_second=second)
    weights = two_layers((inputs, hidden, outputs), rank, first, second, generator_of(identifier))
    deepest = first == second == rank
    return linear_problem(
        identifier,
        weights,
        lambda: Truth(local, reduced_rank_global(**shape)),
        "The fibre is a union of strata; directions of higher order are felt late."
        if deepest
        else "The local value differs from the published global formula at this point.",
        frozenset({"linear-network", "reduced-rank"}),
    )


def size(identifier: str) -> int:
    """Return the number of parameters of an id.

    Raises:
        ValueError: If the id is malformed.
    """
    inputs, hidden, outputs = _parts(identifier)[0]
    return hidden * (inputs + outputs)


def _parts(identifier: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    parts = identifier.split("/")
    if len(parts) != 3:
        raise ValueError(f"{identifier!r} is not of the form rrr/<in>-<hidden>-<out>/r<rank>")
    widths = widths_of(parts[1], identifier)
    ranks = ranks_of(parts[2], identifier)
    if len(widths) != 3 or len(ranks) not in (1, 3):
        raise ValueError(f"{identifier!r} needs three widths and one or three ranks (r2, r2-4-2)")
    return widths, ranks


family = Family("rrr", NAMED, build, "rrr/<in>-<hidden>-<out>/r<rank>[-<first>-<second>]", size)
