"""Add a sampler, test it, and read its place on a leaderboard.

    python tutorials/add_a_sampler.py
    llcbench run smoke --load tutorials/add_a_sampler.py -s "half-noise[step_size=4e-4]" -p "poly/*"

The sampler is that of Leimkuhler and Matthews (2013): a Langevin step whose noise is the mean of
two consecutive draws. One line differs from SGLD, and on quadratics the bias of the step is gone.
Some seconds on one core.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

import llcbench
from llcbench.testing import check_sampler

STEP = "step_size=4e-4"
PROBLEMS = ["regular/d5", "regular/d10", "poly/parabola", "poly/x4"]
COLUMNS = ("rank", "entry", "problems", "bias", "rmse", "cov90", "failed")

State = tuple[Tensor, Tensor]


# A sampler without a state of its own can be one function; this one remembers the last noise.
@llcbench.sampler("half-noise")
@dataclass(frozen=True)
class HalfNoise:
    """``w' = w - eps/2 grad U(w) + sqrt(eps) (xi + xi') / 2``, where xi' is the next step's xi."""

    step_size: float = 1e-4

    def init(self, theta: Tensor, target: llcbench.Target, rng: torch.Generator) -> State:
        """Return the parameters of all chains and a first noise."""
        return theta, torch.empty_like(theta).normal_(generator=rng)

    def step(
        self, state: State, target: llcbench.Target, rng: torch.Generator
    ) -> tuple[State, llcbench.Draw]:
        """Move all chains at once; the loss is that of the state before the move."""
        theta, noise = state
        _, grad, loss = target.potential_and_grad(theta)
        fresh = torch.empty_like(theta).normal_(generator=rng)
        moved = theta - self.step_size / 2 * grad + self.step_size**0.5 * (noise + fresh) / 2
        return (moved, fresh), llcbench.Draw(moved, loss)


def main() -> None:
    """Run the conformance kit, then the sampler beside two others, and print the table."""
    # langevin=False: its stationary distribution is the target, not that of an Euler step.
    check_sampler(HalfNoise(), langevin=False)
    print("conformance kit passed\n")
    records = llcbench.run_suite(
        "smoke",
        samplers=[f"half-noise[{STEP}]", f"sgld[{STEP}]", "mala[adapt=200]"],
        problems=PROBLEMS,
        replicates=2,
        settings={"num_draws": 600, "num_burnin": 200},
    )
    # bias: relative, against what a perfect sampler returns at this temperature, so that nobody is
    # blamed for the setting. Equal ranks (=) mean that these runs do not tell the entries apart.
    print(llcbench.to_text(llcbench.leaderboard(records), COLUMNS))


if __name__ == "__main__":
    main()
