"""Every kind of network and data that people bring: estimated, or refused in one clear line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import llcbench
from llcbench.problems.modules.problem import ModuleProblem

COUNT, WIDTH = 30, 4


def inputs() -> Tensor:
    return torch.randn(COUNT, WIDTH, generator=torch.Generator().manual_seed(0))


def targets() -> Tensor:
    return torch.randn(COUNT, 1, generator=torch.Generator().manual_seed(1))


def squares(outputs: Tensor, wanted: Tensor) -> Tensor:
    return (outputs - wanted).square().sum(1)


def dense() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(WIDTH, 3), nn.Tanh(), nn.Linear(3, 1))


def plain(module: nn.Module | None = None, data: Any = None, loss: Any = squares) -> ModuleProblem:
    pair = (inputs(), targets()) if data is None else data
    return llcbench.from_module(dense() if module is None else module, loss, pair)


class ByNames(nn.Module):
    """Two named inputs, and an output that is an object."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = dense()

    def forward(self, x: Tensor, scale: Tensor, y: Tensor | None = None) -> dict[str, Tensor]:
        return {"logits": self.inner(x) * scale}


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Bilinear(WIDTH, WIDTH, 1)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        outputs: Tensor = self.inner(left, right)
        return outputs


class Transformed(Dataset):  # type: ignore[type-arg]
    """Makes a sample when it is asked for."""

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return inputs()[index] * 2.0 - 1.0, targets()[index]


class Rows(Dataset):  # type: ignore[type-arg]
    """Samples that are mappings."""

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"x": inputs()[index], "scale": torch.ones(1), "y": targets()[index]}


class Endless(IterableDataset):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        yield inputs()[0], targets()[0]


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell, self.out = nn.LSTM(2, 3, batch_first=True), nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.out(self.cell(x.view(-1, 2, 2))[0][:, -1])
        return outputs


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.two.weight = self.one.weight
        self.unused = nn.Parameter(torch.ones(2))
        self.register_buffer("steps", torch.tensor(3))

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.two(torch.tanh(self.one(x)))[:, :1]
        return outputs


class Lightning(nn.Module):
    """Has what a LightningModule has: a forward and a training step."""

    def __init__(self) -> None:
        super().__init__()
        self.network = dense()

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.network(x)
        return outputs

    def training_step(self, batch: Any, index: int) -> Tensor:
        return squares(self(batch[0]), batch[1]).mean()


def named(pair: bool) -> ModuleProblem:
    def loss(outputs: dict[str, Tensor], wanted: Any) -> Tensor:
        return squares(outputs["logits"], wanted if pair else wanted["y"])

    data = ({"x": inputs(), "scale": torch.ones(COUNT, 1)}, targets()) if pair else Rows()
    return llcbench.from_module(ByNames(), loss, data)


def memory_map(folder: Path) -> ModuleProblem:
    """A file of ten gigabytes, of which hardly any is read or written."""
    rows = 10 * 2**30 // (4 * WIDTH)
    x = np.memmap(folder / "x.bin", np.float32, "w+", shape=(rows, WIDTH))
    y = np.memmap(folder / "y.bin", np.float32, "w+", shape=(rows, 1))
    x[:5], y[-5:] = 1.0, 2.0
    return plain(data=(x, y))


def frozen() -> ModuleProblem:
    module = dense()
    module[0].requires_grad_(False)
    return plain(module)


def weight_norm(kind: Callable[[nn.Module], nn.Module]) -> ModuleProblem:
    module = dense()
    kind(module[0])
    return plain(module)


def classes(reduction: str) -> ModuleProblem:
    def loss(outputs: Tensor, wanted: Tensor) -> Tensor:
        return cross_entropy(outputs, wanted, reduction=reduction)

    return plain(nn.Linear(WIDTH, 3), (inputs(), torch.arange(COUNT) % 3), loss)


