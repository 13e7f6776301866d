"""A small GPT over its training: the loss falls, and the coefficient shows what was learned when.

    python tutorials/gpt_checkpoints.py [figure.png]

The language: a phrase in which every token depends on the last one, said twice. The network first
learns the frequencies of pairs, then to look back for the second half. Each checkpoint is the same
problem at another state, `problem.at(state)`. About three minutes on two cores; LLCBENCH_QUICK=1
makes everything small. For a model of transformers write `llcbench.from_transformers(model,
{"input_ids": sequences})` instead of `from_module`; the rest stays.
"""

import os
import sys
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import llcbench

QUICK = bool(os.environ.get("LLCBENCH_QUICK"))
CHECKPOINTS = (20, 60) if QUICK else (25, 50, 100, 200, 400, 1000)
GRADS, SAMPLES = (80, 48) if QUICK else (800, 128)
TOKENS, PHRASE, WIDTH, HEADS = 8, 6, 16, 2
GAMMA = 100.0
BLUE, ORANGE = "#0072b2", "#d55e00"


class GPT(nn.Module):
    """Two causal layers of attention and perceptron."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(TOKENS, WIDTH)
        self.places = nn.Embedding(2 * PHRASE - 1, WIDTH)
        options = {"dropout": 0.0, "batch_first": True, "norm_first": True}
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, **options) for _ in range(2)
        )
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, TOKENS)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits of the token after each one."""
        length = tokens.shape[1]
        features = self.tokens(tokens) + self.places(torch.arange(length))
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        for layer in self.layers:
            features = layer(features, src_mask=mask, is_causal=True)
        return self.head(self.norm(features))


def losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Return one loss per sequence: the mean over its tokens."""
    return cross_entropy(logits.transpose(1, 2), targets, reduction="none").mean(1)


def spoken(count: int, pairs: Tensor) -> tuple[Tensor, Tensor]:
    """Return sequences of the language and, as targets, their next tokens."""
    words = [torch.randint(TOKENS, (count,))]
    while len(words) < PHRASE:
        words.append(torch.multinomial(pairs[words[-1]], 1)[:, 0])
    sequences = torch.stack([*words, *words], 1)
    return sequences[:, :-1], sequences[:, 1:]


def train(network: GPT, pairs: Tensor) -> tuple[list[float], dict[int, dict[str, Tensor]]]:
    """Train on fresh sequences; return the loss of every step and the states of some."""
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    curve, states = [], {}
    for step in range(1, CHECKPOINTS[-1] + 1):
        inputs, targets = spoken(64, pairs)
        loss = losses(network(inputs), targets).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        curve.append(loss.item())
        if step in CHECKPOINTS:  # clone: the optimiser goes on writing into these tensors
            states[step] = {key: value.clone() for key, value in network.state_dict().items()}
    return curve, states


def draw(curve: list[float], estimates: dict[int, llcbench.Estimate], path: Path) -> None:
    """Draw the loss and the estimates with their errors over the steps of training."""
    figure = Figure(figsize=(6.4, 5.2), dpi=130, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1, 1.4])
    above.plot(range(1, len(curve) + 1), curve, color="0.75", label="minibatches of training")
    stars = [each.loss_star for each in estimates.values()]
    above.plot(list(estimates), stars, "o-", color=BLUE, label="data of the estimate")
    above.set(ylabel="loss per token", title="A small GPT on a language of repeated phrases")
    above.legend()
    below.plot(list(estimates), [each.llc for each in estimates.values()], color=ORANGE, lw=0.8)
    for step, each in estimates.items():
        fill = "white" if failed(each) else ORANGE
        below.errorbar(
            step, each.llc, yerr=1.645 * each.stderr, fmt="s", color=ORANGE, capsize=4,
            markerfacecolor=fill,
        )  # fmt: skip
    below.set(xscale="log", xlabel="step of training", ylabel=f"estimate at gamma {GAMMA:g}")
    below.set_title("Coefficient with 90 % intervals (white: a guard but plateau failed)")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def failed(estimate: llcbench.Estimate) -> list[str]:
    """Return the guards that failed but ``plateau``: we compare states at one gamma."""
    return [g.name for g in estimate.guards if not g.passed and g.name != "plateau"]


def main(path: Path) -> None:
    """Train, estimate at the checkpoints, and draw."""
    torch.manual_seed(0)
    pairs = torch.randn(TOKENS, TOKENS).mul(2).softmax(1)
    network = GPT()
    curve, states = train(network, pairs)
    data = spoken(SAMPLES, pairs)
    problem = llcbench.from_module(network, losses, data, name="gpt")
    print(f"{problem.dim} parameters, {problem.num_data} sequences")
    estimates = {}
    for step, state in states.items():
        made = llcbench.estimate(
            problem.at(state, f"step {step}"), gamma=GAMMA, num_chains=4, max_grads=GRADS,
            progress=False,
        )  # fmt: skip
        names = ", ".join(failed(made)) or "none"
        print(
            f"step {step:>4}: loss {made.loss_star:.3f}, estimate {made.llc:.2f} +-"
            f" {made.stderr:.2f}, failed guards: {names}"
        )
        estimates[step] = made
    draw(curve, estimates, path)
    print(f"figure written to {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/gpt_checkpoints.png"))
