"""Minibatches: every sample once a pass, noise on the inputs as stated."""

import math

import pytest
import torch
from torch import nn

from llcbench.training.batches import Batches
from llcbench.training.config import Penalties, Training


class Shift(nn.Module):
    """The inputs, with a weight that does nothing yet."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1))

    def forward(self, inputs):
        return inputs + self.w


def test_a_pass_sees_every_sample_once():
    config = Training(batch_size=30)
    numbered = torch.arange(100.0)[:, None], torch.zeros(100, 1)
    seen = []

    def remember(outputs, targets):
        seen.append(outputs.flatten().tolist())
        return outputs.sum(1)

    batches = Batches(Shift(), numbered, remember, config, 0)
    for _ in range(6):
        batches.next_batch()
        batches.fill()
    first, second = ([x for batch in half for x in batch] for half in (seen[:3], seen[3:]))
    assert len(set(first)) == len(set(second)) == 90  # ten are left over at the end of a pass
    assert first != second
    with pytest.raises(ValueError, match="batch_size 101 is more than the 100 samples"):
        Batches(Shift(), numbered, remember, Training(batch_size=101), 0)


# 4 standard errors of a variance of 20 000 numbers: false alarms below 1e-4.
def test_noise_on_the_inputs_has_its_deviation_and_is_fresh():
    still = torch.zeros(100, 200), torch.zeros(100, 1)
    seen = []

    def remember(outputs, targets):
        seen.append(outputs.detach())
        return outputs.sum(1)

    batches = Batches(Shift(), still, remember, Training(batch_size=None, input_noise=0.3), 0)
    for _ in range(2):
        batches.next_batch()
        batches.fill()
    z = (float(seen[0].square().mean()) / 0.09 - 1) / math.sqrt(2 / 20_000)
    assert abs(z) < 4
    assert abs((0.8 * float(seen[0].square().mean()) / 0.09 - 1) / math.sqrt(2 / 20_000)) > 4
    assert abs(float((seen[0] * seen[1]).mean()) / 0.09) < 4 / math.sqrt(20_000)


def test_penalties_are_in_the_gradient_and_not_in_the_loss():
    """By hand for the loss ``(x + w)^2`` at ``w = 0``."""
    data = torch.arange(1.0, 5.0)[:, None], torch.zeros(4, 1)

    def squares(outputs, targets):
        return outputs.square().sum(1)

    filled = {}
    for strength in (0.0, 0.5):
        module = Shift()
        penalties = Penalties(gradient_norm=strength)
        batches = Batches(module, data, squares, Training(batch_size=4, penalties=penalties), 0)
        batches.next_batch()
        filled[strength] = batches.fill(), float(module.w.grad)
    # Mean of 1, 4, 9, 16; slope g = 2 mean(x) = 5, penalised g + strength * 2 g g' with g' = 2.
    assert filled == {0.0: (7.5, 5.0), 0.5: (7.5, 15.0)}
