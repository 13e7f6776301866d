"""A convolutional network on digits: one call, its guards, and what to do at a point in between.

    python tutorials/digits_cnn.py [figure.png]

Estimated at three times of its training, on the labels of the data and on those that the network
gives itself (`problem.realised`), then layer by layer. Needs scikit-learn. Four to five minutes on
two cores; LLCBENCH_QUICK=1 makes everything small.
"""

import os
import sys
from pathlib import Path

import torch
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import llcbench

QUICK = bool(os.environ.get("LLCBENCH_QUICK"))
UPDATES = {"untrained": 0, "halfway": 80, "trained": 200 if QUICK else 4000}
GRADS, DEFAULT_GRADS, SAMPLES = (40, 40, 64) if QUICK else (250, None, 500)
GAMMA = 100.0
BLUE, ORANGE = "#0072b2", "#d55e00"
Estimates = dict[str, llcbench.Estimate]


def losses(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return one loss per sample: no mean, and no penalty on the weights."""
    return cross_entropy(outputs, labels, reduction="none")


def train(network: nn.Module, inputs: Tensor, labels: Tensor) -> dict[str, dict[str, Tensor]]:
    """Train, and keep the weights of some steps."""
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    states = {}
    for update in range(UPDATES["trained"] + 1):
        for name, at in UPDATES.items():
            if update == at:
                states[name] = {key: value.clone() for key, value in network.state_dict().items()}
        rows = torch.randint(len(inputs), (64,))
        optimiser.zero_grad()
        losses(network(inputs[rows]), labels[rows]).mean().backward()
        optimiser.step()
    return states


def estimate(problem: llcbench.Problem) -> llcbench.Estimate:
    """Estimate on a small budget at one localisation, so that all estimates can be compared."""
    return llcbench.estimate(problem, gamma=GAMMA, num_chains=4, max_grads=GRADS, progress=False)


def minimum_of(estimate: llcbench.Estimate) -> llcbench.Guard:
    """Return the guard on the point: is it a minimum of the loss that was sampled?"""
    return next(guard for guard in estimate.guards if guard.name == "minimum")


def draw(on_data: Estimates, on_own: Estimates, layers: Estimates, path: Path) -> None:
    """Draw the estimates with their errors, over training and by layer."""
    figure = Figure(figsize=(9, 4), dpi=130, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.3, 1])
    kinds = {"labels of the data": (on_data, BLUE, "o"), "labels of its own": (on_own, ORANGE, "s")}
    for shift, (label, (many, colour, marker)) in zip((-0.08, 0.08), kinds.items(), strict=True):
        for place, each in enumerate(many.values()):
            left.errorbar(
                place + shift, each.llc, yerr=1.645 * each.stderr, fmt=marker, color=colour,
                markerfacecolor=colour if minimum_of(each).passed else "white", capsize=4,
                label="" if place < len(many) - 1 else label,
            )  # fmt: skip
    left.axhline(0, color="0.6", lw=0.8)
    left.set_xticks(range(len(on_data)), [f"{n}\n{at} updates" for n, at in UPDATES.items()])
    left.set(ylabel=f"estimate at gamma {GAMMA:g}, 90 % interval", xlim=(-0.5, 2.5))
    left.set_title("Over training (white: the guard minimum fails)")
    left.legend()
    for place, each in enumerate(layers.values()):
        right.bar(place, each.llc, yerr=1.645 * each.stderr, color=ORANGE, width=0.6, capsize=4)
    right.set_xticks(range(len(layers)), list(layers))
    right.set(ylabel="estimate", title="Trained, own labels: one layer at a time")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def main(path: Path) -> None:
    """Train, estimate, and draw."""
    torch.manual_seed(0)
    pixels, digits = load_digits(return_X_y=True)
    inputs = torch.tensor(pixels / 16, dtype=torch.float32).view(-1, 1, 8, 8)[:SAMPLES]
    labels = torch.tensor(digits)[:SAMPLES]
    network = nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(48, 10),
    )  # fmt: skip
    states = train(network, inputs, labels)
    problem = llcbench.from_module(network, losses, (inputs, labels), name="cnn")

    # One call: sampler, step, burn-in and gamma are chosen by measurement.
    made = llcbench.estimate(problem, max_grads=DEFAULT_GRADS, progress=False)
    print(f"{problem.dim} parameters, estimate {made.llc:.2f} +- {made.stderr:.2f}\n{made.method}")
    for guard in made.guards:
        print(
            f"  {'ok ' if guard.passed else 'BAD'} {guard.name} {guard.value:.3g} ({guard.limit})"
        )

    # Where the loss still falls, chains go downhill: the guard `minimum` fails, and no longer chain
    # helps. On its own labels the network is at a minimum, of another loss.
    on_data, on_own = {}, {}
    for name, state in states.items():
        then = problem.at(state, name)
        on_data[name] = estimate(then)
        on_own[name] = estimate(then.realised(lambda outputs: outputs.softmax(-1)))
        for kind, each in (("data", on_data[name]), ("own ", on_own[name])):
            point = minimum_of(each)
            print(
                f"{name:<9} {kind} labels: loss {each.loss_star:.3g}, {each.llc:.2f} +-"
                f" {each.stderr:.2f}, minimum {'ok' if point.passed else 'BAD'} {point.value:.2f}"
            )
    own = problem.realised(lambda outputs: outputs.softmax(-1))
    layers = {}
    for number, kind in ((0, "conv 1"), (3, "conv 2"), (7, "linear")):
        layer = own.restricted(f"{number}.*")  # the other layers stay fixed
        layers[f"{kind}\n{layer.dim} parameters"] = estimate(layer)
    draw(on_data, on_own, layers, path)
    print(f"figure written to {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/digits_cnn.png"))
