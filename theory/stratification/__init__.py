"""Learning coefficients along the whole zero set of a potential, not at one point only."""

from theory.stratification.check_result import check_strata as check_strata
from theory.stratification.result import Strata as Strata
from theory.stratification.result import Stratum as Stratum
from theory.stratification.strata import strata as strata
