"""Guards that are read off the losses of the chains, whoever has recorded them."""

import math

import numpy as np

from llcbench.records import Guard
from llcbench.sampling.diagnostics import (
    Convergence,
    Traces,
    constant_chains,
    longest_stay,
    split_half,
)
from llcbench.sampling.moment_guards import guard

# A chain that has stayed in one place for this share of its draws knows that place from a few
# visits only.
LONGEST_STAY = 0.05


def trace_guards(kept: Traces, convergence: Convergence) -> list[Guard]:
    """Return the guards of every run: whether chains agree, have draws enough, and do not drift.

    Args:
        kept: Excess losses after burn-in, ``(chains, draws)``.
        convergence: Statistics of them.
    """
    halves = split_half(kept)
    return [
        guard(
            "rhat",
            convergence.rhat,
            "< 1.05",
            convergence.rhat < 1.05,
            "chains disagree: lengthen them",
        ),
        guard(
            "ess_bulk",
            0.0 if math.isnan(convergence.ess_bulk) else convergence.ess_bulk,
            ">= 100",
            convergence.ess_bulk >= 100,
            "too few effective draws for an error bar: lengthen the chains",
        ),
        guard(
            "split_half",
            halves,
            "|z| < 4",
            abs(halves) < 4,
            "the trace still drifts after burn-in: lengthen the burn-in",
        ),
        guard(
            "negative",
            float(kept.mean()),
            "> 0",
            bool(kept.mean() > 0),
            "mean loss below the loss at w_star: w_star is no minimum for this data",
        ),
    ]


def moving(kept: Traces) -> Guard:
    """Return the guard on chains that never leave one place."""
    still = int(constant_chains(kept).sum())
    return guard(
        "moving",
        still,
        "<= 0",
        still == 0,
        f"of {len(kept)} chains never left one place: there are no effective draws and no"
        " interval; reduce step_size or lengthen the chains",
    )


def proper(proved: bool) -> Guard:
    """Return the guard on a density without localisation.

    Args:
        proved: Whether its integral is proved to be finite.
    """
    return guard(
        "proper",
        0.0,
        ">= 1",
        proved,
        "gamma=0, and no proof that exp(-nbeta L) has a finite integral: the estimate may"
        " read how far the chains diffused; set gamma > 0",
    )


def unsaid_rejections(kept: Traces) -> list[Guard]:
    """Return the guard on draws that are repeated by a sampler that does not say that it rejects.

    There is none where every draw moves.
    """
    moves = float(np.mean(kept[:, 1:] != kept[:, :-1])) if kept.shape[1] > 1 else 1.0
    if moves == 1:
        return []
    return [
        stuck(
            kept,
            moves,
            "share of the draws that some chain repeated in a row: its steps are rejected or"
            " vanish in rounding; change step_size or use dtype='float64'",
        )
    ]


def stuck(kept: Traces, acceptance: float, meaning: str) -> Guard:
    """Return the guard on the longest stay of any chain in one place."""
    stay, most = longest_stay(kept) / kept.shape[1], _longest_fair_stay(acceptance, *kept.shape)
    return guard("stuck", stay, f"<= {most:.2g}", stay <= most, meaning)


def _longest_fair_stay(acceptance: float, chains: int, draws: int) -> float:
    """Return the share of draws that no chain should stay in one place.

    Were the acceptance the same everywhere, the longest stay would be near ``log(chains draws) /
    -log(1 - acceptance)`` steps, and three times that with probability ``(chains draws)^-2``.
    """
    rejection = min(max(1 - acceptance, 1e-3), 1 - 1e-9)
    longest = math.log(chains * draws) / -math.log(rejection)
    return min(1.0, max(LONGEST_STAY, 3 * longest / draws))
