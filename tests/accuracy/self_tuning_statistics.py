"""Statistics of estimates against exact tempered values, of self-tuning and of a leaderboard."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from llcbench.compare.entries import entries_of
from llcbench.intervals import chain_quantile
from llcbench.records import RunRecord

LEVEL = 0.9


def by_problem(rows: list[dict[str, Any]], chains: int) -> list[dict[str, Any]]:
    """Return the relative errors of every problem: bias, its noise, RMSE, coverage."""
    table = []
    for problem, half in sorted({(r["problem"], r["half"]) for r in rows}):
        own = [r for r in rows if (r["problem"], r["half"]) == (problem, half)]
        good = [r for r in own if r["status"] == "ok" and r["truth"]]
        error = np.array([r["llc"] / r["truth"] - 1 for r in good])
        # The truth is that of the very data: their label noise is no error here.
        reach = chain_quantile(LEVEL, chains)
        covered = [
            abs(r["llc"] - r["truth"]) <= reach * np.hypot(r["mcse"], r["truth_se"]) for r in good
        ]
        noise = error.var(ddof=1) / len(error) if len(error) > 1 else 0.0
        table.append({
            "problem": problem, "half": half, "runs": len(own),
            "failed": sum(r["status"] != "ok" for r in own), "truths": len(good),
            "bias": float(error.mean()) if len(error) else np.nan, "noise": float(noise),
            "rmse": float(np.sqrt((error**2).mean())) if len(error) else np.nan,
            "covered": float(np.mean(covered)) if covered else np.nan,
        })  # fmt: skip
    return table


def summary(table: list[dict[str, Any]]) -> dict[str, float]:
    """Return the root mean squares over problems, noise removed from the bias."""
    known = [t for t in table if t["truths"]]
    squares = [t["bias"] ** 2 - t["noise"] for t in known]
    return {
        "problems": len(known), "failed": sum(t["failed"] for t in table),
        "runs": sum(t["runs"] for t in table),
        "bias": float(np.sqrt(max(np.mean(squares), 0.0))),
        "rmse": float(np.sqrt(np.mean([t["rmse"] ** 2 for t in known]))),
        "covered": float(np.average([t["covered"] for t in known],
                                    weights=[t["truths"] for t in known])),
    }  # fmt: skip


def rows_of_entries(
    records: Iterable[RunRecord], problems: set[str], half: str
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Return the rows of every entry of a leaderboard on some problems, by its name."""
    chosen = [record for record in records if record.spec.problem in problems]
    for entry, runs in entries_of(chosen).runs.items():
        yield entry.name, [_row(record, half) for record in runs]


def _row(record: RunRecord, half: str) -> dict[str, Any]:
    answer, truths = record.estimate, record.truths
    exact = None if truths is None else truths.tempered
    return {
        "problem": record.spec.problem, "half": half, "status": answer.status,
        "llc": answer.llc, "mcse": answer.mcse,
        "truth": None if exact is None else exact.value,
        "truth_se": None if exact is None else exact.stderr,
    }  # fmt: skip
