"""The coefficient of your own network: one call, its guards, its layers, its checkpoints.

    python tutorials/own_network.py
    llcbench estimate tutorials/own_network.py --layers

A multilayer perceptron of a million parameters learns which of ten directions an input is closest
to. What `llcbench.from_module` needs is the module, a loss per sample, and the data. Some minutes
on two cores; LLCBENCH_QUICK=1 makes everything small.
"""

import os

import torch
from torch import nn
from torch.nn.functional import cross_entropy

import llcbench

QUICK = bool(os.environ.get("LLCBENCH_QUICK"))
WIDTH = 30 if QUICK else 700
STEPS = (20, 200)
INPUTS, CLASSES, SAMPLES = 64, 10, 2000


def losses(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return one loss per sample: no mean, and no penalty on the weights."""
    return cross_entropy(outputs, labels, reduction="none")


def trained() -> tuple[nn.Module, dict[str, dict[str, torch.Tensor]]]:
    """Train, and keep the weights of some steps."""
    net = nn.Sequential(
        nn.Linear(INPUTS, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(),
        nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, CLASSES),
    )  # fmt: skip
    descent = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    states = {}
    for step in range(1, STEPS[-1] + 1):
        rows = torch.randint(SAMPLES, (128,))
        loss = losses(net(inputs[rows]), labels[rows]).mean()
        descent.zero_grad()
        loss.backward()
        descent.step()
        if step in STEPS:
            states[f"step {step}"] = {k: v.clone() for k, v in net.state_dict().items()}
    return net, states


torch.manual_seed(0)
inputs = torch.randn(SAMPLES, INPUTS)
labels = (inputs @ torch.randn(INPUTS, CLASSES)).argmax(1)
network, checkpoints = trained()
problem = llcbench.from_module(network, losses, (inputs, labels), name="perceptron")

if __name__ == "__main__":
    settings = llcbench.Settings(
        gamma=100.0, num_chains=2, num_burnin=50 if QUICK else 300, num_draws=50 if QUICK else 300,
        batch_size=256, dtype="float32",
    )  # fmt: skip
    sampler = llcbench.SGLD(step_size=1e-4)
    estimate = llcbench.estimate(problem, sampler, settings)
    print(f"{problem.dim} parameters, estimate {estimate.llc:.1f} +- {estimate.stderr:.1f}")
    for guard in estimate.guards:
        verdict = "ok " if guard.passed else "BAD"
        print(f"  {verdict} {guard.name} {guard.value:.3g} (should be {guard.limit})")
    # A failed guard says what to change: here the length of the chains or their step.
    head = problem.restricted("6.*")
    print(f"the last layer alone: {llcbench.estimate(head, sampler, settings).llc:.2f}")
    for name, state in checkpoints.items():
        then = llcbench.estimate(problem.at(state, name), sampler, settings)
        print(f"{name}: {then.llc:.1f}, loss {then.loss_star:.3f}")
