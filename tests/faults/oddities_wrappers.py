"""Networks that something has wrapped, parametrised, compiled or checkpointed."""

import threading
from pathlib import Path
from typing import Any

import torch
from odd_networks import inputs, network, odd, plain, squares, targets, value
from oddities import Row
from torch import nn
from torch.nn.utils import prune
from torch.utils.checkpoint import checkpoint

WRAPPERS = Row("wrappers and parametrisations")


@WRAPPERS.refused("a scripted module", "scripted or traced")
def _(folder: Path) -> Any:
    return value(plain(torch.jit.script(network())))


@WRAPPERS.estimated("a parallel module")
def _(folder: Path) -> Any:
    return value(plain(nn.DataParallel(network())))


@WRAPPERS.estimated("old weight_norm")
def _(folder: Path) -> Any:
    module = network()
    nn.utils.weight_norm(module[0])
    other = network()
    nn.utils.parametrizations.weight_norm(other[0])
    module(inputs()).sum().backward()
    assert plain(module).dim == 25
    return value(plain(module)), value(plain(other))


@WRAPPERS.estimated("parametrised weights")
def _(folder: Path) -> Any:
    module = network()
    nn.utils.parametrizations.weight_norm(module[0])
    problem = plain(module)
    loss = problem.bind(None, torch.float64)
    theta = problem.w_star().double()[None] * 1.1
    excess, _ = loss.excess_and_grad(theta, loss.draw(1, None, torch.Generator()))
    nn.utils.vector_to_parameters(theta[0].float(), module.parameters())
    return float(excess), float(squares(module(inputs()), targets()).mean())


@WRAPPERS.estimated("pruned weights")
def _(folder: Path) -> Any:
    module = network()
    prune.identity(module[0], "weight")
    module(inputs()).sum().backward()
    problem, order = plain(module), ["0.bias", "0.weight_orig", "2.weight", "2.bias"]
    assert list(problem.shapes) == order
    return value(problem.restricted("2.*")), value(plain().restricted("2.*"))


@WRAPPERS.refused("the class of a module", "make an instance")
def _(folder: Path) -> Any:
    return value(plain(nn.Linear))


@WRAPPERS.refused("a function for a module", "wrap a function")
def _(folder: Path) -> Any:
    return value(plain(lambda x: x))


@WRAPPERS.refused("a module that cannot be copied", "cannot be copied")
def _(folder: Path) -> Any:
    module = network()
    module.lock = threading.Lock()
    return value(plain(module))


COMPILERS = Row("compilers and checkpointing")


@COMPILERS.estimated("a compiled module")
def _(folder: Path) -> Any:
    return value(plain(torch.compile(network())))


@COMPILERS.estimated("deterministic algorithms")
def _(folder: Path) -> Any:
    torch.use_deterministic_algorithms(True)
    try:
        return value(plain())
    finally:
        torch.use_deterministic_algorithms(False)


@COMPILERS.estimated("a module compiled in place")
def _(folder: Path) -> Any:
    module = network()
    module.compile()
    return value(plain(module))


@COMPILERS.refused("a traced module", "scripted or traced")
def _(folder: Path) -> Any:
    return value(plain(torch.jit.trace(network(), inputs())))


@COMPILERS.refused("checkpointed activations", "switch checkpointing of activations off")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: checkpoint(m.inner, x, use_reentrant=False))


@COMPILERS.refused("old checkpointed activations", "checkpointing of activations")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: checkpoint(m.inner, x.requires_grad_(), use_reentrant=True))
