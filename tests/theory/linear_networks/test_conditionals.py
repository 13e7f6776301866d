"""Block Gibbs and the moves along the fibre without chance: noise is given, the answers are exact.

Every layer given the others is normal, so a draw is its mean plus a matrix times the noise. With no
noise the layer is where the potential has no slope, and the matrix, read off with unit vectors for
noise, squares to the inverse curvature. A percent of noise or temperature is a thousand times more
than what is let through.
"""

import itertools
import math

import numpy as np
import pytest

from theory.linear_networks.fibres import _scale, _shear
from theory.linear_networks.gibbs import LinearPosterior
from theory.linear_networks.wide_gibbs import WidePosterior

NBETA, GAMMA, SCALE = 40.0, 2.0, 0.7
WIDTHS = [(3, 2, 4, 2), (4, 1, 3), (2, 3)]


class Given:
    """Hands out given numbers where a generator of normal ones is expected, a call at a time."""

    def __init__(self, calls, factor=1.0):
        self.calls, self.factor = iter(calls), factor

    def standard_normal(self, shape=None, dtype=float, out=None):
        values = self.factor * next(self.calls)
        if out is None:
            return values.astype(dtype)
        out[...] = values
        return out

    def random(self, shape):
        return next(self.calls)


def network(widths, with_data):
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal((b, a)) for a, b in itertools.pairwise(widths)]
    start = [w + 0.5 * rng.standard_normal(w.shape) for w in weights]
    if not with_data:
        return weights, start, None, None
    x = rng.standard_normal((20, widths[0]))
    noise = rng.standard_normal((20, widths[-1]))
    return weights, start, x.T @ x / 20, noise.T @ x / 20


def loss(layers, weights, second, cross):
    """``scale (tr D S D^T - 2 tr D C^T)``."""
    gap = np.linalg.multi_dot([*layers[::-1], np.eye(layers[0].shape[1])])
    gap = gap - np.linalg.multi_dot([*weights[::-1], np.eye(layers[0].shape[1])])
    energy = np.sum(gap * gap) if second is None else np.trace(gap @ second @ gap.T)
    return SCALE * (energy - (0.0 if cross is None else 2 * np.trace(gap @ cross.T)))


def potential(layers, weights, second, cross):
    away = sum(np.sum((a - b) ** 2) for a, b in zip(layers, weights, strict=True))
    return NBETA * loss(layers, weights, second, cross) + 0.5 * GAMMA * away


def quadratic(function, layers, k):
    """Return slope and curvature in layer k, exact by finite differences of a quadratic."""
    size = layers[k].size
    eye = np.eye(size).reshape(size, *layers[k].shape)

    def at(step):
        return function([*layers[:k], layers[k] + step, *layers[k + 1 :]])

    slope = np.array([(at(e) - at(-e)) / 2 for e in eye])
    here = at(0 * eye[0])
    single = [at(e) for e in eye]
    curvature = np.array(
        [[at(a + b) - f - g + here for b, g in zip(eye, single, strict=True)]
         for a, f in zip(eye, single, strict=True)]
    )  # fmt: skip
    return slope, curvature


def swept(build, widths, with_data, noises, factor=1.0, nbeta=NBETA, gamma=GAMMA):
    """Return the layers and the conditional energy after a sweep, one chain for every noise.

    Args:
        noises: For every layer an array ``(chains, rows, columns)``.
    """
    weights, start, second, cross = network(widths, with_data)
    posterior = build(weights, nbeta, gamma, SCALE, second, cross)
    chains = len(noises[0])
    state = [np.repeat(w[None], chains, axis=0) for w in start]
    if build is WidePosterior:
        noises = [noise[c] for c in range(chains) for noise in noises]
    return posterior.sweep(state, Given(noises, factor))


def departures(build, widths, with_data, **wrong):
    """Return how far means, covariances and conditional energies of all layers are off."""
    weights, start, second, cross = network(widths, with_data)
    none = [np.zeros((1, *w.shape)) for w in weights]
    means, conditional = swept(build, widths, with_data, none, **wrong)
    means = [w[0] for w in means]
    off, energies = [], []
    for k, weight in enumerate(weights):
        layers = [*means[: k + 1], *start[k + 1 :]]
        slope, curvature = quadratic(lambda w: potential(w, weights, second, cross), layers, k)
        covariance = np.linalg.inv(curvature)
        # The slope in units of the force that a standard deviation away brings.
        off.append(np.max(np.abs(slope) / np.sqrt(np.diag(curvature))))
        size = weight.size
        noises = [np.zeros((1 + size, *w.shape)) for w in weights]
        noises[k][1:] = np.eye(size).reshape(size, *weight.shape)
        drawn, _ = swept(build, widths, with_data, noises, **wrong)
        rows = (drawn[k][1:] - drawn[k][0]).reshape(size, size)
        sd = np.sqrt(np.diag(covariance))
        off.append(np.max(np.abs(rows.T @ rows - covariance) / np.outer(sd, sd)))
        bent = quadratic(lambda w: loss(w, weights, second, cross), layers, k)[1]
        energies.append(loss(layers, weights, second, cross) + 0.5 * np.trace(bent @ covariance))
    return max(off), abs(conditional[0] / np.mean(energies) - 1)