def normalised() -> ModuleProblem:
    module = nn.Sequential(nn.Linear(WIDTH, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    module(inputs())
    return plain(module)


def collated() -> ModuleProblem:
    def collate(samples: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        return torch.stack([x for x, _ in samples]), torch.stack([y for _, y in samples])

    return plain(data=DataLoader(Transformed(), collate_fn=collate, shuffle=True))


class Complex(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(WIDTH, 1, dtype=torch.complex64))

    def forward(self, x: Tensor) -> Tensor:
        return (x.to(torch.complex64) @ self.weight).abs()


RUNS: dict[str, Callable[[Path], ModuleProblem]] = {
    "inputs by names": lambda _: named(pair=True),
    "samples that are mappings": lambda _: named(pair=False),
    "two inputs": lambda _: plain(Two(), ((inputs(), inputs()), targets())),
    "arrays": lambda _: plain(data=(inputs().numpy(), targets().numpy())),
    "a DataLoader": lambda _: plain(data=DataLoader(TensorDataset(inputs(), targets()))),
    "a data set with a transform": lambda _: plain(data=Transformed()),
    "a collate function": lambda _: collated(),
    "a memory map of 10 GB": memory_map,
    "an LSTM": lambda _: plain(Recurrent()),
    "tied, unused and an integer buffer": lambda _: plain(Tied()),
    "frozen parameters": lambda _: frozen(),
    "a compiled module": lambda _: plain(torch.compile(dense())),
    "DataParallel": lambda _: plain(nn.DataParallel(dense())),
    "bfloat16": lambda _: plain(dense().bfloat16()),
    "double": lambda _: plain(dense().double()),
    "Lightning": lambda _: plain(Lightning()),
    "weight norm": lambda _: weight_norm(nn.utils.parametrizations.weight_norm),
    "old weight norm": lambda _: weight_norm(nn.utils.weight_norm),
    "batch norm": lambda _: normalised(),
    "dropout": lambda _: plain(nn.Sequential(dense(), nn.Dropout(0.5))),
    "classes": lambda _: classes("none"),
}
REFUSED: dict[str, tuple[Callable[[], ModuleProblem], str]] = {
    "complex weights": (lambda: plain(Complex()), "view_as_complex"),
    "a mean loss": (lambda: classes("mean"), "reduction='none'"),
    "a loss over the batch": (
        lambda: plain(loss=lambda f, y: squares(f - f.mean(), y)),
        "samples must not mix",
    ),
    "lazy": (lambda: plain(nn.LazyLinear(1)), "call the module once"),
    "an endless data set": (lambda: plain(data=Endless()), "__len__ and __getitem__"),
    "triples": (lambda: plain(data=[inputs(), inputs(), targets()]), "a tuple or a dict"),
    "text": (lambda: plain(data="digits"), "data must be"),
    "a batch of one": (lambda: plain(data=(inputs()[:1], targets()[:1])), "at least 2"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", RUNS)
def test_it_is_estimated(kind: str, tmp_path: Path) -> None:
    problem = RUNS[kind](tmp_path)
    chosen = {"gamma": 10.0, "num_chains": 2, "max_grads": 120, "batch_size": 8}
    answer = llcbench.estimate(problem, progress=False, **chosen)
    assert answer.status == "ok", answer.message
    assert np.isfinite(answer.llc)


@pytest.mark.parametrize("kind", REFUSED)
def test_it_is_refused_in_one_line(kind: str) -> None:
    make, words = REFUSED[kind]
    with pytest.raises((ValueError, TypeError)) as error:
        make()
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_the_same_weights_on_other_data() -> None:
    problem = plain()
    other = (inputs() + 1.0, targets())
    mask = torch.arange(COUNT) < 10
    for part, wanted in (
        (problem.on(mask), (inputs()[:10], targets()[:10])),
        (problem.on([0, 3, 5]), (inputs()[[0, 3, 5]], targets()[[0, 3, 5]])),
        (problem.on(other), other),
    ):
        loss, same = part.bind(None, torch.float64), plain(data=wanted).bind(None, torch.float64)
        assert torch.equal(loss.reference, same.reference)
        assert part.num_data == len(wanted[0])
    for wrong, words in (([0], "at least 2"), ([0, COUNT], "lie in"), (mask[:4], "mask")):
        with pytest.raises(ValueError, match=words):
            problem.on(wrong)
