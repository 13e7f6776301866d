"""What of a data set enters a squared loss, against NumPy on the samples themselves."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import llcbench
from llcbench.problems.squared.regression import Inputs
from llcbench.problems.squared.streams import Stream
from llcbench.types import Data

DATA = "rrr/3-2-2/r1/n40"


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("kind", "variance"), [("normal", 1.0), ("uniform10", 100 / 3)])
def test_inputs_have_the_moments_that_truths_are_computed_with(kind, variance):
    """Means and variances within 5 errors of 400 000 numbers: false alarm 3e-6 in all."""
    inputs = Inputs(kind)
    x = inputs.sample((200_000, 2), rng()).numpy().ravel()
    assert inputs.second_moment == pytest.approx(variance)
    assert abs(x.mean()) < 5 * np.sqrt(variance / x.size)
    kurtosis = 3.0 if kind == "normal" else 1.8
    error = variance * np.sqrt((kurtosis - 1) / x.size)
    assert abs((x**2).mean() - variance) < 5 * error
    # Control: a percent of the variance, or a fiftieth of a deviation of the mean, is seen.
    assert error < variance / 400
    if kind == "uniform10":
        assert -10 <= x.min() < -9.999
        assert 9.999 < x.max() < 10


@pytest.mark.parametrize("noise_sd", [0.5, 1.0, 3.0])
def test_forms_of_the_loss_hold_the_moments_of_the_samples(noise_sd):
    problem = replace(llcbench.problem(DATA), noise_sd=noise_sd)
    data = problem.sample_data(rng())
    loss = problem.bind(data, torch.float64)
    x, noise = data.inputs.numpy(), data.noise.numpy()
    second, cross = x.T @ x / 40, noise.T @ x / 40
    # 80 numbers: their standard deviation is known to 8 %, a factor of two apart.
    assert 0.6 * noise_sd < noise.std() < 1.4 * noise_sd
    form = loss.moment_form()
    assert form.scale == 0.5
    np.testing.assert_allclose(form.second.numpy(), second, rtol=1e-12)
    np.testing.assert_allclose(form.cross.numpy(), cross, rtol=1e-12)
    (source,) = loss.noise_sources()
    np.testing.assert_allclose(source.second.numpy(), second, rtol=1e-12)
    np.testing.assert_allclose(source.cross.numpy(), cross, rtol=1e-12)
    assert (source.sd, source.num_data, source.weight) == (noise_sd, 40, 0.5)
    full = loss.draw(1, None, rng())
    assert float(loss.baseline(full)) == pytest.approx(0.5 * (noise**2).sum() / 40, rel=1e-12)
    assert problem.squared_form().noise_sd == noise_sd


def test_a_population_has_no_noise():
    loss = llcbench.problem("rrr/3-2-2/r1").bind(None, torch.float64)
    form = loss.moment_form()
    assert (form.scale, form.second, form.cross) == (0.5, 1.0, None)
    assert loss.noise_sources() == ()


@pytest.mark.parametrize("rows", [[0], [39], [0, 1, 2], []])
def test_labels_are_noisy_if_any_of_them_is(rows):
    """The first one, or all but one, may be exact by chance."""
    problem = llcbench.problem(DATA)
    drawn = problem.sample_data(rng())
    noise = torch.zeros_like(drawn.noise)
    kept = [row for row in range(40) if row not in rows] if rows else []
    noise[kept] = drawn.noise[kept]
    loss = problem.bind(Data(drawn.inputs, noise), torch.float64)
    assert loss.noisy is bool(kept)
    star, theta = problem.w_star(), problem.w_star() + 0.1
    x = drawn.inputs.numpy()

    def outputs(w):
        first, second = w[:6].reshape(2, 3), w[6:].reshape(2, 2)
        return x @ (second @ first).numpy().T

    gap = outputs(theta) - outputs(star)
    expected = 0.5 * ((gap - noise.numpy()) ** 2 - noise.numpy() ** 2).sum() / 40
    for batch in (loss.draw(1, None, rng()), loss.rows(torch.arange(40).unsqueeze(0))):
        assert float(loss.excess(theta.unsqueeze(0), batch)) == pytest.approx(expected, rel=1e-11)


def test_tempered_truths_are_those_of_the_very_data():
    """Linear regression by hand: the mean of ``nbeta L`` on the data, label noise included."""
    problem = llcbench.problem("regular/d2/n30")
    data = problem.sample_data(rng())
    scales = np.array([0.5, 2.0])
    x, noise = data.inputs.numpy() * scales, data.noise.numpy()[:, 0]
    nbeta, gamma = 20.0, 3.0
    precision = nbeta * x.T @ x / 30 + gamma * np.eye(2)
    mean = np.linalg.solve(precision, nbeta * x.T @ noise / 30)
    spread = np.trace(np.linalg.solve(precision, x.T @ x / 30))
    expected = nbeta * 0.5 * (np.mean((x @ mean - noise) ** 2 - noise**2) + spread)
    result = problem.tempered(nbeta, gamma, data)
    assert result.value == pytest.approx(expected, rel=1e-12)
    assert result.value != pytest.approx(problem.tempered(nbeta, gamma).value, rel=1e-3)


@pytest.mark.parametrize("distribution", ["normal", "uniform10"])
def test_inputs_and_noise_of_a_stream_are_independent(distribution):
    """Of inputs and noise, and of rows that follow each other: 57 correlations within 5 errors."""
    stream = Stream(4000, 3, 3, distribution, 0.5, seed=1)
    x, noise = (part.numpy() for part in stream.rows(torch.arange(4000), torch.float64))
    columns = np.hstack([x, noise, np.cos(3 * x)])

    def largest(columns):
        now = np.corrcoef(columns.T)[np.triu_indices(columns.shape[1], 1)]
        after = np.corrcoef(columns[:-1, :6].T, columns[1:, :6].T)[:6, 6:]
        own = np.abs(np.corrcoef(x.T, np.cos(3 * x).T)[:3, 3:]).max()
        return max(np.abs(now).max() if own < 0.1 else np.inf, np.abs(after).max())

    limit = 5 / 4000**0.5
    assert largest(columns) < limit
    assert noise.std() == pytest.approx(0.5, rel=0.05)
    # Control: noise that is a tenth of the inputs beside it.
    mixed = columns.copy()
    mixed[:, 3:6] += 0.1 * x / x.std() * 0.5
    assert largest(mixed) > limit
