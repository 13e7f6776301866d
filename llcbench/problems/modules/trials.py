"""The loss of a module tried out on some of its data, before chains are run on it."""

from typing import Protocol

import torch
from torch import Tensor, nn

from llcbench.problems.modules.loss import ModuleLoss
from llcbench.problems.modules.sample_loss import per_sample, widened
from llcbench.problems.modules.user_code import OwnCodeError
from llcbench.sampling.surroundings import neutral

# Samples that are tried, fewer where the network is large: parameters times samples.
TRIED, LEAST, COST = 48, 6, 2**24
# Largest change of the loss of a sample with those beside it, relative to a typical excess.
TOLERANCE = 1e-3
# A typical move of a weight, relative to the size of its tensor; then the step of a difference
# quotient relative to it, its tolerance and the round-off of a loss, each in double and in single.
MOVE = 1e-2
STEP = {torch.float64: 1e-3, torch.float32: 0.3}
AGREE = {torch.float64: 0.05, torch.float32: 0.3}
ROUND_OFF = {torch.float64: 1e-13, torch.float32: 1e-5}
# At a minimum the slope in the outputs is at most this share of that beside it.
FLAT = 1e-2


class Tried(Protocol):
    """What is tried out."""

    @property
    def module(self) -> nn.Module:
        """The network at ``w_star``."""

    @property
    def num_data(self) -> int:
        """Number of samples."""

    @property
    def dim(self) -> int:
        """Number of parameters that move."""

    @property
    def losses(self) -> Tensor | None:
        """Losses of all samples at ``w_star``, if they are known."""

    def w_star(self) -> Tensor:
        """Return the parameters that move."""

    def bind(self, data: None, dtype: torch.dtype) -> ModuleLoss:
        """Return the loss in a precision."""


def examine(problem: Tried, native: torch.dtype) -> Tensor | None:
    """Return the losses of all samples at ``w_star``, if the loss is one that chains can use.

    The losses of some samples have to be finite, the same twice, the same whatever samples are
    beside them, also at other weights; the module must not change, and the gradient has to be the
    derivative. None where losses of all samples take long: chains compute those that they need.

    Raises:
        OwnCodeError: If the loss is anything else.
    """
    with neutral(), torch.random.fork_rng(devices=[]):
        rows = some_rows(problem)
        loss = problem.bind(None, native)
        star = loss.named(problem.w_star().to(native))
        before = _state(loss.module) | {name: value.clone() for name, value in star.items()}
        with torch.no_grad():
            losses = loss.losses(star, rows)
        _unchanged(before, _state(loss.module) | star)
        _same_twice(loss, star, rows, losses)
        exact, precision = _best(problem, rows), torch.float64
        if exact is None:
            exact, precision = loss, native
        point = _beside(exact.named(problem.w_star().to(precision)))
        moved = {name: value.clone() for name, value in point.items()}
        _unmixed(exact, point, rows, precision)
        _unchanged(moved, point)
        _derivative(exact, point, rows, precision)
        return loss.reference.clone() if loss.few else None


