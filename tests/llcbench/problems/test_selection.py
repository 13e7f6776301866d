"""Entries within a tensor as the parameters that move: heads, rows, masks; ids of choices."""

import copy
import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
)

import llcbench
from llcbench.networks.transformer import Transformer
from llcbench.problems.modules.graphs import Engine, RecordedPass
from llcbench.problems.modules.problem import ModuleProblem
from llcbench.problems.modules.selection import mask_of

EVERYTHING = slice(None)


def squared(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).square().sum(1)


def next_token(outputs: Tensor, tokens: Tensor) -> Tensor:
    losses = cross_entropy(outputs[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    return losses.mean(1)


def perceptron(name: str = "module") -> ModuleProblem:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    x = torch.randn(30, 3, dtype=torch.float64)
    return llcbench.from_module(net, squared, (x, net(x).detach()), name=name)


def language() -> ModuleProblem:
    torch.manual_seed(0)
    net = Transformer(7, 6, layers=2, width=8, heads=2).double()
    tokens = torch.randint(7, (20, 6))
    return llcbench.from_module(net, next_token, (tokens, tokens))


def convolution() -> ModuleProblem:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2)).double()
    x = torch.randn(12, 2, 4, 4, dtype=torch.float64)
    return llcbench.from_module(net, squared, (x, net(x).detach()))


def embedded(problem: ModuleProblem, part: dict[str, Any], theta: Tensor) -> tuple[Tensor, Tensor]:
    """Return points of a restriction as points of the whole, and where its entries are."""
    masks = [
        mask_of(name, shape, part[name]) if name in part else torch.zeros(shape, dtype=torch.bool)
        for name, shape in problem.shapes.items()
    ]
    free = torch.cat([mask.reshape(-1) for mask in masks])
    points = problem.w_star().repeat(len(theta), 1)
    points[:, free] = theta
    return points, free


PARTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "rows": (perceptron, {"0.weight": [0, 2], "0.bias": torch.tensor([True, False, True, False])}),
    "columns": (perceptron, {"2.weight": (EVERYTHING, range(1, 3))}),
    "corner": (perceptron, {"2.weight": (1, slice(2)), "0.weight": np.eye(4, 3, dtype=bool)}),
    "kernel": (convolution, {"0.weight": (slice(2), 1), "3.bias": -1}),
    "head": (language, {
        "layers.1.attention.qkv.weight": [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23],
        "layers.1.attention.qkv.bias": [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23],
        "layers.1.attention.out.weight": (EVERYTHING, slice(4, 8)),
    }),
}  # fmt: skip


@pytest.mark.parametrize("engine", ["loop", "trace", "vmap"])
@pytest.mark.parametrize("case", PARTS)
def test_every_engine_has_the_gradient_of_the_whole_in_the_free_entries(
    case: str, engine: Engine
) -> None:
    make, part = PARTS[case]
    whole = make()
    problem = whole.restricted(part)
    rng = torch.Generator().manual_seed(1)
    theta = problem.w_star() + 0.1 * torch.randn(3, problem.dim, generator=rng, dtype=torch.float64)
    points, free = embedded(whole, part, theta)
    assert problem.dim == int(free.sum())
    loss, full = (each.bind(None, torch.float64) for each in (problem, whole))
    excess, slopes = full.excess_and_grad(points, full.draw(3, None, rng))
    if engine == "loop":
        values, grads = loss.excess_and_grad(theta, loss.draw(3, None, rng))
    else:
        rows, grads = torch.arange(loss.num_data), torch.empty_like(theta)
        run = RecordedPass(loss.sample_losses, loss.shapes, engine, shared=True)
        assert run.record(theta, loss.take(rows))
        values = run.into(theta, loss.take(rows), grads).mean(1) - loss.reference.mean()
    torch.testing.assert_close(values, excess, rtol=0, atol=1e-13)
    torch.testing.assert_close(grads, slopes[:, free], rtol=0, atol=1e-13)
    # The same by differences, which share no code with the gradient.
    step = 1e-5 * torch.randn(theta.shape, generator=rng, dtype=torch.float64)
    ends = [loss.excess(theta + sign * step, loss.draw(3, None, rng)) for sign in (1, -1)]
    quotient = (ends[0] - ends[1]) / 2
    torch.testing.assert_close(quotient, (grads * step).sum(1), rtol=1e-5, atol=1e-13)


def test_kernels_with_free_entries_keep_the_engine_of_kernels() -> None:
    problem = convolution().restricted({"0.weight": 0})
    loss = problem.bind(None, torch.float64)
    loss.prepare(4, None, 10_000)
    loss.excess_and_grad(problem.w_star().repeat(4, 1), loss.draw(4, None, torch.Generator()))
    assert loss.engine == "trace"


