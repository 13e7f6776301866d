"""One call from a network to its coefficients over checkpoints, parts and slices."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, final

import msgspec
from tqdm import tqdm

from llcbench import files
from llcbench.foreign import reading
from llcbench.one_call import DELAY, estimate, planned, those_given
from llcbench.problems.modules.problem import ModuleProblem
from llcbench.records import Estimate, RefinedRow
from llcbench.refined.axes import (
    Checkpoints,
    Parts,
    StudyPart,
    StudyPoint,
    StudySlice,
    checkpoints_of,
    parts_of,
    slices_of,
    state_digest,
)
from llcbench.refined.result import Refined
from llcbench.run.failure import failure_of
from llcbench.sampling.loss_abilities import is_restrictable
from llcbench.sampling.target import AnySampler
from llcbench.settings import Settings

# Version of the layout of stored rows.
SCHEMA = 1


def refine(
    problem: ModuleProblem,
    checkpoints: Checkpoints | None = None,
    parts: Parts | None = None,
    slices: Mapping[Any, Any] | None = None,
    *,
    sampler: AnySampler | None = None,
    settings: Settings | None = None,
    nbeta: float | None = None,
    gamma: float | None = None,
    num_chains: int | None = None,
    batch_size: int | None = None,
    max_grads: int | None = None,
    target_stderr: float | None = None,
    seed: int = 0,
    device: str | None = None,
    common: bool = False,
    folder: str | Path | None = None,
    progress: bool = True,
) -> Refined:
    """Estimate refined coefficients: checkpoints x parts of the weights x slices of the data.

    Every cell is one `llcbench.estimate` of ``problem.at(state).on(data).restricted(part)``. A cell
    that fails is a row with a status and a message. Unless gamma and nbeta are given they are
    chosen cell by cell, and coefficients at different gamma are different quantities: fix them
    where cells are compared.

    Args:
        problem: What `llcbench.from_module` returns.
        checkpoints: States, or names of files (``torch.save`` or safetensors, read without running
            code), by name; or a list of files. None for the weights of the problem.
        parts: Weights that move, by name: a pattern, a mapping from names of tensors to entries as
            `llcbench.attention_head` returns, or a list of both; a list of patterns; or ``layers``.
            None for all weights.
        slices: Data by name: a mask, numbers of samples, a slice, or other data; None among them
            for all data. None for all data alone.
        sampler: As in `llcbench.estimate`.
        settings: As in `llcbench.estimate`.
        nbeta: As in `llcbench.estimate`.
        gamma: As in `llcbench.estimate`.
        num_chains: As in `llcbench.estimate`.
        batch_size: As in `llcbench.estimate`.
        max_grads: As in `llcbench.estimate`.
        target_stderr: As in `llcbench.estimate`.
        seed: Seed of noise and minibatches; every cell has streams of its own.
        device: As in `llcbench.estimate`.
        common: Whether all checkpoints have the same noise and minibatches, so that differences
            between them are less noisy than their errors say.
        folder: Where finished cells are kept; a second call takes them from there, and tries those
            again that failed. None to keep none.
        progress: Whether to show a bar.

    Returns:
        The rows, with `to_frame`, `to_csv`, `to_text` and `plot`.

    Raises:
        TypeError: If the problem is no network, or an axis is of another kind.
        ValueError: If a part or a slice does not fit, or arguments contradict each other.
        OSError: If the folder cannot be written.
    """
    if not is_restrictable(problem):
        raise TypeError(
            f"a network is needed, got {type(problem).__name__}; llcbench.from_module(module,"
            " per_sample_loss, data) makes a problem of one"
        )
    given = those_given(
        nbeta=nbeta, gamma=gamma, num_chains=num_chains, batch_size=batch_size,
        max_grads=max_grads, target_stderr=target_stderr, device=device,
    )  # fmt: skip
    planned(problem, sampler, settings, given)  # what is not allowed is said before anything runs
    study = RefinedStudy(
        problem, sampler, settings, given, seed, common, Path(folder) if folder else None
    )
    points = checkpoints_of(checkpoints)
    weights, data = parts_of(parts, problem), slices_of(slices, problem)
    order = [(w.name, s.name) for w in weights for s in data]
    rows: list[RefinedRow] = []
    total = len(points) * len(order)
    bar = tqdm(total=total, desc=problem.id, unit="cell", delay=DELAY, disable=not progress)
    with bar:
        for point in points:
            own = {}
            for row in study.rows(point, weights, data):
                own[row.part, row.slice] = row
                bar.set_postfix_str(row.problem, refresh=False)
                bar.update()
            rows += [own[names] for names in order]
    return Refined(tuple(rows))


def lasting(sampler: object) -> str:
    """Return a sampler as text that is the same in the next process: without addresses."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(sampler))


