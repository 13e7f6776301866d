"""Oddities of own networks: estimated as without the oddity, or refused in one line."""

import math
import threading
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from experiment import Experiment, Outcome
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, dropout, mse_loss
from torch.nn.utils import prune
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset

import llcbench
from llcbench.one_call import fitting

SAMPLES, WIDTH = 60, 3
# Round-off of another order of the same sums, and what rounding to bfloat16 may do to nothing else.
CLOSE = 1e-4


def network(width: int = 4) -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(WIDTH, width), nn.Tanh(), nn.Linear(width, 1))


def inputs() -> Tensor:
    return torch.randn(SAMPLES, WIDTH, generator=torch.Generator().manual_seed(0))


def targets() -> Tensor:
    with torch.no_grad():
        return network()(inputs())


def squares(f: Tensor, y: Tensor) -> Tensor:
    return (f - y).square().sum(1)


def entropies(f: Tensor, y: Tensor) -> Tensor:
    return cross_entropy(f, y, reduction="none")


def value(problem: Any, **changes: Any) -> float:
    """Return a short estimate, in the settings that suit the problem."""
    settings = msgspec.structs.replace(
        fitting(problem), nbeta=50.0, gamma=10.0, num_chains=2, num_draws=10, num_burnin=2,
        **changes,
    )  # fmt: skip
    estimate = llcbench.estimate(problem, llcbench.SGLD(1e-3), settings, progress=False)
    assert estimate.status == "ok", estimate.message
    assert estimate.llc is not None
    return float(estimate.llc)


