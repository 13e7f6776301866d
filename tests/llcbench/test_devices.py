"""Nothing in a step asks where it runs, and nothing in a step waits for the device.

Run on tensors that claim to be on a GPU, see `fake_device`; what a real one computes is in
`test_gpu`. Controls: a tensor of the CPU and a read of a value, planted into a step.
"""

import fake_device
import pytest
import torch
from fake_device import DEVICE
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import Dataset

import llcbench
from llcbench import Settings, registry
from llcbench.adapters import devinterp_kernels, nuts, posteriors  # noqa: F401 - not while faked
from llcbench.estimators.self_tuned.adapted import AdaptedSteps
from llcbench.networks.transformer import Transformer
from llcbench.sampling import devices
from llcbench.sampling.chains import Chains
from llcbench.sampling.sampler_abilities import unsupported
from llcbench.sampling.target import Target

pytestmark = pytest.mark.skipif(
    not fake_device.available(), reason="this build of torch cannot be told that it has a GPU"
)
STEPS = 3
OTHERS = [
    name
    for name in registry.sampler_names()
    if name == "nuts" or name.startswith(("canonical", "devinterp", "posteriors"))
]
# Exact draws begin with a quadrature, which made-up numbers would never end; gibbs uses numpy.
NAMES = [name for name in registry.sampler_names() if name not in (*OTHERS, "exact", "gibbs")]


class TwoInputs(nn.Module):
    """Two inputs by name, a buffer, and an output that is an object."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(3, 4), nn.Linear(2, 4)
        self.register_buffer("shift", torch.ones(4))

    def forward(self, first, second):
        return {"logits": torch.tanh(self.one(first) + self.two(second)) + self.shift}


class Rows(Dataset):
    """Pairs that are read one by one."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.images)

    def __getitem__(self, number):
        return self.images[number], self.labels[number]


def sequence_loss(logits, tokens):
    """Return the mean over the tokens of each sequence."""
    each = cross_entropy(logits[:, :-1].movedim(-1, 1), tokens[:, 1:], reduction="none")
    return each.mean(1)


def _problems():
    rng = torch.Generator().manual_seed(0)
    images = torch.randn(40, 1, 6, 6, generator=rng)
    labels = torch.randint(3, (40,), generator=rng)
    plain = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3)
    )
    each = lambda f, y: cross_entropy(f, y, reduction="none")  # noqa: E731
    named = {
        "first": torch.randn(40, 3, generator=rng),
        "second": torch.randn(40, 2, generator=rng),
    }
    tokens = torch.randint(9, (40, 6), generator=rng)
    rrr = registry.problem("rrr/5-3-5/r2/n200")
    return {
        "polynomial": registry.problem("poly/x2y4"),
        "population": registry.problem("rrr/5-3-5/r2"),
        "squared": rrr,
        "module": llcbench.from_module(plain, each, (images, labels)),
        "data set": llcbench.from_module(plain, each, Rows(images, labels)),
        "dict": llcbench.from_module(
            TwoInputs(), lambda f, batch: f["logits"].square().sum(1), named
        ),
        "language": llcbench.from_module(
            Transformer(9, 6, layers=1, width=4, heads=2), sequence_loss, (tokens, tokens)
        ),
    }


PROBLEMS = _problems()
KINDS = [
    ("polynomial", None, False),
    ("population", None, False),
    ("squared", None, False),
    ("squared", 16, False),
    ("squared", 2, False),
    ("squared", 16, True),
    ("module", None, False),
    ("module", 16, False),
    ("module", 16, True),
    ("data set", 16, False),
    ("dict", None, False),
    ("dict", 8, False),
    ("language", None, False),
    ("language", 8, False),
]
MAIN = [("squared", None, False), ("squared", 16, True), ("module", None, False)]
MAIN += [("module", 16, False)]
FULL = {"ghmc", "mala", "hmc", "adjusted_mclmc"}
UNFIT = {("kfac_sgld", kind) for kind in ("polynomial", "module", "data set", "dict", "language")}


def target_of(kind, batch_size, controlled):
    problem = PROBLEMS[kind]
    data = problem.sample_data(torch.Generator().manual_seed(1))
    return Target(
        problem, nbeta=30.0, gamma=1.0, num_chains=2, data=data, batch_size=batch_size,
        dtype=torch.float32, control_variate=controlled, device=DEVICE,
    )  # fmt: skip


def stepped(sampler, kind, batch_size, controlled, plant=None):
    """Make a few steps; return what waited in them, or None where the sampler refuses."""
    with fake_device.claimed() as waits:
        target = target_of(kind, batch_size, controlled)
        if unsupported(sampler, target):
            return None
        noise, batches = (devices.generator(seed, DEVICE) for seed in (1, 2))
        # Every step records its moments, and the first one a pair of half batches.
        chains = Chains(target, sampler, STEPS, 0, noise, batches, record_every=1)
        chains.start(False)
        chains.advance()
        waits.clear()
        if plant is not None:
            plant(target)
        for _ in range(STEPS - 1):
            draw = chains.advance()
        assert draw.theta.device.type == "cuda"
        assert draw.loss.device.type == "cuda"
        return dict(waits)


