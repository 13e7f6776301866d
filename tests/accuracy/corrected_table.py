"""Bias of SGLD, corrected SGLD and Leimkuhler-Matthews on fourteen settings, as one table.

``python tests/accuracy/corrected_table.py [ROW ...]`` measures what is missing, or the rows of
these numbers, and writes the page. Rows are appended to ``build/corrected.jsonl`` as they come, so
that a stopped measurement goes on where it was; the last two take an hour.
"""

import csv
import io
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import llcbench
from llcbench import SGLD, Corrected, LeimkuhlerMatthews, MeanEnergy, RunContext, Seeds, Settings
from llcbench.files import write
from llcbench.sampling.correction import corrected
from llcbench.sampling.virial import measurement

ROOT = Path(__file__).parents[2]
MEASURED = ROOT / "build" / "corrected.jsonl"
PAGE = ROOT / "results" / "corrected.md"
TABLE = ROOT / "results" / "reference" / "v1" / "corrected.csv"
WORDS = """# Corrected SGLD

Bias against the tempered truth, in per cent, with its standard error; D, the excess of the virial
over 1 and its drift are those that the run of SGLD measures on itself. The columns `remaining` are
half of the difference of the two forms of the correction, relative to its value: what may be left.
The method of Leimkuhler and Matthews (LM) is corrected for the noise of minibatches. At gamma 1 the
chains of `dln/3-3-3/r3-1` have not equilibrated, which the virial says and no correction repairs.
Written by `python tests/accuracy/corrected_table.py`.

"""


@dataclass(frozen=True)
class Setting:
    """One line of the table.

    Attributes:
        problem: Id of the problem.
        nbeta: Inverse temperature.
        gamma: Localisation.
        step_size: ``eps``.
        draws: Kept steps.
        burnin: Steps before them.
        chains: Chains.
        batch: Samples of a minibatch; None without.
        dtype: Precision.
    """

    problem: str
    nbeta: float
    gamma: float
    step_size: float
    draws: int = 8000
    burnin: int = 8000
    chains: int = 64
    batch: int | None = None
    dtype: str = "float64"


LARGE: dict[str, Any] = {"chains": 4, "batch": 500, "dtype": "float32"}
ROWS = [
    Setting("regular/d5", 1e3, 10, 2e-4),
    Setting("regular/d5", 1e3, 10, 8e-4),
    Setting("poly/x4", 1e3, 10, 2e-3),
    Setting("poly/x2y2", 1e3, 10, 2e-3),
    Setting("dln/3-3-3/r3-1", 8686, 100, 3e-5),
    Setting("dln/3-3-3/r3-1", 8686, 100, 1e-4),
    Setting("rrr/3-3-3/r1", 1e3, 10, 3e-4),
    Setting("rrr/3-3-3/r1", 1e3, 10, 1e-3),
    Setting("rrr/2-2-2/r1/n1000", 145, 10, 1e-3, batch=100),
    Setting("dln/4-4-4-4/r1", 1e3, 10, 1e-3),
    Setting("dln/10-8-12-9/r3", 1e3, 10, 3e-4),
    Setting("dln/3-3-3/r3-1", 8686, 1, 1e-5, draws=6000, burnin=2000),
    Setting("dln/1k/s6/n100000", 8686, 300, 2e-6, draws=8000, burnin=12000, **LARGE),
    Setting("dln/1k/s6/n100000", 8686, 300, 5e-6, draws=8000, burnin=8000, **LARGE),
]


