"""Gates on numbers that llcbench has not made: an estimate of any origin, with its error."""

import math
from typing import Any

from llcbench import registry
from llcbench.estimators.mean_energy import nbeta_of
from llcbench.run.execute import stored, stored_tempered
from llcbench.scoring import Uncertain
from llcbench.settings import Settings
from llcbench.testing.gate import (
    Verdict,
    check_question,
    doubt,
    limit_for,
    measured,
    missed,
    written,
)


def judge_number(
    value: float,
    stderr: float,
    problem: str,
    test: str,
    *,
    false_alarm: float,
    against: str = "tempered",
    z: float | None = None,
    dof: float | None = None,
    nbeta: float | None = None,
    gamma: float = 1.0,
    data: Any = None,
) -> Verdict:
    """Judge a number with an error.

    Args:
        value: The estimate.
        stderr: Its standard error, all that varies between repetitions included.
        problem: Id of the problem.
        test: Name of the test.
        false_alarm: Probability, two-sided, that a right estimate is rejected.
        against: ``tempered``, the value of a perfect sampler at ``nbeta`` and ``gamma``, or
            ``local``.
        z: Largest bias in standard errors; None for the limit at the false alarm.
        dof: Degrees of freedom of the error, such as 7 for the spread of 8 repetitions; None for an
            error that is known.
        nbeta: Inverse temperature of the estimate; None is ``n / log n``.
        gamma: Localisation strength of the estimate.
        data: The data set that it was made on, of the kind that `Problem.sample_data` returns;
            needed against the tempered value of a problem with data.

    Raises:
        ValueError: If a number is not admissible, a name unknown, or the data set missing.
    """
    check_question(against, z)
    bar = Uncertain(_finite("value", value), _positive("stderr", stderr))
    freedom = math.inf if dof is None else _positive("dof", dof)
    strength = _finite("gamma", gamma)
    if strength < 0:
        raise ValueError(f"gamma must be at least 0, got {gamma!r}")
    resolved = registry.problem(problem)
    beta = nbeta_of(
        Settings(nbeta="n / log n" if nbeta is None else _positive("nbeta", nbeta)),
        resolved.num_data,
    )
    local, global_ = stored(resolved.truth.local), stored(resolved.truth.global_)
    tempered = None
    if against == "tempered":
        if resolved.num_data is not None and data is None:
            raise ValueError(
                f"the tempered value of {problem!r} depends on its data set: give data=, or"
                " against='local'"
            )
        tempered = stored_tempered(resolved.tempered(beta, strength, data))
        reason = doubt([tempered])
    else:
        known = resolved.truth.local.lower == resolved.truth.local.upper
        reason = None if known else f"the local coefficient is not known exactly: {local.value}"
    bias = None
    if reason is None:
        bias = (
            Uncertain(bar.value - tempered.value, math.hypot(bar.stderr, tempered.stderr))
            if tempered is not None
            else Uncertain(bar.value - float(resolved.truth.local.lower), bar.stderr)
        )
    limit = limit_for(freedom, false_alarm, z)
    reason = reason or missed(bias, against, limit)
    lines = [("estimate", f"{written(bar)} (given)")]
    if against == "tempered":
        lines.append(("setting", f"nbeta {beta:.6g}, gamma {strength:g}"))
        shown = Uncertain(tempered.value, tempered.stderr) if tempered is not None else None
        method = tempered.method if tempered is not None else None
        lines.append(("tempered", f"{written(shown)} ({method})"))
    lines.append(("local", f"{local.value} (multiplicity {local.multiplicity})"))
    lines.append(("global", global_.value))
    if bias is not None:
        lines.append(("bias", measured(bias, against, limit, false_alarm, freedom, z)))
    lines.append(("reproduce", f"pytest {test}"))
    head = f"{bar.value:.5g} on {problem}: {reason or 'within the limit'}"
    message = "\n".join([head, *(f"  {name:<10} {line}" for name, line in lines)])
    return Verdict(reason is None, message, ())


def _finite(name: str, value: Any) -> float:
    """Return a number as a plain one.

    Raises:
        ValueError: If it is none, or not finite.
    """
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a number, got {value!r}") from error
    if not math.isfinite(number):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    return number


def _positive(name: str, value: Any) -> float:
    number = _finite(name, value)
    if number <= 0:
        raise ValueError(f"{name} must be above 0, got {value!r}")
    return number
