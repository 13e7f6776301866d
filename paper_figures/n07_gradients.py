"""Error against gradients: published, corrected and self-tuning estimates, and other packages."""

import numpy as np
from numpy.typing import NDArray

from llcbench.records import RunRecord
from llcbench.report.figures import Claim, Drawing, PaperFigure, Results, Row, Verdict
from llcbench.report.figures.style import PALETTE, panels

Array = NDArray[np.float64]
SUITE = "gradients"
BUDGETS = (250, 500, 1000, 2000, 4000)
# Sampler and estimator, with the label and colour of an entry.
ENTRIES = {
    ("sgld", "mean_energy"): ("SGLD, as published", PALETTE[1]),
    ("sgld", "corrected"): ("SGLD, corrected", PALETTE[4]),
    ("leimkuhler_matthews", "corrected"): ("Leimkuhler-Matthews, corrected", PALETTE[5]),
    ("ghmc", "self_tuned"): ("self-tuning", PALETTE[0]),
    ("devinterp_sgld", "mean_energy"): ("devinterp, SGLD", PALETTE[3]),
    ("posteriors_baoa", "mean_energy"): ("posteriors, BAOA", PALETTE[2]),
    ("nuts", "mean_energy"): ("blackjax, NUTS", PALETTE[7]),
}
OURS, PUBLISHED, CORRECTED = ("ghmc", "self_tuned"), ("sgld", "mean_energy"), ("sgld", "corrected")
OTHERS = ("devinterp_sgld", "posteriors_baoa", "nuts")
# Errors in per cent beyond these are drawn on the frame.
LOW, HIGH = 0.1, 100.0
DRAWS = 4000
Errors = dict[tuple[str, tuple[str, str], int], Array]


