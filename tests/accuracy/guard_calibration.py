"""Calibration of the guards: ``python tests/accuracy/guard_calibration.py [--minutes M]``.

Makes the runs that are missing in ``build/guards``, reads estimates, truths and guards off all that
are there, and writes ``results/guards/v1`` and the page ``results/guards.md``. A change of limits
or of what is read off the moments needs no new run.
"""

import argparse
import csv
import io
import math
import statistics
import time
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import guard_runs
import numpy as np
from guard_rows import CORRECTED, OFF, OFF_ERRORS, RIGHT, SCAN, Row, plateaus, rates, read
from guard_settings import HALVES, settings

from llcbench import files
from llcbench.intervals import clopper_pearson
from llcbench.sampling import moment_guards as limits

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build" / "guards"
VALUES = ROOT / "results" / "guards" / "v1"
PAGE = ROOT / "results" / "guards.md"

INTRODUCTION = """# Guards, calibrated

How often all guards pass although an estimate is wrong, and how often one fails although it is
right. {count} runs of {problems} problems with settings drawn at random, and {missed} more that
diverged or have no truth. Runs of each sampler: {kinds}. Steps from 3e-5 to 3e-3, gamma 1 to 100,
batches of 8 to all, 4 to 16 chains, 200 to 2500 draws after 50 to 1500 steps of burn-in.
`make guards` makes this page, in half an hour.

*Wrong*: more than {off:.0%} and {errors:g} standard errors off the exact tempered value on the
data of the run. *Right*: within {right:.0%} of it. A *silent failure* is a wrong estimate that all
guards on the sampler pass, a *false warning* a right one that some guard fails. Limits were chosen
on one half of the problems, the other half is reported. Two choices (drift from forces as well as
distances, a limit on the noise that a correction may remove) were made with the rows of the first
half, but after some of the second had been seen: further settings of the reported problems were
*drawn last*, when these had been made. In brackets the exact binomial interval at 95 %. *Former
guards*: `step_size * gamma * steps / 2 >= 1` and `step_size * nbeta * curvature / 2 <= 0.2` in the
place of `virial`, `identity`, `discretisation`, `batch_noise`.

*Corrected* is the estimator of that name, with the bias that it predicts to remain; it has runs of
samplers that know their D ({corrected}).
"""
SEEN = """
On two-component-line all chains are in one basin, which no statistic of theirs can tell. On x2y2z4
the energy comes from rare visits to where the arms of the zero set meet: chains whose virial is
within the limit have not made enough of them, and their spread is too small.
"""


def page(rows: Sequence[Row], missed: int) -> str:
    """Return the page."""
    raw = [row for row in rows if not row.corrected]
    kinds = sorted({row.setting.kind for row in raw})
    text = INTRODUCTION.format(
        count=len(raw),
        problems=len({row.setting.problem for row in raw}),
        missed=missed,
        kinds=", ".join(f"{kind} {sum(r.setting.kind == kind for r in raw)}" for kind in kinds),
        off=OFF,
        errors=OFF_ERRORS,
        right=RIGHT,
        corrected=", ".join(CORRECTED),
    )
    text += "\n| half | estimate | guards | wrong | passed | silent failures | warned | false |\n"
    text += "|---|---|---|---:|---:|---|---:|---|\n"
    for line in rates(rows):
        silent = _rate(line["silent"], line["passed"])
        false = _rate(line["false"], line["warned"])
        text += f"| {line['half']} | {line['estimate']} | {line['guards']} | {line['wrong']} |"
        text += f" {line['passed']} | {silent} | {line['warned']} | {false} |\n"
    text += _limits(rows) + _which(rows) + _silent(rows) + _plateau(rows)
    cost = [row.values["cost"] for row in raw]
    text += (
        "\n## Cost\n\nAll guards, as a share of 1000 steps of their run: median"
        f" {statistics.median(cost):.2%}, ninth decile {np.quantile(cost, 0.9):.2%}.\n"
    )
    return text


def _limits(rows: Sequence[Row]) -> str:
    text = f"""
## Limits

- `virial`: {limits.DRIFT:g}, and {limits.ERRORS:g} errors; both from distances and from forces.
- `identity`: {limits.IDENTITY:g}, and the quantile of Student's t at {limits.FALSE_ALARM:g}.
- `discretisation`: {limits.BIAS:g}, or the error bar where it is longer.
- `batch_noise`: {limits.NOISE:g}, or the error bar where it is longer.
- `plateau`: {limits.CHANGE:g} when gamma or nbeta doubles, if it differs from 0 at the level
  {limits.CHANGE_LEVEL:g}.

Others on the half that they were chosen on: silent failures of those that pass, false warnings of
those that are warned of, for the mean energy and corrected.

| limit | mean energy: silent | false | corrected: silent | false |
|---|---:|---:|---:|---:|
"""
    chosen = [row for row in rows if row.setting.half == HALVES[0]]
    verdicts = {"as above": [bool(row.failed) for row in chosen]}
    verdicts |= {name: [row.scanned[name] for row in chosen] for name in SCAN}
    for name, failed in verdicts.items():
        cells = []
        for corrected in (False, True):
            some = [
                (r, bad) for r, bad in zip(chosen, failed, strict=True) if r.corrected == corrected
            ]
            passed = [row for row, bad in some if not bad]
            warned = [row for row, bad in some if bad]
            cells.append(f"{sum(row.wrong for row in passed)}/{len(passed)}")
            cells.append(f"{sum(row.right for row in warned)}/{len(warned)}")
        text += f"| {name} | " + " | ".join(cells) + " |\n"
    return text


