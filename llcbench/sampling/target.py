"""The tempered, localised posterior that samplers see."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, final

import torch
from torch import Tensor

from llcbench.checks import check_count, check_non_negative, check_positive
from llcbench.sampling import loss_abilities
from llcbench.sampling.devices import resolved
from llcbench.sampling.moments import BatchPair, LayerMoments, gradient_noise, moments
from llcbench.types import (
    Budget,
    BudgetExceeded,
    LayerGradient,
    Loss,
    Matmul,
    Minibatches,
    Problem,
    Sampler,
    VirialMoments,
    Visit,
)


@final
@dataclass(eq=False)
class Target:
    """The density ``exp(-nbeta L(w) - gamma/2 |w - w_star|^2)`` for all chains at once.

    The target owns the data, draws the minibatches (independent for every chain), counts gradients
    and enforces the budget; samplers only move. Every loss is the excess over the loss at
    ``w_star`` on the same batch, so a batch with unlucky labels shifts both and cancels.

    Attributes:
        problem: The loss with its reference point.
        nbeta: Number of samples times inverse temperature, positive.
        gamma: Localisation strength, at least 0.
        data: Data set from ``problem.sample_data``; None for the population loss.
        batch_size: Samples in a minibatch; None for the full data set or the population.
        num_chains: Rows of every parameter tensor.
        dtype: Precision of the parameters.
        budget: Limits on gradients and seconds.
        control_variate: Use ``grad L_B(w) - grad L_B(w_star) + grad L_n(w_star)`` on minibatches:
            the same mean, no noise at ``w_star``, twice the cost.
        tabulate: Take the gradients at ``w_star`` from a table where the loss has one
            (`types.ReferenceGradient`): the control variate then costs no gradient.
        matmul: ``bfloat16`` rounds the factors of the matrix products that make the gradient of a
            squared loss; the loss itself and the updates stay in full precision.
        device: Device of parameters and data, by its name in torch, or ``auto``; the generators
            must be there too.
        bound: The loss with its data, ``problem.bind(data, dtype)``, for several targets on the
            same data, so that quantities of the data are computed once. None to bind it here.
        grad_evals: Gradients of the steps so far, summed over chains: what the budget limits.
        sample_grads: The same times samples per gradient.
        recorded_grads: Gradients evaluated for the records alone, in no budget: pairs of half
            batches, as one gradient, and those of samplers that move without one.
        recording: Whether gradients that are asked for leave their moments behind.
        moments: Those of the last gradient that was asked for while recording.
    """

    problem: Problem
    nbeta: float
    gamma: float
    num_chains: int
    data: Any = None
    batch_size: int | None = None
    dtype: torch.dtype = torch.float64
    budget: Budget = field(default_factory=Budget)
    control_variate: bool = False
    matmul: Matmul = "full"
    device: str = "cpu"
    bound: Loss | None = None
    tabulate: bool = False
    grad_evals: int = field(default=0, init=False)
    sample_grads: int = field(default=0, init=False)
    recorded_grads: int = field(default=0, init=False)
    recording: bool = field(default=False, init=False)
    moments: VirialMoments | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.nbeta = check_positive("target", "nbeta", self.nbeta)
        self.gamma = check_non_negative("target", "gamma", self.gamma)
        self.num_chains = check_count("target", "num_chains", self.num_chains, least=1)
        if self.batch_size is not None:
            self.batch_size = check_count("target", "batch_size", self.batch_size, least=1)
            if self.data is None:
                raise ValueError(
                    f"batch_size={self.batch_size} given, but {self.problem.id} uses the population"
                    " loss and has no minibatches; add /n<samples> to the id or drop batch_size"
                )
        self.device = resolved(self.device)
        if self.control_variate and self.batch_size is None:
            raise ValueError(
                "gradient='control_variate' removes the noise of minibatches, and there are none;"
                " set batch_size or drop it"
            )
        self.dim = self.problem.dim
        self.w_star = self.problem.w_star().to(self.device, self.dtype)
        self.loss = self._bound()
        self._buffered = loss_abilities.buffered(self.loss)
        self._layerwise = loss_abilities.layerwise(self.loss)
        self.batch: Any = None
        self._slope: Tensor | None = None
        self._table: Callable[[Any], Tensor] | None = None
        if self.control_variate and self.tabulate:
            self._table = loss_abilities.gradient_at(self.loss, self.w_star)
        self._grad: Tensor | None = None
        self._started = time.monotonic()

    @cached_property
    def feed(self) -> Minibatches:
        """Source of the batches."""
        return loss_abilities.minibatches(self.loss, self.num_chains, self.batch_size)

    def next_batch(self, rng: torch.Generator) -> None:
        """Draw a fresh minibatch for every chain; a full batch is drawn once and kept.

        A minibatch may overwrite the previous one.
        """
        if self.batch is None or self.batch_size is not None:
            self.batch = self.feed.next(rng)

    def loss_and_grad(self, theta: Tensor, *, reuse: bool = False) -> tuple[Tensor, Tensor]:
        """Return excess loss ``(chains,)`` and its gradient ``(chains, dim)`` on the current batch.

        Args:
            theta: Parameters, ``(chains, dim)``.
            reuse: Return a gradient that the next call with ``reuse`` overwrites: for samplers that
                no longer need it by then and move theta in place, so that a step allocates no array
                of the size of the parameters.

        Raises:
            BudgetExceeded: If the gradients or the seconds are used up.
        """
        self.charge(theta.shape[0])
        if reuse and self._buffered is not None:
            grad = self._buffer(theta)
            loss = self._buffered.excess_and_grad_into(theta, self.batch, grad)
        else:
            loss, grad = self.loss.excess_and_grad(theta, self.batch)
        if self.control_variate:
            grad.sub_(self._noise())
        if self.recording:
            self.moments = moments(theta, self.w_star, grad, loss)
        return loss, grad

    @property
    def tabulated(self) -> bool:
        """Whether gradients at ``w_star`` are read from a table and cost nothing."""
        return self._table is not None

    @property
    def num_parts(self) -> int:
        """Number of layers in which `loss_and_visit` hands out the gradient; 0 if it cannot."""
        if self.control_variate or self._layerwise is None:
            return 0
        return self._layerwise.num_parts(self.batch)

    def loss_and_visit(self, theta: Tensor, visit: Visit) -> Tensor:
        """Return the excess loss, and hand out its gradient layer by layer; see `num_parts`.

        The true outputs that a batch knows are written over. ``batch`` goes on without them; one
        that was taken from it before must not be used again.

        Args:
            theta: Parameters, ``(chains, dim)``.
            visit: Called with the gradient of each layer, last layer first, and may move the
                layer at once; nothing of the size of the parameters is allocated.

        Raises:
            BudgetExceeded: If the gradients or the seconds are used up.
            ValueError: If `num_parts` is 0.
        """
        if self.num_parts == 0 or self._layerwise is None:
            raise ValueError(
                f"{self.problem.id}: the gradient on this batch cannot be had layer by layer;"
                " call loss_and_grad where num_parts is 0"
            )
        self.charge(theta.shape[0])
        batch, self.batch = self.batch, self._layerwise.spent(self.batch)
        if not self.recording:
            return self._layerwise.excess_and_visit(theta, batch, visit)
        sums = LayerMoments(theta, self.w_star)

        def recorded(gradient: LayerGradient) -> None:
            sums.add(gradient)
            visit(gradient)

        loss = self._layerwise.excess_and_visit(theta, batch, recorded)
        self.moments = sums.total(loss)
        return loss

    def potential_and_grad(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return potential, potential gradient and excess loss on the current batch.

        The potential is ``nbeta (L(w) - L(w_star)) + gamma/2 |w - w_star|^2``.
        """
        loss, grad = self.loss_and_grad(theta)
        offset = theta - self.w_star
        grad.mul_(self.nbeta).add_(offset, alpha=self.gamma)
        return self._potential(loss, offset), grad, loss

    def energy(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Return potential and excess loss, ``(chains,)`` each, without a gradient."""
        loss = self.loss.excess(theta, self.batch)
        return self._potential(loss, theta - self.w_star), loss

    def gradient_noise(self, theta: Tensor, one: Any, two: Any) -> BatchPair:
        """Return what two half batches say about the noise of the gradient in use."""
        costs = 2 if self.control_variate and not self.tabulated else 1
        self.recorded_grads += costs * self.num_chains
        if not self.control_variate:
            return gradient_noise(self.loss, theta, one, two)
        (first, grad), (second, other) = (
            self.loss.excess_and_grad(theta, batch) for batch in (one, two)
        )
        for slope, batch in ((grad, one), (other, two)):
            slope.sub_(self._at_star(batch))
        noise: Tensor = torch.linalg.vector_norm(grad.sub_(other), dim=1).double().square() / 2
        return BatchPair(first, second, noise)

    def kinetic(self, momentum: Tensor, *, variance: float = 1.0) -> Tensor | None:
        """Return the mean square of a momentum over its stationary variance, while recording.

        Args:
            momentum: Momentum or velocity, ``(chains, dim)``.
            variance: Its stationary variance in every coordinate.
        """
        if not self.recording:
            return None
        length: Tensor = torch.linalg.vector_norm(momentum, dim=1).double()
        return length.square() / (variance * self.dim)

    def start(self, rng: torch.Generator | None = None) -> Tensor:
        """Return all chains at ``w_star``, or with a generator at draws of the localisation.

        Raises:
            ValueError: If draws are asked for and ``gamma`` is 0.
        """
        theta = self.w_star.expand(self.num_chains, self.dim).clone()
        if rng is None:
            return theta
        if self.gamma == 0:
            raise ValueError("a start at draws of the localisation needs gamma > 0")
        noise = torch.empty_like(theta).normal_(generator=rng)
        return theta.add_(noise, alpha=self.gamma**-0.5)

    def prepare(self, steps: int) -> None:
        """Tell the loss that a run of so many steps begins."""
        loss_abilities.prepare(self.loss, self.num_chains, self.batch_size, steps)

    def release(self) -> None:
        """Release the buffers of the last step: at 100 million parameters they are a gigabyte."""
        self._grad = None
        loss_abilities.release(self.loss)

    def _bound(self) -> Loss:
        """Return the loss with its data where the parameters are."""
        loss = self.bound or self.problem.bind(self.data, self.dtype)
        precision = loss_abilities.dtype_of(loss)
        if precision not in (None, self.dtype):
            raise ValueError(
                f"bound is a loss in {precision}, and dtype={self.dtype}; bind it in that precision"
            )
        try:
            return loss_abilities.placed(loss, self.device, self.matmul)
        except ValueError as error:
            raise ValueError(f"{self.problem.id}: {error}") from None

    def _buffer(self, theta: Tensor) -> Tensor:
        """Return the gradient that is written again and again."""
        if self._grad is None or self._grad.shape != theta.shape:
            # One that is made in inference mode could not be written to outside of it.
            with torch.inference_mode(False):
                self._grad = torch.empty(theta.shape, dtype=theta.dtype, device=theta.device)
        return self._grad

    def _noise(self) -> Tensor:
        """Return the noise of the minibatch gradient at ``w_star``, ``(chains, dim)``."""
        if self._slope is None:
            full = self.loss.draw(1, None, torch.Generator(self.device))
            self._slope = self.loss.excess_and_grad(self.w_star.unsqueeze(0), full)[1]
        if self._table is None:
            self.charge(self.num_chains)
        return self._at_star(self.batch).sub_(self._slope)

    def _at_star(self, batch: Any) -> Tensor:
        """Return the gradient of every chain's minibatch at ``w_star``, ``(chains, dim)``."""
        if self._table is not None:
            return self._table(batch)
        rows = self.w_star.expand(self.num_chains, self.dim)
        return self.loss.excess_and_grad(rows, batch)[1]

    def _potential(self, loss: Tensor, offset: Tensor) -> Tensor:
        return self.nbeta * loss + (0.5 * self.gamma) * offset.square().sum(1)

    def charge(self, chains: int) -> None:
        """Count the gradients of a number of chains, also those evaluated elsewhere.

        Raises:
            BudgetExceeded: If the gradients or the seconds are used up.
        """
        limit = self.budget.grad_evals
        if limit is not None and self.grad_evals + chains > limit:
            raise BudgetExceeded(f"budget of {limit} gradient evaluations is used up")
        if self.budget.seconds is not None:
            elapsed = time.monotonic() - self._started
            if elapsed > self.budget.seconds:
                raise BudgetExceeded(f"time budget of {self.budget.seconds:g} s is used up")
        self.grad_evals += chains
        size = self.batch_size or self.problem.num_data or 1
        self.sample_grads += chains * size


# A kernel whose state is its own affair: what loops and estimators are given.
AnySampler = Sampler[Any, Target]
