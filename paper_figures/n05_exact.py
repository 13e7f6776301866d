"""Samplers with the exact stationary distribution against the truth: coverage, agreement."""

from collections.abc import Mapping

import numpy as np
from scipy.stats import norm

from llcbench.compare.bootstrap import worth
from llcbench.compare.entries import entries_of
from llcbench.compare.runs import Runs, cases_of, runs_of, slots_of
from llcbench.compare.statistics import mean, variance
from llcbench.intervals import wilson
from llcbench.report.figures import Claim, Drawing, PaperFigure, Results, Row, Verdict
from llcbench.report.figures.style import panels
from llcbench.report.style import GREY, INK, colours

# Where the share of 90 % intervals that hold the truth should be.
BAND = (0.85, 0.95)


def draw(results: Results) -> Drawing:
    """Draw coverage, standardised errors and errors against the truth."""
    records = results.runs("exact")
    cases, slots = cases_of(records), slots_of(records)
    field = entries_of(records)
    runs = {entry.name: runs_of(own, cases, slots) for entry, own in field.runs.items()}
    shades = colours(list(runs))
    figure, (left, middle, right) = panels(1, 3, height=2.5)
    left.axhspan(100 * BAND[0], 100 * BAND[1], color=GREY, alpha=0.15, linewidth=0)
    left.axhline(90, color=INK, linewidth=0.9)
    for place, (name, each) in enumerate(runs.items()):
        share, low, high = _coverage(each)
        left.errorbar([place], [100 * share], color=shades[name], marker="o",
                      yerr=[[100 * (share - low)], [100 * (high - share)]])  # fmt: skip
        scores = np.sort(_scores(each))
        expected = norm.ppf((np.arange(len(scores)) + 0.5) / len(scores))
        middle.plot(expected, scores, linestyle="none", marker="o", markersize=2.8,
                    color=shades[name], label=name)  # fmt: skip
        tempered, errors = mean(each.tempered), 100 * mean(each.error)
        right.plot(tempered, errors, linestyle="none", marker="o", markersize=2.8,
                   color=shades[name], alpha=0.8)  # fmt: skip
    left.set_xticks(range(len(runs)), [name.replace("_", "\n") for name in runs])
    left.set(ylim=(65, 100), xlim=(-0.5, len(runs) - 0.5), ylabel="%",
             title="90 % intervals that hold the truth")  # fmt: skip
    middle.plot([-3, 3], [-3, 3], color=INK, linewidth=0.9)
    middle.set(xlabel="normal quantile", ylabel="(mean - tempered) / s.e.", ylim=(-5, 5),
               title="error over all replicates")  # fmt: skip
    right.axhline(0, color=INK, linewidth=0.9)
    right.set(xscale="log", xlabel="tempered value", ylabel="error of the mean, %",
              title="relative error by problem")  # fmt: skip
    right.set_ylim(*(np.array([-1.05, 1.05]) * np.abs(right.get_ylim()).max()))
    figure.legend(*middle.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    rows: list[Row] = []
    for name, each in runs.items():
        rows += _rows(name, each, [case.problem for case in cases])
    return Drawing(
        figure,
        rows,
        (_covers(runs), _agrees(runs, [case.problem for case in cases]), _biased(runs)),
        f"Four samplers that are exact in distribution on {len(cases)} problems, 10 000 gradients"
        f" a chain, {len(slots)} replicates. Left: how often the 90 % interval of a run holds what"
        " a perfect sampler returns, with a 95 % Wilson interval for as many trials as runs that"
        " share problems are worth. Middle: mean over replicates less the tempered truth in"
        " standard errors (the larger of claimed and observed, and that of the truth) against"
        " quantiles of the normal distribution, one mark a problem. Right: the same relative to the"
        " truth.",
        "Coverage is near 90 % for all samplers and the standardised errors follow the normal"
        " distribution or are smaller.",
    )


def _coverage(runs: Runs) -> tuple[float, float, float]:
    """Return the share of intervals that hold the truth, with its 95 % Wilson interval."""
    known = runs.covered[~np.isnan(runs.covered)]
    return float(known.mean()), *wilson(float(known.mean()), worth(runs.covered), 0.95)


def _stderr(runs: Runs) -> np.ndarray:
    count = np.maximum((~np.isnan(runs.error)).sum(-1), 1)
    noise = np.fmax(variance(runs.error), mean(runs.noise)) / count
    return np.sqrt(noise + np.nan_to_num(mean(runs.truth)))


def _scores(runs: Runs) -> np.ndarray:
    scores = mean(runs.error) / _stderr(runs)
    return scores[~np.isnan(scores)]


def _rows(name: str, runs: Runs, problems: list[str]) -> list[Row]:
    errors, stderr, covered = mean(runs.error), _stderr(runs), mean(runs.covered)
    return [
        {"sampler": name, "problem": problem, "tempered": mean(runs.tempered)[k],
         "error": errors[k], "error_se": stderr[k], "z": errors[k] / stderr[k],
         "covered": covered[k]}
        for k, problem in enumerate(problems) if not np.isnan(errors[k])
    ]  # fmt: skip


def _covers(runs: Mapping[str, Runs]) -> Claim:
    together = np.concatenate([each.covered for each in runs.values()], axis=1)
    share = float(np.nanmean(together))
    low, high = wilson(share, worth(together), 0.95)
    verdict: Verdict = "not decided"
    if BAND[0] <= low and high <= BAND[1]:
        verdict = "reproduced"
    elif high < BAND[0] or low > BAND[1]:
        verdict = "not reproduced"
    parts = {name: _coverage(each) for name, each in runs.items()}
    text = ", ".join(f"{name} {100 * p:.1f} % [{100 * a:.1f}, {100 * b:.1f}]"
                     for name, (p, a, b) in parts.items())  # fmt: skip
    return Claim(
        "The 90 % intervals of exact samplers hold the truth in 85 to 95 % of the runs.",
        "new here",
        verdict,
        f"{100 * share:.1f} %, 95 % interval [{100 * low:.1f}, {100 * high:.1f}] of"
        f" {int((~np.isnan(together)).sum())} runs (Wilson, runs that share a problem count as"
        f" fewer); {text}.",
    )


def _agrees(runs: Mapping[str, Runs], problems: list[str]) -> Claim:
    table = np.array([np.abs(mean(each.error) / _stderr(each)) for each in runs.values()])
    scores = table[~np.isnan(table)]
    # Bonferroni: the largest of so many normal scores is below this in 95 of 100 cases.
    limit = float(norm.ppf(1 - 0.025 / len(scores)))
    beyond = [f"{name} on {problems[k]}" for row, name in zip(table, runs, strict=True)
              for k in np.flatnonzero(row > limit)]  # fmt: skip
    component = any("two-component" in name for name in beyond)
    return Claim(
        "Samplers that are exact in distribution agree with the tempered truth on every problem.",
        "new here",
        "reproduced" if scores.max() < limit else "not reproduced",
        f"largest of {len(scores)} standardised errors {scores.max():.2f}, limit {limit:.2f} at"
        f" 5 % (Bonferroni); {100 * (scores < 1.96).mean():.0f} % are below 1.96. Beyond the limit:"
        f" {', '.join(beyond) or 'none'}.",
        "With three replicates the larger of two standard errors is taken, which errs on the side"
        " of agreement."
        + (
            " Exact in distribution is not exact in time: that point has a second component a unit"
            " away, which chains seldom visit."
            if component
            else ""
        ),
    )


def _biased(runs: Mapping[str, Runs]) -> Claim:
    notes, highs, lows = [], [], []
    for place, (name, each) in enumerate(runs.items()):
        errors = mean(each.error)
        errors = errors[~np.isnan(errors)]
        rng = np.random.default_rng([5, place])
        drawn = rng.choice(errors, (4000, len(errors))).mean(1)
        low, high = (float(value) for value in np.quantile(drawn, [0.025, 0.975]))
        notes.append(f"{name} {100 * errors.mean():+.2f} % [{100 * low:+.2f}, {100 * high:+.2f}]")
        highs.append(high)
        lows.append(low)
    verdict: Verdict = "not decided"
    if max(highs) < 0.01 and min(lows) > -0.01:
        verdict = "reproduced"
    elif max(lows) > 0.01 or min(highs) < -0.01:
        verdict = "not reproduced"
    return Claim(
        "Their errors have no common sign: the mean relative error over problems is within 1 %.",
        "new here",
        verdict,
        f"mean with 95 % interval (bootstrap over problems): {'; '.join(notes)}.",
    )


FIGURE = PaperFigure(
    id="n05",
    name="exact",
    title="Exact samplers against the truth",
    paper="",
    draw=draw,
    inputs=("exact",),
)
