"""The rule by which tuning chooses, on tables made up by hand; its data, its gradients."""

import math
from collections.abc import Callable
from itertools import pairwise

import pytest

from llcbench import Settings
from llcbench.records import Spec
from llcbench.run import execute as running
from llcbench.run.executors.executor import Serial
from llcbench.run.plan import expand
from llcbench.run.store import RunStore
from llcbench.run.suite import Group, Suite
from llcbench.run.tuning import search
from llcbench.run.tuning.pilots import Pilot, Tuning
from llcbench.run.tuning.resolve import resolve, tuning_key
from llcbench.run.tuning.search import STEPS, tune
from llcbench.sampling import loop
from llcbench.seeds import Seeds

# Five parameters: an energy above 5 is refused.
PROBLEM, SETTINGS = "regular/d5", Settings(nbeta=1e3, gamma=10.0, num_chains=8)
HIGH = STEPS[-6:]
Row = tuple[float, float]


def pilot(value: float, llc: float | None, mcse: float = 0.0, **changes: object) -> Pilot:
    if llc is None:
        return Pilot(value=value, status="diverged")
    parts = {"status": "ok", "llc": llc, "mcse": mcse, "rhat": 1.0, "ess": 100.0, **changes}
    return Pilot(value=value, **parts)  # type: ignore[arg-type]


def chosen(
    monkeypatch: pytest.MonkeyPatch,
    table: Callable[[float, int], Pilot],
    name: str = "sgld",
    settings: Settings = SETTINGS,
) -> tuple[Tuning, list[tuple[float, int, bool]]]:
    """Return the choice where pilots are rows of a table, and the pilots that were asked for."""
    asked: list[tuple[float, int, bool]] = []

    def from_table(self: object, varied: str, value: float, grads: int, *, dispersed: bool = False):
        asked.append((value, grads, dispersed))
        return table(value, grads)

    monkeypatch.setattr(search._Bench, "pilot", from_table)
    return tune(PROBLEM, name, {}, settings), asked


def rows(values: list[Row | None]) -> Callable[[float, int], Pilot]:
    """Return a table in which the six largest steps have these estimates and errors."""
    known = dict(zip(HIGH, values, strict=True))

    def table(value: float, grads: int) -> Pilot:
        row = known.get(value, (1.0, 0.0))
        return pilot(value, None) if row is None else pilot(value, *row)

    return table


CASES = {
    # Changes relative to the lower estimate: 1.0, 0.25, 0.04, 0.5, 0.1.
    "least change": ([(1, 0), (2, 0), (2.5, 0), (2.6, 0), (3.9, 0), (4.29, 0)], 2, 0.04),
    "falls count as rises": ([(4, 0), (3, 0), (2, 0), (1.9, 0), (1, 0), (0.5, 0)], 2, 0.05),
    # Equal criteria: the smaller step.
    "ties": ([(1, 0), (2, 0), (3, 0), (3, 0), (4, 0), (4, 0)], 2, 0.0),
    # Twice the error of the difference: 2 sqrt(0.03^2 + 0.04^2) = 0.1 on a change of 0.
    "noise": ([(1, 0), (2, 0.03), (2, 0.04), (2.06, 0), (3, 0), (4, 0)], 1, 0.05),
    # (0.06 + 2 * 0.04) / 2 = 0.07.
    "noise against slope": ([(1, 0), (2, 0.3), (2, 0.04), (2.06, 0), (3, 0), (4, 0)], 2, 0.07),
    # A negative estimate is no plateau, though it does not change.
    "negative": ([(1, 0), (-1, 0), (-1, 0), (2, 0), (3, 0), (4, 0)], 4, 1 / 3),
    # The largest step has nothing above it.
    "last": ([(1, 0), (2, 0), (3, 0), (3.9, 0), (4.5, 0), (4.6, 0)], 4, 0.1 / 4.5),
}


@pytest.mark.parametrize("case", CASES)
def test_the_choice_is_where_the_estimate_changes_least(case, monkeypatch):
    values, best, criterion = CASES[case]
    tuning, _ = chosen(monkeypatch, rows(values))
    assert tuning.parameters["step_size"] == HIGH[best]
    judged = {p.value: p.criterion for p in tuning.pilots}
    assert judged[HIGH[best]] == pytest.approx(criterion)
    assert judged[HIGH[-1]] is None


