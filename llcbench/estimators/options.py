"""The record of an estimator that cannot measure a problem."""

from llcbench.records import Estimate
from llcbench.settings import Settings


def skipped(reason: str, nbeta: float, settings: Settings) -> Estimate:
    """Return the record of a problem that an estimator cannot measure."""
    return Estimate(status="skipped", message=reason, nbeta=nbeta, gamma=settings.gamma)
