"""Checks of options, and what an estimator says that cannot measure a problem."""

from llcbench.records import Estimate
from llcbench.settings import Settings


def require_ratio(owner: str, ratio: float, below: float = float("inf")) -> None:
    """Check the ratio of the largest to the smallest temperature of a ladder.

    Raises:
        ValueError: If it is not a finite number above 1, or not below the limit.
    """
    if not 1 < ratio < below:
        limit = f" and below {below:g}" if below < float("inf") else " and finite"
        raise ValueError(f"{owner}: ratio must be above 1{limit}, got {ratio!r}")


def require_whole(owner: str, name: str, value: int, least: int) -> None:
    """Check a whole number.

    Raises:
        ValueError: If it is not one or too small.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{owner}: {name} must be a whole number >= {least}, got {value!r}")


def require_word(owner: str, name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Check a choice.

    Raises:
        ValueError: If it is none of the allowed words.
    """
    if value not in allowed:
        raise ValueError(f"{owner}: {name} must be one of {', '.join(allowed)}, got {value!r}")


def skipped(reason: str, nbeta: float, settings: Settings) -> Estimate:
    """Return the record of a problem that an estimator cannot measure."""
    return Estimate(status="skipped", message=reason, nbeta=nbeta, gamma=settings.gamma)
