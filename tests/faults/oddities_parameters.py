"""Odd parameters, buffers, precisions and constants of networks."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from odd_networks import WIDTH, classes, entropies, inputs, network, plain, squares, targets, value
from oddities import Row
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from llcbench.one_call import fitting

PARAMETERS = Row("parameters and buffers")


class Complex(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.inner = network()
        number = torch.ones(1, dtype=torch.complex64)
        if kind == "parameter":
            self.factor = nn.Parameter(number)
        else:
            self.register_buffer("factor", number)

    def forward(self, x: Tensor) -> Tensor:
        return (self.inner(x) * self.factor).real


@PARAMETERS.refused("complex parameters", "factor is complex")
def _(folder: Path) -> Any:
    return value(plain(Complex("parameter")))


@PARAMETERS.refused("complex buffers", "factor is complex")
def _(folder: Path) -> Any:
    return value(plain(Complex("buffer")))


@PARAMETERS.estimated("parameters with requires_grad=False")
def _(folder: Path) -> Any:
    module = network()
    module[0].requires_grad_(False)
    problem = plain(module)
    assert problem.dim == 5
    assert "16 parameters" in problem.notes[0]
    return value(problem), value(plain(only="2.*"))


@PARAMETERS.refused("no parameter that requires a gradient", "call module.requires_grad_()")
def _(folder: Path) -> Any:
    return value(plain(network().requires_grad_(False)))


@PARAMETERS.refused("patterns that ask for a fixed parameter", "call requires_grad_()")
def _(folder: Path) -> Any:
    module = network()
    module[0].requires_grad_(False)
    return value(plain(module, only="0.*"))


class Counting(nn.Module):
    """An integer parameter and an integer buffer that do nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = network()
        self.number = nn.Parameter(torch.arange(3), requires_grad=False)
        self.register_buffer("step", torch.tensor(7))

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) + 0 * self.step


@PARAMETERS.estimated("integer parameters and buffers")
def _(folder: Path) -> Any:
    problem = plain(Counting())
    assert problem.dim == 21
    return value(problem)


@PARAMETERS.refused("no parameters", "no parameters")
def _(folder: Path) -> Any:
    return value(plain(nn.Identity(), data=(targets(), targets())))


@PARAMETERS.refused("parameters without entries", "nothing to move")
def _(folder: Path) -> Any:
    module = nn.Linear(WIDTH, 1).requires_grad_(False)
    module.empty = nn.Parameter(torch.zeros(0))
    return value(plain(module))


class Tied(nn.Module):
    def __init__(self, tied: bool) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.first, self.tied = nn.Linear(WIDTH, WIDTH, bias=False), tied
        if tied:
            self.second = nn.Linear(WIDTH, WIDTH, bias=False)
            self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        second = self.second if self.tied else self.first
        return second(self.first(x).tanh()).sum(1, keepdim=True)


@PARAMETERS.estimated("tied weights")
def _(folder: Path) -> Any:
    assert plain(Tied(True)).dim == 9
    return value(plain(Tied(True)).realised()), value(plain(Tied(False)).realised())


class Listed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = network()
        self.layers = [nn.Linear(1, 1)]

    def forward(self, x: Tensor) -> Tensor:
        return self.layers[0](self.inner(x))


@PARAMETERS.refused("layers in a plain list", "use nn.Parameter")
def _(folder: Path) -> Any:
    return value(plain(Listed()))


class Loose(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = network()
        self.scale = torch.ones(1, requires_grad=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) * self.scale


@PARAMETERS.refused("a tensor to be trained that is no parameter", "does not list")
def _(folder: Path) -> Any:
    return value(plain(Loose()))


@PARAMETERS.refused("NaN in the weights", "2.bias holds 1 numbers that are not finite")
def _(folder: Path) -> Any:
    module = network()
    module[2].bias.data.fill_(math.nan)
    return value(plain(module))


@PARAMETERS.refused("weights on the meta device", "on meta")
def _(folder: Path) -> Any:
    return value(plain(network().to("meta")))


@PARAMETERS.refused("lazy layers that take other inputs", "the lazy module on inputs")
def _(folder: Path) -> Any:
    return value(plain(nn.LazyConv2d(1, 1)))


@PARAMETERS.estimated("lazy layers that ran")
def _(folder: Path) -> Any:
    module = nn.Sequential(nn.LazyLinear(4), nn.Tanh(), nn.LazyLinear(1))
    module(inputs())
    module.load_state_dict(network().state_dict())
    return value(plain(module))


@PARAMETERS.refused("quantised weights", "no parameters")
def _(folder: Path) -> Any:
    module = torch.ao.quantization.quantize_dynamic(network(), {nn.Linear}, torch.qint8)
    return value(plain(module))


PRECISION = Row("precision and constants")


@PRECISION.estimated("a module in double")
def _(folder: Path) -> Any:
    problem = plain(network().double())
    assert fitting(problem).dtype == "float64"
    return value(problem), value(plain(), dtype="float64")


@PRECISION.estimated("a module in bfloat16")
def _(folder: Path) -> Any:
    problem = plain(network().bfloat16()).realised()
    assert "bfloat16" in problem.notes[0]
    return value(problem), value(plain(network().bfloat16().float()).realised())


@PRECISION.estimated("a module in half precision")
def _(folder: Path) -> Any:
    problem = plain(network().half()).realised()
    assert "float16" in problem.notes[0]
    return value(problem), value(plain(network().half().float()).realised())


@PRECISION.estimated("inputs and targets in double")
def _(folder: Path) -> Any:
    return value(plain(data=(inputs().double(), targets().double())))


@PRECISION.refused("whole numbers as inputs of a linear layer", "inputs.float()")
def _(folder: Path) -> Any:
    return value(plain(data=(inputs().long(), targets())))


class Single(nn.Module):
    """Casts to single precision whatever comes."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = network()

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x.float())


@PRECISION.estimated("a module that casts to single precision")
def _(folder: Path) -> Any:
    return value(plain(Single()))


@PRECISION.refused("a module that casts to single precision, asked for double", "dtype='float32'")
def _(folder: Path) -> Any:
    return value(plain(Single()), dtype="float64")


def weighted(weight: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda f, y: cross_entropy(f, y, weight=weight, reduction="none")


@PRECISION.estimated("a loss with constants in single precision")
def _(folder: Path) -> Any:
    module, data = classes()
    return value(plain(module, weighted(torch.ones(3)), data)), value(
        plain(module, entropies, data)
    )


@PRECISION.estimated("a loss that is a module with weights")
def _(folder: Path) -> Any:
    module, data = classes()
    loss = nn.CrossEntropyLoss(weight=torch.ones(3), reduction="none")
    return value(plain(module, loss, data)), value(plain(module, entropies, data))


@PRECISION.estimated("a constant of 1e6 in the loss")
def _(folder: Path) -> Any:
    return value(plain(loss=lambda f, y: squares(f, y) + 1e6))
