"""What a page says about one problem: stored truths, and the problem's own words and proof."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from llcbench.foreign.names import safe_name
from llcbench.records import RunRecord, Truths
from llcbench.report.potential import potential_plot
from llcbench.report.score_table import short
from theory.tempered.result import with_error

if TYPE_CHECKING:
    from llcbench.types import Problem

# Larger problems take seconds to a minute to be built.
LARGEST = 5_000_000


@final
@dataclass(frozen=True)
class ShownTruth:
    """One truth of a problem.

    Attributes:
        name: ``local``, ``global`` or ``tempered``.
        value: As it is shown, with the setting that it belongs to.
        source: Theorem or method.
        conditions: When it holds; empty if that was not stored.
        steps: Its proof: rule, statement, source, children; empty if there is none.
    """

    name: str
    value: str
    source: str
    conditions: str = ""
    steps: tuple[dict[str, Any], ...] = ()


@final
@dataclass(frozen=True)
class Section:
    """One problem.

    Attributes:
        id: Id of the problem.
        anchor: The same as the name of a file.
        formula: Its loss in a line; empty if it cannot be built here.
        why_hard: What an estimator can get wrong.
        absent: Why it could not be built, else empty.
        size: Parameters and data in words.
        keywords: What it is an example of.
        truths: Local, global, and the tempered values by temperature and localisation.
        bibtex: What the coefficients rest on.
        plot: SVG of a two-parameter potential, or empty.
        messages: What runs without an estimate said, with their number.
    """

    id: str
    anchor: str
    formula: str
    why_hard: str
    absent: str
    size: str
    keywords: tuple[str, ...]
    truths: tuple[ShownTruth, ...]
    bibtex: tuple[str, ...]
    plot: str
    messages: tuple[str, ...]


def anchor(identifier: str) -> str:
    """Return a file name for a problem."""
    return safe_name(identifier, taken=["index"])


def section(identifier: str, group: Sequence[RunRecord]) -> Section:
    """Return what is known of a problem from its runs and, if it can be built, from itself."""
    dim = max(record.estimate.dim for record in group)
    problem, absent = _built(identifier, dim)
    size = f"{dim:,} parameters" if dim else ""
    if problem is not None:
        data = "population loss" if problem.num_data is None else f"{problem.num_data:,} samples"
        size = f"{problem.dim:,} parameters, {data}"
    return Section(
        id=identifier,
        anchor=anchor(identifier),
        formula=problem.formula if problem else "",
        why_hard=problem.why_hard if problem else "",
        absent=absent,
        size=size,
        keywords=tuple(sorted(problem.keywords)) if problem else (),
        truths=(*_exact(group, problem), *_tempered(group)),
        bibtex=_bibtex(problem) if problem else (),
        plot=_plot(problem) if problem else "",
        messages=_messages(group),
    )


def _built(identifier: str, dim: int) -> "tuple[Problem | None, str]":
    """Return the problem, or why there is none; the stored runs remain in any case."""
    from llcbench.registry import problem, size_of

    # A record may say less than its id does.
    dim = max(dim, size_of(identifier))
    if dim > LARGEST:
        return None, f"With {dim:,} parameters it is not built for a page; llcbench show does that."
    try:
        return problem(identifier), ""
    except Exception:  # a plug-in may fail in any way; the page must not
        return None, "This id cannot be built with the problems that are installed now."


def _exact(group: Sequence[RunRecord], problem: "Problem | None") -> list[ShownTruth]:
    """Return the two coefficients as they are stored, with conditions and proof if still known."""
    stored = next((record.truths for record in group if record.truths), None)
    if stored is None:
        return []
    shown = []
    for name, exact in (("local", stored.local), ("global", stored.global_)):
        order = "" if exact.multiplicity is None else f", multiplicity {exact.multiplicity}"
        known: dict[str, Any] = {}
        if problem is not None:
            rlct = problem.truth.local if name == "local" else problem.truth.global_
            known = rlct.to_json()
        shown.append(ShownTruth(
            name, exact.value + order, exact.source, str(known.get("conditions", "")),
            tuple(known.get("proof", ())),
        ))  # fmt: skip
    return shown


def _tempered(group: Sequence[RunRecord]) -> list[ShownTruth]:
    """Return the tempered values, one per temperature and localisation."""
    by_setting: dict[tuple[str, float], list[Truths]] = {}
    for record in group:
        if record.truths is not None:
            key = (f"{record.estimate.nbeta:.6g}", record.estimate.gamma)
            by_setting.setdefault(key, []).append(record.truths)
    return [
        ShownTruth("tempered", *_tempered_value(truths), f"nbeta {short(float(nbeta), 4)}, "
              f"gamma {short(gamma, 4)}")
        for (nbeta, gamma), truths in sorted(
            by_setting.items(), key=lambda item: (float(item[0][0]), item[0][1])
        )
    ]  # fmt: skip


def _tempered_value(truths: list[Truths]) -> tuple[str, str]:
    values = {(t.tempered.value, t.tempered.stderr): t.tempered for t in truths if t.tempered}
    if not values:
        return "not computable", ""
    first = next(iter(values.values()))
    method = first.method
    if not all(value.certified for value in values.values()):
        method += ", not certified"
    if len(values) == 1:
        plain = first.stderr < 0.5e-6 * abs(first.value)
        return f"{first.value:.6g}" if plain else with_error(first.value, first.stderr), method
    low, high = min(values)[0], max(values)[0]
    if f"{low:.4g}" == f"{high:.4g}":
        return f"{low:.4g}", method
    return f"{low:.4g} to {high:.4g} on {len(values)} data sets", method


def _bibtex(problem: "Problem") -> tuple[str, ...]:
    from theory.families.citations import bibliography, keys

    wanted = keys(problem.truth.local) | keys(problem.truth.global_)
    return tuple(entry for key, entry in bibliography().items() if key in wanted)


def _plot(problem: "Problem") -> str:
    """Return contours of a population loss in two parameters, an empty text for any other."""
    if problem.dim != 2 or problem.num_data is not None:
        return ""
    import torch

    loss = problem.bind(None, torch.float64)

    def evaluate(points: NDArray[np.float64]) -> NDArray[np.float64]:
        theta = torch.from_numpy(np.ascontiguousarray(points.T))
        batch = loss.draw(len(theta), None, torch.Generator().manual_seed(0))
        values: NDArray[np.float64] = loss.excess(theta, batch).numpy()
        return values

    return potential_plot(evaluate, problem.w_star().tolist(), problem.id)


def _messages(group: Sequence[RunRecord]) -> tuple[str, ...]:
    count: dict[str, int] = {}
    for record in group:
        estimate = record.estimate
        if estimate.status != "ok":
            text = f"{record.spec.sampler}: {estimate.status}"
            text += f", {estimate.message}" if estimate.message else ""
            count[text] = count.get(text, 0) + 1
    return tuple(
        f"{text} ({number} {'run' if number == 1 else 'runs'})"
        for text, number in sorted(count.items())
    )
