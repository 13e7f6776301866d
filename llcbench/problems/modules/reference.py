"""Losses of samples at the reference point, each computed once."""

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor

from llcbench.problems.modules.user_code import OwnCodeError
from llcbench.sampling.surroundings import neutral

# Samples that are evaluated together on the full batch.
CHUNK = 1024
# Samples up to which losses at w_star are kept: of more, none comes twice in a run.
KEPT = 2**24


@final
class ReferenceLosses:
    """Losses at ``w_star``, kept as they are asked for.

    On a device that holds the data, numbers are there, too, and reading which of them are known
    would wait for it: there all losses are computed at once or none is kept.
    """

    def __init__(
        self,
        losses: Callable[[Tensor], Tensor],
        count: int,
        device: str,
        *,
        numbers: str = "cpu",
        whole: bool = True,
        known: Tensor | None = None,
        chunk: int | None = None,
    ) -> None:
        """Prepare; nothing is computed before it is asked for.

        Args:
            losses: From numbers of samples, ``(batch,)``, to their losses.
            count: Number of samples.
            device: Where losses are.
            numbers: Where numbers of samples are.
            whole: Whether all losses may be computed at once.
            known: All of them, if they were computed before.
            chunk: Samples that are evaluated together; None for `CHUNK`.
        """
        self._losses, self._count, self._chunk = losses, count, chunk
        self._device, self._numbers = device, numbers
        self._complete = known is not None
        kept = count <= KEPT and (numbers == "cpu" or whole)
        self._kept: Tensor | None = None
        if known is not None:
            self._kept = known.to(device, copy=True)
        elif kept:
            self._kept = torch.full((count,), torch.nan, dtype=torch.float64, device=device)
        self._there = torch.zeros(count if kept and numbers == "cpu" else 0, dtype=torch.bool)

    def all(self) -> Tensor:
        """Return the losses of all samples, ``(count,)``.

        Raises:
            OwnCodeError: If the module or the loss fails or a loss is not finite.
        """
        everything = torch.arange(self._count, device=self._numbers)
        if self._kept is None:
            return self._computed(everything)
        if not self._complete:
            if self._numbers == "cpu":
                self._fill(everything)
            else:
                with neutral(), torch.no_grad():
                    self._kept.copy_(self._checked(everything, look=True))
            self._complete = True
        return self._kept

    def of(self, numbers: Tensor) -> Tensor:
        """Return the losses of some samples, in the shape of their numbers.

        Raises:
            OwnCodeError: If the module or the loss fails or a loss is not finite.
        """
        if self._kept is None:
            return self._computed(numbers)
        if not self._complete:
            if self._numbers == "cpu":
                self._fill(torch.unique(numbers))
            else:
                self.all()
        return self._kept[numbers.to(self._device, non_blocking=True)]

    def _fill(self, wanted: Tensor) -> None:
        """Compute those losses that are not known yet."""
        missing = wanted[~self._there[wanted]]
        if len(missing):
            with neutral(), torch.no_grad():
                assert self._kept is not None
                self._kept[missing.to(self._device, non_blocking=True)] = self._checked(
                    missing, look=self._device == "cpu"
                )
                self._there[missing] = True

    def _computed(self, numbers: Tensor) -> Tensor:
        with neutral(), torch.no_grad():
            flat = [self._losses(rows) for rows in split(numbers.reshape(-1), self._chunk)]
            return torch.cat(flat).view(numbers.shape)

    def _checked(self, numbers: Tensor, look: bool) -> Tensor:
        """Return losses; whether they are finite is looked at where no step waits for it."""
        losses = self._computed(numbers)
        if look and not bool(losses.isfinite().all()):
            bad = ~losses.isfinite()
            first = int(bad.nonzero()[0, 0])
            raise OwnCodeError(
                f"the loss at w_star is not finite for {int(bad.sum())} of {len(numbers)} samples;"
                f" the first is sample {int(numbers[first])}, with the loss"
                f" {float(losses[first]):g}: look at its input and target"
            )
        return losses


def split(index: Tensor, chunk: int | None = None) -> list[Tensor]:
    """Return numbers of samples, at most ``chunk`` at a time, and never one that is left over.

    Modules that squeeze their outputs fail on a single sample. The default is `CHUNK`.
    """
    parts = list(torch.split(index, chunk or CHUNK))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts
