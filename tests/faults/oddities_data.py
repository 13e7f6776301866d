"""Odd data, states, labels and parts."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from odd_networks import classes, entropies, inputs, network, plain, targets, value
from oddities import Row
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

DATA = Row("data")


@DATA.estimated("arrays of numpy")
def _(folder: Path) -> Any:
    return value(plain(data=(inputs().numpy(), targets().numpy())))


@DATA.refused("lists of objects as inputs", "stack them to one tensor")
def _(folder: Path) -> Any:
    return value(plain(data=(["a", "b"], targets()[:2])))


@DATA.refused("a dictionary of inputs for a module that takes a tensor", "by name in a dict")
def _(folder: Path) -> Any:
    return value(plain(data=({"ids": inputs()}, targets())))


@DATA.estimated("a DataLoader")
def _(folder: Path) -> Any:
    return value(plain(data=DataLoader(TensorDataset(inputs(), targets()))))


@DATA.refused("a dataset of three tensors", "got 3")
def _(folder: Path) -> Any:
    return value(plain(data=TensorDataset(inputs(), inputs(), targets())))


@DATA.refused("no data", "0 inputs and 0 targets")
def _(folder: Path) -> Any:
    return value(plain(data=(inputs()[:0], targets()[:0])))


@DATA.refused("more inputs than targets", "60 inputs and 59 targets")
def _(folder: Path) -> Any:
    return value(plain(data=(inputs(), targets()[1:])))


@DATA.refused("sparse inputs", "not stored densely")
def _(folder: Path) -> Any:
    return value(plain(data=(inputs().to_sparse(), targets())))


@DATA.refused("one label out of range", "labels lie in 0 ... classes - 1")
def _(folder: Path) -> Any:
    module, (x, y) = classes()
    y[-7] = 3
    return value(plain(module, entropies, (x, y)))


@DATA.refused("labels that are no whole numbers", "targets.long()")
def _(folder: Path) -> Any:
    module, (x, y) = classes()
    return value(plain(module, entropies, (x, y.int())))


@DATA.refused("one input that is NaN", "sample 41")
def _(folder: Path) -> Any:
    x = inputs()
    x[41, 1] = math.nan
    return value(plain(data=(x, targets())))


@DATA.estimated("data with a history")
def _(folder: Path) -> Any:
    module, x = network(), inputs().requires_grad_()
    return value(plain(module, data=(x, module(x))))


@DATA.refused("a share of errors as loss", "must be real and differentiable")
def _(folder: Path) -> Any:
    module, data = classes()
    return value(plain(module, lambda f, y: f.argmax(1) != y, data))


@DATA.refused("a loss in numpy", "must be a tensor")
def _(folder: Path) -> Any:
    return value(plain(loss=lambda f, y: np.zeros(len(y))))


STATES = Row("states, labels and parts")


@STATES.refused("a Lightning checkpoint as state", "under 'state_dict'")
def _(folder: Path) -> Any:
    return plain(w_star={"epoch": 3, "state_dict": network().state_dict()})


@STATES.refused("a state that a wrapper has written", "removeprefix('module.')")
def _(folder: Path) -> Any:
    return plain(w_star=nn.DataParallel(network()).state_dict())


@STATES.refused("the state of another network", "that of another network")
def _(folder: Path) -> Any:
    return plain().at(network(5).state_dict())


@STATES.refused("a state with NaN", "not finite")
def _(folder: Path) -> Any:
    state = network().state_dict()
    state["0.bias"][0] = math.nan
    return plain().at(state)


@STATES.refused("a complex state", "complex in 0.bias")
def _(folder: Path) -> Any:
    state = network().state_dict()
    return plain().at(state | {"0.bias": state["0.bias"] + 0j})


@STATES.refused("a module as state", "module.state_dict()")
def _(folder: Path) -> Any:
    return plain().at(network())


@STATES.refused("labels by a link that makes no minimum", "softmax for a cross entropy")
def _(folder: Path) -> Any:
    module, data = classes()
    return plain(module, entropies, data).realised()


@STATES.estimated("labels by the link of the loss")
def _(folder: Path) -> Any:
    module, data = classes()
    problem = plain(module, entropies, data).realised(lambda f: f.softmax(1))
    labels = module(data[0]).softmax(1).detach()
    other = plain(module, entropies, (data[0], labels), name="module/realised")
    return value(problem), value(other)


@STATES.refused("a link that returns a number", "one row of labels per sample")
def _(folder: Path) -> Any:
    return plain().realised(torch.sum)


@STATES.refused("a part that is empty", "those that move are")
def _(folder: Path) -> Any:
    return plain(only="2.*").restricted("0.*")


@STATES.estimated("a part of a part")
def _(folder: Path) -> Any:
    whole = plain(only="2.bias", name="module[*bias]")
    return value(plain(only="2.*").restricted("*bias")), value(whole)
