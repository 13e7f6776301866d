"""Statistical and algebraic families: gradients, data, and the germ that the proof names."""

import numpy as np
import pytest
import torch

from llcbench.problems.models import classic
from llcbench.problems.models.densities import NaiveBayes, NormalPair, OneFactor, Tanh
from llcbench.problems.models.likelihood import Likelihood
from llcbench.registry import match_problems, problem

MODELS = match_problems("model/*")
ALGEBRAIC = match_problems("alg/*")
# Others have their germs in test_germs.py; five units reach sizes where K is rounding error.
CLASSIC = [f"model/{name}" for name in classic.NAMED if name != "tanh-5"]


@pytest.mark.parametrize("name", MODELS)
def test_gradient_by_finite_differences(name: str) -> None:
    one = problem(name)
    rng = torch.Generator().manual_seed(0)
    loss = one.bind(None, torch.float64)
    batch = loss.draw(2, None, rng)
    theta = one.w_star() + 0.4 * torch.randn(2, one.dim, generator=rng, dtype=torch.float64)
    _, grad = loss.excess_and_grad(theta.clone(), batch)
    for i in range(one.dim):
        step = torch.zeros(one.dim, dtype=torch.float64)
        step[i] = 1e-5
        slope = (loss.excess(theta + step, batch) - loss.excess(theta - step, batch)) / 2e-5
        torch.testing.assert_close(grad[:, i], slope, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", MODELS)
def test_population_is_the_limit_of_data(name: str) -> None:
    """The mean excess over 40 000 draws agrees with the population loss within its error."""
    one = problem(name)
    assert isinstance(one, Likelihood)
    rng = torch.Generator().manual_seed(1)
    theta = one.w_star() + 0.5 * torch.randn(1, one.dim, generator=rng, dtype=torch.float64)
    x = one.model.sample(40_000, rng).unsqueeze(0)
    reference = one.w_star().unsqueeze(0)
    each = (one.model.log_density(reference, x) - one.model.log_density(theta, x))[0]
    population = one.bind(None, torch.float64)
    exact = float(population.excess(theta, population.full)[0])
    # Targets of a regression are noise-free in population: the noise has mean zero either way.
    z = (float(each.mean()) - exact) / (float(each.std()) / 200)
    assert abs(z) < 4.5
    assert exact > 0


@pytest.mark.parametrize("name", MODELS)
def test_minibatches_differ_between_chains(name: str) -> None:
    one = problem(f"{name}/n200")
    rng = torch.Generator().manual_seed(0)
    data = one.sample_data(rng)
    loss = one.bind(data, torch.float64)
    batch = loss.draw(3, 10, rng)
    # Unequal steps: equal ones make batches of signs coincide by symmetry.
    step = torch.linspace(0.2, 0.4, one.dim, dtype=torch.float64)
    value = loss.excess((one.w_star() + step).expand(3, -1), batch)
    assert value.shape == (3,)
    assert loss.baseline(batch).shape == (3,)
    assert len({float(v) for v in value}) == 3


def ideal_of(model: object, w: np.ndarray) -> np.ndarray:
    """Return the sum of squares of the generators that the proof names, for points (N, dim)."""
    if isinstance(model, Tanh):
        a = w[:, : model.units]
        b = w[:, model.units :].reshape(len(w), model.units, model.outputs)
        sums = [np.einsum("nk,nkm->nm", a ** (2 * j + 1), b) for j in range(model.units)]
        return sum((s**2).sum(1) for s in sums)
    if isinstance(model, NormalPair):
        return (w[:, 0] + w[:, 1]) ** 2 + (w[:, 0] * w[:, 1]) ** 2
    size = w.shape[1] // 2
    first, second = w[:, :size], w[:, size:]
    pairs = [(second[:, i] * second[:, j]) ** 2 for i in range(size) for j in range(i)]
    assert isinstance(model, NaiveBayes | OneFactor)
    # Variances move with the square of the loading; the coordinate is their sum.
    own = first + second**2 if isinstance(model, OneFactor) else first
    return (own**2).sum(1) + np.sum(pairs, axis=0)


@pytest.mark.parametrize("name", CLASSIC)
@pytest.mark.parametrize("size", [0.3, 0.1, 0.03])
def test_the_loss_is_of_the_size_of_the_ideal(name: str, size: float) -> None:
    """The ratio of K to the ideal's sum of squares stays between two constants, at every scale."""
    one = problem(name)
    assert isinstance(one, Likelihood)
    rng = np.random.default_rng(0)
    # Logarithmic sizes reach the neighbourhood of every stratum.
    w = size * rng.choice([-1, 1], (3000, one.dim)) * 10 ** -rng.uniform(0, 1.5, (3000, one.dim))
    loss = one.bind(None, torch.float64)
    k = loss.excess(torch.from_numpy(w), loss.full).numpy()
    ratio = k / ideal_of(one.model, w)
    bounds = (2e-4, 3.0) if isinstance(one.model, Tanh) else (0.02, 1.5)
    assert ratio.min() > bounds[0]
    assert ratio.max() < bounds[1]


@pytest.mark.parametrize("name", ["model/tanh-1", "model/normal-pair"])
def test_tempered_values_approach_the_coefficient(name: str) -> None:
    one = problem(name)
    low, high = (one.tempered(t, 1.0) for t in (1e4, 1e6))
    assert low is not None
    assert high is not None
    value = float(one.truth.local.value)
    if one.truth.local.multiplicity == 1:
        assert abs(high.value - value) < 0.005
    else:
        rise = 1 / (value - high.value) - 1 / (value - low.value)
        assert np.log(1e2) / rise == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("name", ALGEBRAIC)
def test_algebraic_gradient_and_zero(name: str) -> None:
    one = problem(name)
    loss = one.bind(None, torch.float64)
    batch = loss.draw(2, None, torch.Generator())
    value, _ = loss.excess_and_grad(one.w_star().unsqueeze(0), batch)
    assert float(value) == 0.0
    theta = one.w_star() + 0.3 * torch.randn(
        2, one.dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    _, grad = loss.excess_and_grad(theta.clone(), batch)
    theta.requires_grad_(True)
    (expected,) = torch.autograd.grad(loss.excess(theta, batch).sum(), theta)
    torch.testing.assert_close(grad, expected)
    assert one.truth.global_.value <= one.truth.local.value <= one.dim / 2


def test_algebraic_losses_are_what_their_names_say() -> None:
    rng = torch.Generator().manual_seed(3)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    def loss_of(name: str, theta: torch.Tensor) -> float:
        loss = problem(name).bind(None, torch.float64)
        return float(loss.excess(theta.reshape(1, -1), loss.draw(1, None, rng)))

    w = draw(3, 3)
    target = torch.zeros(3, 3, dtype=torch.float64)
    target[0, 0] = 1.0
    error = (w @ w.T - target).square().sum()
    assert loss_of("alg/symmetric-3-3-1", w) == pytest.approx(float(error))
    a = draw(2, 3)
    assert loss_of("alg/gram-2-3", a) == pytest.approx(float(torch.det(a @ a.T)))
    f = draw(2, 4)
    circular = torch.fft.ifft(torch.fft.fft(f[0]) * torch.fft.fft(f[1])).real
    assert loss_of("alg/convolution-4-2", f) == pytest.approx(float(circular.square().sum()))
    g = draw(3, 3)
    product = torch.fft.ifft(torch.fft.fft(g[0]) * torch.fft.fft(g[1]) * torch.fft.fft(g[2])).real
    assert loss_of("alg/convolution-3-3", g) == pytest.approx(float(product.square().sum()))
    v = draw(5)
    gaps = [(v[i] - v[j]) ** 2 for i in range(5) for j in range(i)]
    assert loss_of("alg/braid-3-2", v) == pytest.approx(float(torch.stack(gaps).prod()))
    m = draw(3, 3)
    squares = torch.linalg.svdvals(m).square()
    second = squares[0] * squares[1] + squares[0] * squares[2] + squares[1] * squares[2]
    assert loss_of("alg/minors-3-3-2", m) == pytest.approx(float(second))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("alg/minors-2-4-3", ["k", "3"]),
        ("alg/minors-2", ["alg/minors-2"]),
        ("alg/minor-2-2-2", ["minor", "minors"]),
        ("alg/tensor-x", ["alg/tensor-x"]),
        ("model/tanh", ["model/tanh", "did you mean"]),
        ("model/naive-bayes-1", ["between 2 and 12"]),
    ],
)
def test_bad_ids_are_named(name: str, words: list[str]) -> None:
    with pytest.raises(ValueError, match=r".+") as caught:
        problem(name)
    assert all(word in str(caught.value) for word in words), str(caught.value)