def test_probes_come_first_and_six_stable_steps_are_run(monkeypatch):
    def table(value: float, grads: int) -> Pilot:
        return pilot(value, 1.0 if value < 0.5 else None)

    tuning, asked = chosen(monkeypatch, table)
    stable = [step for step in STEPS if step < 0.5]
    probes, pilots = asked[: len(STEPS)], asked[len(STEPS) :]
    assert probes == [(step, 60, False) for step in reversed(STEPS)]
    assert pilots == [(step, 400, False) for step in stable[-6:]]
    failed = {p.value for p in tuning.pilots if p.status != "ok"}
    assert failed == set(STEPS) - set(stable)
    # All are equal, so the smallest that was run.
    assert tuning.parameters["step_size"] == stable[-6]


@pytest.mark.parametrize(("energy", "stable"), [(5.0, True), (5.001, False)])
def test_an_energy_above_the_number_of_parameters_is_no_posterior(energy, stable, monkeypatch):
    _, asked = chosen(monkeypatch, rows([(1, 0)] * 5 + [(energy, 0)]))
    assert ((HIGH[-1], 400, False) in asked) is stable


@pytest.mark.parametrize("above", [None, (5.001, 0.0)])
def test_a_step_below_one_that_fails_is_not_judged(above, monkeypatch):
    """Its probe was fine: the longer run failed."""
    values: list[Row | None] = [(1, 0), (2, 0), (2.2, 0), (2.2, 0), (2.2, 0), (2.2, 0)]

    def table(value: float, grads: int) -> Pilot:
        row: Row | None = above if grads == 400 and value == HIGH[3] else values[max(0, at(value))]
        return pilot(value, None) if row is None else pilot(value, *row)

    def at(value: float) -> int:
        return HIGH.index(value) if value in HIGH else 0

    tuning, _ = chosen(monkeypatch, table)
    judged = {p.value: p.criterion for p in tuning.pilots}
    assert judged[HIGH[2]] is None
    assert judged[HIGH[1]] == pytest.approx(0.1)
    # Above the failure there is a plateau again.
    assert tuning.parameters["step_size"] == HIGH[4]


def test_without_two_neighbours_the_smallest_that_works_is_taken(monkeypatch):
    def table(value: float, grads: int) -> Pilot:
        return pilot(value, -1.0 if value in HIGH else 1.0)

    tuning, _ = chosen(monkeypatch, table)
    assert tuning.parameters["step_size"] == HIGH[0]
    assert "no two neighbours" in tuning.reason
    with pytest.raises(ValueError, match="sgld on regular/d5: no step down to 1e-07 works"):
        chosen(monkeypatch, lambda value, grads: pilot(value, None))


@pytest.mark.parametrize(
    ("rhats", "spread"),
    [
        ([1.3, 1.2, 1.1, 1.4], 2.0),
        ([1.05, 1.01, 1.01, 1.2], 1.0),
        ([0.99, 1.0, 1.1, 1.2], 0.0),
        ([None, 1.3, None, 1.2], 3.0),
    ],
)
def test_the_spread_is_that_of_the_smallest_r_hat(rhats, spread, monkeypatch):
    known = dict(zip(search.SPREADS, rhats, strict=True))

    def table(value: float, grads: int) -> Pilot:
        return pilot(value, None if known[value] is None else 1.0, rhat=known[value])

    tuning, asked = chosen(monkeypatch, table, "mala")
    assert asked == [(value, 800, True) for value in search.SPREADS]
    assert tuning.parameters["spread"] == spread
    with pytest.raises(ValueError, match="no spread that was tried works"):
        chosen(monkeypatch, lambda value, grads: pilot(value, None), "mala")


@pytest.mark.parametrize(
    ("name", "gamma", "draws"),
    [
        # 400 gradients leave 240 kept steps; with their ESS of 60 it takes 400 / 60 times as many.
        ("sgld", 10.0, 1600),
        # 800 leave 480, of two runs; without a localisation there is one.
        ("mala", 10.0, 6400),
        ("mala", 0.0, 3200),
        # Eight gradients a step.
        ("hmc", 10.0, 800),
    ],
)
def test_draws_are_those_that_give_an_ess_of_400(name, gamma, draws, monkeypatch):
    settings = Settings(nbeta=1e3, gamma=gamma, num_chains=8)
    tuning, _ = chosen(monkeypatch, lambda v, g: pilot(v, 1.0, ess=60.0), name, settings)
    assert tuning.draws == draws


# --- Data and gradients ------------------------------------------------------------------------


@pytest.fixture
def few_steps(monkeypatch):
    """Three steps in place of seventeen, the last one too large for any chain."""
    monkeypatch.setattr(search, "STEPS", (1e-4, 1e-3, 10.0))


