"""What every peer is given: the same weights, data, step, minibatch, chains and lengths."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, final

import msgspec
import numpy as np
from numpy.typing import NDArray

from llcbench.files import replacing

Floats = NDArray[np.float32]
# Losses on the minibatches of a run, of the state before each step, ``(chains, steps)``; those of
# the burn-in may be missing.
Losses = NDArray[np.float64]


@final
@dataclass(frozen=True)
class Workload:
    """A deep linear network, its data and a run of Langevin dynamics on minibatches.

    Attributes:
        name: Name on the command line.
        widths: Widths of the layers, inputs first.
        rank: Rank of every true layer.
        num_data: Samples in the data set.
        batch: Samples in a minibatch, drawn independently with replacement.
        chains: Number of chains.
        burnin: Steps that do not count for the stationary distribution.
        draws: Steps that do.
        step_size: ``eps`` of ``w' = w - eps/2 grad U + sqrt(eps) xi``.
        gamma: Localisation; the temperature is ``n / log n``.
        threads: Threads of every peer, each on a core of its own.
    """

    name: str
    widths: tuple[int, ...]
    rank: int
    num_data: int
    batch: int
    chains: int
    burnin: int
    draws: int
    step_size: float
    gamma: float = 1.0
    threads: int = 1

    @property
    def problem(self) -> str:
        """Id of the problem."""
        return f"dln/{'-'.join(map(str, self.widths))}/r{self.rank}/n{self.num_data}"

    @property
    def peers(self) -> tuple[str, ...]:
        """Who can do it, in the order of the table."""
        return ("devinterp", "posteriors", "blackjax", "control", "ours", "ours_bfloat16")

    @property
    def dim(self) -> int:
        """Number of weights."""
        return sum(a * b for a, b in zip(self.widths, self.widths[1:], strict=False))

    @property
    def steps(self) -> int:
        """Steps of a chain."""
        return self.burnin + self.draws

    @property
    def nbeta(self) -> float:
        """Inverse temperature."""
        return self.num_data / float(np.log(self.num_data))


class Work(NamedTuple):
    """A case with its numbers, in single precision.

    Attributes:
        case: What is done.
        layers: True weights, each ``(H_k, H_{k-1})``; all chains start there.
        inputs: ``(num_data, H_0)``.
        targets: ``(num_data, H_L)``, label noise included; the loss is half the squared error,
            summed over outputs, mean over samples.
        noise: The label noise in it.
    """

    case: Workload
    layers: list[Floats]
    inputs: Floats
    targets: Floats
    noise: Floats


SMALL = {"widths": (10, 8, 6, 10), "rank": 3, "num_data": 2000, "batch": 128, "step_size": 1e-4}
# Long enough that preparations do not count, as in runs that anybody makes.
_WORKLOADS: tuple[dict[str, Any], ...] = (
    {"name": "small", "chains": 4, "burnin": 1000, "draws": 1000, **SMALL},
    {"name": "small-80", "chains": 80, "burnin": 100, "draws": 100, **SMALL},
    {
        "name": "262k", "widths": (256,) * 5, "rank": 64, "num_data": 20_000, "batch": 256,
        "chains": 4, "burnin": 100, "draws": 200, "step_size": 1e-5,
    },
    {
        "name": "1m", "widths": (512,) * 5, "rank": 128, "num_data": 20_000, "batch": 256,
        "chains": 2, "burnin": 50, "draws": 150, "step_size": 1e-5,
    },
)  # fmt: skip
_SINGLE = [Workload(**fields) for fields in _WORKLOADS]
# What is large enough to be spread over threads is measured with two of them as well.
_DOUBLE = [replace(case, name=f"{case.name}-2t", threads=2) for case in _SINGLE[2:]]
WORKLOADS = {case.name: case for case in _SINGLE + _DOUBLE}


def make(case: Workload, path: Path) -> None:
    """Write the numbers of a case: the point of the problem, and the data set of its seed 0."""
    from llcbench import registry
    from llcbench.sampling.loss_abilities import squared_form
    from llcbench.seeds import Seeds
    from llcbench.types import LayerForm

    problem = registry.problem(case.problem)
    form = squared_form(problem)
    assert form is not None
    assert isinstance(form.map, LayerForm)
    data = problem.sample_data(Seeds(problem=case.problem).generator("data"))
    assert data is not None
    point = problem.w_star().double()
    product, *rest = form.map.layers(point[None])
    for layer in rest:
        product = layer @ product
    targets = data.inputs.double() @ product[0].T + data.noise
    with replacing(path) as temporary, temporary.open("wb") as handle:
        np.savez(
            handle,
            case=np.frombuffer(msgspec.json.encode(asdict(case)), dtype=np.uint8),
            point=point.numpy().astype(np.float32),
            inputs=data.inputs.numpy().astype(np.float32),
            targets=targets.numpy().astype(np.float32),
            noise=data.noise.numpy().astype(np.float32),
        )


def read(path: Path) -> Work:
    """Read the numbers of a case."""
    with np.load(path) as held:
        case = msgspec.json.decode(held["case"].tobytes(), type=Workload)
        shapes = [(b, a) for a, b in zip(case.widths, case.widths[1:], strict=False)]
        stops = np.cumsum([a * b for a, b in shapes])[:-1]
        parts = np.split(held["point"], stops)
        layers = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        return Work(case, layers, held["inputs"], held["targets"], held["noise"])
