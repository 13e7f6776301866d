"""Re-checks the witnesses of the real zero oracle, one short case for each of its rules."""

from theory.solver import verify_zeros_deep as _deep
from theory.solver import verify_zeros_direct as _direct
from theory.solver.verify_replay import RULES
from theory.solver.verify_replay import need as need
from theory.solver.verify_replay import replay as replay

RULES.update(_direct.CASES)
RULES.update(_deep.CASES)