def plain(module: Any = None, loss: Any = squares, data: Any = None, **more: Any) -> Any:
    """Return the problem of the network, or of one with an oddity."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return llcbench.from_module(
            network() if module is None else module, loss, data or (inputs(), targets()), **more
        )


@cache
def truth() -> float:
    """Return the estimate without any oddity."""
    return value(plain())


@dataclass(frozen=True)
class Case:
    """An oddity.

    Attributes:
        row: Row of the table.
        name: What is odd.
        run: Returns estimates with and without the oddity, or raises.
        refusal: What the message of a refusal holds; empty where there is none.
    """

    row: str
    name: str
    run: Callable[[Path], tuple[float, float]]
    refusal: str = ""


CASES: list[Case] = []
# Rows of the table; a case is in the last one that was begun.
ROWS: list[str] = []


def estimated(name: str) -> Callable[[Callable[[Path], Any]], None]:
    """Add a case that is estimated: a function that returns a value, or one and what it must be."""

    def add(run: Callable[[Path], Any]) -> None:
        def pair(folder: Path) -> tuple[float, float]:
            found = run(folder)
            return found if isinstance(found, tuple) else (found, truth())

        CASES.append(Case(ROWS[-1], name, pair))

    return add


def refused(name: str, words: str) -> Callable[[Callable[[Path], Any]], None]:
    """Add a case that is refused with some words."""

    def add(run: Callable[[Path], Any]) -> None:
        def pair(folder: Path) -> tuple[float, float]:
            run(folder)
            return math.nan, math.nan

        CASES.append(Case(ROWS[-1], name, pair, words))

    return add


def oddity(index: int, folder: Path) -> list[Outcome]:
    """Try one case; whatever the caller had must be as it was."""
    case = CASES[index % len(CASES)]
    row = f"own networks: {case.row}"
    state = torch.get_rng_state()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, wanted = case.run(folder)
    except Exception as error:
        wrong = _fault(error, case.refusal)
        return [Outcome(row, bool(wrong), f"{case.name}: {wrong}" if wrong else "")]
    finally:
        torch.set_rng_state(state)
    if case.refusal:
        return [Outcome(row, True, f"{case.name}: was not refused")]
    off = not abs(found - wanted) <= CLOSE * abs(wanted)
    return [Outcome(row, off, f"{case.name}: {found} instead of {wanted}" if off else "")]


def _fault(error: Exception, words: str) -> str:
    """Return what is wrong with a refusal; an empty text for a good one."""
    text = str(error)
    last = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    if not words or not isinstance(error, ValueError | TypeError) or "llcbench" not in last.parts:
        return f"{type(error).__name__} in {last.name}: {text.splitlines()[:1]}"
    if "\n" in text or len(text) > 500 or words not in text:
        return f"message: {text[:200]}"
    return ""


ROWS.append("parameters and buffers")


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


@refused("complex parameters", "factor is complex")
def _(folder: Path) -> Any:
    return value(plain(Complex("parameter")))


@refused("complex buffers", "factor is complex")
def _(folder: Path) -> Any:
    return value(plain(Complex("buffer")))


@estimated("parameters with requires_grad=False")
def _(folder: Path) -> Any:
    module = network()
    module[0].requires_grad_(False)
    problem = plain(module)
    assert problem.dim == 5
    assert "16 parameters" in problem.notes[0]
    return value(problem), value(plain(only="2.*"))


@refused("no parameter that requires a gradient", "call module.requires_grad_()")
def _(folder: Path) -> Any:
    return value(plain(network().requires_grad_(False)))


@refused("patterns that ask for a fixed parameter", "call requires_grad_()")
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


@estimated("integer parameters and buffers")
def _(folder: Path) -> Any:
    problem = plain(Counting())
    assert problem.dim == 21
    return value(problem)


@refused("no parameters", "no parameters")
def _(folder: Path) -> Any:
    return value(plain(nn.Identity(), data=(targets(), targets())))


@refused("parameters without entries", "nothing to move")
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


@estimated("tied weights")
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


@refused("layers in a plain list", "use nn.Parameter")
def _(folder: Path) -> Any:
    return value(plain(Listed()))


class Loose(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = network()
        self.scale = torch.ones(1, requires_grad=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) * self.scale


@refused("a tensor to be trained that is no parameter", "does not list")
def _(folder: Path) -> Any:
    return value(plain(Loose()))


@refused("NaN in the weights", "2.bias holds 1 numbers that are not finite")
def _(folder: Path) -> Any:
    module = network()
    module[2].bias.data.fill_(math.nan)
    return value(plain(module))


@refused("weights on the meta device", "on meta")
def _(folder: Path) -> Any:
    return value(plain(network().to("meta")))


@refused("lazy layers that did not run", "call the module once")
def _(folder: Path) -> Any:
    return value(plain(nn.LazyLinear(1)))


@estimated("lazy layers that ran")
def _(folder: Path) -> Any:
    module = nn.Sequential(nn.LazyLinear(4), nn.Tanh(), nn.LazyLinear(1))
    module(inputs())
    module.load_state_dict(network().state_dict())
    return value(plain(module))


@refused("quantised weights", "no parameters")
def _(folder: Path) -> Any:
    module = torch.ao.quantization.quantize_dynamic(network(), {nn.Linear}, torch.qint8)
    return value(plain(module))


ROWS.append("precision and constants")


@estimated("a module in double")
def _(folder: Path) -> Any:
    problem = plain(network().double())
    assert fitting(problem).dtype == "float64"
    return value(problem), value(plain(), dtype="float64")


@estimated("a module in bfloat16")
def _(folder: Path) -> Any:
    problem = plain(network().bfloat16()).realised()
    assert "bfloat16" in problem.notes[0]
    return value(problem), value(plain(network().bfloat16().float()).realised())


@estimated("a module in half precision")
def _(folder: Path) -> Any:
    problem = plain(network().half()).realised()
    assert "float16" in problem.notes[0]
    return value(problem), value(plain(network().half().float()).realised())


@estimated("inputs and targets in double")
def _(folder: Path) -> Any:
    return value(plain(data=(inputs().double(), targets().double())))


@refused("whole numbers as inputs of a linear layer", "inputs.float()")
def _(folder: Path) -> Any:
    return value(plain(data=(inputs().long(), targets())))


class Single(nn.Module):
    """Casts to single precision whatever comes."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = network()

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x.float())


@estimated("a module that casts to single precision")
def _(folder: Path) -> Any:
    return value(plain(Single()))


@refused("a module that casts to single precision, asked for double", "dtype='float32'")
def _(folder: Path) -> Any:
    return value(plain(Single()), dtype="float64")


