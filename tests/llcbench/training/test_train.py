"""Training: stop rules, checkpoints, the same numbers from the same seed, failures as statuses."""

import math

import pytest
import torch
from quadratic_task import Point, around
from torch import nn

from llcbench.networks import MLP, DataSet, ResNet, class_losses, initialised, squared_losses
from llcbench.problems.modules.from_module import from_module
from llcbench.training.config import EntropySGD, Penalties, Training
from llcbench.training.noise import with_label_noise
from llcbench.training.train import train


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def data():
    """Three classes in the plane that a small perceptron separates."""
    x = torch.randn(150, 2, generator=rng(1))
    angles = torch.atan2(x[:, 1], x[:, 0])
    labels = ((angles + math.pi) / (2 * math.pi) * 3).long().clamp(max=2)
    x = x + 0.6 * torch.stack([torch.cos(labels * 2.1 - 2.1), torch.sin(labels * 2.1 - 2.1)], 1)
    return DataSet("plane", (x[:100], labels[:100]), (x[100:], labels[100:]), "", "", 3)


def fresh(seed=0):
    return initialised(lambda: MLP(2, (16,), 3), rng(seed))


def run(data, seed=0, **settings):
    return train(fresh(), data, class_losses, Training(**{"batch_size": 20} | settings), seed)


def numbers(outcome):
    return [
        (kept.step, kept.train_loss, kept.train_error, kept.test_loss, kept.test_error)
        for kept in outcome.checkpoints
    ]