def test_entries_are_where_the_network_is() -> None:
    problem = perceptron().restricted({"0.weight": [0, 2]})
    loss = problem.bind(None, torch.float64).placed("meta", "full")
    point = problem.w_star().to("meta")
    batch = loss.take(torch.arange(5, device="meta"))
    assert loss.sample_losses(loss.named(point), batch).device.type == "meta"
    assert {places.device.type for places in loss.entries.numbers.values()} == {"meta"}
    assert {places.device.type for places in problem.entries.numbers.values()} == {"cpu"}


def test_the_same_entries_give_the_same_numbers_however_they_are_named() -> None:
    whole = perceptron()
    ways: list[Any] = [
        "2.*",
        {"2.weight": EVERYTHING, "2.bias": [0, 1]},
        {"2.*": range(2)},
        {"2.weight": torch.ones(2, 4, dtype=torch.bool), "2.bias": np.array([True, True])},
        {"2.weight": EVERYTHING, "2.bias": 0},  # negative control
    ]
    settings = llcbench.Settings(
        gamma=10.0, num_chains=2, num_draws=30, num_burnin=5, batch_size=10, dtype="float64"
    )
    values = [
        llcbench.estimate(whole.restricted(way, name="part"), settings=settings, progress=False).llc
        for way in ways
    ]
    assert values[:4] == values[:1] * 4
    assert values[4] != values[0]


def test_parts_are_united_and_restrictions_intersect() -> None:
    whole = perceptron()
    both = whole.restricted("2.bias", {"0.weight": 0}, {"0.weight": (EVERYTHING, 0)})
    assert both.shapes == {"0.weight": (6,), "2.bias": (2,)}
    assert both.restricted({"0.weight": [0, 1]}).dim == 4
    assert both.restricted("0.*").shapes == {"0.weight": (6,)}
    assert [part.dim for part in both.layers().values()] == [6, 2]
    assert both.at(whole.module.state_dict()).dim == 8
    assert both.on(range(10)).dim == both.realised().dim == 8
    torch.testing.assert_close(both.w_star()[:3], whole.module[0].weight[0])
    with pytest.raises(ValueError, match=r"no entry of 0\.weight is free"):
        both.restricted({"0.weight": (slice(1, 3), slice(1, 3))})


def test_what_is_whole_is_named_like_a_pattern() -> None:
    whole = perceptron()
    assert whole.restricted({"2.bias": EVERYTHING}).id == whole.restricted("2.bias").id
    some = [whole.restricted({"2.bias": place}).id for place in (0, 1, 0)]
    assert some[0] == some[2] != some[1]
    assert re.fullmatch(r"module\[2\.bias#[0-9a-f]{8}\]", some[0])


REFUSED: list[tuple[Any, str]] = [
    ({"2.bais": 0}, r"no parameter matches 2\.bais; .*; did you mean '2.bias'"),
    ({"2.weight": torch.ones(4, 2, dtype=torch.bool)}, r"2\.weight has the shape \(2, 4\)"),
    ({"2.weight": torch.zeros(2, 4, dtype=torch.bool)}, r"no entry of 2\.weight is chosen"),
    ({"2.weight": slice(2, 9)}, r"no entry of 2\.weight is chosen"),
    ({"2.weight": []}, r"2\.weight"),
    ({"2.weight": (0, 0, 0)}, r"2\.weight has 2 axes, its entries are chosen along 3"),
    ({"2.bias": 2}, r"a number along axis 0 of 2\.bias, which has 2 places, is outside"),
    ({"2.bias": [True, False, True]}, r"a mask along axis 0 of 2\.bias"),
    ({"2.bias": 0.5}, r"a choice along axis 0 of 2\.bias"),
    ({"2.bias": "first"}, r"a choice along axis 0 of 2\.bias"),
    ({}, "an empty mapping"),
]


@pytest.mark.parametrize(("part", "words"), REFUSED)
def test_entries_that_do_not_fit_are_one_line_with_the_name_of_the_tensor(
    part: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        perceptron().restricted(part)
    assert "\n" not in str(caught.value)


def test_a_part_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="a pattern of names, or a mapping"):
        perceptron().restricted(["0.weight"])  # type: ignore[arg-type]


def test_some_entries_of_a_regular_model_have_half_their_number() -> None:
    """``lambda = sum_i h_i / (h_i + gamma / nbeta) / 2`` of the Hessian of the free entries."""
    torch.manual_seed(0)
    net = nn.Linear(6, 1, bias=False).double()
    x = torch.randn(200, 6, dtype=torch.float64)
    whole = llcbench.from_module(net, squared, (x, net(x).detach()))
    problem = whole.restricted({"weight": (0, [1, 4])})
    nbeta, gamma = 200.0, 10.0
    estimate = llcbench.estimate(problem, nbeta=nbeta, gamma=gamma, max_grads=1500, progress=False)

    def tempered(columns: list[int]) -> float:
        curvature = torch.linalg.eigvalsh(2 * x[:, columns].T @ x[:, columns] / len(x))
        return float((curvature / (curvature + gamma / nbeta)).sum() / 2)

    assert estimate.llc is not None
    assert estimate.stderr is not None
    assert abs(estimate.llc - tempered([1, 4])) < 5 * estimate.stderr
    assert abs(estimate.llc - tempered([0, 1, 4])) > 5 * estimate.stderr  # negative control
    assert float(problem.truth.local.upper) == 1


