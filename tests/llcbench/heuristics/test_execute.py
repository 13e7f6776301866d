"""Trials of small networks on real digits: values by other routes, repetition, failures."""

import math

import msgspec
import pytest
import torch

from llcbench.heuristics.execute import data_of, execute, loss_of, network_of
from llcbench.heuristics.measure import local
from llcbench.heuristics.trial import Measured, Measuring, Trial, TrialRecord
from llcbench.measures.hessian import Hessian, dense
from llcbench.problems.modules.from_module import from_module
from llcbench.problems.modules.problem import ModuleProblem
from llcbench.training.config import Training
from llcbench.training.noise import with_label_noise
from llcbench.training.train import train

SHORT = Measuring(
    num_burnin=20, num_draws=20, batch_size=32, gc_samples=40, hessian_samples=40,
    hessian_products=60, hessian_tolerance=1e-4,
)  # fmt: skip
LINEAR = Trial(
    data="digits", samples=150, network="mlp",
    training=Training(steps=300, lr=0.05, label_noise=0.1), measuring=SHORT, seed=3,
)  # fmt: skip


def problem_of(trial: Trial) -> ModuleProblem:
    """Train once more and return the loss that is measured."""
    data = data_of(trial)
    module, loss = network_of(trial, data), loss_of(data)
    end = train(module, data, loss, trial.training, trial.seed).checkpoints[-1]
    noisy = with_label_noise(data, trial.training.label_noise, trial.seed)
    return from_module(module, loss, noisy.train, w_star=end.state)


def without_times(record: TrialRecord) -> TrialRecord:
    measured = [
        msgspec.structs.replace(point, cpu_seconds=0.0, seconds=0.0) for point in record.measured
    ]
    return msgspec.structs.replace(record, measured=measured, cpu_seconds=0.0, seconds=0.0)


@pytest.fixture(scope="module")
def linear() -> TrialRecord:
    return execute(LINEAR)


def test_the_same_trial_twice_gives_the_same_numbers(linear: TrialRecord) -> None:
    assert without_times(execute(LINEAR)) == without_times(linear)
    other = execute(LINEAR.at_seed(4))
    assert other.measured[0].llc.value != linear.measured[0].llc.value


def test_values_are_those_of_other_routes(linear: TrialRecord) -> None:
    problem, point = problem_of(LINEAR), linear.measured[-1]
    weights = dict(problem.module.named_parameters())
    # A linear network is as steep as its matrix, everywhere.
    assert point.gc == pytest.approx(float(weights["layers.0.weight"].square().sum()), rel=1e-5)
    assert point.norm == pytest.approx(math.hypot(*point.norms.values()))
    inputs, targets = problem.data
    outputs = problem.module(inputs)
    loss = torch.nn.functional.cross_entropy(outputs, targets)
    assert point.train_loss == pytest.approx(float(loss), rel=1e-5)
    matrix = dense(Hessian(problem.bind(None, torch.float64), problem.w_star().double(),
                           torch.arange(40)))  # fmt: skip
    assert point.top == pytest.approx(float(torch.linalg.eigvalsh(matrix)[-1]), rel=1e-3)
    assert abs(point.trace - float(matrix.trace())) < 4 * point.trace_stderr
    assert point.scale_free == ()
    assert point.llc_normed is None


