"""Where tensors and random numbers live, and numbers that no step waits for."""

import torch
from torch import Tensor

# Odd constants of splitmix64, after Steele, Lea and Flood 2014.
_GAMMA, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_WORD = 2**64 - 1


def resolved(device: str) -> str:
    """Return the name of a device that is here; ``auto`` is the first GPU, or else the CPU.

    Raises:
        ValueError: If this machine has no such device, or it lacks double precision.
    """
    if device == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if device.startswith("cpu"):
        return device
    if device.startswith("mps"):
        raise ValueError(
            f"device={device!r} has no double precision, which traces and guards are in; use"
            " device='cpu'"
        )
    if not torch.cuda.is_available():
        raise ValueError(f"device={device!r}: torch finds no CUDA here; use device='cpu'")
    number = torch.device(device).index or 0
    if number >= torch.cuda.device_count():
        raise ValueError(
            f"device={device!r}: torch finds {torch.cuda.device_count()} CUDA devices here, the"
            f" last is 'cuda:{torch.cuda.device_count() - 1}'"
        )
    return device


def generator(seed: int, device: str = "cpu") -> torch.Generator:
    """Return a fresh source of random numbers on a device."""
    return torch.Generator(device).manual_seed(seed)


def generator_beside(rng: torch.Generator, seed: int) -> torch.Generator:
    """Return a fresh source of random numbers where another one is."""
    return torch.Generator(rng.device).manual_seed(seed)


def whole_number(low: int, high: int, rng: torch.Generator, step: int) -> int:
    """Return a whole number of ``low ... high - 1`` that the host knows, without waiting.

    On the CPU it is the next one of the generator. A number that a device has drawn would hold up
    the host until all that was asked of the device is done: there it is a hash of seed and step.

    Args:
        low: Smallest number.
        high: One above the largest.
        rng: Source of randomness.
        step: Number of the step, a new one each time.
    """
    if rng.device.type == "cpu":
        return int(torch.randint(low, high, (), generator=rng))
    word = (rng.initial_seed() + _GAMMA * (step + 1)) & _WORD
    word = ((word ^ (word >> 30)) * _FIRST) & _WORD
    word = ((word ^ (word >> 27)) * _SECOND) & _WORD
    return low + (word ^ (word >> 31)) % (high - low)


def host_value(number: Tensor) -> float | Tensor:
    """Return a number as the host's on the CPU, and as it is on a device: reading it would wait."""
    return float(number) if number.device.type == "cpu" else number


def add_multiple(into: Tensor, part: Tensor, factor: float | Tensor) -> Tensor:
    """Add a multiple in place; the factor may be a number on the device."""
    if isinstance(factor, Tensor):
        return into.addcmul_(part, factor.to(into.dtype))
    return into.add_(part, alpha=factor)
