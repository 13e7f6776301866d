"""What tuning leaves behind; needs no torch, as all records."""

import msgspec

from llcbench.records import Status, Value


class Pilot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One short run.

    Attributes:
        value: What was varied.
        status: How it ended.
        llc: Mean energy after burn-in; None if it failed.
        mcse: Its error.
        rhat: Agreement of the chains, None if it failed.
        ess: Effective draws.
        criterion: What decides, smaller is better; None if it is out.
    """

    value: float
    status: Status
    llc: float | None = None
    mcse: float | None = None
    rhat: float | None = None
    ess: float | None = None
    criterion: float | None = None


class Tuning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The choice of a tuning.

    Attributes:
        problem: Id of the problem.
        sampler: Name of the sampler.
        varied: Name of the hyper-parameter; empty if there is nothing to tune.
        parameters: The choice, complete.
        pilots: All short runs.
        grad_evals: Gradients that they took, summed over chains.
        draws: Kept steps that would give an ESS of 400 by the chosen pilot, None if unknown.
        reason: Why, in one line.
    """

    problem: str
    sampler: str
    varied: str
    parameters: dict[str, Value]
    pilots: list[Pilot]
    grad_evals: int
    draws: int | None
    reason: str
