"""How long an estimate of a small GPT-2 takes at the defaults, trained and with its guards."""

import pytest
import torch

import llcbench

SEQUENCES, LENGTH, TOKENS, STEPS = 512, 32, 128, 1500


def trained():
    """Return GPT-2 of two layers, trained on a language of four successors for every token."""
    transformers = pytest.importorskip("transformers")
    transformers.logging.set_verbosity_error()
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=TOKENS, n_positions=LENGTH, n_embd=64, n_layer=2, n_head=4, use_cache=False,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    model = transformers.GPT2LMHeadModel(config)
    rng = torch.Generator().manual_seed(1)
    after = torch.randint(TOKENS, (TOKENS, 4), generator=rng)
    columns = [torch.randint(TOKENS, (SEQUENCES,), generator=rng)]
    for _ in range(LENGTH - 1):
        columns.append(after[columns[-1], torch.randint(4, (SEQUENCES,), generator=rng)])
    tokens = torch.stack(columns, 1)
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3)
    for _ in range(STEPS):
        rows = tokens[torch.randint(SEQUENCES, (64,), generator=rng)]
        optimiser.zero_grad()
        model(input_ids=rows, labels=rows).loss.backward()
        optimiser.step()
    return model, tokens


def test_a_default_estimate_of_a_small_gpt2(benchmark):
    """The whole call: trials of the module, pilots, chains, guards."""
    model, tokens = trained()

    def estimate():
        problem = llcbench.from_transformers(model, {"input_ids": tokens})
        return llcbench.estimate(problem, progress=False)

    answer = benchmark.pedantic(estimate, rounds=1)
    assert answer.status == "ok"
    assert {"minimum", "virial", "rhat"} <= {guard.name for guard in answer.guards}
    print(
        f"{answer.llc:.4g} +- {answer.stderr:.2g}, fails {[g.name for g in answer.failed_guards]}"
    )
    print(answer.method)
