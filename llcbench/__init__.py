"""The yardstick for estimators of the local learning coefficient.

Names are loaded on first use, so that the command line starts without torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for checkers and editors; ``_HOMES`` holds the same names for run time
    from llcbench.compare.board import Board as Board
    from llcbench.compare.pairwise import Difference as Difference
    from llcbench.estimators.corrected import Corrected as Corrected
    from llcbench.estimators.effective_dimension import EffectiveDimension as EffectiveDimension
    from llcbench.estimators.extrapolated import Extrapolated as Extrapolated
    from llcbench.estimators.foreign_trace import SGLDTrace as SGLDTrace
    from llcbench.estimators.foreign_trace import correct as correct
    from llcbench.estimators.half_dimension import HalfDimension as HalfDimension
    from llcbench.estimators.heat_capacity import HeatCapacity as HeatCapacity
    from llcbench.estimators.hessian_rank import HessianRank as HessianRank
    from llcbench.estimators.laplace import Laplace as Laplace
    from llcbench.estimators.mean_energy import MeanEnergy as MeanEnergy
    from llcbench.estimators.regression import TemperatureRegression as TemperatureRegression
    from llcbench.estimators.reweighting import Reweighting as Reweighting
    from llcbench.estimators.self_tuned.estimator import SelfTuned as SelfTuned
    from llcbench.estimators.thermodynamic_integration import (
        ThermodynamicIntegration as ThermodynamicIntegration,
    )
    from llcbench.estimators.two_temperatures import TwoTemperatures as TwoTemperatures
    from llcbench.estimators.volume_scaling import VolumeScaling as VolumeScaling
    from llcbench.networks.transformer import Transformer as Transformer
    from llcbench.one_call import estimate as estimate
    from llcbench.problems.combinators.modifiers import direct_sum as direct_sum
    from llcbench.problems.combinators.modifiers import padded as padded
    from llcbench.problems.combinators.modifiers import rescaled as rescaled
    from llcbench.problems.combinators.modifiers import rotated as rotated
    from llcbench.problems.combinators.modifiers import sheared as sheared
    from llcbench.problems.modules.from_module import from_module as from_module
    from llcbench.problems.modules.heads import attention_head as attention_head
    from llcbench.problems.modules.transformers import from_lightning as from_lightning
    from llcbench.problems.modules.transformers import from_transformers as from_transformers
    from llcbench.records import Estimate as Estimate
    from llcbench.records import Guard as Guard
    from llcbench.records import RunRecord as RunRecord
    from llcbench.refined.result import Refined as Refined
    from llcbench.refined.study import refine as refine
    from llcbench.registry import make_sampler as make_sampler
    from llcbench.registry import problem as problem
    from llcbench.registry import sampler as sampler
    from llcbench.rehearsal.rehearse import rehearse as rehearse
    from llcbench.rehearsal.result import Rehearsal as Rehearsal
    from llcbench.samplers.baoab import BAOAB as BAOAB
    from llcbench.samplers.exact import Exact as Exact
    from llcbench.samplers.ghmc import GHMC as GHMC
    from llcbench.samplers.gibbs import Gibbs as Gibbs
    from llcbench.samplers.hmc import HMC as HMC
    from llcbench.samplers.kfac import KFACSGLD as KFACSGLD
    from llcbench.samplers.leimkuhler_matthews import LeimkuhlerMatthews as LeimkuhlerMatthews
    from llcbench.samplers.mala import MALA as MALA
    from llcbench.samplers.mclmc import MCLMC as MCLMC
    from llcbench.samplers.mclmc import AdjustedMCLMC as AdjustedMCLMC
    from llcbench.samplers.preconditioned import AdamSGLD as AdamSGLD
    from llcbench.samplers.preconditioned import RMSpropSGLD as RMSpropSGLD
    from llcbench.samplers.sghmc import SGHMC as SGHMC
    from llcbench.samplers.sgld import SGLD as SGLD
    from llcbench.samplers.sgnht import SGNHT as SGNHT
    from llcbench.sampling.chains import Trace as Trace
    from llcbench.sampling.loop import sample as sample
    from llcbench.sampling.target import Target as Target
    from llcbench.scoring import Score as Score
    from llcbench.seeds import Seeds as Seeds
    from llcbench.settings import Settings as Settings
    from llcbench.studies import compare_entries as compare_entries
    from llcbench.studies import leaderboard as leaderboard
    from llcbench.studies import read_records as read_records
    from llcbench.studies import run_suite as run_suite
    from llcbench.studies import score as score
    from llcbench.studies import to_frame as to_frame
    from llcbench.studies import to_text as to_text
    from llcbench.types import Budget as Budget
    from llcbench.types import BudgetExceeded as BudgetExceeded
    from llcbench.types import Draw as Draw
    from llcbench.types import Estimator as Estimator
    from llcbench.types import Problem as Problem
    from llcbench.types import RunContext as RunContext
    from llcbench.types import Sampler as Sampler
    from llcbench.types import Truth as Truth

_HOMES = {
    "compare.board": "Board",
    "compare.pairwise": "Difference",
    "estimators.corrected": "Corrected",
    "estimators.effective_dimension": "EffectiveDimension",
    "estimators.extrapolated": "Extrapolated",
    "estimators.foreign_trace": "SGLDTrace correct",
    "estimators.half_dimension": "HalfDimension",
    "estimators.heat_capacity": "HeatCapacity",
    "estimators.hessian_rank": "HessianRank",
    "estimators.laplace": "Laplace",
    "estimators.mean_energy": "MeanEnergy",
    "estimators.regression": "TemperatureRegression",
    "estimators.reweighting": "Reweighting",
    "estimators.self_tuned.estimator": "SelfTuned",
    "estimators.thermodynamic_integration": "ThermodynamicIntegration",
    "estimators.two_temperatures": "TwoTemperatures",
    "estimators.volume_scaling": "VolumeScaling",
    "networks.transformer": "Transformer",
    "one_call": "estimate",
    "problems.combinators.modifiers": "direct_sum padded rescaled rotated sheared",
    "problems.modules.from_module": "from_module",
    "problems.modules.heads": "attention_head",
    "problems.modules.transformers": "from_lightning from_transformers",
    "records": "Estimate Guard RunRecord",
    "refined.result": "Refined",
    "refined.study": "refine",
    "registry": "make_sampler problem sampler",
    "rehearsal.rehearse": "rehearse",
    "rehearsal.result": "Rehearsal",
    "samplers.baoab": "BAOAB",
    "samplers.exact": "Exact",
    "samplers.ghmc": "GHMC",
    "samplers.gibbs": "Gibbs",
    "samplers.hmc": "HMC",
    "samplers.kfac": "KFACSGLD",
    "samplers.leimkuhler_matthews": "LeimkuhlerMatthews",
    "samplers.mala": "MALA",
    "samplers.mclmc": "AdjustedMCLMC MCLMC",
    "samplers.preconditioned": "AdamSGLD RMSpropSGLD",
    "samplers.sghmc": "SGHMC",
    "samplers.sgld": "SGLD",
    "samplers.sgnht": "SGNHT",
    "sampling.chains": "Trace",
    "sampling.loop": "sample",
    "sampling.target": "Target",
    "scoring": "Score",
    "seeds": "Seeds",
    "settings": "Settings",
    "studies": "compare_entries leaderboard read_records run_suite score to_frame to_text",
    "types": "Budget BudgetExceeded Draw Estimator Problem RunContext Sampler Truth",
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [*_MODULES]

if not TYPE_CHECKING:  # a checker must see that a misspelt name is not there

    def __getattr__(name: str) -> Any:
        """Import a public name the first time that it is used.

        Raises:
            AttributeError: If the package has no such name.
        """
        if name in _MODULES:
            return getattr(import_module(f"llcbench.{_MODULES[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
