"""Linear networks with correlated inputs: their truths by other routes, and their data."""

from itertools import pairwise

import numpy as np
import pytest
import sympy
import torch
from numpy.typing import NDArray

import llcbench
import theory
from llcbench.problems.linear_networks.correlated import (
    SecondMoment,
    correlated_network,
    gradient_square,
    largest_curvature,
)
from llcbench.problems.squared.regression import Regression
from llcbench.sampling.proper import is_proper
from llcbench.types import Data
from theory.families.deep_linear import deep_linear_global
from theory.tempered.gaussian import linear_regression
from theory.tempered.linear import linear_network

Array = NDArray[np.float64]


def moment(inputs: int, rank: int, seed: int = 0, spread: float = 10.0) -> SecondMoment:
    drawn = np.random.default_rng(seed).standard_normal((inputs, rank))
    return SecondMoment(np.linalg.qr(drawn)[0], np.geomspace(spread, 1.0, rank))


def network(
    widths: tuple[int, ...], rank: int, inputs: SecondMoment, num_data: int = 400, **other: float
) -> Regression:
    given = {"curvature": 2.0, "gradient_variance": 1.0} | other
    return correlated_network("test/network", widths, rank, inputs, num_data=num_data, **given)


def data_of(problem: Regression, seed: int = 0) -> Data:
    data = problem.sample_data(torch.Generator().manual_seed(seed))
    assert isinstance(data, Data)
    return data


def layers_of(problem: Regression) -> list[Array]:
    layers = problem.map.form().layers(problem.w_star().unsqueeze(0))  # type: ignore[union-attr]
    return [layer[0].numpy() for layer in layers]


def singular_polynomial(widths: tuple[int, ...], root: Array, rank: int) -> theory.RLCT:
    """Return what the solver makes of ``|(M(w) - M*) B|^2``, with no reduction made by hand.

    The point has the ranks of a balanced one by its construction: unit matrices of the rank.
    """
    layers, point = [], {}
    for k, (columns, rows) in enumerate(pairwise(widths)):
        names = [[sympy.Symbol(f"w{k}_{i}_{j}") for j in range(columns)] for i in range(rows)]
        layers.append(sympy.Matrix(names))
        unit = np.zeros((rows, columns), dtype=int)
        unit[range(rank), range(rank)] = 1
        point |= {str(names[i][j]): int(unit[i, j]) for i in range(rows) for j in range(columns)}
    product = layers[0]
    for layer in layers[1:]:
        product = layer * product
    change = (product - product.subs(point)) * sympy.Matrix(root.astype(int).tolist())
    generators = [entry.expand() for entry in change]
    occurring = {str(symbol) for entry in generators for symbol in entry.free_symbols}
    at = {name: value for name, value in point.items() if name in occurring}
    return theory.rlct(theory.SumOfSquares(generators), at=at)


# Roots of whole numbers whose first rows have the rank of the point.
CASES = {
    "one direction of two": ((2, 1, 1), [[1], [1]], 1),
    "two of three": ((3, 1, 2), [[1, 1], [1, 2], [0, 1]], 1),
    "one of two, wide": ((2, 2, 1), [[3], [1]], 1),
    "three layers": ((2, 1, 1, 1), [[2], [-1]], 1),
    "one of three": ((3, 2, 2), [[1], [2], [1]], 1),
    "singular": ((3, 2, 2), [[1, 0], [1, 1], [0, 2]], 1),
}


@pytest.mark.parametrize("case", CASES)
def test_truth_is_that_of_the_polynomial(case: str) -> None:
    widths, root, rank = CASES[case]
    matrix = np.array(root, dtype=np.float64)
    solved = singular_polynomial(widths, matrix, rank)
    inputs = moment(widths[0], matrix.shape[1])
    truth = network(widths, rank, inputs).truth
    full = deep_linear_global(widths, rank)
    print(case, solved, truth.local, truth.global_, "full:", full)
    assert solved.exact
    for exact in truth:
        assert (exact.value, exact.multiplicity) == (solved.value, solved.multiplicity)
    # Negative control: the formula of inputs of full rank is wrong here.
    assert full.value != solved.value