def drawn(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> dict[str, set[int]]:
    """Return the seeds of all generators that are made, by role."""
    numbers: dict[str, set[int]] = {}
    original = Seeds.generator

    def recording(self: Seeds, role, device="cpu"):
        numbers.setdefault(role, set()).add(self.number(role))
        return original(self, role, device)

    with monkeypatch.context() as patch:
        patch.setattr(Seeds, "generator", recording)
        work()
    return numbers


def test_pilots_see_data_batches_and_noise_of_no_scored_run(monkeypatch, few_steps):
    identifier, settings = "regular/d2/n100", {"nbeta": 50.0, "num_chains": 4, "batch_size": 10}
    group = Group(problems=[identifier], samplers=["sgld"], variant="tuned")
    suite = Suite(title="t", version=1, replicates=5, group=[group], settings=settings)
    specs = expand(suite, overrides={"num_draws": 8, "num_burnin": 0})

    def scored() -> None:
        for spec in specs:
            assert running.execute(spec, None).estimate.status == "ok"

    def tuned() -> None:
        tune(identifier, "sgld", {}, specs[0].settings, specs[0].seed)

    runs, pilots = drawn(monkeypatch, scored), drawn(monkeypatch, tuned)
    assert {len(runs[role]) for role in ("data", "batch", "noise")} == {5}
    for role in ("data", "batch", "noise"):
        assert len(pilots[role]) == 1
        assert not pilots[role] & runs[role], role
    # Control: pilots of a replicate that is scored are seen.
    monkeypatch.setattr(
        search, "Seeds", lambda seed, problem, _, sampler: Seeds(seed, problem, 0, sampler)
    )
    leaked = drawn(monkeypatch, tuned)
    assert leaked["data"] <= runs["data"]
    assert leaked["batch"] <= runs["batch"]


def test_all_gradients_of_all_pilots_are_counted(monkeypatch, few_steps, tmp_path):
    """Also those of pilots that fail."""
    spent, statuses = [], []
    original = loop.sample

    def counting(target, *args, **options):
        trace = original(target, *args, **options)
        spent.append(target.grad_evals)
        statuses.append(trace.status)
        return trace

    monkeypatch.setattr(loop, "sample", counting)
    group = Group(problems=["poly/x2y2"], samplers=["sgld"], grads=300, variant="tuned")
    settings = {"nbeta": 1e3, "gamma": 10.0, "num_chains": 2}
    suite = Suite(title="t", version=1, replicates=2, group=[group], settings=settings)
    specs, _ = resolve(expand(suite), RunStore(tmp_path), Serial(), progress=False)
    assert len(spent) == 3 + 2
    assert set(statuses) > {"ok"}
    # Every replicate carries the whole cost: it is the cost of the choice.
    assert {spec.tuning_grads for spec in specs} == {sum(spent)}
    # Chains that stay finite spend what a pilot may.
    assert max(spent) == 2 * 400
    spent.clear()
    tuning = tune("poly/x2y2", "mala", {}, Settings(**settings))
    assert spent == [2 * 801] * 8
    assert tuning.grad_evals == sum(spent)


def spec(**changes: object) -> Spec:
    values = {
        "problem": "poly/x2", "problem_version": 1, "estimator": "mean_energy", "sampler": "sgld",
        "parameters": {"step_size": 1e-5}, "settings": SETTINGS, "seed": 0, "replicate": 0,
        "variant": "tuned", **changes,
    }  # fmt: skip
    return Spec(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"problem": "poly/x4"},
        {"problem_version": 2},
        {"sampler": "baoab"},
        {"parameters": {"step_size": 1e-4}},
        {"settings": Settings(nbeta=1e3, gamma=11.0, num_chains=8)},
        {"settings": Settings(nbeta=2e3, gamma=10.0, num_chains=8)},
        {"settings": Settings(nbeta=1e3, gamma=10.0, num_chains=9)},
        {"seed": 1},
        {"code": "ab"},
    ],
)
def test_runs_that_ask_for_something_else_share_no_tuning(changes):
    assert tuning_key(spec(**changes)) != tuning_key(spec())


@pytest.mark.parametrize(
    "changes",
    [
        {"replicate": 3},
        {"settings": Settings(nbeta=1e3, gamma=10.0, num_chains=8, num_draws=7, num_burnin=3)},
    ],
)
def test_replicates_and_lengths_share_one(changes):
    assert tuning_key(spec(**changes)) == tuning_key(spec())


def test_steps_are_half_decades():
    assert STEPS[0] == 1e-7
    assert STEPS[-1] == 10.0
    assert len(STEPS) == 17
    ratios = [b / a for a, b in pairwise(STEPS)]
    assert all(math.isclose(r, 10**0.5, rel_tol=0.03) for r in ratios)
