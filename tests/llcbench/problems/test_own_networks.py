"""What is done with networks of the reader's that are not quite ordinary; ordinary ones pass.

The oddities themselves are tried in ``tests/faults/oddities_*.py``.
"""

import warnings

import pytest
import torch
from torch import nn
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    l1_loss,
    mse_loss,
)

import llcbench
from llcbench.one_call import fitting
from llcbench.problems.modules import trials
from llcbench.problems.modules.from_module import OwnNetworkNote, from_module
from llcbench.problems.modules.reference import CHUNK, split


def data(width=4, outputs=1, count=40):
    rng = torch.Generator().manual_seed(0)
    return torch.randn(count, width, generator=rng), torch.randn(count, outputs, generator=rng)


def squares(f, y):
    return (f - y).square().sum(1)


class Last(nn.Module):
    """The last step of a recurrent or an attention layer."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.out = layer, nn.Linear(4, 1)

    def forward(self, x):
        steps = self.layer(x.view(-1, 2, 4))
        return self.out((steps[0] if isinstance(steps, tuple) else steps)[:, -1])


def pictures(*layers):
    return nn.Sequential(nn.Unflatten(1, (2, 2, 2)), nn.Conv2d(2, 4, 2, padding=1), *layers)


ORDINARY = {
    "linear": nn.Linear(8, 1),
    "relu": nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 1)),
    "hard": nn.Sequential(nn.Linear(8, 6), nn.Hardtanh(), nn.Linear(6, 1), nn.LeakyReLU()),
    "smooth": nn.Sequential(
        nn.Linear(8, 6), nn.GELU(), nn.Dropout(0.5), nn.Linear(6, 1), nn.SiLU()
    ),
    "norms": nn.Sequential(nn.Linear(8, 6), nn.LayerNorm(6), nn.PReLU(), nn.Linear(6, 1)),
    "batch": pictures(nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(36, 1)),
    "groups": pictures(nn.GroupNorm(2, 4), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4, 1)),
    "pools": pictures(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 1)),
    "gru": Last(nn.GRU(4, 4, batch_first=True)),
    "lstm": Last(nn.LSTM(4, 4, num_layers=2, batch_first=True)),
    "attention": Last(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)),
}


@pytest.mark.parametrize("kind", ORDINARY)
@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_ordinary_networks_pass(kind, precision):
    """The control of all refusals, without a note."""
    module = ORDINARY[kind].to(precision)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        problem = from_module(module, squares, data(8))
        assert problem.realised().dim == problem.dim
        assert problem.at(module.state_dict()).dim == problem.dim
    assert fitting(problem).dtype == str(precision).removeprefix("torch.")
    assert problem.losses is not None
    assert torch.equal(problem.bind(None, precision).reference, problem.losses)


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize(
    "loss",
    [
        lambda f, y: l1_loss(f, y, reduction="none").sum(1),
        lambda f, y: huber_loss(f, y, reduction="none").sum(1),
        lambda f, y: binary_cross_entropy_with_logits(f, y.sigmoid(), reduction="none").sum(1),
        lambda f, y: cross_entropy(f, y.argmax(1), reduction="none"),
        lambda f, y: cross_entropy(f, y.argmax(1), reduction="none", label_smoothing=0.1),
        lambda f, y: torch.special.gammaln(f.exp() + 1).sum(1),
    ],
)
def test_ordinary_losses_pass(loss, offset):
    problem = from_module(nn.Linear(4, 3), lambda f, y: loss(f, y) + offset, data(4, 3))
    assert problem.dim == 15


def test_what_is_fixed_and_what_is_widened_is_said():
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1)).bfloat16()
    module[0].weight.requires_grad_(False)
    with pytest.warns(OwnNetworkNote) as said:
        problem = from_module(module, squares, data())
    texts = [str(note.message) for note in said]
    assert texts[0].startswith("module: 16 parameters in 1 tensors (0.weight) have requires_grad")
    assert "bfloat16 are evaluated in float32" in texts[1]
    assert problem.dim == 9
    assert "1 tensors fixed" in problem.formula
    assert problem.precision == "float32"
    assert problem.w_star().dtype == torch.float32
    # Whatever is derived from it knows as much, and says it no more.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert problem.realised().notes[:-1] == problem.notes
        assert list(problem.layers()) == ["0", "2"]
        assert problem.restricted("0.*").dim == 4
    with pytest.raises(ValueError, match=r"no parameter matches 0\.weight; those that move are"):
        problem.restricted("0.weight")


def test_a_part_of_a_part_lets_nothing_else_move():
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 1))
    problem = from_module(net, squares, data(), only="1.*")
    assert problem.restricted("*").dim == problem.dim == 5
    assert problem.restricted("*bias").dim == 1
    with pytest.raises(ValueError, match="needs a pattern"):
        problem.restricted()


def test_double_weights_or_buffers_make_the_problem_double():
    net = nn.Sequential(nn.Linear(4, 1), nn.BatchNorm1d(1))
    assert from_module(net, squares, data()).precision == "float32"
    net[1].running_mean = net[1].running_mean.double()
    assert from_module(net, squares, data()).precision == "float64"
    catalogue = llcbench.problem("regular/d2")
    assert fitting(catalogue).dtype == "float32"


@pytest.mark.parametrize("weak", [0.03, 1e-6])
def test_how_much_mixing_is_seen(weak):
    """On both sides of the tolerance: what moves an estimate by a millionth is let through."""

    class Mixing(nn.Linear):
        def forward(self, x):
            f = super().forward(x)
            return f + weak * f.mean(0)

    if weak > 1e-4:
        with pytest.raises(ValueError, match="samples must not mix"):
            from_module(Mixing(4, 1), squares, data())
    else:
        from_module(Mixing(4, 1), squares, data())


@pytest.mark.parametrize("share", [0.2, 0.0])
def test_a_gradient_that_lacks_a_part_is_seen(share):
    class Cut(nn.Linear):
        def forward(self, x):
            f = super().forward(x)
            return (1 - share) * f + share * f.detach()

    if share:
        with pytest.raises(ValueError, match="gradient is not the derivative"):
            from_module(Cut(4, 1), squares, data())
    else:
        from_module(Cut(4, 1), squares, data())


def test_the_share_of_the_data_that_is_tried_shrinks_with_the_network(monkeypatch):
    small = from_module(nn.Linear(4, 1), squares, data(count=1000))
    rows = trials.some_rows(small)
    assert len(rows) == trials.TRIED
    assert rows[0] == 0
    assert rows[-1] == 999
    assert len(rows.unique()) == len(rows)
    monkeypatch.setattr(trials, "COST", 50)
    assert len(trials.some_rows(small)) == 10
    monkeypatch.setattr(trials, "COST", 1)
    assert len(trials.some_rows(small)) == trials.LEAST


@pytest.mark.parametrize("count", [1, 2, CHUNK, CHUNK + 1, CHUNK + 2, 3 * CHUNK + 1])
def test_no_chunk_of_many_is_a_single_sample(count):
    parts = split(torch.arange(count))
    assert torch.equal(torch.cat(parts), torch.arange(count))
    assert count == 1 or min(map(len, parts)) > 1
    assert max(map(len, parts)) <= CHUNK + 1


@pytest.mark.parametrize("count", [2, 3, 5, 6])
def test_few_samples(count):
    problem = from_module(nn.Linear(4, 1), squares, data(count=count))
    assert problem.num_data == count


def test_a_loss_that_is_not_finite_is_named_with_its_sample():
    x, y = data(count=3000)
    y[2999] = float("inf")
    with pytest.raises(ValueError, match="not finite, for example for sample 2999"):
        from_module(nn.Linear(4, 1), squares, (x, y))
    y[2999], y[1000] = 0, float("nan")
    with pytest.raises(ValueError, match=r"1 of 3000 samples; the first is sample 1000"):
        from_module(nn.Linear(4, 1), squares, (x, y))


def test_losses_are_known_in_the_precision_of_the_module_only():
    """In another precision they are computed again, and states and labels have their own."""
    net = nn.Linear(4, 1)
    problem = from_module(net, squares, data())
    assert problem.bind(None, torch.float32).known is problem.losses
    assert problem.bind(None, torch.float64).known is None
    assert problem.bind(data(), torch.float32).known is None
    with torch.no_grad():
        wanted = squares(2 * net(data()[0]), data()[1])
    later = problem.at({name: 2 * value for name, value in net.state_dict().items()})
    assert torch.allclose(later.losses, wanted.double())
    assert float(problem.realised().losses.max()) == 0


def test_the_loss_of_a_step_is_that_of_the_module_in_its_own_precision():
    net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))
    x, y = data()
    problem = from_module(net, lambda f, y: mse_loss(f, y, reduction="none").sum(1), (x, y))
    loss = problem.bind(None, torch.float32)
    theta = problem.w_star()[None] + 0.1
    excess, grad = loss.excess_and_grad(theta, loss.draw(1, None, torch.Generator()))
    assert excess.dtype == grad.dtype == torch.float32
    nn.utils.vector_to_parameters(theta[0], net.parameters())
    value = squares(net(x), y).mean()
    value.backward()
    assert float(excess + loss.reference.mean()) == pytest.approx(value.item(), rel=1e-5)
    wanted = torch.cat([w.grad.flatten() for w in net.parameters()])
    assert torch.allclose(grad[0], wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("given", [nn.Linear(2, 1), None, "poly/x2"])
def test_what_is_no_problem_is_refused(given):
    with pytest.raises(TypeError, match="a problem is needed, got"):
        llcbench.estimate(given)


def test_a_sampler_that_cannot_is_skipped_with_the_reason():
    problem = from_module(nn.Linear(4, 1), squares, data(count=300))
    estimate = llcbench.estimate(problem, llcbench.MALA(), progress=False)
    assert estimate.status == "skipped"
    assert "full batch" in estimate.message
    assert estimate.llc is None
