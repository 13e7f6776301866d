"""The settings on which the guards are calibrated: problems of all kinds, drawn at random once.

Limits are chosen on one half of the problems and reported on the other: in each group every second
problem in the order of a hash of their ids. All settings of a problem are in one half.
"""

import hashlib
import math
import random
from typing import Any, NamedTuple

import llcbench
from llcbench.sampling.target import AnySampler

LINEAR = (
    *("rrr/1-1-1/r0/n1000", "rrr/2-2-2/r1/n1000", "rrr/3-3-3/r1/n1000", "rrr/4-2-4/r1/n1000"),
    *("rrr/5-3-5/r2/n1000", "rrr/5-3-5/r2/n5000", "rrr/2-2-2/r1/n2000", "rrr/4-4-4/r2/n500"),
    *("dln/2-3-2/r1/n2000", "dln/3-3-3/r3-1/n1000", "dln/3-3-3/r1/n1000", "dln/4-4-4-4/r1/n1000"),
    *("dln/4-4-4-4/r2/n2000", "dln/10-8-12-9/r3/n1000"),
)
WRAPPED = (
    *("rrr/2-2-2/r1/n1000/scaled-4", "rrr/3-3-3/r1/n500/rotated-1", "rrr/2-2-2/r1/n500/padded-2"),
    *("poly/x2y2/rotated-1", "poly/x4/padded-3", "regular/d5/scaled-4"),
)
POPULATION = (
    *("rrr/1-1-1/r0", "rrr/2-2-2/r1", "rrr/3-3-3/r1", "rrr/5-3-5/r2", "rrr/3-3-3/r1-3-1"),
    *("dln/2-2-2/r1", "dln/3-3-3/r3-1", "dln/4-4-4-4/r1", "dln/5-4-6-5/r4-2-5"),
    "dln/10-8-12-9/r3",
)
POTENTIALS = (
    *("regular/d2", "regular/d5", "regular/d10", "regular/d100", "regular/d5/n1000"),
    *("poly/x4", "poly/x2y2", "poly/x2y4", "poly/x4y4", "poly/x2-y4", "poly/x4-y6", "poly/r4"),
    *("poly/x2y2z2", "poly/x2y2z4", "poly/x2y2-z4", "poly/circle", "poly/parabola"),
    *("poly/cubic-valley", "poly/two-component-origin", "poly/two-component-line"),
    *("poly/polynet", "poly/x2y2-at-0-1", "alg/cusp-4", "alg/tensor-2-2-2", "poly/x2-flat8"),
    "poly/shifted-x4",
)
MODELS = ("model/tanh-1", "model/tanh-1/n1000", "model/known-1", "model/naive-bayes-2")
# Settings of a problem in each group.
COUNTS = {LINEAR: 14, WRAPPED: 9, POPULATION: 9, POTENTIALS: 5, MODELS: 5}
NUMBERS = {problem: count for group, count in COUNTS.items() for problem in group}
# Runs that limits were chosen on; others that they were not; and settings of the problems of these
# that were drawn when all choices had been made.
HALVES = ("chosen on", "reported", "drawn last")
# Problems that are reported on.
HELD = frozenset(
    problem
    for group in COUNTS
    for problem in sorted(group, key=lambda name: hashlib.sha256(name.encode()).digest())[1::2]
)
# Draws from it stand for how often a kind is used.
KINDS = ("sgld",) * 5 + ("lm",) * 2 + ("baoab",) * 2 + ("sghmc",) * 2 + ("mala", "mala", "hmc")
EXACT = ("mala", "hmc")


class Setting(NamedTuple):
    """One run.

    Attributes:
        problem: Id.
        number: Number of the setting among those of its problem.
        kind: Kind of sampler.
        step_size: Its step, where it does not adapt.
        nbeta: Inverse temperature.
        gamma: Localisation.
        batch: Samples in a batch; None for all.
        chains: Number of chains.
        draws: Steps kept.
        burnin: Steps before them.
    """

    problem: str
    number: int
    kind: str
    step_size: float
    nbeta: float
    gamma: float
    batch: int | None
    chains: int
    draws: int
    burnin: int

    @property
    def name(self) -> str:
        """File name of the run."""
        return f"{self.problem.replace('/', '_')}-{self.number}"

    @property
    def half(self) -> str:
        """What the run is used for: one of `HALVES`."""
        if self.number >= NUMBERS[self.problem]:
            return HALVES[2]
        return HALVES[1] if self.problem in HELD else HALVES[0]

    def settings(self) -> llcbench.Settings:
        """Return what an estimator takes."""
        return llcbench.Settings(
            nbeta=self.nbeta,
            gamma=self.gamma,
            num_chains=self.chains,
            num_draws=self.draws,
            num_burnin=self.burnin,
            batch_size=self.batch,
        )

    def sampler(self) -> AnySampler:
        """Return the kernel."""
        made: dict[str, Any] = {
            "sgld": lambda: llcbench.SGLD(self.step_size),
            "lm": lambda: llcbench.LeimkuhlerMatthews(self.step_size),
            "baoab": lambda: llcbench.BAOAB(self.step_size),
            "sghmc": lambda: llcbench.SGHMC(self.step_size),
            "mala": lambda: llcbench.MALA(adapt=self.burnin),
            "hmc": lambda: llcbench.HMC(adapt=self.burnin),
        }
        sampler: AnySampler = made[self.kind]()
        return sampler


def settings() -> list[Setting]:
    """Return all settings, the same ones in every call."""
    made = []
    for problem, count in NUMBERS.items():
        samples = llcbench.problem(problem).num_data
        numbers = range(2 * count if problem in HELD else count)
        made += [_setting(problem, samples, number) for number in numbers]
    # One of every problem first: what an interrupted run has made covers all of them.
    return sorted(made, key=lambda setting: setting.number)


def _setting(problem: str, samples: int | None, number: int) -> Setting:
    drawn = random.Random(f"guards {problem} {number}")
    batch = drawn.choice((8, 16, 64, 256, 256, None)) if samples else None
    kind = drawn.choice(KINDS)
    while batch is not None and kind in EXACT:
        kind = drawn.choice(KINDS)
    steps = 3e-5 * (1e-3 / 3e-5) ** drawn.random()
    # A third at the steps that tuning would choose for singular models, which are longer.
    if drawn.random() < 1 / 3 and batch is None:
        steps *= 3
    return Setting(
        problem=problem,
        number=number,
        kind=kind,
        step_size=float(f"{steps:.3g}"),
        nbeta=samples / math.log(samples) if samples else drawn.choice((100.0, 1e3, 1e3)),
        gamma=drawn.choice((1.0, 10.0, 10.0, 100.0)),
        batch=batch,
        chains=drawn.choice((4, 8, 16, 16)),
        draws=drawn.choice((200, 600, 1500, 2500)),
        burnin=drawn.choice((50, 200, 600, 1500)),
    )
