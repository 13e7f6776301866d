"""The standard singular models: tanh networks, two equal normals, hidden coin, one factor."""

from llcbench.problems.models.assemble import at_point, check_size, model_problem
from llcbench.problems.models.densities import NaiveBayes, NormalPair, OneFactor, Tanh
from llcbench.problems.models.likelihood import Likelihood
from theory.coefficient import RLCT
from theory.combine import direct_sum, equivalent
from theory.families import monomial_ideal, quasi_homogeneous, regular, vandermonde


def _tanh(identifier: str, units: int, outputs: int = 1) -> Likelihood:
    check_size(identifier, units * (1 + outputs), 0, 1_000_000)

    def local() -> RLCT:
        coefficient = vandermonde(outputs=outputs, units=units, q=2)
        return equivalent(
            at_point(coefficient),
            "tanh is odd with all odd coefficients: the ideal of its Taylor sums",
        )

    return model_problem(
        identifier,
        Tanh(units, outputs),
        local,
        "attained at the origin: scaling (a, b) carries every true parameter towards it",
        f"y = sum_k b_k tanh(a_k x) + N(0, I), {units} units, {outputs} outputs, truth 0",
        "Redundant units: the loss is flat of high order and bounded, so steps must not be large.",
    )


def _normal_pair(identifier: str) -> Likelihood:
    return model_problem(
        identifier,
        NormalPair(),
        lambda: equivalent(
            at_point(quasi_homogeneous(weights=(2, 1), degree=4)),
            "the moments give the ideal (u + v, u v): K ~ (u + v)^2 + (u - v)^4",
        ),
        "the origin is the only true parameter",
        "p(x) = N(x; u, 1)/2 + N(x; v, 1)/2, truth N(0, 1)",
        "Two equal components: their mean is seen at once, their distance only in fourth order.",
    )


def _pairs(size: int, statement: str) -> RLCT:
    """Return the coefficient of ``sum_i c_i^2 + sum_(i<j) d_i^2 d_j^2``."""
    vectors = [tuple(int(k in (i, j)) for k in range(size)) for i in range(size) for j in range(i)]
    means = at_point(regular(dim=size))
    products = at_point(monomial_ideal(generators=vectors))
    return equivalent(direct_sum(means, products), statement)


def _naive_bayes(identifier: str, features: int) -> Likelihood:
    check_size(identifier, features, 2, 12)
    return model_problem(
        identifier,
        NaiveBayes(features),
        lambda: _pairs(
            features, "means and pair covariances of a fair coin: the ideal (c_i, d_i d_j)"
        ),
        "attained where all effects vanish; one nonzero effect leaves n - 1/2 or more",
        f"{features} bits given a hidden fair coin, truth: independent fair bits",
        "Effects are felt in pairs only: the true set is a union of axes.",
    )


def _one_factor(identifier: str, variables: int) -> Likelihood:
    check_size(identifier, variables, 2, 12)
    return model_problem(
        identifier,
        OneFactor(variables),
        lambda: _pairs(
            variables, "entries of the covariance: variances are coordinates, the rest is l_i l_j"
        ),
        "attained where all loadings vanish",
        f"x ~ N(0, diag(exp s) + l l^T), {variables} variables, truth N(0, I)",
        "Loadings are felt in pairs only: the true set is a union of axes.",
    )


MAKERS = {
    r"tanh-(\d+)(?:x(\d+))?": _tanh,
    r"normal-pair": _normal_pair,
    r"naive-bayes-(\d+)": _naive_bayes,
    r"one-factor-(\d+)": _one_factor,
}
NAMED = (
    "tanh-1",
    "tanh-2",
    "tanh-5",
    "tanh-3x2",
    "normal-pair",
    "naive-bayes-2",
    "naive-bayes-4",
    "one-factor-3",
    "one-factor-4",
)