def draw(results: Results) -> Drawing:
    """Draw one panel a problem, with the root mean square error over replicates."""
    errors = errors_of(results.runs(SUITE))
    problems = list(dict.fromkeys(problem for problem, _, _ in errors))
    figure, axes = panels(2, 3, height=2.5)
    rows: list[Row] = []
    for axis, problem in zip(axes, problems, strict=False):
        for entry, (label, colour) in ENTRIES.items():
            budgets = [b for b in BUDGETS if (problem, entry, b) in errors]
            if not budgets:
                continue
            values = np.array([rmse(errors[problem, entry, b]) for b in budgets])
            ends = [_interval(errors[problem, entry, b]) for b in budgets]
            width = 2.0 if entry == OURS else 1.1
            shown = np.clip(values, LOW, HIGH)
            axis.plot(budgets, shown, color=colour, linewidth=width, label=label)
            inside = (values >= LOW) & (values <= HIGH)
            for marker, chosen in (("o", inside), ("v", values < LOW), ("^", values > HIGH)):
                if not chosen.any():
                    continue  # an empty line that is not clipped has no extent, and no layout
                axis.plot(np.array(budgets)[chosen], shown[chosen], linestyle="none", marker=marker,
                          markersize=3.5, color=colour, clip_on=False)  # fmt: skip
            rows += [
                {"problem": problem, "sampler": entry[0], "estimator": entry[1], "gradients": b,
                 "runs": len(errors[problem, entry, b]), "rmse": float(value), "low": low,
                 "high": high}
                for b, value, (low, high) in zip(budgets, values, ends, strict=True)
            ]  # fmt: skip
        axis.set(xscale="log", yscale="log", ylim=(LOW, HIGH), title=problem)
        axis.set_xticks(BUDGETS, [str(b) for b in BUDGETS])
        axis.set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
        axis.minorticks_off()
    for axis in (axes[0], axes[3]):
        axis.set_ylabel("error against tempered, %")
    for axis in axes[2:5]:
        axis.set_xlabel("gradients a chain")
    figure.delaxes(axes[5])
    figure.legend(*axes[2].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return Drawing(
        figure,
        rows,
        (_against(errors, problems, [PUBLISHED], "published SGLD at its default step"),
         _against(errors, problems, [e for e in ENTRIES if e[0] in OTHERS],
                  "each of the other packages at its defaults"),
         _correction(errors, problems)),
        "Root mean square error relative to the exact tempered value, nbeta 1000, gamma 10, 16"
        " chains; gradients a chain count everything, burn-in, adaptation and warm-up included."
        f" Eight replicates. Triangles on the frame: below {LOW:g} or above {HIGH:g} %. Samplers"
        " run at their defaults; NUTS from 1000 gradients on, as its warm-up takes most of fewer,"
        " and not on the network, for which it has no density.",
        "The self-tuning estimate has the smallest error at nearly every budget.",
    )  # fmt: skip


def errors_of(records: list[RunRecord]) -> Errors:
    """Return relative errors in per cent, by problem, entry and budget; failures are infinite."""
    held: dict[tuple[str, tuple[str, str], int], list[float]] = {}
    for record in records:
        spec, answer = record.spec, record.estimate
        entry = spec.sampler, spec.estimator.partition("[")[0]
        truths = record.truths
        unknown = truths is None or truths.tempered is None or answer.status == "skipped"
        if entry not in ENTRIES or unknown:
            continue
        grads = answer.grad_evals / spec.settings.num_chains
        budget = min(BUDGETS, key=lambda b: abs(np.log(grads / b)))
        assert truths is not None
        assert truths.tempered is not None
        truth = truths.tempered.value
        error = np.inf if answer.llc is None else 100 * (answer.llc / truth - 1)
        held.setdefault((spec.problem, entry, budget), []).append(error)
    order = {problem: place for place, (problem, _, _) in enumerate(held)}
    ordered = sorted(held, key=lambda key: (order[key[0]], list(ENTRIES).index(key[1]), key[2]))
    return {key: np.array(held[key]) for key in ordered}


def rmse(errors: Array) -> float:
    """Return the root mean square."""
    return float(np.sqrt((errors**2).mean()))


def _resampled(errors: Array, rng: np.random.Generator) -> Array:
    """Return the root mean square of replicates drawn with replacement."""
    drawn = rng.choice(errors, (DRAWS, len(errors)))
    return np.asarray(np.sqrt((drawn**2).mean(1)))


def _interval(errors: Array) -> tuple[float | None, float | None]:
    if not np.isfinite(errors).all():
        return None, None
    low, high = np.quantile(_resampled(errors, np.random.default_rng(7)), [0.025, 0.975])
    return float(low), float(high)


def _ratio(errors: Errors, problem: str, other: tuple[str, str], ours: tuple[str, str]) -> Array:
    """Return draws of the mean logarithm over budgets of the ratio of two errors."""
    rng = np.random.default_rng([7, len(problem)])
    budgets = [b for b in BUDGETS if (problem, other, b) in errors]
    logs = [
        np.log(_resampled(errors[problem, other, b], rng))
        - np.log(np.maximum(_resampled(errors[problem, ours, b], rng), 1e-6))
        for b in budgets
    ]
    return np.asarray(np.mean(logs, axis=0))


def _verdict(lows: list[float], highs: list[float]) -> Verdict:
    if min(lows) > 1:
        return "reproduced"
    return "not reproduced" if min(highs) < 1 else "not decided"


def _against(
    errors: Errors, problems: list[str], others: list[tuple[str, str]], whom: str
) -> Claim:
    notes, lows, highs = [], [], []
    for problem in problems:
        each = []
        for other in others:
            if not any((problem, other, b) in errors for b in BUDGETS):
                continue
            drawn = _ratio(errors, problem, other, OURS)
            value, low, high = np.exp([np.median(drawn), *np.quantile(drawn, [0.025, 0.975])])
            each.append((value, low, high, ENTRIES[other][0]))
        value, low, high, label = min(each)
        lows.append(low)
        highs.append(high)
        beside = f" ({label})" if len(others) > 1 else ""
        notes.append(f"{problem} {value:.3g} [{low:.3g}, {high:.3g}]{beside}")
    return Claim(
        f"At equal gradients the self-tuning estimate has a smaller error than {whom}, on every"
        " problem.",
        "new here",
        _verdict(lows, highs),
        "ratio of root mean square errors, geometric mean over budgets, with 95 % intervals"
        f" (bootstrap over replicates){', the closest one' if len(others) > 1 else ''}:"
        f" {'; '.join(notes)}.",
    )


def _correction(errors: Errors, problems: list[str]) -> Claim:
    drawn = {p: _ratio(errors, p, PUBLISHED, CORRECTED) for p in problems}
    ends = {p: np.exp(np.quantile(d, [0.5, 0.025, 0.975])) for p, d in drawn.items()}
    return Claim(
        "Times 1 - D, SGLD at its default step has a smaller error, on every problem.",
        "new here",
        _verdict([e[1] for e in ends.values()], [e[2] for e in ends.values()]),
        "ratio of root mean square errors, geometric mean over budgets: "
        + "; ".join(f"{p} {e[0]:.3g} [{e[1]:.3g}, {e[2]:.3g}]" for p, e in ends.items())
        + ".",
        "At this step D is small, and most of the error is that of chains on their way, which no"
        " correction repairs.",
    )


FIGURE = PaperFigure(
    id="n07",
    name="gradients",
    title="Error against gradients",
    paper="",
    draw=draw,
    inputs=(SUITE,),
)
