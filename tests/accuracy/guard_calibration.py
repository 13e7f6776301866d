"""Calibration of the guards: ``python tests/accuracy/guard_calibration.py [--minutes M]``.

Makes the runs that are missing in ``build/guards``, reads estimates, truths and guards off all that
are there, and writes ``results/guards/v1`` and the page ``results/guards.md``. Without new code of
samplers, a change of limits needs no run.
"""

import argparse
import csv
import io
import math
import statistics
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import guard_runs
import numpy as np
import torch
from guard_settings import Setting, settings

import llcbench
from llcbench import files
from llcbench.intervals import clopper_pearson
from llcbench.records import SETTING_GUARDS, Guard, MeasuredValue
from llcbench.sampling import moment_guards as limits
from llcbench.sampling.diagnostics import FEWEST_KEPT, convergence, mean_error
from llcbench.sampling.guards import guards
from llcbench.sampling.virial import RunMoments, measurement

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build" / "guards"
VALUES = ROOT / "results" / "guards" / "v1"
PAGE = ROOT / "results" / "guards.md"
# An estimate off by more than both is wrong; one within the third is right.
OFF, OFF_ERRORS, RIGHT = 0.1, 3.0, 0.02
# Guards of the moments came in place of these two limits.
FELT, STABLE = 1.0, 0.2
CORRECTED = ("sgld", "lm", "baoab", "sghmc")

INTRODUCTION = """# Guards, calibrated

How often all guards pass although an estimate is wrong, and how often one fails although it is
right. {count} runs of {problems} problems with settings drawn at random ({group}): samplers
{kinds}, steps from 3e-5 to 3e-3, gamma 1 to 100, batches of 8 to all, 4 to 16 chains, 200 to 2500
draws after 50 to 1500 steps of burn-in. `make guards` makes this page, in a quarter of an hour.

*Wrong*: more than {off:.0%} and {errors:g} standard errors off the exact tempered value on the data
of the run. *Right*: within {right:.0%} of it. A *silent failure* is a wrong estimate that all
guards on the sampler pass, a *false warning* a right one that some guard fails. Limits were chosen
on one half of the problems; the other half is what counts. In brackets the exact binomial interval
at 95 %. *Former guards*: `step_size * gamma * steps / 2 >= 1` and `step_size * nbeta * curvature /
2 <= 0.2` in the place of `virial`, `identity`, `discretisation`, `batch_noise`.

*Corrected* is the estimate times 1 - D, whose remaining bias is taken to be D^2; it has runs of
samplers that know their D ({corrected}).
"""


@dataclass(frozen=True)
class Row:
    """What one run says, raw or corrected.

    Attributes:
        setting: The run.
        corrected: Whether the estimate is corrected for D.
        values: Columns of the table.
        failed: Guards on the sampler that failed.
        former: Guards that failed when these were guessed.
        plateau: Guard on the setting; None if nothing was measured.
    """

    setting: Setting
    corrected: bool
    values: dict[str, Any]
    failed: tuple[str, ...]
    former: tuple[str, ...]
    plateau: Guard | None

    @property
    def error(self) -> float:
        """Error relative to the tempered value."""
        return float(self.values["llc"] / self.values["tempered"] - 1)

    @property
    def wrong(self) -> bool:
        """Whether the estimate is wrong."""
        both = math.hypot(self.values["stderr"], self.values["tempered_stderr"])
        off = abs(self.values["llc"] - self.values["tempered"])
        return abs(self.error) > OFF and off > OFF_ERRORS * both

    @property
    def right(self) -> bool:
        """Whether it is right."""
        return abs(self.error) < RIGHT


