"""One run as it sees itself: energy, virial, D and distance over its steps, fine and coarse."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from llcbench.report.figures import (
    Claim,
    Drawing,
    Measurement,
    PaperFigure,
    Results,
    Row,
    Scale,
    Verdict,
)
from llcbench.report.figures.rows import Cells, picked
from llcbench.report.figures.style import PALETTE, panels, tempered_line
from llcbench.report.style import GREY

PROBLEM, NBETA, GAMMA = "rrr/3-3-3/r1", 1e3, 10.0
CHAINS, STEPS, EVERY = 64, 4000, 4
# Steps of SGLD: one is too long, one is right and slow.
SIZES = {"coarse": 1e-3, "fine": 1e-4}
COLOURS = dict(zip(SIZES, PALETTE[1::-1], strict=True))
BLOCKS = 40
LABELS = {
    "energy": "nβ (L − L*)",
    "virial": "virial − 1",
    "share": "D",
    "distance": "|w − w*|²",
}


def cells(scale: Scale) -> Sequence[str]:
    """Name the two runs; both scales are the same."""
    return list(SIZES)


def run(scale: Scale, cell: str) -> Iterator[Row]:
    """Make a run and yield the means of its blocks over all chains, with their errors."""
    from dataclasses import replace

    import llcbench
    from llcbench.estimators.mean_energy import target_of
    from llcbench.sampling.loop import sample
    from llcbench.sampling.virial import measurement

    problem = llcbench.problem(PROBLEM)
    settings = llcbench.Settings(nbeta=NBETA, gamma=GAMMA, num_chains=CHAINS)
    seeds = llcbench.Seeds(0, PROBLEM, 0, cell)
    sampler = llcbench.SGLD(SIZES[cell])
    target = target_of(settings, problem, None)
    trace = sample(
        target, sampler, num_draws=STEPS, num_burnin=0, noise=seeds.generator("noise"),
        batches=seeds.generator("batch"), record_every=EVERY,
    )  # fmt: skip
    moments = measurement(trace, target, sampler)
    exact = problem.tempered(NBETA, GAMMA)
    assert moments is not None
    assert exact is not None
    held = moments.recorded
    # The first step is at w_star, where there is no loss to have a share in.
    for places in np.array_split(np.arange(1, len(held.steps)), BLOCKS):
        rows = (held.loss, held.pull, held.distance, held.slope)
        loss, pull, distance, slope = (row[:, places] for row in rows)
        block = replace(
            moments,
            recorded=replace(held, steps=held.steps[places], loss=loss, pull=pull,
                             distance=distance, slope=slope),
        )  # fmt: skip
        energy = NBETA * loss.mean(1)
        far = distance.mean(1)
        excess, share = block.excess(), block.share()
        assert excess is not None
        assert share is not None
        yield {
            "cell": cell, "step": float(held.steps[places].mean()),
            "energy": float(energy.mean()), "energy_se": _error(energy),
            "virial": excess.value, "virial_se": excess.stderr,
            "share": share.value, "share_se": share.stderr,
            "distance": float(far.mean()), "distance_se": _error(far),
            "tempered": exact.value,
        }  # fmt: skip


def _error(values: "np.ndarray") -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values)))


def draw(results: Results) -> Drawing:
    """Draw the four statistics one below the other, and the corrected energy beside the first."""
    rows = results.rows("n08")
    figure, axes = panels(4, 1, height=1.45, width=5.0)
    for cell, size in SIZES.items():
        own = picked(rows, cell=cell)
        steps = _column(own, "step")
        for axis, name in zip(axes, LABELS, strict=True):
            value, error = _column(own, name), _column(own, f"{name}_se")
            axis.fill_between(steps, value - 2 * error, value + 2 * error, linewidth=0,
                              color=COLOURS[cell], alpha=0.2)  # fmt: skip
            axis.plot(steps, value, color=COLOURS[cell], linewidth=1.3,
                      label=f"SGLD, {cell} step, ε = {size:g}")  # fmt: skip
        corrected = _column(own, "energy") * (1 - _column(own, "share"))
        axes[0].plot(steps, corrected, color=COLOURS[cell], linewidth=1.1, linestyle=":",
                     label=f"the same times 1 − D, {cell}")  # fmt: skip
    tempered_line(axes[0], float(rows[0]["tempered"]), "perfect sampler")
    axes[1].axhline(0.0, color=GREY, linewidth=0.8)
    for axis, label in zip(axes, LABELS.values(), strict=True):
        axis.set_ylabel(label)
        axis.set_xlim(0, STEPS)
    for axis in axes[:-1]:
        axis.tick_params(labelbottom=False)
    for axis in (axes[0], axes[2], axes[3]):
        axis.set_ylim(0, None)
    axes[1].set_ylim(-1, 0.5)
    axes[3].set_xlabel("steps from w*")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2)
    return Drawing(
        figure,
        rows,
        (_stationary(rows), _corrected(rows)),
        f"{PROBLEM}, nbeta {NBETA:g}, gamma {GAMMA:g}, {CHAINS} chains of SGLD from the reference"
        f" point, means over chains of {BLOCKS} blocks with two standard errors. D is the share by"
        " which the steps raise the energy, measured on the run itself.",
        "A step that is too long ends above what a perfect sampler returns and says by how much; a"
        " chain that has not equilibrated says so by a virial below 1.",
    )


def _column(rows: Sequence[Cells], name: str) -> "np.ndarray":
    return np.array([float(row[name]) for row in rows])


def _late(rows: Sequence[Cells], cell: str) -> list[Cells]:
    return list(picked(rows, cell=cell))[BLOCKS // 2 :]


def _mean(rows: Sequence[Cells], name: str) -> tuple[float, float]:
    """Return the mean over blocks with the error of blocks that are independent."""
    values = _column(rows, name)
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))


def _stationary(rows: Sequence[Cells]) -> Claim:
    fine = list(picked(rows, cell="fine"))
    first, last = float(fine[0]["virial"]), _mean(fine[-BLOCKS // 4 :], "virial")
    verdict: Verdict = "reproduced" if first < -0.1 and abs(last[0]) < 0.1 else "not reproduced"
    return Claim(
        "The virial of a chain that leaves the reference point is below 1 until it has"
        " equilibrated.",
        "new here",
        verdict,
        f"fine step: {first:+.2f} in the first block, {last[0]:+.3f} +- {last[1]:.3f} in the last"
        " quarter.",
    )


def _corrected(rows: Sequence[Cells]) -> Claim:
    late = _late(rows, "coarse")
    truth = float(late[0]["tempered"])
    plain, error = _mean(late, "energy")
    values = _column(late, "energy") * (1 - _column(late, "share"))
    value, spread = float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))
    near = abs(value - truth) < max(3 * spread, 0.02 * truth)
    far = abs(plain - truth) > 3 * error
    return Claim(
        "The coarse step is wrong by more than its errors, and its energy times 1 - D is right.",
        "new here",
        "reproduced" if near and far else "not reproduced",
        f"coarse step, second half: {plain:.2f} +- {error:.2f}, times 1 - D {value:.2f} +-"
        f" {spread:.2f}; a perfect sampler {truth:.2f}.",
    )


FIGURE = PaperFigure(
    id="n08",
    name="one_run",
    title="One run as it sees itself",
    paper="",
    draw=draw,
    measurement=Measurement(cells, run),
)
