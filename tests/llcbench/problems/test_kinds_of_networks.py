"""Networks and data as people have them: each runs, or is refused in one clear line."""

import warnings
from collections import UserDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, Dataset

import llcbench
from llcbench.problems.modules.from_module import OwnNetworkNote

COUNT = 24
SETTINGS = llcbench.Settings(
    gamma=10.0, num_chains=2, num_draws=10, num_burnin=2, batch_size=6, dtype="float32"
)


def squares(f, y):
    return (f - y).square().sum(1)


def numbers():
    rng = torch.Generator().manual_seed(0)
    return torch.randn(COUNT, 4, generator=rng), torch.randn(COUNT, 1, generator=rng)


def net(*between):
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 3), *between, nn.Tanh(), nn.Linear(3, 1))


class Around(nn.Module):
    """Calls a network on what a function makes of the arguments."""

    def __init__(self, act, *, inner=None):
        super().__init__()
        self.inner, self.act = inner or net(), act

    def forward(self, *args, **kwargs):
        return self.act(self.inner, *args, **kwargs)


class Counting(nn.Linear):
    def __init__(self):
        super().__init__(4, 1)
        self.register_buffer("steps", torch.tensor(3))


class Lightning(nn.Module):
    """What a LightningModule has, with a trainer that cannot be copied."""

    def __init__(self):
        super().__init__()
        self.inner, self._trainer = net(), iter(())

    def forward(self, x):
        return self.inner(x)

    def training_step(self, batch, batch_idx):
        return mse_loss(self(batch[0]), batch[1])


class Loaders:
    def train_dataloader(self):
        return DataLoader(Augmented(), batch_size=5, shuffle=True)


class Augmented(Dataset):
    """A data set with a transform."""

    def __len__(self):
        return COUNT

    def __getitem__(self, number):
        x, y = numbers()
        return (x[number] - 0.5) / 2, y[number]


def together(samples):
    return torch.stack([x for x, _ in samples]), torch.stack([y for _, y in samples])


def mapped_file(folder):
    inputs = np.memmap(folder / "x", dtype="float32", mode="w+", shape=(2_500_000, 1024))
    assert inputs.nbytes > 10**10
    return inputs, np.memmap(folder / "y", dtype="float32", mode="w+", shape=(2_500_000, 1))


def module(make, loss=squares, data=None):
    return lambda folder: llcbench.from_module(make(), loss, data() if data else numbers())


def named():
    x, _ = numbers()
    return {"left": x[:, :2], "right": x[:, 2:]}


def narrow(inner, x):
    return inner(x[:, :4])


def joined(inner, left, right, y=None):
    return inner(torch.cat([left, right], 1))


def of_object(inner, y=None, **parts):
    return UserDict(logits=joined(inner, **parts))


def language(make, labels=False):
    def problem(folder):
        transformers = pytest.importorskip("transformers")
        ids = torch.randint(9, (COUNT, 5), generator=torch.Generator().manual_seed(0))
        data = {"input_ids": ids} | ({"labels": torch.arange(COUNT) % 2} if labels else {})
        return llcbench.from_transformers(make(transformers), data)

    return problem


def gpt2(t):
    return t.GPT2LMHeadModel(
        t.GPT2Config(vocab_size=9, n_positions=8, n_embd=4, n_layer=2, n_head=2)
    )


def bert(t):
    config = t.BertConfig(
        vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8, max_position_embeddings=8,
    )  # fmt: skip
    return t.BertForSequenceClassification(config)


def recurrent():
    def last(inner, x):
        return inner[1](inner[0](x.view(-1, 2, 2))[0][:, -1])

    inner = nn.ModuleList([nn.LSTM(2, 3, batch_first=True), nn.Linear(3, 1)])
    return Around(last, inner=inner)


def tied():
    inner = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    inner[1].weight = inner[0].weight
    return inner


def frozen():
    inner = net()
    inner[0].requires_grad_(False)
    return inner


def unused():
    inner = nn.ModuleList([nn.Linear(4, 1), nn.Linear(4, 1)])
    return Around(lambda inner, x: inner[0](x), inner=inner)


def complex_weights():
    inner = net()
    inner.phase = nn.Parameter(torch.ones(2, dtype=torch.complex64))
    return inner