def read(setting: Setting) -> list[Row]:
    """Return what a run that was kept says; nothing if it failed or its truth is unknown."""
    run = guard_runs.kept(setting, KEPT)
    if run is None or run.trace.status != "ok" or not run.tempered:
        return []
    target, sampler = guard_runs.target(setting)
    kept = run.trace.kept
    moments = measurement(run.trace, target, sampler)
    if moments is None or kept.shape[1] < FEWEST_KEPT:
        return []
    checks = convergence(kept)
    share = moments.share()
    rows = []
    for corrected in (False, True):
        if corrected and (share is None or setting.kind not in CORRECTED):
            continue
        factor = 1 - share.value if corrected and share is not None else 1.0
        remaining = MeasuredValue(value=share.value**2, stderr=0.0) if corrected and share else None
        rng = torch.Generator().manual_seed(0)
        started = time.perf_counter()
        listed = guards(target, sampler, run.trace, checks, rng, remaining)
        cost = time.perf_counter() - started
        energy = setting.nbeta * float(kept.mean())
        values = {
            "llc": factor * energy,
            "stderr": abs(factor) * setting.nbeta * mean_error(kept).stderr,
            "tempered": run.tempered,
            "tempered_stderr": run.stderr,
            "cost": cost / (1000 * run.seconds / (setting.draws + setting.burnin)),
            **_measured(moments),
            **{guard.name: guard.value for guard in listed},
        }
        failed = tuple(guard.name for guard in listed if not guard.passed)
        felt, stable = _former(setting, run)
        values |= {"localisation_felt": felt, "stability": stable}
        plateau = [guard for guard in listed if guard.name in SETTING_GUARDS]
        rows.append(
            Row(
                setting,
                corrected,
                values,
                tuple(name for name in failed if name not in SETTING_GUARDS),
                _formerly(failed, felt, stable),
                plateau[0] if plateau else None,
            )
        )
    return rows


def _measured(moments: RunMoments) -> dict[str, float | None]:
    """Return the measured fields with their errors."""
    virial = moments.virial()
    named = {
        "excess": moments.excess(),
        "drift": virial.drift if virial else None,
        "remainder": moments.remainder(),
        "steps": moments.steps(),
        "kinetic": moments.kinetic(),
        "D": moments.share(),
        "D_noise": moments.noise_share(),
        "dllc_dlog_gamma": moments.by_gamma(),
        "dllc_dlog_nbeta": moments.by_nbeta(),
    }
    columns: dict[str, float | None] = {}
    for name, value in named.items():
        columns[f"m_{name}"] = None if value is None else value.value
        columns[f"m_{name}_stderr"] = None if value is None else value.stderr
    return columns


def _former(setting: Setting, run: guard_runs.Kept) -> tuple[float | None, float | None]:
    """Return what the localisation and the stability were guessed from."""
    if run.trace.acceptance is not None:
        return None, None
    steps = setting.draws + setting.burnin
    felt = setting.step_size * setting.gamma * steps / 2
    return felt, setting.step_size * setting.nbeta * run.curvature / 2


def _formerly(failed: Sequence[str], felt: float | None, stable: float | None) -> tuple[str, ...]:
    new = {"virial", "identity", "discretisation", "batch_noise", *SETTING_GUARDS}
    names = [name for name in failed if name not in new]
    names += ["localisation_felt"] if felt is not None and felt < FELT else []
    names += ["stability"] if stable is not None and stable > STABLE else []
    return tuple(names)


