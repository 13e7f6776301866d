"""Linear networks that have what was measured on somebody's network."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from llcbench.problems.linear_networks.correlated import SecondMoment, correlated_network
from llcbench.problems.modules.problem import ModuleProblem
from llcbench.problems.squared.regression import Regression
from llcbench.rehearsal.measured import NetworkScales, moment_of
from llcbench.rehearsal.result import Rehearsal, RehearsedNetwork
from llcbench.rehearsal.widths import Chain

# Numbers in a data set, and the samples that it has in any case.
STORED, FEWEST = 2**24, 4096


@final
@dataclass(frozen=True, eq=False)
class Stage:
    """What the linear networks of a rehearsal have in common.

    Attributes:
        problem: The network.
        scales: What was measured on it.
        chain: Their widths.
        moment: Second moment of their inputs, with a mean variance of 1.
        num_data: Their samples.
        notes: In what they differ from the network.
    """

    problem: ModuleProblem
    scales: NetworkScales
    chain: Chain
    moment: SecondMoment
    num_data: int
    notes: tuple[str, ...]

    @property
    def full_rank(self) -> int:
        """The largest rank that a true map can have."""
        return min(self.moment.rank, *self.chain.widths)

    def network(self, rank: int) -> Regression:
        """Return the linear network with a true map of a rank."""
        widths = "-".join(map(str, self.chain.widths))
        return correlated_network(
            f"rehearsal/{widths}/r{rank}/n{self.num_data}",
            self.chain.widths,
            rank,
            self.moment,
            curvature=self.scales.curvature,
            gradient_variance=self.scales.gradient_variance,
            num_data=self.num_data,
        )

    def rehearsal(self, networks: list[RehearsedNetwork]) -> Rehearsal:
        """Return the result with what was matched."""
        layers = self.scales.layers
        return Rehearsal(
            problem=self.problem.id,
            dim=self.problem.dim,
            dense=sum(layer.size for layer in layers),
            layers=[layer.name for layer in layers],
            widths=list(self.chain.widths),
            weights=self.chain.dim,
            input_rank=self.moment.rank,
            num_data=self.num_data,
            curvature=self.scales.curvature,
            gradient_sd=math.sqrt(self.scales.gradient_variance),
            networks=networks,
            notes=list(self.notes),
        )


def stage_of(problem: ModuleProblem, scales: NetworkScales, chain: Chain) -> Stage:
    """Return what linear networks of some widths have in common with a network."""
    notes = list(chain.notes)
    rows, columns = scales.inputs.shape
    inputs, outputs = chain.widths[0], chain.widths[-1]
    num_data = min(problem.num_data, max(FEWEST, STORED // (inputs + outputs)))
    if num_data < problem.num_data:
        notes.append(f"{num_data} of {problem.num_data} samples, at the temperature of all of them")
    moment = moment_of(scales.inputs, min(inputs, num_data))
    if rows < min(columns, problem.num_data):
        notes.append(f"the second moment of the inputs is that of {rows} rows")
    if inputs < columns:
        notes.append(f"of {columns} inputs, the {moment.rank} directions with the largest moments")
        moment = SecondMoment(np.eye(inputs)[:, : moment.rank], moment.values)
    if moment.rank == num_data:
        notes.append("as many directions of the inputs as samples: labels carry no noise")
    # Its size is a factor of the loss, which the curvature fixes.
    size = float(np.sum(moment.values)) / inputs
    unit = SecondMoment(moment.directions, moment.values / size)
    return Stage(problem, scales, chain, unit, num_data, tuple(notes))
