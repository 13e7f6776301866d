"""Measures the self-tuning estimate against exact tempered values; resumable.

    python tests/accuracy/self_tuning.py [PART ...] [--minutes M]

Rows are kept in ``build/self_tuning/PART.jsonl``; tables are ``results/self_tuning/v1/*.csv``, and
the page, ``results/self_tuning.md``, is made of them and of the leaderboard's committed runs. A
part replaces its table when it has every row of it.
"""

import argparse
import csv
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from self_tuning_statistics import by_problem, rows_of_entries, summary

import llcbench
from llcbench import Seeds
from llcbench.estimators.mean_energy import nbeta_of
from llcbench.files import write
from llcbench.run.exports import read
from llcbench.run.suite import load
from llcbench.types import RunContext

ROOT = Path(__file__).resolve().parents[2]
STORE = ROOT / "build" / "self_tuning"
RESULTS = ROOT / "results" / "self_tuning" / "v1"
PAGE = ROOT / "results" / "self_tuning.md"
LEADERBOARD = ROOT / "results" / "reference" / "v1" / "accuracy.jsonl.gz"
REPLICATES = 8
FULL = {"nbeta": 1e3, "gamma": 10.0, "num_chains": 16}
WORDS = """What `llcbench.SelfTuned` makes of a budget, against exact tempered values.
`make self-tuning` makes the runs that are missing.

The constants are in `llcbench/estimators/self_tuned/constants.py`. Halves of the full-batch
problems of the suite `accuracy`, in alphabetical order: `chosen` at even places, `held` at odd
ones. How independent the numbers are differs:

- Full batches: burn-in, acceptance, the test of the virial and the gain that is asked for were
  taken over from an earlier search that had seen all problems of that suite, so that `held` is not
  unseen. They were confirmed on `chosen` and not changed; `held` and the ten problems that are in
  no suite were then run once.
- Minibatches: D, the larger steps while the step adapts, and their length were taken from sixteen
  sweeps over the five problems of `chosen`, while the method itself still changed. D = 0.06 has the
  least bias of those tried, not the least RMSE, which 0.08 has. The problems of `held` were run
  three times before the constants were final, and one of them, `rrr/5-3-5/r2/n5000` with batches
  of 16, was among the three long runs that showed by what the noise of control variates has to be
  divided."""
BESIDE = """The committed runs of the [leaderboard](leaderboard.md) on the problems of `held`, read
with the same statistics: 2000 gradients a chain, {chains} chains, nbeta {nbeta:g}, gamma {gamma:g},
ten replicates. Sorted by RMSE. Tuned entries have spent their tuning on top; `exact` and `gibbs`
need no gradients. Values of an entry that lacks problems are over those that it has. Runs that
failed, or that a sampler does not support, are counted and enter no other column."""
# In no suite.
FRESH = (
    "regular/d7", "poly/x2y6", "poly/x6y6", "alg/oval-3", "rrr/4-4-4/r2", "rrr/6-2-4/r1",
    "rrr/4-2-3/r2", "dln/3-2-4/r2-1", "dln/4-3-3-4/r3-1-2", "dln/6-5-6/r3-2",
)  # fmt: skip
COLUMNS = (
    "problem", "half", "replicate", "status", "llc", "mcse", "stderr", "truth", "truth_se",
    "grads", "virial_z", "warned", "seconds", "method",
)  # fmt: skip
# Per cent from which on an error is shown by its order of magnitude.
HUGE = 1e4
TEXTS = ("problem", "half", "status", "warned", "method")


@dataclass(frozen=True)
class Part:
    """Runs of one kind.

    Attributes:
        title: What they show.
        cases: Problem, half and settings of `llcbench.estimate`.
    """

    title: str
    cases: tuple[tuple[str, str, dict[str, Any]], ...]


def full_batch(grads: int) -> Part:
    """Return the full-batch problems of the suite at a budget."""
    groups = [g for g in load("accuracy").group if g.grads == 2000]
    names = sorted({p for group in groups for p in group.problems if "/n" not in p})
    cases = tuple(
        (name, ("chosen", "held")[place % 2], FULL | {"max_grads": grads})
        for place, name in enumerate(names)
    )
    return Part(f"Full batches, {grads} gradients a chain", cases)


