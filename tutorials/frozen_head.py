"""A new head on frozen features: its coefficient is known exactly, that of the whole network not.

    python tutorials/frozen_head.py [figure.png]

A network learns the digits 0 to 4; its head is then fitted anew to the digits 5 to 9, with a
squared loss on frozen features. As a function of the head alone the loss is a paraboloid: a regular
model, whose coefficient is half the number d of its parameters, and whose tempered value is a
sum over eigenvalues. So the estimate can be checked. Needs scikit-learn. About two minutes on two
cores; LLCBENCH_QUICK=1 makes everything small.
"""

import os
import sys
from pathlib import Path

import torch
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

import llcbench

QUICK = bool(os.environ.get("LLCBENCH_QUICK"))
GRADS, SAMPLES = (100, 200) if QUICK else (1200, 2000)
GAMMAS = (100.0,) if QUICK else (1.0, 10.0, 100.0, 1000.0)
CLASSES = 5
BLUE, ORANGE, INK = "#0072b2", "#d55e00", "#222222"


class Network(nn.Module):
    """A trunk that makes features, and a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 8), nn.Tanh())
        self.head = nn.Linear(8, CLASSES)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return one output per class."""
        return self.head(self.trunk(inputs))


def losses(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return one squared loss per sample."""
    return (outputs - targets).square().sum(1)


def pretrained(inputs: Tensor, labels: Tensor) -> Network:
    """Return a network that tells the digits of one half apart."""
    network = Network().double()
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(500):
        optimiser.zero_grad()
        cross_entropy(network(inputs), labels).backward()
        optimiser.step()
    return network


def with_ones(network: Network, inputs: Tensor) -> Tensor:
    """Return the features and a column of ones for the bias: what the head is linear in."""
    with torch.no_grad():
        features = network.trunk(inputs)
    return torch.cat([features, torch.ones(len(features), 1)], 1)


def exact(design: Tensor, nbeta: float, gamma: float) -> float:
    """Return the tempered value of the head, ``1/2 sum nbeta h / (nbeta h + gamma)``.

    ``h`` are the eigenvalues of the Hessian; every class has the same ones.
    """
    stiffness = nbeta * torch.linalg.eigvalsh(2 * design.T @ design / len(design))
    return CLASSES / 2 * float((stiffness / (stiffness + gamma)).sum())


def draw(estimates: dict[str, list[llcbench.Estimate]], design: Tensor, path: Path) -> None:
    """Draw the estimates with their errors over gamma, beside what is known of the head."""
    figure = Figure(figsize=(6.4, 4.6), dpi=130, layout="constrained")
    axes = figure.subplots()
    nbeta, half = estimates["head"][0].nbeta, design.shape[1] * CLASSES / 2
    grid = torch.logspace(-0.5, 3.5, 100).tolist()
    exact_values = [exact(design, nbeta, gamma) for gamma in grid]
    axes.plot(grid, exact_values, color=BLUE, label="head, exact tempered value")
    axes.axhline(half, color=INK, linestyle="--", label=f"head, coefficient d/2 = {half:g}")
    for (name, many), colour, marker in zip(estimates.items(), (BLUE, ORANGE), "os", strict=True):
        axes.plot([], [], marker, color=colour, label=f"{name}, estimate with 90 % interval")
        for each in many:
            fill = colour if each.converged else "white"
            error = 1.645 * each.stderr
            axes.errorbar(
                each.gamma, each.llc, error, fmt=marker, color=colour, mfc=fill, capsize=4
            )
    axes.set(xscale="log", xlabel="localisation gamma", ylabel="estimate of the coefficient")
    axes.set(title="Head alone and whole network (white: a guard on the sampler failed)", ylim=0)
    figure.legend(loc="outside lower center", ncols=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def main(path: Path) -> None:
    """Fit the head, estimate it and the whole network, and draw."""
    torch.manual_seed(0)
    pixels, digits = (torch.tensor(part) for part in load_digits(return_X_y=True))
    old = digits < CLASSES
    network = pretrained(pixels[old] / 16, digits[old])
    inputs, labels = pixels[~old][:SAMPLES] / 16, digits[~old][:SAMPLES] - CLASSES
    targets = one_hot(labels, CLASSES).double()
    design = with_ones(network, inputs)
    solution = torch.linalg.lstsq(design, targets).solution  # the minimum, not a step towards it
    with torch.no_grad():
        network.head.weight.copy_(solution[:-1].T)
        network.head.bias.copy_(solution[-1])
    right = (network(inputs).argmax(1) == labels).double().mean()
    print(f"right on {right:.0%} of the new digits with the old features")

    # Two ways to let the head move alone. What does not move is not counted in d.
    whole = llcbench.from_module(network, losses, (inputs, targets), name="whole")
    head = whole.restricted("head.*")
    network.trunk.requires_grad_(False)
    assert llcbench.from_module(network, losses, (inputs, targets), name="head").dim == head.dim
    print(f"head {head.dim} parameters, whole network {whole.dim}")

    # The head is at a minimum of its own loss. The whole network is not: features could improve.
    before = llcbench.estimate(whole, gamma=100.0, max_grads=GRADS, progress=False)
    guard = next(guard for guard in before.guards if guard.name == "minimum")
    verdict = "passes" if guard.passed else "fails"
    print(f"whole network, labels: minimum {verdict}, {guard.value:.2f} (limit {guard.limit})")

    # At labels that the network gives itself it is a minimum; the Hessian of the head stays.
    pair = {"head": head.realised(), "whole network": whole.realised()}
    estimates: dict[str, list[llcbench.Estimate]] = {name: [] for name in pair}
    for gamma in GAMMAS:
        for name, problem in pair.items():
            made = llcbench.estimate(problem, gamma=gamma, max_grads=GRADS, progress=False)
            known = f", exact {exact(design, made.nbeta, gamma):.2f}" if name == "head" else ""
            failed = ", ".join(guard.name for guard in made.failed_guards) or "none"
            value = f"{made.llc:.2f} +- {made.stderr:.2f}{known}"
            print(f"gamma {gamma:<5g} {name}: {value}; failed guards: {failed}")
            estimates[name].append(made)
    draw(estimates, design, path)
    print(f"figure written to {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/frozen_head.png"))