def _which(rows: Sequence[Row]) -> str:
    """Return what each guard does on the reported half."""
    text = """
## Each guard on the problems reported on

Mean energy. *Alone*: no other guard failed.

| guard | failed | of these wrong | right | alone | of these wrong | right |
|---|---:|---:|---:|---:|---:|---:|
"""
    some = [row for row in rows if not row.corrected and row.setting.half != HALVES[0]]
    for name in sorted({name for row in some for name in row.failed}):
        failed = [row for row in some if name in row.failed]
        alone = [row for row in failed if len(row.failed) == 1]
        cells = [
            count
            for group in (failed, alone)
            for count in (len(group), sum(r.wrong for r in group), sum(r.right for r in group))
        ]
        text += f"| {name} | " + " | ".join(str(cell) for cell in cells) + " |\n"
    return text


def _silent(rows: Sequence[Row]) -> str:
    text = """
## Every silent failure

| half | estimate | problem | run | off | errors | D | virial less discretisation |
|---|---|---|---|---:|---:|---:|---|
"""
    for row in rows:
        if row.failed or not row.wrong:
            continue
        at, v = row.setting, row.values
        shape = f"{at.kind} {at.step_size:g}, gamma {at.gamma:g}, {at.chains} x {at.draws}"
        shape += f" after {at.burnin}" + (f", batch {at.batch}" if at.batch else "")
        errors = (v["llc"] - v["tempered"]) / math.hypot(v["stderr"], v["tempered_stderr"])
        left = v["m_remainder"] if v["m_remainder"] is not None else v["m_excess"]
        kind = "corrected" if row.corrected else "mean energy"
        share = "-" if v["m_D"] is None else f"{v['m_D']:.3f}"
        text += (
            f"| {at.half} | {kind} | {at.problem} | {shape} | {row.error:+.0%} | {errors:+.1f} |"
        )
        text += f" {share} | {left:+.3f} |\n"
    return text + SEEN


def _plateau(rows: Sequence[Row]) -> str:
    text = f"""
## The plateau

Whether `plateau` fails where doubling gamma or nbeta changes the exact value by more than
{2 * limits.CHANGE:.0%} (*steep*) or by less than {limits.CHANGE / 2:.0%} (*flat*); runs that
all other guards pass, of problems with a closed form or a quadrature.

| half | exact value | failed | passed |
|---|---|---:|---:|
"""
    for line in plateaus(rows):
        text += f"| {line['half']} | {line['exact']} | {line['failed']} | {line['passed']} |\n"
    return text


def _rate(hits: int, trials: int) -> str:
    low, high = clopper_pearson(hits, trials) if trials else (0.0, 1.0)
    return f"{hits}: {hits / max(trials, 1):.1%} [{low:.1%}, {high:.1%}]"


def table(rows: Iterable[dict[str, Any]]) -> str:
    """Return rows as CSV with all columns that any of them has."""
    held = list(rows)
    columns = list(dict.fromkeys(name for row in held for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n", restval="")
    writer.writeheader()
    for row in held:
        writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})
    return out.getvalue()


def _columns(row: Row) -> dict[str, Any]:
    values = {name: value for name, value in row.values.items() if name != "cost"}
    return {
        **row.setting._asdict(),
        "half": row.setting.half,
        "corrected": int(row.corrected),
        **values,
        "failed": " ".join(row.failed),
        "former_failed": " ".join(row.former),
        "wrong": int(row.wrong),
        "right": int(row.right),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop runs after this time")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    end, rows, missed = time.monotonic() + 60 * options.minutes, [], 0
    listed = settings()
    for number, setting in enumerate(listed):
        if guard_runs.kept(setting, KEPT) is None:
            if time.monotonic() > end:
                continue
            guard_runs.make(setting, KEPT)
            print(f"{number + 1}/{len(listed)} {setting.name}", flush=True)
        found = read(setting, KEPT)
        rows += found
        missed += not found
    VALUES.mkdir(parents=True, exist_ok=True)
    files.write(VALUES / "runs.csv", table(map(_columns, rows)))
    files.write(VALUES / "rates.csv", table(rates(rows)))
    files.write(VALUES / "plateau.csv", table(plateaus(rows)))
    files.write(PAGE, page(rows, missed))


if __name__ == "__main__":
    main()
