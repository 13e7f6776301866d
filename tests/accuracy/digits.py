"""Digits networks at the untouched defaults of `llcbench.estimate`; resumable.

    python tests/accuracy/digits.py [NETWORK ...] [--seeds N] [--skip-long]

No coefficient is known here: five seeds have to agree within their errors, and with a run of ten
times the length at the gamma that they chose. Rows are ``results/self_tuning/v1/digits.csv``.
"""

import argparse
import csv
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import chi2
from torch import nn
from torch.nn.functional import cross_entropy

import llcbench
from llcbench.networks import MLP, digits
from llcbench.problems.modules.problem import ModuleProblem

TABLE = Path(__file__).resolve().parents[2] / "results" / "self_tuning" / "v1" / "digits.csv"
COLUMNS = (
    "network", "run", "seed", "status", "llc", "mcse", "nbeta", "gamma", "by_gamma", "by_nbeta",
    "virial", "virial_se", "grads", "failed_guards", "seconds", "method",
)  # fmt: skip
SEEDS = 5
LONGER = 10
SAMPLES = {"mlp": 1437, "cnn": 500}
WORDS = """
## Digits networks, where no coefficient is known

A dense network of one hidden layer and a convolutional one, both with ReLU, trained to a small loss
on scikit-learn's digits. `llcbench.estimate(problem, seed=k)` with nothing else given, and one
run of ten times the length. Chi-square is that of the five around their weighted mean; z is the
difference of that mean from the long run over both errors. Errors are in parentheses.
"""


def convolutional() -> nn.Module:
    """Return two convolutions with pooling, and a dense head."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "mlp": lambda: MLP(64, (32,), 10),
    "cnn": convolutional,
}


def trained(name: str) -> ModuleProblem:
    """Return a network trained on digits, as a problem on the data that it was trained on."""
    inputs, labels = (part[: SAMPLES[name]] for part in digits().train)
    torch.manual_seed(0)
    network = NETWORKS[name]()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    rng = torch.Generator().manual_seed(1)
    for _ in range(6000):
        rows = torch.randint(len(inputs), (64,), generator=rng)
        optimiser.zero_grad()
        cross_entropy(network(inputs[rows]), labels[rows]).backward()
        optimiser.step()
    loss = cross_entropy(network(inputs), labels).item()
    print(f"{name}: {len(inputs)} samples, loss {loss:.2e}", flush=True)
    return llcbench.from_module(
        network,
        lambda f, y: cross_entropy(f, y, reduction="none"),
        (inputs, labels),
        name=f"digits-{name}",
    )


def row(name: str, problem: ModuleProblem, run: str, seed: int, **options: Any) -> dict[str, Any]:
    """Make one run and return what is kept of it."""
    started = time.perf_counter()
    answer = llcbench.estimate(problem, seed=seed, progress=False, **options)
    excess = answer.virial.excess if answer.virial else None
    slopes = answer.dllc_dlog_gamma, answer.dllc_dlog_nbeta
    return {
        "network": name, "run": run, "seed": seed, "status": answer.status,
        "llc": answer.llc, "mcse": answer.mcse, "nbeta": answer.nbeta, "gamma": answer.gamma,
        "by_gamma": slopes[0] and slopes[0].value, "by_nbeta": slopes[1] and slopes[1].value,
        "virial": excess and excess.value, "virial_se": excess and excess.stderr,
        "grads": answer.grad_evals,
        "failed_guards": " ".join(guard.name for guard in answer.failed_guards),
        "seconds": round(time.perf_counter() - started, 1),
        "method": answer.method or answer.message,
    }  # fmt: skip


def rows_of() -> list[dict[str, str]]:
    """Return the committed rows."""
    return list(csv.DictReader(TABLE.open(newline=""))) if TABLE.is_file() else []


def keep(new: dict[str, Any]) -> None:
    """Add a row to the table."""
    shown = {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in new.items()}
    fresh = not TABLE.is_file()
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    with TABLE.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow(shown)
    print(shown, flush=True)


def agreement(rows: list[dict[str, str]]) -> dict[str, float]:
    """Return the weighted mean of some runs, chi-square and its p-value."""
    values = np.array([[float(r["llc"]), float(r["mcse"])] for r in rows if r["status"] == "ok"])
    weights = values[:, 1] ** -2
    mean = float((weights * values[:, 0]).sum() / weights.sum())
    square = float((weights * (values[:, 0] - mean) ** 2).sum())
    freedom = len(values) - 1
    return {
        "mean": mean, "stderr": float(weights.sum() ** -0.5), "chi2": square,
        "freedom": freedom, "p": float(chi2.sf(square, freedom)),
    }  # fmt: skip


def section() -> str:
    """Return the section of the page."""
    lines = [WORDS, "| network | run | llc | error | gamma | virial - 1 | guards that fail | s |",
             "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    rows = rows_of()
    lines += [
        f"| {r['network']} | {r['run']} {r['seed']} | {float(r['llc']):.2f} |"
        f" {float(r['mcse']):.2f} | {float(r['gamma']):g} | {float(r['virial']):+.3f} |"
        f" {r['failed_guards'] or 'none'} | {float(r['seconds']):.0f} |"
        if r["status"] == "ok"
        else f"| {r['network']} | {r['run']} {r['seed']} | {r['status']} | | | | | |"
        for r in rows
    ]
    lines += ["", "| network | mean of seeds | chi-square | p | long run | z |",
              "|---|---|---|---|---|---|"]  # fmt: skip
    for name in NETWORKS:
        short = [r for r in rows if (r["network"], r["run"]) == (name, "seed")]
        long = [r for r in rows if (r["network"], r["run"]) == (name, "long")]
        if len(short) < 2:
            continue
        found = agreement(short)
        line = (f"| {name} | {found['mean']:.2f} ({found['stderr']:.2f}) | {found['chi2']:.1f} of"
                f" {found['freedom']} | {found['p']:.2f} |")  # fmt: skip
        if long and long[0]["status"] == "ok":
            value, error = float(long[0]["llc"]), float(long[0]["mcse"])
            z = (found["mean"] - value) / math.hypot(found["stderr"], error)
            lines.append(f"{line} {value:.2f} ({error:.2f}) | {z:+.1f} |")
        else:
            lines.append(f"{line} | |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Make the runs that are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", choices=[[], *NETWORKS], metavar="NETWORK")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--grads", type=int, help="Another budget, nothing is kept.")
    parser.add_argument("--skip-long", action="store_true")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    for name in chosen.networks or NETWORKS:
        problem = trained(name)
        if chosen.grads:
            for seed in range(chosen.seeds):
                print(row(name, problem, "seed", seed, max_grads=chosen.grads), flush=True)
            continue
        done = {(r["network"], r["run"], int(r["seed"])) for r in rows_of()}
        for seed in range(chosen.seeds):
            if (name, "seed", seed) not in done:
                keep(row(name, problem, "seed", seed))
        if not chosen.skip_long and (name, "long", SEEDS) not in done:
            # More budget would equilibrate at a smaller gamma, which is another number.
            (gamma,) = {float(r["gamma"]) for r in rows_of() if r["network"] == name}
            keep(row(name, problem, "long", SEEDS, max_grads=LONGER * 2000, gamma=gamma))
    print(section())


if __name__ == "__main__":
    main()
