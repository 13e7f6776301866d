"""The description of a problem, as text, as data and as a picture."""

from pathlib import Path
from typing import Any

from llcbench import registry
from llcbench.checks import check_positive
from llcbench.settings import Settings

# Above so many parameters the tempered value takes minutes; a run of the sampler gibbs gives it.
QUICK = 1_000_000


def describe(identifier: str, nbeta: float | None, gamma: float) -> dict[str, Any]:
    """Return everything that is known of a problem as plain data.

    Raises:
        ValueError: If the id is unknown or a parameter is not admissible.
    """
    from llcbench.estimators.mean_energy import nbeta_of

    problem = registry.problem(identifier)
    settings = Settings() if nbeta is None else Settings(nbeta=check_positive("", "--nbeta", nbeta))
    gamma = check_positive("", "--gamma", gamma)
    temperature = nbeta_of(settings, problem.num_data)
    # With data the tempered value belongs to a data set; the page shows the population's.
    tempered = problem.tempered(temperature, gamma) if problem.dim <= QUICK else None
    point = problem.w_star().tolist() if problem.dim <= 8 else None
    return {
        "id": problem.id,
        "version": problem.version,
        "formula": problem.formula,
        "dim": problem.dim,
        "num_data": problem.num_data,
        "w_star": point,
        "keywords": sorted(problem.keywords),
        "why_hard": problem.why_hard,
        "local": problem.truth.local.to_json(),
        "global": problem.truth.global_.to_json(),
        "tempered": None
        if tempered is None
        else {
            "nbeta": temperature,
            "gamma": gamma,
            "value": tempered.value,
            "stderr": tempered.stderr,
            "method": tempered.method,
            "certified": tempered.certified,
            "text": str(tempered),
        },
    }


def page(facts: dict[str, Any], proof: bool = True) -> str:
    """Return the facts of a problem as text for a terminal."""
    point = facts["w_star"]
    lines = [
        f"{facts['id']}  (version {facts['version']}, {facts['dim']} parameters)",
        f"  {facts['formula']}",
        f"  w_star: {point if point is not None else 'see llcbench.problem(id).w_star()'}",
        f"  data: {facts['num_data'] or 'population loss'}",
        f"  keywords: {', '.join(facts['keywords'])}",
        f"  why it is hard: {facts['why_hard']}",
        "",
    ]
    for scope in ("local", "global"):
        lines += truth_lines(scope, facts[scope], proof)
    tempered = facts["tempered"]
    if tempered is None:
        lines.append("  tempered      not known for this problem")
    else:
        lines.append(
            f"  tempered      {tempered['text']}"
            f"  at nbeta {tempered['nbeta']:.6g}, gamma {tempered['gamma']:g}"
        )
        lines.append("                what a perfect sampler returns, population loss")
    return "\n".join(lines)


def draw(identifier: str, path: Path) -> Path:
    """Write a contour plot of a two-parameter potential around its reference point.

    Raises:
        ValueError: If the problem has more or fewer parameters, or the suffix is not known.
    """
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from llcbench.report.potential import potential_figure
    from llcbench.report.style import save

    problem = registry.problem(identifier)
    if problem.dim != 2:
        raise ValueError(f"--plot needs two parameters, {identifier} has {problem.dim}")
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise ValueError(f"--plot {str(path)!r}: the name must end in .png, .svg or .pdf")
    loss = problem.bind(None, torch.float64)
    batch = loss.draw(1, None, torch.Generator())

    def evaluate(points: NDArray[np.float64]) -> NDArray[np.float64]:
        rows = torch.from_numpy(np.ascontiguousarray(points.T))
        return loss.excess(rows, batch).numpy()

    path.parent.mkdir(parents=True, exist_ok=True)
    title = f"{identifier}: {problem.formula}"
    figure = potential_figure(evaluate, problem.w_star().tolist(), title)
    save(figure, path)
    return path


def truth_lines(scope: str, rlct: dict[str, Any], proof: bool) -> list[str]:
    """Return a coefficient, its conditions and source, and the steps of its proof as lines."""
    value = rlct["value"] or f"[{rlct['lower']}, {rlct['upper']}]"
    doubt = ", provisional" if rlct["multiplicity_provisional"] else ""
    lines = [
        f"  rlct {scope:<8} {value}  (multiplicity {rlct['multiplicity']}{doubt})",
        f"                {rlct['conditions']}",
        f"                {rlct['method']}; {rlct['source']}",
    ]
    if proof:
        lines += _steps(rlct["proof"], 16)
    return lines


def _steps(steps: list[dict[str, Any]], indent: int) -> list[str]:
    lines = []
    for step in steps:
        source = f" [{step['source']}]" if step["source"] else ""
        lines.append(f"{' ' * indent}- {step['rule']}: {step['statement']}{source}")
        lines += _steps(step["children"], indent + 2)
    return lines
