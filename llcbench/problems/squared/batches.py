"""Data of a squared loss: a population, a whole data set, or a minibatch for each chain."""

from typing import NamedTuple

from torch import Tensor


class Population(NamedTuple):
    """Independent inputs of one variance and no noise: a single number.

    Attributes:
        second: Variance of an input.
    """

    second: float


class Moments(NamedTuple):
    """The moments of a full data set, all that a squared loss needs.

    Attributes:
        second: Mean of ``x x^T``, ``(in, in)``.
        cross: Mean of ``noise x^T``, ``(out, in)``.
        noise: Mean of ``|noise|^2``, a scalar.
    """

    second: Tensor
    cross: Tensor
    noise: Tensor


class ChainMoments(NamedTuple):
    """One minibatch per chain, reduced to its moments.

    Attributes:
        second: ``scale`` times the means of ``x x^T``, ``(chains, in, in)``.
        cross: ``scale`` times the means of ``noise x^T``, ``(chains, out, in)``.
        star: Losses at ``w_star`` on the minibatches, ``(chains,)``.
    """

    second: Tensor
    cross: Tensor
    star: Tensor


class Samples(NamedTuple):
    """One minibatch per chain, sample by sample.

    Attributes:
        inputs: ``(chains, batch, in)``.
        noise: ``(chains, batch, out)``; None where labels carry no noise.
        outputs: ``M(w_star) x``, ``(chains, batch, out)``, where it is known.
        star: Losses at ``w_star`` on the minibatches, ``(chains,)``, where they are known.
    """

    inputs: Tensor
    noise: Tensor | None
    outputs: Tensor | None = None
    star: Tensor | None = None