@pytest.mark.parametrize("build", [LinearPosterior, WidePosterior])
@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("with_data", [False, True])
def test_every_layer_is_drawn_from_its_conditional(build, widths, with_data):
    drawn, energy = departures(build, widths, with_data)
    assert drawn < 1e-7
    assert energy < 1e-9
    for factor in (0.99, 1.01):
        assert departures(build, widths, with_data, factor=factor)[0] > 1e-2
        assert departures(build, widths, with_data, nbeta=factor * NBETA)[0] > 1e-3
        assert departures(build, widths, with_data, gamma=factor * GAMMA)[0] > 1e-4


def pair(seed=0, hidden=4):
    rng = np.random.default_rng(seed)
    w_star, v_star = rng.standard_normal((hidden, 3)), rng.standard_normal((2, hidden))
    w = w_star + rng.standard_normal(w_star.shape)
    v = v_star + rng.standard_normal(v_star.shape)
    return w, v, w_star, v_star


def localisation(w, v, w_star, v_star, gamma):
    return 0.5 * gamma * (np.sum((w - w_star) ** 2) + np.sum((v - v_star) ** 2))


@pytest.mark.parametrize("hidden", [2, 4])
def test_a_shear_is_drawn_from_the_localisation_along_it(hidden):
    """``W_p + A W_q``, ``V_q - V_p A``: the localisation is quadratic in A, volume is kept."""
    w, v, w_star, v_star = pair(hidden=hidden)
    half = hidden // 2
    size = half * half

    def at(step):
        shear = step.reshape(half, half)
        return localisation(
            np.vstack([w[:half] + shear @ w[half:], w[half:]]),
            np.hstack([v[:, :half], v[:, half:] - v[:, :half] @ shear]),
            w_star, v_star, GAMMA,
        )  # fmt: skip

    noise = np.vstack([np.zeros((1, size)), np.eye(size)]).reshape(-1, half, half)
    for factor, same in ((1.0, True), (1.01, False)):
        rows = [np.repeat(m[None], 1 + size, axis=0) for m in (w, v)]
        new, other = _shear(*rows, w_star, v_star, GAMMA, Given([noise], factor))
        np.testing.assert_allclose(other @ new, np.repeat((v @ w)[None], 1 + size, 0), atol=1e-12)
        moved = np.linalg.lstsq(w[half:].T, np.vstack(new[:, :half] - w[:half]).T, rcond=None)[0]
        drawn = moved.T.reshape(-1, size)
        eye = np.eye(size)
        slope = np.array([(at(drawn[0] + e) - at(drawn[0] - e)) / 2 for e in eye])
        base = [at(drawn[0] + e) for e in eye]
        curvature = np.array(
            [[at(drawn[0] + a + b) - f - g + at(drawn[0]) for b, g in zip(eye, base, strict=True)]
             for a, f in zip(eye, base, strict=True)]
        )  # fmt: skip
        assert np.max(np.abs(slope)) < 1e-9 * np.max(curvature)
        spread = drawn[1:] - drawn[0]
        right = np.linalg.inv(curvature)
        assert np.allclose(spread.T @ spread, right, rtol=1e-9, atol=1e-12) == same


@pytest.mark.parametrize("turned", [False, True])
def test_a_scale_is_accepted_by_localisation_and_volume(turned):
    """The test is met from both sides, a billionth from where it turns."""
    w, v, w_star, v_star = pair(seed=1, hidden=2)
    spread, normal = np.array([[0.3, 0.9]]), np.array([[0.7, -1.1]])
    c = np.exp(0.05 * 40.0**spread * normal) * (-1.0 if turned else 1.0)
    before = localisation(w, v, w_star, v_star, GAMMA)
    ratios = []
    for unit in range(2):
        factor = np.ones(2)
        factor[unit] = c[0, unit]
        after = localisation(factor[:, None] * w, v / factor, w_star, v_star, GAMMA)
        # Three weights are multiplied by the factor, two divided by it.
        ratios.append(before - after + (3 - 2) * math.log(abs(factor[unit])))
    assert max(ratios) < 0
    sign = np.full((1, 2), 0.1 if turned else 0.9)
    for gap, accepted in ((-1e-9, True), (1e-9, False)):
        # The test draws 1 - u and compares its logarithm.
        uniform = 1 - np.exp(np.array([ratios]) + gap)
        calls = [spread, normal, sign, uniform]
        new, other = _scale(w[None], v[None], w_star, v_star, GAMMA, Given(calls))
        expected = c[0] if accepted else np.ones(2)
        np.testing.assert_allclose(new[0], expected[:, None] * w, rtol=1e-12)
        np.testing.assert_allclose(other[0], v / expected, rtol=1e-12)
