"""Language models by configuration, without a download: sequences are the samples."""

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

import llcbench
from llcbench.problems.modules.language import labelled, sequence_losses

WORDS, LENGTH, COUNT = 20, 6, 24
SIZES = {"vocab_size": WORDS, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
         "intermediate_size": 16}  # fmt: skip


def batch() -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    mask = torch.ones(COUNT, LENGTH, dtype=torch.long)
    mask[::3, -2:] = 0
    return {"input_ids": torch.randint(WORDS, (COUNT, LENGTH), generator=rng),
            "attention_mask": mask}  # fmt: skip


def models() -> dict[str, torch.nn.Module]:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    gpt = transformers.GPT2Config(vocab_size=WORDS, n_embd=8, n_layer=1, n_head=2, n_positions=8)
    return {
        "gpt2": transformers.GPT2LMHeadModel(gpt),
        "llama": transformers.LlamaForCausalLM(
            transformers.LlamaConfig(**SIZES, max_position_embeddings=8)
        ),
        "bert": transformers.BertForSequenceClassification(
            transformers.BertConfig(**SIZES, max_position_embeddings=8, num_labels=3)
        ),
    }


@pytest.mark.parametrize("name", ["gpt2", "llama", "bert"])
def test_the_loss_is_that_of_the_model_and_it_is_estimated(name: str) -> None:
    model, data = models()[name].eval(), batch()
    if name == "bert":
        data["labels"] = torch.arange(COUNT) % 3
    problem = llcbench.from_transformers(model, data, name=name)
    loss = problem.bind(None, torch.float64)
    # Their own loss, sequence by sequence.
    inputs, labels = labelled(data)
    with torch.no_grad():
        theirs = [
            model.double()(**{k: v[i : i + 1] for k, v in inputs.items()}, labels=labels[i : i + 1])
            for i in range(4)
        ]
    assert torch.allclose(
        loss.reference[:4], torch.stack([each.loss for each in theirs]).double(), atol=1e-6
    )
    assert problem.num_data == COUNT
    answer = llcbench.estimate(problem, gamma=100.0, num_chains=2, max_grads=60, progress=False)
    assert answer.status == "ok"


class Rows(Dataset):  # type: ignore[type-arg]
    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {key: value[index] for key, value in batch().items()}


def test_data_sets_and_loaders_give_the_same() -> None:
    model = models()["gpt2"]
    kinds = (batch(), Rows(), DataLoader(Rows(), batch_size=5, shuffle=True))
    losses = [
        llcbench.from_transformers(model, data).bind(None, torch.float64).reference
        for data in kinds
    ]
    assert torch.equal(losses[0], losses[1])
    assert torch.equal(losses[0], losses[2])


def test_padding_and_masked_labels_do_not_count() -> None:
    logits = torch.randn(2, 4, WORDS)
    labels = torch.tensor([[1, 2, 3, -100], [4, -100, 5, 6]])
    plain = sequence_losses(logits, labels, ahead=False)
    wanted = [
        cross_entropy(logits[0, :3].double(), labels[0, :3]),
        cross_entropy(logits[1, [0, 2, 3]].double(), labels[1, [0, 2, 3]]),
    ]
    assert torch.allclose(plain, torch.stack(wanted))
    shifted = sequence_losses(logits, labels, ahead=True)
    assert torch.allclose(shifted[0], cross_entropy(logits[0, :2].double(), labels[0, 1:3]))
    # Weighted by tokens: the mean over sequences is that over tokens.
    mean = sequence_losses(logits, labels, ahead=False, tokens=3.0).mean()
    assert torch.allclose(mean, torch.stack(wanted).mean())
    alone = labelled(
        {"input_ids": torch.tensor([[1, 2]]), "attention_mask": torch.tensor([[1, 0]])}
    )
    assert alone[1].tolist() == [[1, -100]]


@pytest.mark.parametrize(
    ("data", "message"),
    [({"mask": torch.ones(4, 2)}, "labels or input_ids"), ([1, 2, 3], "mapping")],
)
def test_bad_data_are_one_line(data: object, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message) as error:
        llcbench.from_transformers(torch.nn.Linear(2, 2), data)
    assert "\n" not in str(error.value)
