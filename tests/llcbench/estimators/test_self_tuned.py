"""The estimate that tunes itself: what it chooses, what it spends, what it says, whether it covers.

The gate on coverage has a false alarm below 1e-4 by the binomial distribution; its control is a
chain that is read while it still moves away from ``w_star``.
"""

import msgspec
import numpy as np
import pytest
import torch
from scipy.stats import binom
from torch import nn

import llcbench
from llcbench import Budget, RunContext, Seeds, SelfTuned, Settings
from llcbench.estimators.self_tuned import constants, runs
from llcbench.estimators.self_tuned.adapted import AdaptedSteps
from llcbench.estimators.self_tuned.choices import batch_and_budget, batch_of, sizes_of
from llcbench.estimators.self_tuned.gamma import GammaPilot, choice
from llcbench.estimators.self_tuned.runs import with_pairs
from llcbench.intervals import student_quantile
from llcbench.sampling.target import Target

POTENTIAL = llcbench.problem("poly/x2y2")
REGRESSION = llcbench.problem("rrr/2-2-2/r1/n1000")
SHORT = {"nbeta": 1e3, "gamma": 10.0, "num_chains": 8, "max_grads": 300, "progress": False}


@pytest.mark.parametrize(
    ("num_data", "batch_size", "expected"),
    [
        (None, None, (None, 2000)),
        (1000, None, (None, 2000)),
        (1000, 2000, (None, 2000)),
        (1000, 100, (None, 200)),
        (1001, 100, (100, 2000)),
        (5000, 64, (64, 2000)),
    ],
)
def test_full_batches_win_up_to_ten_minibatches(num_data, batch_size, expected):
    """And cost as many gradients of samples."""
    assert batch_and_budget(num_data, batch_size, 2000) == expected


def test_a_budget_too_small_for_full_batches_is_spent_on_minibatches():
    assert batch_and_budget(1000, 100, 100) == (100, 100)


@pytest.mark.parametrize(("num_data", "batch"), [(None, None), (2560, None), (2561, 256)])
def test_the_batch_that_is_chosen(num_data, batch):
    assert batch_of(num_data) == batch


class Network(nn.Module):
    """One linear map whose cost per sample is its size."""

    def __init__(self, width):
        super().__init__()
        self.map = nn.Linear(width, 1)

    def forward(self, x):
        return self.map(x).squeeze(-1)


def network(width, num_data):
    rng = torch.Generator().manual_seed(0)
    data = torch.randn(num_data, width, generator=rng), torch.randn(num_data, generator=rng)
    return llcbench.from_module(Network(width), lambda f, y: (f - y) ** 2, data)


def test_operations_are_counted():
    """A product and a sum per weight forward, twice as many backward."""
    assert network(100, 8).flops == pytest.approx(6 * 100, rel=0.02)


@pytest.mark.parametrize("given", [{}, {"num_chains": 7}, {"batch_size": 99}, {"max_grads": 1234}])
def test_what_takes_long_is_made_smaller_and_what_is_given_stays(monkeypatch, given):
    problem = network(100, 500)
    whole = sizes_of(problem)
    assert whole == (16, None, 2000)
    for share, chains in ((1.01, 16), (0.99, 4), (1e-6, 4)):
        monkeypatch.setattr(constants, "FLOPS", share * problem.flops * 16 * 500 * 2000)
        sizes = sizes_of(problem, **given)
        if not {"batch_size", "max_grads"} & set(given):
            assert sizes.num_chains == given.get("num_chains", chains)
        for name, value in given.items():
            assert getattr(sizes, name) == value
        batch = sizes.batch_size or 500
        assert batch >= given.get("batch_size", constants.LEAST_BATCH)
        assert sizes.max_grads >= given.get("max_grads", constants.FEWEST_GRADS)
        cost = problem.flops * sizes.num_chains * batch * sizes.max_grads
        assert share == 1e-6 or cost <= constants.FLOPS or given
    assert {} != given or sizes == (4, constants.LEAST_BATCH, constants.FEWEST_GRADS)


def test_with_an_error_to_reach_the_budget_stays_a_bound(monkeypatch):
    monkeypatch.setattr(constants, "FLOPS", 1.0)
    sizes = sizes_of(network(100, 500), target_stderr=0.1)
    assert sizes == (4, constants.LEAST_BATCH, constants.MOST_GRADS)