def some_rows(problem: Tried) -> Tensor:
    """Return numbers of samples that are spread over the data."""
    total = sum(w.numel() for w in problem.module.parameters())
    count = min(problem.num_data, max(LEAST, min(TRIED, COST // max(total, 1))))
    return torch.arange(count) * (problem.num_data - 1) // max(count - 1, 1)


def takes_double(loss: ModuleLoss) -> bool:
    """Return whether the loss function takes outputs in double precision.

    One with constants in single precision may not; it gets the outputs as they are.
    """
    with neutral(), torch.no_grad(), torch.random.fork_rng(devices=[]):
        rows = torch.arange(min(2, loss.num_data))
        try:
            loss.losses({}, rows)
        except OwnCodeError:
            return False
        return True


def change(old: Tried, new: Tried, native: torch.dtype) -> str:
    """Return by how much other labels change the loss at ``w_star``, as a sentence."""
    rows = some_rows(old)
    with torch.no_grad():
        all_known = old.losses is not None and new.losses is not None
        before, after = (
            (
                problem.losses
                if all_known and problem.losses is not None
                else problem.bind(None, native).losses({}, rows)
            )
            .mean()
            .item()
            for problem in (old, new)
        )
    return (
        "labels are those of the network: the mean loss at w_star changes by"
        f" {after - before:.3g}, from {before:.3g} to {after:.3g}"
    )


def minimal(problem: Tried, native: torch.dtype, rows: Tensor) -> None:
    """Check that labels are those at which the loss of every sample is smallest.

    The slope of the loss in the outputs is 0 there, compared with that beside them.

    Raises:
        OwnCodeError: If it is not.
    """
    with neutral(), torch.random.fork_rng(devices=[]), torch.enable_grad():
        loss = problem.bind(None, native)
        outputs, targets = loss.outputs({}, loss.take(rows))
        if not isinstance(outputs, Tensor):
            _flat(loss, problem, rows, native)
            return
        outputs = outputs.detach().double()
        noise = torch.randn(outputs.shape, generator=_rng(), dtype=outputs.dtype)
        slopes = []
        for shift in (0.0, 0.1 * (float(outputs.std()) or 1.0)):
            leaf = (outputs + shift * noise).requires_grad_()
            if loss.wide is None:
                losses = per_sample(loss.loss, leaf.to(native), targets)
            else:
                losses = per_sample(loss.wide, leaf, widened(targets))
            (slope,) = torch.autograd.grad(losses.double().sum(), leaf)
            slopes.append(float(slope.norm()))
    _check_flat(slopes[0], slopes[1], "in the outputs")


def _flat(loss: ModuleLoss, problem: Tried, rows: Tensor, native: torch.dtype) -> None:
    """Check the same by the slope in the parameters, where outputs are no tensor."""
    star = loss.named(problem.w_star().to(native))
    slopes = []
    for point in (star, _beside(star)):
        named = {name: value.clone().requires_grad_() for name, value in point.items()}
        parts = loss.slopes(loss.losses(named, rows).mean(), named)
        slopes.append(float(torch.cat([part.reshape(-1) for part in parts]).norm()))
    _check_flat(slopes[0], slopes[1], "in the parameters")


def _check_flat(slope: float, beside: float, where: str) -> None:
    if not slope <= FLAT * beside:
        raise OwnCodeError(
            f"realised: w_star is no minimum for the labels that link makes (slope {slope:.2g}"
            f" {where}, {beside:.2g} beside them); link is the identity for a squared"
            " loss and softmax for a cross entropy of logits"
        )


def _best(problem: Tried, rows: Tensor) -> ModuleLoss | None:
    """Return the loss in double precision, None if the module cannot be evaluated in it."""
    exact = problem.bind(None, torch.float64)
    try:
        with torch.no_grad():
            exact.losses({}, rows)
    except OwnCodeError:
        return None
    return exact


def _same_twice(loss: ModuleLoss, named: dict[str, Tensor], rows: Tensor, losses: Tensor) -> None:
    """Check that losses are finite and the same once more, and once more."""
    with torch.no_grad():
        again = [loss.losses(named, rows) for _ in range(2)]
    if not bool(losses.isfinite().all()):
        first = int(rows[~losses.isfinite()][0])
        raise OwnCodeError(
            f"the loss at w_star is not finite, for example for sample {first}: look at its input"
            " and target"
        )
    if not all(torch.equal(losses, other) for other in again):
        raise OwnCodeError(
            "the loss is not the same twice: the module or the loss is random even in eval(), or"
            " changes with every call; dropout has to be an nn.Dropout, or to ask self.training,"
            " and transforms of a data set have to be deterministic"
        )


def _unmixed(
    loss: ModuleLoss, point: dict[str, Tensor], rows: Tensor, precision: torch.dtype
) -> None:
    """Check that the loss of a sample does not depend on the others, nor on its place."""
    order = torch.randperm(len(rows), generator=_rng())
    first = max(1, len(rows) // 3)
    pieces = torch.split(rows[order], [first, len(rows) - first])
    with torch.no_grad():
        star = loss.losses({}, rows)
        whole = loss.losses(point, rows)
        try:
            parts = [loss.losses(point, part) for part in pieces]
        except OwnCodeError as error:
            raise OwnCodeError(
                f"the module takes {len(rows)} samples at once and not {first}: samples must not"
                f" mix ({error})"
            ) from error
    apart = torch.empty_like(whole)
    apart[order] = torch.cat(parts)
    if not bool(whole.isfinite().all()):
        return  # a point beside w_star where the loss overflows; chains say so
    _same_twice(loss, point, rows, whole)
    typical = float((whole - star).abs().mean())
    noise = ROUND_OFF[precision] * float(whole.abs().max())
    change = float((whole - apart).abs().max())
    if change > TOLERANCE * typical + 10 * noise:
        raise OwnCodeError(
            f"the loss of a sample changes by {change:.2g} with the other samples in its batch"
            f" (a typical excess is {typical:.2g}): samples must not mix{_suspect(loss.module)}"
        )


def _suspect(module: nn.Module) -> str:
    """Return a guess at the layer that mixes samples."""
    for name, part in module.named_modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.running_mean is None:
            return f"; {name} keeps no running statistics: track_running_stats=True"
        if isinstance(part, nn.RNNBase | nn.MultiheadAttention) and not part.batch_first:
            return f"; {name} takes the second axis for the samples: batch_first=True"
        if part.training:
            return f"; {name or 'the module'} stays in training mode after eval()"
    return ""


def _unchanged(before: dict[str, Tensor], after: dict[str, Tensor]) -> None:
    """Check that parameters and buffers are what they were."""
    for name, old in before.items():
        new = after[name]
        if not torch.equal(old, new) and not bool((old != old).any()):
            raise OwnCodeError(
                f"forward changes {name} even in eval(): the loss would depend on what was"
                " evaluated before; do not write to parameters and buffers there"
            )


def _derivative(
    loss: ModuleLoss, point: dict[str, Tensor], rows: Tensor, precision: torch.dtype
) -> None:
    """Compare the gradient with difference quotients, in its own and in a random direction."""
    with torch.enable_grad():
        leaves = {name: value.detach().clone().requires_grad_() for name, value in point.items()}
        value = loss.losses(leaves, rows).mean()
        slopes = dict(zip(leaves, loss.slopes(value, leaves), strict=True))
    size = float(value.detach().abs())
    if not all(bool(slope.isfinite().all()) for slope in slopes.values()):
        return
    rng = _rng(1)
    sizes = {name: _size(w) for name, w in point.items()}
    random = {
        name: sizes[name] * torch.randn(w.shape, generator=rng, dtype=w.dtype)
        for name, w in point.items()
    }
    own = {
        name: sizes[name] * len(slope.view(-1)) ** 0.5 * slope / (slope.norm() + 1e-300)
        for name, slope in slopes.items()
    }
    step = STEP[precision]
    for direction in (random, own):
        ends = []
        with torch.no_grad():
            for sign in (step, -step):
                shifted = {name: w + sign * direction[name] for name, w in point.items()}
                ends.append(float(loss.losses(shifted, rows).mean()))
        quotient = (ends[0] - ends[1]) / (2 * step)
        each = [float((slopes[name] * direction[name]).sum()) for name in slopes]
        reach = max(sum(abs(part) for part in each), abs(quotient))
        noise = 10 * ROUND_OFF[precision] * (size + 1e-30) / step
        if abs(quotient - sum(each)) > AGREE[precision] * reach + noise:
            raise OwnCodeError(
                f"the gradient is not the derivative of the loss: {sum(each):.3g} along a direction"
                f" in which the loss changes by {quotient:.3g}; look for detach(), no_grad(),"
                " rounding, hooks on gradients, own backward functions and checkpointing of"
                " activations"
            )


def _beside(star: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a point as far from ``w_star`` as chains would be."""
    rng = _rng(2)
    return {
        name: w + _size(w) * torch.randn(w.shape, generator=rng, dtype=w.dtype)
        for name, w in star.items()
    }


def _size(value: Tensor) -> float:
    """Return a typical move of an entry."""
    rms = float(value.double().square().mean().sqrt()) if value.numel() else 0.0
    return MOVE * max(rms, MOVE)


def _state(module: nn.Module) -> dict[str, Tensor]:
    tensors = [*module.named_parameters(), *module.named_buffers()]
    return {name: value.detach().clone() for name, value in tensors}


def _rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