def _pairs():
    """Every sampler on some targets, and every target with some samplers, as far as they fit."""
    for name in NAMES:
        for case in KINDS:
            kind, size, _ = case
            both = case in MAIN or name in ("sgld", "ghmc")
            if both and (size is None or name not in FULL) and (name, kind) not in UNFIT:
                yield name, case


@pytest.mark.parametrize(("name", "case"), _pairs())
def test_a_step_stays_on_the_device_and_waits_for_nothing(name, case):
    assert stepped(registry.make_sampler(name, {}), *case) == {}


@pytest.mark.parametrize("name", ["mala", "hmc", "adjusted_mclmc"])
def test_spread_steps_wait_for_nothing_either(name):
    assert stepped(registry.make_sampler(name, {"spread": 1.0}), "squared", None, False) == {}


@pytest.mark.parametrize("adapt", [3, 100])
def test_steps_that_adapt_wait_for_nothing(adapt):
    kernel = AdaptedSteps(1e-5, 1e-3, 0.06, adapt, 3.0)
    assert stepped(kernel, "module", 16, True) == {}


@pytest.mark.parametrize("name", [*OTHERS, "gibbs"])
def test_what_is_on_the_cpu_alone_says_so(name):
    sampler = registry.make_sampler(name, {})
    with fake_device.claimed():
        reason = unsupported(sampler, target_of("squared", None, False))
    assert reason
    assert name == "canonical_sgld" or "device='cpu'" in reason


def _planted(target, change):
    """Have whatever a step asks the target for changed on its way out."""
    base = target.loss_and_grad

    def loss_and_grad(theta, **options):
        loss, grad = base(theta, **options)
        change(loss, grad)
        return loss, grad

    target.loss_and_grad = loss_and_grad


@pytest.mark.parametrize("name", NAMES)
def test_a_tensor_of_the_cpu_in_a_step_is_noticed(name):
    def plant(target):
        _planted(target, lambda loss, grad: grad.add_(torch.ones(target.dim)))

    with pytest.raises(Exception, match="device"):
        stepped(registry.make_sampler(name, {}), "population", None, False, plant)


@pytest.mark.parametrize("name", NAMES)
def test_a_read_of_a_value_in_a_step_is_counted(name):
    def plant(target):
        _planted(target, lambda loss, grad: loss[0].item())

    waits = stepped(registry.make_sampler(name, {}), "population", None, False, plant)
    assert sum(waits.values()) >= STEPS - 1


def test_a_generator_of_the_cpu_is_noticed():
    with fake_device.claimed(), pytest.raises(RuntimeError, match="device type for generator"):
        torch.empty(3, device=DEVICE).normal_(generator=torch.Generator().manual_seed(0))


SETTINGS = Settings(device=DEVICE, num_chains=2, num_draws=24, num_burnin=2, dtype="float32")
GIVEN = {"settings": SETTINGS}
TUNED = {"device": DEVICE, "max_grads": 60, "num_chains": 2, "gamma": 10.0}
ESTIMATES = [("squared", TUNED), ("module", TUNED), ("dict", GIVEN), ("language", GIVEN)]


@pytest.mark.parametrize(("kind", "options"), ESTIMATES, ids=[kind for kind, _ in ESTIMATES])
def test_an_estimate_with_its_guards_runs_on_a_device(kind, options):
    """From placement to guards; numbers are made up, so that only their places are looked at."""
    with fake_device.claimed():
        answer = llcbench.estimate(PROBLEMS[kind], progress=False, **options)
    names = {guard.name for guard in answer.guards}
    assert {"rhat", "ess_bulk", "rounding"} <= names
    if kind == "module":
        assert "minimum" in names


def test_data_that_stay_on_the_host_are_fetched_in_blocks():
    """Numbers of samples are drawn on the device: the host waits once for those of many steps."""
    with fake_device.claimed() as waits:
        target = target_of("data set", 16, False)
        assert target.loss.draw(2, 16, devices.generator(1, DEVICE)).numbers.device.type == "cpu"
        batches = devices.generator(2, DEVICE)
        waits.clear()
        for _ in range(64):
            target.next_batch(batches)
        assert sum(waits.values()) == 1
        target.next_batch(batches)
        assert sum(waits.values()) == 2


def test_auto_is_the_device_that_is_there():
    assert devices.resolved("auto") == ("cuda:0" if torch.cuda.is_available() else "cpu")
    with fake_device.claimed():
        assert devices.resolved("auto") == "cuda:0"
        with pytest.raises(ValueError, match="finds 1 CUDA devices here, the last is 'cuda:0'"):
            devices.resolved("cuda:1")


def test_numbers_that_the_host_needs_do_not_depend_on_the_device_being_done():
    """Uniform in their range; chi-square of 16 classes, false alarm 1e-6."""
    with fake_device.claimed():
        rng = devices.generator(7, DEVICE)
        drawn = [devices.whole_number(1, 17, rng, step) for step in range(16_000)]
        again = [devices.whole_number(1, 17, rng, step) for step in range(10)]
    assert drawn[:10] == again
    counts = [drawn.count(value) for value in range(1, 17)]
    assert sum((count - 1000) ** 2 for count in counts) / 1000 < 56.5
