"""Updates against recursions written by hand on a quadratic."""

import math

import pytest
import torch
from quadratic_task import walk

from llcbench.training.config import EntropySGD

H = torch.tensor([1.0, 3.0, 0.2], dtype=torch.float64)
START = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
CENTRES = torch.tensor([[0.3, 0.1, -1.0], [0.5, 0.5, 0.0]], dtype=torch.float64)
MEAN = CENTRES.mean(0)


def slope(w):
    return H * (w - MEAN)


def close(result, wanted):
    assert len(result) == len(wanted)
    return all(torch.allclose(a, b, atol=1e-12) for a, b in zip(result, wanted, strict=True))


def entropy(**settings):
    quiet = {"inner_steps": 4, "scope": 0.0, "noise": 0.0, "averaging": 1.0}
    return EntropySGD(**quiet | settings)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_and_weight_decay(nesterov):
    rate, momentum, decay = 0.1, 0.8, 0.3
    w, speed, wanted = START, torch.zeros(3, dtype=torch.float64), [START]
    for _ in range(6):
        grad = slope(w) + decay * w
        speed = momentum * speed + grad
        w = w - rate * (grad + momentum * speed if nesterov else speed)
        wanted.append(w)
    settings = {"lr": rate, "momentum": momentum, "nesterov": nesterov}
    assert close(walk(START, H, CENTRES, weight_decay=decay, **settings), wanted)
    assert not close(walk(START, H, CENTRES, weight_decay=0.0, **settings), wanted)
    # A decay c is the gradient of c/2 |w|^2: the fixed point is the ridge solution.
    end = walk(START, H, CENTRES, lr=0.3, weight_decay=decay, steps=400, checkpoint_steps=())[-1]
    assert torch.allclose(end, H * MEAN / (H + decay))


@pytest.mark.parametrize("decoupled", [False, True])
def test_adam_with_both_kinds_of_decay(decoupled):
    rate, decay, first, second = 0.05, 0.2, 0.9, 0.999
    w, m, v, wanted = START, 0.0, 0.0, [START]
    for t in range(1, 7):
        grad = slope(w) + (0.0 if decoupled else decay * w)
        m, v = first * m + (1 - first) * grad, second * v + (1 - second) * grad**2
        w = w * (1 - rate * decay) if decoupled else w
        move = (m / (1 - first**t)) / ((v / (1 - second**t)) ** 0.5 + 1e-8)
        w = w - rate * move
        wanted.append(w)
    settings = {"lr": rate, "weight_decay": decay}
    names = ("adamw", "adam") if decoupled else ("adam", "adamw")
    assert close(walk(START, H, CENTRES, optimiser=names[0], **settings), wanted)
    assert not close(walk(START, H, CENTRES, optimiser=names[1], **settings), wanted)


@pytest.mark.parametrize("radius", [0.0, 0.4])
def test_sam_descends_along_the_gradient_uphill(radius):
    w, speed, wanted = START, 0.0, [START]
    for _ in range(3):
        grad = slope(w)
        speed = 0.5 * speed + slope(w + radius * grad / grad.norm())
        w = w - 0.1 * speed
        wanted.append(w)
    result = walk(START, H, CENTRES, optimiser="sam", sam_radius=radius, lr=0.1, momentum=0.5)
    assert close(result, wanted)  # six gradients are three updates
    plain = walk(START, H, CENTRES, lr=0.1, momentum=0.5, steps=3)
    assert close(result, plain) == (radius == 0)


def test_sam_takes_both_gradients_on_one_minibatch():
    found = walk(START, H, CENTRES, optimiser="sam", sam_radius=0.0, lr=0.1, batch_size=1)
    assert close(found, walk(START, H, CENTRES, lr=0.1, batch_size=1, steps=3))
    assert not close(found, walk(START, H, CENTRES, lr=0.1, steps=3))


def test_sam_stays_where_the_gradient_is_zero():
    still = torch.zeros(3, dtype=torch.float64)
    opposite = torch.stack([START, -START])
    found = walk(still, H, opposite, optimiser="sam", sam_radius=0.4, lr=0.1)
    assert close(found, [still] * 4)


