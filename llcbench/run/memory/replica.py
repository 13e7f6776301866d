"""Small runs that stand for large ones.

Under one factor for widths, batch and number of samples, the arrays of a linear network all shrink
alike: weights, gradients, products of layers, activations and data are products of two such
lengths each, and the choice between sending samples and forming products does not change. So the
peak of a small replica, measured in a process of its own, gives that of the run by the ratio of
their parameters.
"""

import ctypes
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from llcbench import registry
from llcbench.provenance import peak_bytes, reset_peak, resident_bytes
from llcbench.records import Spec

# Size of a replica. It is on the same side of all limits (2^22) above which the code for large runs
# takes over, and twice as much is not worth one.
REPLICA = 5_000_000
REGIME = 2**22
PROBE_DRAWS = 9
# Of glibc's malloc.h, and the size in bytes from which arrays of replicas are mapped.
M_MMAP_THRESHOLD = -3
SMALLEST_MAP = 65_536


class NetworkShape(NamedTuple):
    """A linear network with the shape of a larger one, without its weights.

    Attributes:
        widths: Widths of the layers.
        num_data: Number of samples, None in population.
        streamed: Whether the samples are made when they are asked for.
        single: Whether the reference point is kept in single precision.
        scale: Factor of the mean squared error.
        distribution: Distribution of the inputs.
        noise_sd: Standard deviation of the label noise.
    """

    widths: tuple[int, ...]
    num_data: int | None
    streamed: bool
    single: bool
    scale: float
    distribution: str
    noise_sd: float


class Replica(NamedTuple):
    """A short run that stands for a long and perhaps larger one.

    Attributes:
        spec: How it is run; of a small problem also what.
        network: What is run instead of a large problem.
    """

    spec: Spec
    network: NetworkShape | None


def numbers_of(spec: Spec) -> int:
    """Return how many numbers the parameters of all chains are."""
    dim: int = registry.problem(spec.problem).dim
    return dim * spec.settings.num_chains


def data_bytes(spec: Spec) -> int:
    """Return bytes of a stored data set with its copy in the precision of the run."""
    from llcbench.sampling.loss_abilities import squared_form

    problem = registry.problem(spec.problem)
    form = squared_form(problem)
    if problem.num_data is None or form is None or form.streamed:
        return 0
    width: int = form.inputs + (form.outputs if form.noise_sd else 0)
    bytes_: int = problem.num_data * width * (8 + itemsize(spec))
    return bytes_


def itemsize(spec: Spec) -> int:
    """Return the bytes of a number."""
    return 4 if spec.settings.dtype == "float32" else 8


def replica_of(spec: Spec) -> tuple[Replica, float]:
    """Return a replica, and the ratio of the parameters of the run to its own."""
    from llcbench.problems.squared.linear_map import LinearNetwork
    from llcbench.sampling.loss_abilities import squared_form
    from llcbench.types import LayerForm

    problem, numbers = registry.problem(spec.problem), numbers_of(spec)
    form = squared_form(problem)
    # So hot that no chain diverges, whatever the step: one that does is not looked at to the end.
    short: dict[str, Any] = {"nbeta": 1e-3, "num_draws": PROBE_DRAWS, "num_burnin": 0}
    if numbers <= 2 * REPLICA or form is None or not isinstance(form.map, LayerForm):
        return Replica(with_settings(spec, short), None), 1.0
    factor: float = min(REPLICA / (problem.dim if problem.dim > REGIME else numbers), 1.0) ** 0.5

    def shrunk(length: int) -> int:
        return max(round(factor * length), 1)

    if spec.settings.batch_size is not None:
        short["batch_size"] = shrunk(spec.settings.batch_size)
    network = NetworkShape(
        widths=tuple(map(shrunk, form.map.widths)),
        num_data=None if problem.num_data is None else shrunk(problem.num_data),
        streamed=problem.num_data is not None and data_bytes(spec) == 0,
        single=form.single,
        scale=form.scale,
        distribution=form.distribution,
        noise_sd=form.noise_sd,
    )
    ratio = problem.dim / LinearNetwork(network.widths).dim
    return Replica(with_settings(spec, short), network), ratio


