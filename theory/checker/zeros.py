"""Re-checks the witnesses of the real zero oracle, one short case for each of its rules."""

from theory.checker import zeros_deep as _deep
from theory.checker import zeros_direct as _direct
from theory.checker.replay import RULES
from theory.checker.replay import need as need
from theory.checker.replay import replay as replay

RULES.update(_direct.CASES)
RULES.update(_deep.CASES)
