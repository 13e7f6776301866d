"""Which packages of others are installed, and what to do about one that is not.

A missing package is never an ImportError: samplers and estimators that need it decline every
target with the reason, so that a run of them leaves a record with status ``skipped``.
"""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import torch


class Peer(NamedTuple):
    """A package that adapters run.

    Attributes:
        extra: Name of the extra of llcbench that installs it.
        major: Major version that the adapter was written for.
        others: What is to be said about any other version.
    """

    extra: str
    major: int
    others: str


PEERS = {
    "devinterp": Peer("peers", 1, "measures language models only; the adapter runs 1.x"),
    "posteriors": Peer("peers", 0, "is newer than the adapter, which runs 0.1"),
    "blackjax": Peer("nuts", 1, "is newer than the adapter, which runs 1.x"),
}


def missing(name: str) -> str | None:
    """Return why a package cannot be run, with the command that installs it; None if it can."""
    peer = PEERS[name]
    command = f"pip install 'llcbench[{peer.extra}]'"
    try:
        installed = version(name)
    except PackageNotFoundError:
        return f"{name} is not installed: {command}"
    if installed.split(".")[0] != str(peer.major):
        return f"{name} {installed} {peer.others}: {command}"
    return None


def unable(name: str, device: str) -> str | None:
    """Return why a package cannot sample on a device, None if it can.

    Their random numbers are those of torch's own generators or of jax, which are on the CPU here.
    """
    if device != "cpu":
        return f"{name} is run on the CPU, and the device is {device}; use device='cpu'"
    return missing(name)


def no_canonical() -> str:
    """Return why canonical-interp is not run."""
    running = "{}.{}".format(*sys.version_info[:2])
    return f"canonical-interp has no adapter: it needs Python 3.12 or newer, this is {running}"


def described() -> str:
    """Return the state of every package in one line."""
    states = [missing(name) or f"{name} {version(name)}" for name in PEERS]
    return "; ".join([*states, no_canonical()])


def load(module: str) -> Any:
    """Import a module of a package, without the warnings that it gives about its own code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_module(module)


@contextmanager
def global_noise(rng: torch.Generator) -> Iterator[None]:
    """Let code that draws from torch's global generator follow ours, and put that one back.

    Also leaves inference mode, in which other packages cannot differentiate.
    """
    seed = int(torch.randint(2**62, (), generator=rng))
    own = torch.default_generator
    before = own.get_state()
    own.manual_seed(seed)
    try:
        with torch.inference_mode(False), torch.no_grad():
            yield
    finally:
        own.set_state(before)
