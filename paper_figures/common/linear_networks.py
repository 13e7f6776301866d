"""Runs of SGLD on random deep linear networks, each with both of its truths."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from llcbench.report.figures.results import Results
from llcbench.report.figures.rows import Row

if TYPE_CHECKING:
    from llcbench.records import RunRecord

Array = NDArray[np.float64]
Truth = Literal["local", "tempered"]
SUITE = "dln-scale"
CLASSES = ("1k", "10k", "100k", "1m", "10m", "100m")
# Steps of published chains of all classes but the two smallest, which have fewer.
LONG = 50_000
NEEDS = (
    "About 100 networks per class and 50 000 steps: 50 hours per network of 100 million weights on"
    " two CPU cores."
)


class NetworkRun(NamedTuple):
    """One run of SGLD.

    Attributes:
        network: Name of the draw, such as ``1k/s0``.
        gamma: Localisation; 1 is published.
        steps: Steps made.
        dim: Number of parameters.
        local: Exact local coefficient.
        tempered: What a perfect sampler returns; NaN where that is not known.
        llc: Estimate; NaN for a run without one.
        reach: Half of its 95 % interval of Monte Carlo error.
        passed: Whether all guards passed.
    """

    network: str
    gamma: float
    steps: int
    dim: int
    local: float
    tempered: float
    llc: float
    reach: float
    passed: bool

    @property
    def size(self) -> str:
        """Class of the network."""
        return self.network.split("/")[0]

    def error(self, truth: Truth) -> float:
        """Return ``(truth - estimate) / truth``; NaN without an estimate or a truth."""
        return 1 - self.llc / (self.local if truth == "local" else self.tempered)


def network_runs(results: Results) -> list[NetworkRun]:
    """Return all runs of SGLD on draws of the classes: localisation 1 first, then by network.

    A tempered value counts if it is certified. Above 6 million parameters there is none: there the
    run of block Gibbs on the same weights, temperature and localisation stands for it.
    """
    records = results.runs(SUITE)
    drawn = [r for r in records if r.spec.problem.split("/")[1] in CLASSES]
    return sorted(_network_runs(drawn), key=lambda p: (p.gamma > 1, p.network))


def sides(runs: Iterable[NetworkRun]) -> tuple[list[NetworkRun], list[NetworkRun]]:
    """Return runs at the published localisation, and at larger ones."""
    every = list(runs)
    return [p for p in every if p.gamma == 1], [p for p in every if p.gamma > 1]


def of_class(runs: Iterable[NetworkRun], name: str) -> list[NetworkRun]:
    """Return the runs on networks of a class."""
    return [p for p in runs if p.size == name]


def estimated(runs: Iterable[NetworkRun]) -> list[NetworkRun]:
    """Return the runs that have an estimate."""
    return [p for p in runs if np.isfinite(p.llc)]


def longest(runs: Iterable[NetworkRun], names: Sequence[str] = CLASSES) -> str:
    """Return the steps of the longest chain of each class that there is, as text."""
    mine = {name: of_class(runs, name) for name in names}
    return ", ".join(
        f"{max(p.steps for p in each):,} ({name.upper()})" for name, each in mine.items() if each
    )


def rows(runs: Iterable[NetworkRun], columns: Sequence[str]) -> list[Row]:
    """Return runs as rows of these attributes."""
    return [{name: getattr(p, name) for name in columns} for p in runs]


def _network_runs(drawn: "Sequence[RunRecord]") -> Iterator[NetworkRun]:
    from llcbench.intervals import chain_quantile

    exact = {_question(r): r.estimate.llc for r in drawn if r.spec.sampler == "gibbs"
             and r.spec.estimator == "mean_energy" and r.estimate.llc is not None}  # fmt: skip
    dims = {_question(r)[0]: r.estimate.dim for r in drawn if r.estimate.dim}
    for record in drawn:
        spec, estimate = record.spec, record.estimate
        if spec.sampler != "sgld" or record.truths is None:
            continue
        tempered = record.truths.tempered
        value = exact.get(_question(record), float("nan"))
        if tempered is not None:
            value = tempered.value if tempered.certified else float("nan")
        name, settings = _question(record)[0], spec.settings
        yield NetworkRun(
            name,
            settings.gamma,
            settings.num_burnin + settings.num_draws,
            dims[name],
            float(Fraction(record.truths.local.value)),
            value,
            float("nan") if estimate.llc is None else estimate.llc,
            chain_quantile(0.95, settings.num_chains) * (estimate.stderr or 0.0),
            estimate.converged,
        )


def _question(record: "RunRecord") -> tuple[str, float, float]:
    """Return the weights, whatever data they are given, with temperature and localisation."""
    weights = "/".join(record.spec.problem.split("/")[1:3])
    return weights, float(f"{record.estimate.nbeta:.6g}"), record.spec.settings.gamma
