"""Recorded passes give the losses and gradients of automatic differentiation, or are refused."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from llcbench.problems.modules.graphs import LARGE, RecordedPass, engine_of

CHAINS, BATCH = 3, 5


class Tied(nn.Module):
    """One matrix used twice, a scalar, and a parameter that nothing reads."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 4)
        self.outer = nn.Linear(4, 4)
        self.outer.weight = self.inner.weight
        self.scale = nn.Parameter(torch.tensor(0.7))
        self.unused = nn.Parameter(torch.ones(2))

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.outer(torch.tanh(self.inner(inputs))) * self.scale
        return outputs


class Attends(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, inputs: Tensor) -> Tensor:
        sequence = inputs.unsqueeze(1).repeat(1, 3, 1) * torch.arange(1, 4)[:, None]
        outputs: Tensor = self.attention(sequence, sequence, sequence)[0].mean(1)
        return outputs


class Branches(nn.Module):
    """Takes another way for other data, which no recording follows."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 4)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.inner(inputs)
        return outputs if inputs.sum() > 0 else 2 * outputs


class Images(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(4, 4),
        )  # fmt: skip

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.net(inputs.view(-1, 1, 2, 2))
        return outputs


class Flattens(nn.Module):
    """A dense network that is given images."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 4)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.inner(inputs.view(-1, 1, 2, 2).flatten(1))
        return outputs


class Recurs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRU(2, 4, batch_first=True)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.cell(inputs.view(-1, 2, 2))[0][:, -1]
        return outputs


DENSE = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.LayerNorm(6), nn.Linear(6, 4))


def case(module: nn.Module, dtype: torch.dtype, shared: bool = False):  # type: ignore[no-untyped-def]
    """Return a recording, parameters of all chains, a batch and the losses."""
    torch.manual_seed(0)
    module = module.to(dtype).eval().requires_grad_(False)
    shapes = {name: weight.shape for name, weight in module.named_parameters()}
    star = torch.cat([weight.reshape(-1) for weight in module.parameters()])
    theta = star + 0.1 * torch.randn(CHAINS, len(star)).to(dtype)
    lead = (BATCH,) if shared else (CHAINS, BATCH)
    batch = torch.randn(*lead, 4).to(dtype), torch.randint(4, lead)

    def losses(named, batch):  # type: ignore[no-untyped-def]
        outputs = functional_call(module, dict(named), (batch[0],))
        return cross_entropy(outputs.double(), batch[1], reduction="none")

    return RecordedPass(losses, shapes, engine_of(shapes), shared), theta, batch, losses, shapes


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "module",
    [DENSE, Tied(), Attends(), Images(), Flattens(), Recurs()],
    ids=["dense", "tied", "attention", "images", "flat", "recurrent"],
)
@pytest.mark.parametrize("shared", [False, True], ids=["own batches", "one batch"])
def test_losses_and_gradients(module: nn.Module, dtype: torch.dtype, shared: bool) -> None:
    recorded, theta, batch, losses, shapes = case(module, dtype, shared)
    if not recorded.record(theta, batch):
        assert isinstance(module, Recurs)
        return
    # Another place than that of the recording.
    theta = theta + 0.1
    grad = torch.full_like(theta, torch.nan)
    found = recorded.into(theta, batch, grad)
    rounding = 1e-4 if dtype == torch.float32 else 1e-11
    sizes = [shape.numel() for shape in shapes.values()]
    for chain in range(CHAINS):
        own = batch if shared else tuple(part[chain] for part in batch)
        leaves = {
            name: part.view(shape).clone().requires_grad_()
            for part, (name, shape) in zip(theta[chain].split(sizes), shapes.items(), strict=True)
        }
        exact = losses(leaves, own)
        parts = torch.autograd.grad(
            exact.mean(), list(leaves.values()), allow_unused=True, materialize_grads=True
        )
        slope = torch.cat([part.reshape(-1) for part in parts])
        torch.testing.assert_close(found[chain], exact.detach(), rtol=rounding, atol=rounding)
        torch.testing.assert_close(grad[chain], slope, rtol=rounding, atol=rounding)


def test_what_depends_on_the_data_is_not_recorded() -> None:
    recorded, theta, batch, *_ = case(Branches(), torch.float64)
    assert not recorded.record(theta, batch)


def test_a_recording_that_is_wrong_is_noticed() -> None:
    """A module with a state of its own gives other losses when it is recorded."""

    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.calls = nn.Linear(4, 4), 0

        def forward(self, inputs: Tensor) -> Tensor:
            self.calls += 1
            outputs: Tensor = self.inner(inputs) * self.calls
            return outputs

    recorded, theta, batch, *_ = case(Counts(), torch.float64)
    assert not recorded.record(theta, batch)


def test_the_choice_is_by_size_and_kind() -> None:
    small, kernel = torch.Size([10, 10]), torch.Size([4, 1, 3, 3])
    assert engine_of({"w": small}) == "vmap"
    assert engine_of({"w": small, "k": kernel}) == "trace"
    assert engine_of({"w": torch.Size([LARGE + 1])}) == "loop"


def test_a_recording_at_a_minimum_is_kept() -> None:
    """There the gradient is nothing but rounding."""
    recorded, theta, batch, _, shapes = case(DENSE, torch.float32)
    star = {name: weight.detach().clone() for name, weight in DENSE.named_parameters()}
    theta = torch.cat([weight.reshape(-1) for weight in star.values()]).expand_as(theta).clone()

    def losses(named, batch):  # type: ignore[no-untyped-def]
        ours, own = (functional_call(DENSE, dict(w), (batch[0],)) for w in (named, star))
        return (ours - own).double().square().sum(1)

    assert RecordedPass(losses, shapes, recorded.engine, shared=False).record(theta, batch)
