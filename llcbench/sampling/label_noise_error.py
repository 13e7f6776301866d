"""The error of an estimate from the label noise of its data set, to second order in the noise.

The cross moment C of noise and inputs is a normal vector with mean 0 and ``Cov(C_ij, C_ik) =
sd^2 S_jk / n``: the covariance T. An estimate is a smooth function ``l(m)`` of means, whose
derivatives ``g_k`` and ``H_k`` in C are those of `llcbench.sampling.label_noise`; its own are

``g = sum_k l_k g_k``,  ``H = sum_k l_k H_k + sum_kj l_kj g_k g_j^T``.

They are known at the C of the data set. The gradient without any noise is ``g - H C`` to that
order, and the variance over label noise

``Var l = (g - H C)^T T (g - H C) + tr(H T H T) / 2``,

exact for every quadratic form, which an estimate on a regular model nearly is. The first order
alone, ``g^T T g``, is twice as large there on average: an error bar too long by the factor sqrt(2).
It is what remains where C has more than `PAIRED` entries. The data sets of a sum of losses are
independent, so T has no blocks between them, but H has.

The products of g and H from one half of the chains with those from the other have no bias from
Monte Carlo noise. Where that noise makes the variance negative, the first order is used, and where
that is negative too, its form of the mean derivative, which is never negative and too large on
average.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from llcbench.sampling.label_noise import Derivatives, LabelNoise, flat
from llcbench.types import NoiseSource


def standard_error(
    responses: Sequence[LabelNoise | None],
    gradient: NDArray[np.float64],
    curvature: NDArray[np.float64] | None = None,
) -> float | None:
    """Return the standard error of an estimate from the label noise of its data set.

    To second order in the noise, or to first where the cross moment has more than `PAIRED` entries:
    up to sqrt(2) too large then, for an estimate that is a quadratic form in it.

    Args:
        responses: One per run on the same data set.
        gradient: Derivative of the estimate in the means of the features, ``(runs, k)``.
        curvature: Second derivative, ``(runs k, runs k)``; None where it is 0.

    Returns:
        The error; None without label noise, or where its effect is not known.
    """
    runs: list[list[Derivatives]] = []
    sources: tuple[NoiseSource, ...] = ()
    for response in responses:
        derivatives = response.derivatives() if response is not None else None
        if response is None or derivatives is None:
            return None
        runs.append(derivatives)
        sources = response.sources
    one, two = (combined(half, gradient, curvature) for half in zip(*runs, strict=True))
    variance = second_order(sources, one, two)
    if variance is None or variance <= 0:
        variance = _first_order(sources, one.first, two.first)
    if variance <= 0:
        pooled = [(a + b) / 2 for a, b in zip(one.first, two.first, strict=True)]
        variance = _first_order(sources, pooled, pooled)
    return math.sqrt(variance) if math.isfinite(variance) else None


def combined(
    runs: Sequence[Derivatives],
    gradient: NDArray[np.float64],
    curvature: NDArray[np.float64] | None,
) -> Derivatives:
    """Return the derivatives of a function of the means of all runs, without the axis ``k``."""
    factors = [
        torch.from_numpy(row).to(run.first[0]) for run, row in zip(runs, gradient, strict=True)
    ]
    first = [
        torch.stack(
            [torch.tensordot(row, part, 1) for row, part in zip(factors, parts, strict=True)]
        ).sum(0)
        for parts in zip(*(run.first for run in runs), strict=True)
    ]
    known = [run.second for run in runs if run.second is not None]
    if len(known) < len(runs):
        return Derivatives(first, None)
    second = sum(torch.tensordot(row, part, 1) for row, part in zip(factors, known, strict=True))
    if curvature is not None:
        rows = torch.cat([flat(run.first) for run in runs])
        second = second + rows.mT @ torch.from_numpy(curvature).to(rows) @ rows
    return Derivatives(first, second)


def _first_order(sources: tuple[NoiseSource, ...], one: list[Tensor], two: list[Tensor]) -> float:
    """Return ``g_1^T T g_2``."""
    return sum(
        float((a @ source.second.double() * b).sum()) * source.sd**2 / source.num_data
        for source, a, b in zip(sources, one, two, strict=True)
    )


def second_order(
    sources: tuple[NoiseSource, ...], one: Derivatives, two: Derivatives
) -> float | None:
    """Return the same to second order, None where second derivatives are not known."""
    if one.second is None or two.second is None:
        return None
    cross = flat([source.cross for source in sources]).double()
    covariance: Tensor = torch.block_diag(*map(_covariance, sources))  # type: ignore[no-untyped-call]
    plain_one = flat(one.first) - one.second @ cross
    plain_two = flat(two.first) - two.second @ cross
    curved = (one.second @ covariance * (two.second @ covariance).mT).sum()
    return float(plain_one @ covariance @ plain_two + curved / 2)


def _covariance(source: NoiseSource) -> Tensor:
    """Return the covariance of the entries of C, ``(out in, out in)``."""
    second = source.second.double() * (source.sd**2 / source.num_data)
    return torch.kron(torch.eye(len(source.cross)).to(second), second)
