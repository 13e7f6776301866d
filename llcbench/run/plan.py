"""From a suite to the list of runs, with lengths of chains that cost what they may."""

from fnmatch import fnmatch

import msgspec

from llcbench import registry
from llcbench.checks import check_size
from llcbench.records import RunRecord, Spec, Value
from llcbench.run.sizes import MOST_RUNS, check_run
from llcbench.run.store import key_of
from llcbench.run.suite import (
    Group,
    Suite,
    canonical_estimator,
    parse_sampler,
    settings_of,
    take_estimator,
)
from llcbench.settings import Settings

REUSED = ("ok", "skipped")
# Part of the message of a run that was skipped because a package is missing; the package may be
# installed by now.
INSTALL = "pip install"
# Share of the gradients that goes into the burn-in.
BURNIN = 0.4


def expand(
    suite: Suite,
    *,
    samplers: list[str] | None = None,
    problems: list[str] | None = None,
    replicates: int | None = None,
    seed: int | None = None,
    overrides: dict[str, Value] | None = None,
) -> list[Spec]:
    """Return all runs of a suite, in a fixed order.

    Args:
        suite: The suite.
        samplers: Samplers in bracket notation to use instead of the suite's.
        problems: Patterns that select among the suite's problems; an id outside the suite is run
            with the suite's settings.
        replicates: Repetitions instead of the suite's.
        seed: Seed instead of the suite's.
        overrides: Settings over all others.

    Raises:
        ValueError: If a name, an option or a value is not admissible, or there are too many runs.
    """
    count = suite.replicates if replicates is None else replicates
    if count < 1:
        raise ValueError(f"replicates must be at least 1, got {count}")
    specs: dict[str, Spec] = {}
    met: set[str] = set()
    for group in _selected(suite, problems):
        settings = settings_of(suite.settings, group.settings, overrides or {})
        chosen = [_resolve(text, group.estimator) for text in samplers or group.samplers]
        for pattern in group.problems:
            for identifier in registry.match_problems(pattern):
                # Groups give samplers their own lengths of chains; a sampler from outside runs
                # once per problem, with the settings of the first group.
                if samplers and identifier in met:
                    continue
                met.add(identifier)
                problem = registry.problem(identifier)
                fitting = _fitting(settings, identifier)
                for estimator, name, parameters in chosen:
                    lengths, fitted = _lengths(group, fitting, name, parameters)
                    check_run(problem, lengths, fitted)
                    check_size("the suite", "runs", len(specs) + count, MOST_RUNS,
                               hint="give fewer --replicates or problems")  # fmt: skip
                    for replicate in range(count):
                        spec = Spec(
                            problem=identifier,
                            problem_version=problem.version,
                            estimator=estimator,
                            sampler=name,
                            parameters=fitted,
                            settings=lengths,
                            seed=suite.seed if seed is None else seed,
                            replicate=replicate,
                            code=registry.code_of(name),
                            variant=group.variant,
                        )
                        specs.setdefault(key_of(spec), spec)
    return list(specs.values())


def missing(
    specs: list[Spec], records: dict[str, RunRecord], *, keep_failed: bool = False
) -> list[Spec]:
    """Return the runs that a store does not hold yet; a failed run does not count as held."""

    def held(spec: Spec) -> bool:
        record = records.get(key_of(spec))
        if record is None or INSTALL in record.estimate.message:
            return False
        return keep_failed or record.estimate.status in REUSED

    return [spec for spec in specs if not held(spec)]


def costs_of(settings: Settings, name: str, parameters: dict[str, Value]) -> int:
    """Return the mean number of gradients that one step costs a chain."""
    # It imports torch, which reading a suite does not need.
    from llcbench.sampling import sampler_abilities

    built = registry.make_sampler(name, dict(parameters))
    factor = 2 if settings.gradient == "control_variate" else 1
    return factor * sampler_abilities.grads_per_step(built)


def with_grads(
    settings: Settings, name: str, parameters: dict[str, Value], grads: int
) -> tuple[Settings, dict[str, Value]]:
    """Return settings and hyper-parameters for chains of ``grads`` gradients each.

    A sampler that adapts does so within the burn-in. One with a hyper-parameter ``grads`` knows
    only afterwards what a step costs: it warms up on its own and ends where its gradients are
    spent, and its number of draws is a bound.

    Raises:
        ValueError: If that is not enough for 8 kept steps.
    """
    if "grads" in parameters:
        draws = grads - int(BURNIN * grads)
        open_ended = msgspec.structs.replace(settings, num_draws=draws, num_burnin=0)
        return open_ended, {**parameters, "grads": grads}
    steps = grads // costs_of(settings, name, parameters)
    burnin = int(BURNIN * steps)
    if steps - burnin < 8:
        raise ValueError(
            f"grads = {grads} leaves {steps - burnin} kept steps of {name}; at least 8 are needed"
        )
    changed = dict(parameters)
    adapt = changed.get("adapt")
    if isinstance(adapt, int) and adapt > burnin:
        changed["adapt"] = burnin
    return msgspec.structs.replace(settings, num_draws=steps - burnin, num_burnin=burnin), changed


def _selected(suite: Suite, patterns: list[str] | None) -> list[Group]:
    """Return the groups with the problems that the patterns select."""
    if not patterns:
        return suite.group
    groups: list[Group] = []
    used: set[str] = set()
    for group in suite.group:
        names = [n for pattern in group.problems for n in registry.match_problems(pattern)]
        chosen = [n for n in names if any(fnmatch(n, p) for p in patterns)]
        used |= {p for p in patterns if any(fnmatch(n, p) for n in names)}
        if chosen:
            groups.append(_with_problems(group, chosen))
    for pattern in patterns:
        if pattern not in used:
            group = suite.group[0]
            base = msgspec.structs.replace(group, problems=[], settings={})
            groups.append(_with_problems(base, registry.match_problems(pattern)))
    return groups


def _with_problems(group: Group, problems: list[str]) -> Group:
    return msgspec.structs.replace(group, problems=problems)


def _lengths(
    group: Group, settings: Settings, name: str, parameters: dict[str, Value]
) -> tuple[Settings, dict[str, Value]]:
    """Return settings and hyper-parameters at the group's cost, if it has one."""
    if group.grads is None:
        return settings, parameters
    return with_grads(settings, name, parameters, group.grads)


def _resolve(text: str, default: str) -> tuple[str, str, dict[str, Value]]:
    """Return estimator, sampler and all its hyper-parameters, so that the key is complete."""
    name, given = parse_sampler(text)
    estimator, parameters = take_estimator(given, default)
    built = registry.make_sampler(name, parameters)
    return canonical_estimator(estimator, built), name, registry.parameters_of(built)


def _fitting(settings: Settings, identifier: str) -> Settings:
    """Drop the batch size for a population loss, which has no minibatches."""
    if settings.batch_size is None or registry.problem(identifier).num_data is not None:
        return settings
    return msgspec.structs.replace(settings, batch_size=None, gradient="plain")