def test_coefficient_is_that_of_the_quadratic(linear: TrialRecord) -> None:
    """A strong localisation keeps the chain where the loss is its second-order expansion.

    With gradient ``g`` and Hessian ``H`` at the weights the perfect sampler has covariance
    ``A^-1``, ``A = nbeta H + gamma``, around ``-nbeta A^-1 g``; steps ``e`` make the covariance too
    large by ``(1 - e A / 4)^-1``.
    """
    how = Measuring(
        gamma=2e3, step_size=1e-4, nbeta=100.0, batch_size=None, num_chains=2, num_burnin=50,
        num_draws=300,
    )  # fmt: skip
    problem = problem_of(LINEAR)
    estimate = local(problem, how, 0)
    point = problem.w_star().double()
    bound = problem.bind(None, torch.float64)
    hessian = dense(Hessian(bound, point))
    slope = bound.excess_and_grad(point[None], bound.draw(1, None, torch.Generator()))[1][0]
    identity = torch.eye(len(point), dtype=torch.float64)
    precision = 100.0 * hessian + 2e3 * identity
    shift = -100.0 * torch.linalg.solve(precision, slope)
    widened = precision @ (identity - 1e-4 * precision / 4)
    spread = torch.linalg.solve(widened, hessian).trace()
    expected = 100.0 * float(slope @ shift + shift @ hessian @ shift / 2 + spread / 2)
    assert estimate.status == "ok"
    assert abs(estimate.value - expected) < 4 * estimate.stderr + 0.02 * abs(expected)
    assert estimate.stderr < 0.1 * abs(expected)
    # The control: the same gate refuses the value at twice the temperature.
    assert abs(estimate.value - 2 * expected) > 4 * estimate.stderr + 0.02 * abs(expected)


def test_training_that_diverges_is_a_record() -> None:
    wild = msgspec.structs.replace(LINEAR, network="mlp-8", training=Training(lr=1e30, steps=50))
    record = execute(wild)
    assert record.status == "not_finite"
    assert record.message
    assert record.measured == []
    assert msgspec.json.decode(msgspec.json.encode(record), type=TrialRecord) == record


def test_loss_that_is_not_reached_and_chains_that_diverge_are_statuses() -> None:
    missing = msgspec.structs.replace(
        LINEAR,
        training=Training(steps=4, stop="loss", stop_loss=1e-9),
        measuring=msgspec.structs.replace(SHORT, step_size=1e12, gc_samples=0, hessian_samples=0),
    )
    record = execute(missing)
    assert record.status == "not_reached"
    (point,) = record.measured
    assert point.llc.status in ("not_finite", "diverged")
    assert point.llc.value is None
    assert (point.gc, point.top) == (None, None)


def test_weights_at_the_start_may_be_below_zero() -> None:
    # On the steep side of the loss the chain falls: the value is negative, marked, and stays.
    start = msgspec.structs.replace(
        LINEAR, training=Training(steps=5, checkpoint_steps=(0,), lr=1e-6), scale=30.0
    )
    first = execute(start).measured[0]
    assert first.gradients == 0
    assert first.llc.value < 0
    assert any(warning.startswith("negative") for warning in first.llc.warnings)
    assert not first.llc.converged


def test_scale_free_weights_get_a_second_coefficient() -> None:
    trial = Trial(
        data="digits", samples=24, network="resnet-8-4",
        training=Training(steps=3, batch_size=8, lr=0.5),
        measuring=Measuring(num_burnin=5, num_draws=10, batch_size=8, gc_samples=4,
                            hessian_samples=4, hessian_products=3, hessian_probes=2),
    )  # fmt: skip
    (point,) = execute(trial).measured
    assert "stem.weight" in point.scale_free
    assert point.llc_normed.status == "ok"
    assert point.llc_normed.value != point.llc.value


def test_tokens_have_no_geometric_complexity() -> None:
    trial = Trial(
        data="text", data_options={"context": 8}, samples=40, network="attention-1-4",
        training=Training(steps=2, batch_size=8, checkpoint_steps=(1,)), measuring=SHORT,
    )  # fmt: skip
    small = msgspec.structs.replace(
        SHORT, num_burnin=2, num_draws=10, hessian_samples=8, hessian_products=2, hessian_probes=2
    )
    record = execute(msgspec.structs.replace(trial, measuring=small))
    assert record.status == "ok", record.message
    assert [point.gradients for point in record.measured] == [1, 2]
    assert all(isinstance(p, Measured) and p.gc is None and p.llc.value for p in record.measured)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"data": "cifar"}, "cifar"), ({"network": "lstm"}, "lstm"), ({"samples": 10**6}, "1000000"),
     ({"data_options": {"context": 3}}, "context")],
)  # fmt: skip
def test_what_cannot_be_done_is_an_error_with_the_reason(
    change: dict[str, object], words: str
) -> None:
    record = execute(msgspec.structs.replace(LINEAR, **change))
    assert record.status == "error"
    assert words in record.message