def weighted(weight: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda f, y: cross_entropy(f, y, weight=weight, reduction="none")


def classes() -> tuple[nn.Module, tuple[Tensor, Tensor]]:
    torch.manual_seed(5)
    module = nn.Sequential(nn.Linear(WIDTH, 4), nn.Tanh(), nn.Linear(4, 3))
    return module, (inputs(), torch.arange(SAMPLES) % 3)


@estimated("a loss with constants in single precision")
def _(folder: Path) -> Any:
    module, data = classes()
    return value(plain(module, weighted(torch.ones(3)), data)), value(
        plain(module, entropies, data)
    )


@estimated("a loss that is a module with weights")
def _(folder: Path) -> Any:
    module, data = classes()
    loss = nn.CrossEntropyLoss(weight=torch.ones(3), reduction="none")
    return value(plain(module, loss, data)), value(plain(module, entropies, data))


@estimated("a constant of 1e6 in the loss")
def _(folder: Path) -> Any:
    return value(plain(loss=lambda f, y: squares(f, y) + 1e6))


ROWS.append("modes and defaults of the caller")


@estimated("inference mode")
def _(folder: Path) -> Any:
    with torch.inference_mode():
        return value(plain())


@estimated("a module and data made in inference mode")
def _(folder: Path) -> Any:
    with torch.inference_mode():
        problem = plain()
    return value(problem)


@estimated("no_grad")
def _(folder: Path) -> Any:
    with torch.no_grad():
        return value(plain())


@estimated("autocast to bfloat16")
def _(folder: Path) -> Any:
    data = inputs(), targets()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return value(plain(data=data))


@estimated("default precision double")
def _(folder: Path) -> Any:
    problem = plain()
    torch.set_default_dtype(torch.float64)
    try:
        return value(problem)
    finally:
        torch.set_default_dtype(torch.float32)


@estimated("default precision half, from the start")
def _(folder: Path) -> Any:
    module, data = network(), (inputs(), targets())
    torch.set_default_dtype(torch.float16)
    try:
        return value(plain(module, data=data))
    finally:
        torch.set_default_dtype(torch.float32)


@estimated("another default device")
def _(folder: Path) -> Any:
    module, data = network(), (inputs(), targets())
    torch.set_default_device("meta")
    try:
        return value(plain(module, data=data))
    finally:
        torch.set_default_device(None)


@estimated("the caller's module, gradients and random state stay as they were")
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


ROWS.append("wrappers and parametrisations")


@refused("a scripted module", "scripted or traced")
def _(folder: Path) -> Any:
    return value(plain(torch.jit.script(network())))


@refused("a parallel module", "give module.module")
def _(folder: Path) -> Any:
    return value(plain(nn.DataParallel(network())))


@estimated("old weight_norm")
def _(folder: Path) -> Any:
    module = network()
    nn.utils.weight_norm(module[0])
    other = network()
    nn.utils.parametrizations.weight_norm(other[0])
    module(inputs()).sum().backward()
    assert plain(module).dim == 25
    return value(plain(module)), value(plain(other))


@estimated("parametrised weights")
def _(folder: Path) -> Any:
    module = network()
    nn.utils.parametrizations.weight_norm(module[0])
    problem = plain(module)
    loss = problem.bind(None, torch.float64)
    theta = problem.w_star().double()[None] * 1.1
    excess, _ = loss.excess_and_grad(theta, loss.draw(1, None, torch.Generator()))
    nn.utils.vector_to_parameters(theta[0].float(), module.parameters())
    return float(excess), float(squares(module(inputs()), targets()).mean())


@estimated("pruned weights")
def _(folder: Path) -> Any:
    module = network()
    prune.identity(module[0], "weight")
    module(inputs()).sum().backward()
    problem, order = plain(module), ["0.bias", "0.weight_orig", "2.weight", "2.bias"]
    assert list(problem.shapes) == order
    return value(problem.restricted("2.*")), value(plain().restricted("2.*"))


@refused("the class of a module", "make an instance")
def _(folder: Path) -> Any:
    return value(plain(nn.Linear))


@refused("a function for a module", "wrap a function")
def _(folder: Path) -> Any:
    return value(plain(lambda x: x))


@refused("a module that cannot be copied", "cannot be copied")
def _(folder: Path) -> Any:
    module = network()
    module.lock = threading.Lock()
    return value(plain(module))


ROWS.append("what forward and loss do")


class Odd(nn.Module):
    """The network, with something done to inputs or outputs."""

    def __init__(self, act: Callable[[Any, Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.inner, self.act = network(), act
        self.register_buffer("count", torch.zeros(()))
        self.norm = nn.BatchNorm1d(1, track_running_stats=False)
        self.norm.requires_grad_(False)

    def forward(self, x: Tensor) -> Any:
        return self.act(self, x, self.inner(x))


def odd(act: Callable[[Any, Tensor, Tensor], Any], loss: Any = squares) -> Any:
    return value(plain(Odd(act), loss))


@refused("batch statistics in evaluation mode", "track_running_stats=True")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: m.norm(f))


@refused("a little of the batch's mean", "samples must not mix")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: f + 0.05 * f.mean(0))


@refused("mixing in batches of more than 32", "samples must not mix")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: f + f.mean(0) if len(f) > 32 else f)


@refused("outputs that depend on the place in the batch", "samples must not mix")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: f * (1 + 0.1 * torch.arange(len(f))[:, None] / len(f)))