def measure(row: Setting) -> dict[str, float | None]:
    """Return the statistics of one line, biases relative to the truth."""
    problem = llcbench.problem(row.problem)
    context = RunContext(Seeds(20, problem.id, 0, "corrected_table"))
    data = context.data_for(problem)
    tempered = problem.tempered(row.nbeta, row.gamma, data)
    assert tempered is not None
    truth = tempered.value
    settings = Settings(
        nbeta=row.nbeta, gamma=float(row.gamma), num_chains=row.chains, num_draws=row.draws,
        num_burnin=row.burnin, batch_size=row.batch, dtype=row.dtype,
    )  # fmt: skip
    results: dict[str, float | None] = {"truth": truth}
    for name, sampler in (("sgld", SGLD), ("lm", LeimkuhlerMatthews)):
        mean = MeanEnergy(sampler(row.step_size), settings)
        target, seeds = mean.target(problem, data), context.seeds_for(problem)
        trace = mean.sampled(target, seeds, context)
        plain = mean.summarise(trace, target, seeds)
        ours = Corrected(mean.sampler, settings).summarise(trace, target, seeds)
        for kind, each in ((name, plain), (f"{name}_corrected", ours)):
            known = each.llc is not None and each.mcse is not None
            results[kind] = each.llc / truth - 1 if known else None
            results[f"{kind}_se"] = each.mcse / truth if known else None
        moments = measurement(trace, target, mean.sampler)
        if moments is None or plain.virial is None:
            continue
        found = corrected(row.nbeta * trace.kept, moments)
        parts = {f"{name}_remaining": None if isinstance(found, str) else found.remaining}
        if name == "sgld":
            parts |= {"virial": plain.virial.excess, "drift": plain.virial.drift}
            parts |= {"d": plain.discretisation}
        for kind, value in parts.items():
            results[kind] = None if value is None else value.value
            results[f"{kind}_se"] = None if value is None else value.stderr
    return results


def kept() -> dict[str, dict[str, float | None]]:
    """Return the lines that have been measured, by their settings."""
    if not MEASURED.exists():
        return {}
    lines = [json.loads(line) for line in MEASURED.read_text().splitlines() if line.strip()]
    return {line["row"]: line["results"] for line in lines}


def key(row: Setting) -> str:
    """Return the settings of a row as text."""
    return json.dumps(asdict(row), sort_keys=True)


def shown(results: dict[str, float | None], kind: str, *, percent: bool) -> str:
    """Return a statistic with its error."""
    value, error = results.get(kind), results.get(f"{kind}_se")
    if value is None:
        return ""
    if percent:
        return f"{100 * value:+.1f} ({100 * (error or 0):.1f})"
    return f"{value:.3f} ({error or 0:.3f})"


def page(done: dict[str, dict[str, float | None]]) -> str:
    """Return the page with the rows that are done."""
    kinds = [
        "sgld",
        "sgld_corrected",
        "sgld_remaining",
        "lm",
        "lm_corrected",
        "lm_remaining",
        "d",
        "virial",
        "drift",
    ]
    heads = [
        "SGLD",
        "corrected",
        "remaining",
        "LM",
        "LM corrected",
        "remaining",
        "D",
        "virial",
        "drift",
    ]
    lines = ["| problem | nbeta | gamma | eps | " + " | ".join(heads) + " |", "|---" * 13 + "|"]
    for row in ROWS:
        if key(row) not in done:
            continue
        results = done[key(row)]
        cells = [
            shown(results, kind, percent=kind not in ("d", "virial", "drift")) for kind in kinds
        ]
        batch = f", batch {row.batch}" if row.batch else ""
        start = f"| `{row.problem}`{batch} | {row.nbeta:g} | {row.gamma:g} | {row.step_size:g} | "
        lines.append(start + " | ".join(cells) + " |")
    return WORDS + "\n".join(lines) + "\n"


def table(done: dict[str, dict[str, float | None]]) -> str:
    """Return the same as comma-separated values."""
    text = io.StringIO()
    rows = [asdict(row) | done[key(row)] for row in ROWS if key(row) in done]
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        short = {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()}
        writer.writerow(short)
    return text.getvalue()


def main(numbers: list[int]) -> None:
    """Measure what is missing and write the page."""
    done = kept()
    for row in [ROWS[number] for number in numbers] if numbers else ROWS:
        if key(row) in done:
            continue
        results = measure(row)
        done[key(row)] = results
        MEASURED.parent.mkdir(exist_ok=True)
        with MEASURED.open("a") as file:
            file.write(json.dumps({"row": key(row), "results": results}) + "\n")
        print(row.problem, row.step_size, results, flush=True)
    write(PAGE, page(done))
    write(TABLE, table(done))


if __name__ == "__main__":
    main([int(number) for number in sys.argv[1:]])
