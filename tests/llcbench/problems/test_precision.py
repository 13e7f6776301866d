"""Rounded matrix products on the way back leave the loss alone."""

import pytest
import torch

from llcbench import registry
from llcbench.problems.squared.precision import precision
from llcbench.sampling.target import Target

NAME = "dln/64-48-64/r16/n300"


@pytest.mark.parametrize("batch_size", [None, 20, 200])
def test_rounded_products_change_the_gradient_by_their_rounding(batch_size):
    problem = registry.problem(NAME)
    data = problem.sample_data(torch.Generator().manual_seed(1))
    before, results = torch.get_float32_matmul_precision(), []
    for matmul in ("full", "bfloat16"):
        target = Target(problem, 1e3, 1.0, 2, data, batch_size, dtype=torch.float32, matmul=matmul)
        target.next_batch(torch.Generator().manual_seed(2))
        theta = target.start() + 0.02
        results.append(target.loss_and_grad(theta))
        assert torch.get_float32_matmul_precision() == before
    (loss, grad), (same, rounded) = results
    assert torch.equal(loss, same)
    # bfloat16 keeps 8 bits: 2^-9 for a factor, and a machine may as well not round at all.
    error = float((grad - rounded).norm() / grad.norm())
    assert error < 4 * 2**-9
    assert not float((grad - 1.02 * grad).norm() / grad.norm()) < 4 * 2**-9


def test_gradients_handed_out_by_layer_are_rounded_alike_and_added_in_full():
    problem = registry.problem(NAME)
    data = problem.sample_data(torch.Generator().manual_seed(1))
    target = Target(problem, 1e3, 1.0, 2, data, 20, dtype=torch.float32, matmul="bfloat16")
    target.next_batch(torch.Generator().manual_seed(2))
    theta = target.start() + 0.02
    loss, grad = target.loss_and_grad(theta)
    moved = theta.clone()

    def visit(gradient):
        gradient.add_to(moved[:, gradient.start : gradient.stop], -1e-3)

    assert torch.equal(target.loss_and_visit(theta, visit), loss)
    # Were the weights rounded as well, they would be off by more than that.
    step = (theta - moved) / 1e-3
    assert float((step - grad).norm() / grad.norm()) < 4 * 2**-9
    assert float((theta - theta.bfloat16()).norm()) > 1e-3 * 4 * 2**-9 * float(grad.norm())


def test_the_setting_of_torch_comes_back_after_an_error():
    before, inside = torch.get_float32_matmul_precision(), []
    try:
        with precision("bfloat16"):
            inside.append(torch.get_float32_matmul_precision())
            raise KeyError
    except KeyError:
        pass
    assert inside == ["medium"]
    assert torch.get_float32_matmul_precision() == before
