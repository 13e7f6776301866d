"""Shape aliases, protocols and plain data that the rooms share.

`core` holds what every problem, loss, sampler and estimator has, `abilities` what some losses,
problems and data sets have.
"""

from llcbench.types.abilities import DiagonalForm as DiagonalForm
from llcbench.types.abilities import GeneratorForm as GeneratorForm
from llcbench.types.abilities import GradientBuffer as GradientBuffer
from llcbench.types.abilities import LabelNoiseResponse as LabelNoiseResponse
from llcbench.types.abilities import LayerForm as LayerForm
from llcbench.types.abilities import LayerwiseGradient as LayerwiseGradient
from llcbench.types.abilities import Minibatches as Minibatches
from llcbench.types.abilities import MinibatchSource as MinibatchSource
from llcbench.types.abilities import MomentForm as MomentForm
from llcbench.types.abilities import NoiseSource as NoiseSource
from llcbench.types.abilities import Placeable as Placeable
from llcbench.types.abilities import Releasable as Releasable
from llcbench.types.abilities import Restrictable as Restrictable
from llcbench.types.abilities import RowLookup as RowLookup
from llcbench.types.abilities import SquaredForm as SquaredForm
from llcbench.types.abilities import SquaredLossForm as SquaredLossForm
from llcbench.types.abilities import SquaredProblem as SquaredProblem
from llcbench.types.abilities import Streamed as Streamed
from llcbench.types.abilities import TakesData as TakesData
from llcbench.types.core import DEFAULT_CONTEXT as DEFAULT_CONTEXT
from llcbench.types.core import Budget as Budget
from llcbench.types.core import BudgetExceeded as BudgetExceeded
from llcbench.types.core import Checkpointed as Checkpointed
from llcbench.types.core import CheckpointFile as CheckpointFile
from llcbench.types.core import Data as Data
from llcbench.types.core import Declining as Declining
from llcbench.types.core import Draw as Draw
from llcbench.types.core import Estimator as Estimator
from llcbench.types.core import GradientCost as GradientCost
from llcbench.types.core import InputDistribution as InputDistribution
from llcbench.types.core import LayerGradient as LayerGradient
from llcbench.types.core import Loss as Loss
from llcbench.types.core import Matmul as Matmul
from llcbench.types.core import Named as Named
from llcbench.types.core import Parametrised as Parametrised
from llcbench.types.core import PerChain as PerChain
from llcbench.types.core import Point as Point
from llcbench.types.core import Preconditioned as Preconditioned
from llcbench.types.core import Problem as Problem
from llcbench.types.core import RunContext as RunContext
from llcbench.types.core import Sampler as Sampler
from llcbench.types.core import StateT as StateT
from llcbench.types.core import Stepping as Stepping
from llcbench.types.core import TargetT as TargetT
from llcbench.types.core import TemperedEstimator as TemperedEstimator
from llcbench.types.core import Theta as Theta
from llcbench.types.core import Truth as Truth
from llcbench.types.core import Visit as Visit