@final
@dataclass(frozen=True, eq=False)
class RefinedStudy:
    """What all cells share.

    Attributes:
        problem: The network.
        sampler: Of a published run; None for the estimate that tunes itself.
        settings: Of a published run.
        given: What is not to be chosen, by the names of `llcbench.estimate`.
        seed: Of noise and minibatches.
        common: Whether the checkpoint stays out of the seeds.
        folder: Where finished cells are kept.
    """

    problem: ModuleProblem
    sampler: AnySampler | None
    settings: Settings | None
    given: Mapping[str, Any]
    seed: int
    common: bool
    folder: Path | None

    def rows(
        self, point: StudyPoint, parts: tuple[StudyPart, ...], slices: tuple[StudySlice, ...]
    ) -> Iterator[RefinedRow]:
        """Yield the rows of a checkpoint, slice by slice; kept ones build no problem."""
        state = cache(lambda: point.state(self.problem))
        try:
            weights = state_digest(state())
        except Exception as error:  # a foreign file may fail in any way
            for part, data in ((part, data) for data in slices for part in parts):
                yield self._failed(self._row(point, part, data), error)
            return
        suffix = f"@{point.name}" if point.name and not self.common else ""
        name = self.problem.id + suffix
        there = cache(
            lambda: self.problem if point.given is None else self.problem.at(state(), name)
        )
        for data in slices:
            here = cache(lambda d=data: there() if d.data is None else there().on(d.data, name))
            for part in parts:
                row = self._row(point, part, data)
                row = msgspec.structs.replace(row, key=self._key(row, weights, part, data))
                yield self._kept(row) or self._made(row, part, here)

    def _row(self, point: StudyPoint, part: StudyPart, data: StudySlice) -> RefinedRow:
        """Return the row of a cell that has not run."""
        names = [self.problem.id]
        names += [f"@{point.name}"] if point.name and not self.common else []
        names += [f"[{part.name}]"] if part.name else []
        names += [f" on {data.name}"] if data.name else []
        settings = self.settings or Settings()
        nbeta, gamma = self.given.get("nbeta"), self.given.get("gamma", settings.gamma)
        if nbeta is None:
            nbeta = settings.nbeta if isinstance(settings.nbeta, float) else self.problem.nbeta
        nothing = Estimate(status="error", nbeta=nbeta, gamma=gamma, dim=part.dim)
        return RefinedRow(
            checkpoint=point.name, part=part.name, slice=data.name, problem="".join(names),
            dim=part.dim, num_data=data.num_data, estimate=nothing,
        )  # fmt: skip

    def _made(
        self, row: RefinedRow, part: StudyPart, here: Callable[[], ModuleProblem]
    ) -> RefinedRow:
        """Return the row with its estimate, which is kept if it is one."""
        try:
            problem = here()
            chosen = problem.restricted(*part.only, name=row.problem)
            made = estimate(
                chosen, self.sampler, self.settings, **self.given, seed=self.seed, progress=False
            )
        except Exception as error:  # a cell may fail in any way, and the others go on
            return self._failed(row, error)
        row = msgspec.structs.replace(row, estimate=made, num_data=problem.num_data)
        if made.status == "ok" and self.folder is not None:
            files.write(self._file(row), msgspec.json.encode(row))
        return row

    def _failed(self, row: RefinedRow, error: Exception) -> RefinedRow:
        failure = failure_of(error)
        plain = isinstance(error, ValueError | TypeError | OSError)
        estimate = msgspec.structs.replace(
            row.estimate, status=failure.status, message=str(error) if plain else failure.message
        )
        return msgspec.structs.replace(row, estimate=estimate)

    def _kept(self, row: RefinedRow) -> RefinedRow | None:
        """Return the finished row of an earlier call; a file that is damaged is none."""
        if self.folder is None or not self._file(row).exists():
            return None
        with suppress(ValueError):
            kept: RefinedRow = reading.json_as(RefinedRow)(reading.content(self._file(row)))
            if kept.key == row.key:  # other names may stand for the same cell
                return msgspec.structs.replace(row, estimate=kept.estimate, num_data=kept.num_data)
        return None

    def _file(self, row: RefinedRow) -> Path:
        assert self.folder is not None
        return self.folder / "cells" / f"{row.key}.json"

    def _key(self, row: RefinedRow, weights: str, part: StudyPart, data: StudySlice) -> str:
        """Return the hash of everything that decides the numbers of a row."""
        losses = self.problem.losses
        settings = None if self.settings is None else msgspec.to_builtins(self.settings)
        return files.content_key(
            {
                "problem": row.problem, "network": self.problem.formula,
                # Rounded: the mean depends on the number of threads.
                "loss": "" if losses is None else f"{float(losses.mean()):.5g}",
                "weights": weights, "part": part.digest, "data": data.digest,
                "sampler": lasting(self.sampler), "settings": settings, "given": dict(self.given),
                "seed": self.seed, "schema": SCHEMA,
            }
        )  # fmt: skip
