"""Data of any kind: they give the losses that the same numbers in two tensors give."""

import mmap
import warnings
from collections import UserDict

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    SubsetRandomSampler,
    TensorDataset,
    default_collate,
)

import llcbench
from llcbench.problems.modules import loss, trials
from llcbench.problems.modules.from_module import OwnNetworkNote, from_module

COUNT = 40


def squares(f, y):
    return (f - y).square().sum(1)


def pair(count=COUNT):
    rng = torch.Generator().manual_seed(0)
    return torch.randn(count, 4, generator=rng), torch.randn(count, 1, generator=rng)


class Rows(Dataset):
    """Samples by a function, with a record of those that were read."""

    def __init__(self, sample, count=COUNT):
        self.sample, self.count, self.read = sample, count, []

    def __len__(self):
        return self.count

    def __getitem__(self, number):
        self.read.append(number)
        return self.sample(number)


class Table:
    """Rows as those of the package datasets: lists of numbers, many at once."""

    def __len__(self):
        return COUNT

    def __getitem__(self, number):
        x, y = pair()
        return {"x": x[number].tolist(), "y": y[number].tolist(), "remark": None}

    def __getitems__(self, numbers):
        return [self[number] for number in numbers]


class Named(nn.Module):
    """Takes a batch by name, and returns an object."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x, y=None):
        return UserDict(logits=self.net(x))


class Two(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, left, right):
        return self.net(torch.cat([left, right], 1))


def of_object(f, batch):
    return squares(f["logits"], batch["y"])


def kinds():
    x, y = pair()
    rows = Rows(lambda i: (x[i], y[i]))
    halves = (x[:, :2], x[:, 2:])
    own = DataLoader(Rows(lambda i: i), collate_fn=lambda b: (x[torch.tensor(b)], y[b]))
    return {
        "arrays": (nn.Module, squares, (x.numpy(), y.numpy())),
        "dataset": (nn.Module, squares, rows),
        "loader": (nn.Module, squares, DataLoader(rows, batch_size=7, shuffle=True)),
        "loader of tensors": (nn.Module, squares, DataLoader(TensorDataset(x, y), shuffle=True)),
        "collate": (nn.Module, squares, own),
        "two inputs": (Two, squares, (halves, y)),
        "inputs by name": (Two, squares, ({"left": x[:, :2], "right": x[:, 2:]}, y)),
        "two inputs of a dataset": (Two, squares, Rows(lambda i: ((x[i, :2], x[i, 2:]), y[i]))),
        "batch": (Named, of_object, {"x": x, "y": y}),
        "batch object": (Named, of_object, UserDict(x=x, y=y)),
        "batches of a dataset": (Named, of_object, Rows(lambda i: {"x": x[i], "y": y[i]})),
        "table": (Named, of_object, Table()),
    }


@pytest.mark.parametrize("kind", kinds())
def test_losses_and_gradients_are_those_of_two_tensors(kind):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))
    wrap, loss, data = kinds()[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        problem = from_module(net if wrap is nn.Module else wrap(net), loss, data)
    plain = from_module(net, squares, pair())
    assert torch.allclose(problem.losses, plain.losses, rtol=1e-6)
    theta = plain.w_star()[None] + 0.1 * torch.ones(2, plain.dim)
    for size in (None, 5):
        results = []
        for each in (plain, problem):
            bound = each.bind(None, torch.float32)
            batch = bound.draw(2, size, torch.Generator().manual_seed(3))
            bound.prepare(2, size, 10**6)  # recorded where that can be
            results.append(bound.excess_and_grad(theta, batch))
        for one, other in zip(*results, strict=True):
            assert torch.allclose(one, other, rtol=1e-4, atol=1e-6)
    estimate = llcbench.estimate(problem, gamma=10.0, num_chains=2, max_grads=60, progress=False)
    assert estimate.status == "ok"


def collated(change):
    x, y = pair()
    return DataLoader(Rows(lambda i: (x[i], y[i])), collate_fn=lambda b: default_collate(change(b)))


class Stream(IterableDataset):
    def __iter__(self):
        return iter([])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Stream(), "Stream has no samples by number"),
        (DataLoader(Stream()), "Stream has no samples by number"),
        (DataLoader(Rows(lambda i: i), batch_size=None), "batch_size=None are batches"),
        (TensorDataset(torch.ones(4), torch.ones(4), torch.ones(4)), "got 3"),
        (tuple(torch.ones(3, 4, 1)), "got 3 parts"),
        (torch.ones(4, 4), "got Tensor"),
        (Rows(lambda i: i, 1), "holds 1 samples"),
        ({"x": torch.ones(4, 4), "y": torch.ones(3, 1)}, "4 data.'x'. and 3 data.'y'."),
        (({"x": torch.ones(4, 4)}, ["a"] * 4), "got str as targets"),
        ((np.array(["a", "b"]), torch.ones(2)), "array of <U1"),
        (Rows(lambda i: (torch.randn(4), torch.ones(1))), "transforms .* deterministic"),
        (Rows(lambda i: 1 / 0), "taking samples of the data: ZeroDivisionError"),
        (collated(lambda rows: rows[:-1]), "makes 39 samples of 40"),
        (collated(lambda rows: rows + rows), "makes 80 samples of 40"),
        (collated(lambda rows: rows[::-1]), "samples must not mix"),
        (Rows(lambda i: (torch.ones(2 + i), torch.ones(1))), "a collate function that pads"),
        (TensorDataset(torch.ones(4, 4)), "their own targets twice"),
        ((np.ones((4, 4), dtype=np.longdouble), torch.ones(4, 1)), "inputs are an array of"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(data, message):
    with pytest.raises((TypeError, ValueError), match=message) as error:
        from_module(nn.Linear(4, 1), squares, data)
    assert "\n" not in str(error.value)


def test_a_sampler_of_a_loader_is_not_used_and_that_is_said():
    x, y = pair()
    loader = DataLoader(TensorDataset(x, y), sampler=SubsetRandomSampler(range(5)))
    with pytest.warns(OwnNetworkNote, match="SubsetRandomSampler .* is not used"):
        problem = from_module(nn.Linear(4, 1), squares, loader)
    assert problem.num_data == COUNT
    assert default_collate is loader.collate_fn
    batches = BatchSampler(SubsetRandomSampler(range(5)), 2, drop_last=False)
    with pytest.warns(OwnNetworkNote, match="SubsetRandomSampler .* is not used"):
        from_module(
            nn.Linear(4, 1), squares, DataLoader(TensorDataset(x, y), batch_sampler=batches)
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        from_module(nn.Linear(4, 1), squares, DataLoader(TensorDataset(x, y), 5, shuffle=True))


def test_a_lazy_module_on_data_that_fail_is_said_in_one_line():
    with pytest.raises(ValueError, match="taking samples of the data: ZeroDivisionError"):
        from_module(nn.LazyLinear(1), squares, Rows(lambda i: 1 / 0))


def test_many_samples_of_a_data_set_are_not_read_whole(monkeypatch):
    x, y = pair()
    few, many = (Rows(lambda i: (x[i % COUNT], y[i % COUNT]), n) for n in (30, 10**6))
    assert from_module(nn.Linear(4, 1), squares, few).losses is not None
    problem = from_module(nn.Linear(4, 1), squares, many)
    assert problem.losses is None
    assert len(set(many.read)) <= trials.TRIED + 2
    bound = problem.bind(None, torch.float32)
    batch = bound.draw(2, 8, torch.Generator().manual_seed(0))
    bound.excess_and_grad(problem.w_star().expand(2, -1), batch)
    assert set(many.read[-16:]) <= set(batch.numbers.flatten().tolist())
    assert len(set(many.read)) <= trials.TRIED + 18
    monkeypatch.setattr(loss, "SOME", 10)
    assert from_module(nn.Linear(4, 1), squares, few).losses is None


def test_ten_gigabytes_in_a_file_are_read_where_samples_are_taken(tmp_path):
    """The file is sparse: what is not read takes neither memory nor disk."""
    shape = (2_500_000, 1024)
    inputs = np.memmap(tmp_path / "x", dtype="float32", mode="w+", shape=shape)
    targets = np.zeros((shape[0], 1), dtype="float32")
    assert inputs.nbytes > 10**10
    inputs[7] = 1
    net = nn.Linear(1024, 1)
    problem = from_module(net, squares, (inputs, targets))
    assert problem.losses is None
    assert problem.num_data == shape[0]
    losses = problem.bind(None, torch.float32).losses({}, torch.tensor([7, 8]))
    bias, total = net.bias.item(), net.weight.sum().item()
    assert losses.tolist() == pytest.approx([(bias + total) ** 2, bias**2], rel=1e-4)
    bound = problem.bind(None, torch.float32)
    batch = bound.draw(2, 8, torch.Generator().manual_seed(0))
    _, slope = bound.excess_and_grad(problem.w_star().expand(2, -1), batch)
    assert bool(slope.isfinite().all())
    answer = llcbench.estimate(
        problem, gamma=10.0, num_chains=2, max_grads=120, batch_size=8, progress=False
    )
    assert answer.status == "ok"
    assert "plain gradients" in answer.method
    assert (tmp_path / "x").stat().st_blocks * 512 < 10**8


@pytest.mark.parametrize(("width", "advised"), [(4, 1), (2**16, 0)])
def test_short_rows_of_a_mapped_file_are_read_without_those_behind_them(
    width, advised, tmp_path, monkeypatch
):
    """Reading ahead makes random rows of a large file a hundred times slower."""
    advice = []

    class Map(mmap.mmap):
        def madvise(self, *words):
            advice.append(words)

    monkeypatch.setattr(mmap, "mmap", Map)
    inputs = np.memmap(tmp_path / "x", dtype="float32", mode="w+", shape=(4, width))
    from_module(nn.Linear(width, 1), squares, (inputs[:3], np.zeros((3, 1), dtype="float32")))
    assert advice == [(mmap.MADV_RANDOM,)] * advised


@pytest.mark.parametrize("kind", ["dataset", "batch", "arrays", "two inputs"])
def test_the_same_weights_on_some_samples_and_on_other_data(kind):
    torch.manual_seed(0)
    wrap, loss, data = kinds()[kind]
    net = nn.Linear(4, 1)
    problem = from_module(net if wrap is nn.Module else wrap(net), loss, data)
    mask = torch.arange(COUNT) % 3 == 0
    numbers = mask.nonzero()[:, 0]
    choices = (
        mask, numbers, range(0, COUNT, 3), slice(0, None, 3), mask.numpy(), numbers.tolist(),
        tuple(numbers.tolist()), mask.tolist(),
    )  # fmt: skip
    for choice in choices:
        part = problem.on(choice)
        assert part.num_data == 14
        assert torch.allclose(part.losses, problem.losses[mask], rtol=1e-6)
        assert part.id.startswith("module on 14 samples #")
    assert torch.allclose(problem.on(data).losses, problem.losses)
    made = problem.realised(lambda f: f if isinstance(f, torch.Tensor) else f["logits"]) if (
        kind != "batch"
    ) else from_module(Named(net), labelled, data).realised(lambda f: f["logits"])  # fmt: skip
    assert float(made.losses.max()) < 1e-10
    mean = float(problem.losses.mean())
    assert f"changes by -{mean:.3g}, from {mean:.3g} to" in made.notes[-1]


def labelled(f, batch):
    return squares(f["logits"], batch["y"] if isinstance(batch, dict) else batch)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (torch.ones(3, dtype=torch.bool), "3 entries for 40 samples"),
        (torch.tensor([1]), "1 samples are chosen"),
        (torch.tensor([1, 40]), "0 ... 39"),
        (torch.ones(40), "booleans or by whole numbers"),
        (None, "got NoneType"),
    ],
)
def test_a_choice_of_samples_that_fits_nothing(choice, message):
    problem = from_module(nn.Linear(4, 1), squares, pair())
    with pytest.raises((TypeError, ValueError), match=message):
        problem.on(choice)
