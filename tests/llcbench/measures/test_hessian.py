"""Products, eigenvalues and trace against the dense matrix, differences and another package."""

import math

import pytest
import torch
from torch import nn
from torch.func import functional_call, hessian
from torch.nn.functional import cross_entropy

from llcbench.measures.hessian import Hessian, dense, extreme_eigenvalues, trace
from llcbench.problems.modules.from_module import from_module

# Two-sided normal gate: one false alarm in 16,000.
Z = 4.0


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def entropies(outputs, targets):
    return cross_entropy(outputs, targets, reduction="none")


@pytest.fixture
def problem():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 7), nn.Tanh(), nn.Linear(7, 3))
    return from_module(net, entropies, (torch.randn(60, 4), torch.randint(3, (60,))))


def at_star(problem, numbers=None):
    return Hessian(problem.bind(None, torch.float64), problem.w_star().double(), numbers)


def by_functional(problem, numbers):
    """Return the dense Hessian by forward over reverse differentiation."""
    loss = problem.bind(None, torch.float64)
    point = problem.w_star().double()

    def value(theta):
        parts = torch.split(theta, [shape.numel() for shape in problem.shapes.values()])
        named = {
            name: part.view(shape)
            for (name, shape), part in zip(problem.shapes.items(), parts, strict=True)
        }
        inputs, targets = loss.take(numbers)
        return cross_entropy(functional_call(loss.module, named, (inputs,)), targets)

    return hessian(value)(point)


@pytest.mark.parametrize("only", [("*",), ("2.*",)])
@pytest.mark.parametrize("numbers", [None, torch.tensor([3, 1, 4, 1, 5])])
def test_products_make_up_the_dense_matrix(problem, numbers, only):
    problem = problem.restricted(*only)
    exact = by_functional(problem, torch.arange(60) if numbers is None else numbers)
    matrix = dense(at_star(problem, numbers))
    assert torch.allclose(matrix, exact, rtol=1e-9, atol=1e-13)
    assert torch.allclose(matrix, matrix.T, atol=1e-13)
    other = dense(at_star(problem, torch.arange(7)))
    assert not torch.allclose(other, exact, rtol=0.05, atol=1e-3)


def test_differences_of_the_gradient_agree(problem):
    at = at_star(problem)
    vector = torch.randn(at.dim, generator=generator(), dtype=torch.float64)
    full, width = at.loss.draw(1, None, generator()), 1e-5
    ends = [
        at.loss.excess_and_grad((at.point + sign * width * vector).unsqueeze(0), full)[1][0]
        for sign in (1, -1)
    ]
    assert torch.allclose(at @ vector, (ends[0] - ends[1]) / (2 * width), rtol=1e-6, atol=1e-9)


def test_chunks_are_weighted_by_their_samples(problem, monkeypatch):
    whole = at_star(problem) @ problem.w_star().double()
    monkeypatch.setattr("llcbench.measures.hessian.CHUNK", 7)
    assert torch.allclose(at_star(problem) @ problem.w_star().double(), whole, rtol=1e-12)


def test_both_ends_of_the_spectrum(problem):
    at = at_star(problem)
    values = torch.linalg.eigvalsh(dense(at))
    extremes = extreme_eigenvalues(at, generator(1), tolerance=1e-8)
    assert extremes.converged
    assert extremes.products <= at.dim
    assert extremes.largest == pytest.approx(float(values[-1]), rel=1e-10)
    # Not trained, so not convex: the other end is negative.
    assert extremes.smallest == pytest.approx(float(values[0]), rel=1e-6)
    assert extremes.smallest < 0


def test_too_few_products_are_not_called_converged(problem):
    at = at_star(problem)
    exact = float(torch.linalg.eigvalsh(dense(at))[-1])
    short = extreme_eigenvalues(at, generator(1), tolerance=1e-8, products=3)
    assert not short.converged
    assert short.products == 3
    assert short.largest < exact
    assert short.residual_largest > 1e-6