def measure(replica: Replica) -> tuple[int, int]:
    """Return the memory of this process before a replica is run in it, and the peak while it is."""
    import torch

    from llcbench.run.execute import execute, seeds_of
    from llcbench.run.suite import build_estimator
    from llcbench.types import RunContext

    torch.set_num_threads(1)
    spec, batch = replica.spec, replica.spec.settings.batch_size
    # A tiny run first: what is imported on the way belongs to the floor.
    tiny = with_settings(spec, {"batch_size": None if batch is None else min(batch, 100)})
    name = "rrr/2-2-2/r1" if batch is None else "rrr/2-2-2/r1/n100"
    execute(msgspec.structs.replace(tiny, problem=name), None)
    if replica.network is None:
        floor = _reset()
        execute(spec, None)
        return floor, peak_bytes()

    def run(network: NetworkShape) -> None:
        problem, data = _built(network)
        sampler = registry.make_sampler(spec.sampler, dict(spec.parameters))
        estimator = build_estimator(spec.estimator, sampler, spec.settings)
        estimator.estimate(problem, RunContext(seeds_of(spec), data=data))

    # Then one of a tenth: buffers of a fixed size must not be scaled up.
    run(_third(replica.network))
    _return_at_once()
    floor = _reset()
    run(replica.network)
    return floor, peak_bytes()


def _third(network: NetworkShape) -> NetworkShape:
    """Return the network with all lengths divided by three."""
    data = network.num_data
    return network._replace(
        widths=tuple(max(width // 3, 1) for width in network.widths),
        num_data=None if data is None else max(data // 3, 1),
    )


def with_settings(spec: Spec, changes: dict[str, Any]) -> Spec:
    """Return a run with other settings."""
    return msgspec.structs.replace(spec, settings=msgspec.structs.replace(spec.settings, **changes))


def _built(network: NetworkShape) -> tuple[Any, Any]:
    """Return a network with random weights, made as large ones are, and its data."""
    import numpy as np
    import torch

    from llcbench.problems.linear_networks import random_networks
    from llcbench.problems.linear_networks.linear_model import linear_problem
    from llcbench.problems.squared.linear_map import LinearNetwork
    from llcbench.problems.squared.regression import Inputs
    from llcbench.problems.squared.streams import Stream

    dim = LinearNetwork(network.widths).dim
    point = np.random.default_rng(0).standard_normal(dim, dtype=np.float32)
    # Products of many layers must stay finite, or the run is not looked at to its end.
    point *= np.float32(0.1 / max(network.widths) ** 0.5)
    if not network.single:
        point = point.astype(np.float64)
    drawn = random_networks.RandomNetwork(network.widths, (), network.single, lambda: point)
    problem = linear_problem(
        "replica",
        drawn if network.single else drawn.layers,
        _no_truth,
        "",
        frozenset(),
        scale=network.scale,
        inputs=Inputs(network.distribution),  # type: ignore[arg-type]
        noise_sd=network.noise_sd,
    )
    if network.num_data is None:
        return problem, None
    problem = problem.with_data(network.num_data)
    if not network.streamed:
        return problem, problem.sample_data(torch.Generator().manual_seed(0))
    ends = (network.widths[0], network.widths[-1])
    # The number of rows of a stream takes no memory; passes over them take time.
    rows = min(network.num_data, 1000)
    return problem, Stream(rows, *ends, network.distribution, network.noise_sd, 0)  # type: ignore[arg-type]


def _no_truth() -> Any:
    raise ValueError("a replica has no truth")


def _return_at_once() -> None:
    """Let freed arrays go back to the system, as those of large runs do anyway."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, SMALLEST_MAP)


def _reset() -> int:
    """Return what this process holds now and let its peak begin there, where the system can.

    Imports take more for a moment than they keep, and a replica could hide below that.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    reset_peak()
    return resident_bytes()