def normed(norm):
    inner = net()
    norm(inner[0])
    return inner


def lazy():
    return nn.Sequential(nn.LazyLinear(3), nn.Tanh(), nn.LazyLinear(1))


@dataclass(frozen=True)
class Kind:
    """What somebody has.

    Attributes:
        make: From an empty folder to the problem.
        dim: Parameters that move; None where it is refused.
        words: Of the refusal, or of a note.
        large: Whether a pass over all samples is too long for a test.
    """

    make: Any
    dim: int | None = None
    words: str = ""
    large: bool = False


KINDS = {
    "dict input": Kind(module(lambda: Around(joined), data=lambda: (named(), numbers()[1])), 19),
    "two inputs": Kind(
        module(lambda: Around(joined), data=lambda: (tuple(named().values()), numbers()[1])), 19
    ),
    "batch object": Kind(
        module(
            lambda: Around(of_object),
            lambda f, batch: squares(f["logits"], batch["y"]),
            lambda: UserDict(named() | {"y": numbers()[1]}),
        ),
        19,
    ),
    "loader with a transform": Kind(
        module(net, data=lambda: DataLoader(Augmented(), batch_size=5, shuffle=True)), 19
    ),
    "custom collate": Kind(
        module(net, data=lambda: DataLoader(Augmented(), 5, collate_fn=together)), 19
    ),
    "10 GB by memory map": Kind(
        lambda folder: llcbench.from_module(Around(narrow), squares, mapped_file(folder)),
        19,
        large=True,
    ),
    "GPT-2": Kind(language(gpt2), 564),
    "BERT": Kind(language(bert, labels=True), 286),
    "LSTM": Kind(module(recurrent), 88),
    "complex": Kind(module(complex_weights), None, "is complex, and chains move real numbers"),
    "frozen": Kind(module(frozen), 4, "requires_grad=False"),
    "tied": Kind(module(tied), 24),
    "compiled": Kind(module(lambda: torch.compile(net())), 19, "taken out of OptimizedModule"),
    "bfloat16": Kind(module(lambda: net().bfloat16()), 19, "are evaluated in float32"),
    "double": Kind(module(lambda: net().double()), 19),
    "Lightning": Kind(lambda folder: llcbench.from_lightning(Lightning(), squares, Loaders()), 19),
    "unused parameters": Kind(module(unused), 10),
    "lazy": Kind(module(lazy), 19, "lazy layers are run once"),
    "old weight norm": Kind(module(lambda: normed(nn.utils.weight_norm)), 22),
    "weight norm": Kind(module(lambda: normed(nn.utils.parametrizations.weight_norm)), 22),
    "batch norm": Kind(module(lambda: net(nn.BatchNorm1d(3))), 25),
    "dropout": Kind(module(lambda: net(nn.Dropout(0.5))), 19),
    "DataParallel": Kind(module(lambda: nn.DataParallel(net())), 19, "taken out of DataParallel"),
    "integer buffers": Kind(module(Counting), 5),
    "mean loss": Kind(module(net, mse_loss), None, "reduction='none'"),
    "loss that mixes samples": Kind(
        module(net, lambda f, y: squares(f - f.mean(0), y)), None, "samples must not mix"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
def test_a_kind_of_network_runs_or_is_refused_in_one_line(name, tmp_path):
    kind = KINDS[name]
    if kind.dim is None:
        with pytest.raises((TypeError, ValueError), match=kind.words) as error:
            kind.make(tmp_path)
        assert "\n" not in str(error.value)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OwnNetworkNote)
        problem = kind.make(tmp_path)
    assert problem.dim == kind.dim
    assert kind.words in " ".join(problem.notes)
    if kind.large:
        assert problem.losses is None
        loss = problem.bind(None, torch.float32)
        batch = loss.draw(2, 4, torch.Generator().manual_seed(0))
        assert bool(loss.excess_and_grad(problem.w_star().expand(2, -1), batch)[1].isfinite().all())
        return
    estimate = llcbench.estimate(problem, llcbench.SGLD(1e-5), SETTINGS, progress=False)
    assert estimate.status == "ok", estimate.message
    assert np.isfinite(estimate.llc)
