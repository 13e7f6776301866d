"""Linear networks with a softmax output."""

from dataclasses import dataclass
from itertools import pairwise, product
from typing import final

import numpy as np
import torch
from torch import Tensor

from llcbench.problems.models.assemble import check_size, model_problem
from llcbench.problems.models.likelihood import Array, Likelihood
from theory.combine import equivalent
from theory.families import softmax_linear


@final
@dataclass(frozen=True)
class SoftmaxNetwork:
    """``p(y | x) = softmax(W_L ... W_1 x)_y``, inputs fair signs.

    An observation is the input and the class.

    Attributes:
        widths: Input first, classes last.
        rank: Rank of the true centred map; the reference point is balanced.
    """

    widths: tuple[int, ...]
    rank: int

    @property
    def dim(self) -> int:
        """Entries of all layers."""
        return sum(a * b for a, b in pairwise(self.widths))

    def point(self) -> Array:
        """Return layers that pass ``rank`` coordinates on; the last one reads them in contrasts."""
        layers = [np.zeros((b, a)) for a, b in pairwise(self.widths)]
        for k in range(self.rank):
            for layer in layers:
                layer[k, k] = 1.0
            # A contrast of two classes has no mean, so centring keeps it.
            layers[-1][k + 1, k] = -1.0
        return np.concatenate([layer.ravel() for layer in layers])

    def logits(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return ``W_L ... W_1 x``, ``(chains, batch, classes)``."""
        used = 0
        for a, b in pairwise(self.widths):
            layer = theta[:, used : used + a * b].reshape(-1, b, a)
            x, used = x @ layer.mT, used + a * b
        return x

    def log_density(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the log probability of the class, the last column of x."""
        logs = torch.log_softmax(self.logits(theta, x[..., :-1]), dim=2)
        label = x[..., -1:].long().expand(logs.shape[0], -1, -1)
        return logs.gather(2, label).squeeze(2)

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Return all inputs and classes with their true probabilities."""
        inputs = torch.tensor(list(product((-1.0, 1.0), repeat=self.widths[0])))
        classes = torch.arange(self.widths[-1], dtype=torch.float64)
        x = inputs.double().repeat_interleave(len(classes), 0)
        rows = torch.cat([x, classes.repeat(len(inputs))[:, None]], dim=1)
        reference = torch.from_numpy(self.point()).unsqueeze(0)
        weights = self.log_density(reference, rows.unsqueeze(0))[0].exp()
        return rows, weights / weights.sum()

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw inputs and classes."""
        rows, weights = self.nodes()
        return rows[torch.multinomial(weights, count, replacement=True, generator=rng)]


def _softmax(identifier: str, widths: str, rank: int) -> Likelihood:
    sizes = tuple(int(part) for part in widths.split("-"))
    check_size(identifier, max(sizes), 1, 8)
    softmax_linear(sizes, rank)
    model = SoftmaxNetwork(sizes, rank)
    return model_problem(
        identifier, model,
        lambda: equivalent(
            softmax_linear(sizes, rank),
            "all partial products have the rank of the centred map: a balanced point",
        ),
        "attained at balanced points, as here",
        f"p(y | x) = softmax({' '.join(f'W_{k}' for k in range(len(sizes) - 1, 0, -1))} x)_y,"
        f" widths {widths}, centred rank {rank}",
        "The mean of the logits is not seen: a flat direction for every column of the last layer.",
        point=model.point(),
    )  # fmt: skip


MAKERS = {r"softmax-(\d+(?:-\d+)+)-r(\d+)": _softmax}
NAMED = ("softmax-2-1-3-r0", "softmax-2-2-2-r0", "softmax-2-2-3-r1")