def rates(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return silent failures and false warnings by half, estimate and guards."""
    found = []
    for corrected in (False, True):
        for held in (False, True):
            some = [r for r in rows if (r.corrected, r.setting.held) == (corrected, held)]
            for name, failed in _VERDICTS.items():
                passed = [row for row in some if not failed(row)]
                warned = [row for row in some if failed(row)]
                found.append(
                    {
                        "half": "reported" if held else "chosen on",
                        "estimate": "corrected" if corrected else "mean energy",
                        "guards": name,
                        "passed": len(passed),
                        "silent": sum(row.wrong for row in passed),
                        "warned": len(warned),
                        "false": sum(row.right for row in warned),
                        "wrong": sum(row.wrong for row in some),
                    }
                )
    return found


_VERDICTS: dict[str, Callable[[Row], tuple[str, ...]]] = {
    "measured": lambda row: row.failed,
    "former": lambda row: row.former,
}


def plateaus(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return how well ``plateau`` tells whether the exact value changes by more than its limit.

    On problems whose exact values cost nothing, and estimates that are right as far as their guards
    know. A change between half and twice the limit is neither.
    """
    found = []
    for held in (False, True):
        counts = {"flat": [0, 0], "steep": [0, 0]}
        for row in rows:
            if row.corrected or row.failed or row.plateau is None or row.setting.held != held:
                continue
            change = _change(row.setting, row.values["tempered"])
            if change is None or limits.CHANGE / 2 < change < 2 * limits.CHANGE:
                continue
            counts["flat" if change <= limits.CHANGE else "steep"][row.plateau.passed] += 1
        half = "reported" if held else "chosen on"
        for truth, (failed, passed) in counts.items():
            found.append({"half": half, "exact": truth, "failed": failed, "passed": passed})
    return found


def _change(setting: Setting, value: float) -> float | None:
    """Return the relative change of the exact value when gamma or nbeta doubles; None if dear."""
    problem = llcbench.problem(setting.problem)
    if setting.problem.startswith(("rrr", "dln")) or problem.num_data:
        return None
    changed = [
        problem.tempered(a * setting.nbeta, b * setting.gamma) for a, b in ((2.0, 1.0), (1.0, 2.0))
    ]
    known = [float(other.value) for other in changed if other is not None]
    return max(abs(other / value - 1) for other in known) if len(known) == 2 else None


def page(rows: Sequence[Row], missed: int) -> str:
    """Return the page."""
    raw = [row for row in rows if not row.corrected]
    kinds = sorted({row.setting.kind for row in raw})
    text = INTRODUCTION.format(
        count=len(raw),
        problems=len({row.setting.problem for row in raw}),
        group=f"{missed} more diverged or have no truth",
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
    text += _limits() + _which(rows) + _silent(rows) + _plateau(rows)
    cost = [row.values["cost"] for row in raw]
    text += (
        "\n## Cost\n\nAll guards, as a share of 1000 steps of their run: median"
        f" {statistics.median(cost):.2%}, ninth decile {np.quantile(cost, 0.9):.2%}.\n"
    )
    return text


def _limits() -> str:
    return f"""
## Limits

- `virial`: {limits.DRIFT:g}, and {limits.ERRORS:g} errors; both from distances and from forces.
- `identity`: {limits.IDENTITY:g}, and the quantile of Student's t at {limits.FALSE_ALARM:g}.
- `discretisation`: {limits.BIAS:g}, or the error bar where it is longer.
- `batch_noise`: {limits.NOISE:g}, or the error bar where it is longer.
- `plateau`: {limits.CHANGE:g} when gamma or nbeta doubles, and {limits.CHANGE_ERRORS:g} errors.
"""


def _which(rows: Sequence[Row]) -> str:
    """Return what each guard does on the reported half."""
    text = """
## Each guard on the reported half

Mean energy. *Alone*: no other guard failed.

| guard | failed | of these wrong | right | alone | of these wrong | right |
|---|---:|---:|---:|---:|---:|---:|
"""
    some = [row for row in rows if not row.corrected and row.setting.held]
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
        half = "reported" if at.held else "chosen on"
        kind = "corrected" if row.corrected else "mean energy"
        share = "-" if v["m_D"] is None else f"{v['m_D']:.3f}"
        text += f"| {half} | {kind} | {at.problem} | {shape} | {row.error:+.0%} | {errors:+.1f} |"
        text += f" {share} | {left:+.3f} |\n"
    return text


def _plateau(rows: Sequence[Row]) -> str:
    text = f"""
## The plateau

Whether `plateau` fails where doubling gamma or nbeta changes the exact value by more than
{2 * limits.CHANGE:.0%} (*steep*) or by less than {limits.CHANGE / 2:.0%} (*flat*); runs that all
other guards pass, of problems with a closed form or a quadrature.

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
        "held": int(row.setting.held),
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
        found = read(setting)
        rows += found
        missed += not found
    VALUES.mkdir(parents=True, exist_ok=True)
    files.write(VALUES / "runs.csv", table(map(_columns, rows)))
    files.write(VALUES / "rates.csv", table(rates(rows)))
    files.write(VALUES / "plateau.csv", table(plateaus(rows)))
    files.write(PAGE, page(rows, missed))


if __name__ == "__main__":
    main()
