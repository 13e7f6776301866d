"""What forward and loss may do wrong: mix samples, add noise, write in place, break gradients."""

from pathlib import Path
from typing import Any

import torch
from odd_networks import SAMPLES, WIDTH, Odd, inputs, network, odd, plain, squares, targets, value
from oddities import Row
from torch import Tensor, nn
from torch.nn.functional import dropout, mse_loss


class Wrapped(nn.Module):
    """Takes both inputs in one tensor."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, both: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.inner(*both.chunk(2, 1))
        return outputs


FORWARD = Row("what forward and loss do")


@FORWARD.refused("batch statistics in evaluation mode", "track_running_stats=True")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: m.norm(f))


@FORWARD.refused("a little of the batch's mean", "samples must not mix")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: f + 0.05 * f.mean(0))


@FORWARD.refused("mixing in batches of more than 32", "samples must not mix")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: f + f.mean(0) if len(f) > 32 else f)


@FORWARD.refused("outputs that depend on the place in the batch", "samples must not mix")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: f * (1 + 0.1 * torch.arange(len(f))[:, None] / len(f)))


@FORWARD.refused("groups of samples", "samples must not mix")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: f - f.view(-1, 4, 1).mean(1).repeat_interleave(4, 0))


@FORWARD.refused("a loss over all pairs by broadcasting", "samples must not mix")
def _(folder: Path) -> Any:
    return value(plain(loss=lambda f, y: (f - y[:, 0]).square().mean(1)))


@FORWARD.refused("a mean that is spread over the samples", "samples must not mix")
def _(folder: Path) -> Any:
    return value(plain(loss=lambda f, y: mse_loss(f, y + 1).expand(len(y))))


@FORWARD.refused("a loss that returns its mean", "reduction='none'")
def _(folder: Path) -> Any:
    return value(plain(loss=mse_loss))


@FORWARD.refused("dropout that is on in evaluation mode", "not the same twice")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: dropout(f, 0.02))


@FORWARD.refused("a loss with noise", "not the same twice")
def _(folder: Path) -> Any:
    return value(plain(loss=lambda f, y: squares(f, y) * (1 + 1e-3 * torch.rand(()))))


@FORWARD.estimated("dropout in training mode")
def _(folder: Path) -> Any:
    first, act, last = network()
    dropped = nn.Sequential(first, nn.Sequential(act, nn.Dropout(0.5)), last).train()
    return value(plain(dropped))


@FORWARD.refused("a buffer that forward changes", "forward changes count")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: f + 0 * m.count.add_(1))


@FORWARD.refused("a parameter that forward changes", "forward changes")
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


@FORWARD.refused("an embedding with a largest norm", "forward changes table.weight")
def _(folder: Path) -> Any:
    return value(plain(Words(max_norm=1.0), data=words()))


@FORWARD.estimated("an embedding with sparse gradients")
def _(folder: Path) -> Any:
    return value(plain(Words(sparse=True), data=words())), value(plain(Words(), data=words()))


@FORWARD.refused("numbers of tokens out of range", "below the size of the embedding")
def _(folder: Path) -> Any:
    return value(plain(Words(), data=words(8)))


@FORWARD.refused("a detached part", "gradient is not the derivative")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: f.detach() + 0.5 * f)


@FORWARD.refused("a loss without gradient", "gradient is not the derivative")
def _(folder: Path) -> Any:
    return value(plain(loss=lambda f, y: squares(f.detach(), y + 1)))


@FORWARD.refused(
    "outputs that are rounded, with a gradient that is not", "gradient is not the derivative"
)
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: f + (torch.round(f * 8) / 8 - f).detach())


@FORWARD.refused("a hook that scales gradients", "gradient is not the derivative")
def _(folder: Path) -> Any:
    module = network()
    module[2].register_full_backward_hook(lambda m, before, after: tuple(3 * g for g in before))
    return value(plain(module))


@FORWARD.estimated("a hook that keeps outputs")
def _(folder: Path) -> Any:
    module, kept = network(), []
    module.register_forward_hook(lambda m, x, f: kept.append(f.detach()))
    return value(plain(module))


@FORWARD.estimated("a hook that changes outputs, as a module that does")
def _(folder: Path) -> Any:
    module = network()
    module.register_forward_hook(lambda m, x, f: 2 * f)
    twice = value(plain(Odd(lambda m, x, f: 2 * f)).realised())
    return value(plain(module).realised()), twice


@FORWARD.estimated("inputs that are written in place")
def _(folder: Path) -> Any:
    x = inputs().abs()
    x[:, 0] = -1
    kept, y = x.clone(), targets()
    module = nn.Sequential(nn.ReLU(inplace=True), network())
    other = nn.Sequential(nn.ReLU(), network())
    result = value(plain(module, data=(x, y)).realised())
    assert torch.equal(x, kept)
    return result, value(plain(other, data=(x, y)).realised())


@FORWARD.estimated("targets that are written in place")
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


@FORWARD.refused("an LSTM without batch_first", "batch_first=True")
def _(folder: Path) -> Any:
    return value(plain(Recurrent(False, False), data=sequences()))


@FORWARD.estimated("an LSTM with batch_first, and one whose module swaps the axes")
def _(folder: Path) -> Any:
    swapped = plain(Recurrent(False, True), data=sequences())
    return value(plain(Recurrent(True, False), data=sequences())), value(swapped)


@FORWARD.estimated("outputs that are squeezed, on one sample more than a chunk")
def _(folder: Path) -> Any:
    x = torch.randn(1025, WIDTH, generator=torch.Generator().manual_seed(1))
    squeezed = plain(Odd(lambda m, x, f: f.squeeze()), lambda f, y: (f - y).square(), (x, x[:, 0]))
    whole = plain(loss=squares, data=(x, x[:, :1]))
    return value(squeezed, batch_size=None), value(whole, batch_size=None)


@FORWARD.estimated("outputs in a dictionary")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: {"logits": f}, lambda f, y: squares(f["logits"], y))


@FORWARD.refused("outputs that the loss does not expect", "what the module returns")
def _(folder: Path) -> Any:
    return odd(lambda m, x, f: {"logits": f})


@FORWARD.refused("a module that takes two inputs and is given one", "several in a tuple")
def _(folder: Path) -> Any:
    return value(plain(nn.Bilinear(WIDTH, WIDTH, 1)))


@FORWARD.estimated("a module that takes two inputs")
def _(folder: Path) -> Any:
    module = nn.Bilinear(WIDTH, WIDTH, 1)
    together = torch.cat([inputs(), inputs()], 1)
    split = Wrapped(module)
    return (
        value(plain(module, data=((inputs(), inputs()), targets()))),
        value(plain(split, data=(together, targets()))),
    )


@FORWARD.refused("inputs of another width", "compare the other axes")
def _(folder: Path) -> Any:
    return value(plain(data=(inputs()[:, :2], targets())))


@FORWARD.refused("forward that raises", "AssertionError: no")
def _(folder: Path) -> Any:
    def fails(m: Any, x: Tensor, f: Tensor) -> Any:
        raise AssertionError("no\nreally")

    return odd(fails)
