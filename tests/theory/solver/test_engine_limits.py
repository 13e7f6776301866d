"""What a limit leaves: proved bounds in time, in every thread, and no trace in later answers."""

import threading
import time
from fractions import Fraction
from itertools import count

import pytest

from theory import RLCT, SumOfSquares, meter, rlct
from theory.certificate import from_json
from theory.checker.verify import check, verify
from theory.polynomials.expression import parse
from theory.polynomials.germ import Factor, Germ
from theory.solver.bounds.elementary import elementary
from theory.solver.recursion.portfolio import solve_germ
from theory.solver.routes import blow_up_route, newton_route

F = Fraction
TANH = [f"a*b^{k} + c*d^{k} + e*f^{k}" for k in (1, 3, 5)]
SECONDS = 3.0


def germ(generators: list[str], names: str, exponent: int = 2) -> Germ:
    variables = tuple(names)
    factor = Factor(tuple(parse(g, variables) for g in generators), F(exponent))
    return Germ(variables, (factor,), (F(0),) * len(names), (F(1),) * len(names))


def timed() -> tuple[RLCT, float]:
    start = time.monotonic()
    found = rlct(SumOfSquares(TANH), timeout=SECONDS)
    return found, time.monotonic() - start


def in_a_thread() -> tuple[RLCT, float]:
    answers: list[tuple[RLCT, float]] = []
    thread = threading.Thread(target=lambda: answers.append(timed()))
    thread.start()
    thread.join()
    return answers[0]


@pytest.mark.parametrize("run", [timed, in_a_thread])
def test_the_clock_keeps_what_was_proved(run) -> None:
    run_result, seconds = run()
    assert seconds < 2 * SECONDS
    orders = elementary(germ(TANH, "abcdef"))
    assert orders.upper is not None
    assert orders.lower < run_result.lower <= F(5, 6)
    assert F(5, 6) <= run_result.upper < orders.upper
    check(run_result)


def stop_after_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock count how often it is read, so that every moment can be tried."""
    ticks = count(1)
    monkeypatch.setattr(meter, "monotonic", lambda: next(ticks))


GERMS = [
    (germ(["x^2-y*z", "z^2"], "xyz"), F(5, 8)),
    (germ(["a*b+c*d", "a*b^3+c*d^3"], "abcd"), F(2, 3)),
    (germ(["x^4*y^2+x^2*y^4-3*x^2*y^2*z^2+z^6"], "xyz", 1), F(1, 2)),
]


@pytest.mark.parametrize(("g", "value"), GERMS)
def test_a_stop_at_any_moment_leaves_proved_bounds(
    g: Germ, value: Fraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = solve_germ(g, 600)
    assert (whole.lower, whole.upper) == (value, value)
    seen = set()
    for moment in (0, 1, 3, 10, 30, 100, 300, 10**9):
        stop_after_reading(monkeypatch)
        node = solve_germ(g, 600, moment)
        monkeypatch.undo()
        assert node.lower <= value
        assert node.upper is None or value <= node.upper
        assert verify(from_json(node.to_json()))
        seen.add((node.lower, node.upper))
        # Nothing that was cut short is remembered.
        assert solve_germ(g, 600).to_json() == whole.to_json()
    assert (value, value) in seen
    assert len(seen) > 2


def test_a_deadline_is_one_of_this_thread_and_the_earliest_counts() -> None:
    past, future = time.monotonic() - 1, time.monotonic() + 1000
    with meter.deadline(past), meter.deadline(future), pytest.raises(meter.TimeUpError):
        meter.charge(1)
    with meter.deadline(past), meter.overtime():
        meter.charge(1)
    with meter.deadline(None):
        meter.charge(1)
    before, others = meter.spent(), []

    def work() -> None:
        meter.charge(5)
        others.append(meter.spent())

    with meter.deadline(past):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert others == [5]
    assert meter.spent() == before


def test_raised_bounds_of_inner_claims_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    g = germ(["x*y*z*w^3 + y^4*z*w^3", "x*w^3 + y^3*w^3", "y*z", "y^3*z^2"], "xyzw")
    tried = {"order bound": 0, "newton bound": 0}
    for moment in (20, 40, 80, 150, 300):
        stop_after_reading(monkeypatch)
        node = solve_germ(g, 300, moment)
        monkeypatch.undo()
        assert verify(node)
        plain = node.to_json()
        for a, attempt in enumerate(plain["children"]):
            for k, claim in enumerate(attempt["children"]):
                for key, step in (("order bound", F(1, 5)), ("newton bound", F(-1, 5))):
                    if key in claim.get("data", {}):
                        tried[key] += 1
                        assert not verify(from_json(bounded_copy(plain, a, k, key, step)))
    assert all(tried.values())


def bounded_copy(plain: dict, a: int, k: int, key: str, step: Fraction) -> dict:
    """Return the proof with a better bound in one claim."""
    attempt = plain["children"][a]
    claims = [dict(claim) for claim in attempt["children"]]
    side = "lower" if key == "order bound" else "upper"
    claim = claims[k]
    value = str(Fraction(claim["data"][key]) + step)
    claims[k] = {**claim, side: value, "data": {**claim["data"], key: value}}
    children = [*plain["children"]]
    children[a] = {**attempt, "children": claims}
    return {**plain, "children": children}


def test_routes_stand_alone() -> None:
    cusp = germ(["x^2-y*z", "z^2"], "xyz")
    # Degenerate on the edge of x^2 and y z, so the polyhedron alone proves nothing.
    assert newton_route(cusp) is None
    result = blow_up_route(cusp, 600)
    assert result is not None
    assert (result.lower, result.multiplicity) == (F(5, 8), 1)
    assert "newton" not in {node.rule for node in result.walk()}
    assert verify(result)
    assert blow_up_route(cusp, 1) is None
    plain = newton_route(germ(["x^2", "y^3", "z"], "xyz"))
    assert plain is not None
    assert (plain.lower, plain.multiplicity) == (F(1, 4) + F(1, 6) + F(1, 2), 1)
    assert verify(plain)
