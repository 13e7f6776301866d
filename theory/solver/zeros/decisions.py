"""The zero oracle behind a memory of its answers."""

from collections.abc import Sequence
from typing import Any

from theory.algebra.meter import charge, spent
from theory.algebra.ring import Poly, names_of, text
from theory.solver.zeros.oracle import real_status
from theory.solver.zeros.problem import Status

_decided: dict[Any, tuple[Status, int]] = {}


def decide(equations: Sequence[Poly], nonzero: Sequence[Poly], work: int = 250) -> Status:
    """Call the oracle on the part of a problem that hangs together, and remember the answer."""
    system = [p for p in equations if p]
    linked = _linked(system, nonzero)
    key = (
        tuple(sorted(text(p) for p in system)),
        tuple(sorted(text(p) for p in linked)),
        names_of(system[0].ring) if system else (),
    )
    if key in _decided:
        charge(_decided[key][1])
        return _decided[key][0]
    if len(_decided) > 50000:
        _decided.clear()
    before = spent()
    charge(4)
    status = real_status(system, linked, work)
    _decided[key] = (status, spent() - before)
    return status


def _linked(system: Sequence[Poly], nonzero: Sequence[Poly]) -> list[Poly]:
    """Return the conditions that share variables with the system, through others if need be.

    The rest can be met by a small change of variables that the system does not see.
    """
    active = {i for p in system for e in p.keys() for i, k in enumerate(e) if k}
    rest = [p for p in nonzero if not p or not p.is_ground]
    kept = [p for p in rest if not p]
    rest = [p for p in rest if p]
    changed = True
    while changed:
        changed = False
        for p in list(rest):
            mine = {i for e in p.keys() for i, k in enumerate(e) if k}
            if mine & active:
                active |= mine
                kept.append(p)
                rest.remove(p)
                changed = True
    return kept
