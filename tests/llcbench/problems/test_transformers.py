"""Language models made from configurations: losses by hand, masks, tokens, short estimates."""

import math
import warnings

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

import llcbench
from llcbench.problems.modules.from_module import OwnNetworkNote
from llcbench.problems.modules.transformers import from_transformers

transformers = pytest.importorskip("transformers")

COUNT, LENGTH, WORDS = 12, 7, 13
SMALL = {"hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 16}


def gpt2():
    config = transformers.GPT2Config(
        vocab_size=WORDS, n_positions=16, n_embd=8, n_layer=2, n_head=2, use_cache=False
    )
    return transformers.GPT2LMHeadModel(config)


def llama():
    config = transformers.LlamaConfig(
        vocab_size=WORDS, num_hidden_layers=2, num_key_value_heads=1, use_cache=False, **SMALL
    )
    return transformers.LlamaForCausalLM(config)


def bert(num_labels=3, **more):
    config = transformers.BertConfig(
        vocab_size=WORDS, num_hidden_layers=1, num_labels=num_labels, max_position_embeddings=16,
        **SMALL, **more,
    )  # fmt: skip
    return transformers.BertForSequenceClassification(config)


def batch(labels=False):
    rng = torch.Generator().manual_seed(0)
    mask = torch.ones(COUNT, LENGTH, dtype=torch.long)
    mask[: COUNT // 2, 4:] = 0
    data = {
        "input_ids": torch.randint(WORDS, (COUNT, LENGTH), generator=rng),
        "attention_mask": mask,
    }
    return data | ({"labels": torch.arange(COUNT) % 3} if labels else {})


@pytest.mark.parametrize("kind", [gpt2, llama, bert])
def test_losses_are_those_of_the_model_sequence_by_sequence(kind):
    torch.manual_seed(0)
    model, data = kind().eval(), batch(labels=kind is bert)
    with warnings.catch_warnings():
        warnings.simplefilter("error", OwnNetworkNote)
        problem = from_transformers(model, data)
    wanted = []
    for row in range(COUNT):
        own = {key: part[row : row + 1] for key, part in data.items()}
        if kind is not bert:  # its own loss is the mean over tokens whose label is not -100
            own["labels"] = own["input_ids"].masked_fill(own["attention_mask"] == 0, -100)
        wanted.append(float(model(**own).loss.detach()))
    assert problem.losses.tolist() == pytest.approx(wanted, rel=1e-5)
    assert problem.num_data == COUNT
    assert problem.notes[-1] == "n counts sequences"
    settings = llcbench.Settings(
        gamma=10.0, num_chains=2, num_draws=10, num_burnin=2, batch_size=4, dtype="float32"
    )
    estimate = llcbench.estimate(problem, llcbench.SGLD(1e-5), settings, progress=False)
    assert estimate.status == "ok"
    assert math.isfinite(estimate.llc)


def bart():
    config = transformers.BartConfig(
        vocab_size=WORDS, d_model=8, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=8, decoder_ffn_dim=8, use_cache=False,
        max_position_embeddings=16, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        decoder_start_token_id=2, forced_eos_token_id=2,
    )  # fmt: skip
    return transformers.BartForConditionalGeneration(config)


ONE_LABEL = {
    "several of them": (3, {}, (torch.arange(3 * COUNT) % 2.0).view(COUNT, 3)),
    "several as numbers": (
        3,
        {"problem_type": "multi_label_classification"},
        (torch.arange(3 * COUNT) % 2).view(COUNT, 3),
    ),
    "real numbers": (1, {}, torch.linspace(-1, 1, COUNT)),
    "whole numbers": (1, {}, torch.arange(COUNT) % 4),
    "two real numbers": (
        2,
        {"problem_type": "regression"},
        torch.linspace(-1, 1, 2 * COUNT).view(COUNT, 2),
    ),
    "classes": (3, {}, torch.arange(COUNT) % 3),
}


@pytest.mark.parametrize("kind", ONE_LABEL)
def test_labels_of_a_sequence_have_the_loss_of_the_model(kind):
    torch.manual_seed(0)
    width, config, labels = ONE_LABEL[kind]
    model, data = bert(width, **config).eval(), batch()
    problem = from_transformers(model, data | {"labels": labels})
    wanted = []
    for row in range(COUNT):
        own = {key: part[row : row + 1] for key, part in data.items()}
        own_labels = labels[row : row + 1]
        if config.get("problem_type", "").startswith("multi"):
            own_labels = own_labels.float()  # what the model asks for
        # A model of one real number takes the mean over a batch and its labels as real ones.
        own_labels = own_labels.float() if width == 1 else own_labels
        wanted.append(float(model(**own, labels=own_labels).loss.detach()))
    assert problem.losses.tolist() == pytest.approx(wanted, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize(
    ("width", "labels", "link", "wrong"),
    [
        (1, torch.linspace(-1, 1, COUNT), lambda f: f.logits, lambda f: f.logits + 1),
        (
            3,
            (torch.arange(3 * COUNT) % 2.0).view(COUNT, 3),
            lambda f: f.logits.sigmoid(),
            lambda f: f.logits.softmax(-1),
        ),
    ],
)
def test_labels_of_its_own_make_a_model_of_real_labels_a_minimum(width, labels, link, wrong):
    torch.manual_seed(0)
    problem = from_transformers(bert(width), batch() | {"labels": labels})
    assert problem.realised(link).dim == problem.dim
    with pytest.raises(ValueError, match="is no minimum"):
        problem.realised(wrong)


def test_a_decoder_has_inputs_and_a_mask_of_its_own():
    """The mask of the encoder, as long as the labels by chance, hides none of them."""
    torch.manual_seed(0)
    model, data = bart().eval(), batch()
    labels = data["input_ids"].flip(1)
    with pytest.raises(ValueError, match="no decoder_input_ids"):
        from_transformers(model, data | {"labels": labels})
    shifted = model.prepare_decoder_input_ids_from_labels(labels)
    problem = from_transformers(model, data | {"labels": labels, "decoder_input_ids": shifted})
    wanted = []
    for row in range(COUNT):
        own = {key: part[row : row + 1] for key, part in data.items()}
        wanted.append(float(model(**own, labels=labels[row : row + 1]).loss.detach()))
    assert problem.losses.tolist() == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("wrap", [torch.compile, nn.DataParallel])
def test_a_wrapped_model_is_as_causal_as_the_one_inside(wrap):
    torch.manual_seed(0)
    model = gpt2()
    with pytest.warns(OwnNetworkNote, match="taken out of"):
        problem = from_transformers(wrap(model), batch())
    assert torch.equal(problem.losses, from_transformers(model, batch()).losses)


def test_what_is_masked_changes_nothing():
    """And what is not masked does."""
    torch.manual_seed(0)
    model, data = gpt2(), batch()
    losses = from_transformers(model, data).losses
    ids = data["input_ids"].clone()
    ids[0, 4:] = 1 - ids[0, 4:].clamp(max=1)
    hidden = from_transformers(model, data | {"input_ids": ids}).losses
    assert torch.allclose(hidden, losses, rtol=1e-6)
    ids[-1, -1] = (ids[-1, -1] + 1) % WORDS
    seen = from_transformers(model, data | {"input_ids": ids}).losses
    assert not torch.allclose(seen[-1], losses[-1], rtol=1e-6)


def test_tokens_are_counted_and_that_is_said():
    with pytest.warns(OwnNetworkNote, match="pass nbeta=problem.nbeta"):
        problem = from_transformers(gpt2(), batch(), count="tokens")
    # Every sequence predicts all of its tokens but the first: 6 times 3 and 6 times 6.
    assert problem.nbeta == pytest.approx(54 / math.log(54))
    assert problem.num_data == COUNT
    part = problem.on(range(COUNT // 2))
    assert part.nbeta == pytest.approx(18 / math.log(18))
    assert part.on(batch()).nbeta == problem.nbeta
    assert torch.allclose(part.on(batch()).losses, problem.losses)
    assert from_transformers(gpt2(), batch()).nbeta == pytest.approx(COUNT / math.log(COUNT))


def test_a_loader_pads_with_its_own_function():
    rows = [torch.arange(2 + n % 4) % WORDS for n in range(COUNT)]

    def padded(parts):
        ids = torch.nn.utils.rnn.pad_sequence(parts, batch_first=True)
        lengths = torch.tensor([len(part) for part in parts])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        return transformers.BatchEncoding({"input_ids": ids, "attention_mask": mask})

    torch.manual_seed(0)
    model = gpt2().eval()
    problem = from_transformers(model, DataLoader(rows, collate_fn=padded))
    for row, ids in enumerate(rows):
        logits = model(ids[None]).logits[0, :-1]
        assert float(problem.losses[row]) == pytest.approx(
            cross_entropy(logits, ids[1:]).item(), rel=1e-5
        )
    assert problem.on(range(5)).losses.tolist() == pytest.approx(problem.losses[:5].tolist())


def test_labels_of_its_own_make_a_language_model_a_minimum():
    torch.manual_seed(0)
    problem = from_transformers(gpt2(), batch())
    made = problem.realised(lambda f: f.logits.softmax(-1))
    assert "the mean loss at w_star changes by" in made.notes[-1]
    with pytest.raises(ValueError, match="is no minimum"):
        problem.realised(lambda f: f.logits.softmax(-1).roll(1, -1))


class Ragged:
    """Rows of other lengths, as a tokenizer gives them."""

    def __len__(self):
        return COUNT

    def __getitem__(self, number):
        return {"input_ids": list(range(1, 3 + number % 3))}


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        (bert, batch(), "no labels, and the model is not causal"),
        (gpt2, (batch()["input_ids"], torch.ones(COUNT)), "mappings with input_ids, got tuple"),
        (gpt2, {"attention_mask": torch.ones(COUNT, LENGTH)}, "neither labels nor input_ids"),
        (gpt2, Ragged(), "taking samples of the data: .* a collate function that pads"),
    ],
)
def test_what_is_no_language_model_is_refused(model, data, message):
    with pytest.raises((TypeError, ValueError), match=message):
        from_transformers(model(), data)
