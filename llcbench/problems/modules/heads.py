"""The weights of one attention head, as entries within the tensors of its layer."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

from llcbench.problems.modules.intake import unwrapped

Index = list[int] | tuple[slice, list[int]]
# Names under which modules and configurations keep the number of heads; of keys and values first.
_SHARED = ("num_key_value_heads", "num_kv_heads", "n_kv_head")
_HEADS = ("heads", "num_heads", "num_attention_heads", "n_head", "n_heads")
# Separate projections of query, key, value and output, relative to the attention.
_SEPARATE = (
    ("q_proj", "k_proj", "v_proj", "o_proj"),
    ("q_proj", "k_proj", "v_proj", "out_proj"),
    ("self.query", "self.key", "self.value", "output.dense"),
)


class _Layout(NamedTuple):
    """Where an attention keeps its heads.

    Attributes:
        inputs: Tensors that make queries, keys or values, each with the parts that are packed in
            it, such as ``"qkv"``.
        output: The weight that mixes the heads.
        columns: Whether heads are columns of the inputs and rows of the output.
    """

    inputs: tuple[tuple[str, str], ...]
    output: str
    columns: bool = False


def attention_head(
    model: nn.Module, layer: int, head: int, *, heads: int | None = None
) -> dict[str, Index]:
    """Return the entries of the weights that belong to one attention head.

    Rows of query, key and value with their biases, and the columns of the output projection that
    read the head; its bias belongs to all heads. Heads with common keys and values
    (``num_key_value_heads``) all have those of their group. The layouts are those of
    `llcbench.networks.transformer.Transformer` (``qkv``, ``out``), GPT-2 (``c_attn``, ``c_proj``,
    whose ``Conv1D`` has heads in columns), ``torch.nn.MultiheadAttention``, and separate
    projections as in LLaMA, OPT and BERT.

    Args:
        model: The network, as it was given to `llcbench.from_module`, or ``problem.module``.
        layer: Number of the attention, in the order of ``model.named_modules()``.
        head: Number of the head.
        heads: Number of heads; None for what the attention or the configuration of the model says.

    Returns:
        A part for ``problem.restricted(...)``: numbers of rows or columns by name of the tensor.

    Raises:
        TypeError: If the model is no module.
        ValueError: If there is no such attention or head, or its layout is unknown.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"a module is needed, got {type(model).__name__}; give problem.module")
    model = unwrapped(model)[0]
    layouts = list(_layouts(model))
    kind = type(model).__name__
    if not layouts:
        raise ValueError(
            f"{kind} has no attention of a known layout; write the entries as a mapping of names"
            " to slices"
        )
    owner, name, layout = layouts[_number(layer, len(layouts), f"{kind} has", "attentions")]
    config = getattr(model, "config", None)
    count = heads or _counted(_HEADS, owner, config)
    if count is None:
        raise ValueError(f"{name or kind} does not say how many heads it has; give heads=")
    tensors = dict(owner.named_parameters())
    width = int(tensors[layout.output].shape[0 if layout.columns else 1])
    if width % count:
        raise ValueError(
            f"{layout.output} of {name or kind} reads {width} numbers, which {count} heads do not"
            " divide"
        )
    _number(head, count, f"{name or kind} has", "heads")
    size = width // count
    shared = count if heads else _counted(_SHARED, owner, config) or count
    prefix = f"{name}." if name else ""
    part: dict[str, Index] = {}
    for packed, letters in layout.inputs:
        own: list[int] = []
        for place, letter in enumerate(letters):
            first = place * width + size * (head if letter == "q" else head * shared // count)
            own += range(first, first + size)
        part[prefix + packed] = _index(tensors[packed], own, layout.columns)
    mixed = list(range(head * size, (head + 1) * size))
    part[prefix + layout.output] = _index(tensors[layout.output], mixed, not layout.columns)
    return part


def _layouts(model: nn.Module) -> Iterator[tuple[nn.Module, str, _Layout]]:
    """Yield the attentions of a model with their names and layouts."""
    for name, owner in model.named_modules():
        layout = _layout(dict(owner.named_parameters()))
        if layout is not None:
            yield owner, name, layout


def _layout(tensors: Mapping[str, Tensor]) -> _Layout | None:
    """Return the layout of an attention by the names of its weights; None if it is none."""
    for packed, output in (("qkv", "out"), ("c_attn", "c_proj")):
        weight = tensors.get(f"{packed}.weight")
        if weight is not None and f"{output}.weight" in tensors:
            rows, columns = weight.shape
            if rows == 3 * columns or columns == 3 * rows:
                inputs = _with_biases(tensors, {packed: "qkv"})
                return _Layout(inputs, f"{output}.weight", columns == 3 * rows)
    if "in_proj_weight" in tensors and "out_proj.weight" in tensors:
        packs = (("in_proj_weight", "qkv"), ("in_proj_bias", "qkv"))
        return _Layout(tuple(each for each in packs if each[0] in tensors), "out_proj.weight")
    for query, key, value, output in _SEPARATE:
        names = (f"{query}.weight", f"{key}.weight", f"{value}.weight", f"{output}.weight")
        if all(name in tensors for name in names):
            return _Layout(_with_biases(tensors, {query: "q", key: "k", value: "v"}), names[-1])
    return None


def _with_biases(
    tensors: Mapping[str, Tensor], layers: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    """Return weights and biases of some layers with the parts that are packed in each."""
    names = [(f"{layer}.{kind}", parts) for layer, parts in layers.items()
             for kind in ("weight", "bias")]  # fmt: skip
    return tuple((name, parts) for name, parts in names if name in tensors)


def _index(tensor: Tensor, numbers: list[int], columns: bool) -> Index:
    """Return rows or columns of a weight, or places of a bias."""
    return (slice(None), numbers) if columns and tensor.dim() > 1 else numbers


def _counted(names: tuple[str, ...], owner: nn.Module, config: Any) -> int | None:
    """Return a number that the attention or the configuration keeps under one of some names."""
    for place in (vars(owner), *map(vars, owner.children()), _plain(config)):
        for name in names:
            if isinstance(place.get(name), int):
                return int(place[name])
    return None


def _plain(config: Any) -> Mapping[str, Any]:
    """Return the values of a configuration by name, those of its other spellings too."""
    if config is None:
        return {}
    return {name: getattr(config, name, None) for name in (*_SHARED, *_HEADS)}


def _number(number: int, count: int, owner: str, what: str) -> int:
    """Return a number below a count.

    Raises:
        ValueError: If it is not.
    """
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < count:
        raise ValueError(f"{owner} {count} {what}, 0 ... {count - 1}; got {number!r}")
    return number