HELD_BATCHES = (
    ("rrr/2-2-2/r1/n1000", 100), ("rrr/2-2-2/r1/n1000", 16), ("rrr/5-3-5/r2/n5000", 16),
    ("rrr/5-3-5/r2/n5000", 64), ("dln/10-8-12-9/r3/n1000", 100),
)  # fmt: skip
CHOSEN_BATCHES = (
    ("regular/d5/n1000", 16), ("rrr/3-3-3/r1/n2000", 16), ("dln/4-4-4-4/r1/n2000", 32),
    ("rrr/4-2-3/r2/n4000", 16), ("dln/3-2-4/r2-1/n3000", 50),
)  # fmt: skip


def minibatches(half: str, cases: tuple[tuple[str, int], ...]) -> Part:
    """Return problems with minibatches, at 2000 gradients on them."""
    common = {"gamma": 10.0, "num_chains": 16, "max_grads": 2000}
    return Part(
        "Minibatches, 2000 gradients a chain on them, nbeta n / log n",
        tuple((name, f"{half}, B {size}", common | {"batch_size": size}) for name, size in cases),
    )


def parts() -> dict[str, Part]:
    """Return all parts."""
    return {
        "full-2000": full_batch(2000),
        "full-500": full_batch(500),
        "fresh-2000": Part(
            "Ten problems in no suite, 2000 gradients a chain",
            tuple((name, "fresh", FULL | {"max_grads": 2000}) for name in FRESH),
        ),
        "minibatches": minibatches("held", HELD_BATCHES),
        "minibatches-chosen": minibatches("chosen", CHOSEN_BATCHES),
    }


def truth(problem: Any, options: dict[str, Any], seeds: Seeds) -> tuple[float, float] | None:
    """Return the exact tempered value on the data of a run, kept where it is the same for all."""
    nbeta = nbeta_of(llcbench.Settings(nbeta=options.get("nbeta", "n / log n")), problem.num_data)
    key = f"{problem.id}|{nbeta}|{options['gamma']}"
    if problem.num_data is not None:
        key += f"|{seeds.replicate}"
    path = STORE / "truths.json"
    known = json.loads(path.read_text()) if path.is_file() else {}
    if key not in known:
        data = problem.sample_data(seeds.generator("data"))
        value = problem.tempered(nbeta, options["gamma"], data)
        known[key] = None if value is None else (value.value, value.stderr)
        write(path, json.dumps(known))
    return None if known[key] is None else tuple(known[key])


def row(name: str, half: str, options: dict[str, Any], replicate: int) -> dict[str, Any]:
    """Make one run and return what is kept of it."""
    from llcbench.one_call import self_tuned

    problem, seeds = llcbench.problem(name), Seeds(0, name, replicate, "self_tuned")
    exact = truth(problem, options, seeds)
    started = time.perf_counter()
    answer = self_tuned(problem, options).estimate(problem, RunContext(seeds))
    seconds = time.perf_counter() - started
    excess = None if answer.virial is None else answer.virial.excess
    return {
        "problem": name, "half": half, "replicate": replicate, "status": answer.status,
        "llc": answer.llc, "mcse": answer.mcse, "stderr": answer.stderr,
        "truth": exact[0] if exact else None, "truth_se": exact[1] if exact else None,
        "grads": answer.grad_evals // options["num_chains"],
        "virial": excess and excess.value,
        "virial_z": excess.value / excess.stderr if excess and excess.stderr else None,
        "warned": " ".join(g.name for g in answer.guards if not g.passed),
        "seconds": round(seconds, 2), "method": answer.method or answer.message,
    }  # fmt: skip


def made(name: str) -> list[dict[str, Any]]:
    """Return the rows of a part that have been made here."""
    path = STORE / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def rows_of(name: str) -> list[dict[str, Any]]:
    """Return the rows of a part: those made here if they are whole, else the committed table's."""
    ours, path = made(name), RESULTS / f"{name}.csv"
    if not path.is_file():
        return ours
    with path.open(newline="") as file:
        held = [
            {key: _read(key, text) for key, text in row.items()} for row in csv.DictReader(file)
        ]
    return ours if set(map(_place, held)) <= set(map(_place, ours)) else held


def _place(row: dict[str, Any]) -> tuple[str, str, int]:
    return row["problem"], row["half"], row["replicate"]


def _read(column: str, text: str) -> Any:
    """Return the value of a cell of a table."""
    if column in TEXTS:
        return text
    if not text:
        return None
    return int(text) if column in ("replicate", "grads") else float(text)


def missing(name: str, part: Part) -> Iterator[tuple[str, str, dict[str, Any], int]]:
    """Return the runs that are not kept yet, one replicate of all problems after another."""
    done = set(map(_place, made(name)))
    for replicate in range(REPLICATES):
        for problem, half, options in part.cases:
            if (problem, half, replicate) not in done:
                yield problem, half, options, replicate


