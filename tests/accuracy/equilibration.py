"""The self-tuning estimate on networks that equilibrate slowly; resumable.

    python tests/accuracy/equilibration.py [--problems N]

Deep linear networks of about a thousand parameters on minibatches, from budgets that are far too
short to ample ones: an estimate has either to be right, or to be flagged by its virial. Rows are
``results/self_tuning/v1/equilibration.csv``.
"""

import argparse
import csv
import math
from pathlib import Path
from typing import Any

import torch
from self_tuning import row

TABLE = Path(__file__).resolve().parents[2] / "results/self_tuning/v1/equilibration.csv"
PROBLEMS = tuple(f"dln/1k/s{number}/n100000" for number in (6, 0, 3, 9))
BUDGETS = (500, 2000, 8000, 20_000)
OPTIONS: dict[str, Any] = {"gamma": 300.0, "num_chains": 16, "batch_size": 500}
COLUMNS = (
    "problem", "grads", "status", "llc", "stderr", "mcse", "truth", "truth_se", "virial",
    "virial_z", "warned", "seconds", "method",
)  # fmt: skip
WORDS = """
## Networks that equilibrate slowly

Deep linear networks of a thousand parameters, gamma 300, minibatches of 500, one run each. Wrong:
off by more than 10 % and 3 errors. Equilibration is denied where the guard `virial` fails.

| problem | gradients | error % | its error % | virial - 1 | denied | wrong | other guards failing |
|---|---|---|---|---|---|---|---|
"""


def rows_of() -> list[dict[str, str]]:
    """Return the committed rows."""
    return list(csv.DictReader(TABLE.open(newline=""))) if TABLE.is_file() else []


def keep(new: dict[str, Any]) -> None:
    """Add a row to the table."""
    fresh = not TABLE.is_file()
    with TABLE.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", extrasaction="ignore")
        if fresh:
            writer.writeheader()
        writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in new.items()})
    print(new, flush=True)


def errors(kept: dict[str, str]) -> tuple[float, float]:
    """Return the relative error of a row and its standard error."""
    truth = float(kept["truth"])
    both = math.hypot(float(kept["mcse"]), float(kept["truth_se"]))
    return float(kept["llc"]) / truth - 1, both / truth


def wrong(kept: dict[str, str]) -> bool:
    """Return whether an estimate is off by more than 10 % and 3 errors."""
    error, stderr = errors(kept)
    return abs(error) > max(0.1, 3 * stderr)


def section() -> str:
    """Return the section of the page."""
    lines = []
    for kept in rows_of():
        start = f"| `{kept['problem']}` | {kept['grads']} |"
        if kept["status"] != "ok":
            lines.append(f"{start} {kept['status']} | | | | | |")
            continue
        error, stderr = errors(kept)
        warned = kept["warned"].split()
        others = ", ".join(f"`{name}`" for name in warned if name != "virial")
        lines.append(
            f"{start} {100 * error:+.1f} | {100 * stderr:.1f} | {float(kept['virial']):+.3f} |"
            f" {'yes' if 'virial' in warned else 'no'} | {'yes' if wrong(kept) else 'no'} |"
            f" {others} |"
        )
    return WORDS + "\n".join(lines) + "\n"


def main() -> None:
    """Make the runs that are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=len(PROBLEMS))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    done = {(kept["problem"], int(kept["grads"])) for kept in rows_of()}
    for problem in PROBLEMS[: chosen.problems]:
        for grads in BUDGETS:
            if (problem, grads) not in done:
                kept = row(problem, "slow", OPTIONS | {"max_grads": grads}, 0)
                keep(kept | {"grads": grads})
    print(section())


if __name__ == "__main__":
    main()