@pytest.mark.parametrize("grads", [24, 100, 301])
def test_full_batches_spend_the_budget_to_the_last_gradient(grads):
    answer = llcbench.estimate(POTENTIAL, **SHORT | {"max_grads": grads})
    assert answer.status == "ok"
    assert answer.grad_evals == 8 * grads
    assert f"{grads} gradients a chain in all" in answer.method
    assert "GHMC on the full batch" in answer.method


@pytest.mark.parametrize("gamma", [10.0, None])
def test_minibatches_stay_inside_the_budget(gamma):
    chosen = SHORT | {"batch_size": 16, "gamma": gamma, "max_grads": 1600 if gamma is None else 300}
    answer = llcbench.estimate(REGRESSION, **chosen)
    assert answer.status == "ok"
    most = 8 * chosen["max_grads"]
    assert 0.99 * most < answer.grad_evals <= most
    assert answer.sample_grads == 16 * answer.grad_evals
    assert "Leimkuhler-Matthews on minibatches of 16 of 1000" in answer.method
    assert answer.feed == "independent"
    assert 0 < answer.discretisation.value < 0.3


@pytest.mark.parametrize("period", [1, 2, 32, 64])
def test_steps_and_pairs_fill_the_budget(period):
    """One step more, with its pair where it has one, would not fit."""
    for grads in range(1, 5 * period + 8):
        steps = with_pairs(grads, period)
        assert steps + -(-steps // period) <= grads < steps + 1 + -(-(steps + 1) // period)


def test_records_on_minibatches_are_counted(monkeypatch):
    """A pair of half batches counts as a gradient; without the count the budget is exceeded."""
    spent = []
    for counted in (True, False):
        if not counted:
            monkeypatch.setattr(runs, "with_pairs", lambda grads, period: grads)
        answer = llcbench.estimate(REGRESSION, **SHORT | {"batch_size": 16})
        spent.append(answer.grad_evals / 8)
        assert answer.sample_grads == 16 * answer.grad_evals
    assert spent[0] <= 300 < spent[1]


def test_pilots_are_counted_and_gamma_is_explained():
    answer = llcbench.estimate(POTENTIAL, **SHORT | {"gamma": None, "max_grads": 1600})
    assert answer.grad_evals == 8 * 1600
    assert answer.gamma in constants.GAMMAS
    assert f"gamma {answer.gamma:g}, " in answer.method
    assert "doubling gamma would move the estimate by" in answer.method
    regular = llcbench.estimate(
        llcbench.problem("regular/d2"), **SHORT | {"gamma": None, "max_grads": 1600}
    )
    assert f"gamma {regular.gamma:g}, the largest on a plateau" in regular.method


@pytest.mark.parametrize(
    ("pilots", "gamma", "word"),
    [
        # gamma, change when it doubles, its error, equilibrated
        ([(1, 0.01, 0.01, False), (10, -0.02, 0.01, True), (100, -0.3, 0.01, True)], 10, "plateau"),
        ([(1, 0.01, 0.01, True), (10, -0.02, 0.01, True), (100, -0.3, 0.01, True)], 10, "plateau"),
        # A slope that is small by chance is no plateau, whatever the seed.
        ([(1, -4.0, 2.0, False), (10, -0.8, 0.6, True), (100, 0.0, 0.6, True)], 10, "smallest"),
        ([(10, -0.8, 0.6, False), (100, -0.5, 0.6, False)], 1000, "at no value"),
        ([], 1000, "at no value"),
    ],
)
def test_the_choice_of_gamma(pilots, gamma, word):
    chosen = choice([GammaPilot(*pilot) for pilot in pilots])
    assert chosen.gamma == gamma
    assert word in chosen.words


def test_a_standard_error_ends_the_run():
    answer = llcbench.estimate(POTENTIAL, **SHORT | {"max_grads": 4000, "target_stderr": 0.03})
    assert answer.status == "ok"
    assert answer.mcse <= 0.03
    assert answer.grad_evals < 8 * 2000


def test_chains_that_leave_start_again_with_smaller_steps(monkeypatch):
    """Steps far above the limit of stability, as a wrong curvature would make them."""
    monkeypatch.setattr(constants, "STIFFEST", 40.0)
    monkeypatch.setattr(constants, "SHARE", 40.0)
    chosen = SHORT | {"batch_size": 16, "max_grads": 2000}
    answer = llcbench.estimate(REGRESSION, **chosen)
    assert "restarts with smaller steps" in answer.method
    assert answer.status == "ok"
    assert answer.grad_evals <= 8 * 2000


def test_the_budget_of_the_context_is_the_tighter_one():
    settings = Settings(nbeta=1e3, gamma=10.0, num_chains=8)
    estimator = SelfTuned(settings=settings, max_grads=1000)
    answer = estimator.estimate(POTENTIAL, RunContext(budget=Budget(grad_evals=8 * 200 + 5)))
    assert answer.status == "ok"
    assert answer.grad_evals == 8 * 200
    none = estimator.estimate(POTENTIAL, RunContext(budget=Budget(grad_evals=8)))
    assert (none.status, none.llc) == ("timeout", None)
    assert "raise max_grads" in none.message


def test_the_lengths_of_the_settings_are_the_budget_of_a_suite():
    settings = Settings(nbeta=1e3, gamma=10.0, num_chains=8, num_draws=200, num_burnin=50)
    answer = llcbench.registry.make_estimator("self_tuned", {}, None, settings).estimate(POTENTIAL)
    assert answer.grad_evals == 8 * 250


def test_the_step_follows_what_is_measured():
    """D of 0.06 in the limit of the stiffest direction, whatever the first step."""
    target = Target(
        llcbench.problem("regular/d5/n1000"), 145.0, 10.0, 16,
        llcbench.problem("regular/d5/n1000").sample_data(torch.Generator().manual_seed(0)),
        batch_size=16, control_variate=True, tabulate=True,
    )  # fmt: skip
    steps = []
    for first, largest in ((1e-6, 1.0), (1e-2, 1.0), (1e-6, 2e-4)):
        rng = torch.Generator().manual_seed(1)
        target.next_batch(rng)
        kernel = AdaptedSteps(first, largest, 0.06, 300, 3.0)
        state = kernel.init(target.start(), target, rng)
        for _ in range(300):
            target.next_batch(rng)
            state, _ = kernel.step(state, target, rng)
        steps.append(np.exp(state.log_step))
    assert steps[0] == pytest.approx(steps[1], rel=0.2)
    assert steps[2] == pytest.approx(2e-4)


def test_a_network_is_estimated_with_what_is_chosen():
    torch.manual_seed(0)
    x = torch.randn(60, 3)
    net = nn.Linear(3, 1)
    problem = llcbench.from_module(net, lambda f, y: (f - y).square().sum(1), (x, net(x).detach()))
    answer = llcbench.estimate(problem, nbeta=1e3, max_grads=300, progress=False)
    assert answer.status == "ok"
    assert len(answer.llc_per_chain) == constants.CHAINS
    assert abs(answer.llc - 2.0) < 0.3


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"max_grads": 3}, "max_grads must be a whole number of at least 24, got 3"),
        ({"target_stderr": -1.0}, "target_stderr"),
        ({"batch_size": 10}, "has no minibatches; drop batch_size"),
        ({"gamma": -1.0}, "gamma"),
        ({"nbeta": 0.0}, "nbeta"),
        ({"num_chains": 0}, "num_chains"),
        ({"device": "tpu"}, "device"),
        ({"sampler": llcbench.SGLD(), "gamma": 1.0}, "gamma=1.0 is for the estimate that tunes"),
        ({"settings": Settings(), "max_grads": 100}, "drop max_grads"),
    ],
)
def test_what_contradicts_itself_is_one_line(wrong, words):
    with pytest.raises(ValueError, match=words) as caught:
        llcbench.estimate(POTENTIAL, **wrong)
    assert "\n" not in str(caught.value)


def test_intervals_cover():
    """90 % intervals of 24 groups of 16 chains; the control still moves away from ``w_star``."""
    truth = POTENTIAL.tempered(1e3, 10.0).value
    settings = Settings(nbeta=1e3, gamma=10.0, num_chains=24 * 16, num_draws=1700, num_burnin=300)
    least, reach = int(binom.ppf(1e-4, 24, 0.9)), student_quantile(0.9, 15)

    def covered(estimator):
        answer = estimator.estimate(POTENTIAL, RunContext(Seeds(0, POTENTIAL.id, 0, "groups")))
        groups = np.array(answer.llc_per_chain).reshape(24, 16)
        errors = groups.std(1, ddof=1) / 4
        return int((abs(groups.mean(1) - truth) < reach * errors).sum())

    ours = covered(SelfTuned(settings=settings))
    short = msgspec.structs.replace(settings, num_draws=300, num_burnin=0)
    control = covered(llcbench.MeanEnergy(llcbench.SGLD(1e-4), short))
    print(f"covered {ours} of 24, at least {least}; control {control}")
    assert ours >= least > control
