"""Gradients to an error of 5 %: our samplers and those of other packages."""

import numpy as np

from llcbench.compare.bootstrap import Resampling
from llcbench.compare.entries import entries_of
from llcbench.compare.runs import Runs, cases_of, runs_of, slots_of
from llcbench.compare.statistics import case_grads, mean, median
from llcbench.report.figures import Claim, Drawing, PaperFigure, Results, Row, Verdict
from llcbench.report.figures.style import PALETTE, panels
from llcbench.report.style import GREY

RESAMPLES = 200
# Draws of problems for comparisons of two entries, whose costs are then held fixed.
PAIRED = 4000
# Costs beyond this count as this much in comparisons: more gradients than anybody has.
CEILING = 1e7
# Where such costs are drawn.
NEVER = 3e7
PEERS = ("devinterp", "posteriors", "nuts")
COLOURS = {"ours": PALETTE[0], "devinterp": PALETTE[1], "posteriors": PALETTE[2],
           "nuts": PALETTE[4]}  # fmt: skip


def draw(results: Results) -> Drawing:
    """Draw the cost and how often it can be reached, one row an entry."""
    here, there = results.runs("accuracy"), results.runs("peers")
    cases = cases_of(here)
    records = {e.name: r for field in (entries_of(here), entries_of(there))
               for e, r in field.runs.items()}  # fmt: skip
    runs = {name: runs_of(r, cases, slots_of(r)) for name, r in records.items()}
    # Entries that cannot run on minibatches or need a linear network answer other questions.
    runs = {name: each for name, each in runs.items() if not np.isnan(median(case_grads(each)))
            and int((~np.isnan(case_grads(each))).sum()) >= 30}  # fmt: skip
    rows = [_row(name, each) for name, each in runs.items()]
    rows.sort(key=lambda row: (_shown(row["grads"]), -float(row["reach"])))
    figure, (left, right) = panels(1, 2, height=5.2)
    for place, row in enumerate(rows):
        colour = COLOURS[str(row["package"])]
        face = "none" if "@default" in str(row["entry"]) else colour
        style = {"marker": "o", "markersize": 4, "color": colour, "markerfacecolor": face,
                 "clip_on": False}  # fmt: skip
        value, low, high = (_shown(row[key]) for key in ("grads", "low", "high"))
        left.plot([low, high], [-place] * 2, color=colour, linewidth=1)
        left.plot(value, -place, **{**style, "marker": "o" if value < NEVER else ">"})
        right.plot([100 * float(row["reach_low"]), 100 * float(row["reach_high"])],
                   [-place] * 2, color=colour, linewidth=1)  # fmt: skip
        right.plot(100 * float(row["reach"]), -place, **style)
    for axes in (left, right):
        axes.set_ylim(-len(rows) + 0.4, 0.6)
    names = [str(r["entry"]).replace("[gradient=plain]", "") for r in rows]
    left.set_yticks([-k for k in range(len(rows))], names, fontsize=7)
    right.set_yticks([-k for k in range(len(rows))], [])
    left.set(xscale="log", xlim=(8e3, NEVER), title="gradients to an error of 5 %")
    left.set_xticks([1e4, 1e5, 1e6, 1e7, NEVER], ["10⁴", "10⁵", "10⁶", "10⁷", "  never"])
    left.minorticks_off()
    right.set(xlim=(0, 100), title="% of problems where 5 % can be reached")
    for name, colour in COLOURS.items():
        left.plot([], [], linestyle="none", marker="o", color=colour, label=name)
    left.plot([], [], linestyle="none", marker="o", color=GREY, markerfacecolor="none",
              label="default, others tuned")  # fmt: skip
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return Drawing(
        figure,
        rows,
        (_tuned(runs), _sgld(runs), _peers(runs)),
        "Gradients after which the root mean square error against the tempered truth is 5 %, all 16"
        " chains together: the burn-in stays as it was, the variance falls as one over the other"
        " gradients, the bias stays; infinite if the bias alone is larger. Median over problems"
        " (left), share of problems where it is finite (right); bars are 95 % intervals (bootstrap"
        " over problems and replicates). Tuning is not counted. Ten replicates of ours, two of the"
        " other packages; entries with at least 30 of the 41 problems, on those that they support:"
        " mala, hmc, adjusted_mclmc and nuts need the full batch.",
        "The cheapest are samplers with a Metropolis test and tuned ones with momentum; SGLD at its"
        " defaults and Adam never reach 5 % on most problems.",
    )


def _shown(value: object) -> float:
    return NEVER if value is None else min(float(str(value)), CEILING)


