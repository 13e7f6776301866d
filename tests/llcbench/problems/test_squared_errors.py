"""Excess losses and residuals from the errors of a minibatch, against the definition."""

import pytest
import torch

from llcbench.problems.squared import loss as squared


def drawn(batch, outputs, noisy):
    rng = torch.Generator().manual_seed(batch)
    error = torch.empty(3, batch, outputs, dtype=torch.float64).normal_(generator=rng)
    noise = torch.empty_like(error).normal_(generator=rng) if noisy else None
    return error, noise


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("batch", [5, squared.LONG // 16 - 1, squared.LONG // 16])
def test_excess_and_residual_are_those_of_the_definition(batch, noisy):
    error, noise = drawn(batch, 16, noisy)
    free = torch.zeros_like(error) if noise is None else noise
    # The loss at w minus that at w*, label by label.
    expected = 0.7 * ((error - free).square() - free.square()).sum(2).mean(1)
    assert torch.allclose(squared.excess_of(error, noise, 0.7), expected, rtol=1e-12)
    before, residual = error.clone(), error - free
    loss, result = squared.excess_and_residual(error, noise, 0.7)
    assert torch.allclose(loss, expected, rtol=1e-12)
    assert torch.equal(result, residual)
    assert result is error
    assert noisy != torch.equal(result, before)


def test_errors_that_are_no_block_of_memory_are_not_silently_left_alone():
    error, noise = drawn(squared.LONG // 16, 32, True)
    with pytest.raises(RuntimeError, match="view"):
        squared.excess_and_residual(error[:, :, :16], noise[:, :, :16], 1.0)
