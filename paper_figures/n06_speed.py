"""Speed of this and other packages on identical work."""

from collections.abc import Mapping, Sequence

import numpy as np

from llcbench.peers.work import WORKLOADS
from llcbench.report.figures import Claim, Drawing, PaperFigure, Results, Row, Verdict
from llcbench.report.figures.style import PALETTE, panels
from llcbench.report.style import GREY

# Who takes part, with the name that is shown; the rounded variant is not quite the same work.
PEERS = {
    "devinterp": "devinterp",
    "posteriors": "posteriors",
    "blackjax": "blackjax",
    "control": "plain torch loop",
    "ours": "llcbench",
    "ours_bfloat16": "llcbench, bfloat16",
}
COLOURS = dict(zip(PEERS, (PALETTE[1], PALETTE[2], PALETTE[4], GREY, PALETTE[0], PALETTE[5]),
                   strict=True))  # fmt: skip
RIVALS = ("devinterp", "posteriors", "blackjax", "control")


def draw(results: Results) -> Drawing:
    """Draw rates relative to devinterp, start-up times and memory, per case."""
    rows = [row for row in results.table("peers_speed") if not row["skipped"]]
    cases = list(dict.fromkeys(str(row["case"]) for row in rows))
    figure, axes = panels(1, 3, height=2.7)
    for place, (peer, label) in enumerate(PEERS.items()):
        mine = {str(row["case"]): row for row in rows if row["peer"] == peer}
        x = np.array([cases.index(case) for case in mine]) + (place - 2.5) * 0.13
        style = {"linestyle": "none", "marker": "o", "markersize": 4, "color": COLOURS[peer]}
        ratio = np.array([[float(row[key]) for key in ("ratio", "ratio_low", "ratio_high")]
                          for row in mine.values()]).T  # fmt: skip
        ends = np.abs(ratio[1:] - ratio[0])
        axes[0].errorbar(x, ratio[0], yerr=ends, elinewidth=1.0, label=label, **style)
        start = [float(r["setup_seconds"]) + float(r["first_seconds"]) for r in mine.values()]
        axes[1].plot(x, start, **style)
        axes[2].plot(x, [float(row["peak_bytes"]) / 1e6 for row in mine.values()], **style)
    axes[0].set(yscale="log", title="steps a second, devinterp = 1")
    axes[0].set_yticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
    axes[0].minorticks_off()
    axes[1].set(title="seconds before the first step", ylim=(0, None))
    axes[2].set(title="peak memory, MB", ylim=(0, None))
    sizes = {str(row["case"]): (int(row["parameters"]), int(row["chains"])) for row in rows}
    labels = [
        f"{_size(sizes[case][0])}\n{sizes[case][1]}\n{WORKLOADS[case].threads}" for case in cases
    ]
    for each in axes:
        each.set_xticks(range(len(cases)), labels)
        each.set_xlabel("weights; chains; threads")
        each.grid(axis="x", visible=False)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=6, handletextpad=0.1,
                  columnspacing=1.0)  # fmt: skip
    return Drawing(
        figure,
        rows,
        (_fastest(rows, cases), _level(rows), _same_distribution(rows)),
        "SGLD with the same weights, data, step size, minibatches and chains, each package in a"
        " process of its own on the same one or two cores, alternately. Left: steps of all chains a"
        " second as a multiple of devinterp's in the same round; bars are the range over"
        f" {_listed({int(row['rounds']) for row in rows})} rounds, not intervals. Middle: imports,"
        " preparations and compilation. Right: peak memory of the process. bfloat16 rounds the"
        " factors of the gradient's products and is a row of its own.",
        f"Steps a second of llcbench as a multiple of devinterp's: {_multiples(rows)}.",
    )


def _multiples(rows: Sequence[Row]) -> str:
    ours = [row for row in rows if row["peer"] == "ours"]
    return ", ".join(f"{float(row['ratio']):.2g} for {row['case']}" for row in ours)


def _listed(rounds: set[int]) -> str:
    return " or ".join(map(str, sorted(rounds)))


def _size(parameters: int) -> str:
    if parameters < 1000:
        return str(parameters)
    return f"{parameters / 1e3:.0f} k" if parameters < 1e6 else f"{parameters / 1e6:.1f} M"


def _fastest(rows: Sequence[Row], cases: Sequence[str]) -> Claim:
    """Compare our range over rounds with that of the fastest other package."""
    notes, verdicts = [], []
    for case in cases:
        here: Mapping[str, Row] = {str(r["peer"]): r for r in rows if r["case"] == case}
        mine = here["ours"]
        others = [here[p] for p in RIVALS if p in here]
        best = max(others, key=lambda row: float(row["ratio"]))
        ahead = float(mine["ratio_low"]) > float(best["ratio_high"])
        behind = float(mine["ratio_high"]) < float(best["ratio_low"])
        verdicts.append(1 if ahead else -1 if behind else 0)
        notes.append(
            f"{case}: {float(mine['ratio']):.3g} against {float(best['ratio']):.3g}"
            f" ({PEERS[str(best['peer'])]})"
        )
    verdict: Verdict = "reproduced"
    if min(verdicts) < 0:
        verdict = "not reproduced"
    elif min(verdicts) == 0:
        verdict = "not decided"
    ahead_in, behind_in = verdicts.count(1), verdicts.count(-1)
    return Claim(
        "llcbench makes the most steps a second at every size, in full precision.",
        "new here",
        verdict,
        f"{'; '.join(notes)}. Ahead in {ahead_in}, behind in {behind_in} of {len(cases)} cases by"
        " ranges over rounds that do not overlap.",
        "blackjax compiles the whole loop; for few chains of a tiny network that leaves the least"
        " overhead a step."
        if behind_in
        else "",
    )


def _level(rows: Sequence[Row]) -> Claim:
    largest = max(int(row["parameters"]) for row in rows)
    here = [
        row for row in rows
        if row["parameters"] == largest and row["peer"] != "ours_bfloat16"
        and WORKLOADS[str(row["case"])].threads == 1
    ]  # fmt: skip
    spread = max(float(r["ratio"]) for r in here) / min(float(r["ratio"]) for r in here)
    most = max(float(r["ratio_high"]) for r in here) / min(float(r["ratio_low"]) for r in here)
    verdict: Verdict = "not decided"
    if most < 2:
        verdict = "reproduced"
    elif spread > 2:
        verdict = "not reproduced"
    return Claim(
        "At the largest size the products cost everything: no package is twice as fast as another.",
        "new here",
        verdict,
        f"{largest} parameters, one thread: fastest to slowest {spread:.2f}, at most {most:.2f}"
        " from the ends of the ranges over rounds.",
    )


def _same_distribution(rows: Sequence[Row]) -> Claim:
    p_values = [float(row["law_p"]) for row in rows if row["law_p"] is not None]
    least = min(p_values)
    holds = least > 0.05 / len(p_values)
    return Claim(
        "All packages sample the same distribution on this work: mean losses agree with the"
        " control's.",
        "new here",
        "reproduced" if holds else "not reproduced",
        f"smallest of {len(p_values)} p-values {least:.3f}; Bonferroni limit at 5 % is"
        f" {0.05 / len(p_values):.4f}.",
    )


FIGURE = PaperFigure(
    id="n06",
    name="speed",
    title="Speed against other packages on identical work",
    paper="",
    draw=draw,
    inputs=("peers_speed",),
)
