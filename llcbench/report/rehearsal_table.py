"""What settings returned on linear networks whose truths are known."""

from llcbench.records import Guard
from llcbench.rehearsal.result import CANNOT_SHOW, SHOWS, Rehearsal, RehearsedNetwork
from llcbench.report.score_table import estimated, known
from llcbench.report.tables import Cell, Column, Mark, Row, Table, Value
from llcbench.scoring import Uncertain

_COLUMNS = (
    Column("network", "widths, rank of the true map, samples", ("network",), numeric=False),
    Column("rank", "of the true map", ("rank",)),
    Column(
        "lambda_hat",
        "what the settings returned, with its standard error",
        ("lambda_hat", "lambda_hat_se"),
    ),
    Column(
        "tempered",
        "what a perfect sampler returns at this nbeta and gamma",
        ("tempered", "tempered_se", "tempered_method", "tempered_certified"),
    ),
    Column("local", "exact local coefficient, which is the global one", ("local", "local_exact")),
    Column(
        "sampler bias", "lambda_hat / tempered - 1", ("sampler_bias", "sampler_bias_se"),
    ),
    Column("setting gap", "tempered / local - 1", ("setting_gap", "setting_gap_se")),
    Column("nbeta", "inverse temperature", ("nbeta",), rank=2),
    Column("gamma", "localisation strength", ("gamma",), rank=1),
    Column(
        "guards",
        "those that warn: then it is no estimate yet, or, for plateau, one of the setting",
        ("guards", "status", "message", "rhat", "dim", "method"),
        numeric=False,
    ),
)  # fmt: skip


def rehearsal_table(rehearsal: Rehearsal) -> Table:
    """Return one row per linear network."""
    rows = tuple(_row(network) for network in rehearsal.networks)
    return Table(f"{rehearsal.problem}: the settings where all truths are known", _COLUMNS, rows)


def heading(rehearsal: Rehearsal) -> list[str]:
    """Return what was rehearsed, and what the linear networks have of the network."""
    shown = "-".join(map(str, rehearsal.widths))
    inputs, rank = rehearsal.widths[0], rehearsal.input_rank
    directions = f"rank {rank} of {inputs}" if rank < inputs else f"full rank {inputs}"
    return [
        f"{rehearsal.problem} ({rehearsal.dim} parameters, {rehearsal.dense} of them in dense"
        f" layers) rehearsed on deep linear networks {shown} ({rehearsal.weights} weights)",
        f"matched: second moment of the inputs of layer {rehearsal.layers[0] or 'itself'}"
        f" ({directions}), largest curvature {rehearsal.curvature:.3g}, standard deviation of the"
        f" gradient of a sample {rehearsal.gradient_sd:.3g}, {rehearsal.num_data} samples",
        *(f"note: {note}" for note in rehearsal.notes),
    ]


def closing(rehearsal: Rehearsal) -> list[str]:
    """Return what came out, why guards warn, and what a rehearsal shows."""
    return [
        *verdicts(rehearsal),
        *_runs(rehearsal),
        *_warnings(rehearsal),
        f"shows: {SHOWS}",
        f"cannot show: {CANNOT_SHOW}",
    ]


def verdicts(rehearsal: Rehearsal) -> list[str]:
    """Return a sentence on the sampler and one on the setting."""
    lines = []
    known_biases = [
        (abs(bias.value), network)
        for network in rehearsal.networks
        if (bias := network.sampler_bias) is not None
    ]
    if known_biases:
        most, worst = max(known_biases, key=lambda pair: pair[0])
        hidden = [network for _, network in known_biases if network.hidden_bias]
        warned = [network for _, network in known_biases if not network.estimate.converged]
        told = f"guards on it warn at {_listed(warned)}" if warned else "no guard on it warns"
        if hidden:
            told += f"; none does at {_listed(hidden)}, where it is off by more than its error"
        lines.append(
            f"sampler: at most {100 * most:.2g} % from the tempered value (rank {worst.rank});"
            f" {told}"
        )
    failed = [network for network in rehearsal.networks if network.score.mean is None]
    if failed:
        lines.append(f"sampler: no estimate at {_listed(failed)}")
    gaps = sorted(
        gap.value for network in rehearsal.networks if (gap := network.setting_gap) is not None
    )
    if gaps:
        ends = dict.fromkeys(f"{100 * gap:+.2g}" for gap in (gaps[0], gaps[-1]))
        span = " to ".join(ends)
        lines.append(
            f"setting: the tempered value is {span} % from the local coefficient; no sampler"
            " changes that, nbeta and gamma do"
        )
    return lines


def _runs(rehearsal: Rehearsal) -> list[str]:
    lines = []
    for network in rehearsal.networks:
        name = f"rank {network.rank}"
        if network.score.tempered is None:
            lines.append(f"{name}: the tempered value is not known at these settings")
        elif not network.score.tempered_certified:
            lines.append(f"{name}: the tempered value is not certified, see its error")
        if network.estimate.method:
            lines.append(f"{name}: {network.estimate.method}")
    return lines


def _warnings(rehearsal: Rehearsal) -> list[str]:
    """Return a line for every guard that warns, with its values at all ranks where it does."""
    lines: dict[tuple[str, str], list[tuple[int, Guard]]] = {}
    for network in rehearsal.networks:
        for guard in network.estimate.guards:
            if not guard.passed:
                lines.setdefault((guard.name, guard.meaning), []).append((network.rank, guard))
    return [
        f"{name} "
        + ", ".join(f"{g.value:.3g} at rank {rank} (should be {g.limit})" for rank, g in held)
        + f": {meaning}"
        for (name, meaning), held in lines.items()
    ]


def _listed(networks: list[RehearsedNetwork]) -> str:
    return "rank " + ", ".join(str(network.rank) for network in networks)


def _row(network: RehearsedNetwork) -> Row:
    values = network.plain()
    score, estimate = network.score, network.estimate
    state = estimate.status if score.mean is None else ", ".join(network.warnings) or "-"
    mark: Mark = "failed" if score.mean is None else "" if estimate.converged else "flagged"
    texts = {
        "network": score.problem,
        "rank": str(network.rank),
        "lambda_hat": estimated(score.mean),
        "tempered": known(score.tempered),
        "local": score.local or "-",
        "sampler bias": _percent(network.sampler_bias),
        "setting gap": _percent(network.setting_gap),
        "nbeta": f"{estimate.nbeta:.4g}",
        "gamma": f"{estimate.gamma:g}",
        "guards": state,
    }
    cells = (
        Cell(texts[column.name], tuple(_plain(values[field]) for field in column.fields))
        for column in _COLUMNS
    )
    return Row(tuple(cells), mark)


def _plain(value: Value | bool) -> Value:
    return int(value) if isinstance(value, bool) else value


def _percent(statistic: Uncertain | None) -> str:
    if statistic is None:
        return "-"
    return f"{100 * statistic.value:+.1f} +- {100 * statistic.stderr:.1f} %"