def test_tempered_value_on_inputs_of_low_rank_is_that_of_the_smaller_network() -> None:
    # With one variance in all directions the first layer can be turned into them.
    inputs = moment(5, 2, spread=1.0)
    problem = network((5, 3, 2), 1, inputs)
    first, second = layers_of(problem)
    turned = [first @ inputs.directions, second]
    nbeta, gamma = 200.0, 20.0
    ours = problem.tempered(nbeta, gamma, data_of(problem))
    theirs = linear_network(turned, nbeta, gamma, problem.scale, seed=5)
    wrong = linear_network([first, second], nbeta, gamma, problem.scale, seed=5)
    assert ours is not None
    error = np.hypot(ours.stderr, theirs.stderr)
    print(ours, theirs, "independent inputs:", wrong)
    assert abs(ours.value - theirs.value) < 5 * error
    assert abs(ours.value - wrong.value) > 10 * error


@pytest.mark.parametrize("rank", [2, 4])
def test_tempered_value_of_one_layer_is_the_closed_form(rank: int) -> None:
    inputs = moment(4, rank)
    problem = network((4, 3), 1, inputs)
    nbeta, gamma = 50.0, 2.0
    ours = problem.tempered(nbeta, gamma, data_of(problem))
    curved = 2 * nbeta * problem.scale * inputs.values
    assert ours is not None
    assert ours.value == pytest.approx(3 / 2 * np.sum(curved / (curved + gamma)), rel=1e-9)
    cross = np.zeros((3, 4))
    theirs = linear_regression(inputs.matrix, cross, 2 * problem.scale * nbeta, gamma)
    assert ours.value == pytest.approx(theirs.value, rel=1e-9)


@pytest.mark.parametrize("batch_size", [None, 16])
def test_a_sampler_finds_the_tempered_value(batch_size: int | None) -> None:
    # Two layers, directions of unequal variance, label noise: chains that know none of the moments.
    problem = network((4, 2, 2), 1, moment(4, 3), gradient_variance=0.1)
    sampler = llcbench.MALA() if batch_size is None else llcbench.SGLD(step_size=4e-4)
    settings = llcbench.Settings(
        nbeta=100.0, gamma=30.0, num_chains=64, num_draws=1200, num_burnin=300,
        batch_size=batch_size,
    )  # fmt: skip
    estimate = llcbench.estimate(problem, sampler, settings, progress=False)
    data = problem.sample_data(llcbench.Seeds(0, problem.id).generator("data"))
    truth = problem.tempered(100.0, 30.0, data)
    plain = linear_network(layers_of(problem), 100.0, 30.0, problem.scale)
    assert truth is not None
    assert estimate.llc is not None
    # Label noise is orthogonal to the inputs: the estimate has no error of the data set.
    assert estimate.data_se in (None, 0.0)
    error = float(np.hypot(estimate.stderr or 0.0, truth.stderr))
    print(estimate.llc, truth, "independent inputs:", plain, "error", error)
    assert abs(estimate.llc - truth.value) < 5 * error + (0.02 * truth.value if batch_size else 0)
    assert abs(estimate.llc - plain.value) > 10 * error


def test_data_have_the_moments_exactly() -> None:
    inputs = moment(6, 3)
    problem = network((6, 4), 2, inputs)
    data = data_of(problem)
    count = len(data.inputs)
    second = (data.inputs.mT @ data.inputs / count).numpy()
    assert second == pytest.approx(inputs.matrix, abs=1e-12)
    assert (data.noise.mT @ data.inputs / count).numpy() == pytest.approx(0, abs=1e-12)
    assert not torch.equal(data.inputs, data_of(problem, 1).inputs)
    first = problem.tempered(50.0, 10.0, data)
    assert first == problem.tempered(50.0, 10.0, data_of(problem, 1))


