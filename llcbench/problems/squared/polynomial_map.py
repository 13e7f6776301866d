"""Generators of a polynomial potential as a one-row map, evaluated in a handful of array calls."""

from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from llcbench.problems.squared.linear_map import Pullback
from llcbench.types import GeneratorForm
from theory.polynomials.expression import Polynomial


@final
@dataclass(frozen=True)
class PolynomialMap:
    """``M(w) = (g_1(w), ..., g_J(w))``, one row.

    All monomials of the generators and of their derivatives are rows of one table, so that a value
    with its gradient costs one table of powers, one product over variables and one matrix product,
    whatever the number of chains.

    Attributes:
        generators: Polynomials over the same variables.
    """

    generators: tuple[Polynomial, ...]

    @property
    def dim(self) -> int:
        """Number of variables."""
        return len(self.generators[0].variables)

    @property
    def outputs(self) -> int:
        """One row."""
        return 1

    @property
    def inputs(self) -> int:
        """One column a generator."""
        return len(self.generators)

    def form(self) -> GeneratorForm:
        """Return the coefficients of the generators."""
        return GeneratorForm(tuple(generator.terms for generator in self.generators))

    def value(self, theta: Tensor) -> Tensor:
        """Return the generators, ``(chains, 1, J)``."""
        table = self._table(theta)
        return table[: self.inputs].T.unsqueeze(1)

    def value_and_pullback(self, theta: Tensor) -> tuple[Tensor, Pullback]:
        """Return the generators and the map from ``dL/dg`` to ``dL/dw``."""
        count, chains = self.inputs, theta.shape[0]
        table = self._table(theta)
        slopes = table[count:].view(count, self.dim, chains)

        def pullback(grad: Tensor) -> Tensor:
            return (grad[:, 0, :].T.unsqueeze(1) * slopes).sum(0).T.contiguous()

        return table[:count].T.unsqueeze(1), pullback

    def _table(self, theta: Tensor) -> Tensor:
        """Return generators and their derivatives, ``(J + J dim, chains)``."""
        exponents, coefficients, columns, top = self._compiled_on(theta.device)
        factors = [theta.new_ones(1, *theta.shape), theta.expand(top, *theta.shape)]
        powers = torch.cat(factors).cumprod(0)
        monomials = powers[exponents, :, columns].prod(1)
        return coefficients.to(theta.dtype) @ monomials

    def _compiled_on(self, device: torch.device) -> tuple[Tensor, Tensor, Tensor, int]:
        """Return what was compiled, copied to a device once."""
        if device.type == "cpu":
            return self._compiled
        if device not in self._copies:
            exponents, coefficients, columns, top = self._compiled
            self._copies[device] = (
                exponents.to(device),
                coefficients.to(device),
                columns.to(device),
                top,
            )
        return self._copies[device]

    @cached_property
    def _copies(self) -> dict[torch.device, tuple[Tensor, Tensor, Tensor, int]]:
        """Copies on devices, as they are asked for."""
        return {}

    @cached_property
    def _compiled(self) -> tuple[Tensor, Tensor, Tensor, int]:
        """Return exponents, coefficients, column indices and the highest power of a variable."""
        slopes = [g.derivative(i) for g in self.generators for i in range(self.dim)]
        rows = [*self.generators, *slopes]
        monomials = sorted({exponents for row in rows for exponents in row.terms})
        coefficients = torch.zeros(len(rows), len(monomials), dtype=torch.float64)
        for i, row in enumerate(rows):
            for exponents, coefficient in row.terms.items():
                coefficients[i, monomials.index(exponents)] = float(coefficient)
        table = torch.tensor(monomials, dtype=torch.int64)
        return table, coefficients, torch.arange(self.dim).unsqueeze(0), int(table.max())