def quadratic(curvatures):
    """Return a loss with the given Hessian, ``1/2 sum h_i w_i^2`` at the origin."""

    class Point(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.zeros(len(curvatures)))

        def forward(self, x):
            return (0.5 * torch.tensor(curvatures).to(x) * self.w**2).sum() + 0 * x.sum(1)

    data = (torch.ones(4, 1), torch.zeros(4, 1))
    return at_star(from_module(Point(), lambda f, _: f, data))


@pytest.mark.parametrize(
    "curvatures",
    [[3.0, 1.0, -2.0, 0.0], [0.0, 0.0, 0.0], [2.0, 2.0, 2.0], [-1.0, -5.0], [4.0]],
)
def test_known_spectra_also_where_the_iteration_ends_early(curvatures):
    found = extreme_eigenvalues(quadratic(curvatures), generator(2), tolerance=1e-9)
    assert found.converged
    assert found.largest == pytest.approx(max(curvatures), abs=1e-9)
    assert found.smallest == pytest.approx(min(curvatures), abs=1e-9)
    assert found.products <= len(set(curvatures))


def test_random_signs_give_the_trace_with_its_error(problem):
    at = at_star(problem)
    matrix = dense(at)
    exact = float(matrix.trace())
    estimate = trace(at, generator(3), probes=400)
    assert abs(estimate.value - exact) < Z * estimate.stderr
    # The variance of random signs: twice the squares off the diagonal.
    off = matrix - torch.diag(matrix.diagonal())
    spread = math.sqrt(2 * float(off.square().sum()))
    assert estimate.stderr * math.sqrt(400) == pytest.approx(spread, rel=0.25)
    assert abs(estimate.value - 1.5 * exact) > Z * estimate.stderr


def test_random_signs_are_exact_on_a_diagonal():
    found = trace(quadratic([3.0, 1.0, -2.0, 0.0]), generator(4), probes=2)
    assert found.value == pytest.approx(2.0)
    assert found.stderr == pytest.approx(0.0, abs=1e-12)


def test_attention_has_second_derivatives():
    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.mix = nn.MultiheadAttention(4, 2, batch_first=True)

        def forward(self, x):
            return self.mix(x, x, x, need_weights=False)[0].mean((1, 2))

    torch.manual_seed(6)
    data = (torch.randn(5, 3, 4), torch.randn(5))
    at = at_star(from_module(Attention(), lambda f, y: (f - y) ** 2, data))
    matrix = dense(at)
    assert torch.allclose(matrix, matrix.T, atol=1e-12)
    assert float(matrix.norm()) > 0


def test_bad_input_is_refused(problem):
    loss, point = problem.bind(None, torch.float64), problem.w_star().double()
    with pytest.raises(ValueError, match="59 parameters"):
        Hessian(loss, point[:-1])
    with pytest.raises(ValueError, match="not finite"):
        Hessian(loss, point * math.nan)
    with pytest.raises(ValueError, match="numbers is empty"):
        Hessian(loss, point, torch.arange(0))
    with pytest.raises(ValueError, match="tolerance > 0"):
        extreme_eigenvalues(Hessian(loss, point), generator(), tolerance=0)
    with pytest.raises(ValueError, match="probes=1"):
        trace(Hessian(loss, point), generator(), probes=1)


def test_curvlinops_agrees(problem):
    curvlinops = pytest.importorskip("curvlinops")
    from scipy.sparse.linalg import eigsh

    at = at_star(problem)
    net = at.loss.module.requires_grad_(True)
    theirs = curvlinops.HessianLinearOperator(
        net,
        nn.CrossEntropyLoss(),
        list(net.parameters()),
        [at.loss.take(torch.arange(at.loss.num_data))],
    )
    largest = float(eigsh(theirs.to_scipy(), k=1, which="LA")[0][0])
    ours = extreme_eigenvalues(at, generator(1), tolerance=1e-8)
    assert ours.largest == pytest.approx(largest, rel=1e-8)