@refused("groups of samples", "samples must not mix")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: f - f.view(-1, 4, 1).mean(1).repeat_interleave(4, 0))


@refused("a loss over all pairs by broadcasting", "samples must not mix")
def _(folder: Path) -> Any:
    return value(plain(loss=lambda f, y: (f - y[:, 0]).square().mean(1)))


@refused("a mean that is spread over the samples", "samples must not mix")
def _(folder: Path) -> Any:
    return value(plain(loss=lambda f, y: mse_loss(f, y + 1).expand(len(y))))


@refused("a loss that returns its mean", "reduction='none'")
def _(folder: Path) -> Any:
    return value(plain(loss=mse_loss))


@refused("dropout that is on in evaluation mode", "not the same twice")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: dropout(f, 0.02))


@refused("a loss with noise", "not the same twice")
def _(folder: Path) -> Any:
    return value(plain(loss=lambda f, y: squares(f, y) * (1 + 1e-3 * torch.rand(()))))


@estimated("dropout in training mode")
def _(folder: Path) -> Any:
    first, act, last = network()
    dropped = nn.Sequential(first, nn.Sequential(act, nn.Dropout(0.5)), last).train()
    return value(plain(dropped))


@refused("a buffer that forward changes", "forward changes count")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: f + 0 * m.count.add_(1))


@refused("a parameter that forward changes", "forward changes")
def _(folder: Path) -> Any:
    def clamp(m: Any, x: Tensor, f: Tensor) -> Tensor:
        with torch.no_grad():
            m.inner[2].weight.data.mul_(0.999)
        return f

    return odd(clamp)


class Words(nn.Module):
    def __init__(self, **options: Any) -> None:
        super().__init__()
        torch.manual_seed(6)
        self.table = nn.Embedding(7, 2, **options)

    def forward(self, x: Tensor) -> Tensor:
        return self.table(x).prod(1, keepdim=True)


def words(last: int = 7) -> tuple[Tensor, Tensor]:
    return torch.arange(SAMPLES) % last, torch.zeros(SAMPLES, 1)


@refused("an embedding with a largest norm", "forward changes table.weight")
def _(folder: Path) -> Any:
    return value(plain(Words(max_norm=1.0), data=words()))


@estimated("an embedding with sparse gradients")
def _(folder: Path) -> Any:
    return value(plain(Words(sparse=True), data=words())), value(plain(Words(), data=words()))


@refused("numbers of tokens out of range", "below the size of the embedding")
def _(folder: Path) -> Any:
    return value(plain(Words(), data=words(8)))


@refused("a detached part", "gradient is not the derivative")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: f.detach() + 0.5 * f)


@refused("a loss without gradient", "gradient is not the derivative")
def _(folder: Path) -> Any:
    return value(plain(loss=lambda f, y: squares(f.detach(), y + 1)))


@refused("outputs that are rounded, with a gradient that is not", "gradient is not the derivative")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: f + (torch.round(f * 8) / 8 - f).detach())


@refused("a hook that scales gradients", "gradient is not the derivative")
def _(folder: Path) -> Any:
    module = network()
    module[2].register_full_backward_hook(lambda m, before, after: tuple(3 * g for g in before))
    return value(plain(module))


@estimated("a hook that keeps outputs")
def _(folder: Path) -> Any:
    module, kept = network(), []
    module.register_forward_hook(lambda m, x, f: kept.append(f.detach()))
    return value(plain(module))


@estimated("a hook that changes outputs, as a module that does")
def _(folder: Path) -> Any:
    module = network()
    module.register_forward_hook(lambda m, x, f: 2 * f)
    twice = value(plain(Odd(lambda m, x, f: 2 * f)).realised())
    return value(plain(module).realised()), twice


