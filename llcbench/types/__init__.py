"""Shape aliases, protocols and plain data that the rooms share.

`problems`, `samplers` and `runs` hold what every problem, loss, sampler and estimator has, and what
some samplers and estimators have on top; `abilities` what some losses, problems and data sets have.
"""

from llcbench.settings import DType as DType
from llcbench.settings import Matmul as Matmul
from llcbench.types.abilities import Costly as Costly
from llcbench.types.abilities import DiagonalForm as DiagonalForm
from llcbench.types.abilities import FromTraining as FromTraining
from llcbench.types.abilities import GeneratorForm as GeneratorForm
from llcbench.types.abilities import GradientBuffer as GradientBuffer
from llcbench.types.abilities import LabelNoiseResponse as LabelNoiseResponse
from llcbench.types.abilities import LayerForm as LayerForm
from llcbench.types.abilities import LayerGradient as LayerGradient
from llcbench.types.abilities import LayerwiseGradient as LayerwiseGradient
from llcbench.types.abilities import Minibatches as Minibatches
from llcbench.types.abilities import MinibatchSource as MinibatchSource
from llcbench.types.abilities import MomentForm as MomentForm
from llcbench.types.abilities import NoiseSource as NoiseSource
from llcbench.types.abilities import Placeable as Placeable
from llcbench.types.abilities import Precise as Precise
from llcbench.types.abilities import Preparable as Preparable
from llcbench.types.abilities import ReferenceGradient as ReferenceGradient
from llcbench.types.abilities import Releasable as Releasable
from llcbench.types.abilities import Restrictable as Restrictable
from llcbench.types.abilities import RowLookup as RowLookup
from llcbench.types.abilities import SquaredForm as SquaredForm
from llcbench.types.abilities import SquaredLossForm as SquaredLossForm
from llcbench.types.abilities import SquaredProblem as SquaredProblem
from llcbench.types.abilities import Streamed as Streamed
from llcbench.types.abilities import TakesData as TakesData
from llcbench.types.abilities import Visit as Visit
from llcbench.types.problems import Data as Data
from llcbench.types.problems import InputDistribution as InputDistribution
from llcbench.types.problems import Loss as Loss
from llcbench.types.problems import PerChain as PerChain
from llcbench.types.problems import Point as Point
from llcbench.types.problems import Problem as Problem
from llcbench.types.problems import Theta as Theta
from llcbench.types.problems import Truth as Truth
from llcbench.types.runs import DEFAULT_CONTEXT as DEFAULT_CONTEXT
from llcbench.types.runs import Budget as Budget
from llcbench.types.runs import BudgetExceeded as BudgetExceeded
from llcbench.types.runs import Checkpointed as Checkpointed
from llcbench.types.runs import CheckpointFile as CheckpointFile
from llcbench.types.runs import Estimator as Estimator
from llcbench.types.runs import RunContext as RunContext
from llcbench.types.runs import TemperedEstimator as TemperedEstimator
from llcbench.types.samplers import Adaptive as Adaptive
from llcbench.types.samplers import Declining as Declining
from llcbench.types.samplers import Discretisation as Discretisation
from llcbench.types.samplers import Discretised as Discretised
from llcbench.types.samplers import Draw as Draw
from llcbench.types.samplers import GradientCost as GradientCost
from llcbench.types.samplers import Named as Named
from llcbench.types.samplers import Parametrised as Parametrised
from llcbench.types.samplers import Preconditioned as Preconditioned
from llcbench.types.samplers import Sampler as Sampler
from llcbench.types.samplers import StateT as StateT
from llcbench.types.samplers import Stepping as Stepping
from llcbench.types.samplers import TargetT as TargetT
from llcbench.types.samplers import VirialMoments as VirialMoments