def test_entropy_sgd_of_one_quiet_step_is_sgd():
    inner = entropy(inner_steps=1, inner_lr=0.2, scope=5.0)
    result = walk(START, H, CENTRES, optimiser="entropy_sgd", lr=0.5, entropy=inner)
    plain = walk(START, H, CENTRES, lr=0.1)
    assert close(result, plain)
    for changed in ({"noise": 1e-3}, {"averaging": 0.75}, {"inner_lr": 0.21}):
        other = entropy(**{"inner_steps": 1, "inner_lr": 0.2} | changed)
        assert not close(
            walk(START, H, CENTRES, optimiser="entropy_sgd", lr=0.5, entropy=other), plain
        )


@pytest.mark.parametrize("batch", [None, 1])
def test_entropy_sgd_without_scope_and_noise_is_sgd_that_looks_ahead(batch):
    """L steps of SGD, a minibatch each, then all the way to their end: every L-th point of SGD."""
    settings = {"optimiser": "entropy_sgd", "lr": 1.0, "batch_size": batch, "steps": 12}
    found = walk(START, H, CENTRES, entropy=entropy(inner_lr=0.1), **settings)
    assert close(found, walk(START, H, CENTRES, lr=0.1, steps=12, batch_size=batch)[::4])
    pulled = walk(START, H, CENTRES, entropy=entropy(inner_lr=0.1, scope=0.5), **settings)
    assert not close(found, pulled)


def test_entropy_sgd_by_hand():
    inner = EntropySGD(
        inner_steps=3, inner_lr=0.1, scope=0.4, scope_growth=0.5, noise=0.0, averaging=0.7
    )
    decay, momentum = 0.2, 0.6
    w, outer, wanted = START, 0.0, [START]
    for update in range(4):
        x, mean, speed = w, w, 0.0
        for _ in range(3):
            speed = momentum * speed + slope(x) + decay * x
            x = x - 0.1 * (speed + 0.4 * 1.5**update * (x - w))
            mean = 0.3 * mean + 0.7 * x
        outer = momentum * outer + (w - mean)
        w = w - 0.8 * outer
        wanted.append(w)
    settings = {"lr": 0.8, "momentum": momentum, "weight_decay": decay, "steps": 12}
    result = walk(START, H, CENTRES, optimiser="entropy_sgd", entropy=inner, **settings)
    assert close(result, wanted)


def test_entropy_sgd_with_many_steps_descends_the_moreau_envelope():
    """Without noise ``w - mu`` tends to ``h (w - c) / (h + g)``, an envelope's gradient over g."""
    inner = entropy(inner_steps=200, inner_lr=0.2, scope=1.5)
    found = walk(START, H, CENTRES, optimiser="entropy_sgd", lr=1.0, entropy=inner, steps=200)
    assert torch.allclose(found[-1], START - H * (START - MEAN) / (H + 1.5))


# One gate of 4 standard errors: false alarms below 1e-4.
def test_the_noise_of_entropy_sgd():
    size, step, noise = 20_000, 0.09, 2.0
    flat, still = torch.zeros(size), torch.zeros(2, size)
    inner = entropy(inner_steps=1, inner_lr=step, noise=noise)
    result = walk(still[0], flat, still, optimiser="entropy_sgd", lr=1.0, entropy=inner, steps=1)
    z = (float(result[-1].square().mean()) / (step * noise**2) - 1) / math.sqrt(2 / size)
    doubled = (float(result[-1].square().mean()) / (2 * step * noise**2) - 1) / math.sqrt(2 / size)
    assert abs(z) < 4 < abs(doubled)  # the authors' code has twice the variance of the paper


def test_a_scope_that_grows_without_bound_does_not_overflow():
    inner = entropy(inner_steps=1, scope=1.0, scope_growth=1e9)
    found = walk(START, H, CENTRES, optimiser="entropy_sgd", lr=0.1, entropy=inner, steps=60)
    assert bool(found[-1].isfinite().all())
