"""Short names for samplers and settings, as they stand in tables, figures and the page."""

import math
import re
from collections.abc import Iterable, Sequence
from fractions import Fraction

import msgspec

from llcbench.records import text
from llcbench.scoring import Score
from llcbench.settings import Settings

# These two have columns of their own.
SHOWN_SETTINGS = ("nbeta", "gamma")
# Estimators that choose their sampler: rows bear their name, not that of a sampler they ignore.
CHOOSING = ("self_tuned",)
_CHOOSING = re.compile(rf"(?:^|[\[,]estimator=|:)({'|'.join(CHOOSING)})\b")


def name_of(label: str) -> str:
    """Return the sampler of a label or an entry, such as ``sgld[step_size=1e-05]@tuned``.

    For an estimator that chooses its sampler it is the name of the estimator.
    """
    chosen = _CHOOSING.search(label)
    if chosen is not None:
        return chosen.group(1)
    return label.partition("@")[0].partition("[")[0].partition(":")[0]


def short_labels(labels: Iterable[str]) -> dict[str, str]:
    """Return labels with the step size and those hyper-parameters that tell them apart.

    ``mala[adapt=500,step_size=0.001]`` becomes ``mala[step_size=0.001]`` if every MALA in the table
    has ``adapt=500``. Two labels never become the same.
    """
    known = sorted(set(labels))
    short = {}
    for label in known:
        name = name_of(label)
        siblings = [_options(other) for other in known if name_of(other) == name]
        shared = set.intersection(*siblings)
        kept = [option for option in sorted(_options(label)) if _tells(name, option, shared)]
        short[label] = f"{name}[{','.join(kept)}]" if kept else name
    return short if len(set(short.values())) == len(short) else {label: label for label in known}


def setting_labels(scores: Sequence[Score]) -> list[str]:
    """Return what one needs to know of each score's settings besides temperature and localisation.

    That is the size of minibatches, and whatever tells a score from others of the same sampler on
    the same problem at the same temperature. Lengths of chains that differ only between problems
    or samplers are in the CSV.
    """
    fields = [name for name in Settings.__struct_fields__ if name not in SHOWN_SETTINGS]
    rows = [msgspec.structs.asdict(score.settings) for score in scores]
    keys = [(s.problem, s.sampler, s.nbeta, s.settings.gamma) for s in scores]
    groups: dict[tuple[object, ...], list[dict[str, object]]] = {}
    for key, row in zip(keys, rows, strict=True):
        groups.setdefault(key, []).append(row)
    labels = []
    for key, row in zip(keys, rows, strict=True):
        alike = groups[key]
        varied = [name for name in fields if len({other[name] for other in alike}) > 1]
        if row["batch_size"] is not None and "batch_size" not in varied:
            varied.append("batch_size")
        labels.append(", ".join(f"{name}={_setting(row[name])}" for name in varied))
    return labels


def fraction(value: str | None) -> float | None:
    """Return the number of a stored coefficient, None for bounds or none at all."""
    try:
        number = float(Fraction(value)) if value is not None else None
    except (ValueError, ZeroDivisionError):
        return None
    return number if number is not None and math.isfinite(number) else None


def _tells(name: str, option: str, shared: set[str]) -> bool:
    """Return whether an option belongs in a short label."""
    if name in CHOOSING:  # the options of the sampler are not used
        return option.startswith(f"{name}.") and option not in shared
    return option not in shared or option.startswith(("step_size=", "estimator="))


def _options(label: str) -> set[str]:
    inner = label.partition("[")[2].removesuffix("]")
    return set(inner.split(",")) if inner else set()


def _setting(value: object) -> str:
    return "full" if value is None else text(value)