def page() -> str:
    """Return the page of all kept rows."""
    lines = ["# The self-tuning estimate", "", WORDS, ""]
    lines += ["Bias and RMSE are root mean squares over problems of the relative error against the"
              " tempered value, noise removed from the bias (0.0 where noise explains more than"
              " all of it); coverage is that of the 90 % interval, with its own standard error of"
              " some 3 points.", ""]  # fmt: skip
    for name, part in parts().items():
        rows = rows_of(name)
        if not rows:
            continue
        lines += [f"## {part.title}", "",
                  "| half | problems | runs | failed | bias % | RMSE % | coverage % |",
                  "|---|---|---|---|---|---|---|"]  # fmt: skip
        table = by_problem(rows, FULL["num_chains"])
        for half in sorted({t["half"] for t in table}):
            own = [t for t in table if t["half"] == half]
            if not any(t["truths"] for t in own):
                continue
            s = summary(own)
            lines.append(
                f"| {half} | {s['problems']} | {s['runs']} | {s['failed']} | {_percent(s)} |"
            )
        if name == "full-2000":
            lines += ["", *_beside([t for t in table if t["half"] == "held"])]
        lines += ["", "| problem | half | bias % | RMSE % | covered | failed |",
                  "|---|---|---|---|---|---|"]  # fmt: skip
        lines += [
            f"| `{t['problem']}` | {t['half']} | {100 * t['bias']:+.1f} | {100 * t['rmse']:.1f} |"
            f" {round(t['covered'] * t['truths'])} of {t['truths']} | {t['failed']} |"
            if t["truths"]
            else f"| `{t['problem']}` | {t['half']} | no exact value | | | {t['failed']} |"
            for t in table
        ]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _beside(held: list[dict[str, Any]]) -> list[str]:
    """Return self-tuning on the problems of ``held`` among the entries of the leaderboard."""
    problems = {t["problem"] for t in held}
    entries = rows_of_entries(read(LEADERBOARD).values(), problems, "held")
    known = {name: summary(by_problem(rows, FULL["num_chains"])) for name, rows in entries}
    known["**self_tuned**"] = summary(held)
    words = BESIDE.format(chains=FULL["num_chains"], nbeta=FULL["nbeta"], gamma=FULL["gamma"])
    lines = [words, "", "| entry | problems | runs | failed | bias % | RMSE % | coverage % |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for name, s in sorted(known.items(), key=lambda pair: pair[1]["rmse"]):
        part = f"{s['problems']} of {len(problems)}"
        number = f"{s['problems']}" if s["problems"] == len(problems) else part
        lines.append(f"| {name} | {number} | {s['runs']} | {s['failed']} | {_percent(s)} |")
    return lines


def _percent(s: dict[str, float]) -> str:
    errors = [100 * s["bias"], 100 * s["rmse"]]
    shown = [f"{error:.1f}" if error < HUGE else f"{error:.1g}" for error in errors]
    return " | ".join([*shown, f"{100 * s['covered']:.0f}"])


def publish() -> None:
    """Write tables and page."""
    for name in parts():
        rows = rows_of(name)
        if rows:
            RESULTS.mkdir(parents=True, exist_ok=True)
            with (RESULTS / f"{name}.csv").open("w", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                writer.writeheader()
                order = sorted(rows, key=lambda r: (r["problem"], r["half"], r["replicate"]))
                writer.writerows({k: _short(v) for k, v in r.items()} for r in order)
    write(PAGE, page())


def _short(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value


def main() -> None:
    """Make what is missing, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *parts()], metavar="PART")
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--half", help="Only problems of this half.")
    parser.add_argument("--dry", action="store_true", help="Write no tables.")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    end = time.monotonic() + 60 * chosen.minutes
    STORE.mkdir(parents=True, exist_ok=True)
    for name in chosen.parts or parts():
        for problem, half, options, replicate in missing(name, parts()[name]):
            if time.monotonic() > end or (chosen.half and chosen.half != half):
                continue
            kept = row(problem, half, options, replicate)
            with (STORE / f"{name}.jsonl").open("a") as file:
                file.write(json.dumps(kept) + "\n")
        rows = made(name)
        for half in sorted({r["half"] for r in rows}):
            own = [r for r in rows if r["half"] == half]
            print(name, half, summary(by_problem(own, FULL["num_chains"])))
    if not chosen.dry:
        publish()


if __name__ == "__main__":
    main()
