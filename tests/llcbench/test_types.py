"""The context of a run, what estimators may have on top, and where abilities are asked for."""

import ast
from collections import defaultdict
from dataclasses import FrozenInstanceError, dataclass, field, replace
from pathlib import Path

import pytest

import llcbench
from llcbench import Budget, RunContext, Seeds, Settings, registry, types
from llcbench.estimators.mean_energy import MeanEnergy
from llcbench.records import Estimate
from llcbench.run import execute, suite
from llcbench.run.plan import expand
from llcbench.run.suite import load
from llcbench.sampling.checkpoint import Checkpoint
from llcbench.types import DEFAULT_CONTEXT, Checkpointed, Estimator, TemperedEstimator

SHORT = Settings(nbeta=50.0, gamma=5.0, num_chains=4, num_draws=20, num_burnin=5)


def test_every_part_of_a_context_has_a_default() -> None:
    problem = llcbench.problem("regular/d2/n50")
    assert RunContext() == DEFAULT_CONTEXT
    assert RunContext().seeds_for(problem) == Seeds(problem=problem.id)
    assert RunContext().budget == Budget()
    seeds = Seeds(3, "x")
    assert RunContext(seeds).seeds_for(problem) is seeds
    data = problem.sample_data(seeds.generator("data"))
    assert RunContext(data=data).data_for(problem) is data
    drawn = RunContext(seeds).data_for(problem)
    assert (drawn.inputs == data.inputs).all()
    assert not (RunContext().data_for(problem).inputs == data.inputs).all()
    assert RunContext().data_for(llcbench.problem("regular/d2")) is None
    with pytest.raises(FrozenInstanceError):
        RunContext().seeds = seeds


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seeds": 3}, "seeds must be llcbench.Seeds"),
        ({"budget": 1000}, "budget must be llcbench.Budget"),
        ({"budget": None}, "budget must be llcbench.Budget"),
    ],
)
def test_what_is_no_context_is_named(given, message) -> None:
    with pytest.raises(TypeError, match=message):
        RunContext(**given)


def test_a_context_is_the_same_as_its_defaults_written_out() -> None:
    problem = llcbench.problem("regular/d2/n50")
    estimator = MeanEnergy(llcbench.SGLD(1e-2), SHORT)
    seeds = Seeds(problem=problem.id)
    data = problem.sample_data(seeds.generator("data"))
    plain = estimator.estimate(problem).llc
    assert plain == estimator.estimate(problem, RunContext(seeds, data=data)).llc
    assert plain != estimator.estimate(problem, RunContext(replace(seeds, seed=1))).llc


@pytest.mark.parametrize("name", registry.estimator_names())
def test_estimators_keep_to_the_protocols(name) -> None:
    estimator = registry.make_estimator(name, {}, None, SHORT)
    assert isinstance(estimator, Estimator)
    aims_at_mean_energy = name in (
        "mean_energy", "corrected", "self_tuned", "devinterp", "extrapolated",
    )  # fmt: skip
    assert isinstance(estimator, TemperedEstimator) is not aims_at_mean_energy
    assert suite.has_target(name) is not aims_at_mean_energy
    assert (suite.estimator_with_target(name, SHORT) is None) is aims_at_mean_energy
    assert isinstance(estimator, Checkpointed) is (name in ("mean_energy", "corrected"))


@dataclass(frozen=True)
class Plain:
    """An estimator of somebody else; keeps what it was given."""

    given: list[RunContext] = field(default_factory=list)

    def estimate(self, problem, context=DEFAULT_CONTEXT) -> Estimate:
        self.given.append(context)
        return Estimate(status="ok", llc=1.0, nbeta=1.0, gamma=1.0)


@dataclass(frozen=True)
class Keeper(Plain):
    keeps_checkpoint: bool = True


@pytest.mark.parametrize(
    ("estimator", "kept"),
    [(Keeper(), True), (Keeper(keeps_checkpoint=False), False), (Plain(), False)],
    ids=["keeps", "declines", "cannot"],
)
def test_execute_asks_for_the_ability_not_for_the_class(
    tmp_path, monkeypatch, estimator, kept
) -> None:
    monkeypatch.setattr(execute, "build_estimator", lambda *_: estimator)
    spec = expand(load("smoke"), problems=["poly/x2"])[0]
    file = Checkpoint(tmp_path / "checkpoints" / "a.pt")
    record = execute.execute(spec, None, checkpoint=file)
    assert record.estimate.status == "ok"
    (context,) = estimator.given
    assert context.checkpoint is (file if kept else None)
    assert context.seeds == execute.seeds_of(spec)


# What everybody has; the other protocols are abilities.
PROTOCOLS = {"Problem", "Sampler", "Estimator"}


def asked_for(source: str) -> set[str]:
    """Return the names that a source tests instances or classes against."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    tests = [call for call in calls if ast.unparse(call.func) in ("isinstance", "issubclass")]
    found = (node for call in tests for node in ast.walk(call.args[1]))
    return {node.id for node in found if isinstance(node, ast.Name)}


def test_every_ability_is_asked_for_in_one_module() -> None:
    package = Path(llcbench.__file__).parent
    places = defaultdict(set)
    for path in package.rglob("*.py"):
        for name in asked_for(path.read_text(encoding="utf-8")):
            places[name].add(str(path.relative_to(package)))
    protocols = {n for n, kind in vars(types).items() if getattr(kind, "_is_runtime_protocol", 0)}
    assert len(protocols) > 15
    wrong = {name: places[name] for name in protocols - PROTOCOLS if len(places[name]) != 1}
    assert wrong == {}
    assert asked_for("isinstance(x, A | B) or issubclass(type(x), C)") == {"A", "B", "C"}
