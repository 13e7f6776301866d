"""Steps on tensors that claim to be on a GPU: no GPU is needed, and no number is computed.

Under `FakeTensorMode` an operation that mixes devices raises, as on a GPU. What else would fail or
wait there is counted with the line that asked for it: reads of a value (``float``, ``bool``,
``.item()``, ``.tolist()``, ``.numpy()``), and copies between devices. Generators are the CPU's and
claim to be on the device; a draw from one of them onto the CPU raises.

A build without CUDA lacks a guard of that device, so that the one of meta tensors, which does
nothing, is put there; and automatic differentiation wants an accelerator, so that gradients are
empty: forward passes are seen, backward passes are not. What this cannot find: a wrong number.
"""

import ctypes
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

DEVICE = "cuda:0"
ROOT = str(Path(__file__).resolve().parents[2] / "llcbench")
READS: dict[Callable[..., Any], type | None] = {
    Tensor.item: None,
    Tensor.__float__: float,
    Tensor.__int__: int,
    Tensor.__bool__: bool,
    Tensor.__index__: int,
}
COPIES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)
_GUARDS = "_ZN3c104impl26device_guard_impl_registryE"
_CUDA, _META = 1, 14


def available() -> bool:
    """Return whether this build of torch lets itself be told that it has a GPU."""
    try:
        _put_guard()
    except (OSError, ValueError, AttributeError):
        return False
    return True


def _put_guard() -> None:
    library = Path(torch.__file__).parent / "lib" / "libc10.so"
    slots = (ctypes.c_void_p * 20).in_dll(ctypes.CDLL(str(library)), _GUARDS)
    if slots[_CUDA] is None:
        if slots[_META] is None:
            raise ValueError("this build has no guard of meta tensors")
        slots[_CUDA] = slots[_META]


class FakeGenerator(torch.Generator):
    """A generator of the CPU that claims to be on the device."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """The device that it claims."""
        return torch.device(DEVICE)


_ON_CPU = torch.Generator


def _generator(device: Any = "cpu") -> torch.Generator:
    kind = FakeGenerator if torch.device(device).type == "cuda" else _ON_CPU
    return kind()


def _asked() -> str:
    """Return the last line of the package that is being executed."""
    own = [f for f in traceback.extract_stack() if f.filename.startswith(ROOT)]
    return f"{own[-1].filename[len(ROOT) + 1 :]}:{own[-1].lineno} {own[-1].line}" if own else "?"


class _Reads(TorchFunctionMode):
    def __init__(self, waits: Counter[str], fake: FakeTensorMode) -> None:
        super().__init__()
        self.waits, self._fake = waits, fake

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        first = args[0] if args and isinstance(args[0], Tensor) else None
        there = first is not None and first.device.type == "cuda"
        if isinstance(kwargs.get("generator"), FakeGenerator):
            made = func(*args, **kwargs)
            if made.device.type == "cpu":
                raise RuntimeError("Expected a 'cpu' device type for generator but found 'cuda'")
            return made
        if isinstance(kwargs.get("generator"), _ON_CPU) and there:
            raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
        if first is None or not (there or func in (Tensor.to, Tensor.numpy, Tensor.tolist, *READS)):
            return func(*args, **kwargs)
        if func is Tensor.to:
            # Otherwise a copy of what is no fake, or remembers its numbers, is tried for real.
            first = first if isinstance(first, FakeTensor) else self._fake.from_tensor(first)
            first.constant = None
            return func(first, *args[1:], **kwargs)
        if func in READS:
            if there:
                self.waits[f"read by {_asked()}"] += 1
            kind = READS[func] or (float if first.dtype.is_floating_point else int)
            return kind(1)
        if func is Tensor.tolist:
            if there:
                self.waits[f"read by {_asked()}"] += 1
            return _numbers(first).tolist()
        if func is Tensor.numpy:
            if there:
                raise TypeError("can't convert cuda:0 device type tensor to numpy")
            return _numbers(first)
        if func is Tensor.nonzero or (func is torch.unique and there):
            self.waits[f"shape of values by {_asked()}"] += 1
        if func is Tensor.__getitem__:
            index = args[1] if isinstance(args[1], tuple) else (args[1],)
            if any(isinstance(i, Tensor) and i.device.type == "cpu" and i.dim() for i in index):
                self.waits[f"index of the host by {_asked()}"] += 1
                here = [
                    torch.empty(i.shape, dtype=i.dtype, device=DEVICE)
                    if isinstance(i, Tensor)
                    else i
                    for i in index
                ]
                return func(first, tuple(here))
        return func(*args, **kwargs)


class _Copies(TorchDispatchMode):
    """Counts copies that wait: those to the host, and those that are not asynchronous."""

    def __init__(self, waits: Counter[str]) -> None:
        super().__init__()
        self.waits = waits

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in COPIES:
            kinds = {part.device.type for part in args if isinstance(part, Tensor)}
            if kwargs.get("device") is not None:
                kinds.add(torch.device(kwargs["device"]).type)
            flags = [kwargs.get("non_blocking"), *(a for a in args if isinstance(a, bool))]
            if len(kinds) > 1 and True not in flags:
                self.waits[f"copy by {_asked()}"] += 1
        return func(*args, **kwargs)


def _numbers(tensor: Tensor) -> np.ndarray:
    """Return numbers in the place of those that nobody computed, of which statistics can be had."""
    drawn = 2 + np.random.default_rng(0).standard_normal(tuple(tensor.shape))
    return drawn.astype(str(tensor.dtype).removeprefix("torch."))


def _no_mode(mode: bool = True) -> torch.no_grad:
    """Do as ``torch.inference_mode``, in which fakes would be taken for tensors of a device."""
    return torch.no_grad()


def _no_gradients(outputs: Any, inputs: Any, *rest: Any, **options: Any) -> tuple[Tensor, ...]:
    return tuple(torch.empty_like(part) for part in inputs)


def _moved(module: torch.nn.Module, *args: Any) -> torch.nn.Module:
    """Do as ``module.to``, which cannot put fake tensors in the place of others."""

    def moved(tensor: Tensor) -> Tensor:
        fits = [a for a in args if tensor.is_floating_point() or not isinstance(a, torch.dtype)]
        return tensor.detach().to(*fits) if fits else tensor

    for part in module.modules():
        for name, weight in part._parameters.items():
            if weight is not None:
                part._parameters[name] = torch.nn.Parameter(moved(weight), False)
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = moved(buffer)
    return module


@contextmanager
def claimed(waits: Counter[str] | None = None) -> Iterator[Counter[str]]:
    """Claim that there is a GPU; yield what would wait for it, with the lines that asked."""
    waits = Counter() if waits is None else waits
    _put_guard()
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    fakes = (
        mock.patch("torch.cuda.is_available", return_value=True),
        mock.patch("torch.cuda.device_count", return_value=1),
        mock.patch("torch.Generator", _generator),
        mock.patch("torch.autograd.grad", _no_gradients),
        mock.patch("torch.inference_mode", _no_mode),
        # Of numbers that nobody computed some are not finite.
        mock.patch("llcbench.sampling.loop._health", return_value=("ok", "")),
        mock.patch("torch.nn.Module.to", _moved),
        mock.patch("torch.Tensor.pin_memory", lambda part: part),
        mock.patch("torch.Tensor.is_pinned", return_value=False),
        fake,
        _Copies(waits),
        _Reads(waits, fake),
        torch.no_grad(),
    )
    with ExitStack() as stack:
        for fake in fakes:
            stack.enter_context(fake)
        yield waits
