"""What a call has made, saved as it comes."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, final

import msgspec

from llcbench.records import RunRecord, Spec, Truths
from llcbench.run.execute import crashed, truth_key
from llcbench.run.executors.failure import Died
from llcbench.run.run_files import forget
from llcbench.run.store import Store

# A run with one of these statuses was ended from outside: its checkpoint is kept for the next call.
CUT = ("timeout", "crashed", "out_of_memory")


class Made(NamedTuple):
    """A record, and lines that have to be said about its run."""

    record: RunRecord
    lines: list[str]


@final
@dataclass
class Outcome:
    """What a call did.

    Attributes:
        finished: Records that were made.
        unstarted: Runs that the time budget left for the next call.
        warnings: Lines on truths that could not be computed, and on checkpoints.
    """

    finished: list[RunRecord] = field(default_factory=list)
    unstarted: int = 0
    warnings: list[str] = field(default_factory=list)


@final
@dataclass
class Ledger:
    """Brings runs and their truths together, in whatever order they arrive.

    Attributes:
        store: Where records are saved.
        outcome: Where they are listed.
        threads: Threads of torch within a run.
    """

    store: Store
    outcome: Outcome
    threads: int = 1
    _known: dict[str, Truths | None] = field(default_factory=dict)
    _waiting: dict[str, list[RunRecord]] = field(default_factory=dict)

    def open(self, specs: list[Spec]) -> list[Spec]:
        """Read the truths that the store holds; return one spec for each missing one."""
        wanted: dict[str, Spec] = {}
        for spec in specs:
            key = truth_key(spec)
            if key not in self._known and key not in wanted:
                stored = self.store.truths(key)
                if stored is None:
                    wanted[key] = spec
                else:
                    self._known[key] = stored
        return list(wanted.values())

    def truths(self, spec: Spec, result: Any) -> None:
        """Take computed truths, or the reason why there are none."""
        key = truth_key(spec)
        if isinstance(result, Truths):
            self.store.save_truths(key, result)
            self._known[key] = result
        else:
            text = result.message if isinstance(result, Died) else result
            self.outcome.warnings.append(f"no truth for {spec.problem}: {text}")
            self._known[key] = None
        for record in self._waiting.pop(key, []):
            self._save(record, key)

    def run(self, spec: Spec, result: Any) -> None:
        """Take what a run made, or the death of the process that was to make it."""
        if isinstance(result, Died):
            record = crashed(spec, None, result.message, result.status, self.threads)
        else:
            record = result.record
            self.outcome.warnings += [
                f"{spec.problem} {spec.label}: {line}" for line in result.lines
            ]
        key = truth_key(spec)
        if key in self._known:
            self._save(record, key)
        else:
            self._waiting.setdefault(key, []).append(record)

    def _save(self, record: RunRecord, key: str) -> None:
        whole = msgspec.structs.replace(record, truths=self._known[key])
        self.store.save(whole)
        self.outcome.finished.append(whole)
        if whole.estimate.status not in CUT:
            forget(self.store.root, whole.key)
