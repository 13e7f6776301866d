"""What the caller hands over: a module and states, copied and checked."""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from llcbench.checks import nearest
from llcbench.problems.modules.data import Batch, call_of
from llcbench.problems.modules.user_code import described, explained, first_line

Tensors = tuple[Tensor, Tensor]
# Names that a message lists.
LISTED = 3
_NARROW = (torch.float16, torch.bfloat16)


class Frozen(NamedTuple):
    """A copy of a module in evaluation mode.

    Attributes:
        module: The copy, without gradients, in one precision.
        fixed: Names of the parameters that do not move whatever is asked for.
        notes: What was done that the caller may not expect, a sentence each.
    """

    module: nn.Module
    fixed: tuple[str, ...]
    notes: tuple[str, ...]


def frozen(module: Any, example: Callable[[], Batch] | None = None) -> Frozen:
    """Return a copy of a module that no mode and no later training of the caller's changes.

    Args:
        module: What the caller hands over.
        example: Makes a batch, on which lazy layers are run once.

    Raises:
        TypeError: If it is no module.
        ValueError: If it cannot be copied, or its parameters are not real numbers in memory.
    """
    if not isinstance(module, nn.Module):
        given = f"the class {module.__name__}" if isinstance(module, type) else repr(type(module))
        raise TypeError(
            f"module must be a torch.nn.Module, got {given}; make an instance, and wrap a function"
            " in a module"
        )
    module, notes = unwrapped(module)
    _refuse_scripted(module)
    if example is not None and any(is_lazy(tensor) for tensor in _tensors(module)):
        with explained("taking samples of the data"):
            batch = example()
        module = _materialised(module, batch)
        notes.append("lazy layers are run once, and their weights are random: train them first")
    _refuse_tensors(module)
    _refuse_unregistered(module)
    try:
        twin = copied(module)
    except Exception as error:  # attributes of any kind may refuse to be copied
        raise ValueError(
            f"the module cannot be copied: {first_line(error)}; drop attributes that copy.deepcopy"
            " does not take, such as locks, files, generators and tensors with a history"
        ) from error
    named = dict(twin.named_parameters())
    fixed = tuple(n for n, w in named.items() if not w.requires_grad)
    if named and len(fixed) == len(named):
        raise ValueError(
            f"none of the {len(named)} parameters of the module has requires_grad=True, so none"
            " would move; call module.requires_grad_() first"
        )
    kinds = {t.dtype for t in _tensors(twin) if t.is_floating_point()}
    precision = torch.float64 if torch.float64 in kinds else torch.float32
    devices = sorted({str(t.device) for t in _tensors(twin)} - {"cpu"})
    if devices:
        notes.append(
            f"weights on {' and '.join(devices)} are copied to the CPU; device= of an estimate says"
            " where it runs"
        )
    if fixed:
        count = sum(named[name].numel() for name in fixed)
        notes.append(
            f"{count} parameters in {len(fixed)} tensors ({listed(fixed)}) have"
            " requires_grad=False: they stay fixed"
        )
    narrow = sorted(str(kind).removeprefix("torch.") for kind in kinds - {torch.float32, precision})
    if narrow:
        wide = str(precision).removeprefix("torch.")
        notes.append(
            f"weights in {' and '.join(narrow)} are evaluated in {wide}: steps of a chain are"
            " smaller than the gaps between their numbers"
        )
    twin = twin.eval().requires_grad_(False).to("cpu", precision)
    return Frozen(twin, fixed, tuple(notes))


def unwrapped(module: nn.Module) -> tuple[nn.Module, list[str]]:
    """Return the module inside of compilers and parallel wrappers, and what was taken off."""
    notes: list[str] = []
    while True:
        if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
            inner = module.module
        elif "_orig_mod" in module._modules:
            inner = module._modules["_orig_mod"]
        else:
            return module, notes
        assert isinstance(inner, nn.Module)
        notes.append(f"the module is taken out of {type(module).__name__}, which changes no loss")
        module = inner


def copied(module: nn.Module) -> nn.Module:
    """Return a deep copy whose tensors have no history.

    Tensors that inference mode or a hook such as that of ``weight_norm`` has made cannot be copied
    otherwise. What ``module.compile()`` left is dropped.
    """
    memo: dict[int, Any] = {}
    with torch.inference_mode(False), torch.no_grad():
        for part in module.modules():
            for value in vars(part).values():
                if isinstance(value, Tensor):
                    memo.setdefault(id(value), value.detach().clone())
            for tensor in [*part._parameters.values(), *part._buffers.values()]:
                if tensor is None:
                    continue
                twin = tensor.detach().clone()
                if isinstance(tensor, nn.Parameter):
                    memo[id(tensor)] = nn.Parameter(twin, requires_grad=tensor.requires_grad)
                else:
                    memo[id(tensor)] = twin
        twins: nn.Module = copy.deepcopy(module, memo)
        for part in twins.modules():
            if part._compiled_call_impl is not None:
                part._compiled_call_impl = None
    return twins


def precision_of(module: nn.Module) -> torch.dtype:
    """Return the widest precision of parameters and buffers: single or double."""
    wide = any(tensor.dtype == torch.float64 for tensor in _tensors(module))
    return torch.float64 if wide else torch.float32