def _row(name: str, runs: Runs) -> Row:
    resampling = Resampling(runs.tried == 1, draws=RESAMPLES, seed=4)
    (drawn,) = resampling.distributions((case_grads,), runs)
    ordered, last = np.sort(median(drawn)), len(drawn) - 1
    # There is nothing between a number and infinity, hence no interpolation.
    low, high = ordered[int(last * 0.025)], ordered[int(np.ceil(last * 0.975))]
    cost = case_grads(runs)
    costs = {"grads": float(median(cost)), "low": float(low), "high": float(high)}
    ends = np.quantile(_reach(drawn), [0.025, 0.975])
    return {
        "entry": name, "package": next((p for p in PEERS if name.startswith(p)), "ours"),
        "problems": int((~np.isnan(cost)).sum()),
        **{key: value if np.isfinite(value) else None for key, value in costs.items()},
        "reach": float(_reach(cost)), "reach_low": float(ends[0]), "reach_high": float(ends[1]),
    }  # fmt: skip


def _reach(costs: np.ndarray) -> np.ndarray:
    return mean(np.where(np.isnan(costs), np.nan, np.isfinite(costs)))


def _logs(runs: Runs) -> np.ndarray:
    return np.log10(np.clip(case_grads(runs), 1.0, CEILING))


def _cheaper(runs: dict[str, Runs], a: str, b: str) -> tuple[float, float, float, int]:
    """Return the median factor by which a is cheaper than b on common problems, with interval."""
    difference = _logs(runs[b]) - _logs(runs[a])
    difference = difference[~np.isnan(difference)]
    rng = np.random.default_rng([4, len(difference)])
    drawn = np.median(rng.choice(difference, (PAIRED, len(difference))), axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(10 ** np.median(difference)), float(10**low), float(10**high), len(difference)


def _verdict(low: float, high: float, limit: float) -> Verdict:
    if low > limit:
        return "reproduced"
    return "not reproduced" if high < limit else "not decided"


def _tuned(runs: dict[str, Runs]) -> Claim:
    names = ("sgld[gradient=plain]@tuned", "sgld@default")
    after, before = (np.isfinite(case_grads(runs[name])).astype(float) for name in names)
    rng = np.random.default_rng([4, 0])
    drawn = rng.choice(after - before, (PAIRED, len(after))).mean(1)
    low, high = 100 * np.quantile(drawn, [0.025, 0.975])
    return Claim(
        "Tuning by diagnostics alone, without a look at any truth, lets SGLD reach 5 % on more"
        " problems.",
        "new here",
        _verdict(low, high, 0.0),
        f"{100 * before.mean():.0f} % of {len(after)} problems at the default step size,"
        f" {100 * after.mean():.0f} % tuned; difference 95 % interval [{low:+.0f}, {high:+.0f}]"
        " (bootstrap over problems).",
    )


def _sgld(runs: dict[str, Runs]) -> Claim:
    first = "sgld[gradient=plain]@tuned"
    names = ("sghmc@tuned", "baoab[gradient=plain]@tuned", "sgnht@tuned")
    each = {name: _cheaper(runs, name, first) for name in names}
    low = min(bounds[1] for bounds in each.values())
    high = min(bounds[2] for bounds in each.values())
    text = "; ".join(
        f"{name.partition('[')[0].partition('@')[0]} {f:.3g} [{a:.3g}, {b:.3g}]"
        for name, (f, a, b, _) in each.items()
    )
    return Claim(
        "Tuned samplers with momentum are cheaper than tuned SGLD.",
        "new here",
        _verdict(low, high, 1.0),
        f"median factor over problems with 95 % interval (bootstrap over problems): {text}.",
        f"A cost that cannot be reached counts as {CEILING:.0e} gradients.",
    )


def _peers(runs: dict[str, Runs]) -> Claim:
    def cost(name: str) -> float:
        return float(mean(_logs(runs[name]), -1))

    gradient = [n for n in runs if "@tuned" in n and not n.startswith(("mala", "hmc", "adjusted"))]
    best = min((n for n in gradient if not n.startswith(PEERS)), key=cost)
    rival = min((n for n in gradient if n.startswith(PEERS)), key=cost)
    factor, low, high, problems = _cheaper(runs, best, rival)
    return Claim(
        "The best of ours is cheaper than the best of other packages, among tuned samplers that can"
        " use minibatches.",
        "new here",
        _verdict(low, high, 1.0),
        f"{best} against {rival}: median factor {factor:.3g}, 95 % interval [{low:.3g}, {high:.3g}]"
        f" over {problems} problems (bootstrap over problems).",
        "Both were chosen by their mean cost on these very runs, which favours neither more than"
        " the other; ten replicates against two.",
    )


FIGURE = PaperFigure(
    id="n04",
    name="cost",
    title="Gradients to an error of five per cent",
    paper="",
    draw=draw,
    inputs=("accuracy", "peers"),
)
