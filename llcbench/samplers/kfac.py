"""Langevin dynamics with a Kronecker-factored preconditioner for every layer."""

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from llcbench.checks import check_count, check_positive
from llcbench.samplers.hyperparameters import check_hyperparameters
from llcbench.sampling.loss_abilities import moment_form, squared_form
from llcbench.sampling.target import Target
from llcbench.types import Draw, LayerForm, MomentForm

# Factors are decomposed anew after this many steps of adaptation.
REFRESH = 20


class Factors(NamedTuple):
    """Curvature factors of one layer: ``U^T U`` of the outputs and ``V S V^T`` of the inputs."""

    outputs: Tensor
    inputs: Tensor


class LayerPreconditioner(NamedTuple):
    """The preconditioner of one layer in its eigenbasis.

    Attributes:
        left: Eigenvectors of the output factor, ``(H_k, H_k)``.
        right: Eigenvectors of the input factor, ``(H_{k-1}, H_{k-1})``.
        variance: Eigenvalues of the preconditioner, ``(H_k, H_{k-1})``.
    """

    left: Tensor
    right: Tensor
    variance: Tensor


class KFACState(NamedTuple):
    """Parameters, running factors and preconditioner of every layer, steps made so far."""

    theta: Tensor
    factors: list[Factors]
    layers: list[LayerPreconditioner]
    steps: int


@final
@dataclass(frozen=True)
class KFACSGLD:
    """Langevin steps in units of a layer-wise Gauss-Newton curvature.

    ``w' = w - eps/2 P grad U_B(w) + sqrt(eps) P^(1/2) xi``. For the layer ``W_k`` of a linear
    network with U the product of the layers above, V that of the layers below and S the input
    covariance, ``P_k = (2 nbeta scale A (x) B + gamma + damping * largest)^-1`` where A and B are
    means of ``U^T U`` and ``V S V^T``: over draws of the localisation at the start, which errs
    towards small steps, then running means over the chains for ``adapt`` steps. P is constant from
    then on and no divergence term is missing: the chain converges to the target as ``eps -> 0``,
    at first order in ``eps``. The damping bounds the steps along the fibre.

    Attributes:
        step_size: ``eps``, in units of that curvature.
        damping: Added curvature, relative to the largest of the layer.
        adapt: Number of steps in which the factors are averaged; they belong in the burn-in.

    Source: Martens and Grosse 2015 (the factors).
    """

    step_size: float = 0.1
    damping: float = 1e-2
    adapt: int = 400

    def __post_init__(self) -> None:
        check_hyperparameters(
            self, "kfac_sgld", step_size=check_positive, damping=check_positive, adapt=check_count
        )

    @property
    def preconditioned(self) -> bool:
        """The step size alone does not say whether the sampler is stable."""
        return True

    def unsupported(self, target: Target) -> str | None:
        """Return why a target cannot be sampled, None if it can."""
        form = squared_form(target.problem)
        if form is None or not isinstance(form.map, LayerForm):
            return f"kfac_sgld needs a linear network, {target.problem.id} is none"
        return None if target.gamma > 0 else "kfac_sgld needs gamma > 0"

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> KFACState:
        """Average the factors over draws of the localisation, one for every chain."""
        factors = _factors(target.start(rng), target)
        return KFACState(theta, factors, self._layers(factors, target), 0)

    def step(
        self, state: KFACState, target: Target, rng: torch.Generator
    ) -> tuple[KFACState, Draw]:
        """Move all chains; the recorded loss is that of the state before the move."""
        theta, factors, layers, steps = state
        if steps < self.adapt:
            factors = _averaged(factors, _factors(theta, target), steps)
            # Looked at where they are used: a look waits for the device.
            if steps % REFRESH == REFRESH - 1 and _finite(factors):
                layers = self._layers(factors, target)
        views = _network(target).layers
        _, grad, loss = target.potential_and_grad(theta)
        noise = torch.empty_like(theta).normal_(generator=rng)
        for weight, slope, xi, layer in zip(
            views(theta), views(grad), views(noise), layers, strict=True
        ):
            inside = layer.left.mT @ slope @ layer.right
            # Isotropic noise need not be rotated into the eigenbasis.
            move = (-0.5 * self.step_size) * inside * layer.variance
            move += (self.step_size * layer.variance).sqrt() * xi
            weight.add_(layer.left @ move @ layer.right.mT)
        return KFACState(theta, factors, layers, steps + 1), Draw(theta, loss)

    def _layers(self, factors: list[Factors], target: Target) -> list[LayerPreconditioner]:
        scale = _moments(target).scale
        layers = []
        for outputs, inputs in factors:
            left_values, left = torch.linalg.eigh(outputs)
            right_values, right = torch.linalg.eigh(inputs)
            # Rounding makes eigenvalues that are zero slightly negative.
            product = torch.outer(left_values.clamp_min(0), right_values.clamp_min(0))
            curvature = 2 * target.nbeta * scale * product
            total = curvature + target.gamma + self.damping * float(curvature.max())
            layers.append(LayerPreconditioner(left, right, total.reciprocal()))
        return layers


def _finite(factors: list[Factors]) -> bool:
    return all(bool(factor.isfinite().all()) for pair in factors for factor in pair)


def _network(target: Target) -> LayerForm:
    form = squared_form(target.problem)
    assert form is not None
    assert isinstance(form.map, LayerForm)
    return form.map


def _moments(target: Target) -> MomentForm:
    form = moment_form(target.loss)
    assert form is not None
    return form


def _factors(theta: Tensor, target: Target) -> list[Factors]:
    """Return the factors of every layer, averaged over the chains."""
    weights = _network(target).layers(theta)
    second, width = _moments(target).second, weights[0].shape[2]
    second = (
        torch.eye(width, dtype=theta.dtype, device=theta.device) * second
        if isinstance(second, float)
        else second.to(theta.dtype)
    )
    inputs = [second.expand(theta.shape[0], width, width)]
    for weight in weights[:-1]:
        inputs.append(weight @ inputs[-1] @ weight.mT)
    last = weights[-1].shape[1]
    outputs = [
        torch.eye(last, dtype=theta.dtype, device=theta.device).expand(theta.shape[0], last, last)
    ]
    for weight in reversed(weights[1:]):
        outputs.append(weight.mT @ outputs[-1] @ weight)
    pairs = zip(reversed(outputs), inputs, strict=True)
    return [Factors(a.mean(0), b.mean(0)) for a, b in pairs]


def _averaged(old: list[Factors], new: list[Factors], steps: int) -> list[Factors]:
    """Return running means that forget the start: the gain falls from 1/2 to 1/50."""
    gain = max(1.0 / (steps + 2), 0.02)
    pairs = zip(old, new, strict=True)
    return [Factors(*(torch.lerp(a, b, gain) for a, b in zip(o, n, strict=True))) for o, n in pairs]
