"""Which weights of a small transformer hold what, and when: checkpoints x heads x kinds of text.

    python tutorials/refined.py # writes refined.svg
    make refined                # the same by llcbench refine, resumable

Half of the sequences are bigrams: every token allows two successors. The others repeat a random
word of four to six tokens, which only attention to earlier tokens can predict; training learns them
later. Some minutes; LLCBENCH_QUICK=1 makes everything small.
"""

import os

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

import llcbench
from llcbench import Transformer

QUICK = bool(os.environ.get("LLCBENCH_QUICK"))
STEPS = (5, 10) if QUICK else (50, 200, 400, 800, 1600)
SEQUENCES = 20 if QUICK else 256
TOKENS, CONTEXT, HEADS = 10, 16, 2


def losses(logits: Tensor, tokens: Tensor) -> Tensor:
    """Return one loss per sequence: the mean over the tokens that are predicted."""
    each = cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    return each.mean(1)


def bigrams(count: int, rng: torch.Generator) -> Tensor:
    """Return sequences in which every token is one of two successors of the one before it."""
    successors = torch.rand(TOKENS, TOKENS, generator=torch.Generator().manual_seed(0)).argsort(1)
    tokens = torch.randint(TOKENS, (count, 1), generator=rng)
    while tokens.shape[1] < CONTEXT:
        chosen = torch.randint(2, (count,), generator=rng)
        tokens = torch.cat([tokens, successors[tokens[:, -1], chosen][:, None]], 1)
    return tokens


def repeats(count: int, rng: torch.Generator) -> Tensor:
    """Return sequences that repeat a random word of four to six tokens."""
    words = torch.randint(TOKENS, (count, 6), generator=rng)
    length = torch.randint(4, 7, (count, 1), generator=rng)
    return words.gather(1, torch.arange(CONTEXT) % length)


def trained() -> tuple[Transformer, dict[int, dict[str, Tensor]]]:
    """Train on fresh sequences of both kinds, and keep the weights of some steps."""
    torch.manual_seed(0)
    rng = torch.Generator().manual_seed(0)
    net = Transformer(TOKENS, CONTEXT, layers=2, width=16, heads=HEADS, perceptron=False)
    descent = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=0.01)
    states = {}
    for step in range(1, STEPS[-1] + 1):
        tokens = torch.cat([bigrams(32, rng), repeats(32, rng)])
        loss = losses(net(tokens), tokens).mean()
        descent.zero_grad()
        loss.backward()
        descent.step()
        if step in STEPS:
            states[step] = {name: weight.clone() for name, weight in net.state_dict().items()}
    return net, states


network, checkpoints = trained()
rng = torch.Generator().manual_seed(1)
text = torch.cat([bigrams(SEQUENCES, rng), repeats(SEQUENCES, rng)])
problem = llcbench.from_module(network, losses, (text, text), name="transformer")
parts = {"all weights": "*"} | {
    f"layer {layer + 1}, head {head + 1}": llcbench.attention_head(network, layer, head)
    for layer in range(2)
    for head in range(HEADS)
}
slices = {"bigrams": slice(SEQUENCES), "repeats": slice(SEQUENCES, None)}

if __name__ == "__main__":
    settings = llcbench.Settings(
        gamma=200.0, num_chains=4, num_burnin=5 if QUICK else 150, num_draws=10 if QUICK else 600,
        batch_size=32, dtype="float32",
    )  # fmt: skip
    study = llcbench.refine(
        problem, checkpoints, parts, slices, sampler=llcbench.SGLD(4e-4), settings=settings
    )
    print(study.to_text())
    study.plot("refined.svg")
