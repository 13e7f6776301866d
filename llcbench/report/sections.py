"""What the page says about one problem: stored truths, estimates, and the problem's own words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from llcbench.records import RunRecord, Truths
from llcbench.report.plots import potential_plot
from llcbench.report.score_table import short
from llcbench.report.table import Table
from theory.tempered.result import with_error

if TYPE_CHECKING:
    from llcbench.types import Problem

_COLUMNS = (
    "sampler", "settings", "nbeta", "gamma", "tempered", "lambda_hat", "bias", "z", "runs", "flags",
)


@final
@dataclass(frozen=True)
class Section:
    """One problem on the page.

    Attributes:
        id: Id of the problem.
        anchor: The same as an HTML id.
        formula: Its loss in a line; empty if it cannot be built any more.
        why_hard: What an estimator can get wrong.
        facts: Names and values: coefficients with their sources, tempered values with methods.
        plot: SVG of a two-parameter potential, or empty.
        estimates: The rows of the score table for this problem.
        messages: What runs without an estimate said, with their number.
    """

    id: str
    anchor: str
    formula: str
    why_hard: str
    facts: tuple[tuple[str, str], ...]
    plot: str
    estimates: Table
    messages: tuple[str, ...]


def sections(records: Sequence[RunRecord], table: Table) -> list[Section]:
    """Return one section per problem, in order of the ids."""
    groups: dict[str, list[RunRecord]] = {}
    for record in records:
        groups.setdefault(record.spec.problem, []).append(record)
    shown = tqdm(sorted(groups), desc="problems", unit="problem", disable=None)
    return [_section(identifier, groups[identifier], table) for identifier in shown]


def anchor(identifier: str) -> str:
    """Return an HTML id for a problem."""
    return "problem-" + identifier.replace("/", "--")


def _section(identifier: str, group: list[RunRecord], table: Table) -> Section:
    names = [column.name for column in table.columns]
    place = names.index("problem")
    rows = tuple(row for row in table.rows if row.cells[place].text == identifier)
    columns = tuple(name for name in _COLUMNS if name in names)
    problem = _built(identifier)
    return Section(
        id=identifier,
        anchor=anchor(identifier),
        formula=problem.formula if problem else "",
        why_hard=problem.why_hard if problem else "",
        facts=_facts(group, problem),
        plot=_plot(problem) if problem else "",
        estimates=table.select(columns, rows),
        messages=_messages(group),
    )


def _built(identifier: str) -> "Problem | None":
    """Return the problem, None if its plug-in or its id is gone: the stored runs remain."""
    from llcbench.registry import problem

    try:
        return problem(identifier)
    except Exception:  # a plug-in may fail in any way; the page must not
        return None


def _facts(group: list[RunRecord], problem: "Problem | None") -> tuple[tuple[str, str], ...]:
    facts = []
    if problem is not None:
        data = "population loss" if problem.num_data is None else f"{problem.num_data} samples"
        facts.append(("size", f"{problem.dim} parameters, {data}"))
    truths = next((record.truths for record in group if record.truths), None)
    if truths is None:
        return (*facts, ("truths", "none stored"))
    for name, exact in (("local", truths.local), ("global", truths.global_)):
        order = "" if exact.multiplicity is None else f", multiplicity {exact.multiplicity}"
        facts.append((name, f"{exact.value}{order}: {exact.source}"))
    return (*facts, *_tempered(group))


def _tempered(group: list[RunRecord]) -> list[tuple[str, str]]:
    """Return the tempered values, one per temperature and localisation."""
    found: dict[tuple[float, float], list[Truths]] = {}
    for record in group:
        if record.truths is not None:
            key = (record.estimate.nbeta, record.estimate.gamma)
            found.setdefault(key, []).append(record.truths)
    facts = []
    for (nbeta, gamma), truths in sorted(found.items()):
        name = f"tempered at nbeta {short(nbeta, 4)}, gamma {short(gamma, 4)}"
        values = {(t.tempered.value, t.tempered.stderr): t.tempered for t in truths if t.tempered}
        if not values:
            facts.append((name, "not computable"))
            continue
        first = next(iter(values.values()))
        doubt = "" if all(value.certified for value in values.values()) else ", not certified"
        if len(values) == 1:
            plain = first.stderr < 0.5e-6 * abs(first.value)
            shown = f"{first.value:.6g}" if plain else with_error(first.value, first.stderr)
            facts.append((name, f"{shown} by {first.method}{doubt}"))
        else:
            low, high = min(values)[0], max(values)[0]
            spread = f"{low:.4g} to {high:.4g} on {len(values)} data sets"
            facts.append((name, f"{spread}, by {first.method}{doubt}"))
    return facts


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


def _messages(group: list[RunRecord]) -> tuple[str, ...]:
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