def models() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    ends = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    small = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 2, "vocab_size": 9}
    return {
        "ours": Transformer(9, 6, layers=2, width=8, heads=2),
        "gpt2": GPT2LMHeadModel(
            GPT2Config(vocab_size=9, n_positions=6, n_embd=8, n_layer=2, n_head=2, **ends)
        ),
        "llama": LlamaForCausalLM(
            LlamaConfig(**small, num_attention_heads=2, num_key_value_heads=2, **ends)
        ),
        "grouped": LlamaForCausalLM(
            LlamaConfig(**small, num_attention_heads=4, num_key_value_heads=2, head_dim=4, **ends)
        ),
        "bert": BertForSequenceClassification(
            BertConfig(**small, num_attention_heads=2, max_position_embeddings=6, pad_token_id=0)
        ),
        "torch": nn.TransformerEncoderLayer(8, 2, 8, batch_first=True),
    }


def outputs_of(model: nn.Module) -> Tensor:
    tokens = torch.arange(12).view(2, 6) % 9
    if isinstance(model, nn.TransformerEncoderLayer):
        tokens = torch.nn.functional.one_hot(tokens, 9)[..., :8].double()
    with torch.no_grad():
        made = model.eval()(tokens)
    value: Tensor = made.logits if hasattr(made, "logits") else made
    return value


@pytest.mark.parametrize("kind", ["ours", "gpt2", "llama", "grouped", "bert", "torch"])
def test_a_head_that_nothing_reads_changes_nothing(kind: str) -> None:
    """Without its outputs the inputs of a head do nothing, and those of another one do."""
    model, rng = models()[kind].double(), torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.3 * torch.randn(weight.shape, generator=rng, dtype=weight.dtype)
    layer = 0 if kind == "torch" else 1
    part = llcbench.attention_head(model, layer, 1)
    named = dict(model.named_parameters())
    (output,) = [name for name in part if name.split(".")[-2] in ("out", "c_proj", "o_proj",
                                                                  "dense", "out_proj")]  # fmt: skip
    own = outputs_of(model)
    masks = {name: mask_of(name, named[name].shape, index) for name, index in part.items()}
    with torch.no_grad():
        named[output][masks[output]] = 0
    silent = outputs_of(model)
    assert not torch.equal(own, silent)

    def change(name: str, mask: Tensor) -> float:
        twin = copy.deepcopy(model)
        with torch.no_grad():
            weight = dict(twin.named_parameters())[name]
            weight += mask * torch.randn(weight.shape, generator=rng, dtype=weight.dtype)
        return float((outputs_of(twin) - silent).abs().max())

    for name, mask in masks.items():
        if name == output or (kind == "grouped" and "q_proj" not in name):
            continue
        assert change(name, mask) < 1e-12, name
        if mask.dim() == 2:
            assert change(name, ~mask) > 1e-4, name  # negative control


def test_heads_share_nothing_and_make_up_their_layer() -> None:
    problem = language()
    heads = [problem.restricted(llcbench.attention_head(problem.module, 0, h)) for h in range(2)]
    whole = problem.restricted("layers.0.attention.*")
    assert sum(head.dim for head in heads) == whole.dim - 8  # the bias of the output is nobody's
    assert len({head.id for head in heads}) == 2


@pytest.mark.parametrize(
    ("model", "numbers", "words"),
    [
        (
            Transformer(7, 6, width=8, heads=2),
            (2, 0),
            "Transformer has 2 attentions, 0 ... 1; got 2",
        ),
        (Transformer(7, 6, width=8, heads=2), (0, 2), "layers.0.attention has 2 heads"),
        (nn.Linear(2, 2), (0, 0), "Linear has no attention of a known layout"),
    ],
)
def test_heads_that_are_not_there_are_refused(
    model: nn.Module, numbers: tuple[int, int], words: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        llcbench.attention_head(model, *numbers)
    with pytest.raises(TypeError, match=r"give problem\.module"):
        llcbench.attention_head(perceptron(), 0, 0)  # type: ignore[arg-type]


def test_slices_of_one_size_have_ids_and_seeds_of_their_own() -> None:
    whole = perceptron()
    first, second, again = (whole.on(rows) for rows in (range(15), range(15, 30), slice(15)))
    assert first.id == again.id != second.id
    assert re.fullmatch(r"module on 15 samples #[0-9a-f]{8}", first.id)
    x, y = whole.data
    other, same = whole.on((x + 1, y)), whole.on((x.clone(), y.clone()))
    assert other.id != same.id
    assert whole.on((x, y), name="mine").id == "mine"
    seeds = {llcbench.Seeds(0, part.id).number("noise") for part in (first, second, other, same)}
    assert len(seeds) == 4
    assert whole.id == "module"
