"""Settings of a run, checked at construction; needs neither numpy nor torch."""

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

import msgspec

from llcbench.checks import (
    check_choice,
    check_count,
    check_non_negative,
    check_positive,
    nearest,
    plain_number,
    refuse,
)

Automatic = Literal["n / log n"]
Start = Literal["w_star", "prior"]
GradientKind = Literal["plain", "control_variate"]
DType = Literal["float32", "float64"]
Matmul = Literal["full", "bfloat16"]

AUTOMATIC: Automatic = "n / log n"
_OWNER = "settings"
_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")


# Unknown fields are no error when a record is read: those of earlier versions have a field
# ``feed``, and one of a later version that matters does not match the key of its record.
class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a sampler is run on a problem.

    Values are checked and stored as plain Python values: any real number is accepted (numpy and
    torch scalars, `fractions.Fraction`), ``8.0`` is a count, and a ``torch.dtype`` is a precision.

    Attributes:
        nbeta: Number of samples times inverse temperature; ``n / log n`` takes a nominal
            ``n = 100 000`` for a population loss.
        gamma: Localisation strength.
        num_chains: Chains, an array axis.
        num_draws: Kept steps of every chain.
        num_burnin: Steps before the kept ones.
        batch_size: Samples in a minibatch; None for the full batch.
        start: ``w_star``, or ``prior`` for over-dispersed chains at ``w_star + N(0, I / gamma)``.
        gradient: ``control_variate`` subtracts the noise that a minibatch has at ``w_star``, at the
            price of a second gradient a step.
        dtype: Precision of the parameters.
        matmul: ``bfloat16`` rounds the factors of the products that make the gradient of a squared
            loss; everything else keeps the precision of the parameters.
        device: Device of parameters and data, ``cpu``, ``cuda``, ``cuda:<number>``, or
            ``auto``, a GPU where there is one.

    Raises:
        ValueError: If a value is not allowed; the message names the allowed ones.
    """

    nbeta: float | Automatic = AUTOMATIC
    gamma: float = 1.0
    num_chains: int = 16
    num_draws: int = 2000
    num_burnin: int = 1000
    batch_size: int | None = None
    start: Start = "w_star"
    gradient: GradientKind = "plain"
    dtype: DType = "float64"
    matmul: Matmul = "full"
    device: str = "cpu"

    def __post_init__(self) -> None:
        checked = {
            "nbeta": _nbeta(self.nbeta),
            "gamma": check_non_negative(
                _OWNER, "gamma", self.gamma, hint="gamma=0 is no localisation"
            ),
            "num_chains": check_count(_OWNER, "num_chains", self.num_chains, least=1),
            "num_draws": check_count(_OWNER, "num_draws", self.num_draws, least=1),
            "num_burnin": check_count(
                _OWNER, "num_burnin", self.num_burnin, hint="num_burnin=0 keeps every step"
            ),
            "batch_size": _batch_size(self.batch_size),
            "start": check_choice(_OWNER, "start", self.start, get_args(Start)),
            "gradient": check_choice(_OWNER, "gradient", self.gradient, get_args(GradientKind)),
            "dtype": _dtype(self.dtype),
            "matmul": check_choice(_OWNER, "matmul", self.matmul, get_args(Matmul)),
            "device": _device(self.device),
        }
        for name, value in checked.items():
            msgspec.structs.force_setattr(self, name, value)


def settings_from(values: Mapping[str, Any]) -> Settings:
    """Return settings from names and values.

    Raises:
        ValueError: If a name is unknown or a value is not allowed.
    """
    names = Settings.__struct_fields__
    for name in values:
        if name not in names:
            raise ValueError(
                f"{_OWNER}: there is no {name!r}{nearest(name, names)};"
                f" settings are {', '.join(names)}"
            )
    return Settings(**values)


def _nbeta(value: Any) -> float | Automatic:
    if isinstance(value, str) and value == AUTOMATIC:
        return AUTOMATIC
    if plain_number(value) is None:
        allowed = f"a finite positive number or {AUTOMATIC!r}"
        refuse(_OWNER, "nbeta", allowed, value, "write a number such as 1e4")
    hint = f"{AUTOMATIC!r} is the customary choice"
    return check_positive(_OWNER, "nbeta", value, hint=hint)


def _batch_size(value: Any) -> int | None:
    if value is None:
        return None
    return check_count(
        _OWNER, "batch_size", value, least=1, hint="without minibatches it is None (none in text)"
    )


def _dtype(value: Any) -> str:
    """Return the name of a precision; torch writes its own as ``torch.float32``."""
    name = str(value).removeprefix("torch.")
    if name not in get_args(DType):
        check_choice(_OWNER, "dtype", value, get_args(DType))
    return name


def _device(value: Any) -> str:
    if not (isinstance(value, str) and _DEVICE.fullmatch(value)):
        refuse(_OWNER, "device", "'auto', 'cpu', 'cuda' or 'cuda:<number>'", value)
    return str(value)
