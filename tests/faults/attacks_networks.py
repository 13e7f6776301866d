"""Oddities of own networks: estimated as without the oddity, or refused in one line."""

from pathlib import Path

from experiment import Experiment, Outcome
from oddities import judged
from oddities_data import DATA, STATES
from oddities_forward import FORWARD
from oddities_modes import MODES
from oddities_parameters import PARAMETERS, PRECISION
from oddities_wrappers import COMPILERS, WRAPPERS

# Compilers last, for their imports take seconds that the quick trials do without.
ROWS = (PARAMETERS, PRECISION, MODES, WRAPPERS, FORWARD, DATA, STATES, COMPILERS)
CASES = [case for row in ROWS for case in row.cases]
SLOW = len(COMPILERS.cases)


def oddity(index: int, folder: Path) -> list[Outcome]:
    """Try one case."""
    return [judged(CASES[index % len(CASES)], folder)]


EXPERIMENTS = [Experiment("own-networks", "attack", len(CASES), oddity, quick=len(CASES) - SLOW)]
