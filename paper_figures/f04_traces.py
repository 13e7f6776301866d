"""Loss traces and Metropolis acceptance of one linear network per class, published step sizes."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from llcbench.intervals import chain_quantile
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
from llcbench.report.figures.style import bare, panels, published, tempered_line, truth_line
from llcbench.report.style import colour_of
from llcbench.sampling.diagnostics import standard_error
from paper_figures.common.linear_networks import SUITE, network_runs
from paper_figures.common.verdicts import decided

if TYPE_CHECKING:  # torch takes seconds to import, and drawing needs none
    import torch

    from llcbench.sampling.target import Target
    from llcbench.seeds import Seeds

Array = NDArray[np.float64]


def trace(
    target: "Target", step_size: float, steps: int, every: int, seeds: "Seeds"
) -> tuple[Array, Array]:
    """Run SGLD from the reference point without burn-in and ask of some steps what MALA would do.

    Args:
        target: Of all chains, with minibatches.
        step_size: Of SGLD.
        steps: How many.
        every: Steps from one acceptance to the next.
        seeds: Of noise and minibatches.

    Returns:
        ``nbeta`` times the minibatch losses above that of the reference point, ``(chains, steps)``,
        and probabilities of acceptance, ``(chains, steps // every)``.
    """
    import torch

    from llcbench.samplers.sgld import SGLD
    from llcbench.sampling.chains import Chains

    noise, batches = seeds.generator("noise"), seeds.generator("batch")
    rates = []
    with torch.inference_mode():
        chains = Chains(target, SGLD(step_size), steps, 0, noise, batches)
        chains.start(dispersed=False)
        after = target.start()
        for step in range(1, steps + 1):
            before = after.clone() if step % every == 0 else after
            after = chains.advance().theta
            if step % every == 0:
                rates.append(acceptance(target, before, after, step_size))
    losses = (target.nbeta * chains.losses).numpy().T
    return losses, torch.stack(rates, 1).numpy()


def acceptance(
    target: "Target", before: "torch.Tensor", after: "torch.Tensor", step_size: float
) -> "torch.Tensor":
    """Return what MALA would accept a step with, on its own minibatch, ``(chains,)``.

    ``log a = U(w) - U(w') + (g + g') (w' - w) / 2 - eps (|g'|^2 - |g|^2) / 8``: both squares of the
    ratio of proposals are expanded, so that nothing of order ``1 / eps`` has to cancel.
    """
    here, slope, _ = target.potential_and_grad(before)
    there, ahead, _ = target.potential_and_grad(after)
    drift = 0.5 * (after - before).double() - (0.125 * step_size) * (ahead - slope).double()
    log_ratio = (here - there).double() + ((ahead + slope).double() * drift).sum(1)
    return log_ratio.exp().clamp(max=1.0)


SOURCE = "Lau et al. 2025 (arXiv 2308.12108), traces of the study of linear networks"
# Steps between two acceptances, as published; lengths of chains are multiples of their product.
EVERY, WINDOWS = 20, 250


class Example(NamedTuple):
    """A network near the size of a published example.

    Attributes:
        step_size: Published step of its class.
        steps: Published length of the chain.
        cut: Affordable length.
        chains: Chains; published is one.
        published: Size and mean acceptance of the published example.
    """

    step_size: float
    steps: int
    cut: int
    chains: int
    published: tuple[int, float]


EXAMPLES = {
    "1k/s6": Example(5e-7, 10_000, 10_000, 4, (1_040, 0.91)),
    "10k/s13": Example(5e-7, 10_000, 10_000, 4, (12_073, 0.91)),
    "100k/s3": Example(1e-7, 50_000, 5_000, 1, (181_280, 1.00)),
    "1m/s0": Example(5e-8, 50_000, 0, 1, (1_430_000, 0.90)),
    "10m/s3": Example(2e-8, 50_000, 0, 1, (4_430_000, 0.83)),
    "100m/s29": Example(2e-8, 50_000, 0, 1, (60_400_000, 0.53)),
}


def cells(scale: Scale) -> Sequence[str]:
    """Name the networks whose chains are affordable."""
    return [name for name, one in EXAMPLES.items() if scale == "paper" or one.cut]


def run(scale: Scale, cell: str) -> Iterator[Row]:
    """Yield means over windows of the trace and of the acceptance, per chain."""
    import llcbench
    from llcbench.estimators.mean_energy import target_of
    from llcbench.seeds import Seeds

    example = EXAMPLES[cell]
    samples = 100_000 if cell.startswith(("1k", "10k")) else 1_000_000
    problem = llcbench.problem(f"dln/{cell}/n{samples}")
    seeds = Seeds(4, problem.id, sampler="sgld")
    settings = llcbench.Settings(
        gamma=1.0, batch_size=500, num_chains=example.chains, dtype="float32"
    )
    target = target_of(settings, problem, problem.sample_data(seeds.generator("data")))
    steps = example.cut if scale == "cpu" else example.steps
    losses, accepted = (
        part.reshape(example.chains, WINDOWS, -1).mean(2)
        for part in trace(target, example.step_size, steps, EVERY, seeds)
    )
    for chain, window in np.ndindex(losses.shape):
        yield {
            "chain": chain,
            "step": (window + 1) * (steps // WINDOWS),
            "llc": float(f"{losses[chain, window]:.6g}"),
            "acceptance": float(f"{accepted[chain, window]:.5g}"),
        }


def draw(results: Results) -> Drawing:
    """Draw traces above, acceptance below, one column a network."""
    rows = results.rows("f04")
    names = list(dict.fromkeys(str(row["cell"]) for row in rows))
    known = {p.network: p for p in network_runs(results) if p.gamma == 1}
    figure, axes = panels(2, len(names), height=1.9)
    colour = colour_of("sgld")
    claims: list[Claim] = []
    for column, name in enumerate(names):
        steps, llc, acceptance = _arrays(picked(rows, cell=name))
        if name not in known:
            raise ValueError(f"no run of dln/{name} at localisation 1 among the runs of {SUITE}")
        truth = known[name]
        upper, lower = axes[column], axes[column + len(names)]
        for chain in range(len(llc)):
            upper.plot(steps, llc[chain], color=colour, linewidth=0.5, alpha=0.7)
            lower.plot(steps, acceptance[chain], color=colour, linewidth=0.5, alpha=0.7)
        truth_line(upper, truth.local)
        if np.isfinite(truth.tempered):
            tempered_line(upper, truth.tempered)
        size, value = EXAMPLES[name].published
        published(lower, [steps[-1]], [value], f"published, d = {size:,}")
        top = 1.35 * max(truth.local, float(llc.max()))
        upper.set(title=f"dln/{name}, d = {truth.dim:,}", ylim=(0, top))
        lower.set(ylim=(0.5, 1.04), xlabel="SGLD step")
        lower.legend(loc="lower center")
        upper.legend(loc="upper left", ncols=2)
        claims += [_plateau(name, steps, llc), _mean_acceptance(name, acceptance)]
        for each in (upper, lower):
            bare(each)
    axes[0].set_ylabel("nβ × excess loss")
    axes[len(names)].set_ylabel("MALA acceptance")
    return Drawing(figure, rows, (*claims, _large()), _caption(rows, names), ALT)


def _arrays(rows: Sequence[Cells]) -> tuple[Array, Array, Array]:
    """Return steps ``(windows,)`` and both statistics ``(chains, windows)``."""
    chains = 1 + max(int(row["chain"]) for row in rows)
    step, llc, rate = (
        np.array([float(row[key]) for row in rows]).reshape(chains, -1)
        for key in ("step", "llc", "acceptance")
    )
    return step[0], llc, rate


def _plateau(name: str, steps: Array, llc: Array) -> Claim:
    """Compare the last fifth of the chains with the one before it; plateau is within 5 %."""
    fifth = llc.shape[1] // 5
    last, before = llc[:, -fifth:], llc[:, -2 * fifth : -fifth]
    if len(llc) >= 4:
        error = standard_error(last - before)
    else:
        error = float(np.hypot(standard_error(last), standard_error(before)))
    level = float(last.mean())
    rise = (level - float(before.mean())) / level
    reach = chain_quantile(0.95, len(llc)) * error / level
    example = EXAMPLES[name]
    cut = steps[-1] < example.steps
    good: Verdict = "reproduced with a difference" if cut else "reproduced"
    short = f"The chain is cut from {example.steps:,} to {steps[-1]:,.0f} steps." if cut else ""
    return Claim(
        f"The trace of a network of class {name.split('/')[0].upper()} is on a plateau.",
        SOURCE,
        decided(abs(rise) + reach < 0.05, abs(rise) - reach > 0.05, good),
        f"Rise from the fourth to the last fifth of {steps[-1]:,.0f} steps {rise:+.1%} ±"
        f" {reach:.1%} of the level {level:.1f} (95 %, chains: {len(llc)}); within 5 %"
        " counts as a plateau.",
        short,
    )


def _mean_acceptance(name: str, acceptance: Array) -> Claim:
    size, value = EXAMPLES[name].published
    mean = float(acceptance.mean())
    reach = chain_quantile(0.95, len(acceptance)) * standard_error(acceptance)
    gap = abs(mean - value)
    return Claim(
        f"A network of {size:,} weights has a mean MALA acceptance of {value:.2f}.",
        SOURCE,
        decided(gap + reach < 0.05, gap - reach > 0.05),
        f"{mean:.3f} ± {reach:.3f} (95 %) for dln/{name}; within 0.05 counts as the same.",
        "Another network of about that size; acceptance depends on its widths and singular values.",
    )


def _large() -> Claim:
    return Claim(
        "From 1.4 million weights on the traces have not reached a plateau after 50 000 steps, and"
        " acceptance falls: .90, .83, then .53 at 60 million, down to 0 after 28 000 steps.",
        SOURCE,
        "not made here",
        "No chain of that length here.",
        "The runs at 1M and above in the figure of classes are shorter by a factor of 100 or more.",
    )


def _caption(rows: Sequence[Row], names: Sequence[str]) -> str:
    lengths = [max(int(str(r["step"])) for r in rows if r["cell"] == name) for name in names]
    shown = ", ".join(
        f"{length:,} of {EXAMPLES[name].steps:,}"
        for name, length in zip(names, lengths, strict=True)
    )
    return (
        "SGLD with the published step sizes, minibatches of 500 and localisation 1, one network per"
        f" class near the size of the published example; steps made: {shown}. Top: minibatch loss"
        " above that of the true weights, times nβ, means over 250 windows, one line a chain;"
        " black: exact local coefficient; dashed: tempered value at this setting, certified by"
        " block Gibbs. Bottom: probability with which MALA would accept the step just made, on its"
        " own minibatch, every 20 steps; diamonds: published means of networks of the given size."
    )


ALT = (
    "Loss traces of three linear networks that rise and level off near or below their exact"
    " coefficient, and acceptance rates close to one."
)
FIGURE = PaperFigure(
    id="f04",
    name="traces",
    title="Loss traces and acceptance of linear networks",
    paper="Lau et al. 2025, traces of the study of linear networks",
    draw=draw,
    inputs=(SUITE,),
    measurement=Measurement(cells, run),
    needs="50 000 steps at 1, 10 and 100 million weights: 1.5, 6 and 50 hours on two CPU cores.",
)
