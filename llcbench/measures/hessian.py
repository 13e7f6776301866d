"""The Hessian of a module's loss: products with vectors, extreme eigenvalues, trace."""

import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from llcbench.measures.measured_value import MeasuredValue
from llcbench.problems.modules.loss import ModuleLoss
from llcbench.problems.modules.reference import CHUNK
from llcbench.problems.modules.sample_loss import per_sample

# A direction that is left of a random vector below this share of it is round-off.
ROUND_OFF = 1e-10


@final
@dataclass(frozen=True, eq=False)
class Hessian:
    """The second derivative of the mean loss over some samples, as a linear map.

    ``H v = d/dw (v . d L(w) / dw)``, by two backward passes; nothing of size ``dim^2`` is made. At
    a kink of the network, such as that of ReLU, it is that of the smooth branch.

    Attributes:
        loss: The loss with its data, ``problem.bind(None, dtype)``; in double precision where
            small eigenvalues matter.
        point: Where, ``(dim,)``.
        numbers: Of the samples, ``(m,)``; None for all of them.
    """

    loss: ModuleLoss
    point: Tensor
    numbers: Tensor | None = None

    def __post_init__(self) -> None:
        sizes = sum(shape.numel() for shape in self.loss.shapes.values())
        if self.point.shape != (sizes,):
            raise ValueError(
                f"the point has the shape {tuple(self.point.shape)}, the loss {sizes} parameters"
            )
        if not bool(self.point.isfinite().all()):
            raise ValueError("the point is not finite: the training has diverged")
        if self.numbers is not None and len(self.numbers) == 0:
            raise ValueError("no samples are left: numbers is empty")

    @property
    def dim(self) -> int:
        """Number of rows and columns."""
        return len(self.point)

    def __matmul__(self, vector: Tensor) -> Tensor:
        """Return ``H v``, ``(dim,)``."""
        numbers = torch.arange(self.loss.num_data) if self.numbers is None else self.numbers
        product = torch.zeros_like(self.point)
        for rows in torch.split(numbers, CHUNK):
            product += len(rows) / len(numbers) * self._product(rows, vector)
        return product

    def _product(self, rows: Tensor, vector: Tensor) -> Tensor:
        # The fused kernels of attention have no second derivative.
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
            point = self.point.detach().clone().requires_grad_()
            parts = torch.split(point, [shape.numel() for shape in self.loss.shapes.values()])
            named = {
                name: part.view(shape)
                for (name, shape), part in zip(self.loss.shapes.items(), parts, strict=True)
            }
            outputs, targets = self.loss.outputs(named, self.loss.take(rows))
            losses = per_sample(self.loss.loss, outputs, targets, len(rows))
            (slope,) = torch.autograd.grad(losses.mean(), point, create_graph=True)
            if not slope.requires_grad:
                return torch.zeros_like(self.point)
            (product,) = torch.autograd.grad(slope, point, vector.to(point), materialize_grads=True)
        return product.detach()


@final
@dataclass(frozen=True)
class Extremes:
    """The ends of a spectrum.

    Attributes:
        largest: Largest eigenvalue.
        smallest: Smallest one, negative at a saddle.
        residual_largest: ``|H u - value u|``: some eigenvalue is as near to `largest`.
        residual_smallest: The same for `smallest`.
        products: Products with vectors that were made.
        converged: Whether both residuals are below the tolerance.
    """

    largest: float
    smallest: float
    residual_largest: float
    residual_smallest: float
    products: int
    converged: bool


def extreme_eigenvalues(
    hessian: Hessian, rng: torch.Generator, *, tolerance: float = 1e-4, products: int = 100
) -> Extremes:
    """Return both ends of the spectrum by the Lanczos iteration, orthogonalised in full.

    It stops when both residuals are below ``tolerance`` times the largest of the two eigenvalues
    in size. The ends of the Krylov space lie inside of the spectrum: an unconverged `largest` is
    too small. The vectors of all iterations are kept, ``products x dim`` numbers.

    Args:
        hessian: The map.
        rng: Source of the first vector.
        tolerance: Of the residuals, relative; positive.
        products: Most products, at least 2 or the dimension.

    Raises:
        ValueError: If the limits are not admissible or a product is not finite.

    Source: Lanczos 1950; the residual bound is in Parlett, *The Symmetric Eigenvalue Problem*.
    """
    if not tolerance > 0 or products < min(2, hessian.dim):
        raise ValueError(f"need tolerance > 0 and products >= 2, got {tolerance}, {products}")
    vector = torch.randn(hessian.dim, generator=rng, dtype=hessian.point.dtype)
    basis = (vector / vector.norm()).unsqueeze(0)
    diagonal: list[float] = []
    beside: list[float] = []
    extremes = Extremes(math.nan, math.nan, math.nan, math.nan, 0, False)
    while not extremes.converged and len(diagonal) < min(products, hessian.dim):
        image = hessian @ basis[-1]
        size = float(image.norm())
        if not math.isfinite(size):
            raise ValueError("a product with the Hessian is not finite")
        diagonal.append(float(image @ basis[-1]))
        # Twice is enough: the second pass removes what round-off left.
        for _ in range(2):
            image = image - basis.T @ (basis @ image)
        rest = float(image.norm())
        extremes = _ends(diagonal, beside, rest, tolerance)
        if rest <= ROUND_OFF * size:
            break
        beside.append(rest)
        basis = torch.cat([basis, (image / rest).unsqueeze(0)])
    return extremes


def trace(hessian: Hessian, rng: torch.Generator, *, probes: int = 32) -> MeasuredValue:
    """Return the trace by random signs: the mean of ``v . H v``, with its standard error.

    Args:
        hessian: The map.
        rng: Source of the signs.
        probes: Number of them, at least 2.

    Raises:
        ValueError: If there are fewer.

    Source: Hutchinson 1989.
    """
    if probes < 2:
        raise ValueError(f"probes={probes}: at least 2 are needed for a standard error")
    values = torch.empty(probes, dtype=torch.float64)
    for probe in range(probes):
        signs = 2 * torch.randint(2, (hessian.dim,), generator=rng) - 1
        vector = signs.to(hessian.point.dtype)
        values[probe] = vector @ (hessian @ vector)
    return MeasuredValue(float(values.mean()), float(values.std()) / math.sqrt(probes))


def dense(hessian: Hessian) -> Tensor:
    """Return all entries, ``(dim, dim)``: one product a column, for small networks."""
    identity = torch.eye(hessian.dim, dtype=hessian.point.dtype)
    return torch.stack([hessian @ column for column in identity], dim=1)


def _ends(diagonal: list[float], beside: list[float], rest: float, tolerance: float) -> Extremes:
    """Return the ends of the tridiagonal matrix, with the residuals of its eigenvectors."""
    matrix = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
    if beside:
        edge = torch.tensor(beside, dtype=torch.float64)
        matrix = matrix + torch.diag(edge, 1) + torch.diag(edge, -1)
    values, vectors = torch.linalg.eigh(matrix)
    residuals = rest * vectors[-1].abs()
    low, high = float(residuals[0]), float(residuals[-1])
    scale = float(values.abs().max())
    converged = max(low, high) <= tolerance * scale
    return Extremes(float(values[-1]), float(values[0]), high, low, len(diagonal), converged)
