"""A numerical check of learning coefficients: volumes of sublevel sets at very low levels.

It uses no resolution and no polygon, only lines on which K is solved, so it is independent of the
solver that it checks. ``python -m theory.volume GERMS.toml OUT.csv`` checks a list.
"""

from theory.volume.fit import VolumeFit as VolumeFit
from theory.volume.fit import judge as judge
from theory.volume.germs import ListedGerm as ListedGerm
from theory.volume.germs import check as check
from theory.volume.germs import load as load
from theory.volume.slices import FactoredPotential as FactoredPotential
from theory.volume.strata import Volumes as Volumes
from theory.volume.strata import volumes as volumes
