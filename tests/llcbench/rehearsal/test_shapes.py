"""Shapes, order and inputs of the dense layers, and the chains that stand for them."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

import llcbench
from llcbench.problems.modules.problem import ModuleProblem
from llcbench.rehearsal.layers import DenseLayer, dense_layers, first_inputs
from llcbench.rehearsal.measured import measured, moment_of
from llcbench.rehearsal.widths import chain_of, weights_of


def squares(outputs: Tensor, targets: Tensor) -> Tensor:
    return outputs.flatten(1).square().sum(1)


def problem_of(module: nn.Module, inputs: Tensor) -> ModuleProblem:
    return llcbench.from_module(module, squares, (inputs, torch.zeros(len(inputs))))


def layers_of(problem: ModuleProblem) -> list[tuple[str, int, int]]:
    layers = dense_layers(problem, problem.bind(None, torch.float32))
    return [(layer.name, layer.rows, layer.columns) for layer in layers]


class Crossed(nn.Module):
    """Registered in another order than it runs, with a layer that is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(4, 2)
        self.unused = nn.Linear(7, 7)
        self.first = nn.Linear(3, 4)
        self.odd = nn.Conv1d(4, 4, 3, groups=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.odd(self.first(x).unsqueeze(2)).squeeze(2)
        return self.last(self.first(x) + hidden)


class Conv1D(nn.Module):
    """The transposed layer of GPT-2, under its name."""

    __module__ = "transformers.pytorch_utils"

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 5))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight


def normed() -> nn.Module:
    return nn.utils.parametrizations.weight_norm(nn.Linear(3, 5))


def convolutions() -> nn.Module:
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))


torch.manual_seed(0)
KINDS = {
    "in the order of the run": (Crossed(), torch.randn(9, 3), [("first", 4, 3), ("last", 2, 4)]),
    "transposed": (nn.Sequential(Conv1D()), torch.randn(9, 3), [("0", 5, 3)]),
    "parametrised": (nn.Sequential(normed()), torch.randn(9, 3), [("0", 5, 3)]),
    "itself": (nn.Linear(3, 2), torch.randn(9, 3), [("", 2, 3)]),
    "convolutions": (convolutions(), torch.randn(9, 2, 4, 4), [("0", 4, 18), ("3", 3, 16)]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_layers_are_those_that_run(kind: str) -> None:
    module, inputs, expected = KINDS[kind]
    assert layers_of(problem_of(module, inputs)) == expected


def test_only_layers_that_move_count() -> None:
    problem = problem_of(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)),
                         torch.randn(9, 3))  # fmt: skip
    assert layers_of(problem.restricted("2.*")) == [("2", 2, 4)]
    with pytest.raises(ValueError, match="no dense layer that moves"):
        layers_of(problem.restricted("*.bias"))


def test_a_module_without_dense_layers_is_refused() -> None:
    inputs = (torch.randn(9, 5, 3), torch.zeros(9))
    lstm = nn.LSTM(3, 2, batch_first=True)
    problem = llcbench.from_module(lstm, lambda f, y: squares(f[0], y), inputs)
    with pytest.raises(ValueError, match="no dense layer among LSTM") as caught:
        layers_of(problem)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("padding", [0, 1, "same"])
def test_inputs_of_a_convolution_are_its_patches(padding: int | str) -> None:
    module = nn.Conv2d(
        2, 4, 3, padding=padding, padding_mode="reflect" if padding == 1 else "zeros"
    )
    problem = problem_of(module, torch.randn(9, 2, 4, 4))
    loss = problem.bind(None, torch.float32)
    (layer,) = dense_layers(problem, loss)
    patches = first_inputs(loss, layer).float()
    with torch.no_grad():
        outputs = module(problem.data[0]).movedim(1, -1).flatten(0, -2) - module.bias
        assert patches @ module.weight.flatten(1).T == pytest.approx(outputs, abs=1e-5)


def test_a_second_moment_drops_directions_that_no_input_has() -> None:
    rows = torch.randn(200, 6, dtype=torch.float64)
    rows[:, 2] = 0.0
    rows[:, 4] = rows[:, 1]
    for some in (rows, rows[:3]):
        moment = moment_of(some.numpy())
        assert moment.rank == min(4, len(some))
        assert moment.matrix == pytest.approx((some.T @ some / len(some)).numpy(), abs=1e-10)
    with pytest.raises(ValueError, match="all zero"):
        moment_of(torch.zeros(3, 2).numpy())


def test_measured_scales_are_those_of_the_loss() -> None:
    torch.manual_seed(1)
    inputs, targets = torch.randn(50, 3).double(), torch.randn(50, 1).double()
    fitted = torch.linalg.lstsq(inputs, targets).solution
    module = nn.Linear(3, 1, bias=False).double()
    module.weight.data = fitted.T
    problem = llcbench.from_module(module, lambda f, y: (f - y).square().sum(1), (inputs, targets))
    values = measured(problem, 0)
    hessian = 2 * inputs.T @ inputs / 50
    grads = 2 * (inputs @ fitted - targets) * inputs
    assert values.curvature == pytest.approx(float(torch.linalg.eigvalsh(hessian)[-1]), rel=0.01)
    assert values.gradient_variance == pytest.approx(float(grads.var(0).sum()), rel=1e-6)


def test_an_upside_down_loss_is_refused() -> None:
    module = nn.Linear(3, 1)
    inputs = (torch.randn(20, 3), torch.zeros(20))
    problem = llcbench.from_module(module, lambda f, y: -f.square().sum(1), inputs)
    with pytest.raises(ValueError, match="train the network first"):
        measured(problem, 0)


def dense(*widths: int) -> list[DenseLayer]:
    return [DenseLayer(str(k), b, a) for k, (a, b) in enumerate(pairwise(widths))]


def test_shapes_that_follow_each_other_are_kept() -> None:
    chain = chain_of(dense(64, 32, 10), 20_000)
    assert chain.widths == (64, 32, 10)
    assert chain.notes == ()
    assert chain_of(dense(64, 10), 20_000).widths == (64, 10)


def test_other_shapes_become_a_chain_of_as_many_weights() -> None:
    layers = [DenseLayer("a", 8, 9), DenseLayer("b", 16, 72), DenseLayer("c", 10, 256)]
    chain = chain_of(layers, 20_000)
    wanted = sum(layer.size for layer in layers)
    assert (chain.widths[0], chain.widths[-1]) == (9, 10)
    assert abs(chain.dim / wanted - 1) < 0.05
    assert len(chain.notes) == 1


def test_deep_and_wide_networks_are_cut_and_say_so() -> None:
    chain = chain_of(dense(*[20] * 31), 20_000)
    assert len(chain.widths) == 10
    assert abs(chain.dim / (30 * 400) - 1) < 0.05
    assert "9 of 30 layers" in chain.notes[0]
    wide = chain_of(dense(3000, 200, 10), 20_000)
    assert wide.dim <= 20_000
    assert wide.widths[-1] == 10
    assert "max_dim is 20000" in wide.notes[0]
    assert weights_of(wide.widths) == wide.dim
    with pytest.raises(ValueError, match="too small: 2 layers have 2 weights"):
        chain_of(dense(5, 5, 5), 1)
