"""Modes and defaults that the caller has set."""

from pathlib import Path
from typing import Any

import torch
from odd_networks import inputs, network, plain, squares, targets, value
from oddities import Row

MODES = Row("modes and defaults of the caller")


@MODES.estimated("inference mode")
def _(folder: Path) -> Any:
    with torch.inference_mode():
        return value(plain())


@MODES.estimated("a module and data made in inference mode")
def _(folder: Path) -> Any:
    with torch.inference_mode():
        problem = plain()
    return value(problem)


@MODES.estimated("no_grad")
def _(folder: Path) -> Any:
    with torch.no_grad():
        return value(plain())


@MODES.estimated("autocast to bfloat16")
def _(folder: Path) -> Any:
    data = inputs(), targets()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return value(plain(data=data))


@MODES.estimated("default precision double")
def _(folder: Path) -> Any:
    problem = plain()
    torch.set_default_dtype(torch.float64)
    try:
        return value(problem)
    finally:
        torch.set_default_dtype(torch.float32)


@MODES.estimated("default precision half, from the start")
def _(folder: Path) -> Any:
    module, data = network(), (inputs(), targets())
    torch.set_default_dtype(torch.float16)
    try:
        return value(plain(module, data=data))
    finally:
        torch.set_default_dtype(torch.float32)


@MODES.estimated("another default device")
def _(folder: Path) -> Any:
    module, data = network(), (inputs(), targets())
    torch.set_default_device("meta")
    try:
        return value(plain(module, data=data))
    finally:
        torch.set_default_device(None)


@MODES.estimated("the caller's module, gradients and random state stay as they were")
def _(folder: Path) -> Any:
    module = network().train()
    squares(module(inputs()), targets() + 1).mean().backward()
    kept = [(w.clone(), w.grad.clone(), w.requires_grad) for w in module.parameters()]
    state = torch.get_rng_state()
    result = value(plain(module))
    assert torch.equal(state, torch.get_rng_state())
    assert module.training
    for w, (old, grad, required) in zip(module.parameters(), kept, strict=True):
        assert torch.equal(w, old)
        assert torch.equal(w.grad, grad)
        assert w.requires_grad == required
    return result