@pytest.mark.parametrize("widths", [(5, 3), (5, 4, 6, 3)])
def test_curvature_and_gradients_are_the_given_ones(widths: tuple[int, ...]) -> None:
    problem = network(widths, 2, moment(5, 4), 3000, curvature=7.0, gradient_variance=3.0)
    loss = problem.bind(data_of(problem), torch.float64)
    batch = loss.draw(1, None, torch.Generator())
    point = problem.w_star().unsqueeze(0)
    hessian = torch.autograd.functional.hessian(lambda w: loss.excess(w, batch).sum(), point)
    top = float(torch.linalg.eigvalsh(hessian[0, :, 0])[-1])
    squares = torch.stack(
        [loss.excess_and_grad(point, loss.rows(torch.tensor([[k]])))[1].square().sum()
         for k in range(3000)]
    )  # fmt: skip
    error = float(squares.std()) / 3000**0.5
    print(widths, top, float(squares.mean()), error)
    assert top == pytest.approx(7.0, rel=1e-6)
    assert abs(float(squares.mean()) - 3.0) < 5 * error


def test_large_and_small_matrices_have_the_same_curvature(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    layers = [rng.standard_normal((4, 6)), rng.standard_normal((3, 4))]
    root = moment(6, 5).root
    dense = largest_curvature(layers, root)
    monkeypatch.setattr("llcbench.problems.linear_networks.correlated.SMALL", 0)
    assert largest_curvature(layers, root) == pytest.approx(dense, rel=1e-9)
    assert gradient_square(layers, root) > dense


def test_labels_carry_no_noise_where_inputs_span_the_samples() -> None:
    data = data_of(network((4, 3), 1, moment(4, 4), 4))
    assert not bool(data.noise.any())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rank": 0}, "rank 0 is not within 1 and 2"),
        ({"rank": 3}, "rank 3 is not within 1 and 2"),
        ({"num_data": 1}, "1 samples have no second moment of rank 2"),
        ({"widths": (6, 3)}, "5 inputs in S, 6 in the network"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object], words: str) -> None:
    given = {"widths": (5, 3), "rank": 1, "inputs": moment(5, 2), "num_data": 20} | change
    with pytest.raises(ValueError, match=words):
        network(**given)  # type: ignore[arg-type]


def test_there_is_no_truth_without_the_data_of_the_problem() -> None:
    problem = network((5, 4, 3), 2, moment(5, 3))
    with pytest.raises(ValueError, match="no population loss"):
        problem.tempered(100.0, 1.0)
    with pytest.raises(ValueError, match="no population loss"):
        problem.bind(None, torch.float64)
    data = data_of(problem)
    with pytest.raises(ValueError, match="another second moment"):
        problem.tempered(100.0, 1.0, Data(1.1 * data.inputs, data.noise))
    with pytest.raises(ValueError, match="not orthogonal"):
        problem.tempered(100.0, 1.0, Data(data.inputs, data.noise + data.inputs[:, :3]))
    # Directions that inputs lack are not confined by the loss.
    assert not is_proper(network((5, 3), 2, moment(5, 3)))


@pytest.mark.parametrize(
    ("directions", "values", "words"),
    [
        (np.eye(3)[:, :2], np.ones(3), "no second moment"),
        (np.eye(3)[:, :2], np.array([1.0, 0.0]), "must be positive"),
        (np.ones((3, 2)), np.ones(2), "orthonormal"),
        (np.eye(3)[:, :0], np.ones(0), "no second moment"),
    ],
)
def test_a_second_moment_is_checked(directions: Array, values: Array, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SecondMoment(directions, values)


def test_wide_networks_have_the_value_of_the_smaller_one_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Above so many weights the truth is computed by other code.
    inputs = moment(6, 3, spread=1.0)
    problem = network((6, 4, 2), 2, inputs)
    first, second = layers_of(problem)
    turned = [first @ inputs.directions, second]
    theirs = linear_network(turned, 100.0, 50.0, problem.scale, seed=5)
    monkeypatch.setattr("theory.tempered.linear.WIDE", 1)
    ours = problem.tempered(100.0, 50.0, data_of(problem))
    assert ours is not None
    error = float(np.hypot(ours.stderr, theirs.stderr))
    print(ours, theirs)
    assert error < 0.02 * theirs.value
    assert abs(ours.value - theirs.value) < 5 * error
