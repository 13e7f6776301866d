"""The error of an estimate split into setting gap, sampler bias and noise."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from llcbench.compare.entries import entries_of
from llcbench.compare.runs import CAP, Runs, cases_of, runs_of, slots_of
from llcbench.compare.statistics import mean, variance
from llcbench.intervals import wilson
from llcbench.report.figures import Claim, Drawing, PaperFigure, Results, Row, Verdict
from llcbench.report.figures.style import PALETTE, panels
from llcbench.report.style import GREY, INK

Array = NDArray[np.float64]
PARTS = {"gap": PALETTE[4], "bias": PALETTE[0], "noise": PALETTE[2]}
MEANING = {"gap": "gap of the setting", "bias": "bias of the sampler", "noise": "noise of a run"}
RESAMPLES = 2000
# Entries of fewer problems answer another question than the others.
FEWEST = 30
# A published sampler at its default against one with a Metropolis test.
BIASED, EXACT = "sgld[gradient=plain]@tuned", "mala@tuned"


def draw(results: Results) -> Drawing:
    """Draw root mean squares of the three parts, and gap against bias by problem."""
    records = results.runs("accuracy")
    cases = cases_of(records)
    problems = [case.problem for case in cases]
    runs_by_name = {e.name: runs_of(r, cases, slots_of(records))
             for e, r in entries_of(records).runs.items()}  # fmt: skip
    split = {name: _split(runs) for name, runs in runs_by_name.items()}
    split = {n: s for n, s in split.items() if (~np.isnan(s["bias"])).sum() >= FEWEST}
    singular = np.array([not problem.startswith("regular/") for problem in problems])
    names = sorted(split, key=lambda n: float(mean(split[n]["bias"])))
    figure, (left, right) = panels(1, 2, height=4.4)
    for place, name in enumerate(names):
        for shift, (part, colour) in enumerate(PARTS.items()):
            value, low, high = _root(split[name][part][singular], place)
            at = -place + 0.22 * (1 - shift)
            left.plot([low, high], [at] * 2, color=colour, linewidth=1.0)
            left.plot(value, at, marker="o", markersize=3.5, color=colour)
    left.set_yticks([-k for k in range(len(names))], [_short(name) for name in names])
    left.set(xscale="log", xlim=(3e-3, 1.2), ylim=(-len(names) + 0.4, 0.6),
             title="root mean square over singular problems")  # fmt: skip
    left.set_xticks([0.01, 0.03, 0.1, 0.3, 1], ["1 %", "3 %", "10 %", "30 %", "100 %"])
    left.minorticks_off()
    for name, colour in ((EXACT, PALETTE[0]), (BIASED, PALETTE[1])):
        gap, bias = (np.sqrt(np.maximum(split[name][part], 1e-6)) for part in ("gap", "bias"))
        right.plot(gap[singular], bias[singular], linestyle="none", marker="o", markersize=3.5,
                   color=colour, label=_short(name))  # fmt: skip
        right.plot(gap[~singular], bias[~singular], linestyle="none", marker="s", markersize=4,
                   color=colour, markerfacecolor="none")  # fmt: skip
    right.plot([1e-3, 1], [1e-3, 1], color=INK, linewidth=0.9)
    right.plot([], [], linestyle="none", marker="s", color=GREY, markerfacecolor="none",
               label="regular problems")  # fmt: skip
    right.set(xscale="log", yscale="log", xlim=(8e-4, 1.3), ylim=(8e-4, 1.3), xlabel="gap / local",
              ylabel="bias / local, at 0.1 % where none is seen")  # fmt: skip
    right.set_title("gap against bias, by problem")
    right.legend(loc="upper left")
    for part, colour in PARTS.items():
        left.plot([], [], marker="o", markersize=3.5, color=colour, label=MEANING[part])
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    rows: list[Row] = [
        {"entry": name, "problem": problem, "singular": bool(singular[k]),
         **{f"{part}_squared": float(f"{each[k]:.4g}") for part, each in split[name].items()}}
        for name in names for k, problem in enumerate(problems)
        if not np.isnan(split[name]["bias"][k])
    ]  # fmt: skip
    return Drawing(
        figure,
        rows,
        (_gap(split, singular), _cancels(runs_by_name, singular), _noise(split, singular)),
        "Error against the exact local coefficient, relative to it: gap of the setting (tempered -"
        " local), which is not the sampler's; bias (mean estimate - tempered) with the noise of the"
        " mean removed; noise (standard deviation between replicates). Left: root mean square over"
        " singular problems with 95 % intervals (bootstrap over problems); an entry's gap is that"
        " of the problems it supports. Right: one mark a problem for two samplers. 2000 gradients a"
        " chain, 16 chains, ten replicates; a failed run counts as wrong by 100 %.",
        "For well tuned samplers the gap of the setting, over 20 %, is several times the bias and"
        " the noise; for preconditioned samplers and SGLD at its default the bias is as large.",
    )


def _split(runs: Runs) -> dict[str, Array]:
    """Return the squares of the three parts per problem, relative to the local coefficient."""
    scale = mean(runs.tempered) / mean(runs.local)
    error = np.where(runs.failed == 1, CAP, runs.error) * scale[..., None]
    error = np.clip(error, -CAP, CAP)
    noise = variance(error)
    count = np.maximum((~np.isnan(error)).sum(-1), 1)
    shared = np.nan_to_num(mean(runs.truth)) * scale**2
    return {
        "gap": (scale - 1) ** 2 + 0 * noise,
        "bias": mean(error) ** 2 - noise / count - shared,
        "noise": noise,
    }


def _root(squares: Array, seed: int) -> tuple[float, float, float]:
    """Return the root mean square over problems with its 95 % bootstrap interval."""
    known = squares[~np.isnan(squares)]
    rng = np.random.default_rng([1, seed])
    drawn = rng.choice(known, (RESAMPLES, len(known))).mean(1)
    ends = np.quantile(drawn, [0.025, 0.975])
    value, low, high = np.sqrt(np.maximum([known.mean(), *ends], 1e-6))
    return float(value), float(low), float(high)


def _short(name: str) -> str:
    return name.replace("[gradient=plain]", "")


def _gap(split: Mapping[str, dict[str, Array]], singular: NDArray[np.bool_]) -> Claim:
    larger, smaller, notes = 0, 0, []
    tuned = [name for name in split if "@tuned" in name]
    for place, name in enumerate(tuned):
        gap, bias = (split[name][part][singular] for part in ("gap", "bias"))
        known = ~np.isnan(bias)
        rng = np.random.default_rng([1, 100 + place])
        drawn = rng.choice((gap - bias)[known], (RESAMPLES, int(known.sum()))).mean(1)
        low, high = np.quantile(drawn, [0.025, 0.975])
        larger, smaller = larger + (low > 0), smaller + (high < 0)
        ratio = np.sqrt(gap[known].mean() / max(bias[known].mean(), 1e-6))
        notes.append(f"{_short(name)} {ratio:.2g}")
    verdict: Verdict = "not decided"
    if larger == len(tuned):
        verdict = "reproduced"
    elif smaller > larger:
        verdict = "not reproduced"
    elif larger > len(tuned) / 2:
        verdict = "reproduced with a difference"
    return Claim(
        "The setting gap is larger than the sampler bias for tuned samplers on singular problems.",
        "new here",
        verdict,
        f"larger for {larger}, smaller for {smaller} of {len(tuned)} tuned samplers by 95 %"
        f" intervals of the difference of mean squares (bootstrap over problems); gap to bias,"
        f" root mean squares: {', '.join(notes)}.",
        "Not so for samplers whose steps are divided by gradients: they do not converge to the"
        " target."
        if larger < len(tuned)
        else "",
    )


def _cancels(runs_by_name: Mapping[str, Runs], singular: NDArray[np.bool_]) -> Claim:
    """Count problems on which the biased sampler is nearer to the coefficient by being biased."""
    biased, exact = runs_by_name[BIASED], runs_by_name[EXACT]
    known = ~np.isnan(mean(biased.error) + mean(exact.error)) & singular
    nearer = np.ones(len(known), dtype=bool)
    for truth, sign in ((biased.tempered, 1.0), (biased.local, -1.0)):
        pair = [np.abs(mean(r.estimate - truth)) for r in (biased, exact)]
        noise = sum(variance(r.estimate) / r.estimate.shape[-1] for r in (biased, exact))
        # Farther from the tempered value, and nearer to the coefficient.
        nearer &= sign * (pair[0] - pair[1]) > 1.96 * np.sqrt(noise)
    hits, trials = int(nearer[known].sum()), int(known.sum())
    p = hits / trials
    low, high = wilson(p, trials, 0.95)
    verdict: Verdict = "not decided"
    if low > 0.1:
        verdict = "reproduced"
    elif high < 0.1:
        verdict = "not reproduced"
    return Claim(
        "Scored against the coefficient alone, tuned SGLD beats MALA on more than a tenth of the"
        " singular problems because its discretisation error cancels the gap.",
        "new here",
        verdict,
        f"{hits} of {trials} problems ({100 * p:.0f} %, 95 % Wilson interval [{100 * low:.0f},"
        f" {100 * high:.0f}]): farther from what a perfect sampler returns and nearer to the"
        " coefficient, both by 1.96 standard errors.",
    )


def _noise(split: Mapping[str, dict[str, Array]], singular: NDArray[np.bool_]) -> Claim:
    defaults = [n for n in split if "@default" in n and not n.startswith(("mala", "hmc", "adj"))]
    above, below, notes = 0, 0, []
    for place, name in enumerate(defaults):
        bias, noise = (split[name][part][singular] for part in ("bias", "noise"))
        known = ~np.isnan(bias)
        rng = np.random.default_rng([1, 200 + place])
        drawn = rng.choice((bias - noise)[known], (RESAMPLES, int(known.sum()))).mean(1)
        low, high = np.quantile(drawn, [0.025, 0.975])
        above, below = above + (low > 0), below + (high < 0)
        ratio = np.sqrt(max(bias[known].mean(), 0.0) / noise[known].mean())
        notes.append(f"{_short(name)} {ratio:.2g}")
    verdict: Verdict = "not decided"
    if above == len(defaults):
        verdict = "reproduced"
    elif below:
        verdict = "not reproduced"
    return Claim(
        "At default step sizes the bias of samplers without a Metropolis test is larger than the"
        " noise of a run, so that the scatter of repetitions understates the error.",
        "new here",
        verdict,
        f"larger for {above}, smaller for {below} of {len(defaults)} by 95 % intervals (bootstrap"
        f" over problems); bias to noise: {', '.join(notes)}.",
    )


FIGURE = PaperFigure(
    id="n01",
    name="split",
    title="Setting gap, sampler bias and noise",
    paper="",
    draw=draw,
    inputs=("accuracy",),
)