@estimated("inputs that are written in place")
def _(folder: Path) -> Any:
    x = inputs().abs()
    x[:, 0] = -1
    kept, y = x.clone(), targets()
    module = nn.Sequential(nn.ReLU(inplace=True), network())
    other = nn.Sequential(nn.ReLU(), network())
    result = value(plain(module, data=(x, y)).realised())
    assert torch.equal(x, kept)
    return result, value(plain(other, data=(x, y)).realised())


@estimated("targets that are written in place")
def _(folder: Path) -> Any:
    y = targets()
    kept = y.clone()
    result = value(plain(loss=lambda f, y: y.sub_(f).square().sum(1), data=(inputs(), y)))
    assert torch.equal(y, kept)
    return result


class Recurrent(nn.Module):
    def __init__(self, batch_first: bool, swapped: bool) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.inner, self.swapped = nn.LSTM(WIDTH, 2, batch_first=batch_first), swapped

    def forward(self, x: Tensor) -> Tensor:
        steps = self.inner(x.transpose(0, 1) if self.swapped else x)[0]
        return steps.sum((0, 2) if self.swapped else (1, 2))[:, None]


def sequences() -> tuple[Tensor, Tensor]:
    return inputs()[:, None, :].expand(-1, 5, -1).contiguous(), targets()


@refused("an LSTM without batch_first", "batch_first=True")
def _(folder: Path) -> Any:
    return value(plain(Recurrent(False, False), data=sequences()))


@estimated("an LSTM with batch_first, and one whose module swaps the axes")
def _(folder: Path) -> Any:
    swapped = plain(Recurrent(False, True), data=sequences())
    return value(plain(Recurrent(True, False), data=sequences())), value(swapped)


@estimated("outputs that are squeezed, on one sample more than a chunk")
def _(folder: Path) -> Any:
    x = torch.randn(1025, WIDTH, generator=torch.Generator().manual_seed(1))
    squeezed = plain(Odd(lambda m, x, f: f.squeeze()), lambda f, y: (f - y).square(), (x, x[:, 0]))
    whole = plain(loss=squares, data=(x, x[:, :1]))
    return value(squeezed, batch_size=None), value(whole, batch_size=None)


@estimated("outputs in a dictionary")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: {"logits": f}, lambda f, y: squares(f["logits"], y))


@refused("outputs that the loss does not expect", "what the module returns")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: {"logits": f})


@refused("a module that takes two inputs", "wrap a module that takes anything else")
def _(folder: Path) -> Any:
    return value(plain(nn.Bilinear(WIDTH, WIDTH, 1)))


@refused("inputs of another width", "compare the other axes")
def _(folder: Path) -> Any:
    return value(plain(data=(inputs()[:, :2], targets())))


@refused("forward that raises", "AssertionError: no")
def _(folder: Path) -> Any:
    def fails(m: Any, x: Tensor, f: Tensor) -> Any:
        raise AssertionError("no\nreally")

    return odd(fails)


ROWS.append("data")


@refused("arrays of numpy", "torch.from_numpy")
def _(folder: Path) -> Any:
    return value(plain(data=(inputs().numpy(), targets().numpy())))


@refused("lists of objects as inputs", "stack them to one tensor")
def _(folder: Path) -> Any:
    return value(plain(data=(["a", "b"], targets()[:2])))


@refused("a dictionary of inputs", "stack them to one tensor")
def _(folder: Path) -> Any:
    return value(plain(data=({"ids": inputs()}, targets())))


@refused("a DataLoader", "stack its samples")
def _(folder: Path) -> Any:
    return value(plain(data=DataLoader(TensorDataset(inputs(), targets()))))


@refused("a dataset of three tensors", "got 3")
def _(folder: Path) -> Any:
    return value(plain(data=TensorDataset(inputs(), inputs(), targets())))


@refused("no data", "0 inputs and 0 targets")
def _(folder: Path) -> Any:
    return value(plain(data=(inputs()[:0], targets()[:0])))


@refused("more inputs than targets", "60 inputs and 59 targets")
def _(folder: Path) -> Any:
    return value(plain(data=(inputs(), targets()[1:])))


