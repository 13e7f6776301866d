"""A module of the reader's: the loss is that of the module, gradients are those of autograd."""

import json

import pytest
import torch
from click.testing import CliRunner
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

import llcbench
from llcbench import SGLD, Settings, Target
from llcbench.cli.commands import cli
from llcbench.problems.modules.from_module import from_module

SCRIPT = """
import torch
from torch import nn
import llcbench

torch.manual_seed(0)
x = torch.randn(40, 3)
net = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
problem = llcbench.from_module(net, lambda f, y: (f - y).square().sum(1), (x, net(x).detach()))
other = 3
"""


def squares(outputs, targets):
    return mse_loss(outputs, targets, reduction="none").sum(1)


def entropies(outputs, targets):
    return cross_entropy(outputs, targets, reduction="none")


@pytest.fixture
def classifier():
    torch.manual_seed(1)
    net = nn.Sequential(
        nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3)
    )
    net(torch.randn(64, 5))  # running statistics
    return net, (torch.randn(50, 5), torch.randint(3, (50,)))


def test_the_loss_is_that_of_the_module_in_eval_mode(classifier):
    net, data = classifier
    problem = from_module(net, entropies, data)
    loss = problem.bind(problem.sample_data(torch.Generator()), torch.float64)
    assert net.training
    net.eval().double()
    full = entropies(net(data[0].double()), data[1]).mean().detach()
    assert loss.baseline(loss.draw(1, None, torch.Generator())) == pytest.approx(float(full))
    theta = problem.w_star().double() + 0.1 * torch.randn(
        3, problem.dim, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    batch = loss.draw(3, 7, torch.Generator().manual_seed(2))
    excess, grads = loss.excess_and_grad(theta, batch)
    assert torch.allclose(excess, loss.excess(theta, batch))
    for chain in range(3):
        nn.utils.vector_to_parameters(theta[chain], net.parameters())
        x, y = (part[batch.numbers[chain]] for part in data)
        net.zero_grad()
        value = entropies(net(x.double()), y).mean()
        value.backward()
        assert float(excess[chain] + loss.baseline(batch)[chain]) == pytest.approx(value.item())
        wanted = nn.utils.parameters_to_vector([p.grad for p in net.parameters()])
        assert torch.allclose(grads[chain], wanted)


def test_the_full_batch_is_evaluated_in_pieces(classifier, monkeypatch):
    net, data = classifier
    problem = from_module(net, entropies, data)
    theta = problem.w_star().expand(2, -1) + 0.05
    results = []
    for size in (1000, 16):
        monkeypatch.setattr("llcbench.problems.modules.loss.CHUNK", size)
        loss = problem.bind(None, torch.float32)
        results.append(loss.excess_and_grad(theta, loss.draw(2, None, torch.Generator())))
    assert torch.allclose(results[0][0], results[1][0], atol=1e-6)
    assert torch.allclose(results[0][1], results[1][1], atol=1e-6)


def test_a_linear_module_has_the_distribution_of_linear_regression():
    """The energy of a perfect sampler is known in closed form, and so is that of a wrong one."""
    torch.manual_seed(0)
    x = torch.randn(200, 3)
    net = nn.Linear(3, 1, bias=False)
    problem = from_module(net, squares, (x, net(x).detach()))
    settings = Settings(
        nbeta=50.0, gamma=20.0, num_chains=16, num_draws=600, num_burnin=200, dtype="float64"
    )
    estimate = llcbench.estimate(problem, llcbench.MALA(step_size=3e-3), settings, progress=False)
    curvature = torch.linalg.eigvalsh(2 * x.double().T @ x.double() / 200)

    def expected(nbeta):
        return float((nbeta * curvature / 2 / (nbeta * curvature + 20.0)).sum())

    assert abs(estimate.llc - expected(50.0)) < 4 * estimate.mcse
    assert abs(estimate.llc - expected(25.0)) > 4 * estimate.mcse
    assert estimate.dim == 3
    assert problem.truth.local.upper == 1.5


def test_patterns_choose_what_moves(classifier):
    net, data = classifier
    problem = from_module(net, entropies, data, only="4.*")
    assert list(problem.shapes) == ["4.weight", "4.bias"]
    whole = from_module(net, entropies, data)
    parts = whole.layers()
    assert {name: part.dim for name, part in parts.items()} == {"0": 48, "1": 16, "4": 27}
    assert sum(part.dim for part in parts.values()) == whole.dim
    loss, rest = (p.bind(None, torch.float32) for p in (whole, parts["4"]))
    moved = 0.1 * torch.ones(1, 27)
    every = loss.draw(1, None, torch.Generator())
    full = whole.w_star()[None].clone()
    full[:, -27:] += moved
    assert torch.allclose(
        loss.excess(full, every), rest.excess(parts["4"].w_star()[None] + moved, every)
    )


def test_labels_of_its_own_make_the_point_a_minimum(classifier):
    net, data = classifier
    problem = from_module(net, entropies, data).realised(lambda f: f.softmax(1))
    loss = problem.bind(None, torch.float64)
    slope = loss.excess_and_grad(
        problem.w_star().double()[None], loss.draw(1, None, torch.Generator())
    )[1]
    assert float(slope.abs().max()) < 1e-6
    other = from_module(net, entropies, data).bind(None, torch.float64)
    slope = other.excess_and_grad(
        problem.w_star().double()[None], other.draw(1, None, torch.Generator())
    )[1]
    assert float(slope.abs().max()) > 1e-3


def test_checkpoints(classifier):
    net, data = classifier
    state = {name: 2 * value for name, value in net.state_dict().items()}
    problem = from_module(net, entropies, data)
    later = problem.at(state, "later")
    assert later.id == "later"
    assert torch.equal(later.w_star(), 2 * problem.w_star())
    assert torch.equal(from_module(net, entropies, data, w_star=state).w_star(), later.w_star())


def mixes(outputs, targets):
    return (outputs - outputs.mean(0)).square().sum(1)


class Noisy(nn.Linear):
    def forward(self, x):
        return super().forward(x) + torch.rand(())


@pytest.mark.parametrize(
    ("net", "loss", "message"),
    [
        (nn.Linear(3, 2), mse_loss, r"shape \(\) for 9 samples.*reduction='none'"),
        (nn.Linear(3, 2), mixes, "samples must not mix"),
        (Noisy(3, 2), squares, "not the same twice"),
        (nn.Linear(3, 2), lambda f, y: squares(f, y) / 0, "not finite"),
    ],
)
def test_what_is_no_loss_per_sample_is_said(net, loss, message):
    with pytest.raises(ValueError, match=message):
        from_module(net, loss, (torch.randn(9, 3), torch.randn(9, 2)))


def test_bad_data_and_patterns_are_named(classifier):
    net, (x, y) = classifier
    with pytest.raises(ValueError, match="50 inputs and 49 targets"):
        from_module(net, entropies, (x, y[1:]))
    with pytest.raises(ValueError, match=r"no parameter matches 9\.\*; the module has 0\.weight"):
        from_module(net, entropies, (x, y), only=["9.*"])


def test_the_command_estimates_every_layer_at_every_checkpoint(tmp_path):
    script = tmp_path / "net.py"
    script.write_text(SCRIPT)
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
    torch.save(net.state_dict(), tmp_path / "late.pt")
    words = [
        "estimate", str(script), "--layers", "--state", str(tmp_path / "late.pt"), "--set",
        "num_draws=20", "--set", "num_burnin=5", "--no-progress",
    ]  # fmt: skip
    done = CliRunner().invoke(cli, [*words, "--json"], catch_exceptions=False)
    output = json.loads(done.stdout)
    assert [(row["problem"].partition("@")[2], row["dim"]) for row in output] == [
        ("late", 11),
        ("late", 8),
        ("late", 3),
    ]
    assert all(row["llc"] is not None for row in output)
    text = CliRunner().invoke(cli, words, catch_exceptions=False).stdout
    assert "ess_bulk" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["net.py:other"], "has no 'other' made by llcbench.from_module"),
        (["none.py"], "no Python file"),
        (["net.py", "--state", "net.py"], "holds no state dictionary"),
        (["net.py", "--set", "gama=1"], "gama"),
    ],
)
def test_bad_input_is_one_line(options, message, tmp_path, monkeypatch):
    (tmp_path / "net.py").write_text(SCRIPT)
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(cli, ["estimate", *options])
    assert isinstance(found.exception, ValueError)
    assert message in str(found.exception)


def test_chains_have_minibatches_of_their_own(classifier):
    net, data = classifier
    problem = from_module(net, entropies, data)
    target = Target(problem, 10.0, 1.0, 4, data, batch_size=6, dtype=torch.float32)
    target.next_batch(torch.Generator().manual_seed(0))
    assert len({tuple(row) for row in target.batch.numbers.tolist()}) == 4
    sampler = SGLD(1e-4)
    state = sampler.init(target.start(), target, torch.Generator())
    _, draw = sampler.step(state, target, torch.Generator().manual_seed(1))
    assert draw.loss.abs().max() < 1e-6
