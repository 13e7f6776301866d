"""States of networks in files: those of torch and of safetensors, of which no code is run."""

from pathlib import Path
from typing import Any

import torch


def read_state(path: str | Path) -> dict[str, Any]:
    """Return the state dictionary in a file.

    A name ending in ``.safetensors`` is one of that package; all others are read as ``torch.save``
    writes them, with ``weights_only=True``. Of a checkpoint that keeps the weights under
    ``state_dict``, as Lightning does, these are returned.

    Raises:
        OSError: If the file cannot be opened.
        ModuleNotFoundError: If the package safetensors is needed and not installed.
        ValueError: If there is no state dictionary in it, or more than tensors.
    """
    if Path(path).suffix == ".safetensors":
        return _read_safetensors(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a file of another kind fails in many ways
        raise ValueError(
            f"{str(path)!r} holds no state dictionary, or more than tensors;"
            " torch.save(module.state_dict(), ...) writes one, and nothing else is read from such"
            " a file"
        ) from error
    if not isinstance(state, dict):
        raise ValueError(f"{str(path)!r} holds a {type(state).__name__}, no state dictionary")
    inner = state.get("state_dict")
    return inner if isinstance(inner, dict) else state


def _read_safetensors(path: str | Path) -> dict[str, Any]:
    try:
        from safetensors.torch import load_file
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{path} needs safetensors: pip install safetensors") from error
    try:
        return dict(load_file(path, device="cpu"))
    except OSError:
        raise
    except Exception as error:  # the package has an exception of its own
        raise ValueError(f"{str(path)!r} is no file of safetensors: {error}") from error
