"""Four ways to the coefficient of ``K = w^4``, each with one idealisation less than the last.

    python tutorials/ladder.py [figure.png]

The rungs are those of the suite ``ladder``: the volume of sublevel sets, the energy of the
population loss, the energy on data at WBIC's temperature, and minibatch Langevin held near ``w*``.
Printed: each estimate beside the exact coefficient and beside what a perfect sampler returns in its
place. Under a minute on one core.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import gamma as gamma_distribution

import llcbench

Array = NDArray[np.float64]
BLUE, ORANGE, INK, GREY = "#0072b2", "#d55e00", "#222222", "#777777"
RUNGS = {
    ("poly/x4", "volume_scaling"): "1  volume, w^4",
    ("poly/x6", "volume_scaling"): "1  volume, w^6",
    ("poly/x4", "mean_energy"): "2  population energy",
    ("poly/x4/n5000", "mean_energy"): "3  energy on data (WBIC)",
    ("poly/x4/n1000", "mean_energy"): "4  local minibatch SGLD",
}


def climb() -> dict[str, llcbench.Score]:
    """Run the suite and score each rung, in the order of the ladder."""
    scored = llcbench.score(llcbench.run_suite("ladder"))
    rungs = {(score.problem, score.estimator.partition("[")[0]): score for score in scored}
    return {name: rungs[key] for key, name in RUNGS.items()}


def over_data_sets(identifier: str, nbeta: float, gamma: float, count: int = 60) -> Array:
    """Return what a perfect sampler returns on each of many data sets."""
    problem, rng = llcbench.problem(identifier), torch.Generator().manual_seed(0)
    truths = [problem.tempered(nbeta, gamma, problem.sample_data(rng)) for _ in range(count)]
    return np.array([truth.value for truth in truths if truth is not None])


def show(rungs: dict[str, llcbench.Score], spread: dict[str, Array]) -> None:
    """Print the estimates beside the exact values."""
    print(f"{'rung':<26}{'local':>7}{'perfect sampler':>17}{'estimate':>20}{'its bias':>20}")
    for name, score in rungs.items():
        assert score.mean is not None
        assert score.tempered is not None
        assert score.bias is not None
        estimate = f"{score.mean.value:.4f} +- {score.mean.stderr:.4f}"
        bias = f"{score.bias.value:+.4f} +- {score.bias.stderr:.4f}"
        tempered = f"{score.tempered.value:.4f}"
        print(f"{name:<26}{score.local:>7}{tempered:>17}{estimate:>20}{bias:>20}")
    print()
    for identifier, values in spread.items():
        print(
            f"{identifier}: over {values.size} data sets a perfect sampler returns"
            f" {values.mean():.3f} on average, with standard deviation {values.std(ddof=1):.3f}"
        )


def draw_volumes(axes: Axes) -> None:
    """Draw the exact volumes under N(0, 10^2); their slopes are the coefficients."""
    levels = np.geomspace(1e-8, 1, 50)
    for power, colour in ((2, BLUE), (3, ORANGE)):
        volume = 2 * ndtr(levels ** (1 / (2 * power)) / 10) - 1
        axes.loglog(levels, volume, color=colour, label=f"$w^{2 * power}$, slope 1/{2 * power}")
    axes.set(xlabel="level t", ylabel="V(t)", title="1  volume of K < t")
    axes.legend()


def draw_energies(axes: Axes) -> None:
    """Compare the energies of the second rung with their Gamma distribution under a flat prior."""
    problem = llcbench.problem("poly/x4")
    target = llcbench.Target(problem, nbeta=0.1, gamma=0.01, num_chains=64)
    noise, batches = (torch.Generator().manual_seed(seed) for seed in (1, 2))
    sampler = llcbench.make_sampler("hmc", {"step_size": 0.3})
    trace = llcbench.sample(
        target, sampler, num_draws=300, num_burnin=300, noise=noise, batches=batches
    )
    edges = np.geomspace(1e-4, 5, 30)
    energies = 0.1 * trace.kept.ravel()
    axes.hist(
        energies,
        edges.tolist(),
        weights=np.full(energies.size, 1 / energies.size),
        color=BLUE,
        alpha=0.4,
    )
    middle = np.sqrt(edges[1:] * edges[:-1])
    axes.plot(
        middle, np.diff(gamma_distribution.cdf(edges, 0.25)), color=INK, label="Gamma(1/4, 1)"
    )
    axes.set(xscale="log", xlabel="nbeta K(w)", ylabel="share", title="2  energy at nbeta = 0.1")
    axes.legend(loc="upper left")


def draw_estimates(axes: Axes, rungs: dict[str, llcbench.Score], spread: dict[str, Array]) -> None:
    """Draw estimates with their errors, what perfect samplers return, and the coefficients."""
    for place, score in enumerate(rungs.values()):
        assert score.mean is not None
        assert score.tempered is not None
        numerator, _, denominator = str(score.local).partition("/")
        local = float(numerator) / float(denominator or 1)
        low, high = place - 0.3, place + 0.3
        axes.plot([local, local], [low, high], color=INK, label="" if place else "coefficient")
        if score.problem in spread:
            axes.plot(
                spread[score.problem],
                np.full(spread[score.problem].size, place + 0.22),
                "|",
                color=GREY,
                alpha=0.6,
                markersize=6,
                label="" if place < 4 else "perfect, other data sets",
            )
        axes.plot(
            score.tempered.value,
            place,
            "d",
            color=ORANGE,
            markersize=7,
            fillstyle="none",
            label="" if place else "perfect sampler",
        )
        axes.errorbar(
            score.mean.value,
            place,
            xerr=1.645 * score.mean.stderr,
            fmt="o",
            color=BLUE,
            markersize=4,
            label="" if place else "estimate, 90 %",
        )
    axes.set_yticks(range(len(rungs)), list(rungs))
    axes.set(xlabel="lambda_hat", title="estimates", ylim=(len(rungs) - 0.4, -0.6))
    axes.set_xlim(0.0, 0.5)
    axes.legend(fontsize=7, loc="upper right")


def main(path: Path) -> None:
    """Run, print and draw."""
    rungs = climb()
    spread = {
        score.problem: over_data_sets(score.problem, score.nbeta, score.settings.gamma)
        for score in rungs.values()
        if "/n" in score.problem
    }
    show(rungs, spread)
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    first, second, third = figure.subplots(1, 3, width_ratios=[1, 1, 1.5])
    draw_volumes(first)
    draw_energies(second)
    draw_estimates(third, rungs, spread)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    print(f"figure written to {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/ladder.png"))
