"""Problems with finite mixtures: redundant components that merge or die."""

from fractions import Fraction

import numpy as np

from llcbench.problems.models.assemble import at_point, check_size, model_problem
from llcbench.problems.models.likelihood import Likelihood
from llcbench.problems.models.mixture_densities import (
    BinomialMixture,
    NormalMixture,
    PartlyKnown,
)
from theory.coefficient import RLCT
from theory.combine import direct_sum, equivalent
from theory.families import (
    mixture_common_variance,
    mixture_one_known,
    quasi_homogeneous,
    regular,
    simplex_mixture,
)

_OPEN = "weights are positive by softmax: at every true parameter redundant components have merged"


def merged(true: int, components: int, dim: int) -> RLCT:
    """Return the coefficient where redundant components of positive weight have merged.

    Total weights and means near the true components are regular; the distances are felt through
    second moments with positive weights, of the size of ``|b|^4``.
    """
    head = at_point(regular(dim=true - 1 + true * dim))
    if components == true:
        return head
    rest = quasi_homogeneous((1,) * ((components - true) * dim), 4)
    return equivalent(
        direct_sum(head, rest),
        "weights and means of the clusters, and second moments inside them: K ~ |m|^2 + |b|^4",
    )


def _mixture(identifier: str, true: int, components: int, dim: int = 1) -> Likelihood:
    check_size(identifier, components, true, 4)
    model = NormalMixture(true, components, dim)
    return model_problem(
        identifier, model, lambda: merged(true, components, dim), _OPEN,
        f"p(x) = sum_k softmax(c)_k N(x; mu_k, I), {components} components in R^{dim}, {true} true",
        "Redundant components share a true one: weights are free, distances are quartic.",
        point=model.point(),
    )  # fmt: skip


def _spare(identifier: str, true: int, components: int, dim: int = 1) -> Likelihood:
    check_size(identifier, components, true + 1, 4)
    model = NormalMixture(true, components, dim, spare=True)
    return model_problem(
        identifier, model,
        lambda: equivalent(
            simplex_mixture(true, components, dim, Fraction(1, 2)),
            "a redundant weight is t^2 up to a unit; a flat prior of t is the prior a^(-1/2) of a"
            " weight a, a Dirichlet(1/2) distribution near the face of the simplex",
        ),
        "attained where redundant components have weight zero and sit on a true one",
        f"as a mixture of {components} normals in R^{dim}, {true} true, redundant weights ~ t^2",
        "Components can die or merge: two flat directions whose product is felt.",
        point=model.point(),
    )  # fmt: skip


def _variance(identifier: str, true: int, components: int) -> Likelihood:
    check_size(identifier, components, true, 4)
    coefficient = mixture_common_variance(components, true)
    if not coefficient.exact:
        raise ValueError(
            f"{identifier!r}: only bounds are known; take {components} < 2 * {true} components"
        )
    model = NormalMixture(true, components, 1, learned_variance=True)
    return model_problem(
        identifier, model, lambda: mixture_common_variance(components, true),
        "attained at generic positive weights, as here: redundant components have merged",
        f"p(x) = sum_k softmax(c)_k N(x; mu_k, s^2), {components} components, {true} true",
        "The common variance hides the second moment of a cluster: higher cumulants decide.",
        point=model.point(),
    )  # fmt: skip


def _known(identifier: str, dim: int) -> Likelihood:
    check_size(identifier, dim, 1, 2)
    return model_problem(
        identifier, PartlyKnown(dim),
        lambda: equivalent(
            mixture_one_known(dim),
            "a = |t|/(1+|t|) makes two mirror images of the half-line a >= 0, each with a positive"
            " continuous density: K ~ t^2 |b|^2",
        ),
        "attained where weight and centre vanish",
        f"p(x) = (1 - a) N(x; 0, I) + a N(x; b, I) in R^{dim}, a = |t|/(1 + |t|), truth N(0, I)",
        "Either the weight or the centre vanishes; the population loss is twice differentiable at"
        " t = 0, the loss on data has a kink there.",
    )  # fmt: skip


def _binomial(identifier: str, trials: int, true: int, components: int) -> Likelihood:
    check_size(identifier, components, true, 4)
    needed = max(components + true - 1, 3 * true - 1)
    if trials < needed:
        raise ValueError(
            f"{identifier!r}: {trials} trials do not identify the components; take {needed} or more"
        )
    model = BinomialMixture(trials, true, components)
    return model_problem(
        identifier, model, lambda: merged(true, components, 1), _OPEN,
        f"p(x) = sum_k softmax(c)_k Bin(x; {trials}, q_k), {components} components, {true} true",
        "A discrete mixture with an exact finite loss; distances of merged parts are quartic.",
        point=np.asarray(model.point()),
    )  # fmt: skip


MAKERS = {
    r"mixture-(\d+)-(\d+)(?:x(\d+))?": _mixture,
    r"spare-(\d+)-(\d+)(?:x(\d+))?": _spare,
    r"variance-(\d+)-(\d+)": _variance,
    r"known-(\d+)": _known,
    r"binomial-(\d+)-(\d+)-(\d+)": _binomial,
}
NAMED = (
    "mixture-1-2",
    "mixture-2-2",
    "mixture-2-3",
    "mixture-1-2x2",
    "spare-1-2",
    "spare-2-3",
    "spare-1-2x2",
    "variance-1-2",
    "variance-2-3",
    "known-1",
    "known-2",
    "binomial-4-1-2",
    "binomial-6-2-3",
)