@refused("sparse inputs", "not stored densely")
def _(folder: Path) -> Any:
    return value(plain(data=(inputs().to_sparse(), targets())))


@refused("one label out of range", "labels lie in 0 ... classes - 1")
def _(folder: Path) -> Any:
    module, (x, y) = classes()
    y[-7] = 3
    return value(plain(module, entropies, (x, y)))


@refused("labels that are no whole numbers", "targets.long()")
def _(folder: Path) -> Any:
    module, (x, y) = classes()
    return value(plain(module, entropies, (x, y.int())))


@refused("one input that is NaN", "sample 41")
def _(folder: Path) -> Any:
    x = inputs()
    x[41, 1] = math.nan
    return value(plain(data=(x, targets())))


@estimated("data with a history")
def _(folder: Path) -> Any:
    module, x = network(), inputs().requires_grad_()
    return value(plain(module, data=(x, module(x))))


@refused("a share of errors as loss", "must be real and differentiable")
def _(folder: Path) -> Any:
    module, data = classes()
    return value(plain(module, lambda f, y: f.argmax(1) != y, data))


@refused("a loss in numpy", "must be a tensor")
def _(folder: Path) -> Any:
    return value(plain(loss=lambda f, y: np.zeros(len(y))))


ROWS.append("states, labels and parts")


@refused("a Lightning checkpoint as state", "under 'state_dict'")
def _(folder: Path) -> Any:
    return plain(w_star={"epoch": 3, "state_dict": network().state_dict()})


@refused("a state that a wrapper has written", "removeprefix('module.')")
def _(folder: Path) -> Any:
    return plain(w_star=nn.DataParallel(network()).state_dict())


@refused("the state of another network", "that of another network")
def _(folder: Path) -> Any:
    return plain().at(network(5).state_dict())


@refused("a state with NaN", "not finite")
def _(folder: Path) -> Any:
    state = network().state_dict()
    state["0.bias"][0] = math.nan
    return plain().at(state)


@refused("a complex state", "complex in 0.bias")
def _(folder: Path) -> Any:
    state = network().state_dict()
    return plain().at(state | {"0.bias": state["0.bias"] + 0j})


@refused("a module as state", "module.state_dict()")
def _(folder: Path) -> Any:
    return plain().at(network())


@refused("labels by a link that makes no minimum", "softmax for a cross entropy")
def _(folder: Path) -> Any:
    module, data = classes()
    return plain(module, entropies, data).realised()


@estimated("labels by the link of the loss")
def _(folder: Path) -> Any:
    module, data = classes()
    problem = plain(module, entropies, data).realised(lambda f: f.softmax(1))
    labels = module(data[0]).softmax(1).detach()
    other = plain(module, entropies, (data[0], labels), name="module/realised")
    return value(problem), value(other)


@refused("a link that returns a number", "one row of labels per sample")
def _(folder: Path) -> Any:
    return plain().realised(torch.sum)


@refused("a part that is empty", "those that move are")
def _(folder: Path) -> Any:
    return plain(only="2.*").restricted("0.*")


@estimated("a part of a part")
def _(folder: Path) -> Any:
    whole = plain(only="2.bias", name="module[*bias]")
    return value(plain(only="2.*").restricted("*bias")), value(whole)


# Last, for they import compilers: seconds that the quick trials do without.
SLOW = 6
ROWS.append("compilers and checkpointing")


@refused("a compiled module", "before torch.compile")
def _(folder: Path) -> Any:
    return value(plain(torch.compile(network())))


@estimated("deterministic algorithms")
def _(folder: Path) -> Any:
    torch.use_deterministic_algorithms(True)
    try:
        return value(plain())
    finally:
        torch.use_deterministic_algorithms(False)


@estimated("a module compiled in place")
def _(folder: Path) -> Any:
    module = network()
    module.compile()
    return value(plain(module))


@refused("a traced module", "scripted or traced")
def _(folder: Path) -> Any:
    return value(plain(torch.jit.trace(network(), inputs())))


@refused("checkpointed activations", "switch checkpointing of activations off")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: checkpoint(m.inner, x, use_reentrant=False))


@refused("old checkpointed activations", "checkpointing of activations")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: checkpoint(m.inner, x.requires_grad_(), use_reentrant=True))


EXPERIMENTS = [Experiment("own-networks", "attack", len(CASES), oddity, quick=len(CASES) - SLOW)]