def test_the_matched_loss_is_the_first_check_below_it(data):
    trace = run(data, steps=400, checkpoint_steps=tuple(range(0, 401, 7))).checkpoints
    goal = 0.35
    first = next(k for k in trace if k.train_loss < goal and k.step)
    run_result = run(data, steps=400, stop="loss", stop_loss=goal, check_every=7)
    assert run_result.status == "ok"
    (end,) = run_result.checkpoints
    assert end.reasons == ("end",)
    assert (end.step, end.train_loss) == (first.step, first.train_loss)
    assert 7 < end.step < 400
    coarse = run(data, steps=400, stop="loss", stop_loss=goal, check_every=100).checkpoints[-1]
    assert coarse.step == 100 * -(-first.step // 100) != end.step


@pytest.mark.parametrize(
    ("optimiser", "every", "end"), [("sgd", 5, 5), ("sam", 5, 6), ("entropy_sgd", 7, 10)]
)
def test_a_check_is_due_once_its_multiple_is_reached_or_passed(data, optimiser, every, end):
    """Updates of 2 and 5 gradients pass the multiples 5 and 7 without meeting them."""
    entropy = EntropySGD(inner_steps=5)
    settings = {"optimiser": optimiser, "entropy": entropy, "lr": 1e-3, "steps": 40}
    outcome = run(data, stop="loss", stop_loss=1e3, check_every=every, **settings)
    assert outcome.status == "ok"
    assert [kept.gradients for kept in outcome.checkpoints] == [end]


def test_checkpoints_at_first_passages(data):
    goals = (0.9, 0.35, 1e-9)
    run_result = run(data, steps=140, checkpoint_losses=goals, check_every=7)
    trace = run(data, steps=140, checkpoint_steps=tuple(range(7, 141, 7))).checkpoints
    for goal in goals[:2]:
        kept = next(k for k in run_result.checkpoints if f"loss {goal:g}" in k.reasons)
        assert kept.step == next(k.step for k in trace if k.train_loss < goal)
    assert run_result.missed == (1e-9,)
    assert run_result.checkpoints[-1].reasons == ("end",)
    assert run_result.checkpoints[-1].step == 140


def test_the_end_is_the_first_check_without_an_error(data):
    settings = {"lr": 0.5, "momentum": 0.9, "steps": 4000}
    run_result = run(data, stop="interpolation", check_every=40, **settings)
    assert run_result.status == "ok"
    end = run_result.checkpoints[-1]
    assert end.train_error == 0
    assert end.step % 40 == 0
    trace = run(
        data, **settings | {"steps": end.step, "checkpoint_steps": (*range(40, end.step, 40),)}
    )
    assert all(kept.train_error > 0 for kept in trace.checkpoints[:-1])


def test_a_loss_that_is_not_reached_is_a_status(data):
    found = run(data, steps=20, stop="loss", stop_loss=1e-6)
    assert found.status == "not_reached"
    assert "loss 1e-06 was not reached in 20 gradients" in found.message
    assert found.checkpoints[-1].step == 20
    assert run(data, steps=20, stop="interpolation", lr=1e-4).status == "not_reached"


@pytest.mark.parametrize(("optimiser", "cost"), [("sgd", 1), ("sam", 2), ("entropy_sgd", 5)])
def test_optimisers_spend_the_same_gradients(data, optimiser, cost):
    calls = []
    config = Training(
        optimiser=optimiser,
        entropy=EntropySGD(inner_steps=5),
        batch_size=20,
        steps=33,
        checkpoint_steps=(0, 12),
    )
    training = train(fresh(), data, class_losses, config, 0, lambda at, loss: calls.append(at))
    assert calls == [cost * k for k in range(1, 33 // cost + 1)]
    assert [kept.step for kept in training.checkpoints] == [0, -(-12 // cost), 33 // cost]
    assert all(kept.gradients == cost * kept.step for kept in training.checkpoints)


def test_losses_of_a_checkpoint_are_those_of_its_weights(data):
    """Batch norm included: the loss is that of the frozen statistics, as the estimators have it."""
    images = torch.randn(40, 1, 8, 8, generator=rng(4)), torch.arange(40) % 3
    pictures = DataSet("pictures", images, (images[0][:9], images[1][:9]), "", "", 3)
    net = initialised(lambda: ResNet(1, 3, width=4, norm="batch"), rng())
    penalties = Penalties(gradient_norm=0.1)
    config = Training(lr=0.3, batch_size=16, steps=10, penalties=penalties)
    end = train(net, pictures, class_losses, config, 0).checkpoints[-1]
    for part, loss in ((pictures.train, end.train_loss), (pictures.test, end.test_loss)):
        problem = from_module(net, class_losses, part, w_star=end.state)
        assert float(problem.bind(None, torch.float64).reference.mean()) == pytest.approx(
            loss, rel=1e-5
        )
    untrained = from_module(net, class_losses, pictures.train).bind(None, torch.float64)
    assert float(untrained.reference.mean()) != pytest.approx(end.train_loss, rel=1e-2)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"optimiser": "adam", "lr": 0.01, "label_noise": 0.2},
        {"optimiser": "entropy_sgd", "input_noise": 0.1},
        {
            "optimiser": "sam",
            "penalties": Penalties(gradient_norm=0.01, spectral=0.01, jacobian=0.01),
        },
    ],
)
def test_the_same_seed_gives_the_same_numbers(data, settings):
    settings = {"steps": 60, "checkpoint_steps": (0, 40)} | settings
    torch.manual_seed(0)
    first = numbers(run(data, seed=3, **settings))
    torch.manual_seed(1)  # nothing reads the global generator
    assert numbers(run(data, seed=3, **settings)) == first
    assert numbers(run(data, seed=4, **settings)) != first


def test_the_module_of_the_caller_is_left_alone(data):
    net = fresh().eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    outcome = train(net, data, class_losses, Training(steps=5, batch_size=20), 0)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert not net.training
    assert not torch.equal(outcome.checkpoints[-1].state["layers.0.weight"], net.layers[0].weight)


def test_the_share_of_wrong_labels_is_exact(data):
    for share in (0.07, 0.2, 1.0):
        noisy = with_label_noise(data, share, 0)
        assert int((noisy.train[1] != data.train[1]).sum()) == round(share * 100)
        assert torch.equal(noisy.test[1], data.test[1])
        assert set(noisy.train[1].tolist()) == {0, 1, 2}
    assert with_label_noise(data, 0.0, 0) is data
    assert not torch.equal(noisy.train[1], with_label_noise(data, 1.0, 1).train[1])
    # Training sees them: the loss of the first checkpoint is that of the wrong labels.
    start = run(data, seed=0, steps=0, label_noise=1.0).checkpoints[0]
    wrong = float(class_losses(fresh()(data.train[0]), noisy.train[1]).mean().detach())
    assert start.train_loss == pytest.approx(wrong, rel=1e-6)
    with pytest.raises(ValueError, match="one class per sample"):
        with_label_noise(around(torch.zeros(3, 2)), 0.1, 0)


@pytest.mark.parametrize("optimiser", ["sgd", "sam", "entropy_sgd"])
def test_leaving_the_finite_numbers_is_a_status(data, optimiser):
    entropy = EntropySGD(inner_lr=1e30)
    run_result = run(
        data, optimiser=optimiser, lr=1e30, entropy=entropy, steps=400, checkpoint_steps=(0, 400)
    )
    assert run_result.status == "not_finite"
    assert run_result.message.startswith("update ")
    assert [kept.step for kept in run_result.checkpoints] == [
        0
    ]  # nothing is kept that is not finite


def test_weights_that_are_not_finite_are_noticed_where_no_loss_shows_them():
    """A rate that sends a weight to infinity on the last update."""
    task = around(torch.zeros(2, 2))

    def blind(outputs, targets):
        return outputs.nan_to_num(0.0, 0.0, 0.0).square().sum(1)

    for decay, status in ((1e30, "not_finite"), (1e-30, "ok")):
        config = Training(lr=1e10, steps=1, batch_size=None, weight_decay=decay)
        training = train(Point(torch.ones(2)), task, blind, config, 0)
        assert training.status == status
        assert ("weights that are not finite" in training.message) == (status != "ok")


def test_what_a_regression_has_no_meaning_for():
    task = around(torch.zeros(4, 2))
    with pytest.raises(ValueError, match="no error that could be 0"):
        train(nn.Linear(2, 1), task, squared_losses, Training(stop="interpolation"), 0)
    end = train(
        nn.Linear(2, 1), task, squared_losses, Training(batch_size=2, steps=3), 0
    ).checkpoints[-1]
    assert end.train_error is end.test_error is None
    words = DataSet("words", *[(torch.zeros(4, 3, dtype=torch.int64),) * 2] * 2, "", "", 2)
    with pytest.raises(ValueError, match="take no input_noise"):
        train(nn.Linear(3, 2), words, class_losses, Training(input_noise=0.1), 0)