def listed(names: Any) -> str:
    """Return the first names of many."""
    names = list(names)
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def load(module: nn.Module, state: Any) -> None:
    """Put a state into a module.

    Raises:
        TypeError: If it is no mapping of names to tensors.
        ValueError: If its names, shapes or numbers are not those of the module.
    """
    if isinstance(state, nn.Module):
        raise TypeError("a state is asked for, got a module; give module.state_dict()")
    if not isinstance(state, Mapping):
        raise TypeError(
            f"a state must be a mapping of names to tensors, got {type(state).__name__}"
        )
    wanted = module.state_dict()
    inner = next((key for key in ("state_dict", "model_state_dict", "model") if key in state), None)
    if inner is not None and inner not in wanted and isinstance(state[inner], Mapping):
        raise ValueError(
            f"the state is a checkpoint that keeps the weights under {inner!r};"
            f" give checkpoint[{inner!r}]"
        )
    _check_names(dict(state), wanted)
    for name, held in wanted.items():
        value = state[name]
        if not isinstance(held, Tensor):
            continue
        if not isinstance(value, Tensor):
            raise TypeError(f"the state holds a {type(value).__name__} for {name}, no tensor")
        if value.shape != held.shape:
            raise ValueError(
                f"the state has the shape {tuple(value.shape)} for {name}, the module"
                f" {tuple(held.shape)}: it is that of another network"
            )
        if value.is_complex():
            raise ValueError(f"the state is complex in {name}; real numbers are needed")
    try:
        module.load_state_dict(dict(state))
    except Exception as error:  # hooks of the caller's may raise anything
        raise ValueError(f"the state does not load: {first_line(error)}") from error


def _check_names(state: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    missing = [name for name in wanted if name not in state]
    extra = [str(name) for name in state if name not in wanted]
    if not missing and not extra:
        return
    for name in extra:
        tail = next((w for w in wanted if name.endswith(f".{w}")), None)
        if tail is not None:
            prefix = name[: -len(tail)]
            raise ValueError(
                f"the names of the state begin with {prefix!r}, as a wrapper writes them; drop it:"
                f" {{k.removeprefix({prefix!r}): v for k, v in state.items()}}"
            )
    parts = [f"lacks {listed(missing)}"] if missing else []
    parts += [f"has {listed(extra)} besides"] if extra else []
    hint = nearest(extra[0], missing) if extra and missing else ""
    raise ValueError(f"the state {' and '.join(parts)}: it is that of another network{hint}")


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


def _materialised(module: nn.Module, batch: Batch) -> nn.Module:
    """Return a copy whose lazy layers have run."""
    twin, call = copy.deepcopy(module).eval(), call_of(batch)
    with (
        torch.no_grad(),
        torch.random.fork_rng(devices=[]),
        explained(f"the lazy module on inputs {described(call.shown)}"),
    ):
        twin(*call.args, **call.kwargs)
    return twin


def _refuse_scripted(module: nn.Module) -> None:
    for name, part in module.named_modules():
        if isinstance(part, torch.jit.ScriptModule):
            shown = f" {name}" if name else ""
            raise ValueError(
                f"the module{shown} is scripted or traced: its parameters cannot be replaced; give"
                " the Python module that it was made from"
            )


def _refuse_tensors(module: nn.Module) -> None:
    """Refuse parameters and buffers that are no real numbers in memory."""
    named: list[tuple[str, Tensor]] = [*module.named_parameters(), *module.named_buffers()]
    for name, tensor in named:
        if is_lazy(tensor):
            raise ValueError(
                f"{name} has no shape yet, since a lazy module did not run; call the module once on"
                " a batch of inputs"
            )
        if tensor.is_meta:
            raise ValueError(f"{name} is on meta, the device without numbers; load its weights")
        if tensor.is_complex():
            raise ValueError(
                f"{name} is complex, and chains move real numbers: hold its real and imaginary"
                " parts, and make it by torch.view_as_complex in forward"
            )
        if tensor.layout != torch.strided or tensor.is_quantized:
            raise ValueError(f"{name} is sparse or quantised; give a module with dense weights")
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            bad = int((~tensor.isfinite()).sum())
            raise ValueError(
                f"{name} holds {bad} numbers that are not finite: the training has diverged, or"
                " the module is not initialised"
            )


def _refuse_unregistered(module: nn.Module) -> None:
    """Refuse parameters in attributes that torch does not list: they would stay fixed in silence.

    A list of modules that are registered elsewhere is no fault.
    """
    known = {id(tensor) for tensor in _tensors(module)}
    for owner, part in module.named_modules():
        for attribute, value in vars(part).items():
            if attribute in ("_parameters", "_buffers", "_modules"):
                continue
            lost = [w for w in _inside(value) if id(w) not in known and w.requires_grad]
            if lost:
                place = f"{owner}.{attribute}" if owner else attribute
                raise ValueError(
                    f"{place} holds {sum(w.numel() for w in lost)} parameters that the module does"
                    " not list; use nn.Parameter, nn.ParameterList or nn.ModuleList"
                )


def _inside(value: Any, depth: int = 2) -> Iterator[Tensor]:
    """Yield tensors that could be trained in an attribute, also in lists and dicts of modules."""
    if isinstance(value, Tensor):
        # One with a history is computed from parameters, as that of weight_norm.
        if value.is_leaf:
            yield value
    elif isinstance(value, nn.Module):
        yield from value.parameters()
    elif depth and isinstance(value, list | tuple | set):
        for item in value:
            yield from _inside(item, depth - 1)
    elif depth and isinstance(value, dict):
        for item in value.values():
            yield from _inside(item, depth - 1)
