"""What the runs of the calibration say, and how often their guards are right."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import guard_runs
import torch
from guard_settings import HALVES, Setting

import llcbench
from llcbench.records import SETTING_GUARDS, Guard, RunStatistic
from llcbench.sampling import moment_guards as limits
from llcbench.sampling.correction import corrected as correction_of
from llcbench.sampling.diagnostics import FEWEST_KEPT, convergence, mean_error
from llcbench.sampling.guards import guards
from llcbench.sampling.virial import RunMoments, measurement

# An estimate off by more than both is wrong; one within the third is right.
OFF, OFF_ERRORS, RIGHT = 0.1, 3.0, 0.02
# Guards of the moments came in place of these two limits.
FELT, STABLE = 1.0, 0.2
# Limits that were not taken, for the table of the half to choose on.
SCAN = {
    "virial 0.03": {"DRIFT": 0.03},
    "virial 0.1": {"DRIFT": 0.1},
    "virial 0.2": {"DRIFT": 0.2},
    "virial beyond 2 errors": {"ERRORS": 2.0},
    "virial beyond 4 errors": {"ERRORS": 4.0},
    "discretisation 0.03": {"BIAS": 0.03},
    "discretisation 0.08": {"BIAS": 0.08},
    "discretisation 0.12": {"BIAS": 0.12},
    "batch_noise 0.05": {"NOISE": 0.05},
    "batch_noise 0.2": {"NOISE": 0.2},
}
CORRECTED = ("sgld", "lm", "baoab", "sghmc")


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
        scanned: Whether some guard on the sampler fails under each of the other limits (`SCAN`).
    """

    setting: Setting
    corrected: bool
    values: dict[str, Any]
    failed: tuple[str, ...]
    former: tuple[str, ...]
    plateau: Guard | None
    scanned: dict[str, bool]

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


def read(setting: Setting, folder: Path) -> list[Row]:
    """Return what a run that was kept says; nothing if it failed or its truth is unknown."""
    run = guard_runs.kept(setting, folder)
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
        energy = setting.nbeta * kept
        plain = float(energy.mean()), mean_error(energy).stderr
        llc, stderr = plain
        remaining = None
        if corrected:
            correction = correction_of(energy, moments)
            if isinstance(correction, str):
                continue
            llc, stderr = correction.llc, correction.error.stderr
            remaining = correction.remaining
        rng = torch.Generator().manual_seed(0)
        started = time.perf_counter()
        listed = guards(target, sampler, run.trace, checks, rng, remaining)
        cost = time.perf_counter() - started
        values = {
            "llc": llc,
            "stderr": stderr,
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
                {
                    name: _fails_with(changed, listed, moments, *plain, remaining)
                    for name, changed in SCAN.items()
                },
            )
        )
    return rows


def _fails_with(
    changed: dict[str, float],
    listed: Sequence[Guard],
    moments: RunMoments,
    llc: float,
    stderr: float,
    remaining: RunStatistic | None,
) -> bool:
    """Return whether a guard on the sampler fails under other limits."""
    with patch.multiple(limits, **changed):
        again = limits.moment_guards(moments, llc, stderr, remaining)
    judged = {guard.name: guard for guard in [*listed, *again]}
    return any(not judged[name].passed for name in judged.keys() - SETTING_GUARDS)


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
        for half in HALVES:
            some = [r for r in rows if (r.corrected, r.setting.half) == (corrected, half)]
            for name, failed in _VERDICTS.items():
                passed = [row for row in some if not failed(row)]
                warned = [row for row in some if failed(row)]
                found.append(
                    {
                        "half": half,
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
    for half in HALVES:
        counts = {"flat": [0, 0], "steep": [0, 0]}
        for row in rows:
            if row.corrected or row.failed or row.plateau is None or row.setting.half != half:
                continue
            change = _change(row.setting, row.values["tempered"])
            if change is None or limits.CHANGE / 2 < change < 2 * limits.CHANGE:
                continue
            counts["flat" if change <= limits.CHANGE else "steep"][row.plateau.passed] += 1
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
