"""Prints ratios within the run after the benchmarks, and writes them where asked."""

import csv
import os
from pathlib import Path
from typing import Any

STEPS = 200


def pytest_terminal_summary(terminalreporter: Any, config: Any) -> None:
    session = getattr(config, "_benchmarksession", None)
    results = {
        bench.extra_info["case"]: bench.stats.min / STEPS
        for bench in getattr(session, "benchmarks", [])
        if "case" in bench.extra_info
    }
    if "control" not in results:
        return
    rows = [("case", "microseconds_per_step", "ratio_to_control", "ratio_to_one_chain")]
    for case, seconds in results.items():
        single = results.get(" ".join([*case.split()[:-1], "1"]))
        many = single is not None and not case.endswith(" 1")
        against = f"{seconds / single:.2f}" if many and single else ""
        rows.append((case, f"{seconds * 1e6:.0f}", f"{seconds / results['control']:.2f}", against))
    terminalreporter.section("one step, best of 15 rounds of 200 steps")
    for row in rows:
        terminalreporter.write_line(f"{row[0]:32s} {row[1]:>22s} {row[2]:>17s} {row[3]:>19s}")
    path = os.environ.get("LLCBENCH_SPEED_CSV")
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with Path(path).open("w", newline="", encoding="utf-8") as handle:
            csv.writer(handle, lineterminator="\n").writerows(rows)
